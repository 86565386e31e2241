//! The backward pass: one loop over one ordered map, latest node first. No recursion, so no limit of depth. The same loop carries
//! plain tensors by fused rules (`backward`) and variables by differentiable ones (`grad`, and the transforms on it). It must
//! never know an operation.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use gradus_tensor::{Float, Shape, Tensor};

use crate::anomaly;
use crate::gradients::{Gradients, Update, accumulate};
use crate::mode::{is_recording, with_recording};
use crate::node::{Edge, LeafId, Node};
use crate::op::{Cotangents, Saved};
use crate::var::Var;

/// Where a pass ends, and what it hands out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aim {
    /// Nodes that are older are not walked.
    floor: u64,
    /// The nodes whose cotangents are asked for; `None`: all leaves.
    wanted: Option<BTreeSet<u64>>,
    /// Whether older nodes keep what arrives, as leaves do.
    border: bool,
}

impl Aim {
    /// These variables, leaves or results.
    pub(crate) fn at<T: Float>(xs: &[&Var<T>]) -> Self {
        let wanted: BTreeSet<u64> = xs.iter().filter_map(|x| x.node()).map(|node| node.id).collect();
        Self { floor: wanted.first().copied().unwrap_or(u64::MAX), wanted: Some(wanted), border: false }
    }

    /// Whatever is a leaf, or older than `floor`, or one of `ends`.
    pub(crate) fn border(floor: u64, ends: impl Iterator<Item = u64>) -> Self {
        Self { floor, wanted: Some(ends.collect()), border: true }
    }

    /// Whether a cotangent of this node is of any use.
    pub(crate) fn takes<T: Float>(&self, node: &Node<T>) -> bool {
        let wanted = self.wanted.as_ref();
        self.border
            || node.id >= self.floor
                && (node.step.is_some() || wanted.is_none_or(|wanted| wanted.contains(&node.id)))
    }

    /// Which of a node's inputs want a cotangent, a bit each.
    pub(crate) fn bits<T: Float>(&self, node: &Node<T>) -> u32 {
        let takes = |edge: &Edge<T>| edge.node.as_ref().is_some_and(|input| self.takes(input));
        node.inputs.iter().take(32).enumerate().map(|(i, edge)| u32::from(takes(edge)) << i).sum()
    }

    /// Whether nothing goes on from this node.
    fn ends_at<T: Float>(&self, node: &Node<T>) -> bool {
        node.step.is_none() || node.id < self.floor || self.border && self.keeps(node.id)
    }

    /// Whether a result's cotangent is asked for.
    pub(crate) fn keeps(&self, id: u64) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted.contains(&id))
    }
}

/// What travels backwards: tensors for first-order gradients, variables for those that are differentiated again.
pub(crate) trait Carried<T: Float>: Clone {
    /// Adds what arrived on another way.
    fn add(&mut self, more: Self);
    /// Summed back to the shape of the input that it belongs to.
    fn fitted(self, shape: &Shape) -> Self;
    fn tensor(&self) -> &Tensor<T>;
    /// The cotangents of the inputs that have their bit in `wanted`.
    fn through(node: &mut Arc<Node<T>>, wanted: u32, g: Self) -> Cotangents<Self>;
}

impl<T: Float> Carried<T> for Tensor<T> {
    fn add(&mut self, more: Self) {
        accumulate(self, more);
    }

    fn fitted(self, shape: &Shape) -> Self {
        if self.shape() == shape { self } else { self.sum_to(shape) }
    }

    fn tensor(&self) -> &Tensor<T> {
        self
    }

    fn through(node: &mut Arc<Node<T>>, wanted: u32, g: Self) -> Cotangents<Self> {
        // What nobody else holds belongs to the rule from here on, and is freed behind it.
        let saved = match Arc::get_mut(node) {
            Some(node) => node.take_saved(wanted),
            None => node.saved(wanted),
        };
        first_order(node, saved, g)
    }
}

impl<T: Float> Carried<T> for Var<T> {
    fn add(&mut self, more: Self) {
        *self = &*self + more;
    }

    fn fitted(self, shape: &Shape) -> Self {
        self.sum_to(shape)
    }

    fn tensor(&self) -> &Tensor<T> {
        self.value()
    }

    fn through(node: &mut Arc<Node<T>>, wanted: u32, g: Self) -> Cotangents<Self> {
        any_order(node, wanted, &g)
    }
}

/// The cotangents of an operation's inputs as plain tensors: by the fused rule if there is one.
pub(crate) fn first_order<T: Float>(
    node: &Node<T>,
    mut saved: Saved<Tensor<T>>,
    g: Tensor<T>,
) -> Cotangents<Tensor<T>> {
    let Some(step) = &node.step else { return Vec::new() };
    let g = match step.op.vjp_fused(&mut saved, g) {
        Ok(cotangents) => return cotangents,
        Err(g) => g,
    };
    let saved = Saved {
        inputs: saved.inputs.into_iter().map(|x| x.map(Var::constant)).collect(),
        output: saved.output.map(Var::constant),
        shapes: saved.shapes,
        wanted: saved.wanted,
    };
    let cotangents = step.op.vjp(&saved, &Var::constant(g));
    cotangents.into_iter().map(|c| c.map(Var::into_value)).collect()
}

/// What a node's rule may look at, as variables that lead back to where they came from.
pub(crate) fn saved_variables<T: Float>(node: &Arc<Node<T>>, wanted: u32) -> Saved<Var<T>> {
    let Saved { inputs, output, shapes, wanted } = node.saved(wanted);
    let input = |(edge, value): (&Edge<T>, Option<Tensor<T>>)| {
        value.map(|value| Var::with_node(value, edge.node.clone()))
    };
    Saved {
        inputs: node.inputs.iter().zip(inputs).map(input).collect(),
        output: output.map(|value| Var::with_node(value, Some(Arc::clone(node)))),
        shapes,
        wanted,
    }
}

/// The cotangents of a node's inputs as variables, differentiable in turn.
pub(crate) fn any_order<T: Float>(node: &Arc<Node<T>>, wanted: u32, g: &Var<T>) -> Cotangents<Var<T>> {
    let Some(step) = &node.step else { return Vec::new() };
    step.op.vjp(&saved_variables(node, wanted), g)
}

/// What a pass found: cotangents by node, and the updates of buffers, each with its node's number.
pub(crate) struct Found<T: Float, V> {
    pub(crate) cotangents: BTreeMap<LeafId, V>,
    pub(crate) updates: Vec<(u64, Update<T>)>,
}

/// What has arrived at a node.
type Waiting<T, V> = Box<(Arc<Node<T>>, V)>;

/// A pass on its way.
struct Pass<'a, T: Float, V> {
    aim: &'a Aim,
    /// Operations whose cotangent is not yet complete, by number. Boxed: the map moves its entries about.
    queue: BTreeMap<u64, Waiting<T, V>>,
    found: BTreeMap<LeafId, V>,
}

impl<T: Float, V: Carried<T>> Pass<'_, T, V> {
    /// Adds a cotangent to what has arrived at a node: the ends keep it, operations wait for the rest of theirs.
    fn arrive(&mut self, node: &Arc<Node<T>>, cotangent: V) {
        if self.aim.ends_at(node) {
            match self.found.entry(LeafId(node.id)) {
                Entry::Occupied(mut sum) => sum.get_mut().add(cotangent),
                Entry::Vacant(place) => {
                    place.insert(cotangent);
                }
            }
            return;
        }
        match self.queue.entry(node.id) {
            Entry::Occupied(mut waiting) => waiting.get_mut().1.add(cotangent),
            Entry::Vacant(place) => {
                place.insert(Box::new((Arc::clone(node), cotangent)));
            }
        }
    }
}

/// Carries cotangents from the nodes of `seeds` back to where `aim` says.
pub(crate) fn sweep<T: Float, V: Carried<T>>(seeds: Vec<(Arc<Node<T>>, V)>, aim: &Aim) -> Found<T, V> {
    let mut pass = Pass { aim, queue: BTreeMap::new(), found: BTreeMap::new() };
    let mut updates = Vec::new();
    for (node, seed) in seeds {
        if aim.takes(&node) {
            pass.arrive(&node, seed);
        }
    }
    while let Some((id, waiting)) = pass.queue.pop_last() {
        let (mut node, g) = *waiting;
        if aim.keeps(id) {
            pass.found.insert(LeafId(id), g.clone());
        }
        if let Some(step) = &node.step {
            updates.extend(step.op.updates().iter().map(|update| (id, update.clone())));
        }
        let wanted = aim.bits(&node);
        let watched = anomaly::is_watching().then(|| g.tensor().clone());
        let cotangents = anomaly::unwatched(|| V::through(&mut node, wanted, g));
        if let Some(g) = watched {
            anomaly::check_rule(&node, &g, cotangents.iter().map(|c| c.as_ref().map(V::tensor)));
        }
        for (edge, cotangent) in node.inputs.iter().zip(cotangents) {
            if let (Some(input), Some(cotangent)) = (&edge.node, cotangent)
                && aim.takes(input)
            {
                pass.arrive(input, cotangent.fitted(&edge.shape));
            }
        }
    }
    Found { cotangents: pass.found, updates }
}

impl<T: Float> Var<T> {
    /// The gradients of this scalar with respect to all leaves it depends on (PyTorch: `backward`).
    ///
    /// Consumes the variable: what the graph saved is freed as the pass moves on, unless somebody else still holds a
    /// part of the graph. Keep a clone to go back a second time. And let go of what you hold without need: logits that stand in
    /// a variable keep everything that they were computed from, and no buffer of it can be used again in the pass
    /// (`drop(logits)`, or hold [`Var::value`]'s clone, or compute the loss in one expression).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, -2.0]);
    /// let gradients = x.square().sum().backward();
    /// assert_eq!(gradients.of(&x).map(|g| g.to_vec()), Some(vec![2.0, -4.0]));
    /// ```
    ///
    /// # Panics
    /// If this is not a single element.
    #[must_use = "backward answers the gradients"]
    #[track_caller]
    pub fn backward(self) -> Gradients<T> {
        assert!(self.len() == 1, "backward: not a single element: {} ({} ≠ 1)", self.shape(), self.len());
        let seed = Tensor::ones(*self.shape());
        self.backward_with(seed)
    }

    /// [`Var::backward`] from a cotangent of this variable's shape: the gradients of Σ seed·self.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf([1.0_f32, -2.0]);
    /// let gradients = x.square().backward_with(Tensor::from([1.0, 10.0]));
    /// assert_eq!(gradients.of(&x).map(|g| g.to_vec()), Some(vec![2.0, -40.0]));
    /// ```
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use = "backward answers the gradients"]
    #[track_caller]
    pub fn backward_with(self, seed: Tensor<T>) -> Gradients<T> {
        assert!(
            self.shape() == seed.shape(),
            "backward: seed does not fit: {} and {}",
            self.shape(),
            seed.shape()
        );
        let Some(node) = self.into_parts().1 else { return Gradients::default() };
        let found = with_recording(false, || sweep(vec![(node, seed)], &Aim::default()));
        let mut gradients = Gradients { by_leaf: found.cotangents, updates: found.updates };
        gradients.updates.sort_by_key(|&(id, _)| id);
        gradients
    }
}

/// The gradients of Σ `y` with respect to `xs` (leaves or results), as variables that can be differentiated again
/// (PyTorch: `torch.autograd.grad(…, create_graph=True)`). Where `y` does not depend on one, noughts. Under
/// [`no_grad`](crate::no_grad) they are constants, computed by the fused rules.
///
/// ```
/// use gradus_autodiff::{Var, grad};
/// let x = Var::leaf(3.0_f64);
/// let first = grad(&x.powf(3.0), &[&x]).remove(0); // 3x²
/// let second = grad(&first, &[&x]).remove(0); // 6x
/// assert_eq!((first.item(), second.item()), (27.0, 18.0));
/// ```
#[must_use]
#[track_caller]
pub fn grad<T: Float>(y: &Var<T>, xs: &[&Var<T>]) -> Vec<Var<T>> {
    grad_with(y, &Var::constant(Tensor::ones(*y.shape())), xs)
}

/// The gradients of Σ `seed`·`y` with respect to `xs`: a vector–Jacobian product. See [`grad`].
///
/// ```
/// use gradus_autodiff::{Var, grad_with};
/// let x = Var::leaf([1.0_f64, -2.0]);
/// let seed = Var::constant([1.0, 10.0]);
/// assert_eq!(grad_with(&x.square(), &seed, &[&x])[0].value().to_vec(), [2.0, -40.0]);
/// ```
///
/// # Panics
/// If `seed` has not `y`'s shape.
#[must_use]
#[track_caller]
pub fn grad_with<T: Float>(y: &Var<T>, seed: &Var<T>, xs: &[&Var<T>]) -> Vec<Var<T>> {
    assert!(y.shape() == seed.shape(), "grad: seed does not fit: {} and {}", y.shape(), seed.shape());
    pull_back(&[(y, seed)], xs, is_recording())
}

/// The gradients of Σ Σ seed·y over pairs (y, seed) with respect to `xs`: variables if they shall be `differentiable`, else constants.
#[track_caller]
pub(crate) fn pull_back<T: Float>(
    pairs: &[(&Var<T>, &Var<T>)],
    xs: &[&Var<T>],
    differentiable: bool,
) -> Vec<Var<T>> {
    let aim = Aim::at(xs);
    let nodes = pairs.iter().filter_map(|(y, seed)| Some((Arc::clone(y.node()?), *seed)));
    let found = if differentiable {
        let seeds = nodes.map(|(node, seed)| (node, seed.clone())).collect();
        with_recording(true, || sweep::<T, Var<T>>(seeds, &aim)).cotangents
    } else {
        let seeds = nodes.map(|(node, seed)| (node, seed.value().clone())).collect();
        let found = with_recording(false, || sweep::<T, Tensor<T>>(seeds, &aim)).cotangents;
        found.into_iter().map(|(id, g)| (id, Var::constant(g))).collect()
    };
    let take = |x: &&Var<T>| match x.node().and_then(|node| found.get(&LeafId(node.id))) {
        Some(g) => g.clone(),
        None => Var::constant(Tensor::zeros(*x.shape())),
    };
    xs.iter().map(take).collect()
}
