//! Search: a training per combination of settings, and a file that remembers those that are done, so that a search of many nights
//! loses none of them.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::space::Settings;
use crate::errors::TrainError;
use crate::history::Goal;
use crate::metrics::significant;
use crate::{exact, files};

/// One combination and how good it was.
#[derive(Clone, Debug, PartialEq)]
pub struct Trial {
    /// What was tried.
    pub settings: Settings,
    /// What it measured; NaN if the training failed.
    pub score: f64,
}

/// Tries settings one after another (scikit-learn: `GridSearchCV`, `RandomizedSearchCV`).
///
/// ```
/// use gradus_train::Goal;
/// use gradus_train::tuning::{Search, Space, Trial};
/// # let path = std::env::temp_dir().join(format!("gradus-search-{}.jsonl", std::process::id()));
/// let space = Space::new().values("x", [-1.0, 0.5, 2.0]);
/// let (mut search, mut count) = (Search::new(Goal::Min).file(&path), 0);
/// let mut train = |settings: &gradus_train::tuning::Settings| {
///     count += 1;
///     settings.number("x").map_or(f64::NAN, |x| (x - 0.4) * (x - 0.4)) // a whole training, usually
/// };
/// search.run(&space.grid(), &mut train)?;
/// let mut again = Search::new(Goal::Min).file(&path); // after a night without power
/// again.run(&space.grid(), &mut train)?;
/// let best: &Trial = again.best().ok_or("three trials")?;
/// assert_eq!(best.settings.number("x"), Some(0.5));
/// assert_eq!((count, search.trials().len()), (3, 3)); // none was done twice
/// assert!(search.to_string().starts_with("x 0.5: "));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Search {
    goal: Goal,
    file: Option<PathBuf>,
    trials: Vec<Trial>,
}

impl Search {
    /// Nothing tried yet.
    #[must_use]
    pub fn new(goal: Goal) -> Self {
        Self { goal, file: None, trials: Vec::new() }
    }

    /// Remembers each trial in a file, as a line of JSON. Trials that stand there already are not done again.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Trains with each of the settings; `train` answers the score, NaN if it failed.
    ///
    /// # Errors
    /// If the file cannot be read or written, or holds something else. What was tried before stays in it.
    pub fn run(
        &mut self,
        settings: &[Settings],
        mut train: impl FnMut(&Settings) -> f64,
    ) -> Result<(), TrainError> {
        let mut done = self.read()?;
        for settings in settings {
            let key = settings.to_value();
            let known = done.iter().find(|(own, _)| *own == key).map(|(_, score)| *score);
            let score = known.unwrap_or_else(|| train(settings));
            self.trials.push(Trial { settings: settings.clone(), score });
            if known.is_none() {
                done.push((key, score));
                self.write(&done)?;
            }
        }
        Ok(())
    }

    fn read(&self) -> Result<Vec<(Value, f64)>, TrainError> {
        let Some(path) = self.file.as_ref().filter(|path| path.exists()) else { return Ok(Vec::new()) };
        let text = files::read_text(path)?;
        let lines = text.lines().enumerate().map(|(i, line)| {
            let wrong = |what: String| TrainError::MetricsLine { path: path.clone(), line: i + 1, what };
            let mut value: Value = serde_json::from_str(line).map_err(|error| wrong(error.to_string()))?;
            let score = value.get("score").and_then(exact::from_value);
            let score = score.ok_or_else(|| wrong("no number \"score\"".to_owned()))?;
            Ok((value["settings"].take(), score))
        });
        lines.collect()
    }

    fn write(&self, done: &[(Value, f64)]) -> Result<(), TrainError> {
        let Some(path) = &self.file else { return Ok(()) };
        let line = |(settings, score): &(Value, f64)| {
            json!({ "settings": settings, "score": exact::to_value(*score) }).to_string() + "\n"
        };
        files::write(path, done.iter().map(line).collect::<String>().as_bytes())
    }

    /// All trials, in the order in which they were made.
    #[must_use]
    pub fn trials(&self) -> &[Trial] {
        &self.trials
    }

    /// The best one; the earliest of equals, none if all failed.
    #[must_use]
    pub fn best(&self) -> Option<&Trial> {
        let able = self.trials.iter().filter(|trial| !trial.score.is_nan());
        able.reduce(|best, trial| if self.goal.improves(trial.score, best.score, 0.0) { trial } else { best })
    }
}

/// A line per trial, the best first.
impl fmt::Display for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranked: Vec<&Trial> = self.trials.iter().collect();
        ranked.sort_by(|a, b| {
            let order = match self.goal {
                Goal::Min => a.score.total_cmp(&b.score),
                Goal::Max => b.score.total_cmp(&a.score),
            };
            a.score.is_nan().cmp(&b.score.is_nan()).then(order)
        });
        for (i, Trial { settings, score }) in ranked.into_iter().enumerate() {
            write!(f, "{}{settings}: {}", if i == 0 { "" } else { "\n" }, significant(*score))?;
        }
        Ok(())
    }
}
