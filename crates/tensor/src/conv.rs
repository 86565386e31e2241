//! Convolution of tensors and its two adjoints. What a convolution means and which shapes fit stands here and below, how
//! it is computed in `kernels::conv`. It must never know layers or gradients' bookkeeping.

mod columns;
mod spec;
mod volume;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use crate::element::{Element, Float};
use crate::isa::{Isa, current_isa};
use crate::kernels::conv::{Conv, Finish, Geometry, Prepared};
use crate::shape::Shape;
use crate::tensor::Tensor;

pub use self::columns::PatchSpec;
pub use self::spec::{Conv1dSpec, Conv2dSpec, Conv3dSpec, ConvSpec, ConvTransposeSpec};

/// What becomes of a convolution's sums on their way to memory; nothing by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Conv2dFinish<'a, T: Element> {
    /// Added to each output channel, `[O]`.
    pub bias: Option<&'a Tensor<T>>,
    /// Whether negative results become 0.
    pub relu: bool,
}

impl<T: Element> Conv2dFinish<'_, T> {
    #[track_caller]
    fn check(&self, weight: &Tensor<T>) {
        let Some(bias) = self.bias else { return };
        let (shape, weight) = (bias.shape(), weight.shape());
        let channels = weight.first().copied().unwrap_or(0);
        assert!(
            shape[..] == [channels],
            "conv2d: bias does not fit the weight: {shape} and {weight} ([{channels}])"
        );
    }
}

/// A bank of filters `[O, C/groups, KH, KW]` with all that [`Tensor::conv2d_by`] does, kept in the form that the kernels
/// read: for inference, where packing the weights anew in each call costs as much as a small image. The form is made by
/// the first image of a size and kept until one of another size comes.
///
/// ```
/// use gradus_tensor::{Conv2dFilters, Conv2dFinish, Conv2dSpec, Rng, Tensor};
/// let rng = &mut Rng::seed(1);
/// let (x, w) = (Tensor::<f32>::normal([1, 3, 8, 8], 0.0, 1.0, rng), Tensor::normal([16, 3, 3, 3], 0.0, 1.0, rng));
/// let filters = Conv2dFilters::new(&w, Conv2dFinish::default(), Conv2dSpec::default());
/// assert_eq!(x.conv2d_by(&filters), x.conv2d(&w, Conv2dSpec::default()));
/// ```
pub struct Conv2dFilters<T: Float> {
    weight: Tensor<T>,
    bias: Option<Tensor<T>>,
    relu: bool,
    spec: Conv2dSpec,
    ready: Mutex<Option<Ready>>,
}

/// For which sizes and instruction set the weights are prepared.
#[derive(Clone)]
struct Ready {
    geometry: Geometry,
    isa: Isa,
    prepared: Option<Arc<Prepared>>,
}

impl<T: Float> Conv2dFilters<T> {
    /// Keeps copies.
    ///
    /// # Panics
    /// If the weight has not four axes or the bias is not `[O]`.
    #[must_use]
    #[track_caller]
    pub fn new(weight: &Tensor<T>, finish: Conv2dFinish<'_, T>, spec: Conv2dSpec) -> Self {
        let axes = weight.rank();
        assert!(axes == 4, "conv2d: kernels are not [O, C/groups, KH, KW]: {} ({axes} axes)", weight.shape());
        finish.check(weight);
        let bias = finish.bias.map(Tensor::contiguous);
        Self { weight: weight.contiguous(), bias, relu: finish.relu, spec, ready: Mutex::new(None) }
    }

    fn prepared(&self, geometry: &Geometry) -> Option<Arc<Prepared>> {
        let (geometry, isa) = (Geometry { batch: 1, ..*geometry }, current_isa());
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        match &*ready {
            Some(ready) if ready.geometry == geometry && ready.isa == isa => ready.prepared.clone(),
            _ => {
                let (weight, bias) = (dense(&self.weight), self.bias.as_ref().map(dense));
                let prepared = T::conv_prepare(isa, &geometry, weight, bias).map(Arc::new);
                *ready = Some(Ready { geometry, isa, prepared: prepared.clone() });
                prepared
            }
        }
    }
}

impl<T: Float> Clone for Conv2dFilters<T> {
    fn clone(&self) -> Self {
        let ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Self { weight, bias, relu, spec, .. } = self;
        Self {
            weight: weight.clone(),
            bias: bias.clone(),
            relu: *relu,
            spec: *spec,
            ready: Mutex::new(ready),
        }
    }
}

impl<T: Float> fmt::Debug for Conv2dFilters<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { weight, relu, spec, .. } = self;
        write!(f, "Conv2dFilters {{ weight: {}, relu: {relu}, spec: {spec:?} }}", weight.shape())
    }
}

impl<T: Float> Tensor<T> {
    /// The cross-correlation of images `[N, C, H, W]` with kernels `[O, C/groups, KH, KW]` → `[N, O, OH, OW]`
    /// (PyTorch: `conv2d`); see [`ConvSpec::output_shape`] for the sizes:
    /// y\[n, o, i, j\] = Σ_{c, p, q} x\[n, c, i·stride + p·dilation − padding, …\]·w\[o, c, p, q\].
    ///
    /// ```
    /// use gradus_tensor::{Conv2dSpec, Tensor};
    /// let x = Tensor::from([[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape([1, 1, 2, 3]);
    /// let y = x.conv2d(&Tensor::ones([1, 1, 2, 2]), Conv2dSpec::default());
    /// assert_eq!(y, Tensor::from([12.0, 16.0]).reshape([1, 1, 1, 2]));
    /// ```
    ///
    /// # Panics
    /// If an operand has not four axes, the channels do not fit, the groups do not divide the output channels, a size
    /// of the specification is 0, or the kernel exceeds the padded image.
    #[must_use]
    #[track_caller]
    pub fn conv2d(&self, weight: &Self, spec: Conv2dSpec) -> Self {
        self.conv2d_then(weight, Conv2dFinish::default(), spec)
    }

    /// [`Tensor::conv2d`] with what often follows it done on the way to memory: a bias per output channel, then relu.
    ///
    /// ```
    /// use gradus_tensor::{Conv2dFinish, Conv2dSpec, Tensor};
    /// let x = Tensor::from([[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape([1, 1, 2, 3]);
    /// let finish = Conv2dFinish { bias: Some(&Tensor::from([-14.0])), relu: true };
    /// let y = x.conv2d_then(&Tensor::ones([1, 1, 2, 2]), finish, Conv2dSpec::default());
    /// assert_eq!(y.to_vec(), [0.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// As `conv2d`, or if the bias is not `[O]`.
    #[must_use]
    #[track_caller]
    pub fn conv2d_then(&self, weight: &Self, finish: Conv2dFinish<'_, T>, spec: Conv2dSpec) -> Self {
        let geometry = spec.geometry("conv2d", self.shape(), weight.shape());
        let shape = spec.output_shape(self.shape(), weight.shape());
        finish.check(weight);
        let (x, weight) = (self.contiguous(), weight.contiguous());
        let bias = finish.bias.map(Tensor::contiguous);
        let (bias, finish) = (bias.as_ref().map(dense), Finish { residual: None, relu: finish.relu });
        Self::build(shape, |out| {
            let (x, weight) = (dense(&x), dense(&weight));
            let call = Conv::Forward { x, weight, bias, finish, prepared: None, out };
            T::conv(current_isa(), &geometry, call);
        })
    }

    /// [`Tensor::conv2d_then`] by filters that were prepared for many calls.
    ///
    /// # Panics
    /// As `conv2d`.
    #[must_use]
    #[track_caller]
    pub fn conv2d_by(&self, filters: &Conv2dFilters<T>) -> Self {
        self.filtered(filters, None)
    }

    /// [`Tensor::conv2d_by`] with something added to the result before the filters' relu, in the same pass over memory:
    /// the end of a residual block. `residual` is of the result's shape `[N, O, OH, OW]`.
    ///
    /// ```
    /// use gradus_tensor::{Conv2dFilters, Conv2dFinish, Conv2dSpec, Tensor};
    /// let finish = Conv2dFinish { relu: true, ..Conv2dFinish::default() };
    /// let filters = Conv2dFilters::new(&Tensor::ones([1, 1, 1, 1]), finish, Conv2dSpec::default());
    /// let x = Tensor::from([1.0_f32, -2.0, 3.0]).reshape([1, 1, 1, 3]);
    /// assert_eq!(x.conv2d_by_onto(&filters, &Tensor::full([1, 1, 1, 3], 1.0)).to_vec(), [2.0, 0.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// As `conv2d`, or if `residual` is not of the result's shape.
    #[must_use]
    #[track_caller]
    pub fn conv2d_by_onto(&self, filters: &Conv2dFilters<T>, residual: &Self) -> Self {
        self.filtered(filters, Some(residual))
    }

    #[track_caller]
    fn filtered(&self, filters: &Conv2dFilters<T>, residual: Option<&Self>) -> Self {
        let Conv2dFilters { weight, bias, relu, spec, .. } = filters;
        let geometry = spec.geometry("conv2d", self.shape(), weight.shape());
        let shape = spec.output_shape(self.shape(), weight.shape());
        if let Some(residual) = residual {
            let fits = *residual.shape() == shape;
            assert!(fits, "conv2d: what is added does not fit: {} (needs {shape})", residual.shape());
        }
        let (x, residual) = (self.contiguous(), residual.map(Tensor::contiguous));
        let finish = Finish { residual: residual.as_ref().map(dense), relu: *relu };
        let prepared = filters.prepared(&geometry);
        Self::build(shape, |out| {
            let (x, weight, bias) = (dense(&x), dense(weight), bias.as_ref().map(dense));
            let call = Conv::Forward { x, weight, bias, finish, prepared: prepared.as_deref(), out };
            T::conv(current_isa(), &geometry, call);
        })
    }

    /// The adjoint of [`Tensor::conv2d`] in the images: `self` is the result's cotangent `[N, O, OH, OW]`, the answer
    /// that of the images, of shape `input` `[N, C, H, W]`. It is also the transposed convolution
    /// (PyTorch: `conv_transpose2d`, `torch.nn.grad.conv2d_input`).
    ///
    /// ```
    /// use gradus_tensor::{Conv2dSpec, Tensor};
    /// let (g, w) = (Tensor::<f32>::ones([1, 1, 2, 2]), Tensor::ones([1, 1, 2, 2]));
    /// let dx = g.conv2d_input_grad(&w, [1, 1, 3, 3], Conv2dSpec::default());
    /// assert_eq!(dx.to_vec(), [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// As `conv2d` for images of shape `input`, or if `self` is not of its result's shape.
    #[must_use]
    #[track_caller]
    pub fn conv2d_input_grad(&self, weight: &Self, input: impl Into<Shape>, spec: Conv2dSpec) -> Self {
        let input = input.into();
        let geometry = spec.geometry("conv2d_input_grad", &input, weight.shape());
        self.check_cotangent("conv2d_input_grad", &spec.output_shape(&input, weight.shape()));
        let (g, weight) = (self.contiguous(), weight.contiguous());
        Self::build(input, |out| {
            T::conv(current_isa(), &geometry, Conv::InputGrad { g: dense(&g), weight: dense(&weight), out });
        })
    }

    /// The adjoint of [`Tensor::conv2d`] in the kernels: `self` are the images `[N, C, H, W]`, `g` is the result's
    /// cotangent `[N, O, OH, OW]`, the answer that of the kernels, of shape `weight` `[O, C/groups, KH, KW]`
    /// (PyTorch: `torch.nn.grad.conv2d_weight`).
    ///
    /// ```
    /// use gradus_tensor::{Conv2dSpec, Tensor};
    /// let (x, g) = (Tensor::new([1, 1, 2, 2], &[1.0_f32, 2.0, 3.0, 4.0]), Tensor::from([[[1.0_f32]]]).unsqueeze(0));
    /// assert_eq!(x.conv2d_weight_grad(&g, [1, 1, 2, 2], Conv2dSpec::default()).to_vec(), [1.0, 2.0, 3.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// As `conv2d` for kernels of shape `weight`, or if `g` is not of its result's shape.
    #[must_use]
    #[track_caller]
    pub fn conv2d_weight_grad(&self, g: &Self, weight: impl Into<Shape>, spec: Conv2dSpec) -> Self {
        let weight = weight.into();
        let geometry = spec.geometry("conv2d_weight_grad", self.shape(), &weight);
        g.check_cotangent("conv2d_weight_grad", &spec.output_shape(self.shape(), &weight));
        let (x, g) = (self.contiguous(), g.contiguous());
        Self::build(weight, |out| {
            T::conv(current_isa(), &geometry, Conv::WeightGrad { x: dense(&x), g: dense(&g), out });
        })
    }

    #[track_caller]
    pub(crate) fn check_cotangent(&self, op: &str, wanted: &Shape) {
        assert!(self.shape() == wanted, "{op}: cotangent does not fit: {} (needs {wanted})", self.shape());
    }
}

/// The elements of a dense tensor.
pub(crate) fn dense<T: Element>(x: &Tensor<T>) -> &[T] {
    x.as_slice().unwrap_or(&[])
}
