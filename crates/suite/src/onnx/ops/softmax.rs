//! Softmax and its kin along an axis. Until version 13 they run over all axes from the given one on.

use gradus_tensor::{Float, Tensor};

use super::Mapping;
use crate::call::{Answer, Call, one};
use crate::value::on_floats;

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("Hardmax", |c| along(c, Form::Hard)),
    ("LogSoftmax", |c| along(c, Form::Log)),
    ("Softmax", |c| along(c, Form::Soft)),
];

#[derive(Clone, Copy)]
enum Form {
    Soft,
    Log,
    Hard,
}

impl Form {
    fn of<T: Float>(self, x: &Tensor<T>, axis: isize) -> Tensor<T> {
        match self {
            Self::Soft => x.softmax(axis),
            Self::Log => x.log_softmax(axis),
            Self::Hard => hardmax(x, axis),
        }
    }
}

fn along(call: &Call, form: Form) -> Answer {
    let x = call.array(0)?;
    let coerced = call.version < 13;
    let axis = x.axis(call.int("axis", if coerced { 1 } else { -1 }))?;
    on_floats!(x, |t| {
        if !coerced {
            return one(x.with(&form.of(t, axis as isize)));
        }
        let rows: usize = t.shape()[..axis].iter().product();
        let columns: usize = t.shape()[axis..].iter().product();
        one(x.with(&form.of(&t.reshape([rows, columns]), 1).reshape(t.shape())))
    })
}

/// 1 at the first largest element, 0 elsewhere.
fn hardmax<T: Float>(x: &Tensor<T>, axis: isize) -> Tensor<T> {
    let classes = x.dim(axis);
    let hot: Tensor<T> = x.argmax(axis).one_hot(classes);
    let mut order: Vec<usize> = (0..x.rank() - 1).collect();
    order.insert(axis as usize, x.rank() - 1);
    hot.permute(&order)
}
