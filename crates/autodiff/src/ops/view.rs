//! Views. One op serves them all: it holds the view as a function of tensors, and its adjoint adds the cotangent back
//! to where the view read from. (Reshapes, permutations and stretches stand in `reshape`.)

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

impl<T: Float> Var<T> {
    #[track_caller]
    pub(super) fn view(
        &self,
        name: &'static str,
        view: impl Fn(&Tensor<T>) -> Tensor<T> + Send + Sync + 'static,
    ) -> Self {
        apply(View { name, view: Arc::new(view) }, &[self])
    }

    /// Elements `start .. end` of `axis`, every `step`-th (PyTorch: `x[start:end:step]`); a negative step
    /// walks from `end − 1` down, which PyTorch has not.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([0.0_f32, 1.0, 2.0, 3.0]);
    /// assert_eq!(x.slice(0, 0, 4, -2).value().to_vec(), [3.0, 1.0]);
    /// assert_eq!(x.slice(0, 1, 4, 2).sum().backward().of(&x).map(|g| g.to_vec()), Some(vec![0.0, 1.0, 0.0, 1.0]));
    /// ```
    ///
    /// # Panics
    /// If they are not there or `step` is 0.
    #[must_use]
    #[track_caller]
    pub fn slice(&self, axis: isize, start: usize, end: usize, step: isize) -> Self {
        self.view("slice", move |x| x.slice(axis, start, end, step))
    }

    /// `length` elements of `axis` from `start` on (PyTorch: `narrow`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::leaf([0.0_f32, 1.0, 2.0, 3.0]).narrow(0, 1, 2).value().to_vec(), [1.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If they are not there.
    #[must_use]
    #[track_caller]
    pub fn narrow(&self, axis: isize, start: usize, length: usize) -> Self {
        self.view("narrow", move |x| x.narrow(axis, start, length))
    }

    /// The part at `index` along `axis`, without that axis (PyTorch: `select`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]).select(1, 0).value().to_vec(), [1.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    #[track_caller]
    pub fn select(&self, axis: isize, index: usize) -> Self {
        self.view("select", move |x| x.select(axis, index))
    }

    /// `axis` in reverse order (PyTorch: `flip`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::leaf([1.0_f32, 2.0, 3.0]).flip(0).value().to_vec(), [3.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn flip(&self, axis: isize) -> Self {
        self.view("flip", move |x| x.flip(axis))
    }

    /// Pieces of `size` elements along `axis`, the last may be shorter (PyTorch: `split`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let sizes: Vec<_> = Var::leaf([1.0_f32, 2.0, 3.0]).split(2, 0).iter().map(Var::len).collect();
    /// assert_eq!(sizes, [2, 1]);
    /// ```
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

    /// Windows of `size` elements along `axis`, `step` apart, as a new last axis (PyTorch: `unfold`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let windows = Var::leaf([0.0_f32, 1.0, 2.0, 3.0]).unfold(0, 2, 2);
    /// assert_eq!((windows.dims(), windows.value().to_vec()), ([2, 2], vec![0.0, 1.0, 2.0, 3.0]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, `size` does not fit, or `step` is 0.
    #[must_use]
    #[track_caller]
    pub fn unfold(&self, axis: isize, size: usize, step: usize) -> Self {
        self.view("unfold", move |x| x.unfold(axis, size, step))
    }

    /// The diagonal of two axes as a new last axis; `offset` > 0 lies above the main one (PyTorch: `diagonal`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]).diagonal(0, 0, 1).value().to_vec(), [1.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If there are no such two different axes.
    #[must_use]
    #[track_caller]
    pub fn diagonal(&self, offset: isize, first: isize, second: isize) -> Self {
        self.view("diagonal", move |x| x.diagonal(offset, first, second))
    }
}
