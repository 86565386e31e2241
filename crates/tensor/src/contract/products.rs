//! Products of vectors, chosen axes and blocks.

use super::Contract;
use super::pair::{Named, contract};
use crate::shape::{MAX_RANK, Shape};

/// See [`Tensor::dot`](crate::Tensor::dot).
#[doc(hidden)]
#[must_use]
#[track_caller]
pub fn dot<A: Contract>(a: &A, b: &A) -> A {
    let (x, y) = (a.lengths(), b.lengths());
    assert!(x.len() == 1 && x == y, "dot: not vectors of one length: {x} · {y}");
    a.times(b).summed(&[])
}

/// See [`Tensor::outer`](crate::Tensor::outer).
#[doc(hidden)]
#[must_use]
#[track_caller]
pub fn outer<A: Contract>(a: &A, b: &A) -> A {
    let (x, y) = (a.lengths(), b.lengths());
    assert!(x.len() == 1 && y.len() == 1, "outer: not vectors: {x} and {y}");
    a.shaped(Shape::new(&[x[0], 1])).times(&b.shaped(Shape::new(&[1, y[0]])))
}

/// See [`Tensor::tensordot`](crate::Tensor::tensordot).
#[doc(hidden)]
#[must_use]
#[track_caller]
pub fn tensordot<A: Contract>(a: &A, b: &A, axes: &[isize], other_axes: &[isize]) -> A {
    let (x, y) = (*a.lengths(), *b.lengths());
    let (p, q) = (axes.len(), other_axes.len());
    assert!(p == q, "tensordot: axes do not pair up: {axes:?} and {other_axes:?} ({p} ≠ {q})");
    let mut labels = [(0..x.len() as u32).collect::<Vec<_>>(), (100..100 + y.len() as u32).collect()];
    let mut taken = [[false; MAX_RANK]; 2];
    for (&left, &right) in axes.iter().zip(other_axes) {
        let places = [x.axis("tensordot", left), y.axis("tensordot", right)];
        for (side, (place, name)) in places.into_iter().zip([left, right]).enumerate() {
            let twice = std::mem::replace(&mut taken[side][place], true);
            assert!(
                !twice,
                "tensordot: axis {name} is named twice: {} over {:?}",
                [x, y][side],
                [axes, other_axes][side]
            );
        }
        let (m, n) = (x[places[0]], y[places[1]]);
        assert!(m == n, "tensordot: lengths of axes {left} and {right} differ: {x} · {y} ({m} ≠ {n})");
        labels[1][places[1]] = labels[0][places[0]];
    }
    let [left, right] = labels;
    let summed: Vec<u32> = left.iter().filter(|label| right.contains(label)).copied().collect();
    let (a, b) = (Named { x: a.clone(), labels: left }, Named { x: b.clone(), labels: right });
    contract(&a, &b, &|label| !summed.contains(&label)).x
}

/// See [`Tensor::kron`](crate::Tensor::kron).
#[doc(hidden)]
#[must_use]
#[track_caller]
pub fn kron<A: Contract>(a: &A, b: &A) -> A {
    let (x, y) = (*a.lengths(), *b.lengths());
    let rank = x.len().max(y.len());
    assert!(2 * rank <= MAX_RANK, "kron: more axes than {}: {x} and {y}", MAX_RANK / 2);
    let padded = |shape: &Shape| [vec![1; rank - shape.len()], shape.to_vec()].concat();
    let (x, y) = (padded(&x), padded(&y));
    let left: Vec<usize> = x.iter().flat_map(|&length| [length, 1]).collect();
    let right: Vec<usize> = y.iter().flat_map(|&length| [1, length]).collect();
    let whole: Vec<usize> = x.iter().zip(&y).map(|(a, b)| a * b).collect();
    a.shaped(Shape::new(&left)).times(&b.shaped(Shape::new(&right))).shaped(Shape::new(&whole))
}

/// See [`Tensor::bilinear`](crate::Tensor::bilinear); the bias' shape is checked only.
#[doc(hidden)]
#[must_use]
#[track_caller]
pub fn bilinear<A: Contract>(weight: &A, first: &A, second: &A, bias: Option<&Shape>) -> A {
    let (w, x, y) = (*weight.lengths(), *first.lengths(), *second.lengths());
    assert!(w.len() == 3, "bilinear: the weight is not [O, I, J]: {w}");
    let fits = !x.is_empty() && !y.is_empty() && x[..x.len() - 1] == y[..y.len() - 1];
    assert!(fits, "bilinear: leading axes of the inputs differ: {x} and {y}");
    let (i, j) = (x[x.len() - 1], y[y.len() - 1]);
    assert!(
        [i, j] == [w[1], w[2]],
        "bilinear: inputs do not fit the weight: {x}, {y} and {w} ([{i}, {j}] ≠ [{}, {}])",
        w[1],
        w[2]
    );
    if let Some(bias) = bias {
        assert!(bias[..] == [w[0]], "bilinear: bias does not fit the weight: {bias} and {w}");
    }
    let rows: usize = x[..x.len() - 1].iter().product();
    // x₁·W for all outputs at once: [R, I]·[I, O·J], then each with its x₂.
    let (x1, x2) = (first.shaped(Shape::new(&[rows, i])), second.shaped(Shape::new(&[rows, j, 1])));
    let inner = weight.ordered(&[1, 0, 2]).shaped(Shape::new(&[i, w[0] * j]));
    let half = x1.product(&inner).shaped(Shape::new(&[rows, w[0], j]));
    half.product(&x2).shaped(x.with(x.len() - 1, w[0]))
}

/// Whether a vector product is defined.
#[doc(hidden)]
#[track_caller]
pub fn check_cross(x: &Shape, y: &Shape) {
    let last = |shape: &Shape| shape.last().copied();
    assert!(last(x) == Some(3) && last(y) == Some(3), "cross: last axes are not of length 3: {x} and {y}");
    assert!(x.broadcast(y).is_some(), "cross: shapes do not broadcast: {x} and {y} (each axis equal, or 1)");
}
