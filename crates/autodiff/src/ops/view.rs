//! Views. One op serves them all: it holds the view as a function of tensors, and its adjoint adds the cotangent back
//! to where the view read from. Reshapes, permutations and stretches have shorter adjoints of their own.

use std::sync::Arc;

use gradus_tensor::{Float, Shape, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

type ViewFn<T> = Arc<dyn Fn(&Tensor<T>) -> Tensor<T> + Send + Sync>;

struct View<T: Float> {
    name: &'static str,
    view: ViewFn<T>,
}

impl<T: Float> Op<T> for View<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        (self.view)(inputs[0])
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let adjoint = Unview { name: self.name, view: Arc::clone(&self.view), shape: saved.shape(0) };
        vec![Some(apply(adjoint, &[g]))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        whole_axis(&self.view, saved.shape(0), true, batch)
    }
}

/// The examples' axis of a view, if the view leaves it as it is, and that of its source: those of the same stride.
fn whole_axis<T: Float>(
    view: &ViewFn<T>,
    source: Shape,
    from_view: bool,
    batch: Batch,
) -> Option<Vec<Flow<T>>> {
    let viewed = view(&Tensor::ghost(source));
    let (strides, shape) = (viewed.layout().strides(), *viewed.shape());
    let source_strides = source.row_major();
    let place = batch.place(if from_view { &shape } else { &source })?;
    let same = |&(a, b): &(usize, usize)| strides[a] == source_strides[b] && shape[a] == source[b];
    let to = if from_view {
        let axis = (0..source.len()).map(|b| (place.axis, b)).find(same)?.1;
        batch.moved(place, &source, axis)
    } else {
        let axis = (0..shape.len()).map(|a| (a, place.axis)).find(same)?.0;
        batch.moved(place, &shape, axis)
    };
    Some(vec![Flow::Along(to)])
}

struct Unview<T: Float> {
    name: &'static str,
    view: ViewFn<T>,
    shape: Shape,
}

impl<T: Float> Op<T> for Unview<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].unview(&self.shape, (self.view)(&Tensor::ghost(self.shape)).layout())
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(apply(View { name: self.name, view: Arc::clone(&self.view) }, &[g]))]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        whole_axis(&self.view, self.shape, false, batch)
    }
}

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
    #[track_caller]
    pub(super) fn view(
        &self,
        name: &'static str,
        view: impl Fn(&Tensor<T>) -> Tensor<T> + Send + Sync + 'static,
    ) -> Self {
        apply(View { name, view: Arc::new(view) }, &[self])
    }

    /// The same elements in row-major order under another shape.
    ///
    /// # Panics
    /// If the shapes differ in their number of elements.
    #[must_use]
    #[track_caller]
    pub fn reshape(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if *self.shape() == shape { self.clone() } else { apply(Reshape(shape), &[self]) }
    }

    /// Axes `start ..= end` merged into one.
    ///
    /// # Panics
    /// If there are no such axes, or `end` comes before `start`.
    #[must_use]
    #[track_caller]
    pub fn flatten(&self, start: isize, end: isize) -> Self {
        self.reshape(*self.value().flatten(start, end).shape())
    }

    /// Axes in a new order: axis `a` of the result is axis `order[a]`.
    ///
    /// # Panics
    /// If `order` is not an order of the axes.
    #[must_use]
    #[track_caller]
    pub fn permute(&self, order: &[usize]) -> Self {
        apply(Permute(order.to_vec()), &[self])
    }

    /// Two axes exchanged.
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
    /// # Panics
    /// If there are fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn t(&self) -> Self {
        self.transpose(-2, -1)
    }

    /// Stretched to `shape`: missing leading axes and axes of length 1 repeat.
    ///
    /// # Panics
    /// If the shape does not broadcast.
    #[must_use]
    #[track_caller]
    pub fn expand(&self, shape: impl Into<Shape>) -> Self {
        let shape = shape.into();
        if *self.shape() == shape { self.clone() } else { apply(Expand(shape), &[self]) }
    }

    /// A new axis of length 1 before `axis`; −1 puts it last.
    ///
    /// # Panics
    /// If `axis` lies outside −(rank + 1) ..= rank.
    #[must_use]
    #[track_caller]
    pub fn unsqueeze(&self, axis: isize) -> Self {
        self.reshape(*self.value().unsqueeze(axis).shape())
    }

    /// Without an axis of length 1.
    ///
    /// # Panics
    /// If there is no such axis or it is longer.
    #[must_use]
    #[track_caller]
    pub fn squeeze(&self, axis: isize) -> Self {
        self.reshape(*self.value().squeeze(axis).shape())
    }

    /// Elements `start .. end` of `axis`, every `step`-th; a negative step walks from `end − 1` down.
    ///
    /// # Panics
    /// If they are not there or `step` is 0.
    #[must_use]
    #[track_caller]
    pub fn slice(&self, axis: isize, start: usize, end: usize, step: isize) -> Self {
        self.view("slice", move |x| x.slice(axis, start, end, step))
    }

    /// `length` elements of `axis` from `start` on.
    ///
    /// # Panics
    /// If they are not there.
    #[must_use]
    #[track_caller]
    pub fn narrow(&self, axis: isize, start: usize, length: usize) -> Self {
        self.view("narrow", move |x| x.narrow(axis, start, length))
    }

    /// The part at `index` along `axis`, without that axis.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    #[track_caller]
    pub fn select(&self, axis: isize, index: usize) -> Self {
        self.view("select", move |x| x.select(axis, index))
    }

    /// `axis` in reverse order.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Self {
        self.view("flip", move |x| x.flip(axis))
    }

    /// Pieces of `size` elements along `axis`, the last may be shorter.
    ///
    /// # Panics
    /// If there is no such axis or `size` is 0.
    #[must_use]
    #[track_caller]
    pub fn split(&self, size: usize, axis: isize) -> Vec<Self> {
        assert!(size > 0, "split: pieces of 0 elements: {} axis {axis}", self.shape());
        let length = self.dim(axis);
        (0..length).step_by(size).map(|at| self.narrow(axis, at, size.min(length - at))).collect()
    }

    /// Windows of `size` elements along `axis`, `step` apart, as a new last axis.
    ///
    /// # Panics
    /// If there is no such axis, `size` does not fit, or `step` is 0.
    #[must_use]
    #[track_caller]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Self {
        self.view("unfold", move |x| x.unfold(axis, size, step))
    }

    /// The diagonal of two axes as a new last axis; `offset` > 0 lies above the main one.
    ///
    /// # Panics
    /// If there are no such two different axes.
    #[must_use]
    #[track_caller]
    pub fn diagonal(&self, offset: isize, first: isize, second: isize) -> Self {
        self.view("diagonal", move |x| x.diagonal(offset, first, second))
    }
}
