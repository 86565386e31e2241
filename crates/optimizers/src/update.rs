//! `Update`: one parameter at one step, with its gradient as clipping and weight decay leave it and the method's memory; and
//! the ways in which a rule may change it. It knows no rule.

use gradus_tensor::{AnyTensor, Float, Tensor};

use crate::float::{Piece, Preparation, Real};
use crate::rule::MAX_SLOTS;

/// A parameter that a rule is to change, its gradient, and what the rule remembers of it.
///
/// A rule that needs the gradient's norm first:
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Optimizer, OptimizerError, Rule, StepInfo, Update};
///
/// /// w ← w − η·g/‖g‖.
/// #[derive(Clone)]
/// struct Normed;
///
/// impl Rule for Normed {
///     fn slots(&self) -> &'static [&'static str] { &[] }
///     fn validate(&self) -> Result<(), OptimizerError> { Ok(()) }
///     fn update_f32(&self, step: &StepInfo, update: &mut Update<'_, f32>) {
///         let [squares, _] = update.sums(&|_, g, _| [g.iter().map(|&g| f64::from(g * g)).sum(), 0.0]);
///         let rate = (step.learning_rate / squares.sqrt()) as f32;
///         update.by_elements(&|w, g, _| w.iter_mut().zip(g).for_each(|(w, g)| *w -= rate * g));
///     }
///     fn update_f64(&self, step: &StepInfo, update: &mut Update<'_, f64>) {
///         // The same with tensors.
///         update.whole(&mut |w, g, _| {
///             let norm = g.square().sum().item().sqrt();
///             *w -= &(g * (step.learning_rate / norm));
///         });
///     }
/// }
/// let mut model = Param::new([3.0_f64, 4.0]);
/// let gradients = (model.square().sum() * 0.5).backward();
/// Optimizer::with_rule(Normed, 1.0).step(&mut model, &gradients)?;
/// assert!((model.value().at(&[0]) - 2.4).abs() < 1e-12);
/// # Ok::<(), OptimizerError>(())
/// ```
pub struct Update<'a, T: Float> {
    parameter: &'a mut Tensor<T>,
    gradient: &'a Tensor<T>,
    slots: &'a mut [AnyTensor],
    preparation: Preparation,
    wants_squares: bool,
    squares: f64,
}

/// What a rule does with a piece: parameter, gradient, slots.
type Elements<'f, T, R> = dyn Fn(&mut [T], &[T], &mut [&mut [T]]) -> R + Sync + 'f;

/// What a rule does with a parameter as a whole: parameter, gradient, slots.
type Whole<'f, T> = dyn FnMut(&mut Tensor<T>, Tensor<T>, &mut [Tensor<T>]) + 'f;

impl<'a, T: Float> Update<'a, T> {
    pub(crate) fn new(
        parameter: &'a mut Tensor<T>,
        gradient: &'a Tensor<T>,
        slots: &'a mut [AnyTensor],
        preparation: Preparation,
        wants_squares: bool,
    ) -> Self {
        Self { parameter, gradient, slots, preparation, wants_squares, squares: 0.0 }
    }

    /// Σ g² of the gradient as it came, if it was wanted.
    pub(crate) fn squares(&self) -> f64 {
        self.squares
    }
}

#[allow(private_bounds)] // f32 and f64
impl<T: Real> Update<'_, T> {
    /// Calls `f` with pieces of parameter, gradient and slots, of one length each, on several threads if there are many.
    /// Each element's result may depend on nothing but that element's numbers: pieces are cut anywhere.
    pub fn by_elements(&mut self, f: &Elements<'_, T, ()>) {
        self.sums(&|w, g, slots| {
            f(w, g, slots);
            [0.0; 2]
        });
    }

    /// As [`Update::by_elements`]; answers the sums of what `f` answers, added in an order that depends on the length
    /// alone. A rule that needs sums first (norms, say) calls this and then `by_elements`. (Decoupled decay would act in
    /// both: such rules decay by themselves.)
    pub fn sums(&mut self, f: &Elements<'_, T, [f64; 2]>) -> [f64; 2] {
        let count = self.slots.len();
        let mut slots: [&mut [T]; MAX_SLOTS] = Default::default();
        for (slice, slot) in slots.iter_mut().zip(self.slots.iter_mut()) {
            *slice = T::typed(slot).map(Tensor::make_mut).unwrap_or_default();
        }
        let gradient = self.gradient.contiguous();
        let gradient = gradient.as_slice().unwrap_or(&[]);
        let (preparation, wants_squares) = (self.preparation, self.wants_squares);
        let parameter = self.parameter.make_mut();
        let whole = Piece { parameter, gradient, slots, squares: 0.0, sums: [0.0; 2] };
        let (squares, sums) = T::in_pieces(whole, &|piece| {
            let prepared = T::prepare(&preparation, piece);
            let gradient = prepared.as_deref().unwrap_or(piece.gradient);
            piece.sums = f(piece.parameter, gradient, &mut piece.slots[..count]);
            if wants_squares {
                // After the update, which reads all streams at once: the gradient still lies in the cache.
                piece.squares = T::squares_of(piece.gradient);
            }
        });
        if std::mem::take(&mut self.wants_squares) {
            self.squares = squares;
        }
        sums
    }

    /// Calls `f` with the parameter, the gradient and the slots as tensors, for rules that see a matrix as one.
    pub fn whole(&mut self, f: &mut Whole<'_, T>) {
        if std::mem::take(&mut self.wants_squares) {
            self.squares = T::sum_of_squares(self.gradient);
        }
        let gradient = self.prepared();
        let take = |slot: &mut AnyTensor| T::typed(slot).map(std::mem::take).unwrap_or_default();
        let mut slots: Vec<Tensor<T>> = self.slots.iter_mut().map(take).collect();
        f(self.parameter, gradient, &mut slots);
        for (slot, value) in self.slots.iter_mut().zip(slots) {
            *slot = AnyTensor::new(&value);
        }
    }

    /// The gradient that the rule sees; shrinks the parameter.
    fn prepared(&mut self) -> Tensor<T> {
        let Preparation { factor, bound, coupled, shrink } = self.preparation;
        if (factor, bound, coupled, shrink) == (1.0, None, 0.0, 1.0) {
            return self.gradient.contiguous();
        }
        let original = self.gradient.contiguous();
        let mut changed = original.clone();
        let mut slots: [&mut [T]; MAX_SLOTS] = Default::default();
        slots[0] = changed.make_mut();
        let (parameter, gradient) = (self.parameter.make_mut(), original.as_slice().unwrap_or(&[]));
        let preparation = self.preparation;
        T::in_pieces(Piece { parameter, gradient, slots, squares: 0.0, sums: [0.0; 2] }, &|piece| {
            if let Some(gradient) = T::prepare(&preparation, piece) {
                piece.slots[0].copy_from_slice(&gradient);
            }
        });
        changed
    }
}
