//! Dropout of weights instead of activations.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Path, Visitor, VisitorMut};
use gradus_tensor::{Float, Shape};

use crate::dropout::dropped;
use crate::error::LayerError;
use crate::reparametrized::Name;

const WRAPPER: &str = "DropConnect";

/// A layer of which each number of a weight is 0 with probability p in training, and divided by 1 − p otherwise; one mask per forward
/// pass (Wan et al. 2013, "DropConnect"; on the recurrent weights of an LSTM it is AWD-LSTM's weight drop, Merity et al. 2018). In
/// evaluation it is the layer. Names in the state are the layer's.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{DropConnect, Linear};
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{Rng, Tensor};
/// let rng = &mut Rng::seed(0);
/// let linear: Linear = Linear::new(4, 3, rng);
/// let (x, cx) = (Var::constant(Tensor::ones([2, 4])), &mut Context::eval());
/// let want = linear.forward(&x, cx);
/// let layer = DropConnect::<_>::new(linear, 0.5)?;
/// assert_eq!(layer.forward(&x, cx).value(), want.value());
/// assert_ne!(layer.forward(&x, &mut Context::train(rng)).value(), want.value());
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct DropConnect<L, T: Float = f32> {
    /// The layer.
    pub layer: L,
    names: Vec<Name>,
    p: f64,
    kind: std::marker::PhantomData<T>,
}

impl<T: Float, L: Module + Clone> DropConnect<L, T> {
    /// The layer's `weight`, dropped with probability `p`.
    ///
    /// # Errors
    /// If `p` lies outside 0 ..= 1, or the layer has no `weight` of this element type.
    pub fn new(layer: L, p: f64) -> Result<Self, LayerError> {
        Self::of(layer, &["weight"], p)
    }

    /// The weights of these names.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::{DropConnect, Lstm};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let rng = &mut Rng::seed(0);
    /// let lstm = Lstm::builder(3, 8).build::<f32>(rng)?;
    /// let layer = DropConnect::<_, f32>::of(lstm, &["weight_hh_l0"], 0.5)?;
    /// let cx = &mut Context::train(rng);
    /// let (y, _) = layer.effective(cx).forward_from(&Var::constant(Tensor::ones([5, 4, 3])), None, cx);
    /// assert_eq!(y.dims(), [5, 4, 8]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If `p` lies outside 0 ..= 1, or the layer has no such weights of this element type.
    pub fn of(layer: L, weights: &[&str], p: f64) -> Result<Self, LayerError> {
        LayerError::check((0.0..=1.0).contains(&p), WRAPPER, "p", p, "a probability (0 ≤ p ≤ 1)")?;
        let names: Result<_, _> = weights.iter().map(|name| Name::new::<T>(WRAPPER, &layer, name)).collect();
        Ok(Self { names: names?, layer, p, kind: std::marker::PhantomData })
    }

    /// The layer with weights dropped, for methods beside `forward`; gradients go to the layer's parameters.
    #[must_use]
    pub fn effective(&self, cx: &mut Context<'_>) -> L {
        let mut layer = None;
        for name in &self.names {
            if let Some(weight) = name.find::<T>(&self.layer) {
                let shape: Shape = *weight.shape();
                let weight = dropped(weight, self.p, shape, cx);
                layer = Some(name.with_value(layer.as_ref().unwrap_or(&self.layer), weight));
            }
        }
        layer.unwrap_or_else(|| self.layer.clone())
    }
}

impl<T: Float, L: Module> Module for DropConnect<L, T> {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        self.layer.visit(path, f);
    }

    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        self.layer.visit_mut(path, f);
    }
}

impl<T: Float, L: Layer<T> + Clone> Layer<T> for DropConnect<L, T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        if cx.is_training() && self.p > 0.0 {
            self.effective(cx).forward(x, cx)
        } else {
            self.layer.forward(x, cx)
        }
    }
}
