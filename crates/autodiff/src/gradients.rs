//! What `backward` answers: a gradient per leaf, and the changes of buffers that ride along. A plain value: nothing
//! to zero, free to be merged, scaled, clipped.

use std::collections::BTreeMap;

use gradus_tensor::{Float, Tensor};

use crate::node::LeafId;
use crate::var::Var;

/// Names a buffer that updates ride to, see [`Update`].
///
/// ```
/// use gradus_autodiff::BufferId;
/// assert_ne!(BufferId::fresh(), BufferId::fresh());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BufferId(u64);

impl BufferId {
    /// A name that no other buffer of this process has.
    #[must_use]
    pub fn fresh() -> Self {
        Self(crate::node::next_id())
    }
}

/// A change of a buffer, made when an optimizer applies the gradients it came with.
///
/// ```
/// use gradus_autodiff::{BufferId, Update};
/// use gradus_tensor::Tensor;
/// let target = BufferId::fresh();
/// let update = Update::Average { target, value: Tensor::from([2.0_f32]), momentum: 0.1 };
/// let Update::Average { target: of, .. } = update else { panic!("an average") };
/// assert_eq!(of, target);
/// ```
#[derive(Clone, Debug)]
pub enum Update<T: Float> {
    /// buffer ← (1 − momentum)·buffer + momentum·value.
    Average {
        /// Which buffer.
        target: BufferId,
        /// The new observation.
        value: Tensor<T>,
        /// Its weight.
        momentum: f64,
    },
    /// counter ← counter + 1.
    Count {
        /// Which counter.
        target: BufferId,
    },
}

/// Adds to a sum, in the buffer of whichever of the two nobody else holds.
pub(crate) fn accumulate<T: Float>(sum: &mut Tensor<T>, mut more: Tensor<T>) {
    if sum.shape() == more.shape() && sum.get_mut().is_none() && more.get_mut().is_some() {
        std::mem::swap(sum, &mut more);
    }
    *sum += &more;
}

/// The gradients of one loss, by leaf, and the updates of buffers in the order of the forward pass.
///
/// ```
/// use gradus_autodiff::{Gradients, Var};
/// use gradus_tensor::Tensor;
/// let (x, y) = (Var::leaf([3.0_f32]), Var::leaf([4.0_f32]));
/// let mut gradients: Gradients = (&x * &y).sum().backward(); // x: 4, y: 3
/// assert_eq!((gradients.len(), gradients.is_empty(), gradients.norm()), (2, false, 5.0));
/// gradients.merge(y.clone().sum().backward()); // y: 3 + 1
/// gradients.scale(0.5);
/// assert_eq!(gradients.of(&x), Some(&Tensor::from([2.0])));
/// assert_eq!(gradients.of(&y), Some(&Tensor::from([2.0])));
/// assert_eq!(gradients.updates().count(), 0); // of buffers
/// ```
#[derive(Clone, Debug)]
pub struct Gradients<T: Float = f32> {
    pub(crate) by_leaf: BTreeMap<LeafId, Tensor<T>>,
    pub(crate) updates: Vec<(u64, Update<T>)>,
}

impl<T: Float> Default for Gradients<T> {
    fn default() -> Self {
        Self { by_leaf: BTreeMap::new(), updates: Vec::new() }
    }
}

impl<T: Float> Gradients<T> {
    /// The gradient of a leaf, if the loss depends on it.
    ///
    /// ```
    /// use gradus_autodiff::{Gradients, Var};
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf([3.0_f32]);
    /// let leaf = x.leaf_id().ok_or("a leaf has a name")?;
    /// let mut gradients = Gradients::default();
    /// gradients.set(leaf, Tensor::from([1.0]));
    /// gradients.add(leaf, Tensor::from([2.0]));
    /// gradients.iter_mut().for_each(|(_, g)| *g *= 10.0);
    /// assert_eq!(gradients.get(leaf).map(|g| g.item()), Some(30.0));
    /// assert_eq!(gradients.iter().map(|(_, g)| g.len()).sum::<usize>(), 1);
    /// # Ok::<(), &str>(())
    /// ```
    #[must_use]
    pub fn get(&self, leaf: LeafId) -> Option<&Tensor<T>> {
        self.by_leaf.get(&leaf)
    }

    /// The gradient of a leaf variable, if the loss depends on it.
    #[must_use]
    pub fn of(&self, leaf: &Var<T>) -> Option<&Tensor<T>> {
        self.get(leaf.leaf_id()?)
    }

    /// Which of `leaves` have no gradient here, by their places in the list: the loss does not depend on them, or they are no leaves.
    /// [`Optimizer::step`] reports the same of a model's parameters, by path.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::leaf(1.0_f32), Var::leaf(2.0));
    /// let gradients = (&a * 3.0).backward();
    /// assert_eq!(gradients.missing(&[&a, &b]), [1]);
    /// ```
    ///
    /// [`Optimizer::step`]: https://docs.rs/gradus-optimizers
    #[must_use]
    pub fn missing(&self, leaves: &[&Var<T>]) -> Vec<usize> {
        (0..leaves.len()).filter(|&i| self.of(leaves[i]).is_none()).collect()
    }

    /// Puts a gradient in, in place of one that may be there.
    pub fn set(&mut self, leaf: LeafId, gradient: Tensor<T>) {
        self.by_leaf.insert(leaf, gradient);
    }

    /// Adds to the gradient of a leaf.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn add(&mut self, leaf: LeafId, gradient: Tensor<T>) {
        match self.by_leaf.get_mut(&leaf) {
            Some(sum) => accumulate(sum, gradient),
            None => {
                self.by_leaf.insert(leaf, gradient);
            }
        }
    }

    /// The number of leaves that have a gradient.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_leaf.len()
    }

    /// Whether no leaf has a gradient.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_leaf.is_empty()
    }

    /// Leaves and gradients, in the order in which the leaves were made.
    pub fn iter(&self) -> impl Iterator<Item = (LeafId, &Tensor<T>)> {
        self.by_leaf.iter().map(|(&id, g)| (id, g))
    }

    /// As [`Gradients::iter`], to change them.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (LeafId, &mut Tensor<T>)> {
        self.by_leaf.iter_mut().map(|(&id, g)| (id, g))
    }

    /// The buffers' changes, in the order of the forward pass.
    pub fn updates(&self) -> impl Iterator<Item = &Update<T>> {
        self.updates.iter().map(|(_, update)| update)
    }

    /// Adds the gradients of another batch or part; its updates come after these.
    ///
    /// # Panics
    /// If a leaf's shapes differ.
    #[track_caller]
    pub fn merge(&mut self, other: Self) {
        for (leaf, gradient) in other.by_leaf {
            self.add(leaf, gradient);
        }
        self.updates.extend(other.updates);
    }

    /// Multiplies every gradient by `factor`.
    pub fn scale(&mut self, factor: f64) {
        for gradient in self.by_leaf.values_mut() {
            *gradient *= T::of(factor);
        }
    }

    /// The Euclidean norm of all gradients taken together, √ΣΣ g².
    #[must_use]
    pub fn norm(&self) -> f64 {
        self.by_leaf.values().map(|g| g.square().sum().item().as_f64()).sum::<f64>().sqrt()
    }
}
