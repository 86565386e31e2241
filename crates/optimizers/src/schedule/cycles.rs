//! Schedules that go up and down: along cosines, with restarts, in one cycle, in many.

use std::f64::consts::PI;

use crate::error::{OptimizerError, check, check_not_negative};

/// How much of `steps` is done, at most 1.
pub(super) fn part(done: u64, steps: u64) -> f64 {
    if done >= steps { 1.0 } else { done as f64 / steps as f64 }
}

/// From `start` to `end` along half a cosine.
pub(super) fn along_cosine(start: f64, end: f64, part: f64) -> f64 {
    end + (start - end) * (1.0 + (PI * part).cos()) / 2.0
}

/// How much of the present period is done, the first being `period` long and each next one `growth` times as long.
pub(super) fn part_of_period(done: u64, period: u64, growth: u64) -> f64 {
    let (mut from, mut length) = (0_u64, period.max(1));
    if growth <= 1 {
        return (done % length) as f64 / length as f64;
    }
    // Lengths grow geometrically: there are some 60 periods at most.
    while done - from >= length {
        from += length;
        length = length.saturating_mul(growth);
    }
    (done - from) as f64 / length as f64
}

/// One rise and one fall (Smith & Topin 2018; PyTorch: `OneCycleLR`, the learning rate being its `max_lr`; momentum is not
/// cycled).
///
/// ```
/// use gradus_optimizers::{OneCycle, Schedule};
/// let schedule = Schedule::one_cycle_by(OneCycle { is_linear: true, ..OneCycle::new(100) });
/// assert_eq!((schedule.factor(0), schedule.factor(29)), (0.04, 1.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OneCycle {
    /// How many steps there are.
    pub steps: u64,
    /// The part of them that rises (PyTorch: `pct_start`).
    pub rise: f64,
    /// What 1 is divided by for the first factor (PyTorch: `div_factor`).
    pub division: f64,
    /// What the first factor is divided by for the last (PyTorch: `final_div_factor`).
    pub final_division: f64,
    /// Along straight lines instead of cosines (PyTorch: `anneal_strategy`).
    pub is_linear: bool,
    /// Whether it falls to the first factor as fast as it rose, and from there to the last (PyTorch: `three_phase`).
    pub is_three_phase: bool,
}

impl OneCycle {
    /// PyTorch's defaults.
    #[must_use]
    pub fn new(steps: u64) -> Self {
        Self {
            steps,
            rise: 0.3,
            division: 25.0,
            final_division: 1e4,
            is_linear: false,
            is_three_phase: false,
        }
    }

    pub(super) fn factor(&self, done: u64) -> f64 {
        let (t, steps) = (done as f64, self.steps as f64);
        let (first, last) = (1.0 / self.division, 1.0 / self.division / self.final_division);
        let top = (self.rise * steps - 1.0).max(0.0);
        let middle = if self.is_three_phase { (2.0 * self.rise * steps - 2.0).max(top) } else { top };
        let end = (steps - 1.0).max(middle);
        let ascent = |from: f64, start: f64, to: f64, stop: f64| {
            let part = if to > from { ((t - from) / (to - from)).min(1.0) } else { 1.0 };
            if self.is_linear { start + (stop - start) * part } else { along_cosine(start, stop, part) }
        };
        if t < top {
            ascent(0.0, first, top, 1.0)
        } else if !self.is_three_phase {
            ascent(top, 1.0, end, last)
        } else if t < middle {
            ascent(top, 1.0, middle, first)
        } else {
            ascent(middle, first, end, last)
        }
    }

    pub(super) fn validate(&self) -> Result<(), OptimizerError> {
        check("steps of a one-cycle schedule", self.steps as f64, self.steps > 0, "1 or more")?;
        check("rise", self.rise, (0.0..=1.0).contains(&self.rise), "in 0 ..= 1")?;
        check("division", self.division, self.division > 0.0, "above 0")?;
        check("final_division", self.final_division, self.final_division > 0.0, "above 0")
    }
}

/// How the height of cycles changes.
///
/// ```
/// use gradus_optimizers::{Cyclic, CyclicScale, Schedule};
/// let schedule = Schedule::cyclic(Cyclic { lowest: 0.0, scale: CyclicScale::Halved, ..Cyclic::new(2) });
/// assert_eq!((schedule.factor(2), schedule.factor(6)), (1.0, 0.5));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum CyclicScale {
    /// Not at all (PyTorch: `triangular`).
    #[default]
    Constant,
    /// Each is half as high as the one before (PyTorch: `triangular2`).
    Halved,
    /// By γᵗ (PyTorch: `exp_range`).
    Exponential(f64),
}

/// Straight up to 1 and down again, over and over (Smith 2017; PyTorch: `CyclicLR`, the learning rate being its `max_lr`).
///
/// ```
/// use gradus_optimizers::{Cyclic, Schedule};
/// let schedule = Schedule::cyclic(Cyclic { lowest: 0.5, ..Cyclic::new(4) });
/// assert_eq!([0, 2, 4, 6, 8].map(|step| schedule.factor(step)), [0.5, 0.75, 1.0, 0.75, 0.5]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cyclic {
    /// The lowest factor (PyTorch: `base_lr`, divided by `max_lr`).
    pub lowest: f64,
    /// How many steps go up (PyTorch: `step_size_up`).
    pub up: u64,
    /// How many go down (PyTorch: `step_size_down`).
    pub down: u64,
    /// How the height changes.
    pub scale: CyclicScale,
}

impl Cyclic {
    /// From a tenth to 1 in `up` steps and down in as many, always as high.
    #[must_use]
    pub fn new(up: u64) -> Self {
        Self { lowest: 0.1, up, down: up, scale: CyclicScale::Constant }
    }

    pub(super) fn factor(&self, done: u64) -> f64 {
        let length = (self.up.saturating_add(self.down)).max(1);
        let (cycle, at) = (done / length, done % length);
        let height = if at <= self.up {
            at as f64 / self.up.max(1) as f64
        } else {
            (length - at) as f64 / self.down as f64
        };
        let scale = match self.scale {
            CyclicScale::Constant => 1.0,
            CyclicScale::Halved => 0.5_f64.powf(cycle as f64),
            CyclicScale::Exponential(gamma) => gamma.powf(done as f64),
        };
        self.lowest + (1.0 - self.lowest) * height * scale
    }

    pub(super) fn validate(&self) -> Result<(), OptimizerError> {
        check_not_negative("lowest factor of a cyclic schedule", self.lowest)?;
        check("up", self.up as f64, self.up > 0, "1 or more")?;
        check("down", self.down as f64, self.down > 0, "1 or more")?;
        match self.scale {
            CyclicScale::Exponential(gamma) => check_not_negative("gamma of a cyclic schedule", gamma),
            _ => Ok(()),
        }
    }
}
