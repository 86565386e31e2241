//! The graph: a node per recorded operation, pointing back at its inputs' nodes. Numbers are handed out in order of
//! creation, which is a topological order. Values live in the nodes only where a derivative reads them.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gradus_tensor::{Float, Shape, Tensor};

use crate::op::{Op, Saved};

/// Names a leaf: gradients are looked up by it.
///
/// ```
/// use gradus_autodiff::{LeafId, Var};
/// let (x, y) = (Var::leaf([1.0_f32]), Var::leaf([1.0_f32]));
/// let name: Option<LeafId> = x.leaf_id();
/// assert!(name == x.clone().leaf_id() && name != y.leaf_id());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LeafId(pub(crate) u64);

pub(crate) fn next_id() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Relaxed)
}

/// Where an operation's input came from.
pub(crate) struct Edge<T: Float> {
    /// `None`: a constant.
    pub(crate) node: Option<Arc<Node<T>>>,
    pub(crate) shape: Shape,
    pub(crate) kept: Kept<T>,
}

/// What a node holds of an input's value.
pub(crate) enum Kept<T: Float> {
    /// The derivative does not read it.
    Nothing,
    Value(Tensor<T>),
    /// The input's node computes it again: it is cheap, and this node would have been the only one to hold it.
    Again,
}

impl<T: Float> Edge<T> {
    /// The value, if the derivative reads it.
    fn value(&self) -> Option<Tensor<T>> {
        match &self.kept {
            Kept::Nothing => None,
            Kept::Value(value) => Some(value.clone()),
            Kept::Again => self.node.as_ref().and_then(|node| node.recompute()),
        }
    }

    /// [`Edge::value`], which the node then does not hold any more.
    fn take(&mut self) -> Option<Tensor<T>> {
        match std::mem::replace(&mut self.kept, Kept::Nothing) {
            Kept::Nothing => None,
            Kept::Value(value) => Some(value),
            Kept::Again => self.node.as_ref().and_then(|node| node.recompute()),
        }
    }
}

pub(crate) struct Step<T: Float> {
    pub(crate) op: Box<dyn Op<T>>,
    pub(crate) output: Option<Tensor<T>>,
    /// Where in the user's program the operation was called.
    pub(crate) place: &'static Location<'static>,
}

/// A leaf (no step) or a recorded operation.
pub(crate) struct Node<T: Float> {
    pub(crate) id: u64,
    pub(crate) inputs: Vec<Edge<T>>,
    pub(crate) step: Option<Step<T>>,
}

/// A value of fewer bytes than this is kept even if it is cheap: an op's overhead would cost more than the memory is worth.
const KEPT: usize = 64 * 1024;

impl<T: Float> Node<T> {
    /// Whether this node's value need not be kept by those who read it. What it is computed from must be at hand: chains of such
    /// nodes are not followed.
    pub(crate) fn computes_again(&self, value: &Tensor<T>) -> bool {
        value.len() * size_of::<T>() >= KEPT
            && self.step.as_ref().is_some_and(|step| step.op.is_cheap())
            && !self.inputs.iter().any(|edge| matches!(edge.kept, Kept::Again))
    }

    fn recompute(&self) -> Option<Tensor<T>> {
        let step = self.step.as_ref()?;
        let value = step.op.recompute(&self.saved(0));
        assert!(
            value.is_some(),
            "{}: says that it is cheap, but does not recompute its value",
            step.op.name()
        );
        value
    }

    /// What the rule may look at; the inputs that have their bit in `wanted` want a cotangent.
    pub(crate) fn saved(&self, wanted: u32) -> Saved<Tensor<T>> {
        let output = self.step.as_ref().and_then(|step| step.output.clone());
        self.saved_with(self.inputs.iter().map(Edge::value).collect(), output, wanted)
    }

    /// [`Node::saved`] for the last time: the node's values change hands.
    pub(crate) fn take_saved(&mut self, wanted: u32) -> Saved<Tensor<T>> {
        let output = self.step.as_mut().and_then(|step| step.output.take());
        let inputs = self.inputs.iter_mut().map(Edge::take).collect();
        self.saved_with(inputs, output, wanted)
    }

    fn saved_with(
        &self,
        inputs: Vec<Option<Tensor<T>>>,
        output: Option<Tensor<T>>,
        wanted: u32,
    ) -> Saved<Tensor<T>> {
        Saved { inputs, output, shapes: self.inputs.iter().map(|edge| edge.shape).collect(), wanted }
    }
}

/// Frees a graph of any depth without recursion: inputs that die with this node are taken apart in a loop.
impl<T: Float> Drop for Node<T> {
    fn drop(&mut self) {
        let mut waiting = std::mem::take(&mut self.inputs);
        while let Some(edge) = waiting.pop() {
            if let Some(mut node) = edge.node.and_then(Arc::into_inner) {
                waiting.append(&mut node.inputs);
            }
        }
    }
}
