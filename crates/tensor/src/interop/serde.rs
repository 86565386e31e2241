//! Tensors in `serde`'s formats: a map of `shape` and, in row-major order, `data`. For whole models a safetensors file
//! is smaller and faster.

use serde::de::{Deserialize, Deserializer, Error};
use serde::ser::{Serialize, Serializer};

use crate::element::Element;
use crate::shape::{MAX_RANK, Shape};
use crate::tensor::Tensor;

#[derive(serde::Serialize)]
#[serde(rename = "Tensor")]
struct Written<'a, T> {
    shape: &'a [usize],
    data: Vec<T>,
}

#[derive(serde::Deserialize)]
#[serde(rename = "Tensor", deny_unknown_fields)]
struct Read<T> {
    shape: Vec<usize>,
    data: Vec<T>,
}

/// ```
/// use gradus_tensor::Tensor;
/// let text = serde_json::to_string(&Tensor::from([[1, 2], [3, 4]]).t())?;
/// assert_eq!(text, r#"{"shape":[2,2],"data":[1,3,2,4]}"#);
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<T: Element + Serialize> Serialize for Tensor<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Written { shape: self.shape(), data: self.to_vec() }.serialize(serializer)
    }
}

/// ```
/// use gradus_tensor::Tensor;
/// let x: Tensor = serde_json::from_str(r#"{"shape": [2, 1], "data": [0.5, 1.5]}"#)?;
/// assert_eq!(x, Tensor::from([[0.5], [1.5]]));
/// let error = serde_json::from_str::<Tensor>(r#"{"shape": [3], "data": [0.5]}"#).unwrap_err();
/// assert!(error.to_string().starts_with("tensor: the data do not fill the shape: [3] from 1 values"));
/// # Ok::<(), serde_json::Error>(())
/// ```
impl<'de, T: Element + Deserialize<'de>> Deserialize<'de> for Tensor<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Read { shape, data } = Read::<T>::deserialize(deserializer)?;
        if shape.len() > MAX_RANK {
            let axes = shape.len();
            return Err(D::Error::custom(format_args!(
                "tensor: more than {MAX_RANK} axes: {shape:?} ({axes})"
            )));
        }
        // What a shape claims may be beyond all numbers.
        let count = shape.iter().try_fold(1_usize, |count, &length| count.checked_mul(length));
        if count != Some(data.len()) {
            let values = data.len();
            let message =
                format_args!("tensor: the data do not fill the shape: {shape:?} from {values} values");
            return Err(D::Error::custom(message));
        }
        Ok(Self::new(Shape::new(&shape), &data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        fn cycle<T: Element + Serialize + serde::de::DeserializeOwned>(x: &Tensor<T>) {
            let text = serde_json::to_string(x).unwrap();
            assert_eq!(serde_json::from_str::<Tensor<T>>(&text).unwrap(), *x, "{text}");
        }
        cycle(&Tensor::from([[0.1_f32, -2.5e-30], [f32::MAX, 3.0]]).t());
        cycle(&Tensor::from([std::f64::consts::PI]));
        cycle(&Tensor::from([i64::MIN, i64::MAX]));
        cycle(&Tensor::from([true, false]));
        cycle(&Tensor::<u8>::zeros([0, 3]));
        cycle(&Tensor::scalar(7_i32));
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for (text, says) in [
            (r#"{"shape":[2,2],"data":[1,2,3]}"#, "do not fill the shape: [2, 2] from 3 values"),
            (r#"{"shape":[18446744073709551615,2],"data":[1,2]}"#, "do not fill the shape"),
            (r#"{"shape":[1,1,1,1,1,1,1,1,1],"data":[1]}"#, "more than 8 axes"),
            (r#"{"shape":[-1],"data":[]}"#, "invalid value"),
            (r#"{"shape":[1]}"#, "missing field `data`"),
            (r#"{"shape":[1],"data":[1],"strides":[1]}"#, "unknown field `strides`"),
            (r#"{"shape":[1],"data":["a"]}"#, "invalid type"),
        ] {
            let error = serde_json::from_str::<Tensor<f64>>(text).unwrap_err().to_string();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
