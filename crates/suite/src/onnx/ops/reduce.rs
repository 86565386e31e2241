//! Sums, means, extremes and their kin over axes; running sums. It must never know where the axes are written: that differs by
//! version and is read in one place.

use gradus_tensor::{Element, Float, Number, Tensor};

use super::Mapping;
use crate::call::{Answer, Call, one};
use crate::value::{Array, Result, on_floats, on_numbers};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("ArgMax", |c| argument(c, true)),
    ("ArgMin", |c| argument(c, false)),
    ("ReduceL1", l1),
    ("ReduceL2", l2),
    ("ReduceLogSum", log_sum),
    ("ReduceLogSumExp", log_sum_exp),
    ("ReduceMax", |c| extreme(c, true)),
    ("ReduceMean", mean),
    ("ReduceMin", |c| extreme(c, false)),
    ("ReduceProd", prod),
    ("ReduceSum", sum),
    ("ReduceSumSquare", sum_square),
];

/// Over which axes, and whether they stay with length 1.
struct Over {
    /// An empty list: all.
    axes: Vec<isize>,
    keep: bool,
    /// None at all: each element is a set of its own.
    none: bool,
}

impl Over {
    fn read(call: &Call, x: &Array) -> Result<Self> {
        let given = call.ints_or_input("axes", 1).unwrap_or_default();
        let none = given.is_empty() && call.flag("noop_with_empty_axes", false) || x.rank() == 0;
        let axes = given.iter().map(|&axis| Ok(x.axis(axis)? as isize)).collect::<Result<_>>()?;
        Ok(Self { axes, keep: call.flag("keepdims", true), none })
    }

    /// `f(x, axes, keep)`.
    fn apply<T: Element>(
        &self,
        x: &Tensor<T>,
        f: impl Fn(&Tensor<T>, &[isize], bool) -> Tensor<T>,
    ) -> Tensor<T> {
        if self.none { f(&x.unsqueeze(-1), &[-1], false) } else { f(x, &self.axes, self.keep) }
    }
}

fn sum(call: &Call) -> Answer {
    let x = call.array(0)?;
    let over = Over::read(call, x)?;
    on_numbers!(x, |t| one(x.with(&over.apply(t, Tensor::sum_axes))))
}

fn prod(call: &Call) -> Answer {
    let x = call.array(0)?;
    let over = Over::read(call, x)?;
    on_numbers!(x, |t| one(x.with(&over.apply(t, Tensor::prod_axes))))
}

fn mean(call: &Call) -> Answer {
    let x = call.array(0)?;
    let over = Over::read(call, x)?;
    on_floats!(x, |t| one(x.with(&over.apply(t, Tensor::mean_axes))))
}

fn sum_square(call: &Call) -> Answer {
    let x = call.array(0)?;
    let over = Over::read(call, x)?;
    on_numbers!(x, |t| one(x.with(&over.apply(&(t * t), Tensor::sum_axes))))
}

fn l1(call: &Call) -> Answer {
    let x = call.array(0)?;
    let over = Over::read(call, x)?;
    on_floats!(x, |t| one(x.with(&over.apply(&t.abs(), Tensor::sum_axes))))
}

fn l2(call: &Call) -> Answer {
    let x = call.array(0)?;
    let over = Over::read(call, x)?;
    on_floats!(x, |t| one(x.with(&over.apply(&t.square(), Tensor::sum_axes).sqrt())))
}

fn log_sum(call: &Call) -> Answer {
    let x = call.array(0)?;
    let over = Over::read(call, x)?;
    on_floats!(x, |t| one(x.with(&over.apply(t, Tensor::sum_axes).ln())))
}

fn log_sum_exp(call: &Call) -> Answer {
    let x = call.array(0)?;
    let over = Over::read(call, x)?;
    on_floats!(x, |t| one(x.with(&over.apply(t, logsumexp))))
}

/// Over several axes, one after the other.
fn logsumexp<T: Float>(x: &Tensor<T>, axes: &[isize], keep: bool) -> Tensor<T> {
    let shape = *x.sum_axes(axes, keep).shape();
    let all: Vec<isize> = (0..x.rank() as isize).collect();
    let axes = if axes.is_empty() { &all } else { axes };
    axes.iter().fold(x.clone(), |x, &axis| x.logsumexp(axis, true)).reshape(shape)
}

fn extreme(call: &Call, largest: bool) -> Answer {
    let mut x = call.array(0)?.clone();
    let kind = x.kind;
    if let gradus_tensor::AnyTensor::Bool(t) = &x.data {
        x = Array::new(&t.cast::<u8>());
    }
    let over = Over::read(call, &x)?;
    on_numbers!(x, |t| {
        let y = over.apply(t, |t, axes, keep| of_set(t, axes, keep, largest));
        one(Array::of(kind, &Array::new(&y).data))
    })
}

/// The largest or smallest; of nothing the type's lowest or highest value.
fn of_set<T: Number>(x: &Tensor<T>, axes: &[isize], keep: bool, largest: bool) -> Tensor<T> {
    if x.is_empty() {
        let shape = *x.sum_axes(axes, keep).shape();
        return Tensor::full(shape, if largest { T::LOWEST } else { T::HIGHEST });
    }
    if largest { x.max_axes(axes, keep) } else { x.min_axes(axes, keep) }
}

fn argument(call: &Call, largest: bool) -> Answer {
    let x = call.array(0)?;
    let axis = x.axis(call.int("axis", 0))? as isize;
    let last = call.flag("select_last_index", false);
    let places = on_numbers!(x, |t| {
        // The last of equals is the first one from behind.
        let t = if last { t.flip(axis) } else { t.clone() };
        if largest { t.argmax(axis) } else { t.argmin(axis) }
    });
    let end = x.shape()[axis as usize] as i64 - 1;
    let places = if last { places.map(move |place| end - place) } else { places };
    one(if call.flag("keepdims", true) { places.unsqueeze(axis) } else { places })
}
