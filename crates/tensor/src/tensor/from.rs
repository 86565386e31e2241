//! Tensors from Rust's values (arrays, vectors, slices, iterators), and from tensors of another element type. It must never
//! know how a storage is laid out.

use super::Tensor;
use crate::element::Element;

impl<T: Element> Tensor<T> {
    /// Each element converted (PyTorch: `to(dtype)`): float to integer truncates and saturates, to `bool` asks ≠ 0.
    ///
    /// ```
    /// let x = gradus_tensor::Tensor::from([1.9_f32, -1.9, 300.0]);
    /// assert_eq!(x.cast::<i64>().to_vec(), [1, -1, 300]);
    /// assert_eq!(x.cast::<u8>().to_vec(), [1, 0, 255]);
    /// ```
    #[must_use]
    pub fn cast<U: Element>(&self) -> Tensor<U> {
        let any: &dyn std::any::Any = self;
        match any.downcast_ref::<Tensor<U>>() {
            Some(same) => same.clone(),
            None => self.map(|x| convert(x)),
        }
    }
}

/// One element in another type; between integers without a detour through floats.
#[inline(always)]
fn convert<T: Element, U: Element>(x: T) -> U {
    match x.as_i64() {
        Some(integer) => U::of_i64(integer),
        None => U::of_f64(x.as_f64()),
    }
}

impl<T: Element> From<T> for Tensor<T> {
    fn from(value: T) -> Self {
        Self::scalar(value)
    }
}

impl<T: Element> From<Vec<T>> for Tensor<T> {
    fn from(values: Vec<T>) -> Self {
        Self::new([values.len()], &values)
    }
}

impl<T: Element> From<&[T]> for Tensor<T> {
    fn from(values: &[T]) -> Self {
        Self::new([values.len()], values)
    }
}

impl<T: Element, const A: usize> From<[T; A]> for Tensor<T> {
    fn from(values: [T; A]) -> Self {
        Self::new([A], &values)
    }
}

impl<T: Element, const A: usize, const B: usize> From<[[T; B]; A]> for Tensor<T> {
    fn from(values: [[T; B]; A]) -> Self {
        Self::new([A, B], values.as_flattened())
    }
}

impl<T: Element, const A: usize, const B: usize, const C: usize> From<[[[T; C]; B]; A]> for Tensor<T> {
    fn from(values: [[[T; C]; B]; A]) -> Self {
        Self::new([A, B, C], values.as_flattened().as_flattened())
    }
}

impl<T: Element> FromIterator<T> for Tensor<T> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        values.into_iter().collect::<Vec<T>>().into()
    }
}
