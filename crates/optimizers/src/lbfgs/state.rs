//! The memory of L-BFGS as a `State` and back. In memory it is vectors over all parameters; in the state each parameter has its
//! part, under its name.

use std::collections::BTreeMap;
use std::ops::Range;

use gradus_module::State;
use gradus_tensor::{Shape, Tensor};

use super::{Change, Lbfgs, Memory};
use crate::error::OptimizerError;
use crate::state::{count, float, name};

const NUMBER: &str = "steps";
const ITERATIONS: &str = "iterations";
const LENGTH: &str = "step_length";
const SCALE: &str = "h_diag";
const LEARNING_RATE: &str = "learning_rate";
const SCALARS: [&str; 5] = [NUMBER, ITERATIONS, LEARNING_RATE, LENGTH, SCALE];

/// Per parameter: the direction, the gradient before, and yᵢ and sᵢ along a first axis.
const DIRECTION: &str = "direction";
const GRADIENT: &str = "previous_gradient";
const CHANGES: &str = "old_directions";
const STEPS: &str = "old_steps";
const PARTS: [&str; 4] = [DIRECTION, GRADIENT, CHANGES, STEPS];

impl Lbfgs {
    /// All that a later run needs to go on bit by bit: `steps`, `iterations`, `learning_rate`, `step_length`, `h_diag`, and for each
    /// parameter `{path}.direction`, `.previous_gradient`, `.old_directions` and `.old_steps`, all in `f64`.
    ///
    /// ```
    /// use gradus_optimizers::Lbfgs;
    /// let (optimizer, mut other) = (Lbfgs::new(0.5), Lbfgs::new(1.0));
    /// other.load_state(&optimizer.state())?;
    /// assert_eq!(other.state().names().count(), 5);
    /// # Ok::<(), gradus_optimizers::OptimizerError>(())
    /// ```
    #[must_use]
    pub fn state(&self) -> State {
        let memory = &self.memory;
        let mut state = State::default();
        state.push(NUMBER, Tensor::scalar(memory.steps as i64));
        state.push(ITERATIONS, Tensor::scalar(memory.iterations as i64));
        state.push(LEARNING_RATE, Tensor::scalar(self.learning_rate));
        state.push(LENGTH, Tensor::scalar(memory.length));
        state.push(SCALE, Tensor::scalar(memory.scale));
        if memory.iterations == 0 {
            return state;
        }
        let mut from = 0;
        for (path, shape) in &memory.layout {
            let size: usize = shape.iter().product();
            let part = |vector: &[f64]| Tensor::new(Shape::new(shape), &vector[from..from + size]);
            state.push(name(path, DIRECTION), part(&memory.direction));
            state.push(name(path, GRADIENT), part(&memory.gradient));
            let stacked = |pick: fn(&Change) -> &Vec<f64>| {
                let rows = memory.history.iter().flat_map(|pair| &pick(pair)[from..from + size]);
                let rows: Vec<f64> = rows.copied().collect();
                Tensor::new([memory.history.len(), size], &rows)
            };
            state.push(name(path, CHANGES), stacked(|(y, _)| y));
            state.push(name(path, STEPS), stacked(|(_, s)| s));
            from += size;
        }
        state
    }

    /// Goes on from a saved state (PyTorch: `load_state_dict`).
    ///
    /// # Errors
    /// If names are missing or unexpected, or an entry has not the type or shape that it should; the optimizer is then as it
    /// was. Whether the state fits the model shows at the next step.
    pub fn load_state(&mut self, state: &State) -> Result<(), OptimizerError> {
        let mut memory = Memory {
            steps: count(state, NUMBER)?,
            iterations: count(state, ITERATIONS)?,
            length: float(state, LENGTH)?,
            scale: float(state, SCALE)?,
            ..Memory::default()
        };
        let learning_rate = float(state, LEARNING_RATE)?;
        let (mut missing, mut unexpected, mut paths) = (Vec::new(), Vec::new(), Vec::new());
        for entry in state.names().filter(|entry| !SCALARS.contains(entry)) {
            let (path, part) = entry.rsplit_once('.').unwrap_or(("", entry));
            match part {
                DIRECTION => paths.push(path.to_owned()),
                _ if PARTS.contains(&part) => {}
                _ => unexpected.push(entry.to_owned()),
            }
        }
        let all = paths.iter().flat_map(|path| PARTS.map(|part| name(path, part)));
        missing.extend(all.filter(|entry| state.get(entry).is_none()));
        if !missing.is_empty() || !unexpected.is_empty() {
            return Err(OptimizerError::StateNames { wanted: PARTS.to_vec(), missing, unexpected });
        }
        for path in paths {
            memory.append(state, path)?;
        }
        (self.memory, self.learning_rate) = (memory, learning_rate);
        Ok(())
    }
}

impl Memory {
    /// Adds the part of one parameter.
    fn append(&mut self, state: &State, path: String) -> Result<(), OptimizerError> {
        const WANTED: &str = "f64 in the shapes that this optimizer writes";
        let part = |part: &str| {
            let entry = name(&path, part);
            let value = state.get(&entry);
            let typed = value.and_then(|value| value.get::<f64>()).cloned();
            typed.ok_or_else(|| match value {
                Some(value) => crate::state::wrong(&entry, value, WANTED),
                None => OptimizerError::StateNames {
                    wanted: PARTS.to_vec(),
                    missing: vec![entry],
                    unexpected: vec![],
                },
            })
        };
        let (direction, gradient, changes, steps) =
            (part(DIRECTION)?, part(GRADIENT)?, part(CHANGES)?, part(STEPS)?);
        let size = direction.len();
        let length =
            if self.layout.is_empty() { changes.shape().first().copied() } else { Some(self.history.len()) };
        let length = length.unwrap_or(0);
        let wanted = Shape::new(&[length, size]);
        for (what, value, shape) in
            [(GRADIENT, &gradient, direction.shape()), (CHANGES, &changes, &wanted), (STEPS, &steps, &wanted)]
        {
            if value.shape() != shape {
                let entry = name(&path, what);
                return Err(crate::state::wrong(&entry, &value.clone().into(), WANTED));
            }
        }
        self.history.resize(length, (Vec::new(), Vec::new()));
        self.direction.extend(direction.to_vec());
        self.gradient.extend(gradient.to_vec());
        let (changes, steps) = (changes.to_vec(), steps.to_vec());
        for (i, (y, s)) in self.history.iter_mut().enumerate() {
            y.extend(&changes[i * size..(i + 1) * size]);
            s.extend(&steps[i * size..(i + 1) * size]);
        }
        self.layout.push((path, direction.shape().to_vec()));
        Ok(())
    }

    /// Whether the memory is of the model with that layout; takes the layout of the first.
    pub(super) fn fit(&mut self, layout: Vec<(String, Vec<usize>)>) -> Result<(), OptimizerError> {
        if self.iterations == 0 {
            self.layout = layout;
            return Ok(());
        }
        for (name, state) in &self.layout {
            match layout.iter().find(|(path, _)| path == name) {
                None => return Err(OptimizerError::NoSuchParameter { names: vec![name.clone()] }),
                Some((_, parameter)) if parameter != state => {
                    let (name, parameter, state) = (name.clone(), parameter.clone(), state.clone());
                    return Err(OptimizerError::StateShape { name, parameter, state });
                }
                Some(_) => {}
            }
        }
        if layout.len() == self.layout.len() && layout != self.layout {
            self.reorder(layout);
        } else if layout != self.layout {
            // New parameters: what was learnt is of another vector.
            *self = Memory { layout, steps: self.steps, ..Memory::default() };
        }
        Ok(())
    }

    /// Brings the vectors into the order of `layout`, which has the same parameters: files hold them in an order of their own.
    fn reorder(&mut self, layout: Vec<(String, Vec<usize>)>) {
        let mut places = BTreeMap::new();
        let mut from = 0;
        for (path, shape) in &self.layout {
            let size: usize = shape.iter().product();
            places.insert(path.as_str(), from..from + size);
            from += size;
        }
        let order: Vec<Range<usize>> =
            layout.iter().filter_map(|(path, _)| places.get(path.as_str()).cloned()).collect();
        let arrange = |vector: &mut Vec<f64>| {
            *vector = order.iter().flat_map(|place| &vector[place.clone()]).copied().collect();
        };
        arrange(&mut self.direction);
        arrange(&mut self.gradient);
        for (y, s) in &mut self.history {
            arrange(y);
            arrange(s);
        }
        self.layout = layout;
    }
}
