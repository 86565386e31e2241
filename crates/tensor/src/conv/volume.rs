//! Convolution of volumes and its two adjoints, as that of images: the depths that one output depth sees become channels
//! of an image, in the order in which the kernels hold them, so that the weights are read as they are. The copy is as
//! many times the volume as the kernel is deep (divided by the stride); all else is the images' kernels. It must never
//! know gradients' bookkeeping.

use super::{Conv2dFinish, Conv2dSpec, Conv3dSpec, dense};
use crate::element::Float;
use crate::parallel::{self, Cost};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Which depths of a volume each output depth sees.
#[derive(Clone, Copy)]
struct Depths {
    /// Of the volume, of the kernel, of the result.
    lengths: [usize; 3],
    stride: usize,
    padding: usize,
    dilation: usize,
}

impl Depths {
    fn new(spec: Conv3dSpec, x: &Shape, w: &Shape, result: &Shape) -> Self {
        let ([stride, ..], [padding, ..], [dilation, ..]) = (spec.stride, spec.padding, spec.dilation);
        Self { lengths: [x[2], w[2], result[2]], stride, padding, dilation }
    }

    /// The depth that tap `k` of output depth `o` sees; none in the padding.
    fn seen(self, o: usize, k: usize) -> Option<usize> {
        (o * self.stride + k * self.dilation).checked_sub(self.padding).filter(|&d| d < self.lengths[0])
    }

    /// The output depth whose tap `k` sees depth `d`, if there is one.
    fn seer(self, d: usize, k: usize) -> Option<usize> {
        let place = (d + self.padding).checked_sub(k * self.dilation)?;
        let o = place / self.stride;
        (place.is_multiple_of(self.stride) && o < self.lengths[2]).then_some(o)
    }

    /// `[N, C, D, H, W]` → `[N·OD, C·KD, H, W]`, noughts where the padding is seen.
    fn gather<T: Float>(self, x: &Tensor<T>) -> Tensor<T> {
        let ([n, c, d, h, w], [_, k, o]) = (x.dims(), self.lengths);
        let (x, plane) = (x.contiguous(), h * w);
        let x = dense(&x);
        Tensor::build(Shape::new(&[n * o, c * k, h, w]), |out| {
            let cost = Cost::bytes(2 * size_of_val(out));
            parallel::chunks_mut(out, c * k * plane, cost, |image, out| {
                let (image, at) = (image / o, image % o);
                for (row, out) in out.chunks_exact_mut(plane.max(1)).enumerate() {
                    match self.seen(at, row % k) {
                        Some(from) => {
                            out.copy_from_slice(&x[((image * c + row / k) * d + from) * plane..][..plane])
                        }
                        None => out.fill(T::ZERO),
                    }
                }
            });
        })
    }

    /// The adjoint of [`Depths::gather`] for volumes of shape `input`. Each plane's sum is in the order of the taps.
    fn scatter<T: Float>(self, images: &Tensor<T>, input: Shape) -> Tensor<T> {
        let ([d, k, o], [c, plane]) = (self.lengths, [input[1], input[3] * input[4]]);
        let images = dense(images);
        Tensor::build(input, |out| {
            let cost = Cost::bytes(2 * size_of_val(images));
            parallel::chunks_mut(out, d * plane, cost, |block, out| {
                let (image, channel) = (block / c, block % c);
                for (depth, out) in out.chunks_exact_mut(plane.max(1)).enumerate() {
                    out.fill(T::ZERO);
                    for (tap, at) in (0..k).filter_map(|tap| Some((tap, self.seer(depth, tap)?))) {
                        let from = &images[((image * o + at) * c * k + channel * k + tap) * plane..][..plane];
                        out.iter_mut().zip(from).for_each(|(sum, &x)| *sum = *sum + x);
                    }
                }
            });
        })
    }
}

/// The same over one plane.
fn planar(spec: Conv3dSpec) -> Conv2dSpec {
    let ([_, s @ ..], [_, p @ ..], [_, d @ ..]) = (spec.stride, spec.padding, spec.dilation);
    Conv2dSpec { stride: s, padding: p, dilation: d, groups: spec.groups }
}

/// `[O, C/groups, KD, KH, KW]` as `[O, C/groups·KD, KH, KW]`.
fn flat(w: &Shape) -> Shape {
    Shape::new(&[w[0], w[1] * w[2], w[3], w[4]])
}

/// `[N, O, OD, OH, OW]` → `[N·OD, O, OH, OW]`.
fn images<T: Float>(g: &Tensor<T>) -> Tensor<T> {
    let [n, o, d, h, w] = g.dims();
    g.permute(&[0, 2, 1, 3, 4]).reshape([n * d, o, h, w])
}

impl<T: Float> Tensor<T> {
    /// The cross-correlation of volumes `[N, C, D, H, W]` with kernels `[O, C/groups, KD, KH, KW]` →
    /// `[N, O, OD, OH, OW]` (PyTorch: `conv3d`); see [`super::ConvSpec::output_shape`] for the sizes.
    ///
    /// ```
    /// use gradus_tensor::{Conv3dSpec, Tensor};
    /// let x = Tensor::<f32>::ones([1, 1, 2, 3, 3]);
    /// let y = x.conv3d(&Tensor::ones([1, 1, 2, 2, 2]), Conv3dSpec::default());
    /// assert_eq!((y.dims(), y.to_vec()), ([1, 1, 1, 2, 2], vec![8.0; 4]));
    /// ```
    ///
    /// # Panics
    /// If an operand has not five axes, or the shapes do not fit each other and the specification.
    #[must_use]
    #[track_caller]
    pub fn conv3d(&self, weight: &Self, spec: Conv3dSpec) -> Self {
        self.conv3d_then(weight, Conv2dFinish::default(), spec)
    }

    /// [`Tensor::conv3d`] with a bias per output channel, then relu, on the way to memory.
    ///
    /// ```
    /// use gradus_tensor::{Conv2dFinish, Conv3dSpec, Tensor};
    /// let (x, bias) = (Tensor::<f32>::ones([1, 1, 2, 2, 2]), Tensor::from([-10.0]));
    /// let finish = Conv2dFinish { bias: Some(&bias), relu: true };
    /// assert_eq!(x.conv3d_then(&Tensor::ones([1, 1, 2, 2, 2]), finish, Conv3dSpec::default()).to_vec(), [0.0]);
    /// ```
    ///
    /// # Panics
    /// As `conv3d`, or if the bias is not `[O]`.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn conv3d_then(&self, weight: &Self, finish: Conv2dFinish<'_, T>, spec: Conv3dSpec) -> Self {
        let shape = spec.result("conv3d", self.shape(), weight.shape());
        let columns = Depths::new(spec, self.shape(), weight.shape(), &shape).gather(self);
        let y = columns.conv2d_then(&weight.reshape(flat(weight.shape())), finish, planar(spec));
        y.reshape([shape[0], shape[2], shape[1], shape[3], shape[4]]).permute(&[0, 2, 1, 3, 4]).contiguous()
    }

    /// The adjoint of [`Tensor::conv3d`] in the volumes: `self` is the result's cotangent `[N, O, OD, OH, OW]`, the
    /// answer that of the volumes, of shape `input` `[N, C, D, H, W]`. It is also the transposed convolution
    /// (PyTorch: `conv_transpose3d`, `torch.nn.grad.conv3d_input`).
    ///
    /// ```
    /// use gradus_tensor::{Conv3dSpec, Tensor};
    /// let (g, w) = (Tensor::<f32>::ones([1, 1, 1, 1, 2]), Tensor::ones([1, 1, 1, 1, 2]));
    /// assert_eq!(g.conv3d_input_grad(&w, [1, 1, 1, 1, 3], Conv3dSpec::default()).to_vec(), [1.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// As `conv3d` for volumes of shape `input`, or if `self` is not of its result's shape.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn conv3d_input_grad(&self, weight: &Self, input: impl Into<Shape>, spec: Conv3dSpec) -> Self {
        let (op, input) = ("conv3d_input_grad", input.into());
        let shape = spec.result(op, &input, weight.shape());
        self.check_cotangent(op, &shape);
        let depths = Depths::new(spec, &input, weight.shape(), &shape);
        let columns = Shape::new(&[shape[0] * shape[2], input[1] * weight.shape()[2], input[3], input[4]]);
        let weight = weight.reshape(flat(weight.shape()));
        depths.scatter(&images(self).conv2d_input_grad(&weight, columns, planar(spec)), input)
    }

    /// The adjoint of [`Tensor::conv3d`] in the kernels: `self` are the volumes `[N, C, D, H, W]`, `g` is the result's
    /// cotangent `[N, O, OD, OH, OW]`, the answer that of the kernels, of shape `weight` `[O, C/groups, KD, KH, KW]`
    /// (PyTorch: `torch.nn.grad.conv3d_weight`).
    ///
    /// ```
    /// use gradus_tensor::{Conv3dSpec, Tensor};
    /// let (x, g) = (Tensor::new([1, 1, 1, 1, 2], &[3.0_f32, 4.0]), Tensor::ones([1, 1, 1, 1, 1]));
    /// assert_eq!(x.conv3d_weight_grad(&g, [1, 1, 1, 1, 2], Conv3dSpec::default()).to_vec(), [3.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// As `conv3d` for kernels of shape `weight`, or if `g` is not of its result's shape.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn conv3d_weight_grad(&self, g: &Self, weight: impl Into<Shape>, spec: Conv3dSpec) -> Self {
        let (op, weight) = ("conv3d_weight_grad", weight.into());
        let shape = spec.result(op, self.shape(), &weight);
        g.check_cotangent(op, &shape);
        let columns = Depths::new(spec, self.shape(), &weight, &shape).gather(self);
        columns.conv2d_weight_grad(&images(g), flat(&weight), planar(spec)).reshape(weight)
    }
}
