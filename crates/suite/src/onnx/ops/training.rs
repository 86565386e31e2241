//! The steps of optimizers, as operators of the preview set: they differ from PyTorch's in where ε and the bias corrections
//! stand, so they are written out. It must never know a model.

use gradus_tensor::Tensor;

use super::Mapping;
use crate::call::{Answer, Call, all};
use crate::value::{Array, Result, failed};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("ai.onnx.preview.training::Adagrad", |c| stepped(c, 2, adagrad)),
    ("ai.onnx.preview.training::Adam", |c| stepped(c, 3, adam)),
    ("ai.onnx.preview.training::Momentum", |c| stepped(c, 2, momentum)),
];

/// The new values of a parameter and its states, from: node, learning rate, step number, [value, gradient, states…].
type Rule = fn(&Call, f64, f64, &[Tensor]) -> Vec<Tensor>;

/// Inputs are the learning rate, the step, then all parameters, all gradients, all of each state.
fn stepped(call: &Call, outputs: usize, rule: Rule) -> Answer {
    let number = |i: usize| -> Result<f64> { Ok(call.array(i)?.cast::<f64>().reshape([]).item()) };
    let (rate, step) = (number(0)?, number(1)?);
    let rest = call.inputs.len() - 2;
    let per_parameter = outputs + 1;
    if !rest.is_multiple_of(per_parameter) {
        return failed(format!("{} inputs for parameters of {per_parameter} each", rest));
    }
    let count = rest / per_parameter;
    let mut answers: Vec<Vec<Array>> = vec![Vec::new(); outputs];
    for parameter in 0..count {
        let operands = (0..per_parameter).map(|part| Ok(call.array(2 + part * count + parameter)?.cast()));
        let new = rule(call, rate, step, &operands.collect::<Result<Vec<Tensor>>>()?);
        answers.iter_mut().zip(new).for_each(|(answers, new)| answers.push(new.into()));
    }
    all(answers.into_iter().flatten())
}

/// The gradient with that of the penalty ‖x‖²·coefficient/2.
fn regularised(call: &Call, x: &Tensor, g: &Tensor) -> Tensor {
    x.mul_scalar(call.float("norm_coefficient", 0.0)) + g
}

fn adagrad(call: &Call, rate: f64, step: f64, operands: &[Tensor]) -> Vec<Tensor> {
    let (x, squares) = (&operands[0], &operands[2]);
    let g = regularised(call, x, &operands[1]);
    let rate = rate / (1.0 + step * call.float("decay_factor", 0.0));
    let squares = squares + &g.square();
    let size = squares.sqrt().add_scalar(call.float("epsilon", 0.0));
    vec![x - &(g.mul_scalar(rate) / &size), squares]
}

fn adam(call: &Call, rate: f64, step: f64, operands: &[Tensor]) -> Vec<Tensor> {
    let (x, first, second) = (&operands[0], &operands[2], &operands[3]);
    let g = regularised(call, x, &operands[1]);
    let (alpha, beta) = (call.float("alpha", 0.9), call.float("beta", 0.999));
    let first = first.mul_scalar(alpha) + &g.mul_scalar(1.0 - alpha);
    let second = second.mul_scalar(beta) + &g.square().mul_scalar(1.0 - beta);
    let corrected =
        if step > 0.0 { rate * (1.0 - beta.powf(step)).sqrt() / (1.0 - alpha.powf(step)) } else { rate };
    let size = second.sqrt().add_scalar(call.float("epsilon", 0.0));
    let x = x - &(first.mul_scalar(corrected) / &size);
    vec![x.mul_scalar(1.0 - call.float("norm_coefficient_post", 0.0)), first, second]
}

fn momentum(call: &Call, rate: f64, step: f64, operands: &[Tensor]) -> Vec<Tensor> {
    let (x, velocity) = (&operands[0], &operands[2]);
    let g = regularised(call, x, &operands[1]);
    let alpha = call.float("alpha", 0.0);
    let beta = if step > 0.0 { call.float("beta", 0.0) } else { 1.0 };
    let velocity = velocity.mul_scalar(alpha) + &g.mul_scalar(beta);
    let direction = match call.text("mode", "standard").as_str() {
        "nesterov" => g + &velocity.mul_scalar(alpha),
        _ => velocity.clone(),
    };
    vec![x - &direction.mul_scalar(rate), velocity]
}
