//! Rules of thumb that a network must beat to be worth its training: always the same answer, the nearest rows, a straight
//! line. It must never know the network.

use gradus_tensor::Tensor;
use gradus_train::metrics::Metrics;

use super::prepared::{Data, Part};
use super::scored::measure;
use super::source::Target;

/// Neighbours that are asked.
const NEIGHBOURS: usize = 5;
/// Rows whose distances are taken at once.
const BATCH: usize = 256;
/// λ of the penalty λ‖w‖² of the straight line, against features that say the same.
const RIDGE: f64 = 1e-3;
/// With more features the straight line takes longer than the network.
const MOST_FEATURES: usize = 1000;

/// Each rule's name, and what it is worth on `part`.
pub(super) fn all(data: &Data, part: &Part) -> Vec<(String, Metrics)> {
    let target = &data.transforms.target;
    let mut out = Vec::new();
    let mut add = |name: String, predictions: &[f64]| out.push((name, measure(predictions, part, target).0));
    match target {
        Target::Number { mean, .. } => {
            add("the mean, always".to_owned(), &vec![*mean; part.len()]);
            if let Some(line) = line(&data.train, part, target) {
                add("a straight line (least squares)".to_owned(), &line);
            }
        }
        Target::Classes(classes) => {
            let most = most_frequent(&data.train.truths, classes.len());
            add(format!("{}, always", classes[most]), &vec![most as f64; part.len()]);
        }
    }
    add(format!("the {NEIGHBOURS} nearest rows"), &neighbours(&data.train, part, target));
    out
}

fn most_frequent(truths: &[f64], classes: usize) -> usize {
    let count = |class: usize| truths.iter().filter(|&&own| own == class as f64).count();
    // Of equals the first.
    (0..classes).rev().max_by_key(|&class| count(class)).unwrap_or(0)
}

/// The mean, or the most frequent class, of the nearest training rows.
fn neighbours(train: &Part, part: &Part, target: &Target) -> Vec<f64> {
    let known = train.pairs.inputs();
    let squares = (known * known).sum_axes(&[1], false);
    let k = NEIGHBOURS.min(train.len());
    let mut out = Vec::with_capacity(part.len());
    for rows in part.pairs.inputs().split(BATCH, 0) {
        // ‖a − b‖² but for ‖a‖², which is the same for all b.
        let distances = &squares - &(rows.matmul(&known.transpose(0, 1)) * 2.0);
        let width = train.len();
        for distances in distances.to_vec().chunks(width) {
            let mut order: Vec<usize> = (0..width).collect();
            let by_distance = |a: &usize, b: &usize| distances[*a].total_cmp(&distances[*b]).then(a.cmp(b));
            if k < width {
                order.select_nth_unstable_by(k, by_distance);
            }
            let near = order[..k].iter().map(|&row| train.truths[row]);
            out.push(match target {
                Target::Number { .. } => near.sum::<f64>() / k as f64,
                Target::Classes(classes) => most_frequent(&near.collect::<Vec<_>>(), classes.len()) as f64,
            });
        }
    }
    out
}

/// Least squares with a slight penalty, of features and a constant.
fn line(train: &Part, part: &Part, target: &Target) -> Option<Vec<f64>> {
    let Target::Number { mean, std } = target else { return None };
    let features = train.pairs.inputs().shape()[1];
    if features > MOST_FEATURES {
        return None;
    }
    let with_ones = |x: &Tensor<f32>| {
        let x = x.cast::<f64>();
        Tensor::cat(&[&x, &Tensor::ones([x.shape()[0], 1])], 1)
    };
    let x = with_ones(train.pairs.inputs());
    let width = features + 1;
    let penalty = Tensor::<f64>::eye(width) * (RIDGE * train.len() as f64).sqrt();
    let y = train.pairs.targets().cast::<f64>().reshape([train.len(), 1]);
    let (x, y) = (Tensor::cat(&[&x, &penalty], 0), Tensor::cat(&[&y, &Tensor::zeros([width, 1])], 0));
    let z = with_ones(part.pairs.inputs()).matmul(&x.lstsq(&y).ok()?);
    Some(z.to_vec().into_iter().map(|z| mean + std * z).collect())
}
