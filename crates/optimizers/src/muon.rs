//! Muon (Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks"): momentum, turned into a matrix whose
//! singular values are all near 1 by a few steps of a Newton–Schulz iteration:
//!
//! * b ← μ·b + (1 − μ)·g; u = b, with Nesterov's look-ahead u = (1 − μ)·g + μ·b
//! * X = u/‖u‖, then k times with A = X·Xᵀ: X ← a·X + (b·A + c·A²)·X
//! * w ← (1 − η·λ)·w − η·s·X; s by the shape `[R, C]`, see [`MuonScale`]

use gradus_tensor::{Float, Shape, Tensor};

use crate::error::{OptimizerError, check, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo};
use crate::setters::setters;
use crate::update_whole_by;

/// Muon (PyTorch: `Muon`, which iterates in bf16; here it is the parameter's own type). For matrices alone: take the
/// hidden layers' weights with [`Optimizer::only`] and leave the rest to AdamW, both in a [`Pair`](crate::Pair).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{AdamW, Muon, Pair};
/// let mut model = [Param::new([[3.0_f32, 0.0], [0.0, 1.0]]), Param::new([[1.0]])];
/// let muon = Muon::new(0.02).only(|path| path == "0");
/// let mut optimizer = Pair::new(muon, AdamW::new(1e-3).only(|path| path != "0"));
/// let gradients = (model[0].square().sum() + model[1].square().sum()).backward();
/// optimizer.step(&mut model, &gradients)?;
/// assert!((model[1].value().item() - 0.99899).abs() < 1e-5);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Muon = Optimizer<MuonRule>;

/// How the learning rate follows the shape `[R, C]` of a matrix (PyTorch: `adjust_lr_fn`).
///
/// ```
/// use gradus_optimizers::{Muon, MuonScale};
/// let optimizer = Muon::new(3e-4).scale(MuonScale::MatchAdamW);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MuonScale {
    /// √max(1, R/C) (PyTorch: `original`).
    #[default]
    Original,
    /// 0.2·√max(R, C): updates as large as AdamW's, so that its learning rate and decay do
    /// (PyTorch: `match_rms_adamw`; Liu et al. 2025).
    MatchAdamW,
    /// √(R/C) (PyTorch: `spectral_unclamped`).
    Spectral,
}

impl MuonScale {
    fn of(self, rows: f64, columns: f64) -> f64 {
        match self {
            MuonScale::Original => (rows / columns).max(1.0).sqrt(),
            MuonScale::MatchAdamW => 0.2 * rows.max(columns).sqrt(),
            MuonScale::Spectral => (rows / columns).sqrt(),
        }
    }
}

/// The equations of Muon, see [`Muon`].
///
/// ```
/// use gradus_optimizers::{Muon, MuonRule, Optimizer};
/// let optimizer: Optimizer<MuonRule> = Muon::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MuonRule {
    momentum: f64,
    nesterov: bool,
    coefficients: [f64; 3],
    iterations: usize,
    eps: f64,
    scale: MuonScale,
}

impl Optimizer<MuonRule> {
    /// Learning rate η (PyTorch starts from 0.001); μ = 0.95 with look-ahead, λ = 0.1, five iterations with (3.4445,
    /// −4.7750, 2.0315), ε = 1e-7: PyTorch's defaults.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        let rule = MuonRule {
            momentum: 0.95,
            nesterov: true,
            coefficients: [3.4445, -4.7750, 2.0315],
            iterations: 5,
            eps: 1e-7,
            scale: MuonScale::Original,
        };
        Self::with_rule(rule, learning_rate).weight_decay(0.1)
    }
}

setters!(MuonRule,
    momentum: f64, "μ, in 0 ..= 1.";
    nesterov: bool, "Whether to look ahead along the momentum.";
    coefficients: [f64; 3], "a, b and c of the iteration (PyTorch: `ns_coefficients`).";
    iterations: usize, "How often to iterate, below 100 (PyTorch: `ns_steps`).";
    eps: f64, "ε, from 0 on: the least norm that the momentum is divided by.";
    scale: MuonScale, "How the learning rate follows the shape.";
);

impl Rule for MuonRule {
    fn slots(&self) -> &'static [&'static str] {
        &["momentum_buffer"]
    }

    fn accepts(&self, shape: &Shape) -> Result<(), &'static str> {
        if shape.len() == 2 { Ok(()) } else { Err("a matrix [R, C]") }
    }

    fn decay(&self) -> Decay {
        Decay::Decoupled
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check("momentum", self.momentum, (0.0..=1.0).contains(&self.momentum), "in 0 ..= 1")?;
        check("iterations", self.iterations as f64, self.iterations < 100, "below 100")?;
        for coefficient in self.coefficients {
            check("coefficients", coefficient, coefficient.is_finite(), "numbers")?;
        }
        check_not_negative("eps", self.eps)
    }

    update_whole_by!(update);
}

fn update<T: Float>(
    rule: &MuonRule,
    step: &StepInfo,
    parameter: &mut Tensor<T>,
    gradient: Tensor<T>,
    slots: &mut [Tensor<T>],
) {
    let [buffer] = slots else { return };
    let (momentum, new) = (T::of(rule.momentum), T::of(1.0 - rule.momentum));
    *buffer = buffer.zip(&gradient, move |b, g| b + new * (g - b));
    let direction =
        if rule.nesterov { gradient.zip(buffer, move |g, b| g + momentum * (b - g)) } else { buffer.clone() };
    let [rows, columns] = parameter.dims();
    let rate = step.learning_rate * rule.scale.of(rows as f64, columns as f64);
    *parameter -= &(rule.orthogonal(&direction) * T::of(rate));
}

impl MuonRule {
    /// `[R, C] → [R, C]` with the same singular vectors and values near 1.
    fn orthogonal<T: Float>(&self, x: &Tensor<T>) -> Tensor<T> {
        let [rows, columns] = x.dims();
        // The smaller of the two products X·Xᵀ and Xᵀ·X.
        let is_tall = rows > columns;
        let mut x = if is_tall { x.t() } else { x.clone() };
        let norm = x.square().sum().item().as_f64().sqrt();
        let norm = if norm < self.eps { self.eps } else { norm };
        x /= T::of(norm);
        let [a, b, c] = self.coefficients.map(T::of);
        for _ in 0..self.iterations {
            let gram = x.matmul(&x.t());
            let polynomial = gram.matmul(&gram) * c + &(gram * b);
            x = polynomial.matmul(&x) + &(&x * a);
        }
        if is_tall { x.t() } else { x }
    }
}
