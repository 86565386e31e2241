//! `Rule`: how one method changes one parameter, as a pure function of slices. It knows no model, no name, no schedule.

use gradus_tensor::{Body, current_isa, dispatch};

use crate::error::OptimizerError;

/// The most slots that a rule may have.
pub const MAX_SLOTS: usize = 4;

/// What a rule is told beside numbers to work on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepInfo {
    /// η, with schedule and group applied.
    pub learning_rate: f64,
    /// t: which gradient of this parameter it is, from 1 on.
    pub number: u64,
}

/// How weight decay λ acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// g ← g + λ·w: the gradient of λ/2‖w‖².
    Coupled,
    /// w ← (1 − η·λ)·w before the update (Loshchilov & Hutter 2019).
    Decoupled,
}

/// A method of optimization: the update of one parameter from its gradient and the method's memory.
///
/// Write the update once, generic over the float, and let [`update_by!`](crate::update_by) make the two forms of it:
/// they are compiled where the rule is, not in every program that uses it, for each instruction set. (Mark the function
/// `#[inline(always)]`: what is not inlined is compiled for the least of them.)
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Optimizer, OptimizerError, Rule, StepInfo, update_by};
/// use gradus_tensor::Float;
///
/// /// w ← w − η·sign(g) (Bernstein et al. 2018).
/// #[derive(Clone, Debug)]
/// struct SignDescent;
///
/// impl Rule for SignDescent {
///     fn slots(&self) -> &'static [&'static str] { &[] }
///     fn validate(&self) -> Result<(), OptimizerError> { Ok(()) }
///     update_by!(sign_descent);
/// }
///
/// #[inline(always)]
/// fn sign_descent<T: Float>(_: &SignDescent, step: &StepInfo, w: &mut [T], g: &[T], _: &mut [&mut [T]]) {
///     for (w, &g) in w.iter_mut().zip(g) {
///         *w = *w - T::of(step.learning_rate) * g.signum();
///     }
/// }
///
/// let mut model = Param::new([1.0_f32, -1.0]);
/// let gradients = model.square().sum().backward();
/// Optimizer::with_rule(SignDescent, 0.25).step(&mut model, &gradients)?;
/// assert_eq!(model.value().to_vec(), [0.75, -0.75]);
/// # Ok::<(), OptimizerError>(())
/// ```
pub trait Rule: Clone + Send + Sync + 'static {
    /// The names of the tensors that the rule remembers per parameter, at most [`MAX_SLOTS`]. They start as noughts.
    fn slots(&self) -> &'static [&'static str];

    /// How weight decay acts under this rule.
    fn decay(&self) -> Decay {
        Decay::Coupled
    }

    /// Whether the rule's hyper-parameters lie in their ranges.
    ///
    /// # Errors
    /// Naming the first that does not.
    fn validate(&self) -> Result<(), OptimizerError>;

    /// Updates a piece of a parameter; all slices are of one length. Each element's result may depend on nothing but
    /// that element's numbers: pieces are cut anywhere.
    fn update_f32(&self, step: &StepInfo, parameter: &mut [f32], gradient: &[f32], slots: &mut [&mut [f32]]);

    /// The same in double precision.
    fn update_f64(&self, step: &StepInfo, parameter: &mut [f64], gradient: &[f64], slots: &mut [&mut [f64]]);
}

/// Runs an update in its version for the machine's instruction set; what [`update_by!`](crate::update_by) expands to.
#[doc(hidden)]
#[inline(always)]
pub fn in_wide_loops(update: impl FnOnce()) {
    struct Update<F>(F);
    impl<F: FnOnce()> Body for Update<F> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            (self.0)();
        }
    }
    dispatch(current_isa(), Update(update));
}

/// Inside `impl Rule`: `update_f32` and `update_f64` from one function
/// `fn name<T: Float>(&Self, &StepInfo, &mut [T], &[T], &mut [&mut [T]])`.
#[macro_export]
macro_rules! update_by {
    ($function:path) => {
        fn update_f32(
            &self,
            step: &$crate::StepInfo,
            parameter: &mut [f32],
            gradient: &[f32],
            slots: &mut [&mut [f32]],
        ) {
            $crate::in_wide_loops(|| $function(self, step, parameter, gradient, slots));
        }

        fn update_f64(
            &self,
            step: &$crate::StepInfo,
            parameter: &mut [f64],
            gradient: &[f64],
            slots: &mut [&mut [f64]],
        ) {
            $crate::in_wide_loops(|| $function(self, step, parameter, gradient, slots));
        }
    };
}
