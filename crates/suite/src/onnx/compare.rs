//! Whether an answer is the recorded one: the tolerances of ONNX's own backend test, shapes and types equal, integers
//! and truth values exactly, NaN equal to NaN. It must never know where the answer comes from.

use super::value::{Array, Result, Value, failed};

/// Relative tolerance of floats.
const RELATIVE: f64 = 1e-3;
/// Absolute tolerance of floats.
const ABSOLUTE: f64 = 1e-7;

/// Cases whose recorded numbers are themselves further from the truth than the absolute tolerance, how far, and why. The
/// page of the documentation names them.
pub(crate) const COARSE: &[(&str, f64, &str)] = &[
    ("test_dft_inverse", 1e-6, "recorded 1.9e-7 where the exact value is 0: a 32-bit transform's rounding"),
    ("test_dft_inverse_opset19", 1e-6, "the same"),
];

/// The absolute tolerance of a case.
pub(crate) fn absolute(case: &str) -> f64 {
    COARSE.iter().find(|(coarse, ..)| *coarse == case).map_or(ABSOLUTE, |&(_, tolerance, _)| tolerance)
}

/// Says what differs, if anything does by more than the absolute tolerance and the relative one.
pub(crate) fn compare(name: &str, answer: &Value, recorded: &Value, absolute: f64) -> Result<()> {
    match (answer, recorded) {
        (Value::Array(a), Value::Array(b)) => arrays(name, a, b, absolute),
        (Value::Sequence(a), Value::Sequence(b)) => {
            if a.len() != b.len() {
                return failed(format!("{name}: {} parts, recorded {}", a.len(), b.len()));
            }
            a.iter()
                .zip(b)
                .enumerate()
                .try_for_each(|(i, (a, b))| arrays(&format!("{name}[{i}]"), a, b, absolute))
        }
        (Value::Optional(None), Value::Optional(None)) => Ok(()),
        (Value::Optional(Some(a)), Value::Optional(Some(b))) => compare(name, a, b, absolute),
        // A full optional is written as what it holds.
        (Value::Optional(Some(a)), b) | (b, Value::Optional(Some(a))) => compare(name, a, b, absolute),
        _ => failed(format!("{name}: another kind of value than recorded")),
    }
}

fn arrays(name: &str, answer: &Array, recorded: &Array, absolute: f64) -> Result<()> {
    if answer.kind != recorded.kind {
        return failed(format!("{name}: elements {:?}, recorded {:?}", answer.kind, recorded.kind));
    }
    if answer.shape() != recorded.shape() {
        return failed(format!("{name}: shape {}, recorded {}", answer.shape(), recorded.shape()));
    }
    let differing = if answer.kind.is_float() {
        let (a, b) = (answer.cast::<f64>().to_vec(), recorded.cast::<f64>().to_vec());
        a.iter()
            .zip(&b)
            .position(|(&a, &b)| !near(a, b, absolute))
            .map(|at| (at, a[at].to_string(), b[at].to_string()))
    } else {
        let (a, b) = (answer.ints(), recorded.ints());
        a.iter().zip(&b).position(|(a, b)| a != b).map(|at| (at, a[at].to_string(), b[at].to_string()))
    };
    match differing {
        None => Ok(()),
        Some((at, a, b)) => {
            failed(format!("{name}: element {at} of {} is {a}, recorded {b}", answer.shape()))
        }
    }
}

fn near(answer: f64, recorded: f64, absolute: f64) -> bool {
    answer == recorded
        || answer.is_nan() && recorded.is_nan()
        || (answer - recorded).abs() <= absolute + RELATIVE * recorded.abs() && recorded.is_finite()
}

#[cfg(test)]
mod tests {
    use gradus_tensor::Tensor;

    use super::*;
    use crate::value::Stop;

    fn verdict(answer: impl Into<Array>, recorded: impl Into<Array>) -> Option<String> {
        match compare("y", &Value::Array(answer.into()), &Value::Array(recorded.into()), ABSOLUTE) {
            Ok(()) => None,
            Err(Stop::Failed(why) | Stop::Unmapped(why)) => Some(why),
        }
    }

    #[test]
    fn floats_are_near_integers_equal() {
        let x = || Tensor::from([1.0_f32, f32::NAN, f32::INFINITY]);
        assert_eq!(verdict(x(), x()), None);
        assert_eq!(verdict(Tensor::from([1000.9_f32]), Tensor::from([1000.0_f32])), None);
        let why = verdict(Tensor::from([1002.0_f32]), Tensor::from([1000.0_f32]));
        assert_eq!(why.as_deref(), Some("y: element 0 of [1] is 1002, recorded 1000"));
        assert!(verdict(Tensor::from([f32::NAN]), Tensor::from([1.0_f32])).is_some());
        assert!(verdict(Tensor::from([1.0_f32]), Tensor::from([f32::INFINITY])).is_some());
        assert!(verdict(Tensor::from([1001_i64]), Tensor::from([1000_i64])).is_some());
    }

    #[test]
    fn shapes_and_types_are_equal() {
        let why = verdict(Tensor::<f32>::ones([2]), Tensor::<f32>::ones([1, 2]));
        assert_eq!(why.as_deref(), Some("y: shape [2], recorded [1, 2]"));
        assert!(verdict(Tensor::<f32>::ones([2]), Tensor::<f64>::ones([2])).is_some());
    }
}
