//! What is wrong with a setting, in one sentence with the place, the key, the value and the mend. It must never know how
//! settings are read.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::Allowed;
use crate::nearest::{list, or_nearest};

/// Where a setting came from.
///
/// ```
/// use gradus_recipes::settings::Source;
/// assert_eq!(Source::File("runs/a/config.toml".into()).to_string(), "runs/a/config.toml");
/// assert_eq!(Source::Argument("--set epochs=3".into()).to_string(), "--set epochs=3");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A TOML file.
    File(PathBuf),
    /// An argument, as it was written.
    Argument(String),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Argument(text) => f.write_str(text),
        }
    }
}

/// A setting that can't be used.
///
/// ```
/// use gradus_recipes::digits::DigitsSettings;
/// use gradus_recipes::settings::{SettingsError, resolve};
/// let error: Option<SettingsError> = resolve::<DigitsSettings>(None, &["epoch=3".into()]).err();
/// assert!(error.as_ref().is_some_and(SettingsError::is_usage));
/// let told = error.map(|error| error.to_string()).unwrap_or_default();
/// assert!(told.starts_with(r#"--set epoch=3: no setting is called "epoch" (did you mean "epochs"?)"#));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file can't be read.
    #[error("{}: the file with the settings cannot be read", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no TOML.
    #[error("{source_name}: line {line} is no TOML: {problem}")]
    Syntax {
        /// Where it stands.
        source_name: Source,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        problem: String,
    },
    /// An argument without `=`.
    #[error("--set {0}: expected key=value, as in --set epochs=10")]
    Pair(String),
    /// A key that does not exist.
    #[error(
        "{source_name}: no setting is called {key:?}{}; the settings are {}",
        or_nearest(key, known),
        list(known)
    )]
    UnknownKey {
        /// Where it stands.
        source_name: Source,
        /// The key.
        key: String,
        /// The keys that exist.
        known: Vec<String>,
    },
    /// A value of another type.
    #[error("{source_name}: {key} is {value}, and must be {wanted}")]
    Type {
        /// Where it stands.
        source_name: Source,
        /// The key.
        key: String,
        /// The value, as written.
        value: String,
        /// What it must be.
        wanted: String,
    },
    /// A value that is not allowed.
    #[error("{source_name}: {key} is {value}{}, and must be {allowed}", meant(value, allowed))]
    NotAllowed {
        /// Where it stands.
        source_name: Source,
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What is allowed.
        allowed: Allowed,
    },
    /// The values, each of them allowed, can't be held together.
    #[error("the settings cannot be used: {0}")]
    Unfit(String),
}

impl SettingsError {
    /// Whether an argument is at fault, not a file.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::Read { .. } | Self::Unfit(_) => false,
            Self::Pair(_) => true,
            Self::Syntax { source_name, .. }
            | Self::UnknownKey { source_name, .. }
            | Self::Type { source_name, .. }
            | Self::NotAllowed { source_name, .. } => matches!(source_name, Source::Argument(_)),
        }
    }
}

/// The hint at the nearest allowed word.
fn meant(value: &str, allowed: &Allowed) -> String {
    match allowed {
        Allowed::Words(words) => or_nearest(value.trim_matches('"'), words),
        _ => String::new(),
    }
}
