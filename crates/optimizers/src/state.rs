//! What an optimizer remembers, by parameter path, and how it becomes a `State` and back.

use std::collections::BTreeMap;

use gradus_module::State;
use gradus_tensor::{AnyTensor, DType, Element, Float, Shape, Tensor};

use crate::error::OptimizerError;
use crate::optimizer::Optimizer;
use crate::rule::Rule;

const STEP: &str = "step";
const LEARNING_RATE: &str = "learning_rate";
/// The count of a parameter's gradients stands beside its slots.
const UPDATES: &str = "updates";

/// What is remembered of one parameter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Memory {
    /// How many gradients it has got.
    pub(crate) updates: u64,
    pub(crate) scalars: Vec<f64>,
    pub(crate) slots: Vec<AnyTensor>,
}

impl Memory {
    /// Brings scalars and slots to number and type; new ones hold noughts.
    pub(crate) fn prepare<T: Float, R: Rule>(&mut self, rule: &R, shape: &Shape) {
        let count = rule.slots().len();
        self.scalars.resize(rule.scalars().len(), 0.0);
        self.slots.truncate(count);
        for slot in &mut self.slots {
            if slot.get::<T>().is_none() {
                *slot = AnyTensor::new(&slot.cast::<T>());
            }
        }
        for slot in self.slots.len()..count {
            let shape = rule.slot_shape(slot, shape);
            self.slots.push(AnyTensor::new(&Tensor::<T>::full(shape, <T as Element>::ZERO)));
        }
    }
}

/// `path.slot`, or the slot alone where the model is a single parameter.
pub(crate) fn name(path: &str, slot: &str) -> String {
    if path.is_empty() { slot.to_owned() } else { format!("{path}.{slot}") }
}

impl<R: Rule> Optimizer<R> {
    /// All that a later run needs to go on bit by bit as this one would: `step`, `learning_rate` (as set, before the
    /// schedule), and for each parameter that has been updated `{path}.updates` and the rule's scalars and slots, such
    /// as `{path}.exp_avg`. Shares the storages. Hyper-parameters, groups and schedules are the program's.
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_optimizers::Adam;
    /// let mut model = Param::new([3.0_f32]);
    /// let mut first = Adam::new(1e-3);
    /// let gradients = model.square().sum().backward();
    /// first.step(&mut model, &gradients)?;
    /// let mut second = Adam::new(1e-3);
    /// second.load_state(&first.state())?;
    /// assert_eq!(second.steps(), 1);
    /// assert_eq!(second.state().get("exp_avg"), first.state().get("exp_avg"));
    /// # Ok::<(), gradus_optimizers::OptimizerError>(())
    /// ```
    #[must_use]
    pub fn state(&self) -> State {
        let mut state = State::default();
        state.push(STEP, Tensor::scalar(self.steps as i64));
        state.push(LEARNING_RATE, Tensor::scalar(self.learning_rate));
        for (path, memory) in &self.memories {
            state.push(name(path, UPDATES), Tensor::scalar(memory.updates as i64));
            for (scalar, value) in self.rule.scalars().iter().zip(&memory.scalars) {
                state.push(name(path, scalar), Tensor::scalar(*value));
            }
            for (slot, value) in self.rule.slots().iter().zip(&memory.slots) {
                state.push(name(path, slot), value.clone());
            }
        }
        state
    }

    /// Goes on from a saved state (PyTorch: `load_state_dict`).
    ///
    /// # Errors
    /// If names are missing or unexpected, or an entry is of the wrong type or shape; the optimizer is then as it was.
    /// Whether the state fits the model shows at the next step, which refuses if not.
    pub fn load_state(&mut self, state: &State) -> Result<(), OptimizerError> {
        let memories = self.memories_of(state)?;
        let steps = count(state, STEP)?;
        let learning_rate = float(state, LEARNING_RATE)?;
        if let Some(memory) = memories.values().next() {
            self.rule.resume(&memory.scalars);
        }
        (self.steps, self.learning_rate, self.memories) = (steps, learning_rate, memories);
        self.is_loaded = true;
        Ok(())
    }

    fn memories_of(&self, state: &State) -> Result<BTreeMap<String, Memory>, OptimizerError> {
        let (slots, scalars) = (self.rule.slots(), self.rule.scalars());
        let (mut missing, mut unexpected, mut paths) = (Vec::new(), Vec::new(), BTreeMap::new());
        for entry in state.names().filter(|&entry| entry != STEP && entry != LEARNING_RATE) {
            let (path, slot) = entry.rsplit_once('.').unwrap_or(("", entry));
            if slot == UPDATES || slots.contains(&slot) || scalars.contains(&slot) {
                paths.insert(path, Memory::default());
            } else {
                unexpected.push(entry.to_owned());
            }
        }
        let wanted: Vec<&'static str> = [UPDATES].iter().chain(scalars).chain(slots).copied().collect();
        let each = paths.keys().flat_map(|path| wanted.iter().map(|slot| name(path, slot)));
        let all = [STEP, LEARNING_RATE].map(str::to_owned).into_iter().chain(each);
        missing.extend(all.filter(|entry| state.get(entry).is_none()));
        if !missing.is_empty() || !unexpected.is_empty() {
            return Err(OptimizerError::StateNames { wanted, missing, unexpected });
        }
        for (path, memory) in &mut paths {
            *memory = self.memory_of(state, path)?;
        }
        Ok(paths.into_iter().map(|(path, memory)| (path.to_owned(), memory)).collect())
    }

    /// The memory of one parameter; all its entries are there.
    fn memory_of(&self, state: &State, path: &str) -> Result<Memory, OptimizerError> {
        let mut memory = Memory { updates: count(state, &name(path, UPDATES))?, ..Memory::default() };
        for number in self.rule.scalars() {
            memory.scalars.push(float(state, &name(path, number))?);
        }
        for slot in self.rule.slots() {
            let entry = name(path, slot);
            let Some(value) = state.get(&entry) else { continue };
            let first = memory.slots.first().map_or(*value.shape(), |first| *first.shape());
            if !matches!(value.dtype(), DType::F32 | DType::F64) {
                return Err(wrong(&entry, value, "floats"));
            }
            if self.rule.is_shaped_alike() && *value.shape() != first {
                return Err(wrong(&entry, value, "floats in the shape of the other slots"));
            }
            memory.slots.push(value.clone());
        }
        Ok(memory)
    }
}

pub(crate) fn wrong(name: &str, value: &AnyTensor, wanted: &'static str) -> OptimizerError {
    OptimizerError::StateValue {
        name: name.to_owned(),
        dtype: value.dtype(),
        shape: value.shape().to_vec(),
        wanted,
    }
}

/// An entry that must be a scalar of one type.
fn scalar<'s>(
    state: &'s State,
    name: &str,
    dtype: DType,
    wanted: &'static str,
) -> Result<&'s AnyTensor, OptimizerError> {
    match state.get(name) {
        Some(value) if value.dtype() == dtype && *value.shape() == Shape::SCALAR => Ok(value),
        Some(value) => Err(wrong(name, value, wanted)),
        None => Err(OptimizerError::StateNames {
            wanted: Vec::new(),
            missing: vec![name.to_owned()],
            unexpected: Vec::new(),
        }),
    }
}

pub(crate) fn float(state: &State, name: &str) -> Result<f64, OptimizerError> {
    Ok(scalar(state, name, DType::F64, "a scalar f64")?.cast::<f64>().item())
}

pub(crate) fn count(state: &State, name: &str) -> Result<u64, OptimizerError> {
    const WANTED: &str = "a scalar i64 from 0 on";
    let value = scalar(state, name, DType::I64, WANTED)?;
    u64::try_from(value.cast::<i64>().item()).map_err(|_| wrong(name, value, WANTED))
}
