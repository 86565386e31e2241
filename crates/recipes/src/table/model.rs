//! The network: linear layers with ReLU and dropout between them. It must never know what a feature is.

use gradus_autodiff::Var;
use gradus_layers::{Dropout, LayerError, Linear};
use gradus_module::{Context, Layer, Module};
use gradus_tensor::Rng;

use super::settings::TableSettings;

/// Features `[N, F]` → outputs `[N, K]`: a number, or the logits of K classes.
///
/// (linear · relu · dropout) · … · linear
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::{Context, Layer};
/// use gradus_recipes::table::{Mlp, TableSettings};
/// use gradus_tensor::{Rng, Tensor};
/// let model = Mlp::new(5, 3, &TableSettings::default(), &mut Rng::seed(0))?;
/// let y = model.forward(&Var::constant(Tensor::ones([2, 5])), &mut Context::eval());
/// assert_eq!(y.dims(), [2, 3]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Debug, Module)]
pub struct Mlp {
    hidden: Vec<Linear>,
    dropout: Dropout,
    output: Linear,
}

impl Mlp {
    /// A network for so many features and outputs, of the sizes in `settings`, with weights from `rng`.
    ///
    /// # Errors
    /// If the settings describe no network.
    pub fn new(
        features: usize,
        outputs: usize,
        settings: &TableSettings,
        rng: &mut Rng,
    ) -> Result<Self, LayerError> {
        let mut width = features;
        let mut hidden = Vec::with_capacity(settings.layers);
        for _ in 0..settings.layers {
            hidden.push(Linear::new(width, settings.hidden, rng));
            width = settings.hidden;
        }
        let dropout = Dropout::new(settings.dropout)?;
        Ok(Self { hidden, dropout, output: Linear::new(width, outputs, rng) })
    }
}

impl Layer for Mlp {
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        let mut x = x.clone();
        for layer in &self.hidden {
            x = self.dropout.forward(&layer.forward(&x, cx).relu(), cx);
        }
        self.output.forward(&x, cx)
    }
}
