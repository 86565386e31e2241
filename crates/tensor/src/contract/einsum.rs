//! Einsum: diagonals and sums within operands, then the operands pair by pair.

use super::Contract;
use super::equation::{Equation, Label, parse};
use super::pair::{Named, contract, size_of_result};
use crate::shape::Shape;

/// See [`Tensor::einsum`](crate::Tensor::einsum).
#[doc(hidden)]
#[must_use]
#[track_caller]
pub fn einsum<A: Contract>(equation: &str, operands: &[&A]) -> A {
    let shapes: Vec<Shape> = operands.iter().map(|x| *x.lengths()).collect();
    let equation = parse(equation, &shapes);
    let mut left: Vec<Named<A>> =
        operands.iter().zip(&equation.terms).map(|(&x, labels)| simplify(x, labels, &equation)).collect();
    sum_within(&mut left, &equation.result);
    while left.len() > 1 {
        let (i, j) = next_pair(&left, &equation.result);
        let second = left.remove(j);
        let first = left.remove(i);
        let needed =
            |label| equation.result.contains(&label) || left.iter().any(|x| x.labels.contains(&label));
        left.push(contract(&first, &second, &needed));
    }
    // INVARIANT: an equation has at least one term, and there are as many operands.
    #[allow(clippy::expect_used)]
    let last = left.pop().expect("an operand");
    in_order(&last, &equation)
}

/// Diagonals taken, and axes of length 1 dropped where another operand has more there.
fn simplify<A: Contract>(x: &A, labels: &[Label], equation: &Equation) -> Named<A> {
    let (mut x, mut labels) = (x.clone(), labels.to_vec());
    while let Some((i, j)) = twins(&labels) {
        x = x.diagonal_of(i, j);
        let label = labels.remove(j);
        labels.remove(i);
        labels.push(label);
    }
    let shape = *x.lengths();
    let stays: Vec<usize> =
        (0..labels.len()).filter(|&i| shape[i] != 1 || equation.lengths[&labels[i]] == 1).collect();
    if stays.len() < labels.len() {
        let lengths: Vec<usize> = stays.iter().map(|&i| shape[i]).collect();
        x = x.shaped(Shape::new(&lengths));
        labels = stays.iter().map(|&i| labels[i]).collect();
    }
    Named { x, labels }
}

/// Two places of one label.
fn twins(labels: &[Label]) -> Option<(usize, usize)> {
    (0..labels.len()).find_map(|j| labels[..j].iter().position(|&label| label == labels[j]).map(|i| (i, j)))
}

/// Sums away the axes of each operand that nobody else has.
fn sum_within<A: Contract>(operands: &mut [Named<A>], result: &[Label]) {
    for i in 0..operands.len() {
        let needed = |label: &Label| {
            result.contains(label)
                || operands.iter().enumerate().any(|(j, x)| j != i && x.labels.contains(label))
        };
        let labels = &operands[i].labels;
        let axes: Vec<isize> =
            (0..labels.len()).filter(|&a| !needed(&labels[a])).map(|a| a as isize).collect();
        if !axes.is_empty() {
            let labels = labels.iter().filter(|label| needed(label)).copied().collect();
            operands[i] = Named { x: operands[i].x.summed(&axes), labels };
        }
    }
}

/// The pair whose product is smallest against its operands; of equals the first.
fn next_pair<A: Contract>(left: &[Named<A>], result: &[Label]) -> (usize, usize) {
    let mut best = (0, 1, f64::INFINITY);
    for j in 1..left.len() {
        for i in 0..j {
            let needed = |label| {
                let others = left.iter().enumerate().filter(|(k, _)| *k != i && *k != j);
                result.contains(&label) || others.into_iter().any(|(_, x)| x.labels.contains(&label))
            };
            let grown = size_of_result(&left[i], &left[j], &needed) - left[i].size() - left[j].size();
            if grown < best.2 {
                best = (i, j, grown);
            }
        }
    }
    (best.0, best.1)
}

/// The result's axes in their order.
fn in_order<A: Contract>(last: &Named<A>, equation: &Equation) -> A {
    let place = |label: &Label| last.labels.iter().position(|l| l == label);
    last.x.ordered(&equation.result.iter().filter_map(place).collect::<Vec<_>>())
}
