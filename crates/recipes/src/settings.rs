//! Settings: a recipe's hyper-parameters as a plain struct, read over its defaults from a TOML file and from
//! `key=value` arguments. Whatever is unknown, of the wrong type or out of range is refused with a sentence that names
//! the place, the key, the value given and what it may be.
//!
//! Why not serde's own errors: they know neither the nearest key nor the allowed range, and stop at a type's name.
//! It must never know which recipe it serves.

mod error;

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use toml::{Table, Value};

use crate::nearest::list;

pub use error::{SettingsError, Source};

/// The hyper-parameters of a recipe. The default is what the recipe uses when nobody says otherwise; its fields give
/// the keys and their types.
///
/// ```
/// use gradus_recipes::settings::{Allowed, Settings, check_rules, keys, resolve, table_of, to_text};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Line { epochs: usize, learning_rate: f64 }
/// impl Default for Line {
///     fn default() -> Self { Self { epochs: 10, learning_rate: 0.1 } }
/// }
/// impl Settings for Line {
///     const RULES: &'static [(&'static str, Allowed)] =
///         &[("epochs", Allowed::Whole(1, 1000)), ("learning_rate", Allowed::Above(0.0, 10.0))];
/// }
///
/// assert_eq!(check_rules::<Line>(), Ok(()));
/// let line: Line = resolve(None, &["epochs=3".into()])?;
/// assert_eq!(to_text(&line), "epochs = 3\nlearning_rate = 0.1\n");
/// assert_eq!(keys(&table_of(&line)), ["epochs", "learning_rate"]);
/// let error = resolve::<Line>(None, &["epochs=0".into()]).err().map(|error| error.to_string());
/// assert_eq!(error.as_deref(), Some("--set epochs=0: epochs is 0, and must be from 1 to 1000"));
/// # Ok::<(), gradus_recipes::settings::SettingsError>(())
/// ```
pub trait Settings: Serialize + DeserializeOwned + Default {
    /// What each key may hold. Every number and every text has a row.
    const RULES: &'static [(&'static str, Allowed)];
}

/// What a value may be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// A whole number, both ends included.
    Whole(i64, i64),
    /// A number, both ends included.
    Closed(f64, f64),
    /// A number from the first, included, to the second, excluded.
    HalfOpen(f64, f64),
    /// A number above the first, up to the second, included.
    Above(f64, f64),
    /// One of these words.
    Words(&'static [&'static str]),
    /// Any text, such as a path or a name.
    Text,
}

impl Allowed {
    /// Whether `value` is allowed; of an array, each element.
    fn holds(&self, value: &Value) -> bool {
        if let Value::Array(values) = value {
            return values.iter().all(|value| self.holds(value));
        }
        let number = value.as_float();
        match self {
            Self::Whole(low, high) => value.as_integer().is_some_and(|n| (*low..=*high).contains(&n)),
            Self::Closed(low, high) => number.is_some_and(|x| (*low..=*high).contains(&x)),
            Self::HalfOpen(low, high) => number.is_some_and(|x| (*low..*high).contains(&x)),
            Self::Above(low, high) => number.is_some_and(|x| x > *low && x <= *high),
            Self::Text => value.is_str(),
            Self::Words(words) => value.as_str().is_some_and(|word| words.contains(&word)),
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(low, i64::MAX) => write!(f, "at least {low}"),
            Self::Whole(low, high) => write!(f, "from {low} to {high}"),
            Self::Closed(low, high) => write!(f, "from {low} to {high}"),
            Self::HalfOpen(low, high) => write!(f, "at least {low} and less than {high}"),
            Self::Above(low, high) => write!(f, "more than {low} and at most {high}"),
            Self::Text => f.write_str("any text"),
            Self::Words(words) => write!(f, "one of {}", list(words.iter().copied())),
        }
    }
}

/// Reads a TOML file. The key `recipe` at its top names the recipe; it is taken out and handed back beside the rest.
///
/// ```
/// use gradus_recipes::settings::read_file;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("config.toml");
/// std::fs::write(&path, "recipe = \"digits\"\nepochs = 3\n")?;
/// let (recipe, table) = read_file(&path)?;
/// assert_eq!((recipe.as_deref(), table["epochs"].as_integer()), (Some("digits"), Some(3)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If it can't be read, is no TOML, or `recipe` is no text.
pub fn read_file(path: &Path) -> Result<(Option<String>, Table), SettingsError> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| SettingsError::Read { path: path.to_owned(), source })?;
    parse(&text, Source::File(path.to_owned()))
}

/// As [`read_file`], from a text that came from `source`.
///
/// ```
/// use gradus_recipes::settings::{Source, parse};
/// let source = Source::File("config.toml".into());
/// let error = parse("epochs 3", source).err().map(|error| error.to_string());
/// assert!(error.is_some_and(|error| error.starts_with("config.toml: line 1 is no TOML")));
/// ```
///
/// # Errors
/// If it is no TOML, or `recipe` is no text.
pub fn parse(text: &str, source: Source) -> Result<(Option<String>, Table), SettingsError> {
    let mut table: Table = text.parse().map_err(|error: toml::de::Error| {
        let start = error.span().map_or(0, |span| span.start.min(text.len()));
        let line = text.as_bytes()[..start].iter().filter(|&&byte| byte == b'\n').count() + 1;
        let problem = error.message().replace('\n', ", ");
        SettingsError::Syntax { source_name: source.clone(), line, problem }
    })?;
    match table.remove("recipe") {
        None => Ok((None, table)),
        Some(Value::String(recipe)) => Ok((Some(recipe), table)),
        Some(other) => Err(SettingsError::Type {
            source_name: source,
            key: "recipe".to_owned(),
            value: other.to_string(),
            wanted: "a text".to_owned(),
        }),
    }
}

/// The defaults, overlaid with `file` and then with `pairs` (`key=value`, dotted keys) in order.
///
/// # Errors
/// With the first key or value that does not fit.
pub fn resolve<S: Settings>(file: Option<(Source, &Table)>, pairs: &[String]) -> Result<S, SettingsError> {
    let mut table = table_of(&S::default());
    let known = keys(&table);
    if let Some((source, given)) = file {
        overlay(&mut table, given, "", &known, &source)?;
        check(S::RULES, &table, &source)?;
    }
    for pair in pairs {
        let (key, text) = pair.split_once('=').ok_or_else(|| SettingsError::Pair(pair.clone()))?;
        let (key, text) = (key.trim(), text.trim());
        let source = Source::Argument(format!("--set {pair}"));
        let Some(place) = find(&mut table, key).filter(|place| !place.is_table()) else {
            return Err(SettingsError::UnknownKey { source_name: source, key: key.to_owned(), known });
        };
        *place = fit(place, read_value(place, text), key, &source)?;
        check(S::RULES, &table, &source)?;
    }
    // Types and ranges were checked; what may be left is a rule that allows more than the field can hold.
    table
        .try_into()
        .map_err(|error: toml::de::Error| SettingsError::Unfit(error.message().replace('\n', ", ")))
}

/// The settings as a TOML table.
pub fn table_of<S: Settings>(settings: &S) -> Table {
    // INVARIANT: settings are structs of numbers, texts and lists of them, which TOML can always hold.
    #[allow(clippy::expect_used)]
    Table::try_from(settings).expect("settings are a table")
}

/// The settings as TOML, in the order of the fields.
pub fn to_text<S: Settings>(settings: &S) -> String {
    // INVARIANT: as for `table_of`.
    #[allow(clippy::expect_used)]
    toml::to_string(settings).expect("settings are a table")
}

/// All keys below `table`, dotted, in order.
#[must_use]
pub fn keys(table: &Table) -> Vec<String> {
    let mut out = Vec::new();
    for (key, value) in table {
        match value {
            Value::Table(inner) => out.extend(keys(inner).iter().map(|below| format!("{key}.{below}"))),
            _ => out.push(key.clone()),
        }
    }
    out
}

/// The value at a dotted key.
fn find<'t>(table: &'t mut Table, key: &str) -> Option<&'t mut Value> {
    match key.split_once('.') {
        None => table.get_mut(key),
        Some((first, rest)) => find(table.get_mut(first)?.as_table_mut()?, rest),
    }
}

fn overlay(
    base: &mut Table,
    given: &Table,
    prefix: &str,
    known: &[String],
    source: &Source,
) -> Result<(), SettingsError> {
    for (name, value) in given {
        let key = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        match (base.get_mut(name), value) {
            (None, _) => {
                let known = known.to_vec();
                return Err(SettingsError::UnknownKey { source_name: source.clone(), key, known });
            }
            (Some(Value::Table(below)), Value::Table(inner)) => overlay(below, inner, &key, known, source)?,
            (Some(place), value) => *place = fit(place, value.clone(), &key, source)?,
        }
    }
    Ok(())
}

/// An argument's text as a value: text where text is wanted, TOML otherwise.
fn read_value(like: &Value, text: &str) -> Value {
    let quoted = text.starts_with('"') || text.starts_with('\'');
    if like.is_str() && !quoted {
        return Value::String(text.to_owned());
    }
    let parsed = format!("value = {text}").parse::<Table>().ok().and_then(|mut table| table.remove("value"));
    parsed.unwrap_or_else(|| Value::String(text.to_owned()))
}

/// `value` with the type of `like`: a whole number becomes a number where one is wanted; lists keep their length.
fn fit(like: &Value, value: Value, key: &str, source: &Source) -> Result<Value, SettingsError> {
    let fitted = match (like, &value) {
        (Value::Float(_), Value::Integer(n)) => Some(Value::Float(*n as f64)),
        (Value::Float(_), Value::Float(x)) if x.is_nan() => None,
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            let pairs = old.iter().zip(new);
            let fitted: Result<Vec<Value>, _> =
                pairs.map(|(old, new)| fit(old, new.clone(), key, source)).collect();
            fitted.ok().map(Value::Array)
        }
        (Value::Array(_), _) => None,
        (like, value) if like.same_type(value) => Some(value.clone()),
        _ => None,
    };
    fitted.ok_or_else(|| SettingsError::Type {
        source_name: source.clone(),
        key: key.to_owned(),
        value: value.to_string(),
        wanted: wanted(like),
    })
}

/// What a value like this is called.
fn wanted(like: &Value) -> String {
    match like {
        Value::Integer(_) => "a whole number".to_owned(),
        Value::Float(_) => "a number".to_owned(),
        Value::Boolean(_) => "true or false".to_owned(),
        Value::Array(values) => {
            let kind = if values.iter().all(Value::is_integer) { "whole numbers" } else { "numbers" };
            format!("a list of {} {kind}, as in {like}", values.len())
        }
        Value::Table(_) => "a table".to_owned(),
        _ => "a text".to_owned(),
    }
}

fn check(rules: &[(&str, Allowed)], table: &Table, source: &Source) -> Result<(), SettingsError> {
    for (key, allowed) in rules {
        let mut copy = table.clone();
        if let Some(value) = find(&mut copy, key).filter(|value| !allowed.holds(value)) {
            return Err(SettingsError::NotAllowed {
                source_name: source.clone(),
                key: (*key).to_owned(),
                value: value.to_string(),
                allowed: *allowed,
            });
        }
    }
    Ok(())
}

/// Whether every number and text of the default settings has a rule, and every rule a setting that keeps it.
/// For the tests of recipes.
///
/// # Errors
/// With the key at fault.
pub fn check_rules<S: Settings>() -> Result<(), String> {
    let mut table = table_of(&S::default());
    for key in keys(&table) {
        let free = matches!(find(&mut table, &key), Some(Value::Boolean(_)));
        if !free && !S::RULES.iter().any(|(name, _)| *name == key) {
            return Err(format!("{key} has no rule"));
        }
    }
    for (key, allowed) in S::RULES {
        match find(&mut table, key) {
            None => return Err(format!("the rule for {key} has no setting")),
            Some(value) if !allowed.holds(value) => {
                return Err(format!("{key}: the default breaks its rule"));
            }
            Some(_) => {}
        }
        if let (Allowed::Whole(low, high), Some(Value::Integer(_))) = (allowed, find(&mut table, key)) {
            for end in [low, high] {
                resolve::<S>(None, &[format!("{key}={end}")]).map_err(|error| error.to_string())?;
            }
        }
    }
    Ok(())
}
