//! Whole matrices of derivatives, row by row or column by column over one recorded graph.

use gradus_tensor::{Float, MAX_RANK, Shape, Tensor};

use super::push::push_forward;
use super::{Call, check_one};
use crate::engine::pull_back;
use crate::mode::with_recording;
use crate::var::Var;

/// How many backward passes one forward product costs: transposing a rule runs it once and its own rule once.
const FORWARD_COST: usize = 3;

/// The derivatives of all outputs by all elements of each input: `[…y], [x…] → [y.shape ‖ x.shape]` for each x (PyTorch:
/// `torch.autograd.functional.jacobian`). One forward pass and as many backward passes as y has elements, or forward products
/// where the inputs are far fewer. Results can be differentiated again; under [`no_grad`](crate::no_grad) each pass is freed at once.
///
/// ```
/// use gradus_autodiff::{Var, jacobian};
/// let (a, b) = (Var::constant([1.0_f64, 2.0]), Var::constant(3.0));
/// let j = jacobian(|x| &x[0] * &x[1], &[&a, &b]);
/// assert_eq!(j[0].value().to_vec(), [3.0, 0.0, 0.0, 3.0]); // [2, 2]
/// assert_eq!(j[1].value().to_vec(), [1.0, 2.0]); // [2]
/// ```
///
/// # Panics
/// If an input and the value have more than 8 axes together.
#[must_use]
#[track_caller]
pub fn jacobian<T: Float>(f: impl FnOnce(&[Var<T>]) -> Var<T>, inputs: &[&Var<T>]) -> Vec<Var<T>> {
    let call = Call::new(f, inputs);
    let y = &call.value;
    call.arguments.iter().for_each(|x| check_rank("jacobian", y.shape(), x.shape()));
    let columns: usize = call.arguments.iter().map(Var::len).sum();
    if FORWARD_COST * columns < y.len() {
        return call.arguments.iter().map(|x| by_columns(y, x, call.records)).collect();
    }
    by_rows(y, &call.arguments(), call.records)
}

/// All second derivatives of a single element by pairs of inputs: entry `[i][j]` has shape `[xᵢ.shape ‖ xⱼ.shape]` (PyTorch:
/// `torch.autograd.functional.hessian`). A forward pass, a recorded backward pass, and one pass backwards through both for each element
/// of the inputs. Results can be differentiated again; under [`no_grad`](crate::no_grad) each pass is freed at once.
///
/// ```
/// use gradus_autodiff::{Var, hessian};
/// let (a, b) = (Var::constant(2.0_f64), Var::constant(3.0));
/// let h = hessian(|x| x[0].square() * &x[1], &[&a, &b]); // a²·b
/// let h = h.iter().map(|row| row.iter().map(Var::item).collect::<Vec<_>>()).collect::<Vec<_>>();
/// assert_eq!(h, [[6.0, 4.0], [4.0, 0.0]]);
/// ```
///
/// # Panics
/// If the value is not a single element, or two inputs have more than 8 axes together.
#[must_use]
#[track_caller]
pub fn hessian<T: Float>(f: impl FnOnce(&[Var<T>]) -> Var<T>, inputs: &[&Var<T>]) -> Vec<Vec<Var<T>>> {
    let call = Call::new(f, inputs);
    check_one("hessian", &call.value);
    for a in &call.arguments {
        call.arguments.iter().for_each(|b| check_rank("hessian", a.shape(), b.shape()));
    }
    let seed = Var::constant(Tensor::ones(*call.value.shape()));
    let gradient = with_recording(true, || pull_back(&[(&call.value, &seed)], &call.arguments(), true));
    gradient.iter().map(|g| by_rows(g, &call.arguments(), call.records)).collect()
}

#[track_caller]
fn check_rank(op: &str, y: &Shape, x: &Shape) {
    let rank = y.len() + x.len();
    assert!(rank <= MAX_RANK, "{op}: too many axes: {y} by {x} ({rank} > {MAX_RANK})");
}

fn joined(y: &Shape, x: &Shape) -> Shape {
    Shape::new(&[&y[..], &x[..]].concat())
}

/// Nought but for a one at `flat`.
fn unit<T: Float>(shape: &Shape, flat: usize) -> Var<T> {
    let mut unit = Tensor::zeros([shape.count()]);
    unit.make_mut()[flat] = T::ONE;
    Var::constant(unit.reshape(*shape))
}

/// The Jacobians of `y` by `xs`, one backward pass for each element of y.
fn by_rows<T: Float>(y: &Var<T>, xs: &[&Var<T>], records: bool) -> Vec<Var<T>> {
    let mut rows: Vec<Vec<Var<T>>> = xs.iter().map(|_| Vec::with_capacity(y.len())).collect();
    for flat in 0..y.len() {
        let seed = unit(y.shape(), flat);
        let row = pull_back(&[(y, &seed)], xs, records);
        rows.iter_mut().zip(row).for_each(|(rows, part)| rows.push(part));
    }
    let whole = |(rows, x): (Vec<Var<T>>, &&Var<T>)| stacked(&rows, 0, joined(y.shape(), x.shape()), records);
    rows.into_iter().zip(xs).map(whole).collect()
}

/// The Jacobian of `y` by `x`, one forward product for each element of x.
fn by_columns<T: Float>(y: &Var<T>, x: &Var<T>, records: bool) -> Var<T> {
    let column = |flat| {
        let tangent = unit(x.shape(), flat);
        let column = push_forward(y, &[(x, &tangent)], records);
        let column = column.unwrap_or_else(|| Var::constant(Tensor::zeros(*y.shape())));
        if records { column } else { column.detach() }
    };
    let columns: Vec<Var<T>> = (0..x.len()).map(column).collect();
    stacked(&columns, -1, joined(y.shape(), x.shape()), records)
}

fn stacked<T: Float>(parts: &[Var<T>], axis: isize, shape: Shape, records: bool) -> Var<T> {
    if parts.is_empty() {
        return Var::constant(Tensor::zeros(shape));
    }
    // Flat, so that the axis that counts them does not exceed the most there may be.
    with_recording(records, || {
        let flat: Vec<Var<T>> = parts.iter().map(|part| part.reshape([part.len()])).collect();
        Var::stack(&flat.iter().collect::<Vec<_>>(), axis).reshape(shape)
    })
}
