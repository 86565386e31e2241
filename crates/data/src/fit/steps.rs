//! One step on the way of a column to features, before and after it was fitted. It must never know other columns.

use gradus_tensor::Tensor;

use super::{Categories, Fill, Fitted, Imputer, MinMax, Robust, Standardiser, Statistics, Unknown, Values};
use crate::error::DataError;

/// One step on the way from a column to features.
///
/// ```
/// use gradus_data::{Fill, Transform};
/// let steps = [Transform::Impute { fill: Fill::Median, indicator: true }, Transform::Standardise];
/// assert_ne!(steps[0], steps[1]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Transform {
    /// Fills gaps; with an indicator, one more column tells of them if there were any when fitting.
    Impute {
        /// With what.
        fill: Fill,
        /// Whether to tell.
        indicator: bool,
    },
    /// Mean 0, standard deviation 1: [`Standardiser`].
    Standardise,
    /// To 0 … 1: [`MinMax`].
    MinMax,
    /// By median and quartiles: [`Robust`].
    Robust,
    /// One column per category: [`Categories::one_hot`]. Missing texts are a category of their own.
    OneHot(Unknown),
    /// The category's place: [`Categories::encode`].
    Ordinal(Unknown),
}

/// What flows from step to step.
pub(super) enum Flow {
    /// `[N, K]`.
    Numbers(Tensor<f64>),
    Texts(Vec<String>),
}

impl From<&Values> for Flow {
    fn from(values: &Values) -> Self {
        match values {
            Values::Numbers(values) => Self::Numbers(Tensor::new([values.len(), 1], values)),
            Values::Texts(texts) => Self::Texts(texts.clone()),
        }
    }
}

impl Flow {
    fn numbers(&self) -> Result<&Tensor<f64>, DataError> {
        match self {
            Self::Numbers(x) => Ok(x),
            Self::Texts(_) => {
                let what = "it holds texts, which cannot be counted with".to_owned();
                Err(DataError::unfit("pipeline", what, "encode it first: `OneHot` or `Ordinal`"))
            }
        }
    }

    /// Texts as they are, numbers as they are written.
    fn texts(&self) -> Result<Vec<String>, DataError> {
        match self {
            Self::Texts(texts) => Ok(texts.clone()),
            Self::Numbers(x) => {
                one_wide(x.shape()[1])?;
                Ok(x.to_vec().iter().map(|&value| written_number(value)).collect())
            }
        }
    }

    /// The different texts by their letters, or numbers by size; the empty text, which is what is missing, comes first.
    fn categories(&self) -> Result<Vec<String>, DataError> {
        let mut texts = self.texts()?;
        match self {
            Self::Texts(_) => texts.sort_unstable(),
            Self::Numbers(x) => {
                let mut values: Vec<f64> = x.to_vec();
                // NaN is behind all others then.
                values.sort_by(f64::total_cmp);
                let gaps = values.iter().filter(|value| value.is_nan()).count();
                let (numbers, missing) = values.split_at(values.len() - gaps);
                texts = missing.iter().chain(numbers).map(|&value| written_number(value)).collect();
            }
        }
        texts.dedup();
        Ok(texts)
    }
}

/// A number as a category: −0 is 0, what is missing is the empty text.
fn written_number(value: f64) -> String {
    if value.is_nan() { String::new() } else { (value + 0.0).to_string() }
}

/// That a step for one column gets one.
fn one_wide(width: usize) -> Result<(), DataError> {
    if width == 1 {
        return Ok(());
    }
    let what = format!("one column of categories is needed, and there are {width} columns");
    Err(DataError::unfit("pipeline", what, "encode before other steps, and impute without an indicator"))
}

/// A fitted [`Transform`].
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    Impute(Imputer<f64>),
    /// For columns of texts.
    Write(String),
    Standardise(Standardiser<f64>),
    MinMax(MinMax<f64>),
    Robust(Robust<f64>),
    OneHot(Categories),
    Ordinal(Categories),
}

impl Step {
    pub(super) fn fit(transform: &Transform, flow: &Flow) -> Result<Self, DataError> {
        let categories = |unknown: Unknown| Ok(Categories::new(flow.categories()?)?.unknown(unknown));
        Ok(match (transform, flow) {
            (Transform::Impute { fill, indicator: false }, Flow::Texts(texts)) => {
                Self::Write(written(fill, texts)?)
            }
            (Transform::Impute { fill, indicator }, _) => {
                let imputer = Imputer::fit(flow.numbers()?, fill)?;
                Self::Impute(if *indicator { imputer.with_indicator() } else { imputer })
            }
            (Transform::Standardise, _) => Self::Standardise(Standardiser::fit(flow.numbers()?)?),
            (Transform::MinMax, _) => Self::MinMax(MinMax::fit(flow.numbers()?)?),
            (Transform::Robust, _) => Self::Robust(Robust::fit(flow.numbers()?)?),
            (Transform::OneHot(unknown), _) => Self::OneHot(categories(*unknown)?),
            (Transform::Ordinal(unknown), _) => Self::Ordinal(categories(*unknown)?),
        })
    }

    pub(super) fn apply(&self, flow: &Flow) -> Result<Flow, DataError> {
        Ok(Flow::Numbers(match self {
            Self::Write(fill) => {
                let fill = |text: String| if text.is_empty() { fill.clone() } else { text };
                return Ok(Flow::Texts(flow.texts()?.into_iter().map(fill).collect()));
            }
            Self::Impute(imputer) => imputer.apply(flow.numbers()?),
            Self::Standardise(scale) => scale.apply(flow.numbers()?),
            Self::MinMax(scale) => scale.apply(flow.numbers()?),
            Self::Robust(scale) => scale.apply(flow.numbers()?),
            Self::OneHot(categories) => categories.one_hot(flow.texts()?.iter().map(String::as_str))?,
            Self::Ordinal(categories) => {
                let places = categories.encode(flow.texts()?.iter().map(String::as_str))?;
                places.cast().reshape([places.len(), 1])
            }
        }))
    }

    /// How many columns come out where `width` go in.
    ///
    /// # Errors
    /// If the step was fitted to another number of them: its statistics were mixed up.
    pub(super) fn width(&self, width: usize) -> Result<usize, DataError> {
        let (fitted, out) = match self {
            Self::Write(_) => return one_wide(width).map(|()| 1),
            Self::OneHot(categories) => return one_wide(width).map(|()| categories.width()),
            Self::Ordinal(_) => return one_wide(width).map(|()| 1),
            Self::Impute(step) => {
                (step.fill().shape(), width + if step.has_indicator() { step.gaps().len() } else { 0 })
            }
            Self::Standardise(step) => (step.mean().shape(), width),
            Self::MinMax(step) => (step.features(), width),
            Self::Robust(step) => (step.features(), width),
        };
        if fitted[..] == [width] {
            return Ok(out);
        }
        let what = format!("{} was fitted to features {fitted}, and there are [{width}]", self.kind());
        Err(DataError::unfit("pipeline", what, super::statistics::MEND))
    }

    /// The names of the features, from those before.
    pub(super) fn names(&self, before: Vec<String>) -> Vec<String> {
        match self {
            Self::Impute(imputer) if imputer.has_indicator() => {
                let told: Vec<String> =
                    imputer.gaps().iter().map(|&gap| format!("{} missing", before[gap])).collect();
                [before, told].concat()
            }
            Self::OneHot(categories) => {
                let own = (categories.width() > categories.len()).then(|| "other".to_owned());
                let all = categories.names().iter().cloned().chain(own);
                all.map(|category| format!("{}={category}", before.join(" "))).collect()
            }
            _ => before,
        }
    }

    /// What it is called in stored statistics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Impute(_) => "impute",
            Self::Write(_) => "write",
            Self::Standardise(_) => "standardise",
            Self::MinMax(_) => "min_max",
            Self::Robust(_) => "robust",
            Self::OneHot(_) => "one_hot",
            Self::Ordinal(_) => "ordinal",
        }
    }

    pub(super) fn statistics(&self) -> Statistics {
        match self {
            Self::Impute(step) => step.statistics(),
            Self::Write(text) => {
                let mut out = Statistics::default();
                out.push_texts("text", [text.as_str()]);
                out
            }
            Self::Standardise(step) => step.statistics(),
            Self::MinMax(step) => step.statistics(),
            Self::Robust(step) => step.statistics(),
            Self::OneHot(step) | Self::Ordinal(step) => step.statistics(),
        }
    }

    pub(super) fn from_statistics(kind: &str, own: &Statistics) -> Result<Self, DataError> {
        Ok(match kind {
            "impute" => Self::Impute(Imputer::from_statistics(own)?),
            "write" => Self::Write(own.texts("text")?.concat()),
            "standardise" => Self::Standardise(Standardiser::from_statistics(own)?),
            "min_max" => Self::MinMax(MinMax::from_statistics(own)?),
            "robust" => Self::Robust(Robust::from_statistics(own)?),
            "one_hot" => Self::OneHot(Categories::from_statistics(own)?),
            "ordinal" => Self::Ordinal(Categories::from_statistics(own)?),
            _ => {
                let what = format!("{kind:?} is no step");
                return Err(DataError::unfit("pipeline", what, super::statistics::MEND));
            }
        })
    }
}

/// What gaps in a column of texts are filled with.
fn written(fill: &Fill, texts: &[String]) -> Result<String, DataError> {
    let mut sorted: Vec<&str> = texts.iter().map(String::as_str).filter(|text| !text.is_empty()).collect();
    sorted.sort_unstable();
    let runs = || sorted.chunk_by(|a, b| a == b);
    let most = runs().map(<[&str]>::len).max();
    match fill {
        Fill::Text(text) => Ok(text.clone()),
        Fill::MostFrequent => match runs().find(|run| Some(run.len()) == most) {
            Some(run) => Ok(run[0].to_owned()),
            None => {
                let what = "all texts are missing".to_owned();
                Err(DataError::unfit("impute", what, "take the column out, or fill it with a constant"))
            }
        },
        _ => {
            let what = format!("texts cannot be filled with {fill:?}");
            Err(DataError::unfit("impute", what, "give `MostFrequent` or `Text`"))
        }
    }
}
