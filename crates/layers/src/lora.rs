//! Low-rank adapters: a trained layer stays as it is, and what is learned anew is a product of two thin matrices beside it.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, Rng, Tensor};

use crate::dropout::dropped;
use crate::error::LayerError;
use crate::init::fan_uniform;
use crate::linear::Linear;

const NAME: &str = "LoraLinear";

/// A [`Linear`] layer that no longer learns, with an adapter that does: y = W·x + b + α/r·B·A·drop(x), `[…, I] → […, O]` (Hu et al. 2022,
/// "LoRA"; PEFT: `LoraLayer`).
///
/// `lora_A` `[r, I]` starts evenly distributed in ±1/√I, `lora_B` `[O, r]` at 0, so that nothing changes at first. Names in the state
/// are PEFT's: `base_layer.weight`, `base_layer.bias`, `lora_A.weight`, `lora_B.weight`.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{Linear, LoraLinear};
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{Rng, Tensor};
/// let rng = &mut Rng::seed(0);
/// let mut layer: LoraLinear = LoraLinear::new(Linear::new(8, 4, rng), 2, 16.0, rng)?;
/// let x = Var::constant(Tensor::ones([5, 8]));
/// let gradients = layer.forward(&x, &mut Context::eval()).sum().backward();
/// assert_eq!(gradients.len(), 2); // the adapter's alone
/// layer.merge();
/// assert!(layer.is_merged());
/// layer.unmerge();
/// assert_eq!((layer.scaling(), layer.update().dims()), (8.0, [4, 8]));
/// let layer = layer.dropout(0.1)?.rank_stabilised(); // α/√r
/// assert!(layer.into_linear().weight.is_trainable());
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct LoraLinear<T: Float = f32> {
    /// The layer that stays.
    pub base_layer: Linear<T>,
    /// I → r, without bias.
    #[module(rename = "lora_A")]
    pub lora_a: Linear<T>,
    /// r → O, without bias.
    #[module(rename = "lora_B")]
    pub lora_b: Linear<T>,
    #[module(skip)]
    scaling: f64,
    #[module(skip)]
    dropout: f64,
    #[module(skip)]
    merged: bool,
}

impl<T: Float> LoraLinear<T> {
    /// An adapter of `rank` r beside `base`, whose parameters are no longer trained; what it says is multiplied by `alpha`/r.
    ///
    /// # Errors
    /// If the rank is 0 or larger than the layer, or `alpha` is not finite.
    pub fn new(base: Linear<T>, rank: usize, alpha: f64, rng: &mut Rng) -> Result<Self, LayerError> {
        let [outputs, inputs] = base.weight.dims();
        let most = inputs.min(outputs);
        let range = format_args!("1 ..= {most} for {inputs} inputs and {outputs} outputs");
        LayerError::check((1..=most).contains(&rank), NAME, "rank", rank, range)?;
        LayerError::check(alpha.is_finite(), NAME, "alpha", alpha, "finite")?;
        let mut base_layer = base;
        base_layer.set_trainable(false, &|_| true);
        let mut lora_b = Linear::new(rank, outputs, rng).without_bias();
        *lora_b.weight.value_mut() = Tensor::zeros([outputs, rank]);
        let mut lora_a = Linear::new(inputs, rank, rng).without_bias();
        *lora_a.weight.value_mut() = fan_uniform([rank, inputs], inputs, rng);
        Ok(Self { base_layer, lora_a, lora_b, scaling: alpha / rank as f64, dropout: 0.0, merged: false })
    }

    /// In training the adapter's input is dropped with probability `p`.
    ///
    /// # Errors
    /// If `p` lies outside 0 ..= 1.
    pub fn dropout(self, p: f64) -> Result<Self, LayerError> {
        LayerError::check((0.0..=1.0).contains(&p), NAME, "dropout", p, "a probability (0 ≤ p ≤ 1)")?;
        Ok(Self { dropout: p, ..self })
    }

    /// Multiplied by α/√r instead of α/r (Kalajdzievski 2023; PEFT: `use_rslora`).
    #[must_use]
    pub fn rank_stabilised(self) -> Self {
        let rank = self.lora_a.weight.dim(0) as f64;
        Self { scaling: self.scaling * rank.sqrt(), ..self }
    }

    /// What the adapter's product is multiplied by.
    #[must_use]
    pub fn scaling(&self) -> f64 {
        self.scaling
    }

    /// Whether the adapter is in the weight.
    #[must_use]
    pub fn is_merged(&self) -> bool {
        self.merged
    }

    /// α/r·B·A, `[O, I]`.
    #[must_use]
    pub fn update(&self) -> Tensor<T> {
        self.lora_b.weight.value().matmul(self.lora_a.weight.value()) * T::of(self.scaling)
    }

    /// Adds the adapter to the weight: a forward pass then costs what it cost before, and the adapter does not learn.
    pub fn merge(&mut self) {
        if !self.merged {
            let update = self.update();
            *self.base_layer.weight.value_mut() += &update;
            self.merged = true;
        }
    }

    /// Takes it out again, up to rounding.
    pub fn unmerge(&mut self) {
        if self.merged {
            let update = self.update();
            *self.base_layer.weight.value_mut() -= &update;
            self.merged = false;
        }
    }

    /// The layer with the adapter in its weight, trained again.
    #[must_use]
    pub fn into_linear(mut self) -> Linear<T> {
        self.merge();
        self.base_layer.set_trainable(true, &|_| true);
        self.base_layer
    }
}

impl<T: Float> Layer<T> for LoraLinear<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let y = self.base_layer.forward(x, cx);
        if self.merged {
            return y;
        }
        let thin = self.lora_a.forward(&dropped(x, self.dropout, *x.shape(), cx), cx);
        y + self.lora_b.forward(&thin, cx) * self.scaling
    }
}
