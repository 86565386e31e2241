//! Layers without numbers of their own: the identity, flattening, and layers one after the other.

use std::fmt;

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Float, MAX_RANK, Shape};

use crate::error::LayerError;

/// y = x (PyTorch: `Identity`). Takes the place of a layer that is not wanted.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Identity;
/// use gradus_module::{Context, Layer};
/// let y = Identity.forward(&Var::constant([1.0_f32, 2.0]), &mut Context::eval());
/// assert_eq!(y.value().to_vec(), [1.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
pub struct Identity;

impl<T: Float> Layer<T> for Identity {
    fn forward(&self, x: &Var<T>, _: &mut Context<'_>) -> Var<T> {
        x.clone()
    }
}

/// Axes `start ..= end` merged into one: by default all but the first, `[N, C, H, W] → [N, C·H·W]` (PyTorch: `Flatten`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Flatten;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::Tensor;
/// let (x, cx) = (Var::constant(Tensor::<f32>::ones([5, 3, 4, 4])), &mut Context::eval());
/// assert_eq!(Flatten::new().forward(&x, cx).dims(), [5, 48]);
/// assert_eq!(Flatten::axes(2, 3).forward(&x, cx).dims(), [5, 3, 16]);
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct Flatten {
    #[module(skip)]
    start: isize,
    #[module(skip)]
    end: isize,
}

impl Flatten {
    /// All axes but the first become one.
    #[must_use]
    pub fn new() -> Self {
        Self::axes(1, -1)
    }

    /// Axes `start ..= end` become one; −1 is the last.
    #[must_use]
    pub fn axes(start: isize, end: isize) -> Self {
        Self { start, end }
    }
}

impl Default for Flatten {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Float> Layer<T> for Flatten {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let y = x.flatten(self.start, self.end);
        cx.record::<T>("Flatten", None, &y, 0);
        y
    }
}

/// One axis taken apart into several: the inverse of [`Flatten`], `[N, C·H·W] → [N, C, H, W]` (PyTorch: `Unflatten`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Unflatten;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::Tensor;
/// let x = Var::constant(Tensor::<f32>::ones([5, 12]));
/// let y = Unflatten::new(1, &[3, 2, 2])?.forward(&x, &mut Context::eval());
/// assert_eq!(y.dims(), [5, 3, 2, 2]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct Unflatten {
    #[module(skip)]
    axis: isize,
    #[module(skip)]
    sizes: Shape,
}

impl Unflatten {
    /// `axis` becomes axes of the lengths `sizes`; −1 is the last.
    ///
    /// # Errors
    /// If there are none, or more than a tensor can have.
    pub fn new(axis: isize, sizes: &[usize]) -> Result<Self, LayerError> {
        let fits = (1..=MAX_RANK).contains(&sizes.len());
        LayerError::check(
            fits,
            "Unflatten",
            "sizes",
            format!("{sizes:?}"),
            format_args!("1 to {MAX_RANK} lengths"),
        )?;
        Ok(Self { axis, sizes: Shape::new(sizes) })
    }
}

impl<T: Float> Layer<T> for Unflatten {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let shape = x.shape();
        let axis = shape.axis("Unflatten", self.axis);
        let (length, count) = (shape[axis], self.sizes.count());
        assert!(
            length == count,
            "Unflatten: sizes do not fit the axis: {shape} and {} ({length} ≠ {count})",
            self.sizes
        );
        let parts = [&shape[..axis], &self.sizes[..], &shape[axis + 1..]].concat();
        let y = x.reshape(parts);
        cx.record::<T>("Unflatten", None, &y, 0);
        y
    }
}

/// Layers one after the other (PyTorch: `Sequential`). Their parameters are called `0.weight`, `0.bias`, `1.weight` …
///
/// ```
/// use gradus_layers::{Linear, Relu, Sequential};
/// use gradus_module::Module;
/// use gradus_tensor::Rng;
/// let mut rng = Rng::seed(0);
/// let model = Sequential::<f32>::new()
///     .push(Linear::new(4, 8, &mut rng))
///     .push(Relu)
///     .push(Linear::new(8, 1, &mut rng).without_bias());
/// assert_eq!(model.state().names().collect::<Vec<_>>(), ["0.weight", "0.bias", "2.weight"]);
/// ```
#[derive(Module)]
pub struct Sequential<T: Float = f32> {
    #[module(flatten)]
    layers: Vec<Box<dyn Layer<T> + Send + Sync>>,
}

impl<T: Float> Sequential<T> {
    /// No layers: the identity.
    #[must_use]
    pub fn new() -> Self {
        Self { layers: Vec::new() }
    }

    /// With one more layer at the end.
    #[must_use]
    pub fn push(mut self, layer: impl Layer<T> + Send + Sync + 'static) -> Self {
        self.layers.push(Box::new(layer));
        self
    }

    /// The number of layers.
    #[must_use]
    pub fn len(&self) -> usize {
        self.layers.len()
    }

    /// Whether there are no layers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.layers.is_empty()
    }

    /// The layers in order, for those who want to see what lies between them.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::{Linear, Relu, Sequential};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let model = Sequential::<f32>::new().push(Linear::new(4, 8, &mut Rng::seed(0))).push(Relu);
    /// assert_eq!((model.len(), model.is_empty()), (2, false));
    /// let (x, mut cx) = (Var::constant(Tensor::ones([1, 4])), Context::eval());
    /// let hidden: Vec<Var> = model.iter().scan(x, |x, layer| { *x = layer.forward(x, &mut cx); Some(x.clone()) }).collect();
    /// assert_eq!(hidden[1].dims(), [1, 8]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = &(dyn Layer<T> + Send + Sync)> {
        self.layers.iter().map(AsRef::as_ref)
    }
}

impl<T: Float> Default for Sequential<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Float> Layer<T> for Sequential<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.layers.iter().fold(x.clone(), |x, layer| layer.forward(&x, cx))
    }
}

impl<T: Float> fmt::Debug for Sequential<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sequential<{}>({} layers)", T::DTYPE, self.len())
    }
}
