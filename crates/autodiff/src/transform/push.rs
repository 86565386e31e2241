//! The forward sweep: tangents go through a recorded graph in the order of its creation. An operation's forward rule is its
//! backward rule transposed.

use std::collections::BTreeMap;
use std::sync::Arc;

use gradus_tensor::{Float, Shape, Tensor};

use crate::engine::{Aim, any_order, saved_variables, sweep};
use crate::mode::with_recording;
use crate::node::{LeafId, Node};
use crate::var::Var;

/// A node on the way, with the shape of its value.
struct Stop<T: Float> {
    node: Arc<Node<T>>,
    shape: Shape,
    /// The last node that reads it.
    reader: u64,
}

/// The nodes that `y` depends on and that are no older than `floor`, latest first.
fn way_back<T: Float>(y: &Var<T>, floor: u64) -> Vec<Stop<T>> {
    let mut waiting = BTreeMap::new();
    let mut way = Vec::new();
    if let Some(node) = y.node() {
        waiting.insert(node.id, Stop { node: Arc::clone(node), shape: *y.shape(), reader: u64::MAX });
    }
    while let Some((id, stop)) = waiting.pop_last() {
        for edge in &stop.node.inputs {
            if let Some(node) = edge.node.as_ref().filter(|node| node.id >= floor) {
                // The latest reader comes first and stays.
                waiting.entry(node.id).or_insert_with(|| Stop {
                    node: Arc::clone(node),
                    shape: edge.shape,
                    reader: id,
                });
            }
        }
        way.push(stop);
    }
    way
}

/// The derivative of `y` along the tangents of some variables that it was computed from; `None` if it does not depend on them.
/// `differentiable` says whether the derivative shall be so.
pub(super) fn push_forward<T: Float>(
    y: &Var<T>,
    pairs: &[(&Var<T>, &Var<T>)],
    differentiable: bool,
) -> Option<Var<T>> {
    let mut tangents: BTreeMap<u64, Var<T>> = BTreeMap::new();
    for (x, v) in pairs {
        if let Some(node) = x.node() {
            tangents.insert(node.id, (*v).clone());
        }
    }
    let floor = *tangents.keys().next()?;
    // Who is read for the last time by whom: tangents are let go of behind that.
    let way = way_back(y, floor);
    let mut last: BTreeMap<u64, Vec<u64>> = BTreeMap::new();
    way.iter().for_each(|stop| last.entry(stop.reader).or_default().push(stop.node.id));
    for stop in way.into_iter().rev() {
        let node = &stop.node;
        let input =
            |i: usize| node.inputs[i].node.as_ref().and_then(|input| tangents.get(&input.id)).cloned();
        let of_inputs: Vec<Option<Var<T>>> = (0..node.inputs.len()).map(input).collect();
        if of_inputs.iter().any(Option::is_some)
            && let Some(tangent) = through(node, stop.shape, &of_inputs, differentiable)
        {
            tangents.insert(node.id, tangent);
        }
        for read in last.remove(&node.id).into_iter().flatten() {
            tangents.remove(&read);
        }
    }
    y.node().and_then(|node| tangents.remove(&node.id))
}

/// The tangent of a node's value from those of its inputs.
fn through<T: Float>(
    node: &Arc<Node<T>>,
    shape: Shape,
    tangents: &[Option<Var<T>>],
    differentiable: bool,
) -> Option<Var<T>> {
    let step = node.step.as_ref()?;
    let bits = tangents.iter().take(32).enumerate().map(|(i, t)| u32::from(t.is_some()) << i).sum();
    let own = with_recording(differentiable, || step.op.jvp(&saved_variables(node, bits), tangents));
    if own.is_some() {
        return own;
    }
    // The rule is linear in the cotangent: u ↦ (Jᵢᵀ·u). Its gradient by u with the tangents as cotangents is Σ Jᵢ·tᵢ,
    // whatever u is.
    let u = Var::leaf(Tensor::zeros(shape));
    let rule = with_recording(true, || any_order(node, bits, &u));
    let seeds = rule.iter().zip(tangents).filter_map(|(c, t)| {
        let (c, t) = (c.as_ref()?, t.as_ref()?);
        Some((Arc::clone(c.node()?), with_recording(differentiable, || t.expand(*c.shape()))))
    });
    let aim = Aim::at(&[&u]);
    let id = LeafId(u.node()?.id);
    if differentiable {
        let seeds = seeds.collect();
        return with_recording(true, || sweep::<T, Var<T>>(seeds, &aim)).cotangents.remove(&id);
    }
    let seeds = seeds.map(|(node, t)| (node, t.into_value())).collect();
    let found = with_recording(false, || sweep::<T, Tensor<T>>(seeds, &aim)).cotangents.remove(&id);
    found.map(Var::constant)
}
