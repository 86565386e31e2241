//! Mixtures of experts: a router sends each token to a few of many layers, and says how evenly it does so.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, Rng, Tensor};

use crate::error::LayerError;
use crate::linear::Linear;

const NAME: &str = "MixtureOfExperts";

/// Each token through the `k` experts of `E` that a router prefers, weighed by the router: `[…, D] → […, D′]` (Shazeer et al. 2017; Fedus et
/// al. 2022, "Switch Transformers").
///
/// y = Σ pₑ·expertₑ(x) over the k largest probabilities p = softmax(W·x), which with k > 1 are divided by their sum (Mixtral;
/// [`MixtureOfExperts::unnormalised`] leaves them). Names in the state are `gate.weight` and `experts.0.…`.
/// [`MixtureOfExperts::forward_routed`] answers what the losses of routing need.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{Linear, MixtureOfExperts, Relu, Sequential};
/// use gradus_module::Context;
/// use gradus_tensor::{Rng, Tensor};
/// let rng = &mut Rng::seed(0);
/// let expert = |rng: &mut Rng| Sequential::new().push(Linear::new(8, 16, rng)).push(Relu).push(Linear::new(16, 8, rng));
/// let experts = (0..4).map(|_| expert(rng)).collect();
/// let layer: MixtureOfExperts<Sequential> = MixtureOfExperts::new(8, experts, 2, rng)?;
/// let x = Var::constant(Tensor::normal([3, 5, 8], 0.0, 1.0, rng));
/// let routed = layer.forward_routed(&x, &mut Context::eval());
/// assert_eq!(routed.output.dims(), [3, 5, 8]);
/// let loss = routed.output.square().mean() + routed.balance_loss() * 0.01 + routed.z_loss() * 0.001;
/// assert!(loss.backward().of(&layer.gate.weight).is_some());
/// // No expert takes more than half of the choices.
/// let tight = layer.capacity(2.0)?.unnormalised();
/// assert!(tight.forward_routed(&x, &mut Context::eval()).dropped <= 15);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct MixtureOfExperts<L: Module, T: Float = f32> {
    /// The router, D → E without bias.
    pub gate: Linear<T>,
    /// What tokens are sent to.
    pub experts: Vec<L>,
    #[module(skip)]
    chosen: usize,
    #[module(skip)]
    capacity: Option<f64>,
    #[module(skip)]
    normalised: bool,
}

/// What a [`MixtureOfExperts`] did.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Routed;
/// use gradus_tensor::Tensor;
/// let (output, logits) = (Var::constant([[0.0_f32], [0.0]]), Var::constant([[9.0, -9.0], [-9.0, 9.0]]));
/// let even = Routed { output, logits, experts: Tensor::from([[0_i64], [1]]), dropped: 0 };
/// assert!((even.balance_loss().item() - 1.0).abs() < 1e-6);
/// ```
#[derive(Clone, Debug)]
pub struct Routed<T: Float = f32> {
    /// The output, `[…, D′]`.
    pub output: Var<T>,
    /// What the router said of N tokens, `[N, E]`.
    pub logits: Var<T>,
    /// The experts that each token chose, best first, `[N, k]`.
    pub experts: Tensor<i64>,
    /// How many of these choices found no room.
    pub dropped: usize,
}

impl<T: Float> Routed<T> {
    /// How evenly tokens are spread: E·Σₑ fₑ·Pₑ with the share fₑ of choices that fell on expert e and its mean probability Pₑ; 1 if
    /// all get the same (Fedus et al. 2022, equation 4, there with k = 1). Gradients come through P alone. Without tokens 0.
    #[must_use]
    pub fn balance_loss(&self) -> Var<T> {
        let [tokens, experts] = self.logits.dims();
        let choices = self.experts.len();
        if tokens == 0 || choices == 0 {
            return Var::constant(Tensor::scalar(T::ZERO));
        }
        let mut shares = vec![0.0; experts];
        self.experts.to_vec().into_iter().for_each(|e| shares[e as usize] += 1.0 / choices as f64);
        let shares: Vec<T> = shares.into_iter().map(T::of).collect();
        let mean = self.logits.softmax(-1).mean_axes(&[0], false);
        (mean * Var::constant(Tensor::new([experts], &shares))).sum() * experts as f64
    }

    /// The mean of (ln Σ e^logit)², which keeps logits small (Zoph et al. 2022, "ST-MoE", equation 5). Without tokens 0.
    #[must_use]
    pub fn z_loss(&self) -> Var<T> {
        if self.logits.is_empty() {
            return Var::constant(Tensor::scalar(T::ZERO));
        }
        self.logits.logsumexp(-1, false).square().mean()
    }
}

impl<T: Float, L: Layer<T>> MixtureOfExperts<L, T> {
    /// A router for tokens of `inputs` features that chooses `chosen` of the experts for each.
    ///
    /// # Errors
    /// If there are no experts, or not so many as shall be chosen, or none shall be.
    pub fn new(inputs: usize, experts: Vec<L>, chosen: usize, rng: &mut Rng) -> Result<Self, LayerError> {
        LayerError::check(!experts.is_empty(), NAME, "experts", 0, "at least 1")?;
        let fits = (1..=experts.len()).contains(&chosen);
        LayerError::check(
            fits,
            NAME,
            "chosen",
            chosen,
            format_args!("1 ..= {}, the experts", experts.len()),
        )?;
        let gate = Linear::new(inputs, experts.len(), rng).without_bias();
        Ok(Self { gate, experts, chosen, capacity: None, normalised: chosen > 1 })
    }

    /// An expert takes no more than ⌈`factor`·k·N/E⌉ of N tokens; what comes later finds no room, first choices before second ones and
    /// tokens in their order (Lepikhin et al. 2021, "GShard"). A token that finds none is 0 in the output.
    ///
    /// # Errors
    /// If the factor is not finite and positive.
    pub fn capacity(self, factor: f64) -> Result<Self, LayerError> {
        let fits = factor.is_finite() && factor > 0.0;
        LayerError::check(fits, NAME, "capacity", factor, "finite and > 0")?;
        Ok(Self { capacity: Some(factor), ..self })
    }

    /// Probabilities weigh as they are, also with several experts: their sum is less than 1.
    #[must_use]
    pub fn unnormalised(self) -> Self {
        Self { normalised: false, ..self }
    }

    /// The output, with what the losses of routing need: `[…, D] → […, D′]`.
    ///
    /// # Panics
    /// If the last axis is not D, or experts differ in D′.
    #[must_use]
    #[track_caller]
    pub fn forward_routed(&self, x: &Var<T>, cx: &mut Context<'_>) -> Routed<T> {
        let shape = *x.shape();
        let width = shape.last().copied().unwrap_or(0);
        let tokens = x.len() / width.max(1);
        let rows = x.reshape([tokens, width]);
        let logits = self.gate.forward(&rows, cx);
        let probabilities = logits.softmax(-1);
        let experts = best(probabilities.value(), self.chosen);
        let mut weights = probabilities.gather(1, &experts);
        if self.normalised {
            weights = &weights / weights.sum_axes(&[1], true);
        }
        let flat = weights.reshape([tokens * self.chosen]);
        let (plan, dropped) = self.plan(&experts);
        let mut output: Option<Var<T>> = None;
        for (expert, choices) in self.experts.iter().zip(&plan) {
            // Without tokens an expert runs only where nobody else says how wide the output is.
            if choices.is_empty() && (output.is_some() || tokens > 0) {
                continue;
            }
            let index = |of: &dyn Fn(usize) -> usize| -> Tensor<i64> {
                Tensor::new([choices.len()], &choices.iter().map(|&c| of(c) as i64).collect::<Vec<_>>())
            };
            let (token, choice) = (index(&|c| c / self.chosen), index(&|c| c));
            let y = expert.forward(&rows.index_select(0, &token), cx);
            let y = &y * flat.index_select(0, &choice).unsqueeze(-1);
            let sum = output.unwrap_or_else(|| Var::constant(Tensor::zeros([tokens, y.dim(1)])));
            output = Some(sum.index_add(0, &token, &y));
        }
        let output = output.unwrap_or(rows);
        let wide = shape.with(shape.len().saturating_sub(1), output.dim(1));
        Routed { output: output.reshape(wide), logits, experts, dropped }
    }

    /// For each expert the numbers of the choices (token·k + rank) that it takes, and how many found no room.
    fn plan(&self, experts: &Tensor<i64>) -> (Vec<Vec<usize>>, usize) {
        let ([tokens, chosen], count) = (experts.dims(), self.experts.len());
        let room = self
            .capacity
            .map_or(usize::MAX, |factor| (factor * (chosen * tokens) as f64 / count as f64).ceil() as usize);
        let values = experts.to_vec();
        let (mut plan, mut dropped) = (vec![Vec::new(); count], 0);
        for rank in 0..chosen {
            for token in 0..tokens {
                let choice = token * chosen + rank;
                let taken: &mut Vec<usize> = &mut plan[values[choice] as usize];
                if taken.len() < room { taken.push(choice) } else { dropped += 1 }
            }
        }
        (plan, dropped)
    }
}

/// The columns of the `count` largest numbers of each row, largest first, of equal ones the first: `[N, E] → [N, count]`.
fn best<T: Float>(x: &Tensor<T>, count: usize) -> Tensor<i64> {
    let ([rows, columns], values) = (x.dims(), x.to_vec());
    let mut out = Vec::with_capacity(rows * count);
    let mut order: Vec<usize> = Vec::with_capacity(columns);
    for row in values.chunks(columns.max(1)) {
        order.clear();
        order.extend(0..columns);
        // NaN counts as the largest, so that it is not hidden; a stable sort keeps the order of equals.
        let key = |&i: &usize| if row[i].is_nan() { f64::INFINITY } else { row[i].as_f64() };
        order.sort_by(|a, b| key(b).total_cmp(&key(a)));
        out.extend(order[..count].iter().map(|&i| i as i64));
    }
    Tensor::new([rows, count], &out)
}

impl<T: Float, L: Layer<T>> Layer<T> for MixtureOfExperts<L, T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.forward_routed(x, cx).output
    }
}
