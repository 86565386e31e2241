//! Transposed convolutions: the adjoints of convolutions in their input, as layers. Described first and built then, as
//! these.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{ConvTransposeSpec, Float, Rng, Shape};

use crate::error::LayerError;
use crate::init::fan_uniform;
use crate::sides::{Sides, check_groups, check_positive, list};

macro_rules! transposed {
    ($($(#[$doc:meta])* $Name:ident, $Builder:ident, $D:literal, $input:literal, $weight:literal, $convolve:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        pub struct $Name<T: Float = f32> {
            #[doc = concat!("`", $weight, "`.")]
            pub weight: Param<T>,
            /// `[O]`.
            pub bias: Option<Param<T>>,
            #[module(skip)]
            spec: ConvTransposeSpec<$D>,
        }

        impl $Name {
            /// Describes a layer from `inputs` to `outputs` channels; `kernel` is one number or one for each axis.
            pub fn builder(inputs: usize, outputs: usize, kernel: impl Into<Sides<$D>>) -> $Builder {
                let spec = ConvTransposeSpec::default();
                $Builder { inputs, outputs, kernel: kernel.into().0, spec, bias: true }
            }
        }

        #[doc = concat!("Describes a [`", stringify!($Name), "`]: stride 1, nothing cut off or added, dense, one group, with a bias, unless said otherwise.")]
        #[derive(Clone, Copy, Debug)]
        #[must_use = "a description is no layer: build it"]
        pub struct $Builder {
            inputs: usize,
            outputs: usize,
            kernel: [usize; $D],
            spec: ConvTransposeSpec<$D>,
            bias: bool,
        }

        impl $Builder {
            /// Distance between the places that neighbouring inputs are spread to.
            pub fn stride(mut self, stride: impl Into<Sides<$D>>) -> Self {
                self.spec.stride = stride.into().0;
                self
            }

            /// Cut off before and after: the border of the convolution whose adjoint it is.
            pub fn padding(mut self, padding: impl Into<Sides<$D>>) -> Self {
                self.spec.padding = padding.into().0;
                self
            }

            /// Added to the length, at the end: which of the lengths that the convolution makes the same of is meant.
            pub fn output_padding(mut self, output_padding: impl Into<Sides<$D>>) -> Self {
                self.spec.output_padding = output_padding.into().0;
                self
            }

            /// Distance between the kernel's elements; 1 is dense.
            pub fn dilation(mut self, dilation: impl Into<Sides<$D>>) -> Self {
                self.spec.dilation = dilation.into().0;
                self
            }

            /// Output channels see the inputs of their own group only.
            pub fn groups(mut self, groups: usize) -> Self {
                self.spec.groups = groups;
                self
            }

            /// Without a bias (PyTorch: `bias=False`).
            pub fn without_bias(self) -> Self {
                Self { bias: false, ..self }
            }

            /// The layer, with weight and bias evenly distributed in ±1/√(outputs per group · kernel size).
            ///
            /// # Errors
            /// If a side of kernel, stride or dilation is 0, the groups do not divide inputs and outputs, or an output
            /// padding is below neither stride nor dilation.
            pub fn build<T: Float>(self, rng: &mut Rng) -> Result<$Name<T>, LayerError> {
                let Self { inputs, outputs, kernel, spec, bias } = self;
                let (name, ConvTransposeSpec { stride, output_padding, dilation, groups, .. }) = (stringify!($Name), spec);
                check_positive(name, &[("kernel", &kernel), ("stride", &stride), ("dilation", &dilation)])?;
                check_groups(name, groups, inputs, outputs)?;
                let fits = (0..$D).all(|axis| output_padding[axis] < stride[axis].max(dilation[axis]));
                let range = format_args!("below the stride {} or the dilation {}", list(&stride), list(&dilation));
                LayerError::check(fits, name, "output_padding", list(&output_padding), range)?;
                let fan = outputs / groups * kernel.iter().product::<usize>();
                let shape = Shape::new(&[&[inputs, outputs / groups], &kernel[..]].concat());
                let weight = Param::new(fan_uniform(shape, fan, rng));
                let bias = bias.then(|| Param::new(fan_uniform([outputs], fan, rng)));
                Ok($Name { weight, bias, spec })
            }
        }

        impl<T: Float> $Name<T> {
            /// The layer with the output padding that makes its result of sides `size` (PyTorch: `output_size`).
            ///
            /// # Panics
            /// If the input does not fit the layer, or no output padding below the stride gives that size.
            #[track_caller]
            pub fn forward_to(&self, x: &Var<T>, size: [usize; $D], cx: &mut Context<'_>) -> Var<T> {
                self.check(x);
                let mut spec = ConvTransposeSpec { output_padding: [0; $D], ..self.spec };
                let least = spec.output_shape(x.shape(), self.weight.shape());
                for axis in 0..$D {
                    let (wanted, from, step) = (size[axis], least[2 + axis], spec.stride[axis]);
                    let fits = (from..from + step).contains(&wanted);
                    assert!(
                        fits,
                        concat!(stringify!($Name), ": size {:?} is out of reach: {} gives {:?} and up to {} more along axis {}"),
                        size, x.shape(), &least[2..], step - 1, axis
                    );
                    spec.output_padding[axis] = wanted - from;
                }
                self.run(x, spec, cx)
            }

            #[track_caller]
            fn check(&self, x: &Var<T>) {
                let (shape, weight) = (x.shape(), self.weight.shape());
                let fits = shape.len() == $D + 2 && shape[1] == weight[0];
                assert!(
                    fits,
                    concat!(stringify!($Name), ": input is not ", $input, " with C = {}: {} and weight {}"),
                    weight[0], shape, weight
                );
            }

            #[track_caller]
            fn run(&self, x: &Var<T>, spec: ConvTransposeSpec<$D>, cx: &mut Context<'_>) -> Var<T> {
                let y = x.$convolve(&self.weight, self.bias.as_deref(), spec);
                let work = x.len() * self.weight.shape()[1..].iter().product::<usize>();
                cx.record(stringify!($Name), Some(&self.weight), &y, work as u64);
                y
            }
        }

        impl<T: Float> Layer<T> for $Name<T> {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                self.check(x);
                self.run(x, self.spec, cx)
            }
        }
    )*};
}

transposed! {
    /// Each element of a sequence spreads a filter over the result: `[N, C, L] → [N, O, OL]` (PyTorch:
    /// `ConvTranspose1d`), with OL = (L − 1)·stride − 2·padding + dilation·(K − 1) + output_padding + 1.
    ConvTranspose1d, ConvTranspose1dBuilder, 1, "[N, C, L]", "[C, O/groups, K]", conv_transpose1d;
    /// Each element of an image spreads a filter over the result: `[N, C, H, W] → [N, O, OH, OW]` (PyTorch:
    /// `ConvTranspose2d`), with OH = (H − 1)·stride − 2·padding + dilation·(KH − 1) + output_padding + 1, and OW likewise.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::ConvTranspose2d;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer = ConvTranspose2d::builder(16, 8, 4).stride(2).padding(1).build::<f32>(&mut Rng::seed(0))?;
    /// let y = layer.forward(&Var::constant(Tensor::zeros([1, 16, 7, 7])), &mut Context::eval());
    /// assert_eq!(y.dims(), [1, 8, 14, 14]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ConvTranspose2d, ConvTranspose2dBuilder, 2, "[N, C, H, W]", "[C, O/groups, KH, KW]", conv_transpose2d;
    /// Each element of a volume spreads a filter over the result: `[N, C, D, H, W] → [N, O, OD, OH, OW]` (PyTorch:
    /// `ConvTranspose3d`), sizes as for [`ConvTranspose2d`].
    ConvTranspose3d, ConvTranspose3dBuilder, 3, "[N, C, D, H, W]", "[C, O/groups, KD, KH, KW]", conv_transpose3d;
}
