//! The graph: a node per recorded operation, pointing back at its inputs' nodes. Numbers are handed out in order of
//! creation, which is a topological order. Values live in the nodes only where a derivative reads them.

use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use gradus_tensor::{Float, Shape, Tensor};

use crate::op::Op;

/// Names a leaf: gradients are looked up by it.
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
    /// The input's value, if the derivative reads it.
    pub(crate) saved: Option<Tensor<T>>,
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
