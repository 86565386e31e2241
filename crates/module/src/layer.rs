//! `Layer`: a module that maps one variable to one.

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::context::Context;
use crate::walk::Module;

/// A module with a forward pass. Pure: all that is not a function of `x` and the parameters comes through `cx`.
pub trait Layer<T: Float = f32>: Module {
    /// The output for `x`.
    ///
    /// # Panics
    /// If `x` has not the shape that the layer expects.
    #[track_caller]
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T>;
}

impl<T: Float, L: Layer<T> + ?Sized> Layer<T> for Box<L> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        (**self).forward(x, cx)
    }
}
