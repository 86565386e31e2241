//! Spectral normalisation: a weight divided by its largest singular value, which a power iteration follows.

use gradus_autodiff::{BufferId, Cotangents, Op, Save, Saved, Update, Var, apply};
use gradus_module::{Buffer, Context, Layer, Module, Param, Path, Visitor, VisitorMut};
use gradus_tensor::{Float, Rng, Tensor};

use crate::error::LayerError;
use crate::reparametrized::Name;

const WRAPPER: &str = "SpectralNorm";
/// Iterations before the first use, as in PyTorch.
const FIRST_ITERATIONS: usize = 15;

/// A layer whose weight is W/σ, with its largest singular value σ = uᵀ·W·v (Miyato et al. 2018; PyTorch:
/// `torch.nn.utils.parametrizations.spectral_norm`). A weight of more than two axes is a matrix of its first axis and the others.
///
/// In training a forward pass goes one step of the power iteration for u and v further and computes with them; they are written
/// when an optimizer applies the gradients that came through this layer (PyTorch writes them at once). In evaluation they are what they
/// are. Names in the state are PyTorch's: `bias`, `parametrizations.weight.original`, `parametrizations.weight.0._u` and `…_v`.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{Linear, SpectralNorm};
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{Rng, Tensor};
/// let rng = &mut Rng::seed(0);
/// let mut linear: Linear<f64> = Linear::new(2, 2, rng).without_bias();
/// *linear.weight.value_mut() = Tensor::from([[0.0, 4.0], [1.0, 0.0]]);
/// let layer = SpectralNorm::new(linear, rng)?;
/// let y = layer.forward(&Var::constant([[1.0, 0.0]]), &mut Context::eval());
/// assert!((y.value().at(&[0, 1]) - 0.25).abs() < 1e-12); // σ = 4
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct SpectralNorm<L, T: Float = f32> {
    layer: L,
    name: Name,
    iterations: usize,
    eps: f64,
    original: Param<T>,
    left: Buffer<T>,
    right: Buffer<T>,
}

/// The factors of the rank-one matrix that W is close to.
#[derive(Clone)]
struct Singular<T: Float> {
    left: Tensor<T>,
    right: Tensor<T>,
}

/// x/max(‖x‖, ε).
fn unit<T: Float>(x: &Tensor<T>, eps: f64) -> Tensor<T> {
    let norm = x.square().sum().item().as_f64().sqrt().max(eps);
    x * T::of(1.0 / norm)
}

impl<T: Float> Singular<T> {
    /// u ← W·v/‖W·v‖, v ← Wᵀ·u/‖Wᵀ·u‖, so many times.
    fn iterated(mut self, weight: &Tensor<T>, iterations: usize, eps: f64) -> Self {
        let ([rows, columns], turned) = (weight.dims(), weight.t());
        for _ in 0..iterations {
            self.left = unit(&weight.matmul(&self.right.reshape([columns, 1])).reshape([rows]), eps);
            self.right = unit(&turned.matmul(&self.left.reshape([rows, 1])).reshape([columns]), eps);
        }
        self
    }
}

/// A weight as a matrix of its first axis and the others.
fn matrix<T: Float>(weight: &Tensor<T>) -> Tensor<T> {
    let rows = weight.shape().first().copied().unwrap_or(1);
    weight.reshape([rows, weight.len() / rows.max(1)])
}

impl<T: Float, L: Module + Clone> SpectralNorm<L, T> {
    /// The layer's `weight`.
    ///
    /// # Errors
    /// If the layer has no `weight` of this element type, or it has fewer than two axes or no elements.
    pub fn new(layer: L, rng: &mut Rng) -> Result<Self, LayerError> {
        Self::of(layer, "weight", rng)
    }

    /// The weight of this name.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::{Lstm, SpectralNorm};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let rng = &mut Rng::seed(0);
    /// let lstm = Lstm::builder(3, 8).build::<f32>(rng)?;
    /// let layer = SpectralNorm::<_, f32>::of(lstm, "weight_hh_l0", rng)?.iterations(2)?;
    /// let cx = &mut Context::eval();
    /// let (y, _) = layer.effective(cx).forward_from(&Var::constant(Tensor::ones([5, 4, 3])), None, cx);
    /// assert_eq!(y.dims(), [5, 4, 8]);
    /// assert_eq!(layer.weight(cx).shape(), layer.original().shape());
    /// let plain: Lstm = layer.into_layer();
    /// assert_eq!(plain.weights(0, false).weight_hh.dims(), [32, 8]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Errors
    /// If the layer has no such weight, or it has fewer than two axes or no elements.
    pub fn of(mut layer: L, weight: &str, rng: &mut Rng) -> Result<Self, LayerError> {
        let name = Name::new::<T>(WRAPPER, &layer, weight)?;
        let value = name.find::<T>(&layer).map(|param| param.value().clone()).unwrap_or_default();
        let fits = value.rank() >= 2 && !value.is_empty();
        LayerError::check(
            fits,
            WRAPPER,
            "weight's shape",
            value.shape(),
            "two axes or more, none of them empty",
        )?;
        let (wide, eps) = (matrix(&value), 1e-12);
        let mut draw = |length| unit(&Tensor::normal([length], 0.0, 1.0, rng), eps);
        let first = Singular { left: draw(wide.dim(0)), right: draw(wide.dim(1)) };
        let Singular { left, right } = first.iterated(&wide, FIRST_ITERATIONS, eps);
        // What the layer holds in the weight's place is never read: one number, stretched.
        let place = Tensor::scalar(T::ZERO).expand(*value.shape());
        name.replace(&mut layer, Param::new(place));
        let (left, right) = (Buffer::new(left), Buffer::new(right));
        Ok(Self { layer, name, iterations: 1, eps, original: Param::new(value), left, right })
    }

    /// Steps of the power iteration per forward pass in training (PyTorch: `n_power_iterations`); 1 unless said.
    ///
    /// # Errors
    /// If there are none.
    pub fn iterations(self, iterations: usize) -> Result<Self, LayerError> {
        LayerError::check(iterations > 0, WRAPPER, "iterations", iterations, "at least 1")?;
        Ok(Self { iterations, ..self })
    }

    /// W.
    #[must_use]
    pub fn original(&self) -> &Param<T> {
        &self.original
    }

    /// W/σ.
    #[must_use]
    pub fn weight(&self, cx: &mut Context<'_>) -> Var<T> {
        let mut singular = Singular { left: self.left.value().clone(), right: self.right.value().clone() };
        let mut targets = None;
        if cx.is_training() {
            singular = singular.iterated(&matrix(self.original.value()), self.iterations, self.eps);
            targets = Some([self.left.id(), self.right.id()]);
        }
        apply(Divide::new(singular, targets), &[&self.original])
    }

    /// The layer with its weight computed, for methods beside `forward`; gradients go to W.
    #[must_use]
    pub fn effective(&self, cx: &mut Context<'_>) -> L {
        self.name.with_value(&self.layer, self.weight(cx))
    }

    /// The layer with an ordinary weight, W/σ (PyTorch: `remove_parametrizations`).
    #[must_use]
    pub fn into_layer(mut self) -> L {
        let weight = Param::new(self.weight(&mut Context::eval()).into_value());
        self.name.replace(&mut self.layer, weight);
        self.layer
    }
}

/// W/(uᵀ·W·v) with constant u and v, which ride to their buffers with the gradients.
struct Divide<T: Float> {
    singular: Singular<T>,
    updates: Vec<Update<T>>,
}

impl<T: Float> Divide<T> {
    fn new(singular: Singular<T>, targets: Option<[BufferId; 2]>) -> Self {
        let values = [&singular.left, &singular.right];
        let update = |(target, value): (BufferId, &Tensor<T>)| Update::Average {
            target,
            value: value.clone(),
            momentum: 1.0,
        };
        let updates = targets.into_iter().flatten().zip(values).map(update).collect();
        Self { singular, updates }
    }

    /// u·vᵀ in the weight's shape.
    fn outer(&self, weight: &Tensor<T>) -> Tensor<T> {
        (self.singular.left.unsqueeze(1) * &self.singular.right.unsqueeze(0)).reshape(*weight.shape())
    }
}

impl<T: Float> Op<T> for Divide<T> {
    fn name(&self) -> &'static str {
        "spectral_norm"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let sigma = (inputs[0] * &self.outer(inputs[0])).sum().item();
        inputs[0] * (T::ONE / sigma)
    }

    /// dW = g/σ − (Σ g∘W)/σ²·u·vᵀ.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let weight = saved.input(0);
        let outer = Var::constant(self.outer(weight.value()));
        let sigma = (&weight * &outer).sum();
        let along = (g * &weight).sum() / sigma.square();
        vec![Some(g / sigma - outer * along)]
    }

    fn updates(&self) -> &[Update<T>] {
        &self.updates
    }
}

impl<T: Float, L: Module> Module for SpectralNorm<L, T> {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        self.name.visit_others(&self.layer, path, f);
        path.enter("parametrizations", |path| {
            path.enter(self.name.as_str(), |path| {
                path.enter("original", |path| self.original.visit(path, f));
                path.enter_index(0, |path| {
                    path.enter("_u", |path| self.left.visit(path, f));
                    path.enter("_v", |path| self.right.visit(path, f));
                });
            });
        });
    }

    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        self.name.visit_others_mut(&mut self.layer, path, f);
        path.enter("parametrizations", |path| {
            path.enter(self.name.as_str(), |path| {
                path.enter("original", |path| self.original.visit_mut(path, f));
                path.enter_index(0, |path| {
                    path.enter("_u", |path| self.left.visit_mut(path, f));
                    path.enter("_v", |path| self.right.visit_mut(path, f));
                });
            });
        });
    }
}

impl<T: Float, L: Layer<T> + Clone> Layer<T> for SpectralNorm<L, T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.effective(cx).forward(x, cx)
    }
}
