//! The network: two convolutions, each normalised, a pooling, two linear layers. It must never know data or training.

use gradus_autodiff::Var;
use gradus_layers::{BatchNorm2d, Conv2d, Dropout, LayerError, Linear, MaxPool2d};
use gradus_module::{Context, Layer, Module};
use gradus_tensor::Rng;

use super::settings::DigitsSettings;
use super::{CLASSES, SIDE};

/// Images `[N, 1, 8, 8]` → logits `[N, 10]`.
///
/// conv 3×3 · batch norm · relu · conv 3×3 · batch norm · relu · max pool 2 · dropout · linear · relu · linear
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::{Context, Layer};
/// use gradus_recipes::digits::{Cnn, DigitsSettings};
/// use gradus_tensor::{Rng, Tensor};
/// let model = Cnn::new(&DigitsSettings::default(), &mut Rng::seed(0))?;
/// let y = model.forward(&Var::constant(Tensor::ones([2, 1, 8, 8])), &mut Context::eval());
/// assert_eq!(y.dims(), [2, 10]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Debug, Module)]
pub struct Cnn {
    conv1: Conv2d,
    norm1: BatchNorm2d,
    conv2: Conv2d,
    norm2: BatchNorm2d,
    pool: MaxPool2d,
    dropout: Dropout,
    hidden: Linear,
    output: Linear,
}

impl Cnn {
    /// A network of the sizes in `settings`, with weights from `rng`.
    ///
    /// # Errors
    /// If the settings describe no network.
    pub fn new(settings: &DigitsSettings, rng: &mut Rng) -> Result<Self, LayerError> {
        let [first, second] = settings.channels;
        Ok(Self {
            // The norms that follow have a bias of their own.
            conv1: Conv2d::builder(1, first, 3).padding(1).without_bias().build(rng)?,
            norm1: BatchNorm2d::new(first),
            conv2: Conv2d::builder(first, second, 3).padding(1).without_bias().build(rng)?,
            norm2: BatchNorm2d::new(second),
            pool: MaxPool2d::new(2)?,
            dropout: Dropout::new(settings.dropout)?,
            hidden: Linear::new(second * (SIDE / 2) * (SIDE / 2), settings.hidden, rng),
            output: Linear::new(settings.hidden, CLASSES, rng),
        })
    }
}

impl Layer for Cnn {
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        let x = self.norm1.forward(&self.conv1.forward(x, cx), cx).relu();
        let x = self.norm2.forward(&self.conv2.forward(&x, cx), cx).relu();
        let x = self.pool.forward(&x, cx).flatten(1, -1);
        let x = self.hidden.forward(&self.dropout.forward(&x, cx), cx).relu();
        self.output.forward(&x, cx)
    }
}
