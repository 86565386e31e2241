//! How fast a training is just now: steps and examples per second over the last few seconds. Time is given to it, so that
//! it can be tested without a clock.

use std::collections::VecDeque;

/// Seconds that the rate is a mean over.
const WINDOW: f64 = 10.0;
/// Seconds between two marks.
const APART: f64 = 0.5;

/// Counts of steps and examples at marks in time.
#[derive(Debug, Default)]
pub(super) struct Rate {
    marks: VecDeque<(f64, f64, f64)>,
    steps: f64,
    examples: f64,
}

impl Rate {
    /// A step with this many examples was done at `seconds`. Whether a mark was set.
    pub(super) fn add(&mut self, examples: usize, seconds: f64) -> bool {
        self.steps += 1.0;
        self.examples += examples as f64;
        if self.marks.back().is_some_and(|(last, ..)| seconds - last < APART) {
            return false;
        }
        self.marks.push_back((seconds, self.steps, self.examples));
        // One mark from before the window stays, or there would be nothing to measure from after a slow step.
        while self.marks.len() > 2 && self.marks[1].0 <= seconds - WINDOW {
            self.marks.pop_front();
        }
        true
    }

    /// Steps and examples per second; `None` before there are two marks.
    pub(super) fn per_second(&self) -> Option<(f64, f64)> {
        let ((from, steps, examples), (to, s, e)) = (*self.marks.front()?, *self.marks.back()?);
        (to > from).then(|| ((s - steps) / (to - from), (e - examples) / (to - from)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_long_ago_counts_no_more() {
        let mut rate = Rate::default();
        assert_eq!(rate.per_second(), None);
        assert!(rate.add(8, 0.0));
        assert!(!rate.add(8, 0.1));
        assert_eq!(rate.per_second(), None);
        (1..=20).for_each(|second| _ = rate.add(8, f64::from(second)));
        assert_eq!(rate.per_second(), Some((1.0, 8.0)));
        (1..=400).for_each(|i| _ = rate.add(4, 20.0 + f64::from(i) / 20.0));
        assert_eq!(rate.per_second(), Some((20.0, 80.0)));
        assert!(rate.marks.len() < 30, "{}", rate.marks.len());
        rate.add(1, 1000.0); // a slow one
        assert!(rate.per_second().is_some_and(|(steps, _)| (0.0..0.05).contains(&steps)));
    }
}
