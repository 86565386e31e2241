//! Normalisation over the batch. In training the batch's statistics are used, and ride with the gradients to the running
//! averages; in evaluation the running averages are used.

use gradus_autodiff::Var;
use gradus_module::{Buffer, Context, Counter, Layer, Module, Param};
use gradus_tensor::{Float, Shape, Tensor};

use crate::error::LayerError;
use crate::norm::check_eps;
use crate::normalise::{Normalise, Tracking};

/// Running averages of a batch's statistics.
#[derive(Clone, Debug, Module)]
pub(crate) struct Running<T: Float> {
    running_mean: Buffer<T>,
    running_var: Buffer<T>,
    num_batches_tracked: Counter,
}

impl<T: Float> Running<T> {
    fn new(channels: usize) -> Self {
        Self {
            running_mean: Buffer::new(Tensor::zeros([channels])),
            running_var: Buffer::new(Tensor::ones([channels])),
            num_batches_tracked: Counter::new(0),
        }
    }

    pub(crate) fn mean(&self) -> &Tensor<T> {
        self.running_mean.value()
    }

    pub(crate) fn variance(&self) -> &Tensor<T> {
        self.running_var.value()
    }
}

/// What the layers for different ranks share.
#[derive(Clone, Debug, Module)]
pub(crate) struct Core<T: Float> {
    pub(crate) weight: Option<Param<T>>,
    pub(crate) bias: Option<Param<T>>,
    #[module(flatten)]
    pub(crate) running: Option<Running<T>>,
    #[module(skip)]
    pub(crate) channels: usize,
    #[module(skip)]
    pub(crate) eps: f64,
    /// `None`: all batches weigh the same.
    #[module(skip)]
    pub(crate) momentum: Option<f64>,
    /// Whether each sample has statistics of its own.
    #[module(skip)]
    pub(crate) per_sample: bool,
}

impl<T: Float> Core<T> {
    pub(crate) fn new(channels: usize) -> Self {
        Self { running: Some(Running::new(channels)), ..Self::bare(channels) }.with_affine()
    }

    /// Statistics of each sample, without weight, bias and running averages.
    pub(crate) fn of_samples(channels: usize) -> Self {
        Self { per_sample: true, ..Self::bare(channels) }
    }

    fn bare(channels: usize) -> Self {
        let (weight, bias, running) = (None, None, None);
        Self { weight, bias, running, channels, eps: 1e-5, momentum: Some(0.1), per_sample: false }
    }

    pub(crate) fn with_affine(self) -> Self {
        let weight = Some(Param::new(Tensor::ones([self.channels])));
        Self { weight, bias: Some(Param::new(Tensor::zeros([self.channels]))), ..self }
    }

    pub(crate) fn with_running_statistics(self) -> Self {
        Self { running: Some(Running::new(self.channels)), ..self }
    }

    #[track_caller]
    pub(crate) fn forward(&self, kind: &'static str, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let (shape, channels) = (*x.shape(), self.channels);
        assert!(
            shape[1] == channels,
            "{kind}: channels differ: {shape} and {channels} channels ({} ≠ {channels})",
            shape[1]
        );
        let y = match &self.running {
            Some(running) if !cx.is_training() => self.with_running(running, x),
            running => self.with_batch(kind, running.as_ref(), x, cx.is_training()),
        };
        cx.record(kind, self.weight.as_deref(), &y, x.len() as u64);
        y
    }

    /// A value per channel, as the shape that broadcasts over `[N, C, …]`.
    fn along_channels(&self, rank: usize) -> Shape {
        Shape::new(&vec![1; rank]).with(1, self.channels)
    }

    #[track_caller]
    fn with_batch(&self, kind: &str, running: Option<&Running<T>>, x: &Var<T>, training: bool) -> Var<T> {
        let (shape, rank) = (x.shape(), x.rank());
        let first = if self.per_sample { 2 } else { 0 };
        let count: usize = (first..rank).filter(|&axis| axis != 1).map(|axis| shape[axis]).product();
        let whose = if self.per_sample { "sample" } else { "batch" };
        assert!(
            !training || count > 1,
            "{kind}: a {whose}'s variance needs more than one value per channel: {shape} ({count} < 2)"
        );
        let tracking = running.filter(|_| training).map(|running| Tracking {
            mean: running.running_mean.id(),
            variance: running.running_var.id(),
            // PyTorch's instance normalisation keeps the counter and does not count.
            count: (!self.per_sample).then(|| running.num_batches_tracked.id()),
            momentum: self.momentum.unwrap_or(1.0 / (running.num_batches_tracked.value() + 1) as f64),
        });
        if self.per_sample && tracking.is_none() {
            return self.by_rows(x);
        }
        let axes = (first as isize..rank as isize).filter(|&axis| axis != 1).collect();
        let per_channel = |p: &Option<Param<T>>| p.as_ref().map(|p| p.reshape(self.along_channels(rank)));
        let (weight, bias) = (per_channel(&self.weight), per_channel(&self.bias));
        Normalise::standard(axes, self.eps).tracked(tracking).run(x, weight.as_ref(), bias.as_ref())
    }

    /// Each channel of each sample is a row of its own, which the rows' kernel normalises.
    fn by_rows(&self, x: &Var<T>) -> Var<T> {
        let (shape, along) = (*x.shape(), self.along_channels(x.rank()));
        let rows = x.reshape([shape[0] * shape[1], shape[2..].iter().product()]);
        let y = Normalise::standard(vec![-1], self.eps).run(&rows, None, None).reshape(shape);
        match (&self.weight, &self.bias) {
            (Some(weight), Some(bias)) => y * weight.reshape(along) + bias.reshape(along),
            _ => y,
        }
    }

    /// What evaluation does to each channel: y = scale·x + shift, `[C]` each; none without running statistics.
    fn scale_and_shift(&self) -> Option<(Tensor<T>, Tensor<T>)> {
        let running = self.running.as_ref()?;
        let mut scale = (running.running_var.value() + T::of(self.eps)).rsqrt();
        if let Some(weight) = &self.weight {
            scale = &scale * weight.value();
        }
        let mut shift = &(running.running_mean.value() * &scale) * T::of(-1.0);
        if let Some(bias) = &self.bias {
            shift = &shift + bias.value();
        }
        Some((scale, shift))
    }

    fn with_running(&self, running: &Running<T>, x: &Var<T>) -> Var<T> {
        let shape = self.along_channels(x.rank());
        let scale = (running.running_var.value() + T::of(self.eps)).rsqrt();
        let mut scale = Var::constant(scale.reshape(shape));
        if let Some(weight) = &self.weight {
            scale = scale * weight.reshape(shape);
        }
        let mut shift = -(Var::constant(running.running_mean.value().reshape(shape)) * &scale);
        if let Some(bias) = &self.bias {
            shift = shift + bias.reshape(shape);
        }
        x * scale + shift
    }
}

macro_rules! batch_norm {
    ($($(#[$doc:meta])* $Name:ident $ranks:pat, $shapes:literal, $example:literal;)*) => {$(
        $(#[$doc])*
        ///
        /// y = (x − mean)/√(variance + ε)·w + b for each channel, with ε = 1e-5 (Ioffe & Szegedy 2015). In training mean
        /// and biased variance are the batch's. They also move `running_mean` and `running_var` (the unbiased one) by a
        /// tenth of the way (PyTorch: `momentum=0.1`) and count `num_batches_tracked`, when an optimizer applies the
        /// gradients that came through this layer; a forward pass alone changes nothing. In evaluation mean and variance
        /// are the running ones.
        ///
        /// ```
        /// use gradus_autodiff::Var;
        #[doc = concat!("use gradus_layers::", stringify!($Name), ";")]
        /// use gradus_module::{Context, Layer, apply_updates};
        /// use gradus_tensor::{Rng, Tensor};
        #[doc = concat!("let mut layer: ", stringify!($Name), " = ", stringify!($Name), "::new(3);")]
        #[doc = concat!("let x = Var::constant(Tensor::full(", $example, ", 2.0));")]
        /// let y = layer.forward(&x, &mut Context::train(&mut Rng::seed(0)));
        /// assert!(y.value().to_vec().iter().all(|&y| y == 0.0));
        /// apply_updates(&mut layer, &y.sum().backward()); // an optimizer's step does this
        /// assert_eq!(layer.running_mean().map(|mean| mean.to_vec()), Some(vec![0.2; 3]));
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
                Self { core: Core::new(channels) }
            }

            /// The same without weight and bias (PyTorch: `affine=False`).
            #[must_use]
            pub fn without_affine(self) -> Self {
                Self { core: Core { weight: None, bias: None, ..self.core } }
            }

            /// The same without running statistics: evaluation uses the batch's too
            /// (PyTorch: `track_running_stats=False`).
            #[must_use]
            pub fn without_running_statistics(self) -> Self {
                Self { core: Core { running: None, ..self.core } }
            }

            /// The same with another ε.
            ///
            /// # Errors
            /// If it is negative or not finite.
            pub fn eps(self, eps: f64) -> Result<Self, LayerError> {
                Ok(Self { core: Core { eps: check_eps(stringify!($Name), eps)?, ..self.core } })
            }

            /// The same, with running statistics that move by `momentum` of the way to each batch's.
            ///
            /// # Errors
            /// If it lies outside 0 ..= 1.
            pub fn momentum(self, momentum: f64) -> Result<Self, LayerError> {
                let fits = (0.0..=1.0).contains(&momentum);
                LayerError::check(fits, stringify!($Name), "momentum", momentum, "a fraction (0 ≤ momentum ≤ 1)")?;
                Ok(Self { core: Core { momentum: Some(momentum), ..self.core } })
            }

            /// The same, with running statistics that are the averages over all batches (PyTorch: `momentum=None`). Exact
            /// with one forward pass per step.
            #[must_use]
            pub fn cumulative(self) -> Self {
                Self { core: Core { momentum: None, ..self.core } }
            }

            /// The factor per channel, `[C]`; starts at 1.
            #[must_use]
            pub fn weight(&self) -> Option<&Param<T>> {
                self.core.weight.as_ref()
            }

            /// The shift per channel, `[C]`; starts at 0.
            #[must_use]
            pub fn bias(&self) -> Option<&Param<T>> {
                self.core.bias.as_ref()
            }

            /// The running mean, `[C]`; starts at 0.
            #[must_use]
            pub fn running_mean(&self) -> Option<&Tensor<T>> {
                self.core.running.as_ref().map(|running| running.running_mean.value())
            }

            /// The running variance, `[C]`; starts at 1.
            #[must_use]
            pub fn running_var(&self) -> Option<&Tensor<T>> {
                self.core.running.as_ref().map(|running| running.running_var.value())
            }
        }

        impl<T: Float> Layer<T> for $Name<T> {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                let fits = matches!(x.rank(), $ranks);
                assert!(fits, concat!(stringify!($Name), ": not ", $shapes, ": {} ({} axes)"), x.shape(), x.rank());
                self.core.forward(stringify!($Name), x, cx)
            }
        }
    )*};
}

batch_norm! {
    /// Batch normalisation of vectors or sequences: `[N, C]` or `[N, C, L]` (PyTorch: `BatchNorm1d`).
    BatchNorm1d 2 | 3, "[N, C] or [N, C, L]", "[4, 3]";
    /// Batch normalisation of images: `[N, C, H, W]` (PyTorch: `BatchNorm2d`).
    BatchNorm2d 4, "[N, C, H, W]", "[2, 3, 4, 4]";
    /// Batch normalisation of volumes: `[N, C, D, H, W]` (PyTorch: `BatchNorm3d`).
    BatchNorm3d 5, "[N, C, D, H, W]", "[2, 3, 2, 4, 4]";
}

impl<T: Float> BatchNorm2d<T> {
    /// What evaluation does to each channel: y = scale·x + shift, `[C]` each; none without running statistics.
    pub(crate) fn scale_and_shift(&self) -> Option<(Tensor<T>, Tensor<T>)> {
        self.core.scale_and_shift()
    }
}
