//! JSON as a header may hold it. A generic JSON value would let the last of two equal names win in silence; this one
//! refuses the second, and folds whatever no header may hold into one case. It must never know what names mean.

use std::collections::BTreeMap;
use std::fmt;

use gradus_tensor::MAX_RANK;
use serde_core::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::quoted;

/// A value of a header.
#[derive(Debug)]
pub(super) enum Json {
    Object(BTreeMap<String, Json>),
    Array(Vec<Json>),
    Text(String),
    Whole(u64),
    /// What no header may hold, in words.
    Other(&'static str),
}

impl Json {
    /// What kind of value it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Object(_) => "an object",
            Self::Array(_) => "an array",
            Self::Text(_) => "a text",
            Self::Whole(_) => "a number",
            Self::Other(words) => words,
        }
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Json, E> {
        Ok(Json::Other("a truth value"))
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Other("null"))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Json, E> {
        Ok(Json::Other("a negative number"))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Json, E> {
        Ok(Json::Other("a fractional number or one beyond 2⁶⁴"))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Whole(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element()? {
            out.push(item);
            // Nothing in a header is longer than a shape: the rest need not be kept to be refused.
            if out.len() > MAX_RANK {
                while items.next_element::<IgnoredAny>()?.is_some() {}
                return Ok(Json::Other("an array of more than 8 elements"));
            }
        }
        Ok(Json::Array(out))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let mut out = BTreeMap::new();
        while let Some(name) = items.next_key::<String>()? {
            if out.contains_key(&name) {
                return Err(A::Error::custom(format_args!("the name {} appears twice", quoted(&name))));
            }
            out.insert(name, items.next_value()?);
        }
        Ok(Json::Object(out))
    }
}
