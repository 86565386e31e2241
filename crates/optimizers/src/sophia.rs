//! Sophia (Liu et al. 2024, "Sophia: A Scalable Stochastic Second-order Optimizer"): momentum over a running estimate of the
//! Hessian's diagonal, no element moving further than η:
//!
//! * m ← β₁·m + (1 − β₁)·g; every few steps h ← β₂·h + (1 − β₂)·ĥ
//! * w ← (1 − η·λ)·w − η·clip(m/max(γ·h, ε), 1)

use gradus_autodiff::{Gradients, Var, grad};
use gradus_module::{Kind, Module, Param, Path};
use gradus_tensor::{AnyTensor, Float, Rng, Tensor};

use crate::error::{OptimizerError, check, check_betas, check_not_negative};
use crate::optimizer::Optimizer;
use crate::rule::{Decay, Rule, StepInfo};
use crate::setters::{betas, setters};
use crate::update_by;

/// Sophia (PyTorch has none). Between steps, every ten or so, tell it of the curvature by
/// [`update_hessian`](Optimizer::update_hessian); before the first time each step is η·sign(m).
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Sophia, hutchinson};
/// use gradus_tensor::Rng;
/// let (mut model, rng) = (Param::new([3.0_f64, -1.0]), &mut Rng::seed(1));
/// let mut optimizer = Sophia::new(0.1).betas(0.9, 0.99).gamma(1.0);
/// for step in 0..100 {
///     let loss = model.square().sum();
///     if step % 10 == 0 {
///         optimizer.update_hessian(&model, &hutchinson(&loss, &model, rng));
///     }
///     optimizer.step(&mut model, &loss.backward())?;
/// }
/// assert!(model.square().sum().item() < 0.1);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
pub type Sophia = Optimizer<SophiaRule>;

/// The equations of Sophia, see [`Sophia`].
///
/// ```
/// use gradus_optimizers::{Optimizer, Sophia, SophiaRule};
/// let optimizer: Optimizer<SophiaRule> = Sophia::new(0.1);
/// assert_eq!(optimizer.learning_rate(), 0.1);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SophiaRule {
    betas: (f64, f64),
    gamma: f64,
    eps: f64,
}

const HESSIAN: usize = 1;

impl Optimizer<SophiaRule> {
    /// Learning rate η; β = (0.965, 0.99), γ = 0.01 (for Hutchinson's estimate; 0.05 for Gauss–Newton's), ε = 1e-12, no
    /// weight decay.
    #[must_use]
    pub fn new(learning_rate: f64) -> Self {
        Self::with_rule(SophiaRule { betas: (0.965, 0.99), gamma: 0.01, eps: 1e-12 }, learning_rate)
    }

    /// h ← β₂·h + (1 − β₂)·ĥ for each parameter that has an estimate ĥ of its Hessian's diagonal: from [`hutchinson`],
    /// or, for a loss with labels drawn from the model itself, N·g² of the mean loss over a batch of N (Gauss–Newton–
    /// Bartlett).
    ///
    /// # Panics
    /// If an estimate has not its parameter's shape.
    #[track_caller]
    pub fn update_hessian<T: Float>(&mut self, model: &(impl Module + ?Sized), estimates: &Gradients<T>) {
        let keep = T::of(self.rule.betas.1);
        let new = T::of(1.0 - self.rule.betas.1);
        model.visit(&mut Path::root(), &mut |path, entry| {
            let estimate = entry.leaf_id().and_then(|leaf| estimates.get(leaf));
            let Some(estimate) = estimate.filter(|_| self.takes(path.as_str())) else { return };
            let shape = entry.shape();
            assert!(
                *estimate.shape() == shape,
                "update_hessian: an estimate has not its parameter's shape: {} and {shape} (`{path}`)",
                estimate.shape()
            );
            let memory = self.memories.entry(path.as_str().to_owned()).or_default();
            memory.prepare::<T, _>(&self.rule, &shape);
            let slot = &mut memory.slots[HESSIAN];
            let mean = slot.cast::<T>().zip(estimate, move |h, new_h| keep * h + new * new_h);
            *slot = AnyTensor::new(&mean);
        });
    }
}

betas!(SophiaRule, "β₁ and β₂, both in 0 .. 1: how slowly the means of gradients and of curvatures forget.");
setters!(SophiaRule,
    gamma: f64, "γ, above 0: the larger, the more elements are not clipped.";
    eps: f64, "ε, from 0 on: the least curvature that is divided by.";
);

impl Rule for SophiaRule {
    fn slots(&self) -> &'static [&'static str] {
        &["exp_avg", "hessian"]
    }

    fn decay(&self) -> Decay {
        Decay::Decoupled
    }

    fn validate(&self) -> Result<(), OptimizerError> {
        check_betas(self.betas)?;
        check("gamma", self.gamma, self.gamma > 0.0 && self.gamma.is_finite(), "above 0")?;
        check_not_negative("eps", self.eps)
    }

    update_by!(update);
}

#[inline(always)]
fn update<T: Float>(rule: &SophiaRule, step: &StepInfo, w: &mut [T], g: &[T], slots: &mut [&mut [T]]) {
    let [m, h] = slots else { return };
    let (a, rate) = (T::of(1.0 - rule.betas.0), T::of(step.learning_rate));
    let (gamma, eps, one) = (T::of(rule.gamma), T::of(rule.eps), T::of(1.0));
    for (((w, &g), m), &mut h) in w.iter_mut().zip(g).zip(m.iter_mut()).zip(h.iter_mut()) {
        *m = *m + a * (g - *m);
        let curvature = gamma * h;
        let ratio = *m / if curvature < eps { eps } else { curvature };
        // Comparisons with NaN are false: it stays.
        let ratio = if ratio > one { one } else { ratio };
        *w = *w - rate * if ratio < -one { -one } else { ratio };
    }
}

/// Hutchinson's estimate of the Hessian's diagonal, u ⊙ ∇⟨∇loss, u⟩ with normal u, for every trained parameter. It costs two
/// backward passes; `loss` may be used again for a step.
///
/// # Panics
/// If the loss is not a scalar.
#[must_use]
#[track_caller]
pub fn hutchinson<T: Float>(loss: &Var<T>, model: &(impl Module + ?Sized), rng: &mut Rng) -> Gradients<T> {
    let mut parameters: Vec<&Param<T>> = Vec::new();
    model.visit(&mut Path::root(), &mut |_, entry| {
        let is_trained = entry.kind() == Kind::Parameter && entry.leaf_id().is_some();
        parameters.extend(entry.as_any().downcast_ref::<Param<T>>().filter(|_| is_trained));
    });
    let leaves: Vec<&Var<T>> = parameters.iter().map(|parameter| &***parameter).collect();
    let slopes = grad(loss, &leaves);
    let noise: Vec<Tensor<T>> =
        leaves.iter().map(|leaf| Tensor::normal(*leaf.shape(), 0.0, 1.0, rng)).collect();
    let along: Var<T> = slopes.iter().zip(&noise).map(|(g, u)| (g * Var::from(u)).sum()).sum();
    let mut estimates = Gradients::default();
    for ((leaf, product), u) in leaves.iter().zip(grad(&along, &leaves)).zip(&noise) {
        if let Some(id) = leaf.leaf_id() {
            estimates.set(id, product.value() * u);
        }
    }
    estimates
}
