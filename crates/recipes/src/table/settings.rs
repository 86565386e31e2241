//! The hyper-parameters of `table`: their defaults and what they may be.

use serde::{Deserialize, Serialize};

use crate::settings::{Allowed, Settings};

/// All that a run of `table` depends on, but for the file itself.
///
/// ```
/// use gradus_recipes::settings::resolve;
/// use gradus_recipes::table::TableSettings;
/// let settings: TableSettings = resolve(None, &["data=homes.csv".into(), "target=price".into()])?;
/// assert_eq!((settings.data.as_str(), settings.task.as_str(), settings.hidden), ("homes.csv", "auto", 64));
/// # Ok::<(), gradus_recipes::settings::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TableSettings {
    /// The CSV file. A relative path is taken from where the command is given, also when a run goes on.
    pub data: String,
    /// The column to predict.
    pub target: String,
    /// `regression`, `classification`, or `auto`: classes if the target is text or has up to ten different whole numbers.
    pub task: String,
    /// What stands between two cells: `comma`, `semicolon`, `tab`, or `auto`: whichever is most frequent in the first
    /// line.
    pub delimiter: String,
    /// Columns to leave out, separated by commas.
    pub ignore: String,
    /// Columns that would be left out because each row has its own value, and are to be kept.
    pub keep: String,
    /// Columns that are text although some or all of their cells are numbers, such as postal codes.
    pub text: String,
    /// Share of the rows that judges the model in the end.
    pub test: f64,
    /// Share of the rows that chooses the best epoch.
    pub validation: f64,
    /// Seed of the split, apart from the other, so that runs with different seeds are judged by the same rows.
    pub split_seed: u64,
    /// Seed of all other random numbers.
    pub seed: u64,
    /// Threads, 0 for all of the machine. They change no bit of the result.
    pub threads: usize,
    /// How many times to go through the training rows, at most.
    pub epochs: usize,
    /// Stop when the validation loss has not improved for so many epochs.
    pub patience: usize,
    /// Rows of one step.
    pub batch_size: usize,
    /// The learning rate.
    pub learning_rate: f64,
    /// Decoupled weight decay of AdamW, for weights, not for biases.
    pub weight_decay: f64,
    /// Gradients are scaled so that their common norm is at most this; 0: never.
    pub clip_norm: f64,
    /// Hidden layers; 0 makes the model linear.
    pub layers: usize,
    /// Width of each hidden layer.
    pub hidden: usize,
    /// Probability with which an output of a hidden layer is dropped.
    pub dropout: f64,
}

impl Default for TableSettings {
    fn default() -> Self {
        Self {
            data: String::new(),
            target: String::new(),
            task: "auto".to_owned(),
            delimiter: "auto".to_owned(),
            ignore: String::new(),
            keep: String::new(),
            text: String::new(),
            test: 0.2,
            validation: 0.16,
            split_seed: 0,
            seed: 0,
            threads: 0,
            epochs: 300,
            patience: 30,
            batch_size: 32,
            learning_rate: 1e-3,
            weight_decay: 1e-2,
            clip_norm: 1.0,
            layers: 2,
            hidden: 64,
            dropout: 0.1,
        }
    }
}

impl Settings for TableSettings {
    const RULES: &'static [(&'static str, Allowed)] = &[
        ("data", Allowed::Text),
        ("target", Allowed::Text),
        ("task", Allowed::Words(&["auto", "regression", "classification"])),
        ("delimiter", Allowed::Words(&["auto", "comma", "semicolon", "tab"])),
        ("ignore", Allowed::Text),
        ("keep", Allowed::Text),
        ("text", Allowed::Text),
        ("test", Allowed::Closed(0.05, 0.5)),
        ("validation", Allowed::Closed(0.05, 0.4)),
        ("split_seed", Allowed::Whole(0, i64::MAX)),
        ("seed", Allowed::Whole(0, i64::MAX)),
        ("threads", Allowed::Whole(0, 1024)),
        ("epochs", Allowed::Whole(1, 100_000)),
        ("patience", Allowed::Whole(1, 100_000)),
        ("batch_size", Allowed::Whole(1, 65_536)),
        ("learning_rate", Allowed::Above(0.0, 10.0)),
        ("weight_decay", Allowed::Closed(0.0, 1.0)),
        ("clip_norm", Allowed::Closed(0.0, 1e6)),
        ("layers", Allowed::Whole(0, 16)),
        ("hidden", Allowed::Whole(1, 4096)),
        ("dropout", Allowed::HalfOpen(0.0, 1.0)),
    ];
}

/// The names in a list separated by commas.
pub(super) fn list(text: &str) -> Vec<String> {
    text.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}
