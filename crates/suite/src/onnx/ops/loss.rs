//! Losses of classes, by the library's own. It must never know how a loss is computed.

use gradus_autodiff::Var;
use gradus_losses::{CrossEntropy, Nll, Reduction};

use super::Mapping;
use crate::call::{Answer, Call, all, one};
use crate::value::{Result, failed, on_floats};

pub(super) const TABLE: &[(&str, Mapping)] =
    &[("NegativeLogLikelihoodLoss", nll), ("SoftmaxCrossEntropyLoss", cross_entropy)];

fn reduction(call: &Call) -> Result<Reduction> {
    match call.text("reduction", "mean").as_str() {
        "mean" => Ok(Reduction::Mean),
        "sum" => Ok(Reduction::Sum),
        "none" => Ok(Reduction::None),
        other => failed(format!("no such reduction: {other}")),
    }
}

fn nll(call: &Call) -> Answer {
    let (x, target) = (call.array(0)?, call.array(1)?.cast::<i64>());
    let reduction = reduction(call)?;
    on_floats!(x, |t| {
        let mut loss = Nll::new().reduction(reduction);
        if let Some(weights) = call.tensor(2) {
            loss = loss.class_weights(weights);
        }
        if call.has("ignore_index") {
            loss = loss.ignore_index(call.int("ignore_index", 0));
        }
        one(x.with(loss.loss(&Var::from(t), &target).value()))
    })
}

fn cross_entropy(call: &Call) -> Answer {
    let (x, target) = (call.array(0)?, call.array(1)?.cast::<i64>());
    let reduction = reduction(call)?;
    on_floats!(x, |t| {
        let mut loss = CrossEntropy::new().reduction(reduction);
        if let Some(weights) = call.tensor(2) {
            loss = loss.class_weights(weights);
        }
        if call.has("ignore_index") {
            loss = loss.ignore_index(call.int("ignore_index", 0));
        }
        let value = loss.loss(&Var::from(t), &target);
        all([x.with(value.value()), x.with(&t.log_softmax(1))])
    })
}
