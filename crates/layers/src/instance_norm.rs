//! Normalisation of each channel of each sample by its own mean and variance, for rank 3 to 5. The work is done by the core of batch
//! normalisation, told that every sample has its own statistics.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Float, Tensor};

use crate::batch_norm::Core;
use crate::error::LayerError;
use crate::norm::check_eps;

macro_rules! instance_norm {
    ($($(#[$doc:meta])* $Name:ident $rank:literal, $shapes:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// y = (x − mean)/√(variance + ε)·w + b, with mean and biased variance over the positions of each channel of each sample
        /// and ε = 1e-5 (Ulyanov et al. 2016). As in PyTorch there are no w and b unless asked for
        #[doc = concat!("([`", stringify!($Name), "::with_affine`]), and no running statistics")]
        #[doc = concat!("([`", stringify!($Name), "::with_running_statistics`]); with them, evaluation uses them.")]
        ///
        /// ```
        /// use gradus_autodiff::Var;
        #[doc = concat!("use gradus_layers::", stringify!($Name), ";")]
        /// use gradus_module::{Context, Layer};
        /// use gradus_tensor::{Rng, Shape, Tensor};
        #[doc = concat!("let layer: ", stringify!($Name), " = ", stringify!($Name), "::new(3);")]
        #[doc = concat!("let shape = Shape::new(&[4; ", stringify!($rank), "]).with(1, 3);")]
        /// let x = Var::constant(Tensor::normal(shape, 5.0, 2.0, &mut Rng::seed(0)));
        /// let y = layer.forward(&x, &mut Context::eval());
        /// assert!(y.mean().item().abs() < 1e-6);
        /// ```
        #[derive(Clone, Debug, Module)]
        pub struct $Name<T: Float = f32> {
            #[module(flatten)]
            core: Core<T>,
        }

        impl<T: Float> $Name<T> {
            /// For inputs with `channels` channels.
            #[must_use]
            pub fn new(channels: usize) -> Self {
                Self { core: Core::of_samples(channels) }
            }

            /// The same with a weight, which starts at 1, and a bias, which starts at 0 (PyTorch: `affine=True`).
            #[must_use]
            pub fn with_affine(self) -> Self {
                Self { core: self.core.with_affine() }
            }

            /// The same with running averages of the statistics, which ride with the gradients and are used in evaluation
            /// (PyTorch: `track_running_stats=True`).
            #[must_use]
            pub fn with_running_statistics(self) -> Self {
                Self { core: self.core.with_running_statistics() }
            }

            /// The same with another ε.
            ///
            /// # Errors
            /// If it is negative or not finite.
            pub fn eps(self, eps: f64) -> Result<Self, LayerError> {
                Ok(Self { core: Core { eps: check_eps(stringify!($Name), eps)?, ..self.core } })
            }

            /// The same, with running statistics that move by `momentum` of the way to each batch's; 0.1 unless said.
            ///
            /// # Errors
            /// If it lies outside 0 ..= 1.
            pub fn momentum(self, momentum: f64) -> Result<Self, LayerError> {
                let fits = (0.0..=1.0).contains(&momentum);
                LayerError::check(fits, stringify!($Name), "momentum", momentum, "a fraction (0 ≤ momentum ≤ 1)")?;
                Ok(Self { core: Core { momentum: Some(momentum), ..self.core } })
            }

            /// The factor per channel, `[C]`.
            #[must_use]
            pub fn weight(&self) -> Option<&Param<T>> {
                self.core.weight.as_ref()
            }

            /// The shift per channel, `[C]`.
            #[must_use]
            pub fn bias(&self) -> Option<&Param<T>> {
                self.core.bias.as_ref()
            }

            /// The running mean, `[C]`; starts at 0.
            #[must_use]
            pub fn running_mean(&self) -> Option<&Tensor<T>> {
                self.core.running.as_ref().map(|running| running.mean())
            }

            /// The running variance, `[C]`; starts at 1.
            #[must_use]
            pub fn running_var(&self) -> Option<&Tensor<T>> {
                self.core.running.as_ref().map(|running| running.variance())
            }
        }

        impl<T: Float> Layer<T> for $Name<T> {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                let (name, rank) = (stringify!($Name), x.rank());
                assert!(rank == $rank || rank + 1 == $rank, "{name}: not {}: {} ({rank} axes)", $shapes, x.shape());
                if rank == $rank {
                    return self.core.forward(name, x, cx);
                }
                self.core.forward(name, &x.unsqueeze(0), cx).squeeze(0)
            }
        }
    )*};
}

instance_norm! {
    /// Instance normalisation of sequences: `[N, C, L]` or `[C, L]` (PyTorch: `InstanceNorm1d`).
    InstanceNorm1d 3, "[N, C, L] or [C, L]";
    /// Instance normalisation of images: `[N, C, H, W]` or `[C, H, W]` (PyTorch: `InstanceNorm2d`).
    InstanceNorm2d 4, "[N, C, H, W] or [C, H, W]";
    /// Instance normalisation of volumes: `[N, C, D, H, W]` or `[C, D, H, W]` (PyTorch: `InstanceNorm3d`).
    InstanceNorm3d 5, "[N, C, D, H, W] or [C, D, H, W]";
}
