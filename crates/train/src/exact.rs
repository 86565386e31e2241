//! Floats in JSON without the loss of a bit: finite ones as the shortest number that reads back equal, the others as
//! words, which JSON has no numbers for.

use serde_json::Value;

pub(crate) fn to_value(x: f64) -> Value {
    match Value::from(x) {
        Value::Null => Value::from(x.to_string()),
        number => number,
    }
}

pub(crate) fn from_value(value: &Value) -> Option<f64> {
    match value {
        Value::String(word) => word.parse().ok().filter(|x: &f64| !x.is_finite()),
        other => other.as_f64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_float_comes_back() {
        let mut rng = gradus_tensor::Rng::seed(0);
        let random = (0..10_000).map(|_| f64::from_bits(rng.next_u64()));
        let special =
            [0.0, -0.0, f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1), f64::INFINITY, -f64::INFINITY];
        for x in random.chain(special) {
            let text = to_value(x).to_string();
            let back = from_value(&serde_json::from_str(&text).unwrap()).unwrap();
            assert!(back.to_bits() == x.to_bits() || (x.is_nan() && back.is_nan()), "{x:e} {text}");
        }
    }
}
