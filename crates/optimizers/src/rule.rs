//! `Rule`: how one method changes one parameter, as a pure function of slices. It knows no model, no name, no schedule.

use gradus_tensor::{Body, Shape, current_isa, dispatch};

use crate::error::OptimizerError;
use crate::update::Update;

/// The most slots that a rule may have.
pub const MAX_SLOTS: usize = 5;

/// The most scalars that a rule may have.
pub const MAX_SCALARS: usize = 3;

/// What a rule is told beside numbers to work on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StepInfo {
    /// η, with schedule and group applied.
    pub learning_rate: f64,
    /// t: which gradient of this parameter it is, from 1 on.
    pub number: u64,
    /// λ of a rule that decays weights by itself ([`Decay::Own`]).
    pub weight_decay: f64,
    /// The rule's scalars, as [`Rule::advance`] left them.
    pub scalars: [f64; MAX_SCALARS],
}

/// How weight decay λ acts.
///
/// ```
/// use gradus_optimizers::{AdamRule, Decay, Rule};
/// assert_eq!(AdamRule::default().decay(), Decay::Coupled); // λ·w is added to the gradient
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// g ← g + λ·w: the gradient of λ/2‖w‖².
    Coupled,
    /// w ← (1 − η·λ)·w before the update (Loshchilov & Hutter 2019).
    Decoupled,
    /// The rule does it by itself, with [`StepInfo::weight_decay`].
    Own,
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

    /// The shape of a slot, given the parameter's. A rule that overrides this overrides [`Rule::is_shaped_alike`], too.
    fn slot_shape(&self, slot: usize, parameter: &Shape) -> Shape {
        let _ = slot;
        *parameter
    }

    /// Whether all slots have their parameter's shape.
    fn is_shaped_alike(&self) -> bool {
        true
    }

    /// The names of the numbers that the rule remembers per parameter, at most [`MAX_SCALARS`]. They start as noughts.
    fn scalars(&self) -> &'static [&'static str] {
        &[]
    }

    /// Brings the scalars to the present step, once per parameter and step, before the update.
    fn advance(&self, step: &StepInfo, scalars: &mut [f64]) {
        let _ = (step, scalars);
    }

    /// Takes up again, from a loaded state, what a parameter's scalars say of the whole.
    fn resume(&mut self, scalars: &[f64]) {
        let _ = scalars;
    }

    /// Whether the rule can train parameters of that shape.
    ///
    /// # Errors
    /// With what the shape must be.
    fn accepts(&self, shape: &Shape) -> Result<(), &'static str> {
        let _ = shape;
        Ok(())
    }

    /// Whether the rule's hyper-parameters lie in their ranges.
    ///
    /// # Errors
    /// Naming the first that does not.
    fn validate(&self) -> Result<(), OptimizerError>;

    /// Updates a parameter; see [`Update`] for the ways to do that.
    fn update_f32(&self, step: &StepInfo, update: &mut Update<'_, f32>);

    /// The same in double precision.
    fn update_f64(&self, step: &StepInfo, update: &mut Update<'_, f64>);
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
/// `fn name<T: Float>(&Self, &StepInfo, parameter: &mut [T], gradient: &[T], slots: &mut [&mut [T]])` of pieces, whose slices
/// are of one length. Each element's result may depend on nothing but that element's numbers: pieces are cut anywhere.
#[macro_export]
macro_rules! update_by {
    ($function:path) => {
        fn update_f32(&self, step: &$crate::StepInfo, update: &mut $crate::Update<'_, f32>) {
            update.by_elements(&|w, g, slots| $crate::in_wide_loops(|| $function(self, step, w, g, slots)));
        }

        fn update_f64(&self, step: &$crate::StepInfo, update: &mut $crate::Update<'_, f64>) {
            update.by_elements(&|w, g, slots| $crate::in_wide_loops(|| $function(self, step, w, g, slots)));
        }
    };
}

/// Inside `impl Rule`: `update_f32` and `update_f64` from one function
/// `fn name<T: Float>(&Self, &StepInfo, &mut Tensor<T>, Tensor<T>, &mut [Tensor<T>])` of the whole parameter, its gradient
/// and its slots.
#[macro_export]
macro_rules! update_whole_by {
    ($function:path) => {
        fn update_f32(&self, step: &$crate::StepInfo, update: &mut $crate::Update<'_, f32>) {
            update.whole(&mut |w, g, slots| $function(self, step, w, g, slots));
        }

        fn update_f64(&self, step: &$crate::StepInfo, update: &mut $crate::Update<'_, f64>) {
            update.whole(&mut |w, g, slots| $function(self, step, w, g, slots));
        }
    };
}
