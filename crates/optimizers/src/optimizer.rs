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
    #[must_use]
    pub fn clip_parameter_norm(self, limit: f64) -> Self {
        self.clip(Clip::ParameterNorm(limit))
    }

    /// Moves each element of the gradients into ±`limit` (PyTorch: `clip_grad_value_`). See [`Clip`].
    #[must_use]
    pub fn clip_value(self, limit: f64) -> Self {
        self.clip(Clip::Value(limit))
    }

    /// Goes up the gradients instead of down (PyTorch: `maximize`).
    #[must_use]
    pub fn maximize(mut self, maximize: bool) -> Self {
        self.maximize = maximize;
        self
    }

    /// Takes from each gradient of two axes or more `[out, …]` its mean over all but the first, before anything else
    /// (gradient centralisation, Yong et al. 2020).
    #[must_use]
    pub fn centralise(mut self, centralise: bool) -> Self {
        self.centralise = centralise;
        self
    }

    /// Leaves all parameters alone but those whose path `accepts` accepts. For two optimizers on one model, see
    /// [`Pair`](crate::Pair).
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
