//! The few operators of the set for classical machine learning that are array operations. It must never know trees.

use gradus_tensor::{AnyTensor, Element, Tensor};

use super::Mapping;
use crate::call::{Answer, Call, one};
use crate::value::{on_any, on_numbers};

pub(super) const TABLE: &[(&str, Mapping)] =
    &[("ai.onnx.ml::ArrayFeatureExtractor", extract), ("ai.onnx.ml::Binarizer", binarize)];

fn extract(call: &Call) -> Answer {
    let (x, index) = (call.array(0)?, call.array(1)?.cast::<i64>());
    let index = index.reshape([index.len()]);
    on_any!(x, |t| {
        let picked = t.index_select(-1, &index);
        one(if t.rank() == 1 { x.with(&picked.unsqueeze(0)) } else { x.with(&picked) })
    })
}

fn binarize(call: &Call) -> Answer {
    let x = call.array(0)?;
    let threshold = call.float("threshold", 0.0);
    on_numbers!(x, |t| {
        let above: Tensor<bool> = t.greater(&Tensor::scalar(Element::of_f64(threshold)));
        one(crate::value::Array::of(x.kind, &AnyTensor::from(above)))
    })
}
