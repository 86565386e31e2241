//! The contraction of two operands with named axes: one matrix product, batched over the axes that both have and the result
//! keeps.

use super::Contract;
use super::equation::Label;
use crate::shape::Shape;

/// An operand and a label for each of its axes.
pub(super) struct Named<A> {
    pub(super) x: A,
    pub(super) labels: Vec<Label>,
}

impl<A: Contract> Named<A> {
    /// The number of elements.
    pub(super) fn size(&self) -> f64 {
        self.x.lengths().iter().map(|&length| length as f64).product()
    }

    fn length(&self, label: Label) -> usize {
        self.labels.iter().position(|&l| l == label).map_or(1, |axis| self.x.lengths()[axis])
    }

    /// The axes of some labels, merged to one per group.
    fn grouped(&self, groups: &[&[Label]]) -> A {
        let place = |label: &Label| self.labels.iter().position(|l| l == label);
        let order: Vec<usize> = groups.iter().copied().flatten().filter_map(place).collect();
        let lengths: Vec<usize> =
            groups.iter().map(|group| group.iter().map(|&label| self.length(label)).product()).collect();
        self.x.ordered(&order).shaped(Shape::new(&lengths))
    }

    fn lengths_of(&self, labels: &[Label]) -> Vec<usize> {
        labels.iter().map(|&label| self.length(label)).collect()
    }
}

/// The labels of two operands by what becomes of them.
struct Roles {
    batch: Vec<Label>,
    left: Vec<Label>,
    right: Vec<Label>,
    summed: Vec<Label>,
}

fn roles<A>(a: &Named<A>, b: &Named<A>, needed: &dyn Fn(Label) -> bool) -> Roles {
    let both = |label: &Label| b.labels.contains(label);
    let (shared, left): (Vec<Label>, Vec<Label>) = a.labels.iter().partition(|label| both(label));
    let (batch, summed) = shared.into_iter().partition(|&label| needed(label));
    let right = b.labels.iter().filter(|label| !a.labels.contains(label)).copied().collect();
    Roles { batch, left, right, summed }
}

/// The number of elements of the pair's product.
pub(super) fn size_of_result<A: Contract>(a: &Named<A>, b: &Named<A>, needed: &dyn Fn(Label) -> bool) -> f64 {
    let Roles { batch, left, right, .. } = roles(a, b, needed);
    let lengths = [a.lengths_of(&batch), a.lengths_of(&left), b.lengths_of(&right)].concat();
    lengths.into_iter().map(|length| length as f64).product()
}

/// The product of a pair, summed over what both have and nobody else needs.
#[track_caller]
pub(super) fn contract<A: Contract>(a: &Named<A>, b: &Named<A>, needed: &dyn Fn(Label) -> bool) -> Named<A> {
    let Roles { batch, left, right, summed } = roles(a, b, needed);
    let labels = [&batch[..], &left, &right].concat();
    let shape = [a.lengths_of(&batch), a.lengths_of(&left), b.lengths_of(&right)].concat();
    let flat = if summed.is_empty() {
        let (a, b) = (a.grouped(&[&batch, &left, &[]]), b.grouped(&[&batch, &[], &right]));
        a.times(&b)
    } else if left.is_empty() && right.is_empty() {
        let (a, b) = (a.grouped(&[&batch, &summed]), b.grouped(&[&batch, &summed]));
        a.times(&b).summed(&[-1])
    } else if batch.is_empty() {
        a.grouped(&[&left, &summed]).product(&b.grouped(&[&summed, &right]))
    } else {
        a.grouped(&[&batch, &left, &summed]).product(&b.grouped(&[&batch, &summed, &right]))
    };
    Named { x: flat.shaped(Shape::new(&shape)), labels }
}
