//! What a model's state is made of: parameters, which optimizers change; buffers, which ride with the gradients;
//! counters. Each is an [`Entry`], so that walks need not know the element type.

use std::any::Any;
use std::ops::Deref;
use std::sync::OnceLock;

use gradus_autodiff::{BufferId, LeafId, Var};
use gradus_tensor::{AnyTensor, DType, Float, PackedMatrix, Shape, Tensor};

/// What an entry is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Changed by optimizers.
    Parameter,
    /// Changed by the forward pass of training (running statistics).
    Buffer,
    /// A count of training steps.
    Counter,
}

/// One named piece of a model's state.
///
/// ```
/// use gradus_module::{Entry, Kind, Param};
/// use gradus_tensor::{AnyTensor, DType, Tensor};
/// let mut weight = Param::new([1.0_f32, 2.0]);
/// let entry: &mut dyn Entry = &mut weight;
/// assert_eq!((entry.kind(), entry.dtype(), entry.shape().count()), (Kind::Parameter, DType::F32, 2));
/// entry.set(&AnyTensor::from(Tensor::from([3.0_f64, 4.0])));
/// assert_eq!(weight.value().to_vec(), [3.0, 4.0]);
/// ```
pub trait Entry: Any {
    /// What it is for.
    fn kind(&self) -> Kind;
    /// Its element type.
    fn dtype(&self) -> DType;
    /// Its axis lengths.
    fn shape(&self) -> Shape;
    /// Its value; shares the storage.
    fn value(&self) -> AnyTensor;
    /// Replaces the value, converting the element type. Callers have checked the shape.
    ///
    /// # Panics
    /// If the shapes differ.
    fn set(&mut self, value: &AnyTensor);
    /// Under which name gradients hold this entry's; `None` if it is not trained.
    fn leaf_id(&self) -> Option<LeafId> {
        None
    }
    /// Stops or starts training it; no effect on what is never trained.
    fn set_trainable(&mut self, _trainable: bool) {}
    /// Becomes another name of `original`, an entry of the same type and value: gradients and updates of either are of both.
    /// No effect where the types differ.
    fn share(&mut self, original: &dyn Entry);
    /// For downcasts to `Param<T>`, `Buffer<T>` or `Counter`.
    fn as_any(&self) -> &dyn Any;
    /// As [`Entry::as_any`], to change it.
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

#[track_caller]
fn check_shape(have: &Shape, given: &Shape) {
    assert!(have == given, "set: shapes differ: {have} and {given}");
}

/// A trained tensor: a leaf of the graph with a value that optimizers change (PyTorch: `nn.Parameter`). Derefs to its [`Var`].
///
/// A clone is a parameter of its own with the same value.
///
/// ```
/// use gradus_module::{Entry, Param};
/// let mut weight = Param::new([1.0_f32, 2.0]);
/// *weight.value_mut() *= 3.0;
/// let gradients = weight.square().sum().backward(); // a method of `Var`
/// assert_eq!(gradients.of(&weight).map(|g| g.to_vec()), Some(vec![6.0, 12.0]));
/// weight.set_trainable(false);
/// assert!(!weight.is_trainable());
/// assert_eq!(weight.value().to_vec(), [3.0, 6.0]);
/// ```
#[derive(Debug)]
pub struct Param<T: Float = f32> {
    var: Var<T>,
    /// The value as [`Param::packed`] answers it. Whatever changes the value goes through `&mut self` here and empties this.
    packed: OnceLock<PackedMatrix<T>>,
}

impl<T: Float> Param<T> {
    /// A parameter that starts from `value`.
    #[must_use]
    pub fn new(value: impl Into<Tensor<T>>) -> Self {
        Self::of(Var::leaf(value))
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &Tensor<T> {
        self.var.value()
    }

    /// The value, to change.
    pub fn value_mut(&mut self) -> &mut Tensor<T> {
        self.packed = OnceLock::new();
        self.var.value_mut()
    }

    /// A variable in a parameter's place: a weight that is computed from others, or another layer's parameter. Gradients go where the
    /// variable comes from. For copies of a layer that live as long as a forward pass; what is written to it reaches nobody.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_module::Param;
    /// let original = Param::new([1.0_f32, 2.0]);
    /// let doubled = Param::standing_for(&*original * 2.0);
    /// assert_eq!(doubled.sum().backward().of(&original).unwrap().to_vec(), [2.0, 2.0]);
    /// ```
    #[must_use]
    pub fn standing_for(var: Var<T>) -> Self {
        Self::of(var)
    }

    fn of(var: Var<T>) -> Self {
        Self { var, packed: OnceLock::new() }
    }

    /// The transpose `[I, O]` of a weight `[O, I]`, packed for products from the left: x·Wᵀ is
    /// [`x.matmul_packed(weight.packed(), bias)`](Tensor::matmul_packed). Packed when asked for the first time and kept until the
    /// value changes; takes as much memory as the weight. Layers do this in [`Context::inference`](crate::Context::inference).
    ///
    /// ```
    /// use gradus_module::Param;
    /// use gradus_tensor::Tensor;
    /// let weight = Param::new([[1.0_f32, 2.0], [3.0, 4.0]]); // [O, I]
    /// let x = Tensor::from([[1.0, 1.0]]);
    /// assert_eq!(x.matmul_packed(weight.packed(), None).to_vec(), [3.0, 7.0]);
    /// ```
    ///
    /// # Panics
    /// If there are not two axes.
    #[must_use]
    #[track_caller]
    pub fn packed(&self) -> &PackedMatrix<T> {
        let shape = self.var.shape();
        assert!(shape.len() == 2, "packed: not a weight [O, I]: {shape} ({} axes)", shape.len());
        self.packed.get_or_init(|| self.value().t().packed())
    }

    /// Whether gradients are computed for it.
    #[must_use]
    pub fn is_trainable(&self) -> bool {
        self.var.has_gradient()
    }
}

impl<T: Float> Deref for Param<T> {
    type Target = Var<T>;
    fn deref(&self) -> &Var<T> {
        &self.var
    }
}

impl<T: Float> Clone for Param<T> {
    fn clone(&self) -> Self {
        let value = self.value().clone();
        Self::of(if self.is_trainable() { Var::leaf(value) } else { Var::constant(value) })
    }
}

impl<T: Float> Entry for Param<T> {
    fn kind(&self) -> Kind {
        Kind::Parameter
    }
    fn dtype(&self) -> DType {
        T::DTYPE
    }
    fn shape(&self) -> Shape {
        *self.var.shape()
    }
    fn value(&self) -> AnyTensor {
        AnyTensor::new(self.var.value())
    }
    fn set(&mut self, value: &AnyTensor) {
        check_shape(self.var.shape(), value.shape());
        *self.value_mut() = value.cast::<T>();
    }
    fn leaf_id(&self) -> Option<LeafId> {
        self.var.leaf_id()
    }
    fn share(&mut self, original: &dyn Entry) {
        if let Some(original) = original.as_any().downcast_ref::<Self>() {
            *self = Self::of(original.var.clone());
        }
    }
    fn set_trainable(&mut self, trainable: bool) {
        if trainable != self.is_trainable() {
            let value = self.value().clone();
            self.var = if trainable { Var::leaf(value) } else { Var::constant(value) };
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// A tensor of the state that is not trained: running statistics, fixed tables (PyTorch: `register_buffer`).
///
/// ```
/// use gradus_module::Buffer;
/// let mut running_mean = Buffer::new([0.0_f32, 1.0]);
/// *running_mean.value_mut() *= 0.5;
/// assert_eq!(running_mean.value().to_vec(), [0.0, 0.5]);
/// assert_ne!(running_mean.clone().id(), running_mean.id()); // a clone is a buffer of its own
/// ```
#[derive(Debug)]
pub struct Buffer<T: Float = f32> {
    id: BufferId,
    value: Tensor<T>,
}

impl<T: Float> Buffer<T> {
    /// A buffer that starts from `value`.
    #[must_use]
    pub fn new(value: impl Into<Tensor<T>>) -> Self {
        Self { id: BufferId::fresh(), value: value.into() }
    }

    /// The name under which updates find it.
    #[must_use]
    pub fn id(&self) -> BufferId {
        self.id
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &Tensor<T> {
        &self.value
    }

    /// The value, to change.
    pub fn value_mut(&mut self) -> &mut Tensor<T> {
        &mut self.value
    }

    /// The same value under the same name: updates that a copy of the layer hands out reach this buffer.
    ///
    /// ```
    /// use gradus_module::Buffer;
    /// let buffer = Buffer::new([1.0_f32, 2.0]);
    /// assert_eq!(buffer.alias().id(), buffer.id());
    /// ```
    #[must_use]
    pub fn alias(&self) -> Self {
        Self { id: self.id, value: self.value.clone() }
    }
}

impl<T: Float> Clone for Buffer<T> {
    fn clone(&self) -> Self {
        Self::new(self.value.clone())
    }
}

impl<T: Float> Entry for Buffer<T> {
    fn kind(&self) -> Kind {
        Kind::Buffer
    }
    fn dtype(&self) -> DType {
        T::DTYPE
    }
    fn shape(&self) -> Shape {
        *self.value.shape()
    }
    fn value(&self) -> AnyTensor {
        AnyTensor::new(&self.value)
    }
    fn set(&mut self, value: &AnyTensor) {
        check_shape(self.value.shape(), value.shape());
        self.value = value.cast::<T>();
    }
    fn share(&mut self, original: &dyn Entry) {
        if let Some(original) = original.as_any().downcast_ref::<Self>() {
            *self = Self { id: original.id, value: original.value.clone() };
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// A count of training steps, kept in the state as a scalar `i64` (PyTorch: `num_batches_tracked`).
///
/// ```
/// use gradus_module::Counter;
/// let mut batches = Counter::new(7);
/// batches.increment();
/// assert_eq!(batches.value(), 8);
/// assert_ne!(batches.clone().id(), batches.id()); // a clone is a counter of its own
/// ```
#[derive(Debug)]
pub struct Counter {
    id: BufferId,
    value: u64,
}

impl Counter {
    /// A counter that starts from `value`.
    #[must_use]
    pub fn new(value: u64) -> Self {
        Self { id: BufferId::fresh(), value }
    }

    /// The name under which updates find it.
    #[must_use]
    pub fn id(&self) -> BufferId {
        self.id
    }

    /// The count.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.value
    }

    /// The same count under the same name, as [`Buffer::alias`].
    ///
    /// ```
    /// use gradus_module::Counter;
    /// let counter = Counter::new(3);
    /// assert_eq!((counter.alias().id(), counter.alias().value()), (counter.id(), 3));
    /// ```
    #[must_use]
    pub fn alias(&self) -> Self {
        Self { id: self.id, value: self.value }
    }

    /// Counts one more.
    pub fn increment(&mut self) {
        self.value += 1;
    }
}

impl Clone for Counter {
    fn clone(&self) -> Self {
        Self::new(self.value)
    }
}

impl Entry for Counter {
    fn kind(&self) -> Kind {
        Kind::Counter
    }
    fn dtype(&self) -> DType {
        DType::I64
    }
    fn shape(&self) -> Shape {
        Shape::SCALAR
    }
    fn value(&self) -> AnyTensor {
        AnyTensor::new(&Tensor::scalar(self.value as i64))
    }
    fn set(&mut self, value: &AnyTensor) {
        check_shape(&Shape::SCALAR, value.shape());
        self.value = value.cast::<i64>().item().max(0) as u64;
    }
    fn share(&mut self, original: &dyn Entry) {
        if let Some(original) = original.as_any().downcast_ref::<Self>() {
            *self = Self { id: original.id, value: original.value };
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
