//! The contracts that losses share: equal shapes, values inside a range. Each broken one panics with a sentence.

use gradus_tensor::{Float, Shape, Tensor};

/// Panics unless prediction and target have the same shape: `[N, 1]` against `[N]` would broadcast to `[N, N]` and
/// train on nonsense.
#[track_caller]
pub(crate) fn same_shape(op: &str, prediction: &Shape, target: &Shape) {
    if prediction == target {
        return;
    }
    let difference = match prediction.iter().zip(target.iter()).position(|(a, b)| a != b) {
        _ if prediction.len() != target.len() => format!("{} ≠ {} axes", prediction.len(), target.len()),
        Some(axis) => format!("axis {axis}: {} ≠ {}", prediction[axis], target[axis]),
        None => String::new(),
    };
    panic!("{op}: shapes of prediction and target differ: {prediction} and {target} ({difference})");
}

/// Panics unless `extra` broadcasts to the prediction's shape without changing it.
#[track_caller]
pub(crate) fn stretches(op: &str, what: &str, extra: &Shape, prediction: &Shape) {
    assert!(
        extra.broadcast(prediction).as_ref() == Some(prediction),
        "{op}: {what} does not broadcast to the prediction: {extra} and {prediction} (each axis equal, or 1)"
    );
}

/// Panics at the first element that `allowed` refuses, with its value and place.
#[track_caller]
pub(crate) fn values<T: Float>(op: &str, fault: &str, x: &Tensor<T>, allowed: impl Fn(T) -> bool) {
    if let Some(at) = x.to_vec().iter().position(|&value| !allowed(value)) {
        let place = place(x.shape(), at);
        panic!("{op}: {fault}: {} ({} at {place:?})", x.shape(), x.at(&place));
    }
}

/// The index of the element that is number `flat` in row-major order.
pub(crate) fn place(shape: &Shape, mut flat: usize) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (slot, &length) in index.iter_mut().zip(shape.iter()).rev() {
        *slot = flat % length.max(1);
        flat /= length.max(1);
    }
    index
}

/// Panics unless a parameter of a loss is above 0.
#[track_caller]
pub(crate) fn positive(op: &str, name: &str, value: f64) {
    assert!(value > 0.0 && value.is_finite(), "{op}: {name} is not above 0: {value}");
}
