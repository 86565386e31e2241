//! ONNX's operators in terms of Gradus' public functions: a table per family, a row per operator. A mapping reads its
//! operands and attributes from a `Call` and answers the node's outputs; what it does not cover it says in words. It must
//! never know which model it runs in.

mod attention;
mod binary;
mod cast;
mod classic;
mod control;
mod conv;
mod create;
mod index;
mod join;
mod linear_attention;
mod loss;
mod matmul;
mod norm;
mod order;
mod pool;
mod quantize;
mod recurrent;
mod reduce;
mod resize;
mod sample;
mod shape;
mod softmax;
mod spectrum;
mod training;
mod unary;
mod window;

use super::call::{Answer, Call};
use super::case::op;
use super::value::unmapped;

/// How one operator is computed.
pub(super) type Mapping = fn(&Call) -> Answer;

/// Every operator that is mapped, by family.
const FAMILIES: &[&[(&str, Mapping)]] = &[
    attention::TABLE,
    binary::TABLE,
    cast::TABLE,
    classic::TABLE,
    control::TABLE,
    conv::TABLE,
    create::TABLE,
    index::TABLE,
    join::TABLE,
    linear_attention::TABLE,
    loss::TABLE,
    matmul::TABLE,
    norm::TABLE,
    order::TABLE,
    pool::TABLE,
    quantize::TABLE,
    recurrent::TABLE,
    reduce::TABLE,
    resize::TABLE,
    sample::TABLE,
    shape::TABLE,
    softmax::TABLE,
    spectrum::TABLE,
    training::TABLE,
    unary::TABLE,
];

/// Runs a node.
pub(crate) fn run(call: &Call) -> Answer {
    let name = op(call.node);
    match FAMILIES.iter().copied().flatten().find(|(known, _)| *known == name) {
        Some((_, mapping)) => mapping(call),
        None => unmapped(format!("operator {name}")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::FAMILIES;

    #[test]
    fn no_operator_is_mapped_twice() {
        let mut seen = BTreeSet::new();
        for (name, _) in FAMILIES.iter().copied().flatten() {
            assert!(seen.insert(name), "{name}");
        }
    }
}
