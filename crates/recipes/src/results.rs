//! The results of a run in numbers: what `summary.json` holds. It must never know which recipe they are of.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::run::Run;

/// Loss and accuracy on one part of the data.
///
/// ```
/// use gradus_recipes::Score;
/// let score = Score { loss: 0.05, accuracy: 0.99, examples: 200 };
/// assert_eq!(score.right(), 198);
/// assert_eq!(score.to_string(), "accuracy 99.00 % (198 of 200), loss 0.0500");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Share of right predictions, 0 to 1.
    pub accuracy: f64,
    /// How many examples there were.
    pub examples: usize,
}

impl Score {
    /// How many predictions were right.
    #[must_use]
    pub fn right(&self) -> usize {
        (self.accuracy * self.examples as f64).round() as usize
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (percent, right) = (100.0 * self.accuracy, self.right());
        write!(f, "accuracy {percent:.2} % ({right} of {}), loss {:.4}", self.examples, self.loss)
    }
}

/// What `summary.json` holds.
///
/// ```
/// use gradus_recipes::{Results, Run, Score};
/// # let folder = tempfile::tempdir()?;
/// let run = Run::create(Some(folder.path()), "digits")?;
/// let score = Score { loss: 0.05, accuracy: 0.99, examples: 200 };
/// let results = Results {
///     recipe: "digits".into(), version: "0.1.0".into(), seed: 7, epochs: 30, best_epoch: 28, steps: 630,
///     seconds: 6.5, parameters: 53_000, train: score, validation: score, test: score,
/// };
/// results.write(&run)?;
/// assert_eq!(Results::read(&run)?, results);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// The recipe.
    pub recipe: String,
    /// The version that trained it.
    pub version: String,
    /// The seed.
    pub seed: u64,
    /// Epochs that were trained.
    pub epochs: usize,
    /// The epoch whose model was kept, from 1.
    pub best_epoch: usize,
    /// Steps of the optimizer.
    pub steps: u64,
    /// Seconds of training.
    pub seconds: f64,
    /// Trained numbers.
    pub parameters: usize,
    /// On the data it was trained with.
    pub train: Score,
    /// On the data that chose the best epoch.
    pub validation: Score,
    /// On the data that nothing was chosen by.
    pub test: Score,
}

impl Results {
    /// Writes `summary.json`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, run: &Run) -> Result<(), Error> {
        // INVARIANT: a struct of numbers and texts always is JSON; its floats are means of finite numbers.
        #[allow(clippy::expect_used)]
        let text = serde_json::to_string_pretty(self).expect("results are JSON");
        run.write(Run::SUMMARY, &(text + "\n"))
    }

    /// Reads `summary.json`.
    ///
    /// # Errors
    /// If it can't be read or is not what a training wrote.
    pub fn read(run: &Run) -> Result<Self, Error> {
        serde_json::from_str(&run.read(Run::SUMMARY)?).map_err(|error| Error::Unreadable {
            path: run.file(Run::SUMMARY),
            problem: format!("is not the summary of a training: {error}"),
        })
    }
}
