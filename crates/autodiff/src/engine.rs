//! The backward pass: one loop over one ordered map, latest node first. No recursion, so no limit of depth.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use gradus_tensor::{Float, Tensor};

use crate::gradients::{Gradients, accumulate};
use crate::mode::with_recording;
use crate::node::{Edge, LeafId, Node, Step};
use crate::op::{Cotangents, Saved};
use crate::var::Var;

/// Operations whose cotangent is not yet complete, by number. Boxed: the map moves its entries about.
type Queue<T, V> = BTreeMap<u64, Box<(Arc<Node<T>>, V)>>;

impl<T: Float> Var<T> {
    /// The gradients of this scalar with respect to all leaves it depends on (PyTorch: `backward`).
    ///
    /// Consumes the variable: what the graph saved is freed as the pass moves on, unless somebody else still holds a
    /// part of the graph. Keep a clone to go back a second time. And let go of what you hold without need: logits that stand in
    /// a variable keep everything that they were computed from, and no buffer of it can be used again in the pass
    /// (`drop(logits)`, or hold [`Var::value`]'s clone, or compute the loss in one expression).
    ///
    /// # Panics
    /// If this is not a single element.
    #[must_use = "backward answers the gradients"]
    #[track_caller]
    pub fn backward(self) -> Gradients<T> {
        assert!(self.len() == 1, "backward: not a single element: {} ({} ≠ 1)", self.shape(), self.len());
        let seed = Tensor::ones(*self.shape());
        self.backward_with(seed)
    }

    /// [`Var::backward`] from a cotangent of this variable's shape: the gradients of Σ seed·self.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use = "backward answers the gradients"]
    #[track_caller]
    pub fn backward_with(self, seed: Tensor<T>) -> Gradients<T> {
        assert!(
            self.shape() == seed.shape(),
            "backward: seed does not fit: {} and {}",
            self.shape(),
            seed.shape()
        );
        let mut gradients = Gradients::default();
        let Some(node) = self.into_parts().1 else { return gradients };
        let mut queue: Queue<T, Tensor<T>> = BTreeMap::new();
        arrive(&node, seed, &mut queue, &mut gradients);
        drop(node);
        with_recording(false, || {
            while let Some((id, waiting)) = queue.pop_last() {
                let (mut node, g) = *waiting;
                // What nobody else holds belongs to the rule from here on, and is freed behind it.
                let saved = match Arc::get_mut(&mut node) {
                    Some(node) => node.take_saved(),
                    None => node.saved(),
                };
                let Some(step) = &node.step else { continue };
                gradients.updates.extend(step.op.updates().iter().map(|update| (id, update.clone())));
                let cotangents = first_order(step, saved, g);
                for (edge, cotangent) in node.inputs.iter().zip(cotangents) {
                    if let (Some(input), Some(cotangent)) = (&edge.node, cotangent) {
                        let fits = *cotangent.shape() == edge.shape;
                        let cotangent = if fits { cotangent } else { cotangent.sum_to(&edge.shape) };
                        arrive(input, cotangent, &mut queue, &mut gradients);
                    }
                }
            }
        });
        gradients.updates.sort_by_key(|&(id, _)| id);
        gradients
    }
}

/// Adds a cotangent to what has arrived at a node: leaves keep it, operations wait for the rest of theirs.
fn arrive<T: Float>(
    node: &Arc<Node<T>>,
    cotangent: Tensor<T>,
    queue: &mut Queue<T, Tensor<T>>,
    gradients: &mut Gradients<T>,
) {
    if node.step.is_none() {
        return gradients.add(LeafId(node.id), cotangent);
    }
    match queue.entry(node.id) {
        Entry::Occupied(mut waiting) => accumulate(&mut waiting.get_mut().1, cotangent),
        Entry::Vacant(place) => {
            place.insert(Box::new((Arc::clone(node), cotangent)));
        }
    }
}

/// The cotangents of an operation's inputs as plain tensors: by the fused rule if there is one.
fn first_order<T: Float>(step: &Step<T>, mut saved: Saved<Tensor<T>>, g: Tensor<T>) -> Cotangents<Tensor<T>> {
    let g = match step.op.vjp_fused(&mut saved, g) {
        Ok(cotangents) => return cotangents,
        Err(g) => g,
    };
    let saved = Saved {
        inputs: saved.inputs.into_iter().map(|x| x.map(Var::constant)).collect(),
        output: saved.output.map(Var::constant),
        shapes: saved.shapes,
        wanted: saved.wanted,
    };
    let cotangents = step.op.vjp(&saved, &Var::constant(g));
    cotangents.into_iter().map(|c| c.map(Var::into_value)).collect()
}

/// The cotangents of a node's inputs as variables, differentiable in turn.
fn any_order<T: Float>(node: &Arc<Node<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
    let Some(step) = &node.step else { return Vec::new() };
    let Saved { inputs, output, shapes, wanted } = node.saved();
    let input = |(edge, value): (&Edge<T>, Option<Tensor<T>>)| {
        value.map(|value| Var::with_node(value, edge.node.clone()))
    };
    let saved = Saved {
        inputs: node.inputs.iter().zip(inputs).map(input).collect(),
        output: output.map(|value| Var::with_node(value, Some(Arc::clone(node)))),
        shapes,
        wanted,
    };
    step.op.vjp(&saved, g)
}

/// The gradients of Σ `y` with respect to `xs` (leaves or results), as variables that can be differentiated again
/// (PyTorch: `torch.autograd.grad(…, create_graph=True)`). Where `y` does not depend on one, noughts.
///
/// ```
/// use gradus_autodiff::{Var, grad};
/// let x = Var::leaf(3.0_f64);
/// let first = grad(&x.powf(3.0), &[&x]).remove(0); // 3x²
/// let second = grad(&first, &[&x]).remove(0); // 6x
/// assert_eq!((first.item(), second.item()), (27.0, 18.0));
/// ```
#[must_use]
pub fn grad<T: Float>(y: &Var<T>, xs: &[&Var<T>]) -> Vec<Var<T>> {
    grad_with(y, &Var::constant(Tensor::ones(*y.shape())), xs)
}

/// The gradients of Σ `seed`·`y` with respect to `xs`: a vector–Jacobian product. See [`grad`].
///
/// # Panics
/// If `seed` has not `y`'s shape.
#[must_use]
#[track_caller]
pub fn grad_with<T: Float>(y: &Var<T>, seed: &Var<T>, xs: &[&Var<T>]) -> Vec<Var<T>> {
    assert!(y.shape() == seed.shape(), "grad: seed does not fit: {} and {}", y.shape(), seed.shape());
    let oldest = xs.iter().filter_map(|x| x.node()).map(|node| node.id).min();
    let mut found: BTreeMap<u64, Var<T>> = BTreeMap::new();
    if let (Some(node), Some(oldest)) = (y.node(), oldest) {
        let wanted: std::collections::BTreeSet<u64> =
            xs.iter().filter_map(|x| x.node()).map(|n| n.id).collect();
        let mut queue: Queue<T, Var<T>> =
            BTreeMap::from([(node.id, Box::new((Arc::clone(node), seed.clone())))]);
        while let Some((id, waiting)) = queue.pop_last() {
            let (node, g) = *waiting;
            if wanted.contains(&id) {
                found.insert(id, g.clone());
            }
            for (edge, cotangent) in node.inputs.iter().zip(any_order(&node, &g)) {
                if let (Some(input), Some(cotangent)) = (&edge.node, cotangent)
                    && input.id >= oldest
                {
                    let cotangent = cotangent.sum_to(&edge.shape);
                    let sum = match queue.remove(&input.id) {
                        Some(waiting) => waiting.1 + cotangent,
                        None => cotangent,
                    };
                    queue.insert(input.id, Box::new((Arc::clone(input), sum)));
                }
            }
        }
    }
    let take = |x: &&Var<T>| match x.node().and_then(|node| found.get(&node.id)) {
        Some(g) => g.clone(),
        None => Var::constant(Tensor::zeros(*x.shape())),
    };
    xs.iter().map(take).collect()
}
