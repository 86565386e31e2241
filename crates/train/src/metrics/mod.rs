//! Measures of a model that are fed batch by batch: `update` adds a batch, `merge` what another measure has seen, and a
//! method without arguments says what it comes to. How the data was cut into batches changes nothing. Most keep running
//! sums only, so that a data set of any size is measured in constant memory; those that need every score say how many
//! bytes a sample takes. They must never know a model, a loss function or a file.
//!
//! | task | measures |
//! |---|---|
//! | one class of several | [`Accuracy`], [`TopKAccuracy`], [`ConfusionMatrix`]: precision, recall, F, balanced accuracy, Matthews, κ |
//! | probabilities | [`LogLoss`], [`Brier`], [`Calibration`], [`BinaryCurves`] and [`MulticlassCurves`]: areas under curves |
//! | several labels at once | [`Multilabel`] |
//! | numbers | [`Regression`]: R², absolute, squared and relative errors; [`MedianAbsoluteError`], [`Pearson`], [`Spearman`] |
//! | text | [`Perplexity`], [`Bleu`], [`RougeL`], [`ErrorRate`], [`EntityF1`] |
//! | images | [`MeanAveragePrecision`], [`Segmentation`] |
//! | recommendations | [`Ranking`] |
//!
//! Means over batches, such as the loss, go with a [`crate::Step`]. Whatever is no mean, such as an area under a curve, is
//! fed from the closure of an evaluation:
//!
//! ```
//! use gradus_data::{Loader, Pairs};
//! use gradus_module::Param;
//! use gradus_tensor::Tensor;
//! use gradus_train::evaluate;
//! use gradus_train::metrics::BinaryCurves;
//! let data = Pairs::new(Tensor::from([1.0_f32, -2.0, 3.0, 0.5]), Tensor::from([1_i64, 0, 1, 0]))?;
//! let (model, mut curves) = (Param::new([2.0_f32]), BinaryCurves::default());
//! let means = evaluate(&model, &mut Loader::new(data, 3, 7), |w, batch, _| {
//!     let logits = &**w * &(&batch.inputs).into();
//!     curves.update(logits.value(), &batch.targets);
//!     (logits.sigmoid() - &batch.targets.cast::<f32>().into()).square().mean()
//! })?;
//! let metrics = means.with("roc_auc", curves.roc_auc().unwrap_or(f64::NAN));
//! assert_eq!(metrics.get("roc_auc"), Some(1.0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! What has no value (of no samples, of one class only) is `None`; NaN among the inputs gives NaN unless a measure says
//! otherwise. Shapes that do not fit and classes that do not exist panic; tags, which come out of files, answer an error.

mod accuracy;
mod agreement;
mod bleu;
mod boxes;
mod calibration;
mod confusion;
mod correlation;
mod curves;
mod detection;
mod edit;
mod entities;
mod error;
mod inputs;
mod matching;
mod mean;
mod multiclass;
mod multilabel;
mod perplexity;
mod probabilities;
mod ranking;
mod regression;
mod rouge;
mod scores;
mod segmentation;
mod spans;
mod top_k;
mod values;

pub use accuracy::Accuracy;
pub use agreement::KappaWeights;
pub use bleu::{Bleu, Smoothing};
pub use boxes::BoundingBox;
pub use calibration::{Calibration, CalibrationBin};
pub use confusion::ConfusionMatrix;
pub use correlation::{MedianAbsoluteError, Pearson, Spearman};
pub use curves::{BinaryCurves, ThresholdPoint};
pub use detection::{Detection, MeanAveragePrecision, TrueBox};
pub use edit::{ErrorRate, edit_distance};
pub use entities::EntityF1;
pub use error::MetricError;
pub use mean::Mean;
pub use multiclass::MulticlassCurves;
pub use multilabel::Multilabel;
pub use perplexity::Perplexity;
pub use probabilities::{Brier, LogLoss};
pub use ranking::{Ranking, RankingScores};
pub use regression::Regression;
pub use rouge::RougeL;
pub use scores::{Average, Counts, Scores};
pub use segmentation::Segmentation;
pub use spans::{EntitySpan, TagScheme, entity_spans};
pub use top_k::TopKAccuracy;
pub use values::{Metrics, significant};
