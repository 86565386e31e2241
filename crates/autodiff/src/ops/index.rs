//! Joining and picking whole parts: cat, stack, rows by number and their adjoint, embeddings; and the one op that picks
//! parts or elements and its adjoint.

use gradus_tensor::{Float, Shape, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow, Place};
use crate::var::{Var, apply};

struct Cat(isize);

impl<T: Float> Op<T> for Cat {
    fn name(&self) -> &'static str {
        "cat"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        Tensor::cat(inputs, self.0)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let mut start = 0;
        let piece = |shape: &Shape| {
            let length = shape[shape.axis("cat", self.0)];
            start += length;
            Some(g.narrow(self.0, start - length, length))
        };
        saved.shapes.iter().map(piece).collect()
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let place = batch.place(g.shape())?;
        let moved = |shape: &Shape| Flow::Along(batch.moved(place, shape, place.axis));
        (place.axis != g.shape().axis("cat", self.0)).then(|| saved.shapes.iter().map(moved).collect())
    }
}

/// Picks or, as its own adjoint, adds back: `gather` ↔ `scatter_add`, `index_select` ↔ `index_add`.
pub(super) struct Pick {
    pub(super) axis: isize,
    pub(super) index: Tensor<i64>,
    pub(super) rows: bool,
}

impl<T: Float> Op<T> for Pick {
    fn name(&self) -> &'static str {
        if self.rows { "index_select" } else { "gather" }
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let x = inputs[0];
        if self.rows { x.index_select(self.axis, &self.index) } else { x.gather(self.axis, &self.index) }
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let back =
            PutBack { axis: self.axis, index: self.index.clone(), rows: self.rows, shape: saved.shape(0) };
        vec![Some(apply(back, &[g]))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let place = batch.place(g.shape())?;
        let axis = g.shape().axis("index", self.axis);
        let moved = || vec![Flow::Along(batch.moved(place, &saved.shape(0), place.axis))];
        if axis == place.axis {
            // Rows of a table that all examples read.
            return (self.rows && axis == 0)
                .then(|| vec![Flow::Each(self.tables(saved.shape(0), g, place, batch))]);
        }
        Some(moved())
    }
}

impl Pick {
    /// For each example the sum of the cotangents' rows at their numbers: `[N, …table]`.
    fn tables<T: Float>(&self, table: Shape, g: &Tensor<T>, place: Place, batch: Batch) -> Tensor<T> {
        let (rows, count) = (table[0] as i64, batch.count());
        let first = Tensor::<i64>::arange(count).map(move |n| n * rows).reshape([1, count, 1]);
        let own = &self.index.reshape([place.before, count, place.after]) + &first;
        let all = Tensor::zeros(table.with(0, count * table[0]));
        all.index_add(0, &own.reshape([self.index.len()]), g).reshape(table.insert(0, count))
    }
}

struct PutBack {
    axis: isize,
    index: Tensor<i64>,
    rows: bool,
    shape: Shape,
}

impl<T: Float> Op<T> for PutBack {
    fn name(&self) -> &'static str {
        if self.rows { "index_add" } else { "scatter_add" }
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let zeros = Tensor::zeros(self.shape);
        if self.rows {
            zeros.index_add(self.axis, &self.index, inputs[0])
        } else {
            zeros.scatter_add(self.axis, &self.index, inputs[0])
        }
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(apply(Pick { axis: self.axis, index: self.index.clone(), rows: self.rows }, &[g]))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let place = batch.place(g.shape())?;
        let axis = g.shape().axis("index", self.axis);
        let moved = || vec![Flow::Along(batch.moved(place, &saved.shape(0), place.axis))];
        (axis != place.axis).then(moved)
    }
}

/// Noughts of `shape` with `source` added at `index` along `axis`.
#[track_caller]
pub(super) fn put_back<T: Float>(source: &Var<T>, axis: isize, index: &Tensor<i64>, shape: Shape) -> Var<T> {
    apply(PutBack { axis, index: index.clone(), rows: false, shape }, &[source])
}

impl<T: Float> Var<T> {
    /// The variables one after the other along an existing axis.
    ///
    /// # Panics
    /// If there are none, or they differ in another axis.
    #[must_use]
    #[track_caller]
    pub fn cat(parts: &[&Self], axis: isize) -> Self {
        apply(Cat(axis), parts)
    }

    /// The variables as the parts of a new axis.
    ///
    /// # Panics
    /// If there are none, or their shapes differ.
    #[must_use]
    #[track_caller]
    pub fn stack(parts: &[&Self], axis: isize) -> Self {
        let parts: Vec<Self> = parts.iter().map(|x| x.unsqueeze(axis)).collect();
        Self::cat(&parts.iter().collect::<Vec<_>>(), axis)
    }

    /// Parts `index` of `axis`, in that order: `[…, N, …], [K] → […, K, …]`.
    ///
    /// # Panics
    /// If there is no such axis, or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn index_select(&self, axis: isize, index: &Tensor<i64>) -> Self {
        apply(Pick { axis, index: index.clone(), rows: true }, &[self])
    }

    /// `self` with part k of `source` added to part `index[k]` of `axis`; repeated indices add up.
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn index_add(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        self + apply(PutBack { axis, index: index.clone(), rows: true, shape: *self.shape() }, &[source])
    }

    /// `self` with `value` in the parts `index` of `axis`, without a gradient there (PyTorch: `index_fill`).
    ///
    /// # Panics
    /// If there is no such axis, or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn index_fill(&self, axis: isize, index: &Tensor<i64>, value: f64) -> Self {
        let (at, none) = (self.shape().axis("index_fill", axis), Tensor::<bool>::zeros([self.dim(axis)]));
        let hit = none.index_fill(0, index, true);
        let mut shape = vec![1; self.rank()];
        shape[at] = hit.len();
        self.masked_fill(&hit.reshape(shape), value)
    }

    /// `self` with part k of `source` in place of part `index[k]` of `axis`; of repeated indices the last counts, and it
    /// alone gets a gradient (PyTorch: `index_copy`).
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn index_copy(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        let at = self.shape().axis("index_copy", axis);
        let want = self.shape().with(at, index.len());
        assert!(
            *source.shape() == want,
            "index_copy: source does not fit: {} (needs {want})",
            source.shape()
        );
        let order = Tensor::<i64>::arange(index.len());
        let last = Tensor::zeros([self.dim(axis)]).index_copy(0, index, &order).index_select(0, index);
        let mut shape = vec![1; self.rank()];
        shape[at] = index.len();
        let lost = source.masked_fill(&last.not_equal(&order).reshape(shape), 0.0);
        self.index_fill(axis, index, 0.0).index_add(axis, index, &lost)
    }

    /// Elements of the flattened variable by number: `[…], [K…] → [K…]` (PyTorch: `take`).
    ///
    /// # Panics
    /// If an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn take(&self, index: &Tensor<i64>) -> Self {
        self.reshape([self.len()]).index_select(0, &index.reshape([index.len()])).reshape(*index.shape())
    }

    /// The elements where the mask is true, in row-major order, `[K]` (PyTorch: `masked_select`). Shapes broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor<bool>) -> Self {
        let (x, m) = (self.shape(), mask.shape());
        let Some(shape) = x.broadcast(m) else {
            panic!("masked_select: shapes do not broadcast: {x} and {m} (each axis equal, or 1)");
        };
        let mask = mask.expand(shape);
        let places = mask.reshape([mask.len()]).nonzero();
        self.expand(shape).take(&places.reshape([places.len()]))
    }

    /// A row of this table for each index: `[V, D], […] → […, D]` (PyTorch: `embedding`, whose second argument is the
    /// table).
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
}
