//! A published `config.json`, read key by key, so that what is wrong is named with its key. It must never know a model.

use serde_json::{Map, Value};

use crate::error::ModelError;

/// How a file that does not fit is mended.
const MEND: &str = "take the config.json that was published with the weights";

pub(crate) struct ConfigJson {
    keys: Map<String, Value>,
}

fn wrong(what: String) -> ModelError {
    ModelError::Config { what, mend: MEND.to_owned() }
}

impl ConfigJson {
    pub(crate) fn parse(text: &str) -> Result<Self, ModelError> {
        match serde_json::from_str(text) {
            Ok(Value::Object(keys)) => Ok(Self { keys }),
            Ok(_) => Err(wrong("not an object of keys".to_owned())),
            Err(error) => Err(wrong(error.to_string())),
        }
    }

    /// Whether `model_type`, if given, is one of these.
    pub(crate) fn family(&self, families: &[&str]) -> Result<(), ModelError> {
        self.only("model_type", families)
    }

    /// Whether the key, if given, has one of these values.
    pub(crate) fn only(&self, key: &str, values: &[&str]) -> Result<(), ModelError> {
        match self.given(key) {
            None => Ok(()),
            Some(Value::String(value)) if values.contains(&value.as_str()) => Ok(()),
            Some(value) => Err(wrong(format!("{key} is {value}, this model has {}", values.join(" or ")))),
        }
    }

    fn given(&self, key: &str) -> Option<&Value> {
        self.keys.get(key).filter(|value| !value.is_null())
    }

    pub(crate) fn size(&self, key: &str) -> Result<usize, ModelError> {
        let value = self.given(key).ok_or_else(|| wrong(format!("{key} is missing")))?;
        let size = value.as_u64().and_then(|size| usize::try_from(size).ok());
        size.ok_or_else(|| wrong(format!("{key} is {value}, not a whole number")))
    }

    pub(crate) fn size_or(&self, key: &str, default: usize) -> Result<usize, ModelError> {
        if self.given(key).is_some() { self.size(key) } else { Ok(default) }
    }

    pub(crate) fn number_or(&self, key: &str, default: f64) -> Result<f64, ModelError> {
        match self.given(key) {
            None => Ok(default),
            Some(value) => value.as_f64().ok_or_else(|| wrong(format!("{key} is {value}, not a number"))),
        }
    }

    /// The object under a key, empty if there is none.
    pub(crate) fn object(&self, key: &str) -> Result<Self, ModelError> {
        match self.given(key) {
            None => Ok(Self { keys: Map::new() }),
            Some(Value::Object(keys)) => Ok(Self { keys: keys.clone() }),
            Some(value) => Err(wrong(format!("{key} is {value}, not an object of keys"))),
        }
    }

    /// Whether a part that this model does not have is not asked for.
    pub(crate) fn without(&self, key: &str) -> Result<(), ModelError> {
        if self.truth_or(key, false)? { self.absent(key) } else { Ok(()) }
    }

    /// Whether nothing is asked for under a key that this model has no part for.
    pub(crate) fn absent(&self, key: &str) -> Result<(), ModelError> {
        match self.given(key) {
            None => Ok(()),
            Some(value) => Err(wrong(format!("{key} is {value}, which this model does not have"))),
        }
    }

    pub(crate) fn text_or<'a>(&'a self, key: &str, default: &'a str) -> Result<&'a str, ModelError> {
        match self.given(key) {
            None => Ok(default),
            Some(value) => value.as_str().ok_or_else(|| wrong(format!("{key} is {value}, not a text"))),
        }
    }

    pub(crate) fn truth_or(&self, key: &str, default: bool) -> Result<bool, ModelError> {
        match self.given(key) {
            None => Ok(default),
            Some(value) => {
                value.as_bool().ok_or_else(|| wrong(format!("{key} is {value}, not true or false")))
            }
        }
    }
}
