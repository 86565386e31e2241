//! The schedules by name: each a sentence, a formula, and PyTorch's name for it.

use super::{Cyclic, Kind, OneCycle, Schedule};

impl Schedule {
    /// 1.
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::constant().factor(7), 1.0);
    /// ```
    #[must_use]
    pub fn constant() -> Self {
        Self::of(Kind::Constant { factor: 1.0, steps: None })
    }

    /// `factor` for `steps`, then 1 (PyTorch: `ConstantLR`).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// let schedule = Schedule::constant_for(5, 0.25);
    /// assert_eq!((schedule.factor(4), schedule.factor(5)), (0.25, 1.0));
    /// ```
    #[must_use]
    pub fn constant_for(steps: u64, factor: f64) -> Self {
        Self::of(Kind::Constant { factor, steps: Some(steps) })
    }

    /// From `start` to `end` in a straight line over `steps`, then `end` (PyTorch: `LinearLR`).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::linear(1.0, 0.5, 10).factor(5), 0.75);
    /// ```
    #[must_use]
    pub fn linear(start: f64, end: f64, steps: u64) -> Self {
        Self::of(Kind::Linear { start, end, steps })
    }

    /// (t + 1)/steps up to 1: a straight rise whose first step moves already
    /// (PyTorch: `LinearLR(1/steps, total_iters=steps − 1)`).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::warmup(4).factor(0), 0.25);
    /// ```
    #[must_use]
    pub fn warmup(steps: u64) -> Self {
        Self::linear(1.0 / steps.max(1) as f64, 1.0, steps.saturating_sub(1))
    }

    /// γ^⌊t/size⌋ (PyTorch: `StepLR`).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::step(10, 0.5).factor(25), 0.25);
    /// ```
    #[must_use]
    pub fn step(size: u64, gamma: f64) -> Self {
        Self::of(Kind::Step { size, gamma })
    }

    /// γ to the number of milestones reached (PyTorch: `MultiStepLR`).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::multi_step(&[10, 15], 0.5).factor(12), 0.5);
    /// ```
    #[must_use]
    pub fn multi_step(milestones: &[u64], gamma: f64) -> Self {
        Self::of(Kind::MultiStep { milestones: milestones.to_vec(), gamma })
    }

    /// γᵗ (PyTorch: `ExponentialLR`).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::exponential(0.5).factor(3), 0.125);
    /// ```
    #[must_use]
    pub fn exponential(gamma: f64) -> Self {
        Self::of(Kind::Exponential { gamma })
    }

    /// minimum + (1 − minimum)·(1 + cos(π·t/steps))/2, then `minimum` (PyTorch: `CosineAnnealingLR`, which rises again
    /// after its end, see [`Schedule::cosine_wave`]; Loshchilov & Hutter 2017).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::cosine(10, 0.1).factor(10), 0.1);
    /// ```
    #[must_use]
    pub fn cosine(steps: u64, minimum: f64) -> Self {
        Self::of(Kind::Cosine { steps, minimum, turns_back: false })
    }

    /// [`Schedule::cosine`] that rises again after its end, and so on (PyTorch: `CosineAnnealingLR`).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::cosine_wave(10, 0.0).factor(20), 1.0);
    /// ```
    #[must_use]
    pub fn cosine_wave(steps: u64, minimum: f64) -> Self {
        Self::of(Kind::Cosine { steps, minimum, turns_back: true })
    }

    /// [`Schedule::cosine`] over `period` steps, started again from 1 with a period `growth` times as long, and so on
    /// (PyTorch: `CosineAnnealingWarmRestarts`; Loshchilov & Hutter 2017).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::cosine_restarts(10, 2, 0.0).factor(30), 1.0);
    /// ```
    #[must_use]
    pub fn cosine_restarts(period: u64, growth: u64, minimum: f64) -> Self {
        Self::of(Kind::Restarts { period, growth, minimum })
    }

    /// 1 − (1 − minimum)·√(t/steps), then `minimum`: how Hägele et al. 2024 let the learning rate fall.
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::square_root_decay(100, 0.0).factor(25), 0.5);
    /// ```
    #[must_use]
    pub fn square_root_decay(steps: u64, minimum: f64) -> Self {
        Self::of(Kind::SquareRoot { steps, minimum })
    }

    /// min((t + 1)/warmup, √(warmup/(t + 1))): a straight rise to 1, then a fall with the square root.
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// let schedule = Schedule::inverse_square_root(100);
    /// assert_eq!((schedule.factor(49), schedule.factor(399)), (0.5, 0.5));
    /// ```
    #[must_use]
    pub fn inverse_square_root(warmup: u64) -> Self {
        Self::of(Kind::InverseSquareRoot { warmup, top: 1.0 })
    }

    /// size^(−½)·min((t + 1)^(−½), (t + 1)·warmup^(−1½)): the schedule of the first Transformer, whose learning rate is
    /// 1 (Vaswani et al. 2017).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert!((Schedule::noam(512, 4000).factor(3999) - 1.0 / (512.0_f64 * 4000.0).sqrt()).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn noam(size: usize, warmup: u64) -> Self {
        let top = 1.0 / (size as f64 * warmup.max(1) as f64).sqrt();
        Self::of(Kind::InverseSquareRoot { warmup, top })
    }

    /// [`Schedule::warmup`], then 1 for `stable` steps, then straight down to `minimum` over `decay` (Hu et al. 2024). For
    /// another way down, take [`Schedule::then`] with [`Schedule::square_root_decay`], say.
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// let schedule = Schedule::warmup_stable_decay(10, 80, 10, 0.0);
    /// assert_eq!((schedule.factor(50), schedule.factor(95)), (1.0, 0.5));
    /// ```
    #[must_use]
    pub fn warmup_stable_decay(warmup: u64, stable: u64, decay: u64, minimum: f64) -> Self {
        let down = Self::linear(1.0, minimum, decay);
        Self::warmup(warmup).then(warmup, Self::constant().then(stable, down))
    }

    /// Up and down again and again (PyTorch: `CyclicLR`); see [`Cyclic`].
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// use gradus_optimizers::Cyclic;
    /// assert_eq!(Schedule::cyclic(Cyclic::new(5)).factor(5), 1.0);
    /// ```
    #[must_use]
    pub fn cyclic(cycle: Cyclic) -> Self {
        Self::of(Kind::Cyclic(cycle))
    }

    /// (1 − t/steps)^power, then 0 (PyTorch: `PolynomialLR`).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::polynomial(10, 2.0).factor(5), 0.25);
    /// ```
    #[must_use]
    pub fn polynomial(steps: u64, power: f64) -> Self {
        Self::of(Kind::Polynomial { steps, power })
    }

    /// Up from 1/25 to 1 over the first 30 % of `steps`, then down to 1/250,000, both along a cosine (PyTorch:
    /// `OneCycleLR` with its defaults, the learning rate being its `max_lr`; momentum is not cycled; Smith & Topin 2018).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert!((Schedule::one_cycle(100).factor(0) - 0.04).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn one_cycle(steps: u64) -> Self {
        Self::one_cycle_by(OneCycle::new(steps))
    }

    /// [`Schedule::one_cycle`] with the part of the steps that rises, what the first factor is divided by, and what
    /// the last is divided by in turn (PyTorch: `pct_start`, `div_factor`, `final_div_factor`).
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert!((Schedule::one_cycle_with(100, 0.5, 10.0, 100.0).factor(0) - 0.1).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn one_cycle_with(steps: u64, rise: f64, division: f64, final_division: f64) -> Self {
        let cycle = OneCycle { rise, division, final_division, ..OneCycle::new(steps) };
        Self::one_cycle_by(cycle)
    }

    /// [`Schedule::one_cycle`] with all its options.
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// use gradus_optimizers::OneCycle;
    /// assert_eq!(Schedule::one_cycle_by(OneCycle::new(100)).factor(29), 1.0);
    /// ```
    #[must_use]
    pub fn one_cycle_by(cycle: OneCycle) -> Self {
        Self::of(Kind::OneCycle(cycle))
    }

    /// [`Schedule::warmup`] over `warmup` steps, then [`Schedule::cosine`] from 1 to `minimum` at `steps`.
    ///
    /// ```
    /// use gradus_optimizers::Schedule;
    /// assert_eq!(Schedule::warmup_cosine(10, 100, 0.1).factor(100), 0.1);
    /// ```
    #[must_use]
    pub fn warmup_cosine(warmup: u64, steps: u64, minimum: f64) -> Self {
        Self::warmup(warmup).then(warmup, Self::cosine(steps.saturating_sub(warmup), minimum))
    }
}
