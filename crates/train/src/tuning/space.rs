//! Settings that could be: values by name, on a grid or at random.

use std::fmt;

use gradus_tensor::Rng;
use serde_json::{Map, Value};

/// One value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// A number.
    Number(f64),
    /// A word.
    Word(String),
}

impl From<f64> for Choice {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Choice {
    fn from(word: &str) -> Self {
        Self::Word(word.to_owned())
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Word(word) => f.write_str(word),
        }
    }
}

/// Values by name, in the order of their space.
///
/// ```
/// use gradus_train::tuning::{Choice, Settings, Space};
/// let all = Space::new().values("width", [16.0, 32.0]).values("activation", ["relu", "tanh"]).grid();
/// let last: &Settings = &all[3];
/// assert_eq!((last.number("width"), last.word("activation")), (Some(32.0), Some("tanh")));
/// assert_eq!(last.to_string(), "width 32, activation tanh");
/// assert_eq!(last.iter().next(), Some(("width", &Choice::Number(32.0))));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Settings {
    values: Vec<(String, Choice)>,
}

impl Settings {
    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Choice)> {
        self.values.iter().map(|(name, value)| (name.as_str(), value))
    }

    fn get(&self, name: &str) -> Option<&Choice> {
        self.values.iter().find(|(own, _)| own == name).map(|(_, value)| value)
    }

    /// The number of that name.
    #[must_use]
    pub fn number(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(|value| if let Choice::Number(number) = value { Some(*number) } else { None })
    }

    /// The word of that name.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&str> {
        self.get(name)
            .and_then(|value| if let Choice::Word(word) = value { Some(word.as_str()) } else { None })
    }

    pub(super) fn to_value(&self) -> Value {
        let value = |choice: &Choice| match choice {
            Choice::Number(number) => crate::exact::to_value(*number),
            Choice::Word(word) => Value::from(word.as_str()),
        };
        Value::Object(
            self.values.iter().map(|(name, choice)| (name.clone(), value(choice))).collect::<Map<_, _>>(),
        )
    }
}

impl fmt::Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, (name, value)) in self.values.iter().enumerate() {
            write!(f, "{}{name} {value}", if i == 0 { "" } else { ", " })?;
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Axis {
    Values(Vec<Choice>),
    Uniform(f64, f64),
    LogUniform(f64, f64),
    Whole(i64, i64),
}

/// How many values of a range a grid takes.
const ON_A_GRID: usize = 5;

/// All settings that could be.
///
/// ```
/// use gradus_tensor::Rng;
/// use gradus_train::tuning::Space;
/// let space = Space::new().log_uniform("learning_rate", 1e-4, 1e-1).whole("layers", 1, 3).uniform("dropout", 0.0, 0.5);
/// assert_eq!(space.grid().len(), 5 * 3 * 5);
/// let some = space.random(8, &mut Rng::seed(7));
/// assert!(some.iter().all(|s| s.number("learning_rate").is_some_and(|rate| (1e-4..=1e-1).contains(&rate))));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Space {
    axes: Vec<(String, Axis)>,
}

impl Space {
    /// Without settings.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, name: impl Into<String>, axis: Axis) -> Self {
        self.axes.push((name.into(), axis));
        self
    }

    /// A setting with these values.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    #[track_caller]
    pub fn values<C: Into<Choice>>(
        self,
        name: impl Into<String>,
        values: impl IntoIterator<Item = C>,
    ) -> Self {
        let (name, values): (String, Vec<Choice>) =
            (name.into(), values.into_iter().map(Into::into).collect());
        assert!(!values.is_empty(), "search space: {name} has no values");
        self.with(name, Axis::Values(values))
    }

    /// A number between two.
    ///
    /// # Panics
    /// Unless `from` ≤ `to`, both finite.
    #[must_use]
    #[track_caller]
    pub fn uniform(self, name: impl Into<String>, from: f64, to: f64) -> Self {
        let (name, fits) = (name.into(), from <= to && from.is_finite() && to.is_finite());
        assert!(fits, "search space: {name} has no range: {from} to {to}");
        self.with(name, Axis::Uniform(from, to))
    }

    /// A number between two, whose logarithm is even: for rates and decays.
    ///
    /// # Panics
    /// Unless 0 < `from` ≤ `to`.
    #[must_use]
    #[track_caller]
    pub fn log_uniform(self, name: impl Into<String>, from: f64, to: f64) -> Self {
        let (name, fits) = (name.into(), from > 0.0 && from <= to && to.is_finite());
        assert!(fits, "search space: {name} has no range above 0: {from} to {to}");
        self.with(name, Axis::LogUniform(from, to))
    }

    /// A whole number between two, both included.
    ///
    /// # Panics
    /// Unless `from` ≤ `to`.
    #[must_use]
    #[track_caller]
    pub fn whole(self, name: impl Into<String>, from: i64, to: i64) -> Self {
        let name = name.into();
        assert!(from <= to, "search space: {name} has no range: {from} to {to}");
        self.with(name, Axis::Whole(from, to))
    }

    /// Every combination, the last setting fastest (scikit-learn: `ParameterGrid`). A range gives five values at equal distances
    /// (of their logarithms, where it is logarithmic), a range of whole numbers all of them.
    #[must_use]
    pub fn grid(&self) -> Vec<Settings> {
        let mut all = vec![Settings::default()];
        for (name, axis) in &self.axes {
            let values = axis.on_a_grid();
            let extended = all.iter().flat_map(|settings| {
                values.iter().map(|value| {
                    let mut longer = settings.clone();
                    longer.values.push((name.clone(), value.clone()));
                    longer
                })
            });
            all = extended.collect();
        }
        all
    }

    /// `count` combinations drawn at random (Bergstra & Bengio 2012; scikit-learn: `ParameterSampler`).
    #[must_use]
    pub fn random(&self, count: usize, rng: &mut Rng) -> Vec<Settings> {
        let mut draw = || {
            let values = self.axes.iter().map(|(name, axis)| (name.clone(), axis.draw(rng)));
            Settings { values: values.collect() }
        };
        (0..count).map(|_| draw()).collect()
    }
}

impl Axis {
    fn on_a_grid(&self) -> Vec<Choice> {
        let part = |k: usize| k as f64 / (ON_A_GRID - 1) as f64;
        match self {
            Self::Values(values) => values.clone(),
            Self::Uniform(from, to) => {
                (0..ON_A_GRID).map(|k| Choice::Number(from + (to - from) * part(k))).collect()
            }
            Self::LogUniform(from, to) => {
                (0..ON_A_GRID).map(|k| Choice::Number(from * (to / from).powf(part(k)))).collect()
            }
            Self::Whole(from, to) => (*from..=*to).map(|whole| Choice::Number(whole as f64)).collect(),
        }
    }

    fn draw(&self, rng: &mut Rng) -> Choice {
        // 53 bits: the share of a range.
        let share = (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        match self {
            Self::Values(values) => values[(share * values.len() as f64) as usize].clone(),
            Self::Uniform(from, to) => Choice::Number(from + (to - from) * share),
            Self::LogUniform(from, to) => Choice::Number(from * (to / from).powf(share)),
            Self::Whole(from, to) => {
                Choice::Number((*from as f64 + ((to - from + 1) as f64 * share).floor()).min(*to as f64))
            }
        }
    }
}
