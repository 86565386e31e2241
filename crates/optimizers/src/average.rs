//! Averages of a model's weights over training: exponential (Polyak averaging with forgetting) and equal ("Averaging Weights
//! Leads to Wider Optima", Izmailov et al. 2018). They know no optimizer.

use std::collections::BTreeMap;

use gradus_autodiff::{BufferId, Update, Var};
use gradus_module::{Buffer, Kind, Module, Path, State};
use gradus_tensor::{AnyTensor, Float, Tensor};

use crate::error::{OptimizerError, check};
use crate::state;
use crate::values::{blend, check_shapes};

/// A running average of a model's parameters (PyTorch: `swa_utils.AveragedModel`).
///
/// ```
/// use gradus_module::{Module, Param};
/// use gradus_optimizers::Average;
/// let mut model = Param::new([0.0_f32]);
/// let mut average = Average::equal();
/// for value in [1.0, 2.0, 6.0] {
///     *model.value_mut() = [value].into();
///     average.update(&model)?;
/// }
/// average.swap(&mut model)?; // the model holds the average now, to be evaluated
/// assert_eq!(model.value().item(), 3.0);
/// average.swap(&mut model)?; // and what it held before again
/// let mut other = Average::exponential(0.999).with_buffers(true);
/// other.load_state(&average.state())?;
/// assert_eq!(other.updates(), 3);
/// assert_eq!(model.value().item(), 6.0);
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Average {
    /// `None`: all count alike.
    decay: Option<f64>,
    with_buffers: bool,
    updates: u64,
    values: BTreeMap<String, AnyTensor>,
}

const UPDATES: &str = "updates";
const VALUES: &str = "values";

impl Average {
    fn of(decay: Option<f64>) -> Self {
        Self { decay, with_buffers: false, updates: 0, values: BTreeMap::new() }
    }

    /// a ← d·a + (1 − d)·w; the first update takes w (PyTorch: `get_ema_multi_avg_fn(decay)`).
    #[must_use]
    pub fn exponential(decay: f64) -> Self {
        Self::of(Some(decay))
    }

    /// a ← a + (w − a)/(n + 1): the mean of all updates (PyTorch: `get_swa_multi_avg_fn()`).
    #[must_use]
    pub fn equal() -> Self {
        Self::of(None)
    }

    /// Whether buffers (running statistics) are averaged too, instead of taken as the model has them (PyTorch:
    /// `use_buffers`).
    #[must_use]
    pub fn with_buffers(mut self, with_buffers: bool) -> Self {
        self.with_buffers = with_buffers;
        self
    }

    /// Takes the model's present values into the average.
    ///
    /// # Errors
    /// If the decay lies outside 0 ..= 1, or a loaded average is of another model. The average is then as it was.
    pub fn update(&mut self, model: &(impl Module + ?Sized)) -> Result<(), OptimizerError> {
        let decay = self.decay.unwrap_or(0.0);
        check("decay", decay, (0.0..=1.0).contains(&decay), "in 0 ..= 1")?;
        check_shapes(model, &self.values)?;
        let share = match self.decay {
            Some(decay) => 1.0 - decay,
            None => 1.0 / (self.updates as f64 + 1.0),
        };
        model.visit(&mut Path::root(), &mut |path, entry| {
            let value = entry.value();
            let is_averaged = entry.kind() == Kind::Parameter || self.with_buffers;
            match self.values.get_mut(path.as_str()) {
                Some(average) if is_averaged => blend(average, &value, share),
                _ => {
                    self.values.insert(path.as_str().to_owned(), value);
                }
            }
        });
        self.updates += 1;
        Ok(())
    }

    /// Exchanges the model's values and the averages: once to evaluate with them, once more to train on.
    ///
    /// # Errors
    /// If a loaded average is of another model, which is then as it was.
    pub fn swap(&mut self, model: &mut (impl Module + ?Sized)) -> Result<(), OptimizerError> {
        check_shapes(model, &self.values)?;
        model.visit_mut(&mut Path::root(), &mut |path, entry| {
            if let Some(average) = self.values.get_mut(path.as_str()) {
                let value = entry.value();
                entry.set(average);
                *average = value;
            }
        });
        Ok(())
    }

    /// How often it was updated.
    #[must_use]
    pub fn updates(&self) -> u64 {
        self.updates
    }

    /// `updates`, and the averages under `values.`.
    #[must_use]
    pub fn state(&self) -> State {
        let mut state = State::default();
        state.push(UPDATES, Tensor::scalar(self.updates as i64));
        for (path, value) in &self.values {
            state.push(format!("{VALUES}.{path}"), value.clone());
        }
        state
    }

    /// Goes on from a saved state.
    ///
    /// # Errors
    /// If the count is missing or no count; the average is then as it was.
    pub fn load_state(&mut self, state: &State) -> Result<(), OptimizerError> {
        self.updates = state::count(state, UPDATES)?;
        let values = state.below(VALUES);
        self.values = values.iter().map(|(path, value)| (path.to_owned(), value.clone())).collect();
        Ok(())
    }
}

/// Finds running statistics anew, as the mean over all batches: those of averaged weights are nobody's else
/// (PyTorch: `swa_utils.update_bn`). `forward` runs the model on a batch in training mode.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::refresh_statistics;
/// let mut model = Param::new([1.0_f32]); // one with batch norms, usually
/// refresh_statistics(&mut model, [1.0, 2.0], |model, batch| &**model * batch);
/// ```
pub fn refresh_statistics<T: Float, M: Module + ?Sized, B>(
    model: &mut M,
    batches: impl IntoIterator<Item = B>,
    mut forward: impl FnMut(&M, B) -> Var<T>,
) {
    let mut counts: BTreeMap<BufferId, u64> = BTreeMap::new();
    let mut means: BTreeMap<BufferId, Tensor<T>> = BTreeMap::new();
    for batch in batches {
        for update in forward(model, batch).sum().backward().updates() {
            if let Update::Average { target, value, .. } = update {
                let count = counts.entry(*target).or_default();
                *count += 1;
                let share = T::of(1.0 / *count as f64);
                let mean = means.entry(*target).or_insert_with(|| value.clone());
                *mean = mean.zip(value, move |mean, value| mean + share * (value - mean));
            }
        }
    }
    model.visit_mut(&mut Path::root(), &mut |_, entry| {
        if let Some(buffer) = entry.as_any_mut().downcast_mut::<Buffer<T>>()
            && let Some(mean) = means.remove(&buffer.id())
        {
            *buffer.value_mut() = mean;
        }
    });
}
