//! What a model, or a rule of thumb, makes of a part: predictions and what they are worth. It must never know how the
//! model was trained.

use gradus_autodiff::no_grad;
use gradus_losses::{CrossEntropy, Reduction, mse};
use gradus_module::{Context, Layer};
use gradus_tensor::Tensor;
use gradus_train::metrics::{
    Average, BinaryCurves, Calibration, CalibrationBin, ConfusionMatrix, Metrics, MulticlassCurves,
    Regression,
};

use super::Mlp;
use super::prepared::{Part, Transforms};
use super::source::Target;
use crate::error::Error;

/// Rows that are predicted at once.
const BATCH: usize = 1024;
/// Bins of the calibration diagram.
const BINS: usize = 10;

/// What a model makes of a part.
pub(super) struct Scored {
    /// `[N, K]`.
    pub(super) outputs: Tensor<f32>,
    /// The predicted numbers, or the numbers of the predicted classes.
    pub(super) predictions: Vec<f64>,
    pub(super) metrics: Metrics,
    /// Of classes.
    pub(super) confusion: Option<ConfusionMatrix>,
    pub(super) calibration: Vec<CalibrationBin>,
    /// How wrong each row is: its loss.
    pub(super) losses: Vec<f64>,
}

/// Outputs `[N, K]` for features `[N, F]`.
pub(super) fn outputs(model: &Mlp, features: &Tensor<f32>) -> Tensor<f32> {
    let batches = features.split(BATCH, 0).into_iter();
    let outputs: Vec<Tensor<f32>> = no_grad(|| {
        batches.map(|batch| model.forward(&batch.into(), &mut Context::eval()).into_value()).collect()
    });
    Tensor::cat(&outputs.iter().collect::<Vec<_>>(), 0)
}

/// What outputs `[N, K]` say: numbers, or the numbers of classes.
pub(super) fn read(outputs: &Tensor<f32>, target: &Target) -> Vec<f64> {
    match target {
        Target::Classes(_) => outputs.argmax(-1).to_vec().into_iter().map(|class| class as f64).collect(),
        Target::Number { mean, std } => {
            outputs.to_vec().into_iter().map(|z| mean + std * f64::from(z)).collect()
        }
    }
}

impl Scored {
    pub(super) fn of(model: &Mlp, part: &Part, transforms: &Transforms) -> Result<Self, Error> {
        let outputs = outputs(model, part.pairs.inputs());
        let predictions = read(&outputs, &transforms.target);
        let losses = no_grad(|| match &transforms.target {
            Target::Classes(_) => {
                let loss = CrossEntropy::new().reduction(Reduction::None);
                loss.loss(&(&outputs).into(), &part.labels()).into_value()
            }
            Target::Number { .. } => {
                let z = outputs.reshape([part.len()]);
                mse(&z.into(), part.pairs.targets(), Reduction::None).into_value()
            }
        });
        let losses: Vec<f64> = losses.to_vec().into_iter().map(f64::from).collect();
        let loss = losses.iter().sum::<f64>() / losses.len() as f64;
        let (own, confusion) = measure(&predictions, part, &transforms.target);
        let mut metrics = Metrics::new().with("loss", loss);
        own.iter().for_each(|(name, value)| metrics.set(name, value));
        let mut calibration = Vec::new();
        if let Target::Classes(classes) = &transforms.target {
            let probabilities = outputs.softmax(-1);
            if let Some(area) = area(&probabilities, &part.labels(), classes.len()) {
                metrics.set("roc_auc", area);
            }
            let mut bins = Calibration::new(BINS)?;
            bins.update(&probabilities, &part.labels());
            bins.error().into_iter().for_each(|error| metrics.set("calibration_error", error));
            calibration = bins.bins();
        }
        Ok(Self { outputs, predictions, metrics, confusion, calibration, losses })
    }

    /// The rows of the part, the most wrong first.
    pub(super) fn hardest(&self) -> Vec<usize> {
        let mut rows: Vec<usize> = (0..self.losses.len()).collect();
        rows.sort_by(|&a, &b| self.losses[b].total_cmp(&self.losses[a]));
        rows
    }
}

/// The area under the ROC curve: of two classes that of the second, of more the mean of one against the rest.
fn area(probabilities: &Tensor<f32>, labels: &Tensor<i64>, classes: usize) -> Option<f64> {
    if classes == 2 {
        let mut curves = BinaryCurves::default();
        curves.update(&probabilities.select(1, 1), labels);
        return curves.roc_auc();
    }
    let mut curves = MulticlassCurves::new(classes);
    curves.update(probabilities, labels);
    curves.one_vs_rest(Average::Macro)
}

/// What predictions are worth, whoever made them.
pub(super) fn measure(
    predictions: &[f64],
    part: &Part,
    target: &Target,
) -> (Metrics, Option<ConfusionMatrix>) {
    match target {
        Target::Classes(classes) => {
            let mut confusion = ConfusionMatrix::new(classes.iter().map(String::as_str));
            confusion.update_classes(&Tensor::from(predictions).cast(), &part.labels());
            let metrics = Metrics::new()
                .with("accuracy", confusion.accuracy())
                .with("balanced_accuracy", confusion.balanced_accuracy().unwrap_or(f64::NAN))
                .with("f1", confusion.average(Average::Macro).f1);
            (metrics, Some(confusion))
        }
        Target::Number { .. } => {
            let mut errors = Regression::default();
            errors.update(&Tensor::from(predictions), &Tensor::from(&part.truths[..]));
            let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
            let metrics = Metrics::new()
                .with("r2", known(errors.r2()))
                .with("mae", known(errors.mae()))
                .with("rmse", known(errors.rmse()));
            (metrics, None)
        }
    }
}
