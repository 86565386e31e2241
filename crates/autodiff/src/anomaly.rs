//! Finds where the first NaN or infinity comes from, per thread, while a closure runs. It looks at values only, and knows no
//! operation.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
use std::fmt::{self, Write};
use std::panic::Location;

use gradus_tensor::{Float, Shape, Tensor};

use crate::node::{LeafId, Node};
use crate::var::Var;

/// What happens at an anomaly.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Watch {
    Off,
    Panic,
    Note,
}

thread_local! {
    static WATCH: Cell<Watch> = const { Cell::new(Watch::Off) };
    static NOTED: RefCell<Option<Anomaly>> = const { RefCell::new(None) };
}

pub(crate) fn is_watching() -> bool {
    WATCH.get() != Watch::Off
}

fn with_watch<R>(watch: Watch, f: impl FnOnce() -> R) -> R {
    struct Restore(Watch);
    impl Drop for Restore {
        fn drop(&mut self) {
            WATCH.set(self.0);
        }
    }
    let _restore = Restore(WATCH.replace(watch));
    f()
}

/// The place where the first NaN or infinity arose: see [`find_anomaly`]. As text it is one sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Anomaly {
    /// The operation's name.
    pub op: String,
    /// The leaf that the operation reads, or the nearest one before it: a parameter that tells the layer.
    pub leaf: Option<LeafId>,
    message: String,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// The nearest leaf among `from` and what they were made of.
fn nearest_leaf<'n, T: Float>(from: impl Iterator<Item = Option<&'n Node<T>>>) -> Option<LeafId> {
    let mut seen = BTreeSet::new();
    let mut queue: VecDeque<&Node<T>> = from.flatten().collect();
    while let Some(node) = queue.pop_front() {
        if node.step.is_none() {
            return Some(LeafId(node.id));
        }
        if seen.insert(node.id) {
            queue.extend(node.inputs.iter().filter_map(|edge| edge.node.as_deref()));
        }
    }
    None
}

/// Panics or notes, as is wanted.
#[track_caller]
fn met(op: &str, leaf: Option<LeafId>, message: String) {
    match WATCH.get() {
        Watch::Off => {}
        Watch::Panic => panic!("{message}"),
        Watch::Note => NOTED.with_borrow_mut(|noted| {
            noted.get_or_insert(Anomaly { op: op.to_owned(), leaf, message });
        }),
    }
}

/// Runs a rule, whose own operations are not what the user wrote.
pub(crate) fn unwatched<R>(f: impl FnOnce() -> R) -> R {
    if is_watching() { with_watch(Watch::Off, f) } else { f() }
}

/// Runs `f` and panics where the first NaN or infinity arises (PyTorch: `torch.autograd.detect_anomaly`), at the place in the
/// program that is to blame and with the operation's name:
///
/// * an operation's value holds a NaN and none of its inputs does, or an infinity and all its inputs are finite;
/// * an operation reads a leaf or constant that holds a NaN (infinite ones are let through: masks have them);
/// * in [`Var::backward`] and [`grad`](crate::grad), the same of a rule's cotangents, and the message says where the operation was
///   called; or cotangents that come together at one operation add up to such a value.
///
/// Forward and backward pass must both run inside to be watched. Works under [`no_grad`](crate::no_grad) too. The cost is one
/// more reading of every operation's inputs and value and of every cotangent, on one thread, and buffers that the backward pass
/// would otherwise have written into stay as they are: for finding a fault, not for training.
///
/// ```should_panic
/// use gradus_autodiff::{Var, detect_anomaly};
/// let x = Var::leaf([4.0_f32, -1.0]);
/// // ln: NaN in its value [2] at [1], its inputs [2] have none; called at src/main.rs:5:23
/// detect_anomaly(|| x.ln().sum().backward());
/// ```
///
/// # Panics
/// At the first anomaly.
pub fn detect_anomaly<R>(f: impl FnOnce() -> R) -> R {
    with_watch(Watch::Panic, f)
}

/// [`detect_anomaly`] without a panic: runs `f` to its end and answers with what it gave and the first anomaly, if there was one.
///
/// ```
/// use gradus_autodiff::{Anomaly, Var, find_anomaly};
/// let x = Var::leaf([4.0_f32, -1.0]);
/// let (_, found) = find_anomaly(|| x.ln().sum().backward());
/// let anomaly: Anomaly = found.ok_or("ln(-1) is no number")?;
/// assert_eq!((anomaly.op.as_str(), anomaly.leaf), ("ln", x.leaf_id()));
/// assert!(anomaly.to_string().starts_with("ln: NaN in its value [2] at [1]"));
/// # Ok::<(), &str>(())
/// ```
pub fn find_anomaly<R>(f: impl FnOnce() -> R) -> (R, Option<Anomaly>) {
    let before = NOTED.take();
    let result = with_watch(Watch::Note, f);
    (result, NOTED.replace(before))
}

/// The flat places of the first NaN and the first infinity.
#[derive(Clone, Copy, Default)]
struct Flaws {
    nan: Option<usize>,
    infinite: Option<usize>,
}

impl Flaws {
    fn of<T: Float>(x: &Tensor<T>) -> Self {
        let dense = x.contiguous();
        let Some(values) = dense.as_slice() else { return Self::default() };
        // Most tensors have neither, which a loop without branches tells.
        if values.iter().fold(T::ZERO, |sum, &v| sum + v * T::ZERO) == T::ZERO {
            return Self::default();
        }
        let first = |bad: fn(T) -> bool| values.iter().position(|&v| bad(v));
        Self { nan: first(T::is_nan), infinite: first(T::is_infinite) }
    }

    fn of_all<'a, T: Float>(tensors: impl Iterator<Item = &'a Tensor<T>>) -> Self {
        tensors
            .map(Self::of)
            .fold(Self::default(), |a, b| Self { nan: a.nan.or(b.nan), infinite: a.infinite.or(b.infinite) })
    }

    /// What is new beside `before`, by name and flat place.
    fn beyond(self, before: Self) -> Option<(&'static str, usize)> {
        match (self.nan, self.infinite) {
            (Some(at), _) if before.nan.is_none() => Some(("NaN", at)),
            (_, Some(at)) if before.nan.is_none() && before.infinite.is_none() => Some(("infinity", at)),
            _ => None,
        }
    }
}

/// The index of the element at `flat` in row-major order.
fn index(shape: &Shape, flat: usize) -> Shape {
    let mut index = *shape;
    let mut rest = flat;
    for axis in (0..shape.len()).rev() {
        index[axis] = rest % shape[axis];
        rest /= shape[axis];
    }
    index
}

/// Looks at a value that an operation has just computed from `inputs`.
#[track_caller]
pub(crate) fn check_value<T: Float>(op: &str, inputs: &[&Var<T>], value: &Tensor<T>) {
    let leaf = || nearest_leaf(inputs.iter().map(|x| x.node().map(|node| &**node)));
    for (i, x) in inputs.iter().enumerate() {
        let is_source = x.node().is_none_or(|node| node.step.is_none());
        if is_source && let Some(at) = Flaws::of(x.value()).nan {
            let kind = if x.has_gradient() { "leaf" } else { "constant" };
            let (shape, at, place) = (x.shape(), index(x.shape(), at), Location::caller());
            let message = format!("{op}: NaN in its input {i}, a {kind} {shape} at {at}; called at {place}");
            met(op, leaf(), message);
        }
    }
    let before = Flaws::of_all(inputs.iter().map(|x| x.value()));
    if let Some((what, at)) = Flaws::of(value).beyond(before) {
        let (shape, mut shapes) = (value.shape(), String::new());
        for x in inputs {
            let _ = write!(shapes, "{}{}", if shapes.is_empty() { "" } else { ", " }, x.shape());
        }
        let (at, place) = (index(shape, at), Location::caller());
        let message = format!(
            "{op}: {what} in its value {shape} at {at}, its inputs {shapes} have none; called at {place}"
        );
        met(op, leaf(), message);
    }
}

/// Looks at what a rule made of `g`.
#[track_caller]
pub(crate) fn check_rule<'a, T: Float>(
    node: &Node<T>,
    g: &Tensor<T>,
    cotangents: impl Iterator<Item = Option<&'a Tensor<T>>>,
) {
    let Some(step) = &node.step else { return };
    let (op, place): (_, &Location) = (step.op.name(), step.place);
    let leaf = || nearest_leaf(node.inputs.iter().map(|edge| edge.node.as_deref()));
    let none = Flaws::default();
    if let Some((what, at)) = Flaws::of(g).beyond(none) {
        let (shape, at) = (g.shape(), index(g.shape(), at));
        let message =
            format!("backward: {what} in the cotangent {shape} at {at} that reaches {op}, called at {place}");
        met(op, leaf(), message);
    }
    for (i, c) in cotangents.enumerate().filter_map(|(i, c)| Some((i, c?))) {
        if let Some((what, at)) = Flaws::of(c).beyond(none) {
            let (shape, at) = (c.shape(), index(c.shape(), at));
            let message = format!(
                "backward: {op}: {what} in the cotangent of its input {i} {shape} at {at}; called at {place}"
            );
            met(op, leaf(), message);
        }
    }
}
