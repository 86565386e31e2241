//! Other shapes of the same elements, other orders of axes, and stretching. Their adjoints are of their own kind: a reshape,
//! a permutation, a sum.

use gradus_tensor::{Float, Shape, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

/// The same elements in another shape.
pub(crate) struct Reshape(pub(crate) Shape);

impl<T: Float> Op<T> for Reshape {
    fn name(&self) -> &'static str {
        "reshape"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].reshape(self.0)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.reshape(saved.shape(0)))]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch)])
    }

    fn vjp_each(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>) -> Option<Cotangents<Tensor<T>>> {
        Some(vec![Some(g.reshape(saved.shape(0).insert(0, g.dim(0))))])
    }
}

struct Permute(Vec<usize>);

impl Permute {
    /// The order that undoes it.
    fn back(&self) -> Vec<usize> {
        let mut back = vec![0; self.0.len()];
        for (to, &from) in self.0.iter().enumerate() {
            back[from] = to;
        }
        back
    }
}

impl<T: Float> Op<T> for Permute {
    fn name(&self) -> &'static str {
        "permute"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].permute(&self.0)
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.permute(&self.back()))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let place = batch.place(g.shape())?;
        Some(vec![Flow::Along(batch.moved(place, &saved.shape(0), self.0[place.axis]))])
    }

    fn vjp_each(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>) -> Option<Cotangents<Tensor<T>>> {
        let order: Vec<usize> = std::iter::once(0).chain(self.back().iter().map(|axis| axis + 1)).collect();
        Some(vec![Some(g.permute(&order))])
    }
}

struct Expand(Shape);

impl<T: Float> Op<T> for Expand {
    fn name(&self) -> &'static str {
        "expand"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].expand(self.0)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.sum_to(&saved.shape(0)))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let shape = saved.shape(0);
        match batch.aligned(g.shape(), &shape) {
            Some(batch) => Some(vec![Flow::Along(batch)]),
            None => batch.sum_to(g, &shape).map(|each| vec![Flow::Each(each)]),
        }
    }
}

impl<T: Float> Var<T> {
    /// The same elements in row-major order under another shape (PyTorch: `reshape`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf(Tensor::<f32>::arange(6));
    /// assert_eq!(x.reshape([2, 3]).value().at(&[1, 0]), 3.0);
    /// assert_eq!(x.reshape([2, 3]).sum().backward().of(&x).map(|g| g.dims()), Some([6]));
    /// ```
    ///
    /// # Panics
    /// If the shapes differ in their number of elements.
    #[must_use]
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if *self.shape() == shape { self.clone() } else { apply(Reshape(shape), &[self]) }
    }

    /// Axes `start ..= end` merged into one (PyTorch: `flatten`); negative numbers count from the back.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Var::leaf(Tensor::<f32>::ones([5, 3, 4, 4])).flatten(1, -1).dims(), [5, 48]);
    /// ```
    ///
    /// # Panics
    /// If there are no such axes, or `end` comes before `start`.
    #[must_use]
    #[track_caller]
    pub fn flatten(&self, start: isize, end: isize) -> Self {
        self.reshape(*self.value().flatten(start, end).shape())
    }

    /// Axes in a new order: axis `a` of the result is axis `order[a]` (PyTorch: `permute`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Var::leaf(Tensor::<f32>::ones([2, 3, 4])).permute(&[2, 0, 1]).dims(), [4, 2, 3]);
    /// ```
    ///
    /// # Panics
    /// If `order` is not an order of the axes.
    #[must_use]
    #[track_caller]
    pub fn permute(&self, order: &[usize]) -> Self {
        apply(Permute(order.to_vec()), &[self])
    }

    /// Two axes exchanged (PyTorch: `transpose`); negative numbers count from the back.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Var::leaf(Tensor::<f32>::ones([2, 3, 4])).transpose(0, -1).dims(), [4, 3, 2]);
    /// ```
    ///
    /// # Panics
    /// If there are no such axes.
    #[must_use]
    #[track_caller]
    pub fn transpose(&self, first: isize, second: isize) -> Self {
        let (a, b) = (self.shape().axis("transpose", first), self.shape().axis("transpose", second));
        let mut order: Vec<usize> = (0..self.rank()).collect();
        order.swap(a, b);
        self.permute(&order)
    }

    /// The last two axes exchanged (PyTorch: `mT`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]).t().value().to_vec(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn t(&self) -> Self {
        self.transpose(-2, -1)
    }

    /// Stretched to `shape`: missing leading axes and axes of length 1 repeat (PyTorch: `expand`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, 2.0]);
    /// let y = x.expand([3, 2]);
    /// assert_eq!(y.value().to_vec(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
    /// assert_eq!(y.sum().backward().of(&x).map(|g| g.to_vec()), Some(vec![3.0, 3.0]));
    /// ```
    ///
    /// # Panics
    /// If the shape does not broadcast.
    #[must_use]
    #[track_caller]
    pub fn expand(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if *self.shape() == shape { self.clone() } else { apply(Expand(shape), &[self]) }
    }

    /// A new axis of length 1 before `axis`; −1 puts it last (PyTorch: `unsqueeze`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, 2.0]);
    /// assert_eq!((x.unsqueeze(0).dims(), x.unsqueeze(-1).dims()), ([1, 2], [2, 1]));
    /// assert_eq!(x.unsqueeze(0).squeeze(0).dims(), [2]);
    /// ```
    ///
    /// # Panics
    /// If `axis` lies outside −(rank + 1) ..= rank.
    #[must_use]
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        self.reshape(*self.value().unsqueeze(axis).shape())
    }

    /// Without an axis of length 1 (PyTorch: `squeeze(axis)`).
    ///
    /// # Panics
    /// If there is no such axis or it is longer.
    #[must_use]
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Self {
        self.reshape(*self.value().squeeze(axis).shape())
    }
}
