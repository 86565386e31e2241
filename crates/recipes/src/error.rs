//! The one error of this crate: whatever comes from outside and can't be used, as a sentence that names the place and
//! the mend.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::nearest::{list, or_nearest};
use crate::settings::SettingsError;

/// Why a recipe could not do what it was asked.
///
/// ```
/// use gradus_recipes::{Error, find};
/// let error: Error = find("digit", None).err().ok_or("found")?;
/// assert_eq!(error.to_string(), r#"no recipe is called "digit" (did you mean "digits"?); the recipes are digits, table"#);
/// assert!(error.is_usage());
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no recipe of that name.
    #[error(
        "{}no recipe is called {name:?}{}; the recipes are {}",
        file.as_ref().map_or_else(String::new, |file| format!("{}: ", file.display())),
        or_nearest(name, known),
        list(known)
    )]
    UnknownRecipe {
        /// The file that asks for it; none: the command line does.
        file: Option<PathBuf>,
        /// The name.
        name: String,
        /// The names that exist.
        known: Vec<&'static str>,
    },
    /// The settings were written for another recipe than the one asked for.
    #[error("{}: the settings are for the recipe {recipe}, not for {asked}", file.display())]
    OtherRecipe {
        /// The file.
        file: PathBuf,
        /// Its recipe.
        recipe: String,
        /// The recipe asked for.
        asked: String,
    },
    /// A setting that can't be used.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A setting without which a recipe cannot begin.
    #[error("{recipe} needs {what}: give {flag}, or {what} = \"…\" in the settings")]
    Missing {
        /// The recipe.
        recipe: &'static str,
        /// The setting.
        what: &'static str,
        /// How it is given on the command line.
        flag: &'static str,
    },
    /// A metric that cannot be made or fed.
    #[error(transparent)]
    Metric(#[from] gradus_train::metrics::MetricError),
    /// The output folder holds something already.
    #[error("{}: exists and is not empty; name a folder that is new or empty", path.display())]
    OutputExists {
        /// The folder.
        path: PathBuf,
    },
    /// The system refused something.
    #[error("{}: cannot {action}: {cause}", path.display())]
    System {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system answered.
        cause: io::Error,
    },
    /// The path is not a run folder.
    #[error("{}: {problem}; name what `gradus train` left, a folder with {file} inside", path.display())]
    NoRun {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
        /// The file that is missed.
        file: &'static str,
    },
    /// The training of the run is not done.
    #[error("{0}: the training was stopped before its end; go on with gradus train --resume {0}", path.display())]
    Unfinished {
        /// The folder.
        path: PathBuf,
    },
    /// A file of a run that was not written by a recipe, or by another version of it.
    #[error("{}: {problem}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// An input that can't be used.
    #[error("{}: {problem}", path.display())]
    Input {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the place and the mend.
        problem: String,
    },
    /// The model on disk does not predict what the model in memory does.
    #[error("{}: the saved model predicts otherwise than the trained one did", path.display())]
    Different {
        /// The file.
        path: PathBuf,
    },
    /// Data that can't be read or parted.
    #[error(transparent)]
    Data(#[from] gradus_data::DataError),
    /// Settings that describe no network.
    #[error(transparent)]
    Layer(#[from] gradus_layers::LayerError),
    /// A file that can't be read or written.
    #[error(transparent)]
    Io(#[from] gradus_io::IoError),
    /// A training that can't begin, go on or end.
    #[error(transparent)]
    Train(#[from] gradus_train::TrainError),
}

impl Error {
    /// What the system answered to `action`, as an error about `path`.
    pub(crate) fn system(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |cause| Self::System { path: path.to_owned(), action, cause }
    }

    /// Whether the command line is at fault, not a file.
    #[must_use]
    pub fn is_usage(&self) -> bool {
        match self {
            Self::UnknownRecipe { file, .. } => file.is_none(),
            Self::Missing { .. } => true,
            Self::Settings(error) => error.is_usage(),
            _ => false,
        }
    }
}
