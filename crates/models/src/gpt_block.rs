//! A block of a GPT: attention and a feed-forward map, each behind a norm and added to the stream. It must never know embeddings or a head.

use gradus_autodiff::Var;
use gradus_layers::{Dropout, KeyValueCache, LayerNorm, Linear, MultiheadAttention, RmsNorm, Rotary};
use gradus_module::{Context, Layer, Module, Param, Path, Visitor, VisitorMut};
use gradus_tensor::{Rng, Tensor};

use crate::error::ModelError;
use crate::gpt_config::{FeedForward, GptConfig, NormKind, Positions};

/// Spread of all weights at first (the paper's 0.02).
pub(crate) const SPREAD: f64 = 0.02;

/// One block: x + attention(norm(x)), then x + map(norm(x)); `[B, T, C] → [B, T, C]`.
///
/// ```
/// use gradus_models::{Gpt, GptConfig};
/// use gradus_tensor::Rng;
/// let model = Gpt::new(GptConfig::small(65, 128), &mut Rng::seed(0))?;
/// assert_eq!(model.h[0].attn.head_size(), 32);
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct GptBlock {
    /// Before the attention.
    pub ln_1: GptNorm,
    /// Causal attention.
    pub attn: MultiheadAttention,
    /// Before the feed-forward map.
    pub ln_2: GptNorm,
    /// The feed-forward map.
    pub mlp: GptMlp,
    #[module(skip)]
    drop: Dropout,
}

/// The feed-forward map of a block: `c_proj(gelu(c_fc(x)))`, or `c_proj(silu(c_gate(x)) ⊙ c_fc(x))`.
///
/// ```
/// use gradus_models::{Gpt, GptConfig};
/// use gradus_tensor::Rng;
/// let model = Gpt::new(GptConfig::modern(65, 128), &mut Rng::seed(0))?;
/// assert!(model.h[0].mlp.c_gate.is_some());
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct GptMlp {
    /// `[inner, C]`.
    pub c_fc: Linear,
    /// `[inner, C]`, of SwiGLU alone.
    pub c_gate: Option<Linear>,
    /// `[C, inner]`.
    pub c_proj: Linear,
    #[module(skip)]
    kind: FeedForward,
}

/// Either norm, under the same names.
///
/// ```
/// use gradus_models::{Gpt, GptConfig, GptNorm};
/// use gradus_tensor::Rng;
/// let model = Gpt::new(GptConfig::modern(65, 128), &mut Rng::seed(0))?;
/// assert!(matches!(model.ln_f, GptNorm::RootMeanSquare(_)));
/// # Ok::<(), gradus_models::ModelError>(())
/// ```
#[allow(clippy::large_enum_variant)] // a block holds two of them, and all of a model are of one kind
#[derive(Clone, Debug)]
pub enum GptNorm {
    /// Layer normalisation.
    Layer(LayerNorm),
    /// By the root mean square.
    RootMeanSquare(RmsNorm),
}

impl Module for GptNorm {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        match self {
            Self::Layer(norm) => norm.visit(path, f),
            Self::RootMeanSquare(norm) => norm.visit(path, f),
        }
    }

    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        match self {
            Self::Layer(norm) => norm.visit_mut(path, f),
            Self::RootMeanSquare(norm) => norm.visit_mut(path, f),
        }
    }
}

impl Layer for GptNorm {
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        match self {
            Self::Layer(norm) => norm.forward(x, cx),
            Self::RootMeanSquare(norm) => norm.forward(x, cx),
        }
    }
}

impl GptNorm {
    pub(crate) fn new(config: &GptConfig) -> Result<Self, ModelError> {
        Ok(match config.norm {
            NormKind::Layer => {
                let norm = LayerNorm::new([config.hidden_size]).eps(config.norm_eps)?;
                Self::Layer(if config.bias { norm } else { norm.without_bias() })
            }
            NormKind::RootMeanSquare => {
                Self::RootMeanSquare(RmsNorm::new([config.hidden_size]).eps(config.norm_eps)?)
            }
        })
    }
}

/// A linear map with weights of the given spread and a bias of 0.
pub(crate) fn linear([inputs, outputs]: [usize; 2], spread: f64, bias: bool, rng: &mut Rng) -> Linear {
    Linear {
        weight: normal([outputs, inputs], spread, rng),
        bias: bias.then(|| Param::new(Tensor::zeros([outputs]))),
    }
}

pub(crate) fn normal(shape: [usize; 2], spread: f64, rng: &mut Rng) -> Param {
    Param::new(Tensor::normal(shape, 0.0, spread, rng))
}

impl GptMlp {
    fn new(config: &GptConfig, rng: &mut Rng) -> Self {
        let GptConfig { hidden_size, inner_size, bias, feed_forward, .. } = *config;
        let up = [hidden_size, inner_size];
        Self {
            c_fc: linear(up, SPREAD, bias, rng),
            c_gate: (feed_forward == FeedForward::SwiGlu).then(|| linear(up, SPREAD, bias, rng)),
            c_proj: linear([inner_size, hidden_size], branch_spread(config), bias, rng),
            kind: feed_forward,
        }
    }
}

/// Branches start smaller the more of them are added: 0.02 / √(2·layers).
fn branch_spread(config: &GptConfig) -> f64 {
    SPREAD / (2.0 * config.layers as f64).sqrt()
}

impl Layer for GptMlp {
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        let up = self.c_fc.forward(x, cx);
        let inner = match (self.kind, &self.c_gate) {
            (FeedForward::SwiGlu, Some(gate)) => gate.forward(x, cx).silu() * up,
            (FeedForward::Gelu, _) => up.gelu(),
            _ => up.gelu_tanh(),
        };
        self.c_proj.forward(&inner, cx)
    }
}

impl GptBlock {
    pub(crate) fn new(config: &GptConfig, rng: &mut Rng) -> Result<Self, ModelError> {
        let GptConfig { hidden_size, heads, key_heads, bias, dropout, .. } = *config;
        let mut attn =
            MultiheadAttention::grouped(hidden_size, heads, key_heads, rng)?.causal().dropout(dropout)?;
        attn = match config.positions {
            Positions::Alibi => attn.alibi(),
            Positions::Rotary { base } => {
                let rotary = Rotary::new(attn.head_size())?.base(base)?;
                attn.rotary(rotary)?
            }
            Positions::Learned | Positions::Sinusoidal => attn,
        };
        if !bias {
            attn = attn.without_bias();
        }
        attn.visit_mut(&mut Path::root(), &mut |path, entry| {
            let spread = if path.as_str().starts_with("out_proj") { branch_spread(config) } else { SPREAD };
            if let (2, Some(weight)) = (entry.shape().len(), entry.as_any_mut().downcast_mut::<Param>()) {
                *weight.value_mut() = Tensor::normal(*weight.shape(), 0.0, spread, rng);
            }
        });
        let (ln_1, ln_2) = (GptNorm::new(config)?, GptNorm::new(config)?);
        Ok(Self { ln_1, attn, ln_2, mlp: GptMlp::new(config, rng), drop: Dropout::new(dropout)? })
    }

    pub(crate) fn run(&self, x: &Var, cache: Option<&mut KeyValueCache>, cx: &mut Context<'_>) -> Var {
        let normed = self.ln_1.forward(x, cx);
        let found = match cache {
            Some(cache) => self.attn.decode(&normed, cache, cx),
            None => self.attn.forward(&normed, cx),
        };
        let x = x + self.drop.forward(&found, cx);
        let made = self.mlp.forward(&self.ln_2.forward(&x, cx), cx);
        x + self.drop.forward(&made, cx)
    }
}

impl Layer for GptBlock {
    fn forward(&self, x: &Var, cx: &mut Context<'_>) -> Var {
        self.run(x, None, cx)
    }
}
