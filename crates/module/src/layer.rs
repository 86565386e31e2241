//! `Layer`: a module that maps one variable to one.

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::context::Context;
use crate::walk::Module;

/// A module with a forward pass (PyTorch: `nn.Module` with its `forward`). Pure: all that is not a function of `x` and the
/// parameters comes through `cx`.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::{Context, Layer, Module, Param};
///
/// #[derive(Module)]
/// struct Scale { factor: Param }
///
/// impl Layer for Scale {
///     fn forward(&self, x: &Var, _: &mut Context<'_>) -> Var {
///         x * &*self.factor
///     }
/// }
///
/// let layer = Scale { factor: Param::new([2.0, 3.0]) };
/// let y = layer.forward(&Var::constant([1.0, 1.0]), &mut Context::eval());
/// assert_eq!(y.value().to_vec(), [2.0, 3.0]);
/// ```
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
