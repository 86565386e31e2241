//! `Context`: whatever makes a forward pass more than a function of its inputs. Training or evaluation, random numbers,
//! and a trace of the layers that ran. Passed by hand, so that nothing is hidden.

use gradus_autodiff::{LeafId, Var};
use gradus_tensor::{Float, Precision, Rng, RngState, Shape};

/// What one layer did in a traced forward pass.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::{Context, Trace};
/// let (x, weight) = (Var::constant([[1.0_f32, 2.0]]), Var::leaf([[3.0, 4.0]]));
/// let mut trace: Vec<Trace> = Vec::new();
/// let mut cx = Context::traced(&mut trace);
/// let y = x.linear(&weight, None);
/// cx.record("Linear", Some(&weight), &y, 2); // a layer does this in its forward pass
/// assert_eq!((trace[0].kind, trace[0].output[..] == [1, 1], trace[0].multiply_adds), ("Linear", true, 2));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    /// The layer's type.
    pub kind: &'static str,
    /// The layer's first parameter, by which its place in the model is found.
    pub leaf: Option<LeafId>,
    /// The shape of its output.
    pub output: Shape,
    /// Multiply–add operations of its forward pass.
    pub multiply_adds: u64,
}

/// How a forward pass runs: see [`Context::train`], [`Context::eval`] and [`Context::inference`].
///
/// ```
/// use gradus_module::Context;
/// use gradus_tensor::Rng;
/// let mut rng = Rng::seed(7);
/// let mut training = Context::train(&mut rng);
/// assert!(training.is_training() && training.rng().is_some());
/// let mut evaluation = Context::eval();
/// assert!(!evaluation.is_training() && evaluation.rng().is_none());
/// ```
pub struct Context<'a> {
    rng: Option<&'a mut Rng>,
    trace: Option<&'a mut Vec<Trace>>,
    packs: bool,
    precision: Precision,
}

impl<'a> Context<'a> {
    /// Training: dropout drops, batch norm uses the batch's statistics (PyTorch: after `model.train()`). Random numbers come
    /// from `rng`.
    pub fn train(rng: &'a mut Rng) -> Self {
        Self { rng: Some(rng), trace: None, packs: false, precision: Precision::Full }
    }

    /// Evaluation: deterministic, with running statistics (PyTorch: after `model.eval()`).
    #[must_use]
    pub fn eval() -> Self {
        Self { rng: None, trace: None, packs: false, precision: Precision::Full }
    }

    /// Evaluation of a model that is used many times as it is. Under [`no_grad`](gradus_autodiff::no_grad) layers then keep their
    /// weights also in the form in which matrix products read them ([`Param::packed`](crate::Param::packed)), from the first pass
    /// of more than a few rows on until a weight changes or is dropped. That takes those weights' memory once more, and spares
    /// each pass the packing. Results are those of [`Context::eval`] up to rounding.
    ///
    /// ```
    /// use gradus_autodiff::{Var, no_grad};
    /// use gradus_module::{Context, Param};
    /// use gradus_tensor::Tensor;
    /// let weight = Param::new(Tensor::<f32>::ones([3, 2])); // [O, I]
    /// let cx = Context::inference();
    /// assert!(cx.packs() && !cx.is_training());
    /// let x = Tensor::ones([5, 2]);
    /// assert_eq!(x.matmul_packed(weight.packed(), None), x.matmul(&weight.value().t()));
    /// ```
    #[must_use]
    pub fn inference() -> Self {
        Self { rng: None, trace: None, packs: true, precision: Precision::Full }
    }

    /// Evaluation that notes what every layer does.
    pub fn traced(trace: &'a mut Vec<Trace>) -> Self {
        Self { rng: None, trace: Some(trace), packs: false, precision: Precision::Full }
    }

    /// The same with matrix products in `precision` (PyTorch: `autocast`): of linear layers and of attention's projections, forward and
    /// backward. All else stays in full: weights, what optimizers keep, sums, biases, activations, softmax and attention's
    /// inner products, norms, convolutions, recurrences, losses. So weights need no scaling of the loss, for bf16 has the range
    /// of an `f32`.
    ///
    /// ```
    /// use gradus_module::Context;
    /// use gradus_tensor::{Precision, Rng};
    /// let mut rng = Rng::seed(1);
    /// let cx = Context::train(&mut rng).in_precision(Precision::Bf16);
    /// assert_eq!(cx.precision(), Precision::Bf16);
    /// ```
    #[must_use]
    pub fn in_precision(self, precision: Precision) -> Self {
        Self { precision, ..self }
    }

    /// The precision of matrix products.
    #[must_use]
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Whether this is training.
    #[must_use]
    pub fn is_training(&self) -> bool {
        self.rng.is_some()
    }

    /// Whether layers may keep packed weights: see [`Context::inference`].
    #[must_use]
    pub fn packs(&self) -> bool {
        self.packs
    }

    /// The random numbers of training; `None` in evaluation.
    pub fn rng(&mut self) -> Option<&mut Rng> {
        self.rng.as_deref_mut()
    }

    /// What a later pass must start from to do the same as one that starts here.
    pub(crate) fn snapshot(&self) -> Snapshot {
        Snapshot { rng: self.rng.as_ref().map(|rng| rng.state()), precision: self.precision }
    }

    /// Layers report here what they computed; costs nothing unless somebody traces.
    pub fn record<T: Float>(
        &mut self,
        kind: &'static str,
        parameter: Option<&Var<T>>,
        output: &Var<T>,
        multiply_adds: u64,
    ) {
        if let Some(trace) = &mut self.trace {
            let leaf = parameter.and_then(Var::leaf_id);
            trace.push(Trace { kind, leaf, output: *output.shape(), multiply_adds });
        }
    }
}

/// A context's mode, precision and random numbers as they were. Packed weights and traces are not of it: they change no value and are of the
/// first pass alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Snapshot {
    rng: Option<RngState>,
    precision: Precision,
}

impl Snapshot {
    /// Runs `f` with a context that starts from here.
    pub(crate) fn run<R>(&self, f: impl FnOnce(&mut Context<'_>) -> R) -> R {
        match self.rng.map(Rng::from_state) {
            Some(mut rng) => f(&mut Context::train(&mut rng).in_precision(self.precision)),
            None => f(&mut Context::eval().in_precision(self.precision)),
        }
    }
}
