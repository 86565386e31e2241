//! What a recipe is to the outside: a name, and what can be asked of it. It must never know one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::console::Console;
use crate::error::Error;
use crate::run::Run;
use crate::saved::Saved;
use crate::settings::{Settings, Source, read_file, resolve};

/// A recipe in a few words.
///
/// ```
/// use gradus_recipes::{About, RECIPES};
/// let names: Vec<_> = RECIPES.iter().map(|recipe| recipe.about()).map(|About { name, .. }| name).collect();
/// assert!(names.contains(&"digits"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// What it does, in one sentence.
    pub description: &'static str,
    /// What it learns from.
    pub data: &'static str,
    /// What it trains.
    pub model: &'static str,
    /// How long that takes, and on what.
    pub time: &'static str,
}

/// What to train.
///
/// ```
/// use gradus_recipes::Request;
/// use gradus_recipes::digits::DigitsSettings;
/// let request = Request { pairs: vec!["epochs=3".into()], ..Request::default() };
/// let settings: DigitsSettings = request.settings("digits")?;
/// assert_eq!(settings.epochs, 3);
/// # Ok::<(), gradus_recipes::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Settings from a file.
    pub config: Option<PathBuf>,
    /// Settings as `key=value`, over the file's.
    pub pairs: Vec<String>,
    /// The run folder; none: `runs/<recipe>-<time>`.
    pub out: Option<PathBuf>,
    /// Set from elsewhere to end the training after the current step.
    pub stop: Arc<AtomicBool>,
}

impl Request {
    /// The settings that are asked for, of the recipe called `recipe`.
    ///
    /// # Errors
    /// If the file is of another recipe, or a setting can't be used.
    pub fn settings<S: Settings>(&self, recipe: &str) -> Result<S, Error> {
        let Some(path) = &self.config else { return Ok(resolve(None, &self.pairs)?) };
        let (of, table) = read_file(path)?;
        if let Some(of) = of.filter(|of| of != recipe) {
            return Err(Error::OtherRecipe { file: path.clone(), recipe: of, asked: recipe.to_owned() });
        }
        Ok(resolve(Some((Source::File(path.clone()), &table)), &self.pairs)?)
    }
}

/// How a training ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// All six steps are done, the run folder is complete.
    Done(Run),
    /// It was asked to stop; the run folder holds a checkpoint.
    Stopped(Run),
}

/// One prediction, for people and for programs.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// Lines of text.
    pub text: String,
    /// The same and more.
    pub json: serde_json::Value,
}

/// A real task on real data: prepare, define, initialise, train, evaluate, apply.
///
/// ```
/// use gradus_recipes::{Answer, Console, Outcome, Recipe, Request, Saved, find};
/// # let folder = tempfile::tempdir()?;
/// let recipe: &dyn Recipe = find("digits", None)?;
/// let pairs = ["epochs=1", "channels=[2, 2]", "hidden=4"].map(str::to_owned).to_vec(); // small, to be quick
/// let request = Request { pairs, out: Some(folder.path().join("run")), ..Request::default() };
/// let Outcome::Done(run) = recipe.train(&request, &mut Console::silent())? else { panic!("nobody stopped it") };
/// let input = folder.path().join("blank.csv");
/// std::fs::write(&input, vec!["0"; 64].join(",") + "\n")?;
/// let answers: Vec<Answer> = recipe.apply(&Saved::read(run)?, &[input])?;
/// assert_eq!(answers.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Recipe: Sync {
    /// The recipe in a few words.
    fn about(&self) -> About;

    /// All six steps, into a new run folder.
    ///
    /// # Errors
    /// If the settings can't be used or the folder can't be written.
    fn train(&self, request: &Request, console: &mut Console) -> Result<Outcome, Error>;

    /// Goes on with a run that was stopped, with its own settings; `threads` may differ.
    ///
    /// # Errors
    /// If the checkpoint or the settings can't be read, or the folder can't be written.
    fn resume(
        &self,
        run: &Path,
        threads: Option<u64>,
        stop: &Arc<AtomicBool>,
        console: &mut Console,
    ) -> Result<Outcome, Error>;

    /// Measures a saved model on the test data.
    ///
    /// # Errors
    /// If the model is another one.
    fn evaluate(&self, saved: &Saved, console: &mut Console) -> Result<(), Error>;

    /// Applies a saved model to files, all of which are read before the first is answered.
    ///
    /// # Errors
    /// If the model is another one, or an input can't be used.
    fn apply(&self, saved: &Saved, inputs: &[PathBuf]) -> Result<Vec<Answer>, Error>;

    /// Shows the settings, the model and the results of a run.
    ///
    /// # Errors
    /// If the model is another one, or the results can't be read.
    fn summary(&self, saved: &Saved, console: &mut Console) -> Result<(), Error>;

    /// Writes the report of a run again.
    ///
    /// # Errors
    /// If the model is another one, or the folder can't be read or written.
    fn report(&self, saved: &Saved) -> Result<(), Error>;
}

/// All recipes.
pub const RECIPES: &[&dyn Recipe] = &[&crate::digits::Digits, &crate::table::Table];

/// The recipe of that name, which `file` asks for, or the command line.
///
/// # Errors
/// With the nearest name and all of them.
pub fn find(name: &str, file: Option<&Path>) -> Result<&'static dyn Recipe, Error> {
    let found = RECIPES.iter().find(|recipe| recipe.about().name == name);
    found.copied().ok_or_else(|| Error::UnknownRecipe {
        file: file.map(Path::to_owned),
        name: name.to_owned(),
        known: RECIPES.iter().map(|recipe| recipe.about().name).collect(),
    })
}
