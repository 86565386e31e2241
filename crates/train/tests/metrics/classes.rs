//! Classes, probabilities of them, and numbers.

use gradus_tensor::Tensor;
use gradus_train::metrics::{
    Accuracy, BinaryCurves, Brier, Calibration, ConfusionMatrix, KappaWeights, LogLoss, MedianAbsoluteError,
    MulticlassCurves, Multilabel, Pearson, Regression, Segmentation, Spearman, TopKAccuracy,
};

use crate::{
    AVERAGES, CLOSE, Part, SINGLE, all_close, close, flat, however_cut, list, matrix, part, rows, whole,
};

#[test]
fn classes() {
    let Part { data, want } = part("classes");
    let (truth, predicted) = (whole(&data["truth"]), whole(&data["predicted"]));
    let batch = |range: std::ops::Range<usize>| {
        (Tensor::from(&predicted[range.clone()]), Tensor::from(&truth[range]))
    };
    let update = |m: &mut ConfusionMatrix, range| {
        let (predicted, truth) = batch(range);
        m.update_classes(&predicted, &truth);
    };
    however_cut(truth.len(), &ConfusionMatrix::of_classes(5), update, ConfusionMatrix::merge, |m| {
        let counts: Vec<f64> = (0..25).map(|i| m.count(i / 5, i % 5) as f64).collect();
        all_close(&counts, &want["matrix"]);
        close(m.accuracy(), &want["accuracy"], CLOSE);
        close(m.balanced_accuracy().unwrap(), &want["balanced_accuracy"], CLOSE);
        let per_class: Vec<f64> = (0..5).flat_map(|class| list(m.scores(class))).collect();
        all_close(&per_class, &want["per_class"]);
        for (name, average) in AVERAGES {
            all_close(&list(m.average(average)), &want[name]);
        }
        all_close(&AVERAGES.map(|(_, average)| m.average_f_beta(average, 0.5)), &want["f_half"]);
        all_close(&[0, 1, 2, 3, 4].map(|class| m.f_beta(class, 2.0)), &want["f_two_per_class"]);
        close(m.matthews().unwrap(), &want["matthews"], CLOSE);
        let weights = [KappaWeights::Equal, KappaWeights::Linear, KappaWeights::Quadratic];
        all_close(&weights.map(|weights| m.kappa(weights).unwrap()), &want["kappa"]);
        all_close(&[0, 1, 2, 3, 4].map(|class| m.iou(class).unwrap()), &want["iou"]);
    });
    let update = |m: &mut Accuracy, range| {
        let (predicted, truth) = batch(range);
        m.update_classes(&predicted, &truth);
    };
    however_cut(truth.len(), &Accuracy::default(), update, Accuracy::merge, |m| {
        close(m.value().unwrap(), &want["accuracy"], CLOSE);
    });
    // As pixels of an image, with some to be ignored between them.
    let update = |m: &mut Segmentation, range: std::ops::Range<usize>| {
        let n = range.len();
        let (predicted, truth) = batch(range);
        let (other, ignored) = (Tensor::<i64>::zeros([n]), Tensor::full([n], 255_i64));
        m.update_classes(&Tensor::stack(&[&predicted, &other], 1), &Tensor::stack(&[&truth, &ignored], 1));
    };
    however_cut(truth.len(), &Segmentation::new(5).ignore(255), update, Segmentation::merge, |m| {
        close(m.mean_iou().unwrap(), &want["mean_iou"], CLOSE);
        close(m.mean_dice().unwrap(), &want["mean_dice"], CLOSE);
    });
}

#[test]
fn probabilities() {
    let Part { data, want } = part("probabilities");
    let (truth, p) = (whole(&data["truth"]), rows(&data["p"]));
    let n = truth.len();
    let batch = |range: std::ops::Range<usize>| (matrix(&p[range.clone()]), Tensor::from(&truth[range]));
    let update = |m: &mut MulticlassCurves, range: std::ops::Range<usize>| {
        let (p, truth) = batch(range);
        if !truth.is_empty() {
            m.update(&p, &truth);
        }
    };
    however_cut(n, &MulticlassCurves::new(4), update, MulticlassCurves::merge, |m| {
        all_close(&AVERAGES.map(|(_, average)| m.one_vs_rest(average).unwrap()), &want["one_vs_rest"]);
        all_close(&[m.one_vs_one().unwrap(), m.one_vs_one_weighted().unwrap()], &want["one_vs_one"]);
        let average_precisions = AVERAGES.map(|(_, average)| m.average_precision(average).unwrap());
        all_close(&average_precisions, &want["average_precision"]);
    });
    let with = |range: std::ops::Range<usize>, f: &mut dyn FnMut(&Tensor<f64>, &Tensor<i64>)| {
        let (p, truth) = batch(range);
        if !truth.is_empty() {
            f(&p, &truth);
        }
    };
    let update = |m: &mut LogLoss, range| with(range, &mut |p, truth| m.update(p, truth));
    however_cut(n, &LogLoss::default(), update, LogLoss::merge, |m| {
        close(m.value().unwrap(), &want["log_loss"], CLOSE);
    });
    let update = |m: &mut LogLoss, range| with(range, &mut |p, truth| m.update(&p.cast::<f32>(), truth));
    however_cut(n, &LogLoss::default(), update, LogLoss::merge, |m| {
        close(m.value().unwrap(), &want["log_loss_f32"], SINGLE);
    });
    let update = |m: &mut Brier, range| with(range, &mut |p, truth| m.update(p, truth));
    however_cut(n, &Brier::default(), update, Brier::merge, |m| {
        close(m.value().unwrap(), &want["brier"], CLOSE);
    });
    let update = |m: &mut Calibration, range| with(range, &mut |p, truth| m.update(p, truth));
    however_cut(n, &Calibration::new(7).unwrap(), update, Calibration::merge, |m| {
        close(m.error().unwrap(), &want["calibration_error"], SINGLE);
        close(m.maximum_error().unwrap(), &want["maximum_calibration_error"], SINGLE);
    });
    // Logits whose softmax these are give the same loss, where no probability is 0.
    let (mut of_logits, mut of_probabilities) = (LogLoss::default(), LogLoss::default());
    let soft = &matrix(&p) * 0.9 + 0.025;
    of_logits.update_logits(&soft.ln(), &Tensor::from(&truth[..]));
    of_probabilities.update(&soft, &Tensor::from(&truth[..]));
    assert!((of_logits.value().unwrap() - of_probabilities.value().unwrap()).abs() < CLOSE);
}

#[test]
fn probabilities_of_one_class() {
    let Part { data, want } = part("probabilities");
    let (truth, p) = (whole(&data["truth"]), rows(&data["p"]));
    let n = truth.len();
    // Class 0 against the rest.
    let binary = |range: std::ops::Range<usize>, f: &mut dyn FnMut(&Tensor<f64>, &Tensor<i64>)| {
        if !range.is_empty() {
            let truth = Tensor::from(&truth[range.clone()]);
            let is_first = truth.equal(&Tensor::zeros(*truth.shape())).cast();
            f(&matrix(&p[range]).select(1, 0), &is_first);
        }
    };
    let update = |m: &mut LogLoss, range| binary(range, &mut |p, truth| m.update_binary(p, truth));
    however_cut(n, &LogLoss::default(), update, LogLoss::merge, |m| {
        close(m.value().unwrap(), &want["binary_log_loss"], CLOSE);
    });
    let update = |m: &mut Brier, range| binary(range, &mut |p, truth| m.update_binary(p, truth));
    however_cut(n, &Brier::default(), update, Brier::merge, |m| {
        close(m.value().unwrap(), &want["binary_brier"], CLOSE);
    });
    let update = |m: &mut Calibration, range| binary(range, &mut |p, truth| m.update_binary(p, truth));
    however_cut(n, &Calibration::new(7).unwrap(), update, Calibration::merge, |m| {
        let full: Vec<_> = m.bins().into_iter().filter(|bin| bin.count > 0).collect();
        let certainties = full.iter().map(|bin| bin.certainty);
        let both: Vec<f64> = certainties.chain(full.iter().map(|bin| bin.accuracy)).collect();
        all_close(&both, &want["binary_calibration"]);
    });
}

#[test]
fn curves() {
    let Part { data, want } = part("curves");
    let (truth, scores) = (whole(&data["truth"]), flat(&data["scores"]));
    let update = |m: &mut BinaryCurves, range: std::ops::Range<usize>| {
        m.update(&Tensor::from(&scores[range.clone()]), &Tensor::from(&truth[range]));
    };
    however_cut(truth.len(), &BinaryCurves::default(), update, BinaryCurves::merge, |m| {
        close(m.roc_auc().unwrap(), &want["roc_auc"], CLOSE);
        close(m.average_precision().unwrap(), &want["average_precision"], CLOSE);
        close(m.precision_recall_auc().unwrap(), &want["precision_recall_auc"], CLOSE);
        let points = m.points();
        let thresholds: Vec<f64> = points[1..].iter().map(|point| point.threshold).collect();
        all_close(&thresholds, &want["roc"][0]);
        all_close(&points.iter().map(|point| point.false_positive_rate).collect::<Vec<_>>(), &want["roc"][1]);
        all_close(&points.iter().map(|point| point.true_positive_rate).collect::<Vec<_>>(), &want["roc"][2]);
        let pr = &want["precision_recall"];
        // scikit-learn puts its additional point, precision 1 at recall 0, at the same end.
        all_close(&thresholds, &pr[0]);
        all_close(&points.iter().map(|point| point.precision).collect::<Vec<_>>(), &pr[1]);
        all_close(&points.iter().map(|point| point.recall).collect::<Vec<_>>(), &pr[2]);
        // Any order, the same bits.
        let mut backwards = BinaryCurves::default();
        for i in (0..truth.len()).rev() {
            backwards.update(&Tensor::from([scores[i]]), &Tensor::from([truth[i]]));
        }
        let bits = |m: &BinaryCurves| [m.roc_auc(), m.average_precision(), m.precision_recall_auc()];
        assert_eq!(bits(&backwards), bits(m));
    });
}

#[test]
fn best_few() {
    let Part { data, want } = part("top_k");
    let (truth, scores) = (whole(&data["truth"]), rows(&data["scores"]));
    for k in [1, 2, 5] {
        let update = |m: &mut TopKAccuracy, range: std::ops::Range<usize>| {
            if !range.is_empty() {
                m.update(&matrix(&scores[range.clone()]), &Tensor::from(&truth[range]));
            }
        };
        let new = TopKAccuracy::new(k).unwrap();
        however_cut(truth.len(), &new, update, TopKAccuracy::merge, |m| {
            close(m.value().unwrap(), &want[k.to_string()], CLOSE);
        });
    }
}

#[test]
fn several_labels() {
    let Part { data, want } = part("multilabel");
    let (truth, scores) = (rows(&data["truth"]), rows(&data["scores"]));
    let update = |m: &mut Multilabel, range: std::ops::Range<usize>| {
        if !range.is_empty() {
            m.update(&matrix(&scores[range.clone()]), &matrix(&truth[range]).cast());
        }
    };
    however_cut(truth.len(), &Multilabel::new(4), update, Multilabel::merge, |m| {
        all_close(&(0..4).flat_map(|label| list(m.scores(label))).collect::<Vec<_>>(), &want["per_label"]);
        for (name, average) in AVERAGES {
            all_close(&list(m.average(average)), &want[name]);
        }
        all_close(&list(m.average_over_examples().unwrap()), &want["samples"]);
        all_close(&AVERAGES.map(|(_, average)| m.average_f_beta(average, 2.0)), &want["f_two"]);
        close(m.exact().unwrap(), &want["exact"], CLOSE);
        close(m.hamming_loss().unwrap(), &want["hamming_loss"], CLOSE);
    });
}

#[test]
fn numbers() {
    let Part { data, want } = part("regression");
    let (truth, predicted) = (rows(&data["truth"]), rows(&data["predicted"]));
    let n = truth.len();
    let update = |m: &mut Regression, range: std::ops::Range<usize>| {
        if !range.is_empty() {
            m.update(&matrix(&predicted[range.clone()]), &matrix(&truth[range]));
        }
    };
    however_cut(n, &Regression::default(), update, Regression::merge, |m| {
        close(m.r2().unwrap(), &want["r2"], CLOSE);
        close(m.explained_variance().unwrap(), &want["explained_variance"], CLOSE);
        close(m.mae().unwrap(), &want["mae"], CLOSE);
        close(m.mse().unwrap(), &want["mse"], CLOSE);
        close(m.mape().unwrap(), &want["mape"], CLOSE);
    });
    let first = |rows: &[Vec<f64>], range: std::ops::Range<usize>| {
        Tensor::from(rows[range].iter().map(|row| row[0]).collect::<Vec<f64>>())
    };
    let both = |range: std::ops::Range<usize>| (first(&predicted, range.clone()), first(&truth, range));
    let update = |m: &mut Regression, range| {
        let (x, y) = both(range);
        m.update(&x, &y);
    };
    however_cut(n, &Regression::default(), update, Regression::merge, |m| {
        close(m.largest().unwrap(), &want["largest"], CLOSE);
    });
    let update = |m: &mut Pearson, range| {
        let (x, y) = both(range);
        m.update(&x, &y);
    };
    however_cut(n, &Pearson::default(), update, Pearson::merge, |m| {
        close(m.value().unwrap(), &want["pearson"], CLOSE);
    });
    let update = |m: &mut Spearman, range| {
        let (x, y) = both(range);
        m.update(&x, &y);
    };
    however_cut(n, &Spearman::default(), update, Spearman::merge, |m| {
        close(m.value().unwrap(), &want["spearman"], CLOSE);
    });
    let update = |m: &mut MedianAbsoluteError, range| {
        let (x, y) = both(range);
        m.update(&x, &y);
    };
    for (count, want) in [(n, &want["median"][0]), (n - 1, &want["median"][1])] {
        however_cut(count, &MedianAbsoluteError::default(), update, MedianAbsoluteError::merge, |m| {
            close(m.value().unwrap(), want, CLOSE);
        });
    }
}
