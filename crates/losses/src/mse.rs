//! Squared error. What becomes a number is one op, forward and backward: the smallest networks spend their time in the
//! overhead of ops, not in arithmetic.

use gradus_autodiff::{Cotangents, Op, Save, Saved, Var, apply};
use gradus_tensor::{Float, Tensor};

use crate::check::same_shape;
use crate::reduction::Reduction;

/// Squared error ℓ = (prediction − target)², `[…], […] → []` (PyTorch: `mse_loss`).
///
/// N counts elements: [`Reduction::Mean`] is 1/N Σ, [`Reduction::HalfMean`] the 1/(2N) Σ of textbooks.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, mse};
/// use gradus_tensor::Tensor;
/// let (prediction, target) = (Var::leaf([1.0_f32, 4.0]), Tensor::from([0.0, 2.0]));
/// assert_eq!(mse(&prediction, &target, Reduction::Mean).item(), 2.5);
/// assert_eq!(mse(&prediction, &target, Reduction::HalfMean).item(), 1.25);
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
#[track_caller]
pub fn mse<T: Float>(prediction: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let target = target.into();
    same_shape("mse", prediction.shape(), target.shape());
    let count = prediction.len() as f64;
    let scale = match reduction {
        Reduction::None => return (prediction - target).square(),
        Reduction::Sum => 1.0,
        Reduction::Mean => 1.0 / count,
        Reduction::HalfMean => 0.5 / count,
    };
    apply(SquaredError { scale }, &[prediction, &target])
}

/// scale·Σ (p − t)².
struct SquaredError {
    scale: f64,
}

impl<T: Float> Op<T> for SquaredError {
    fn name(&self) -> &'static str {
        "mse"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        // By value: the difference's memory takes the squares. Nothing times 1/0 is NaN, as PyTorch has it.
        (inputs[0] - inputs[1]).square().sum() * T::of(self.scale)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let slope = (saved.input(0) - saved.input(1)) * (g * (2.0 * self.scale));
        vec![saved.wants(0).then(|| slope.clone()), saved.wants(1).then(|| -&slope)]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let slope = (saved.take_input(0) - saved.take_input(1)) * (g.item() * T::of(2.0 * self.scale));
        let of_target = saved.wants(1).then(|| -&slope);
        Ok(vec![saved.wants(0).then_some(slope), of_target])
    }
}
