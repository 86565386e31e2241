//! What all metrics ask of the tensors they are given: shapes that fit, classes that exist, probabilities that are some.
//! Exists so that each demand has one wording. It must never know a metric but by the name to put in front.

use gradus_tensor::{Float, Shape, Tensor};

/// How far a probability may lie outside 0 … 1: what rounding leaves of a sum that should be 1.
const SLACK: f64 = 1e-5;

/// Both shapes are the same.
#[track_caller]
pub(super) fn same_shape(measure: &str, a: &Shape, b: &Shape) {
    assert!(a == b, "{measure}: shapes differ: {a} and {b}");
}

/// The number of classes C of scores `[…, C]` for targets `[…]`.
#[track_caller]
pub(super) fn class_count(measure: &str, scores: &Shape, targets: &Shape) -> usize {
    let fits = scores.len() == targets.len() + 1 && scores[..targets.len()] == targets[..];
    assert!(
        fits,
        "{measure}: logits and targets differ: {scores} and {targets} (logits are […, C], targets […])"
    );
    scores[targets.len()]
}

/// The index of each row's largest logit: `[…, C] → […]`.
#[track_caller]
pub(super) fn predicted<T: Float>(measure: &str, logits: &Tensor<T>, targets: &Tensor<i64>) -> Tensor<i64> {
    class_count(measure, logits.shape(), targets.shape());
    logits.argmax(-1)
}

/// The class numbers in a tensor, row by row, each below `classes`.
#[track_caller]
pub(super) fn class_numbers(measure: &str, labels: &Tensor<i64>, classes: usize) -> Vec<usize> {
    let labels_in_order = labels.to_vec();
    let is_known = |&class: &i64| usize::try_from(class).is_ok_and(|class| class < classes);
    if let Some(place) = labels_in_order.iter().position(|class| !is_known(class)) {
        let (class, at, shape) = (labels_in_order[place], index(labels.shape(), place), labels.shape());
        panic!("{measure}: no such class: {class} at {at:?} of {shape} (0 ≤ class < {classes})");
    }
    labels_in_order.into_iter().map(|class| class as usize).collect()
}

/// The probabilities in a tensor, row by row, in 0 … 1 or NaN.
#[track_caller]
pub(super) fn probabilities<T: Float>(measure: &str, values: &Tensor<T>) -> Vec<f64> {
    let mut out = numbers(values);
    for (place, value) in out.iter_mut().enumerate() {
        if !(-SLACK..=1.0 + SLACK).contains(value) && !value.is_nan() {
            let (at, shape) = (index(values.shape(), place), values.shape());
            panic!("{measure}: no probability: {value} at {at:?} of {shape} (0 ≤ p ≤ 1)");
        }
        *value = value.clamp(0.0, 1.0);
    }
    out
}

/// The numbers in a tensor, row by row, in double precision.
pub(super) fn numbers<T: Float>(values: &Tensor<T>) -> Vec<f64> {
    values.to_vec().into_iter().map(T::as_f64).collect()
}

/// The index of the element that comes at `place`, row by row.
fn index(shape: &Shape, mut place: usize) -> Vec<usize> {
    let mut out = vec![0; shape.len()];
    for axis in (0..shape.len()).rev() {
        out[axis] = place % shape[axis];
        place /= shape[axis];
    }
    out
}
