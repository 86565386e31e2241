//! Joining tensors and picking whole parts by index: cat, stack, rows by number and their adjoint, embeddings, one-hot.

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
}

impl<T: Element> Tensor<T> {
    /// Elements of the flattened tensor by number: `[…], [K…] → [K…]` (PyTorch: `take`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.take(&Tensor::from([3_i64, 0])).to_vec(), [4.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn take(&self, index: &Tensor<i64>) -> Self {
        let picks = checked("take", index, self.len());
        let x = self.contiguous();
        let values = x.as_slice().unwrap_or(&[]);
        Self::build(*index.shape(), |out| out.iter_mut().zip(picks).for_each(|(to, pick)| *to = values[pick]))
    }

    /// A row of this table for each index: `[V, D], […] → […, D]` (PyTorch: `embedding`, whose second argument is the
    /// table).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let table = Tensor::from([[0.0_f32, 0.5], [1.0, 1.5]]);
    /// assert_eq!(table.embedding(&Tensor::from([[1_i64], [0]])).dims(), [2, 1, 2]);
    /// ```
    ///
    /// # Panics
    /// If this is not a matrix, or an index lies outside `0 .. V`.
    #[must_use]
    #[track_caller]
    pub fn embedding(&self, index: &Tensor<i64>) -> Self {
        let shape = self.shape();
        assert!(shape.len() == 2, "embedding: the table is not [V, D]: {shape} ({} axes)", shape.len());
        let rows = self.index_select(0, &index.reshape([index.len()]));
        rows.reshape(index.shape().insert(index.rank(), shape[1]))
    }

    /// A copy with `value` in the parts `index` of `axis` (PyTorch: `index_fill`): `[…, N, …], [K] → […, N, …]`.
    ///
    /// # Panics
    /// If there is no such axis, or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn index_fill(&self, axis: isize, index: &Tensor<i64>, value: T) -> Self {
        let at = self.shape().axis("index_fill", axis);
        let picks = checked("index_fill", index, self.shape()[at]);
        let inner: usize = self.shape()[at + 1..].iter().product();
        let mut out = self.clone();
        for row in out.make_mut().chunks_mut((self.shape()[at] * inner).max(1)) {
            picks.iter().for_each(|pick| row[pick * inner..][..inner].fill(value));
        }
        out
    }

    /// A copy with part k of `source` in place of part `index[k]` of `axis`; of repeated indices the last counts (PyTorch:
    /// `index_copy`): `[…, N, …], [K], […, K, …] → […, N, …]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (x, rows) = (Tensor::<f32>::zeros([3, 2]), Tensor::from([[1.0, 2.0]]));
    /// assert_eq!(x.index_copy(0, &Tensor::from([1_i64]), &rows).to_vec(), [0.0, 0.0, 1.0, 2.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn index_copy(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        self.put_parts("index_copy", axis, index, source, |_, new| new)
    }

    /// A copy in which part k of `source` meets part `index[k]` of `axis`, in the order of the indices.
    #[track_caller]
    fn put_parts(
        &self,
        name: &str,
        axis: isize,
        index: &Tensor<i64>,
        source: &Self,
        meet: impl Fn(T, T) -> T,
    ) -> Self {
        let at = self.shape().axis(name, axis);
        let want = self.shape().with(at, index.len());
        assert!(*source.shape() == want, "{name}: source does not fit: {} (needs {want})", source.shape());
        let picks = checked(name, index, self.shape()[at]);
        let inner: usize = self.shape()[at + 1..].iter().product();
        let length = self.shape()[at] * inner;
        let source = source.contiguous();
        let values = source.as_slice().unwrap_or(&[]);
        let mut out = self.clone();
        let out_values = out.make_mut();
        for (row, values) in values.chunks((picks.len() * inner).max(1)).enumerate() {
            for (&pick, values) in picks.iter().zip(values.chunks(inner.max(1))) {
                let to = &mut out_values[row * length + pick * inner..][..inner];
                to.iter_mut().zip(values).for_each(|(a, &b)| *a = meet(*a, b));
            }
        }
        out
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

    /// A copy with part k of `source` added to part `index[k]` of `axis`; repeated indices add up (PyTorch:
    /// `index_add`): `[…, N, …], [K], […, K, …] → […, N, …]`.
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn index_add(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        self.put_parts("index_add", axis, index, source, T::plus)
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
