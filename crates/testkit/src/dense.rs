//! The naive twin of a tensor: a shape and its elements in row-major order, in `f64`, read by index. Slow on purpose:
//! every reference is an index formula that can be checked by eye. It must never call a kernel.

use gradus_tensor::{Element, Tensor};

/// An array for references: plain nested loops, no strides, no views.
#[derive(Clone, Debug, PartialEq)]
pub struct Dense {
    shape: Vec<usize>,
    data: Vec<f64>,
}

impl Dense {
    /// Element (i₀, i₁, …) is `f(&[i₀, i₁, …])`.
    #[must_use]
    pub fn from_fn(shape: &[usize], mut f: impl FnMut(&[usize]) -> f64) -> Self {
        let data = (0..shape.iter().product()).map(|flat| f(&unravel(flat, shape))).collect();
        Self { shape: shape.to_vec(), data }
    }

    /// A scalar.
    #[must_use]
    pub fn scalar(value: f64) -> Self {
        Self { shape: Vec::new(), data: vec![value] }
    }

    /// The elements of a tensor, fetched one by one through its layout.
    #[must_use]
    pub fn of<T: Element>(x: &Tensor<T>) -> Self {
        Self::from_fn(x.shape(), |i| x.storage()[x.layout().position(i)].as_f64())
    }

    /// The same as a row-major tensor.
    #[must_use]
    pub fn tensor<T: Element>(&self) -> Tensor<T> {
        let values: Vec<T> = self.data.iter().map(|&x| T::of_f64(x)).collect();
        Tensor::new(&self.shape[..], &values)
    }

    /// The axis lengths.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The elements in row-major order.
    #[must_use]
    pub fn data(&self) -> &[f64] {
        &self.data
    }

    /// The number of axes.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.shape.len()
    }

    /// One element.
    ///
    /// # Panics
    /// If there is no such element.
    #[must_use]
    pub fn at(&self, index: &[usize]) -> f64 {
        self.data[ravel(index, &self.shape)]
    }

    /// One element of the array stretched to a shape of which `index` is an index: aligned at the last axis, length 1 repeats.
    #[must_use]
    pub fn stretched_at(&self, index: &[usize]) -> f64 {
        self.data[self.stretched_place(index)]
    }

    fn stretched_place(&self, index: &[usize]) -> usize {
        let own = &index[index.len() - self.rank()..];
        own.iter()
            .zip(&self.shape)
            .fold(0, |flat, (&i, &length)| flat * length + if length == 1 { 0 } else { i })
    }

    /// `f` of each element.
    #[must_use]
    pub fn map(&self, f: impl Fn(f64) -> f64) -> Self {
        Self { shape: self.shape.clone(), data: self.data.iter().map(|&x| f(x)).collect() }
    }

    /// `f` of each pair, with broadcasting.
    #[must_use]
    pub fn zip(&self, other: &Self, f: impl Fn(f64, f64) -> f64) -> Self {
        let shape = common_shape(&self.shape, &other.shape);
        Self::from_fn(&shape, |i| f(self.stretched_at(i), other.stretched_at(i)))
    }

    /// `f` of the elements along `axes` (each counted from the front), in row-major order; the axes keep length 1 if `keep`.
    #[must_use]
    pub fn reduce(&self, axes: &[usize], keep: bool, f: impl Fn(&[f64]) -> f64) -> Self {
        let kept: Vec<usize> = (0..self.rank()).filter(|a| !axes.contains(a)).collect();
        let lengths = |axes: &[usize]| axes.iter().map(|&a| self.shape[a]).collect::<Vec<_>>();
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        let (outer, inner) = (lengths(&kept), lengths(&sorted));
        let out = Self::from_fn(&outer, |i| {
            let mut index = vec![0; self.rank()];
            kept.iter().zip(i).for_each(|(&a, &i)| index[a] = i);
            let values: Vec<f64> = (0..inner.iter().product())
                .map(|flat| {
                    sorted.iter().zip(unravel(flat, &inner)).for_each(|(&a, j)| index[a] = j);
                    self.at(&index)
                })
                .collect();
            f(&values)
        });
        let with_ones = (0..self.rank()).map(|a| if axes.contains(&a) { 1 } else { self.shape[a] });
        Self { shape: if keep { with_ones.collect() } else { outer }, data: out.data }
    }

    /// The same elements in row-major order under another shape.
    #[must_use]
    pub fn reshape(&self, shape: &[usize]) -> Self {
        assert_eq!(shape.iter().product::<usize>(), self.data.len(), "dense: reshape to {shape:?}");
        Self { shape: shape.to_vec(), data: self.data.clone() }
    }

    /// The matrix product by its definition, vectors and broadcast leading axes included.
    #[must_use]
    pub fn matmul(&self, other: &Self) -> Self {
        let (a, b) = (&self.shape, &other.shape);
        if a.len() == 1 {
            let out = self.reshape(&[1, a[0]]).matmul(other);
            let drop = out.rank() - if b.len() == 1 { 1 } else { 2 };
            return out.reshape(&without(&out.shape, drop));
        }
        if b.len() == 1 {
            let out = self.matmul(&other.reshape(&[b[0], 1]));
            return out.reshape(&without(&out.shape, out.rank() - 1));
        }
        let inner = a[a.len() - 1];
        assert_eq!(inner, b[b.len() - 2], "dense: matmul of {a:?} and {b:?}");
        let mut shape = common_shape(&a[..a.len() - 2], &b[..b.len() - 2]);
        shape.extend([a[a.len() - 2], b[b.len() - 1]]);
        let columns = b[b.len() - 1];
        Self::from_fn(&shape, |i| {
            let (lead, last) = i.split_at(i.len() - 2);
            let left = self.stretched_place(&[lead, &[last[0], 0]].concat());
            let right = other.stretched_place(&[lead, &[0, last[1]]].concat());
            (0..inner).map(|k| self.data[left + k] * other.data[right + k * columns]).sum()
        })
    }
}

/// A shape without one axis.
fn without(shape: &[usize], axis: usize) -> Vec<usize> {
    [&shape[..axis], &shape[axis + 1..]].concat()
}

/// The shape that two shapes broadcast to.
fn common_shape(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let length = |shape: &[usize], i: usize| {
        if i + shape.len() < rank { 1 } else { shape[i + shape.len() - rank] }
    };
    let pick = |i| {
        let (a, b) = (length(a, i), length(b, i));
        if a == 1 { b } else { a }
    };
    (0..rank).map(pick).collect()
}

fn unravel(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &length) in index.iter_mut().zip(shape).rev() {
        (*i, flat) = (flat % length, flat / length);
    }
    index
}

fn ravel(index: &[usize], shape: &[usize]) -> usize {
    assert_eq!(index.len(), shape.len(), "dense: index {index:?} of shape {shape:?}");
    index.iter().zip(shape).fold(0, |flat, (&i, &length)| {
        assert!(i < length, "dense: index {index:?} of shape {shape:?}");
        flat * length + i
    })
}
