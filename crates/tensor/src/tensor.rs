//! `Tensor`: a shared storage and a layout. Cloning shares; writing copies first if the storage is shared.
//! This file holds what every other one builds on: making, reading, writing, layouts. It knows no arithmetic.

mod from;

use std::sync::Arc;

use crate::element::Element;
use crate::kernels::strided;
use crate::layout::Layout;
use crate::shape::Shape;
use crate::storage::Storage;

/// An n-dimensional array. Cloning shares the storage; writing copies it only when it is shared.
///
/// ```
/// use gradus_tensor::Tensor;
/// let x = Tensor::from([[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let y = x.transpose(0, 1); // shares x's memory
/// assert_eq!(y.dims(), [3, 2]);
/// assert_eq!((&y * 2.0).to_vec(), [2.0, 8.0, 4.0, 10.0, 6.0, 12.0]);
/// ```
pub struct Tensor<T: Element = f32> {
    storage: Arc<Storage<T>>,
    layout: Layout,
}

impl<T: Element> Clone for Tensor<T> {
    fn clone(&self) -> Self {
        Self { storage: Arc::clone(&self.storage), layout: self.layout }
    }
}

impl<T: Element> Default for Tensor<T> {
    /// The scalar nought.
    fn default() -> Self {
        Self::scalar(T::ZERO)
    }
}

impl<T: Element> Tensor<T> {
    pub(crate) fn from_storage(storage: Storage<T>, shape: Shape) -> Self {
        Self { storage: Arc::new(storage), layout: Layout::row_major(shape) }
    }

    /// A new dense tensor whose elements `fill` writes in full.
    pub(crate) fn build(shape: Shape, fill: impl FnOnce(&mut [T])) -> Self {
        let mut storage = Storage::stale(shape.count());
        fill(storage.as_mut_slice());
        Self::from_storage(storage, shape)
    }

    /// The same storage under another layout.
    pub(crate) fn with_layout(&self, layout: Layout) -> Self {
        Self { storage: Arc::clone(&self.storage), layout }
    }

    /// The same storage read through any layout (PyTorch: `as_strided`).
    ///
    /// ```
    /// use gradus_tensor::{Layout, Shape, Tensor};
    /// let x = Tensor::<f32>::arange(6);
    /// let pairs = Layout::row_major(Shape::new(&[6])).unfold(0, 2, 2); // 0 1, 2 3, 4 5
    /// assert_eq!(x.as_strided(pairs).select(1, 1).to_vec(), [1.0, 3.0, 5.0]);
    /// ```
    ///
    /// # Panics
    /// If the layout reaches outside the storage.
    #[must_use]
    #[track_caller]
    pub fn as_strided(&self, layout: Layout) -> Self {
        let (mut low, mut high) = (layout.offset() as isize, layout.offset() as isize);
        for (&dim, &stride) in layout.shape().iter().zip(layout.strides()) {
            let reach = (dim as isize - 1).max(0) * stride;
            (low, high) = (low + reach.min(0), high + reach.max(0));
        }
        let inside = layout.count() == 0 || low >= 0 && (high as usize) < self.storage().len();
        assert!(
            inside,
            "as_strided: {low} ..= {high} lies outside the storage ({} elements)",
            self.storage().len()
        );
        self.with_layout(layout)
    }

    /// A row-major tensor that has a shape but no elements behind it: views of it tell their layout, nothing more.
    #[doc(hidden)]
    #[must_use]
    pub fn ghost(shape: Shape) -> Self {
        Self { storage: Arc::new(Storage::stale(0)), layout: Layout::row_major(shape) }
    }

    /// A tensor of the given shape from its elements in row-major order (PyTorch: `torch.tensor(values).reshape(shape)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::new([2, 3], &[1, 2, 3, 4, 5, 6]);
    /// assert_eq!((x.shape()[..] == [2, 3], x.rank(), x.dim(-1), x.len(), x.is_empty()), (true, 2, 3, 6, false));
    /// assert_eq!(x.at(&[1, 0]), 4);
    /// ```
    ///
    /// # Panics
    /// If their number is not the shape's.
    #[must_use]
    #[track_caller]
    pub fn new(shape: impl Into<Shape>, values: &[T]) -> Self {
        let shape = shape.into();
        let (count, given) = (shape.count(), values.len());
        assert!(
            count == given,
            "tensor: values do not fill the shape: {shape} from {given} values ({count} ≠ {given})"
        );
        Self::from_storage(Storage::copied(values), shape)
    }

    /// A tensor without axes, holding one value.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::scalar(2.5_f32);
    /// assert_eq!((x.rank(), x.item()), (0, 2.5));
    /// ```
    #[must_use]
    pub fn scalar(value: T) -> Self {
        Self::from_storage(Storage::copied(&[value]), Shape::SCALAR)
    }

    /// All elements `value` (PyTorch: `torch.full`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::full([2, 2], 7_i64).to_vec(), [7; 4]);
    /// ```
    #[must_use]
    pub fn full(shape: impl Into<Shape>, value: T) -> Self {
        Self::build(shape.into(), |out| out.fill(value))
    }

    /// All elements 0 (PyTorch: `torch.zeros`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::zeros([2, 2]).to_vec(), [0.0; 4]);
    /// ```
    #[must_use]
    pub fn zeros(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::ZERO)
    }

    /// All elements 1 (PyTorch: `torch.ones`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::ones([2, 2]).to_vec(), [1.0; 4]);
    /// ```
    #[must_use]
    pub fn ones(shape: impl Into<Shape>) -> Self {
        Self::full(shape, T::ONE)
    }

    /// Element (i₀, i₁, …) is `f(&[i₀, i₁, …])`, called in row-major order.
    ///
    /// ```
    /// let x = gradus_tensor::Tensor::from_fn([2, 2], |i| (10 * i[0] + i[1]) as f32);
    /// assert_eq!(x.to_vec(), [0.0, 1.0, 10.0, 11.0]);
    /// ```
    #[must_use]
    pub fn from_fn(shape: impl Into<Shape>, mut f: impl FnMut(&[usize]) -> T) -> Self {
        let shape = shape.into();
        let mut index = Shape::new(&vec![0; shape.len()]);
        Self::build(shape, |out| {
            for value in out {
                *value = f(&index);
                for axis in (0..shape.len()).rev() {
                    index[axis] += 1;
                    if index[axis] < shape[axis] {
                        break;
                    }
                    index[axis] = 0;
                }
            }
        })
    }

    /// The identity matrix `[n, n]` (PyTorch: `torch.eye`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::eye(2), Tensor::from([[1.0, 0.0], [0.0, 1.0]]));
    /// ```
    #[must_use]
    pub fn eye(n: usize) -> Self {
        Self::from_fn([n, n], |i| if i[0] == i[1] { T::ONE } else { T::ZERO })
    }

    /// 0, 1, …, n − 1 as `[n]` (PyTorch: `torch.arange`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<i64>::arange(4).to_vec(), [0, 1, 2, 3]);
    /// ```
    #[must_use]
    pub fn arange(n: usize) -> Self {
        Self::from_fn([n], |i| T::of_f64(i[0] as f64))
    }

    /// The axis lengths.
    #[must_use]
    pub fn shape(&self) -> &Shape {
        self.layout.shape()
    }

    /// The number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.shape().len()
    }

    /// The axis lengths as an array, to be taken apart: `let [b, t, c] = x.dims();`
    ///
    /// # Panics
    /// If there are not `N` axes.
    #[must_use]
    #[track_caller]
    pub fn dims<const N: usize>(&self) -> [usize; N] {
        match self.shape()[..].try_into() {
            Ok(dims) => dims,
            Err(_) => panic!("dims: wrong number of axes: {} ({} ≠ {N})", self.shape(), self.rank()),
        }
    }

    /// The length of one axis; −1 is the last (PyTorch: `size(axis)`).
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn dim(&self, axis: isize) -> usize {
        self.shape()[self.shape().axis("dim", axis)]
    }

    /// The number of elements (PyTorch: `numel`).
    #[must_use]
    pub fn len(&self) -> usize {
        self.layout.count()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How the storage is read.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1, 2], [3, 4]]);
    /// assert_eq!((x.layout().strides(), x.t().layout().strides()), (&[2, 1][..], &[1, 2][..]));
    /// assert_eq!(x.select(0, 1).storage(), [1, 2, 3, 4]); // the whole buffer
    /// ```
    #[must_use]
    pub fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The whole buffer that the layout reads, other tensors' elements included.
    #[must_use]
    pub fn storage(&self) -> &[T] {
        self.storage.as_slice()
    }

    /// The elements in row-major order as one slice, if they lie so.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1, 2], [3, 4]]);
    /// assert_eq!(x.as_slice(), Some(&[1, 2, 3, 4][..]));
    /// assert_eq!(x.t().as_slice(), None);
    /// assert_eq!(x.t().contiguous().as_slice(), Some(&[1, 3, 2, 4][..]));
    /// ```
    #[must_use]
    pub fn as_slice(&self) -> Option<&[T]> {
        // The first element of an empty view may lie anywhere.
        let start = if self.is_empty() { 0 } else { self.layout.offset() };
        self.layout.is_contiguous().then(|| &self.storage()[start..][..self.len()])
    }

    /// The only element (PyTorch: `item`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[2.0_f32, 3.0]]).sum().item(), 5.0);
    /// ```
    ///
    /// # Panics
    /// If there is not exactly one.
    #[must_use]
    #[track_caller]
    pub fn item(&self) -> T {
        assert!(self.len() == 1, "item: not a single element: {} ({} ≠ 1)", self.shape(), self.len());
        self.storage()[self.layout.offset()]
    }

    /// One element.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).at(&[1, 0]), 3);
    /// ```
    ///
    /// # Panics
    /// If `index` has not one number per axis or lies outside.
    #[must_use]
    #[track_caller]
    pub fn at(&self, index: &[usize]) -> T {
        let inside = index.len() == self.rank() && index.iter().zip(self.shape().iter()).all(|(i, d)| i < d);
        assert!(inside, "at: no such element: {index:?} of {}", self.shape());
        self.storage()[self.layout.position(index)]
    }

    /// The elements in row-major order.
    #[must_use]
    pub fn to_vec(&self) -> Vec<T> {
        match self.as_slice() {
            Some(slice) => slice.to_vec(),
            None => {
                let mut out = vec![T::ZERO; self.len()];
                strided::copy(&mut out, self.storage(), &self.layout);
                out
            }
        }
    }

    /// This tensor if it is dense and row-major, else a dense copy (PyTorch: `contiguous`).
    #[must_use]
    pub fn contiguous(&self) -> Self {
        if self.layout.is_contiguous() { self.clone() } else { self.copied() }
    }

    fn copied(&self) -> Self {
        Self::build(*self.shape(), |out| strided::copy(out, self.storage(), &self.layout))
    }

    /// The elements in row-major order, to write. Copies first if the storage is shared or not dense.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0_f32, 2.0]);
    /// let mut y = x.clone(); // shares the buffer
    /// assert!(y.get_mut().is_none());
    /// y.make_mut()[0] = 5.0; // copies it first
    /// assert_eq!((x.to_vec(), y.to_vec()), (vec![1.0, 2.0], vec![5.0, 2.0]));
    /// assert!(y.get_mut().is_some());
    /// ```
    pub fn make_mut(&mut self) -> &mut [T] {
        let whole = self.layout.is_contiguous() && self.storage().len() == self.len();
        if !whole || Arc::get_mut(&mut self.storage).is_none() {
            *self = self.copied();
        }
        match Arc::get_mut(&mut self.storage) {
            Some(storage) => storage.as_mut_slice(),
            None => &mut [], // never: the storage was just found or made unique
        }
    }

    /// The elements, to write, if that needs no copy: the storage is ours alone, dense and row-major.
    pub fn get_mut(&mut self) -> Option<&mut [T]> {
        let whole = self.layout.is_contiguous() && self.storage().len() == self.len();
        if !whole {
            return None;
        }
        Arc::get_mut(&mut self.storage).map(Storage::as_mut_slice)
    }
}

/// Equal shapes and equal elements (a NaN is equal to nothing).
impl<T: Element> PartialEq for Tensor<T> {
    fn eq(&self, other: &Self) -> bool {
        self.shape() == other.shape() && self.to_vec() == other.to_vec()
    }
}
