//! Joining tensors and picking elements by index: cat, stack, gather, scatter, rows by number.

use crate::element::{Element, Number};
use crate::shape::Shape;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// The tensors one after the other along an existing axis (PyTorch: `cat`).
    ///
    /// # Panics
    /// If there are none, or they differ in another axis.
    #[must_use]
    #[track_caller]
    pub fn cat(tensors: &[&Self], axis: isize) -> Self {
        assert!(!tensors.is_empty(), "cat: no tensors");
        let first = tensors[0].shape();
        let at = first.axis("cat", axis);
        let mut total = 0;
        for x in tensors {
            let fits = x.rank() == first.len() && x.shape().with(at, first[at]) == *first;
            assert!(fits, "cat: shapes differ beside axis {axis}: {first} and {}", x.shape());
            total += x.shape()[at];
        }
        let shape = first.with(at, total);
        let inner: usize = first[at + 1..].iter().product();
        let outer: usize = first[..at].iter().product();
        let dense: Vec<Self> = tensors.iter().map(|x| x.contiguous()).collect();
        Self::build(shape, |out| {
            for row in 0..outer {
                let mut to = row * total * inner;
                for x in &dense {
                    let length = x.shape()[at] * inner;
                    let values = x.as_slice().unwrap_or(&[]);
                    out[to..to + length].copy_from_slice(&values[row * length..][..length]);
                    to += length;
                }
            }
        })
    }

    /// The tensors as the parts of a new axis (PyTorch: `stack`).
    ///
    /// # Panics
    /// If there are none, or their shapes differ.
    #[must_use]
    #[track_caller]
    pub fn stack(tensors: &[&Self], axis: isize) -> Self {
        let parts: Vec<Self> = tensors.iter().map(|x| x.unsqueeze(axis)).collect();
        Self::cat(&parts.iter().collect::<Vec<_>>(), axis)
    }

    /// Parts `index` of `axis`, in that order (PyTorch: `index_select`): `[…, N, …], [K] → […, K, …]`.
    ///
    /// # Panics
    /// If there is no such axis, or an index lies outside (the message names it and its position).
    #[must_use]
    #[track_caller]
    pub fn index_select(&self, axis: isize, index: &Tensor<i64>) -> Self {
        let at = self.shape().axis("index_select", axis);
        let picks = checked("index_select", index, self.shape()[at]);
        let x = self.contiguous();
        let values = x.as_slice().unwrap_or(&[]);
        let inner: usize = self.shape()[at + 1..].iter().product();
        let length = self.shape()[at] * inner;
        Self::build(self.shape().with(at, picks.len()), |out| {
            for (row, out) in out.chunks_mut((picks.len() * inner).max(1)).enumerate() {
                for (&pick, out) in picks.iter().zip(out.chunks_mut(inner.max(1))) {
                    out.copy_from_slice(&values[row * length + pick * inner..][..inner]);
                }
            }
        })
    }

    /// `out[i][j] = self[i][index[i][j]]` along `axis` (PyTorch: `gather`); `index` has self's lengths in all other axes.
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn gather(&self, axis: isize, index: &Tensor<i64>) -> Self {
        let at = along("gather", self.shape(), axis, index.shape());
        let picks = checked("gather", index, self.shape()[at]);
        let x = self.contiguous();
        let values = x.as_slice().unwrap_or(&[]);
        let (inner, length, count) = strides(self.shape(), index.shape(), at);
        Self::build(*index.shape(), |out| {
            for (i, out) in out.iter_mut().enumerate() {
                let (row, column) = (i / (count * inner), i % inner);
                *out = values[(row * length + picks[i]) * inner + column];
            }
        })
    }
}

impl<T: Number> Tensor<T> {
    /// Noughts of `shape`, and self's elements added where `view` puts them: the adjoint of taking a view.
    /// `view` is a layout over a row-major tensor of `shape`, with self's axis lengths.
    ///
    /// # Panics
    /// If `view` has other axis lengths than self, or reaches outside.
    #[must_use]
    #[track_caller]
    pub fn unview(&self, shape: &Shape, view: &crate::Layout) -> Self {
        let (have, want) = (self.shape(), view.shape());
        assert!(have == want, "unview: shapes differ: {have} and {want}");
        let mut out = Self::zeros(*shape);
        let source = self.contiguous();
        let values = source.as_slice().unwrap_or(&[]);
        let sums = out.make_mut();
        let mut done = 0;
        view.collapse().runs(0, values.len(), |position, stride, length| {
            for (i, &value) in values[done..done + length].iter().enumerate() {
                let to = &mut sums[position.wrapping_add_signed(i as isize * stride)];
                *to = to.plus(value);
            }
            done += length;
        });
        out
    }

    /// A copy with `source` added at `index` along `axis`; repeated indices add up (PyTorch: `scatter_add`).
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        let at = along("scatter_add", self.shape(), axis, index.shape());
        let same = index.shape() == source.shape();
        assert!(same, "scatter_add: index and source differ: {} and {}", index.shape(), source.shape());
        let picks = checked("scatter_add", index, self.shape()[at]);
        let (inner, length, count) = strides(self.shape(), index.shape(), at);
        let source = source.contiguous();
        let values = source.as_slice().unwrap_or(&[]);
        let mut out = self.clone();
        let sums = out.make_mut();
        for (i, &value) in values.iter().enumerate() {
            let (row, column) = (i / (count * inner), i % inner);
            let to = &mut sums[(row * length + picks[i]) * inner + column];
            *to = to.plus(value);
        }
        out
    }

    /// A copy with part k of `source` added to part `index[k]` of `axis`; repeated indices add up (PyTorch:
    /// `index_add`): `[…, N, …], [K], […, K, …] → […, N, …]`.
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn index_add(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        let at = self.shape().axis("index_add", axis);
        let want = self.shape().with(at, index.len());
        assert!(*source.shape() == want, "index_add: source does not fit: {} (needs {want})", source.shape());
        let picks = checked("index_add", index, self.shape()[at]);
        let inner: usize = self.shape()[at + 1..].iter().product();
        let length = self.shape()[at] * inner;
        let source = source.contiguous();
        let values = source.as_slice().unwrap_or(&[]);
        let mut out = self.clone();
        let sums = out.make_mut();
        for (row, values) in values.chunks((picks.len() * inner).max(1)).enumerate() {
            for (&pick, values) in picks.iter().zip(values.chunks(inner.max(1))) {
                let to = &mut sums[row * length + pick * inner..][..inner];
                to.iter_mut().zip(values).for_each(|(a, &b)| *a = a.plus(b));
            }
        }
        out
    }
}

impl Tensor<i64> {
    /// 1 in column `self[i]`, 0 elsewhere (PyTorch: `one_hot`): `[…] → […, classes]`.
    ///
    /// # Panics
    /// If an index lies outside `0 .. classes`.
    #[must_use]
    #[track_caller]
    pub fn one_hot<T: Element>(&self, classes: usize) -> Tensor<T> {
        let picks = checked("one_hot", self, classes);
        Tensor::build(self.shape().insert(self.rank(), classes), |out| {
            out.fill(T::ZERO);
            picks.iter().zip(out.chunks_mut(classes.max(1))).for_each(|(&pick, row)| row[pick] = T::ONE);
        })
    }
}

/// The indices as `usize`, each below `limit`.
#[track_caller]
pub(crate) fn checked(op: &str, index: &Tensor<i64>, limit: usize) -> Vec<usize> {
    let mut out = Vec::with_capacity(index.len());
    for (position, value) in index.to_vec().into_iter().enumerate() {
        match usize::try_from(value) {
            Ok(value) if value < limit => out.push(value),
            _ => panic!("{op}: index {value} at position {position} lies outside 0 .. {limit}"),
        }
    }
    out
}

/// The resolved axis, once the shapes are known to agree in all others.
#[track_caller]
fn along(op: &str, shape: &Shape, axis: isize, index: &Shape) -> usize {
    let at = shape.axis(op, axis);
    let fits = shape.len() == index.len() && index.with(at, shape[at]) == *shape;
    assert!(fits, "{op}: index differs beside axis {axis}: {shape} and {index}");
    at
}

/// Elements per step along the axis, and the axis' lengths in the operand and in the index.
fn strides(shape: &Shape, index: &Shape, at: usize) -> (usize, usize, usize) {
    (shape[at + 1..].iter().product::<usize>().max(1), shape[at], index[at].max(1))
}
