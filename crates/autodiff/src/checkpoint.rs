//! Memory for time: what a function computed on its way is not kept, but computed again when the backward pass comes by. It must
//! never know layers or random numbers; those who have them give a function that repeats itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use gradus_tensor::{Float, Shape, Tensor};

use crate::alias::renamed;
use crate::engine::{Aim, sweep};
use crate::gradients::Update;
use crate::mode::{is_recording, no_grad, with_recording};
use crate::node::{LeafId, Node, next_id};
use crate::op::{Cotangents, Op, Save, Saved};
use crate::var::{Var, record};

type Function<T> = Box<dyn Fn(&[Var<T>]) -> Var<T> + Send + Sync>;

/// Inputs: the function's arguments, then what it captured.
struct Checkpoint<T: Float> {
    again: Function<T>,
    arguments: usize,
    /// The numbers of the captured variables' nodes, in the order of the inputs.
    captured: Vec<u64>,
    updates: Vec<Update<T>>,
}

impl<T: Float> Checkpoint<T> {
    /// Computes the function again, and answers the node of its value.
    #[track_caller]
    fn run(&self, arguments: &[Var<T>], shape: &Shape) -> Option<Arc<Node<T>>> {
        let (value, node) = with_recording(true, || (self.again)(arguments)).into_parts();
        let again = value.shape();
        assert!(again == shape, "checkpoint: the second run's value has another shape: {again} and {shape}");
        node
    }

    /// The cotangents in the order of the inputs.
    #[track_caller]
    fn in_order<V>(&self, arguments: &[Var<T>], mut found: BTreeMap<LeafId, V>, floor: u64) -> Cotangents<V> {
        let ids = arguments.iter().map(|x| x.node().map(|node| node.id));
        let ids = ids.chain(self.captured.iter().copied().map(Some));
        let out = ids.map(|id| found.remove(&LeafId(id?))).collect();
        // Leaves that the function made for itself are nobody else's.
        let is_new = found.keys().any(|id| id.0 < floor);
        assert!(!is_new, "checkpoint: the second run reads a variable that the first did not");
        out
    }
}

fn ids<T: Float>(xs: &[Var<T>]) -> impl Iterator<Item = u64> {
    xs.iter().filter_map(|x| x.node()).map(|node| node.id)
}

impl<T: Float> Op<T> for Checkpoint<T> {
    fn name(&self) -> &'static str {
        "checkpoint"
    }

    fn saves(&self) -> Save {
        Save::first(self.arguments)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let arguments: Vec<Var<T>> = inputs[..self.arguments].iter().map(|&x| Var::from(x)).collect();
        no_grad(|| (self.again)(&arguments)).into_value()
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (records, floor) = (is_recording(), next_id());
        with_recording(true, || {
            let own = |i: usize| match saved.input(i) {
                x if saved.wants(i) => renamed(&x),
                x => x.detach(),
            };
            let arguments: Vec<Var<T>> = (0..self.arguments).map(own).collect();
            let seeds = self.run(&arguments, g.shape()).map(|node| (node, g.clone())).into_iter().collect();
            let found = sweep(seeds, &Aim::border(floor, ids(&arguments))).cotangents;
            let cotangents = self.in_order(&arguments, found, floor).into_iter();
            cotangents.map(|c| c.map(|c: Var<T>| if records { c } else { c.detach() })).collect()
        })
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let floor = next_id();
        let own = |i: usize| {
            let x = saved.take_input(i);
            if saved.wants(i) { Var::leaf(x) } else { Var::constant(x) }
        };
        let arguments: Vec<Var<T>> = (0..self.arguments).map(own).collect();
        let seeds = self.run(&arguments, g.shape()).map(|node| (node, g)).into_iter().collect();
        let found = with_recording(false, || sweep(seeds, &Aim::border(floor, ids(&arguments)))).cotangents;
        Ok(self.in_order(&arguments, found, floor))
    }

    fn updates(&self) -> &[Update<T>] {
        &self.updates
    }
}

/// What a function left behind in the graph: the variables that it captured, and the updates of buffers.
struct Survey<T: Float> {
    captured: BTreeMap<u64, Var<T>>,
    updates: Vec<Update<T>>,
}

impl<T: Float> Survey<T> {
    /// Walks from `node`, whose value has `shape`, back to nodes older than `floor`.
    fn new(node: Arc<Node<T>>, shape: Shape, floor: u64) -> Self {
        let mut waiting = BTreeMap::from([(node.id, (node, shape))]);
        let (mut captured, mut updates) = (BTreeMap::new(), Vec::new());
        while let Some((id, (node, shape))) = waiting.pop_last() {
            if id < floor {
                captured.insert(id, Var::with_node(Tensor::ghost(shape), Some(node)));
                continue;
            }
            for edge in &node.inputs {
                if let Some(input) = &edge.node {
                    waiting.entry(input.id).or_insert_with(|| (Arc::clone(input), edge.shape));
                }
            }
            if let Some(step) = &node.step {
                // Collected backwards.
                updates.extend(step.op.updates().iter().rev().cloned());
            }
        }
        updates.reverse();
        Self { captured, updates }
    }
}

/// y = f(inputs…), of which only inputs and value are kept: the backward pass runs `f` once more to get at what lies between
/// (Chen et al. 2016, <https://arxiv.org/abs/1604.06174>; PyTorch: `torch.utils.checkpoint.checkpoint`). Saves the memory of all
/// that `f` would record, for one more forward pass of it. Gradients flow to the inputs and to every variable that `f` captured; they are
/// those of `f` itself, of any order. Updates of buffers ride along once.
///
/// `f` must do the same in each run. Where it draws random numbers, let it start from the same state each time
/// (`Rng::from_state`); `gradus_module::checkpoint` does that for layers.
///
/// ```
/// use gradus_autodiff::{Var, checkpoint};
/// let (x, w) = (Var::leaf([1.0_f64, 2.0]), Var::leaf([3.0, 4.0]));
/// let captured = w.clone();
/// let y = checkpoint(move |x| (&x[0] * &captured).sin().exp(), &[&x]);
/// let gradients = y.sum().backward();
/// assert!(gradients.of(&x).is_some() && gradients.of(&w).is_some());
/// ```
///
/// # Panics
/// If there are more than 32 inputs; in the backward pass, if `f` answers another shape or reads other variables than before.
#[must_use]
#[track_caller]
pub fn checkpoint<T: Float>(
    f: impl Fn(&[Var<T>]) -> Var<T> + Send + Sync + 'static,
    inputs: &[&Var<T>],
) -> Var<T> {
    let (first, floor) = first_run(&f, inputs);
    finish(first, Box::new(f), inputs, floor)
}

/// [`checkpoint`] of a function whose first run is written apart from the later ones: `first` may borrow, write down what `again` must
/// start from, and tell others what it does. Both must compute the same.
///
/// ```
/// use gradus_autodiff::{Var, checkpoint_with};
/// let (x, mut runs) = (Var::leaf([1.0_f64, 2.0]), 0);
/// let first = |x: &[Var<f64>]| { runs += 1; x[0].exp().sin() };
/// let y = checkpoint_with(first, |x| x[0].exp().sin(), &[&x]);
/// assert_eq!(runs, 1);
/// assert!(y.sum().backward().of(&x).is_some());
/// ```
///
/// # Panics
/// As [`checkpoint`].
#[must_use]
#[track_caller]
pub fn checkpoint_with<T: Float, F: Fn(&[Var<T>]) -> Var<T> + Send + Sync + 'static>(
    first: impl FnOnce(&[Var<T>]) -> Var<T>,
    again: F,
    inputs: &[&Var<T>],
) -> Var<T> {
    let (first, floor) = first_run(first, inputs);
    finish(first, Box::new(again), inputs, floor)
}

/// Records the first run, so that one can see what it captured, and with leaves in place of the inputs, so that it ends there.
fn first_run<T: Float>(f: impl FnOnce(&[Var<T>]) -> Var<T>, inputs: &[&Var<T>]) -> (Var<T>, u64) {
    let floor = next_id();
    let own = |x: &&Var<T>| {
        let is_leaf = is_recording() && x.has_gradient();
        if is_leaf { Var::leaf(x.value().clone()) } else { x.detach() }
    };
    let own: Vec<Var<T>> = inputs.iter().map(own).collect();
    (f(&own), floor)
}

#[track_caller]
fn finish<T: Float>(first: Var<T>, again: Function<T>, inputs: &[&Var<T>], floor: u64) -> Var<T> {
    let arguments = inputs.len();
    assert!(arguments <= 32, "checkpoint: too many inputs: {arguments} ({arguments} > 32)");
    let (value, node) = first.into_parts();
    let Some(node) = node.filter(|_| is_recording()) else { return Var::constant(value) };
    let Survey { captured, updates } = Survey::new(node, *value.shape(), floor);
    let inputs: Vec<&Var<T>> = inputs.iter().copied().chain(captured.values()).collect();
    let op = Checkpoint { again, arguments, captured: captured.keys().copied().collect(), updates };
    record(op, &inputs, value)
}
