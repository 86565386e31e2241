//! The logarithm of the hyperbolic cosine: squared near 0, absolute far from it, smooth to every order.

use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply};
use gradus_tensor::{Float, Tensor};

use crate::check::same_shape;
use crate::reduction::Reduction;

struct LogCosh;

impl<T: Float> Op<T> for LogCosh {
    fn name(&self) -> &'static str {
        "log_cosh"
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].map(log_cosh_of)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g * saved.input(0).tanh())]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch)])
    }
}

/// Near 0 as ½·ln(1 + sinh² d), which keeps the digits of d²/2; elsewhere as |d| + ln(1 + e^(−2|d|)) − ln 2, which
/// cannot overflow.
fn log_cosh_of<T: Float>(d: T) -> T {
    let size = d.abs();
    if size < T::ONE {
        let sinh = size.sinh();
        T::of(0.5) * (sinh * sinh).ln_1p()
    } else {
        size + (T::of(-2.0) * size).exp().ln_1p() - T::of(std::f64::consts::LN_2)
    }
}

/// With d = prediction − target: ℓ = ln cosh d, `[…], […] → []`. Its gradient is tanh d. (PyTorch has none; Keras:
/// `LogCosh`.)
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, log_cosh};
/// use gradus_tensor::Tensor;
/// let loss = log_cosh(&Var::leaf([1e4_f64]), &Tensor::from([0.0]), Reduction::Sum);
/// assert!((loss.item() - (1e4 - 2.0_f64.ln())).abs() < 1e-9);
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
#[track_caller]
pub fn log_cosh<T: Float>(prediction: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let target = target.into();
    same_shape("log_cosh", prediction.shape(), target.shape());
    reduction.apply(apply(LogCosh, &[&(prediction - target)]))
}
