//! The hyper-parameters of `digits`: their defaults and what they may be.

use serde::{Deserialize, Serialize};

use crate::settings::{Allowed, Settings};

/// All that a run of `digits` depends on.
///
/// ```
/// use gradus_recipes::digits::DigitsSettings;
/// use gradus_recipes::settings::resolve;
/// let settings: DigitsSettings = resolve(None, &["learning_rate=0.01".into()])?;
/// assert_eq!((settings.learning_rate, settings.epochs), (0.01, 30));
/// # Ok::<(), gradus_recipes::settings::SettingsError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DigitsSettings {
    /// Seed of all random numbers but the split, which is always the same.
    pub seed: u64,
    /// Threads, 0 for all of the machine. They change no bit of the result.
    pub threads: usize,
    /// How many times to go through the training data, at most.
    pub epochs: usize,
    /// Stop when the validation loss has not improved for so many epochs.
    pub patience: usize,
    /// Examples of one step.
    pub batch_size: usize,
    /// The largest learning rate.
    pub learning_rate: f64,
    /// How the learning rate changes over the steps: `constant`, `cosine` or `one-cycle`.
    pub schedule: String,
    /// Decoupled weight decay of AdamW, for weights, not for biases and norms.
    pub weight_decay: f64,
    /// λ of the penalty λ/2·‖W‖² on the loss.
    pub l2: f64,
    /// Share of the target that is spread evenly over all classes.
    pub label_smoothing: f64,
    /// Gradients are scaled so that their common norm is at most this; 0: never.
    pub clip_norm: f64,
    /// Training images are moved by up to so many pixels in each direction.
    pub shift: usize,
    /// Channels of the two convolutions.
    pub channels: [usize; 2],
    /// Width of the hidden linear layer.
    pub hidden: usize,
    /// Probability with which an input of the hidden layer is dropped.
    pub dropout: f64,
}

impl Default for DigitsSettings {
    fn default() -> Self {
        Self {
            seed: 0,
            threads: 0,
            epochs: 30,
            patience: 30,
            batch_size: 64,
            learning_rate: 3e-3,
            schedule: "one-cycle".to_owned(),
            weight_decay: 1e-2,
            l2: 1e-4,
            label_smoothing: 0.05,
            clip_norm: 0.0,
            shift: 1,
            channels: [24, 48],
            hidden: 96,
            dropout: 0.25,
        }
    }
}

impl Settings for DigitsSettings {
    const RULES: &'static [(&'static str, Allowed)] = &[
        ("seed", Allowed::Whole(0, i64::MAX)),
        ("threads", Allowed::Whole(0, 1024)),
        ("epochs", Allowed::Whole(1, 100_000)),
        ("patience", Allowed::Whole(1, 100_000)),
        ("batch_size", Allowed::Whole(1, 4096)),
        ("learning_rate", Allowed::Above(0.0, 10.0)),
        ("schedule", Allowed::Words(&["constant", "cosine", "one-cycle"])),
        ("weight_decay", Allowed::Closed(0.0, 1.0)),
        ("l2", Allowed::Closed(0.0, 1.0)),
        ("label_smoothing", Allowed::HalfOpen(0.0, 1.0)),
        ("clip_norm", Allowed::Closed(0.0, 1e6)),
        ("shift", Allowed::Whole(0, 3)),
        ("channels", Allowed::Whole(1, 512)),
        ("hidden", Allowed::Whole(1, 4096)),
        ("dropout", Allowed::HalfOpen(0.0, 1.0)),
    ];
}
