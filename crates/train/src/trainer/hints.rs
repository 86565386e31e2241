//! What looks wrong although no number is: a loss that never moved, units that no longer learn. It watches, and changes nothing;
//! a resumed run watches anew.

use std::collections::BTreeMap;

use gradus_autodiff::Gradients;
use gradus_module::{Kind, Module, Path};
use gradus_tensor::Float;

use crate::warning::Warning;

/// By what share the mean loss must have fallen to count as moved.
const MOVED: f64 = 0.01;

/// Counts steps until something is worth a hint; each is given once.
#[derive(Debug)]
pub(super) struct Hints {
    steps: u64,
    loss: Option<Losses>,
    units: BTreeMap<String, Units>,
}

impl Default for Hints {
    fn default() -> Self {
        Self { steps: 200, loss: Some(Losses::default()), units: BTreeMap::new() }
    }
}

/// Sums over the first and over the last tenth of the steps.
#[derive(Debug, Default)]
struct Losses {
    seen: u64,
    first: f64,
    last: f64,
}

/// For each unit whether it has had a gradient since the count began.
#[derive(Debug, Default)]
struct Units {
    seen: u64,
    lives: Vec<bool>,
    is_told: bool,
}

impl Hints {
    pub(super) fn set(&mut self, steps: u64) {
        self.steps = steps;
    }

    /// After a step.
    pub(super) fn loss(&mut self, loss: f64) -> Option<Warning> {
        let steps = self.steps;
        if steps == 0 {
            return None;
        }
        let part = (steps / 10).max(1);
        let losses = self.loss.as_mut()?;
        if losses.seen < part {
            losses.first += loss;
        }
        losses.seen += 1;
        if losses.seen + part > steps {
            losses.last += loss;
        }
        if losses.seen < steps {
            return None;
        }
        let (before, now) = (losses.first / part as f64, losses.last / part as f64);
        self.loss = None;
        let has_moved = before - now > MOVED * before.abs();
        (!has_moved).then_some(Warning::LossDoesNotFall { steps, before, now })
    }

    /// Looks at the gradients of biases, of which each unit has one.
    pub(super) fn gradients<T: Float, M: Module>(
        &mut self,
        model: &M,
        gradients: &Gradients<T>,
    ) -> Vec<Warning> {
        let (steps, units) = (self.steps, &mut self.units);
        let mut warnings = Vec::new();
        if steps == 0 {
            return warnings;
        }
        model.visit(&mut Path::root(), &mut |path, entry| {
            let is_bias = path.as_str().ends_with("bias") && entry.kind() == Kind::Parameter;
            let gradient = entry.leaf_id().filter(|_| is_bias).and_then(|leaf| gradients.get(leaf));
            let Some(gradient) = gradient.filter(|gradient| gradient.rank() == 1 && gradient.len() > 1)
            else {
                return;
            };
            let path = path.as_str();
            if !units.contains_key(path) {
                units.insert(path.to_owned(), Units::default());
            }
            let Some(own) = units.get_mut(path).filter(|own| !own.is_told) else { return };
            own.lives.resize(gradient.len(), false);
            let values = gradient.to_vec();
            own.lives.iter_mut().zip(&values).for_each(|(lives, g)| *lives |= *g != T::ZERO);
            own.seen += 1;
            if own.seen == steps {
                let (dead, units) = (own.lives.iter().filter(|lives| !**lives).count(), own.lives.len());
                (own.seen, own.is_told) = (0, dead > 0);
                own.lives.fill(false);
                if dead > 0 {
                    warnings.push(Warning::DeadUnits { path: path.to_owned(), dead, units, steps });
                }
            }
        });
        warnings
    }
}
