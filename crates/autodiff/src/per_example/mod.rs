//! The gradients of many losses at once, example by example. One backward pass carries the cotangents of all examples together,
//! where they do not meet; where a parameter is read, it keeps them apart. It must never know an operation: what each does with
//! the examples it says itself, in `Op::per_example`.

mod batch;

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

use gradus_tensor::{Float, Shape, Tensor};

pub use self::batch::{Batch, Place};
use crate::engine::{Aim, first_order, sweep};
use crate::gradients::accumulate;
use crate::mode::with_recording;
use crate::node::{Edge, LeafId, Node};
use crate::var::Var;

/// How the examples of an output's cotangent go on to an input, as [`Op::per_example`](crate::Op::per_example) answers it.
///
/// ```
/// use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply, per_example_gradients};
/// use gradus_tensor::Tensor;
///
/// struct Double;
/// impl Op<f32> for Double {
///     fn name(&self) -> &'static str { "double" }
///     fn saves(&self) -> Save { Save::NOTHING }
///     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor { inputs[0] * 2.0 }
///     fn vjp(&self, _: &Saved<Var>, g: &Var) -> Cotangents<Var> { vec![Some(g * 2.0)] }
///     fn per_example(&self, _: &Saved<Tensor>, _: &Tensor, batch: Batch) -> Option<Vec<Flow<f32>>> {
///         Some(vec![Flow::Along(batch)]) // each number comes from its own
///     }
/// }
/// let (x, w) = (Var::constant([[1.0_f32], [2.0]]), Var::leaf([[1.0]]));
/// let losses = apply(Double, &[&x.linear(&w, None)]).square().sum_axes(&[1], false); // (2·x·w)²
/// assert_eq!(per_example_gradients(&losses, &[&w])[0].to_vec(), [8.0, 32.0]);
/// ```
#[derive(Clone, Debug)]
pub enum Flow<T: Float> {
    /// The input holds the examples too, and what one example's output depends on lies in its own part of the input. The
    /// cotangent comes from the op's usual rule.
    Along(Batch),
    /// The op broadcasts its inputs to the output's axes, and the usual rule's cotangent has all the output's axes. Whether the
    /// input holds the examples or is shared by them follows from its shape.
    Broadcast,
    /// The examples share the input: its cotangents, one for each, `[N, …input]`.
    Each(Tensor<T>),
}

/// The cotangents of all examples at one node: in one tensor of the node's shape, where each has its own part, or `[N, …]`.
#[derive(Clone)]
enum Form<T: Float> {
    Along(Batch, Tensor<T>),
    Each(Tensor<T>),
}

impl<T: Float> Form<T> {
    /// Adds `more` if it has the same form, else gives it back.
    fn add(&mut self, more: Self) -> Option<Self> {
        match (self, more) {
            (Form::Along(a, sum), Form::Along(b, more)) if *a == b => accumulate(sum, more),
            (Form::Each(sum), Form::Each(more)) => accumulate(sum, more),
            (_, more) => return Some(more),
        }
        None
    }

    /// The cotangent of example `n`.
    fn of(&self, n: usize) -> Tensor<T> {
        match self {
            Form::Along(batch, g) => batch.alone(g, n),
            Form::Each(g) => g.select(0, n),
        }
    }

    fn each(self) -> Tensor<T> {
        match self {
            Form::Along(batch, g) => batch.apart(&g),
            Form::Each(g) => g,
        }
    }
}

/// What goes on from a node, and where to.
type Onward<T> = Vec<(Arc<Node<T>>, Form<T>)>;

/// What waits at a node.
type Waiting<T> = Box<(Arc<Node<T>>, Vec<Form<T>>)>;

struct Pass<T: Float> {
    aim: Aim,
    queue: BTreeMap<u64, Waiting<T>>,
    /// `[N, …]` by node.
    found: BTreeMap<LeafId, Tensor<T>>,
    /// Where the examples cannot be kept apart in one pass.
    left: Vec<(Arc<Node<T>>, Form<T>)>,
}

impl<T: Float> Pass<T> {
    fn keep(&mut self, id: u64, form: Form<T>) {
        match self.found.entry(LeafId(id)) {
            Entry::Occupied(mut sum) => accumulate(sum.get_mut(), form.each()),
            Entry::Vacant(place) => {
                place.insert(form.each());
            }
        }
    }

    fn arrive(&mut self, node: &Arc<Node<T>>, form: Form<T>) {
        if node.step.is_none() {
            return self.keep(node.id, form);
        }
        let waiting = self.queue.entry(node.id).or_insert_with(|| Box::new((Arc::clone(node), Vec::new())));
        let rest = waiting.1.iter_mut().try_fold(form, |form, sum| sum.add(form).ok_or(()));
        if let Ok(form) = rest {
            waiting.1.push(form);
        }
    }

    fn run(&mut self) {
        while let Some((_, waiting)) = self.queue.pop_last() {
            let (node, forms) = *waiting;
            for form in forms {
                let on = match &form {
                    Form::Along(batch, g) => self.along(&node, *batch, g),
                    Form::Each(g) => self.each(&node, g),
                };
                match on {
                    None => self.left.push((Arc::clone(&node), form)),
                    Some(on) => {
                        if self.aim.keeps(node.id) {
                            self.keep(node.id, form);
                        }
                        on.into_iter().for_each(|(input, form)| self.arrive(&input, form));
                    }
                }
            }
        }
    }

    /// What goes on from a cotangent in which each example has its part; `None` if the op does not keep them apart.
    fn along(&self, node: &Node<T>, batch: Batch, g: &Tensor<T>) -> Option<Onward<T>> {
        let step = node.step.as_ref()?;
        let mut saved = node.saved(self.aim.bits(node));
        let flows = step.op.per_example(&saved, g, batch)?;
        let by_rule = |i: usize| !matches!(flows.get(i), Some(Flow::Each(_)));
        saved.wanted &= (0..32).map(|i| u32::from(by_rule(i)) << i).sum::<u32>();
        let asks = |(i, edge): (usize, &Edge<T>)| {
            by_rule(i) && edge.node.as_ref().is_some_and(|input| self.aim.takes(input))
        };
        let is_asked = node.inputs.iter().enumerate().any(asks);
        let cotangents = if is_asked { first_order(node, saved, g.clone()) } else { Vec::new() };
        let mut cotangents = cotangents.into_iter();
        let mut on = Vec::new();
        for (edge, flow) in node.inputs.iter().zip(flows) {
            let cotangent = cotangents.next().flatten();
            let Some(input) = edge.node.as_ref().filter(|input| self.aim.takes(input)) else { continue };
            let form = match (flow, cotangent) {
                (Flow::Each(each), _) => Form::Each(each),
                (_, None) => continue,
                (Flow::Along(to), Some(c)) => Form::Along(to, fitted(c, &edge.shape)),
                (Flow::Broadcast, Some(c)) => match batch.aligned(g.shape(), &edge.shape) {
                    Some(to) => Form::Along(to, fitted(c, &edge.shape)),
                    None => Form::Each(batch.sum_to(&stretched(c, g.shape()), &edge.shape)?),
                },
            };
            on.push((Arc::clone(input), form));
        }
        Some(on)
    }

    /// What goes on from a cotangent for each example; `None` if the op has no rule for it.
    fn each(&self, node: &Node<T>, g: &Tensor<T>) -> Option<Onward<T>> {
        let step = node.step.as_ref()?;
        let cotangents = step.op.vjp_each(&node.saved(self.aim.bits(node)), g)?;
        let edges = node.inputs.iter().zip(cotangents);
        let on = edges.filter_map(|(edge, c)| Some((Arc::clone(edge.node.as_ref()?), Form::Each(c?))));
        Some(on.filter(|(input, _)| self.aim.takes(input)).collect())
    }

    /// One usual pass for each example, from where they could not be kept apart.
    fn finish(&mut self, count: usize) {
        if self.left.is_empty() {
            return;
        }
        let mut rows: BTreeMap<LeafId, Vec<(usize, Tensor<T>)>> = BTreeMap::new();
        for n in 0..count {
            let seeds = self.left.iter().map(|(node, form)| (Arc::clone(node), form.of(n))).collect();
            for (id, row) in sweep::<T, Tensor<T>>(seeds, &self.aim).cotangents {
                rows.entry(id).or_default().push((n, row));
            }
        }
        for (id, rows) in rows {
            let none = Tensor::zeros(*rows[0].1.shape());
            let mut rows = rows.into_iter().peekable();
            let all: Vec<Tensor<T>> = (0..count)
                .map(|n| rows.next_if(|row| row.0 == n).map_or_else(|| none.clone(), |r| r.1))
                .collect();
            self.keep(id.0, Form::Each(Tensor::stack(&all.iter().collect::<Vec<_>>(), 0)));
        }
    }
}

fn fitted<T: Float>(c: Tensor<T>, shape: &Shape) -> Tensor<T> {
    if c.shape() == shape { c } else { c.sum_to(shape) }
}

/// A rule may answer a cotangent that broadcasts to the output's axes (it did not read the output's cotangent: noughts).
fn stretched<T: Float>(c: Tensor<T>, shape: &Shape) -> Tensor<T> {
    if c.rank() == shape.len() { c } else { c.expand(*shape) }
}

/// The gradient of each of N losses: losses `[N]`, parameters p → a tensor `[N, …p]` for each, whose part n is the gradient of
/// loss n alone (PyTorch: `vmap(grad(…))`; Opacus: `grad_sample`). Their sum over N is what [`Var::backward_with`] ones gives.
///
/// For losses that come from N examples side by side this is one backward pass, without a loop over the examples: linear layers,
/// matrix products, convolutions, embeddings, broadcast parameters and normalisation of each example keep the examples apart.
/// Operations that cannot (recurrent layers, [`checkpoint`](crate::checkpoint), operations of your own until they have
/// [`Op::per_example`](crate::Op::per_example)) cost one usual pass for each example from there on. The answer is the gradient of loss
/// n in any case. Where examples meet in the forward pass it says what that means: through batch normalisation in training mode the
/// gradient of loss n runs through the other examples too, as the batch's statistics do. It is no measure of one example's influence
/// then, and private training must do without such layers (as Opacus demands).
///
/// ```
/// use gradus_autodiff::{Var, per_example_gradients};
/// let (x, w) = (Var::constant([[1.0_f32, 2.0], [3.0, 4.0]]), Var::leaf([[1.0, 1.0]]));
/// let losses = x.linear(&w, None).square().sum_axes(&[1], false); // [N]
/// let gradients = per_example_gradients(&losses, &[&w]).remove(0); // [N, 1, 2]
/// assert_eq!(gradients.to_vec(), [6.0, 12.0, 42.0, 56.0]);
/// ```
///
/// # Panics
/// If the losses are not one for each example, or a parameter has too many axes for one more.
#[must_use]
#[track_caller]
pub fn per_example_gradients<T: Float>(losses: &Var<T>, parameters: &[&Var<T>]) -> Vec<Tensor<T>> {
    let shape = losses.shape();
    assert!(
        shape.len() == 1,
        "per_example_gradients: the losses are not one for each example: {shape} ({} axes ≠ 1)",
        shape.len()
    );
    for (i, p) in parameters.iter().enumerate() {
        let (shape, rank) = (p.shape(), p.rank() + 1);
        let most = gradus_tensor::MAX_RANK;
        assert!(
            rank <= most,
            "per_example_gradients: too many axes: parameter {i} {shape} ({rank} > {most})"
        );
    }
    let count = shape[0];
    let aim = Aim::at(parameters);
    let mut pass = Pass { aim, queue: BTreeMap::new(), found: BTreeMap::new(), left: Vec::new() };
    if let Some(node) = losses.node().filter(|node| count > 0 && pass.aim.takes(node)) {
        let seed = Tensor::ones(*shape);
        with_recording(false, || {
            if count > 1 {
                pass.arrive(node, Form::Along(Batch { count, outer: 1 }, seed));
                pass.run();
            } else {
                pass.left.push((Arc::clone(node), Form::Each(seed.unsqueeze(0))));
            }
            pass.finish(count);
        });
    }
    let take = |p: &&Var<T>| match p.node().and_then(|node| pass.found.get(&LeafId(node.id))) {
        Some(found) => found.clone(),
        None => Tensor::zeros(p.shape().insert(0, count)),
    };
    parameters.iter().map(take).collect()
}
