//! Weight normalisation: the length of each row of a weight apart from its direction.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param, Path, Visitor, VisitorMut};
use gradus_tensor::{Float, Tensor};

use crate::error::LayerError;
use crate::reparametrized::Name;

const WRAPPER: &str = "WeightNorm";

/// A layer whose weight is g·v/‖v‖: the length g and the direction v of each output are trained (Salimans & Kingma 2016; PyTorch:
/// `torch.nn.utils.parametrizations.weight_norm`).
///
/// Names in the state are PyTorch's: `bias`, `parametrizations.weight.original0` (g) and `parametrizations.weight.original1` (v). Any
/// layer can be wrapped, and any of its weights.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{Linear, WeightNorm};
/// use gradus_module::{Context, Layer, Module};
/// use gradus_tensor::{Rng, Tensor};
/// let linear: Linear = Linear::new(4, 3, &mut Rng::seed(0));
/// let (x, cx) = (Var::constant(Tensor::ones([2, 4])), &mut Context::eval());
/// let want = linear.forward(&x, cx);
/// let layer = WeightNorm::new(linear)?;
/// assert!((layer.forward(&x, cx) - want).abs().sum().item() < 1e-6);
/// let state = layer.state();
/// let names: Vec<&str> = state.names().collect();
/// assert_eq!(names, ["bias", "parametrizations.weight.original0", "parametrizations.weight.original1"]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct WeightNorm<L, T: Float = f32> {
    layer: L,
    name: Name,
    axis: Option<usize>,
    length: Param<T>,
    direction: Param<T>,
}

impl<T: Float, L: Module + Clone> WeightNorm<L, T> {
    /// The layer's `weight`, with a length for each part along its first axis (PyTorch: `dim=0`).
    ///
    /// # Errors
    /// If the layer has no `weight` of this element type.
    pub fn new(layer: L) -> Result<Self, LayerError> {
        Self::of(layer, "weight", Some(0))
    }

    /// The weight of this name, with a length for each part along `axis`, or one for all.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::{Lstm, WeightNorm};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let lstm = Lstm::builder(3, 8).build::<f32>(&mut Rng::seed(0))?;
    /// let layer = WeightNorm::<_, f32>::of(lstm, "weight_hh_l0", Some(0))?;
    /// let cx = &mut Context::eval();
    /// let (y, _) = layer.effective().forward_from(&Var::constant(Tensor::ones([5, 4, 3])), None, cx);
    /// assert_eq!(y.dims(), [5, 4, 8]);
    /// assert_eq!((layer.length().dims(), layer.direction().dims()), ([32, 1], [32, 8]));
    /// let value = layer.weight().into_value();
    /// let plain: Lstm = layer.into_layer();
    /// assert_eq!(*plain.weights(0, false).weight_hh.value(), value);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If the layer has no such weight, or the weight no such axis.
    pub fn of(mut layer: L, weight: &str, axis: Option<usize>) -> Result<Self, LayerError> {
        let name = Name::new::<T>(WRAPPER, &layer, weight)?;
        let value = name.find::<T>(&layer).map(|param| param.value().clone()).unwrap_or_default();
        let rank = value.rank();
        let given = axis.unwrap_or(0);
        LayerError::check(
            given < rank.max(1),
            WRAPPER,
            "axis",
            given,
            format_args!("less than {rank}, the axes"),
        )?;
        let length = Param::new(lengths(&Var::constant(value.clone()), axis).into_value());
        // What the layer holds in the weight's place is never read: one number, stretched.
        let place = Tensor::scalar(T::ZERO).expand(*value.shape());
        name.replace(&mut layer, Param::new(place));
        Ok(Self { layer, name, axis, length, direction: Param::new(value) })
    }

    /// g·v/‖v‖.
    #[must_use]
    pub fn weight(&self) -> Var<T> {
        &*self.direction * (&*self.length / lengths(&self.direction, self.axis))
    }

    /// g, of the weight's shape with all axes but one of length 1.
    #[must_use]
    pub fn length(&self) -> &Param<T> {
        &self.length
    }

    /// v, of the weight's shape.
    #[must_use]
    pub fn direction(&self) -> &Param<T> {
        &self.direction
    }

    /// The layer with its weight computed, for methods beside `forward`; gradients go to g and v.
    #[must_use]
    pub fn effective(&self) -> L {
        self.name.with_value(&self.layer, self.weight())
    }

    /// The layer with an ordinary weight of this value (PyTorch: `remove_parametrizations`).
    #[must_use]
    pub fn into_layer(mut self) -> L {
        let weight = Param::new(self.weight().into_value());
        self.name.replace(&mut self.layer, weight);
        self.layer
    }
}

/// ‖v‖ over all axes but one, which stay with length 1.
fn lengths<T: Float>(v: &Var<T>, axis: Option<usize>) -> Var<T> {
    let rank = v.rank() as isize;
    let Some(axis) = axis else { return v.square().sum().sqrt() };
    let others: Vec<isize> = (0..rank).filter(|&other| other != axis as isize).collect();
    v.square().sum_axes(&others, true).sqrt()
}

impl<T: Float, L: Module> Module for WeightNorm<L, T> {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        self.name.visit_others(&self.layer, path, f);
        path.enter("parametrizations", |path| {
            path.enter(self.name.as_str(), |path| {
                path.enter("original0", |path| self.length.visit(path, f));
                path.enter("original1", |path| self.direction.visit(path, f));
            });
        });
    }

    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        self.name.visit_others_mut(&mut self.layer, path, f);
        path.enter("parametrizations", |path| {
            path.enter(self.name.as_str(), |path| {
                path.enter("original0", |path| self.length.visit_mut(path, f));
                path.enter("original1", |path| self.direction.visit_mut(path, f));
            });
        });
    }
}

impl<T: Float, L: Layer<T> + Clone> Layer<T> for WeightNorm<L, T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.effective().forward(x, cx)
    }
}
