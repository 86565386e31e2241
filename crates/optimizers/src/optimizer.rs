//! `Optimizer`: a rule with its learning rate, schedule, clipping, decay, groups and memory; its settings are here, the
//! step is in `step`, saving and loading in `state`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::clip::Clip;
use crate::error::{OptimizerError, check_not_negative};
use crate::group::{Group, GroupOptions, Predicate};
use crate::rule::Rule;
use crate::schedule::Schedule;
use crate::state::Memory;

/// Changes a model's parameters by their gradients, the way its rule says.
///
/// Made by `Adam::new`, `AdamW::new`, `Sgd::new`, `GradientDescent::new`, or with a [`Rule`] of your own by
/// [`Optimizer::with_rule`]; refined by the builder methods; used by [`Optimizer::step`]. A clone goes on alone from
/// the same state.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{GradientDescentRule, GroupOptions, Optimizer, Schedule};
/// let mut model = (Param::new([3.0_f32]), Param::new([3.0_f32]));
/// let mut optimizer = Optimizer::with_rule(GradientDescentRule, 0.5)
///     .weight_decay(1.0)
///     .clip_global_norm(100.0)
///     .schedule(Schedule::new(|step| if step == 0 { 1.0 } else { 0.1 }))
///     .group(|path| path == "1", GroupOptions::new().weight_decay(0.0));
/// let gradients = (&*model.0 + &*model.1).sum().backward(); // 1 and 1
/// optimizer.step(&mut model, &gradients)?;
/// assert_eq!((model.0.value().item(), model.1.value().item()), (3.0 - 0.5 * (1.0 + 3.0), 3.0 - 0.5));
/// assert_eq!((optimizer.steps(), optimizer.base_learning_rate()), (1, 0.5));
/// assert!((optimizer.learning_rate() - 0.05).abs() < 1e-12);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone)]
pub struct Optimizer<R: Rule> {
    pub(crate) rule: R,
    pub(crate) learning_rate: f64,
    pub(crate) schedule: Schedule,
    pub(crate) weight_decay: f64,
    pub(crate) clip: Clip,
    pub(crate) maximize: bool,
    pub(crate) centralise: bool,
    pub(crate) groups: Vec<Group>,
    pub(crate) only: Option<Predicate>,
    pub(crate) steps: u64,
    pub(crate) memories: BTreeMap<String, Memory>,
    /// Whether the memories were loaded and no step has yet shown that they fit the model.
    pub(crate) is_loaded: bool,
}

impl<R: Rule> Optimizer<R> {
    /// An optimizer by any rule, without decay, clipping, groups or schedule.
    #[must_use]
    pub fn with_rule(rule: R, learning_rate: f64) -> Self {
        Self {
            rule,
            learning_rate,
            schedule: Schedule::constant(),
            weight_decay: 0.0,
            clip: Clip::Off,
            maximize: false,
            centralise: false,
            groups: Vec::new(),
            only: None,
            steps: 0,
            memories: BTreeMap::new(),
            is_loaded: false,
        }
    }

    /// Weight decay λ, from 0 on; how it acts is the rule's matter ([`Rule::decay`]).
    #[must_use]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// How too large gradients are clipped; replaces what was set before.
    ///
    /// ```
    /// use gradus_optimizers::{Adam, Clip};
    /// let optimizer = Adam::new(1e-3).clip(Clip::GlobalNorm(1.0)); // as `clip_global_norm(1.0)`
    /// assert_eq!(optimizer.learning_rate(), 1e-3);
    /// ```
    #[must_use]
    pub fn clip(mut self, clip: Clip) -> Self {
        self.clip = clip;
        self
    }

    /// Scales all gradients together so that their norm is `limit` at most (PyTorch: `clip_grad_norm_`). See [`Clip`].
    #[must_use]
    pub fn clip_global_norm(self, limit: f64) -> Self {
        self.clip(Clip::GlobalNorm(limit))
    }

    /// Scales each parameter's gradient so that its norm is `limit` at most. See [`Clip`].
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::GradientDescent;
    /// let mut model = (Param::new([0.0_f32]), Param::new([0.0_f32]));
    /// let gradients = (&*model.0 * 4.0 + &*model.1 * 0.5).sum().backward(); // 4 and 0.5
    /// GradientDescent::new(1.0).clip_parameter_norm(1.0).step(&mut model, &gradients)?;
    /// assert!((model.0.value().item() + 1.0).abs() < 1e-5 && model.1.value().item() == -0.5);
    /// # Ok::<(), gradus_optimizers::OptimizerError>(())
    /// ```
    #[must_use]
    pub fn clip_parameter_norm(self, limit: f64) -> Self {
        self.clip(Clip::ParameterNorm(limit))
    }

    /// Moves each element of the gradients into ±`limit` (PyTorch: `clip_grad_value_`). See [`Clip`].
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::GradientDescent;
    /// let mut model = Param::new([0.0_f32]);
    /// let gradients = (&*model * 4.0).sum().backward();
    /// GradientDescent::new(1.0).clip_value(0.5).step(&mut model, &gradients)?;
    /// assert_eq!(model.value().item(), -0.5);
    /// # Ok::<(), gradus_optimizers::OptimizerError>(())
    /// ```
    #[must_use]
    pub fn clip_value(self, limit: f64) -> Self {
        self.clip(Clip::Value(limit))
    }

    /// Goes up the gradients instead of down (PyTorch: `maximize`).
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::GradientDescent;
    /// let mut model = Param::new([0.0_f32]);
    /// let gradients = model.sum().backward();
    /// GradientDescent::new(0.5).maximize(true).step(&mut model, &gradients)?;
    /// assert_eq!(model.value().item(), 0.5);
    /// # Ok::<(), gradus_optimizers::OptimizerError>(())
    /// ```
    #[must_use]
    pub fn maximize(mut self, maximize: bool) -> Self {
        self.maximize = maximize;
        self
    }

    /// Takes from each gradient of two axes or more `[out, …]` its mean over all but the first, before anything else
    /// (gradient centralisation, Yong et al. 2020).
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::GradientDescent;
    /// let mut model = Param::new([[1.0_f32, 2.0]]);
    /// let gradients = (&*model * &gradus_autodiff::Var::constant([[1.0, 3.0]])).sum().backward(); // mean 2
    /// GradientDescent::new(1.0).centralise(true).step(&mut model, &gradients)?;
    /// assert_eq!(model.value().to_vec(), [2.0, 1.0]);
    /// # Ok::<(), gradus_optimizers::OptimizerError>(())
    /// ```
    #[must_use]
    pub fn centralise(mut self, centralise: bool) -> Self {
        self.centralise = centralise;
        self
    }

    /// Leaves all parameters alone but those whose path `accepts` accepts. For two optimizers on one model, see
    /// [`Pair`](crate::Pair).
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::GradientDescent;
    /// let mut model = [Param::new([1.0_f32]), Param::new([1.0])];
    /// let gradients = (model[0].sum() + model[1].sum()).backward();
    /// GradientDescent::new(0.5).only(|path| path == "1").step(&mut model, &gradients)?;
    /// assert_eq!((model[0].value().item(), model[1].value().item()), (1.0, 0.5));
    /// # Ok::<(), gradus_optimizers::OptimizerError>(())
    /// ```
    #[must_use]
    pub fn only(mut self, accepts: impl Fn(&str) -> bool + Send + Sync + 'static) -> Self {
        self.only = Some(Arc::new(accepts));
        self
    }

    /// Other settings for parameters whose path `accepts` accepts (PyTorch: `param_groups`). A parameter belongs to
    /// the first group that accepts it.
    #[must_use]
    pub fn group(
        mut self,
        accepts: impl Fn(&str) -> bool + Send + Sync + 'static,
        options: GroupOptions,
    ) -> Self {
        self.groups.push(Group { accepts: Arc::new(accepts), options });
        self
    }

    /// What the learning rate is multiplied with, as a function of the number of steps done. It follows the saved
    /// step number, so there is nothing to resume by hand.
    #[must_use]
    pub fn schedule(mut self, schedule: Schedule) -> Self {
        self.schedule = schedule;
        self
    }

    /// Sets the learning rate that the schedule starts from.
    ///
    /// ```
    /// use gradus_optimizers::Sgd;
    /// let mut optimizer = Sgd::new(0.1).momentum(0.9);
    /// optimizer.set_learning_rate(0.01);
    /// assert_eq!(optimizer.learning_rate(), 0.01);
    /// let rule = optimizer.rule(); // its hyper-parameters
    /// assert!(format!("{rule:?}").contains("0.9"));
    /// ```
    pub fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = learning_rate;
    }

    /// The learning rate as set, before the schedule.
    #[must_use]
    pub fn base_learning_rate(&self) -> f64 {
        self.learning_rate
    }

    /// The learning rate of the next step: as set, times the schedule's factor.
    #[must_use]
    pub fn learning_rate(&self) -> f64 {
        self.learning_rate * self.schedule.factor(self.steps)
    }

    /// The number of steps done.
    #[must_use]
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The rule with its hyper-parameters.
    #[must_use]
    pub fn rule(&self) -> &R {
        &self.rule
    }

    pub(crate) fn rule_mut(&mut self) -> &mut R {
        &mut self.rule
    }

    /// Whether the parameter of that path is this optimizer's.
    pub(crate) fn takes(&self, path: &str) -> bool {
        self.only.as_ref().is_none_or(|accepts| accepts(path))
    }

    /// What holds for the parameter of that path.
    pub(crate) fn options(&self, path: &str) -> GroupOptions {
        let group = self.groups.iter().find(|group| (group.accepts)(path));
        group.map(|group| group.options).unwrap_or_default()
    }

    pub(crate) fn validate(&self) -> Result<(), OptimizerError> {
        check_not_negative("learning_rate", self.learning_rate)?;
        self.schedule.validate()?;
        check_not_negative("learning_rate times the schedule's factor", self.learning_rate())?;
        check_not_negative("weight_decay", self.weight_decay)?;
        self.clip.validate()?;
        self.groups.iter().try_for_each(|group| group.options.validate())?;
        self.rule.validate()
    }
}

impl<R: Rule + fmt::Debug> fmt::Debug for Optimizer<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Optimizer")
            .field("rule", &self.rule)
            .field("learning_rate", &self.learning_rate)
            .field("schedule", &self.schedule)
            .field("weight_decay", &self.weight_decay)
            .field("clip", &self.clip)
            .field("groups", &self.groups.iter().map(|group| group.options).collect::<Vec<_>>())
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}
