//! A look at (or a change of) the cotangent that passes a variable.

use std::sync::Arc;

use gradus_tensor::{Float, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::var::{Var, apply};

type Look<T> = Arc<dyn Fn(&Var<T>) -> Option<Var<T>> + Send + Sync>;

struct Hook<T: Float>(Look<T>);

impl<T: Float> Op<T> for Hook<T> {
    fn name(&self) -> &'static str {
        "on_gradient"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].clone()
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let new = (self.0)(g).unwrap_or_else(|| g.clone());
        let (given, wanted) = (new.shape(), g.shape());
        assert!(given == wanted, "on_gradient: the new gradient has another shape: {given} and {wanted}");
        vec![Some(new)]
    }

    /// What the hook makes of a cotangent says nothing about tangents.
    fn jvp(&self, _: &Saved<Var<T>>, tangents: &[Option<Var<T>>]) -> Option<Var<T>> {
        tangents[0].clone()
    }
}

impl<T: Float> Var<T> {
    /// The same value, whose gradient `f` sees when a backward pass has it complete, and may replace (PyTorch: `register_hook`,
    /// `register_full_backward_hook`). `f` answers the new gradient, of the same shape, or `None` to leave it. It is the gradient with
    /// respect to the variable answered here: use that one from here on, what goes on with `self` is not seen. Works in
    /// [`Var::backward`] (where gradients are constants) and in [`grad`](crate::grad) (where they can be differentiated again, and so
    /// is what `f` computes). Forward mode passes it by.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f64, 0.1]);
    /// let clipped = x.on_gradient(|g| Some(g.clamp(-1.0, 1.0)));
    /// let gradients = clipped.square().sum().backward();
    /// assert_eq!(gradients.of(&x).unwrap().to_vec(), [1.0, 0.2]);
    /// ```
    ///
    /// # Panics
    /// In the backward pass, if `f` answers another shape.
    #[must_use]
    #[track_caller]
    pub fn on_gradient(&self, f: impl Fn(&Var<T>) -> Option<Var<T>> + Send + Sync + 'static) -> Self {
        apply(Hook(Arc::new(f)), &[self])
    }
}
