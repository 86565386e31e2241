//! A model's state as data: names and tensors, in the order of the walk.

use std::collections::BTreeMap;

use gradus_tensor::{AnyTensor, DType, Shape};
use thiserror::Error;

/// Named tensors in a fixed order (PyTorch: a state dict).
///
/// ```
/// use gradus_module::State;
/// use gradus_tensor::Tensor;
/// let mut layer = State::default();
/// layer.push("bias", Tensor::from([0.5_f32]));
/// let mut model = State::default();
/// model.push_all("layers.0", &layer);
/// assert_eq!((model.len(), model.is_empty()), (1, false));
/// assert_eq!(model.names().collect::<Vec<_>>(), ["layers.0.bias"]);
/// assert_eq!(model.below("layers.0").get("bias"), layer.get("bias"));
/// assert!(model.iter().all(|(_, value)| value.len() == 1));
/// ```
#[derive(Clone, Debug, Default)]
pub struct State {
    entries: Vec<(String, AnyTensor)>,
    places: BTreeMap<String, usize>,
}

impl State {
    /// Adds an entry at the end, or replaces the one of that name.
    pub fn push(&mut self, name: impl Into<String>, value: impl Into<AnyTensor>) {
        let (name, value) = (name.into(), value.into());
        match self.places.get(&name) {
            Some(&place) => self.entries[place].1 = value,
            None => {
                self.places.insert(name.clone(), self.entries.len());
                self.entries.push((name, value));
            }
        }
    }

    /// The tensor of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&AnyTensor> {
        self.places.get(name).map(|&place| &self.entries[place].1)
    }

    /// Names and tensors in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &AnyTensor)> {
        self.entries.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The number of entries.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All of `other` under `prefix.`.
    pub fn push_all(&mut self, prefix: &str, other: &State) {
        for (name, value) in other.iter() {
            self.push(format!("{prefix}.{name}"), value.clone());
        }
    }

    /// The entries whose names begin with `prefix.`, without it.
    #[must_use]
    pub fn below(&self, prefix: &str) -> State {
        let mut out = State::default();
        for (name, value) in self.iter() {
            if let Some(rest) = name.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('.')) {
                out.push(rest, value.clone());
            }
        }
        out
    }
}

/// A state that does not fit the model it was meant for.
///
/// ```
/// use gradus_module::{LoadError, Module, Param, State};
/// use gradus_tensor::Tensor;
/// let mut model = (Param::new([1.0_f32]), Param::new([2.0_f32])); // paths 0 and 1
/// let mut state = State::default();
/// state.push("0", Tensor::from([1.0_f32, 2.0]));
/// state.push("weight", Tensor::from([0.0_f32]));
/// let error: LoadError = model.load(&state).unwrap_err();
/// let told = "missing 1; unexpected weight; 0 is [1] in the model and [2] in the state";
/// assert_eq!(error.to_string(), format!("the state does not fit the model: {told}"));
/// ```
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
#[error("the state does not fit the model:{}", self.list())]
pub struct LoadError {
    /// Names that the model has and the state lacks.
    pub missing: Vec<String>,
    /// Names that the state has and the model lacks.
    pub unexpected: Vec<String>,
    /// Names with the model's shape and the state's.
    pub mismatched: Vec<(String, Shape, Shape)>,
    /// Names with the model's element type and the state's, where one is a float and the other is not.
    pub retyped: Vec<(String, DType, DType)>,
}

impl LoadError {
    pub(crate) fn check(model: &[(String, Shape, DType)], state: &State) -> Result<(), Self> {
        let mut error =
            Self { missing: Vec::new(), unexpected: Vec::new(), mismatched: Vec::new(), retyped: Vec::new() };
        let is_float = |dtype| matches!(dtype, DType::F32 | DType::F64);
        let mut known = BTreeMap::new();
        for (name, shape, dtype) in model {
            known.insert(name.as_str(), ());
            match state.get(name) {
                None => error.missing.push(name.clone()),
                Some(value) if value.shape() != shape => {
                    error.mismatched.push((name.clone(), *shape, *value.shape()));
                }
                Some(value) if is_float(value.dtype()) != is_float(*dtype) => {
                    error.retyped.push((name.clone(), *dtype, value.dtype()));
                }
                Some(_) => {}
            }
        }
        error.unexpected =
            state.names().filter(|name| !known.contains_key(name)).map(str::to_owned).collect();
        let shapes = error.mismatched.is_empty() && error.retyped.is_empty();
        let fits = error.missing.is_empty() && error.unexpected.is_empty() && shapes;
        if fits { Ok(()) } else { Err(error) }
    }

    fn list(&self) -> String {
        let mut parts = Vec::new();
        if !self.missing.is_empty() {
            parts.push(format!(" missing {}", self.missing.join(", ")));
        }
        if !self.unexpected.is_empty() {
            parts.push(format!(" unexpected {}", self.unexpected.join(", ")));
        }
        for (name, model, state) in &self.mismatched {
            parts.push(format!(" {name} is {model} in the model and {state} in the state"));
        }
        for (name, model, state) in &self.retyped {
            parts.push(format!(" {name} holds {model} in the model and {state} in the state"));
        }
        parts.join(";")
    }
}
