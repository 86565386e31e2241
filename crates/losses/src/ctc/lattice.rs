//! The lattice of alignments: frames by states (blanks and labels in turn), summed forwards and backwards in logarithms and
//! double precision. It knows no variables.

/// One sequence: its states, and how many frames it has.
pub(super) struct Sample {
    /// The classes blank, label, blank, …, label, blank.
    pub(super) states: Vec<usize>,
    pub(super) frames: usize,
}

impl Sample {
    pub(super) fn new(labels: &[usize], blank: usize, frames: usize) -> Self {
        let mut states = Vec::with_capacity(2 * labels.len() + 1);
        for &label in labels {
            states.extend([blank, label]);
        }
        states.push(blank);
        Self { states, frames }
    }

    /// Whether state s can follow state s − 2: a label after another one needs no blank between.
    pub(super) fn may_skip(&self, s: usize) -> bool {
        s % 2 == 1 && s >= 2 && self.states[s] != self.states[s - 2]
    }

    pub(super) fn cells(&self) -> usize {
        self.frames * self.states.len()
    }
}

/// The forward sums of a sample.
pub(super) struct Lattice {
    /// ln Σ of all paths from the start to frame t and state s, its frame included, `[frames][states]`.
    alpha: Vec<f64>,
    loss: f64,
}

/// ln(e^a + e^b + e^c); −∞ of three −∞.
fn log_sum(a: f64, b: f64, c: f64) -> f64 {
    let most = a.max(b).max(c);
    if most == f64::NEG_INFINITY {
        return a + b + c; // NaN, if one is
    }
    most + ((a - most).exp() + (b - most).exp() + (c - most).exp()).ln()
}

impl Lattice {
    /// With `at(t, class)` the log-probability.
    pub(super) fn new(sample: &Sample, at: impl Fn(usize, usize) -> f64) -> Self {
        let (states, nothing) = (sample.states.len(), f64::NEG_INFINITY);
        let mut alpha = vec![nothing; sample.cells()];
        for t in 0..sample.frames {
            let (before, here) = alpha.split_at_mut(t * states);
            let before = before.get(before.len().wrapping_sub(states)..).unwrap_or(&[]);
            for (s, here) in here[..states].iter_mut().enumerate() {
                let from = |back: usize| s.checked_sub(back).map_or(nothing, |s| before[s]);
                let sum = match t {
                    0 if s < 2 => 0.0,
                    0 => nothing,
                    _ => log_sum(from(0), from(1), if sample.may_skip(s) { from(2) } else { nothing }),
                };
                // A NaN of the model stays.
                *here = sum + at(t, sample.states[s]);
            }
        }
        let end = |back: usize| alpha.len().checked_sub(back).map(|i| alpha[i]);
        let loss = match sample.frames {
            0 if states == 1 => 0.0,
            0 => f64::INFINITY,
            _ => {
                let label = if states > 1 { end(2) } else { None };
                -log_sum(end(1).unwrap_or(nothing), label.unwrap_or(nothing), nothing)
            }
        };
        Self { alpha, loss }
    }

    /// −ln of the sum over all paths.
    pub(super) fn loss(&self) -> f64 {
        self.loss
    }

    /// Calls `f(t, class, p)` with the probability that a path is in a state of that class at frame t, for each state that
    /// can be.
    pub(super) fn occupancies(
        &self,
        sample: &Sample,
        at: impl Fn(usize, usize) -> f64,
        mut f: impl FnMut(usize, usize, f64),
    ) {
        let (states, nothing) = (sample.states.len(), f64::NEG_INFINITY);
        // ln Σ of all paths from frame t and state s to the end, its frame left out; then with the frame included.
        let mut after = vec![nothing; states];
        let mut beta = vec![nothing; states];
        for t in (0..sample.frames).rev() {
            for (s, beta) in beta.iter_mut().enumerate() {
                let to = |ahead: usize| after.get(s + ahead).copied().unwrap_or(nothing);
                *beta = if t + 1 == sample.frames {
                    if s + 2 >= states { 0.0 } else { nothing }
                } else {
                    let may_skip = s + 2 < states && sample.may_skip(s + 2);
                    log_sum(to(0), to(1), if may_skip { to(2) } else { nothing })
                };
                let path = self.alpha[t * states + s] + *beta + self.loss;
                if path != nothing {
                    f(t, sample.states[s], path.exp());
                }
            }
            for ((after, beta), &state) in after.iter_mut().zip(&beta).zip(&sample.states) {
                *after = beta + at(t, state);
            }
        }
    }
}
