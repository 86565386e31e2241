//! `Var`: a tensor that remembers how it was made.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use gradus_tensor::{Float, Shape, Tensor};

use crate::anomaly;
use crate::mode::is_recording;
use crate::node::{Edge, Kept, LeafId, Node, Step, next_id};
use crate::op::Op;
use crate::ops::Reshape;

/// A differentiable tensor: a value, and, if a gradient may be asked for, the operation that made it.
///
/// Cloning shares both. What needs no gradient (a constant, or anything computed under [`crate::no_grad`]) carries no
/// graph at all.
///
/// ```
/// use gradus_autodiff::Var;
/// let x = Var::leaf([1.0_f32, 2.0, 3.0]);
/// let loss = (x.square() * 2.0).sum();
/// assert_eq!(loss.item(), 28.0);
/// assert_eq!(loss.backward().of(&x).unwrap().to_vec(), [4.0, 8.0, 12.0]);
/// ```
pub struct Var<T: Float = f32> {
    value: Tensor<T>,
    node: Option<Arc<Node<T>>>,
}

impl<T: Float> Clone for Var<T> {
    fn clone(&self) -> Self {
        Self { value: self.value.clone(), node: self.node.clone() }
    }
}

impl<T: Float> Var<T> {
    /// A constant: no gradient flows into it.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (x, c) = (Var::leaf([3.0_f32]), Var::constant([2.0_f32]));
    /// assert!(x.has_gradient() && !c.has_gradient());
    /// let gradients = (&x * &c).backward();
    /// assert_eq!((gradients.of(&x).map(|g| g.item()), gradients.of(&c)), (Some(2.0), None));
    /// ```
    #[must_use]
    pub fn constant(value: impl Into<Tensor<T>>) -> Self {
        Self { value: value.into(), node: None }
    }

    /// A new leaf: gradients are computed for it (PyTorch: `requires_grad_()`).
    #[must_use]
    pub fn leaf(value: impl Into<Tensor<T>>) -> Self {
        let node = Node { id: next_id(), inputs: Vec::new(), step: None };
        Self { value: value.into(), node: Some(Arc::new(node)) }
    }

    pub(crate) fn with_node(value: Tensor<T>, node: Option<Arc<Node<T>>>) -> Self {
        Self { value, node }
    }

    pub(crate) fn node(&self) -> Option<&Arc<Node<T>>> {
        self.node.as_ref()
    }

    pub(crate) fn into_parts(self) -> (Tensor<T>, Option<Arc<Node<T>>>) {
        (self.value, self.node)
    }

    /// The value.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let mut x = Var::leaf([[1.0_f32, 2.0]]);
    /// *x.value_mut() *= 2.0;
    /// assert_eq!(x.value().to_vec(), [2.0, 4.0]);
    /// assert_eq!((x.shape()[..] == [1, 2], x.rank(), x.dim(-1), x.len(), x.is_empty()), (true, 2, 2, 2, false));
    /// assert_eq!(x.dims(), [1, 2]);
    /// assert_eq!(x.into_value().to_vec(), [2.0, 4.0]);
    /// ```
    #[must_use]
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value, to write: for leaves, whose value is data (parameters under an optimizer). The graph that was built
    /// from the old value keeps it.
    pub fn value_mut(&mut self) -> &mut Tensor<T> {
        if self.node.as_ref().is_some_and(|node| node.step.is_some()) {
            // The op that made a result could no longer compute it again.
            let shape = *self.shape();
            *self = record(Reshape(shape), &[&*self], self.value.clone());
        }
        &mut self.value
    }

    /// The value alone.
    #[must_use]
    pub fn into_value(self) -> Tensor<T> {
        self.value
    }

    /// The same value as a constant (PyTorch: `detach`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32]);
    /// let y = x.detach() * &x; // 3·x
    /// assert_eq!(y.backward().of(&x).map(|g| g.item()), Some(3.0));
    /// ```
    #[must_use]
    pub fn detach(&self) -> Self {
        Self::constant(self.value.clone())
    }

    /// Whether a gradient can be asked for.
    #[must_use]
    pub fn has_gradient(&self) -> bool {
        self.node.is_some()
    }

    /// The name of this leaf; `None` for constants and results.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32]);
    /// assert!(x.leaf_id().is_some());
    /// assert_eq!((x.square().leaf_id(), Var::constant([3.0_f32]).leaf_id()), (None, None));
    /// ```
    #[must_use]
    pub fn leaf_id(&self) -> Option<LeafId> {
        self.node.as_ref().filter(|node| node.step.is_none()).map(|node| LeafId(node.id))
    }

    /// The axis lengths.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        self.value.shape()
    }

    /// The number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.value.rank()
    }

    /// The axis lengths as an array: `let [b, t, c] = x.dims();`
    ///
    /// # Panics
    /// If there are not `N` axes.
    #[must_use]
    #[track_caller]
    pub fn dims<const N: usize>(&self) -> [usize; N] {
        self.value.dims()
    }

    /// The length of one axis; −1 is the last.
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn dim(&self, axis: isize) -> usize {
        self.value.dim(axis)
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.value.len()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.value.is_empty()
    }

    /// The only element, as `f64`.
    ///
    /// # Panics
    /// If there is not exactly one.
    #[must_use]
    #[track_caller]
    pub fn item(&self) -> f64 {
        self.value.item().as_f64()
    }
}

/// The most inputs that are looked at without a heap allocation.
const FEW: usize = 4;

/// Runs an operation and, if an input has a gradient and recording is on, records it.
///
/// ```
/// use gradus_autodiff::{Cotangents, Op, Save, Saved, Var, apply};
/// use gradus_tensor::Tensor;
///
/// struct Double;
/// impl Op<f32> for Double {
///     fn name(&self) -> &'static str { "double" }
///     fn saves(&self) -> Save { Save::NOTHING }
///     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor { inputs[0] * 2.0 }
///     fn vjp(&self, _: &Saved<Var>, g: &Var) -> Cotangents<Var> { vec![Some(g * 2.0)] }
/// }
/// let x = Var::leaf([3.0_f32]);
/// let y = apply(Double, &[&x]);
/// assert_eq!((y.item(), y.backward().of(&x).map(|g| g.item())), (6.0, Some(2.0)));
/// ```
#[must_use]
#[track_caller]
pub fn apply<T: Float, O: Op<T>>(mut op: O, inputs: &[&Var<T>]) -> Var<T> {
    let value = match inputs {
        [a] => op.forward(&[&a.value]),
        [a, b] => op.forward(&[&a.value, &b.value]),
        [a, b, c] => op.forward(&[&a.value, &b.value, &c.value]),
        [a, b, c, d] => op.forward(&[&a.value, &b.value, &c.value, &d.value]),
        more => op.forward(&more.iter().map(|x| &x.value).collect::<Vec<_>>()),
    };
    if anomaly::is_watching() {
        anomaly::check_value(op.name(), inputs, &value);
    }
    debug_assert!(inputs.len() <= FEW || inputs.len() <= 32 || op.saves() == crate::Save::NOTHING);
    if !is_recording() || inputs.iter().all(|x| x.node.is_none()) {
        return Var::constant(value);
    }
    record(op, inputs, value)
}

/// The result `value` of an operation, as a node of the graph.
#[track_caller]
pub(crate) fn record<T: Float, O: Op<T>>(op: O, inputs: &[&Var<T>], value: Tensor<T>) -> Var<T> {
    let saves = op.saves();
    let edge = |(i, x): (usize, &&Var<T>)| {
        let kept = match &x.node {
            _ if i >= 32 || !saves.has_input(i) => Kept::Nothing,
            Some(node) if node.computes_again(&x.value) => Kept::Again,
            _ => Kept::Value(x.value.clone()),
        };
        Edge { node: x.node.clone(), shape: *x.shape(), kept }
    };
    let step = Step {
        op: Box::new(op),
        output: saves.has_output().then(|| value.clone()),
        place: Location::caller(),
    };
    let node =
        Node { id: next_id(), inputs: inputs.iter().enumerate().map(edge).collect(), step: Some(step) };
    Var { value, node: Some(Arc::new(node)) }
}

impl<T: Float> From<Tensor<T>> for Var<T> {
    fn from(value: Tensor<T>) -> Self {
        Self::constant(value)
    }
}

impl<T: Float> From<&Tensor<T>> for Var<T> {
    fn from(value: &Tensor<T>) -> Self {
        Self::constant(value.clone())
    }
}

impl<T: Float> From<&Var<T>> for Var<T> {
    fn from(value: &Var<T>) -> Self {
        value.clone()
    }
}

impl<T: Float> fmt::Debug for Var<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Var<{}>{} ", T::DTYPE, self.shape())?;
        match self.node.as_deref() {
            None => f.write_str("(constant)"),
            Some(Node { step: None, .. }) => f.write_str("(leaf)"),
            Some(Node { step: Some(step), .. }) => write!(f, "({} at {})", step.op.name(), step.place),
        }
    }
}
