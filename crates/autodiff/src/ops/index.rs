//! Joining and picking: cat, stack, gather and its adjoint, rows by number and their adjoint.

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
struct Pick {
    axis: isize,
    index: Tensor<i64>,
    rows: bool,
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

    /// `out[i][j] = self[i][index[i][j]]` along `axis`; `index` has self's lengths in all other axes.
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn gather(&self, axis: isize, index: &Tensor<i64>) -> Self {
        apply(Pick { axis, index: index.clone(), rows: false }, &[self])
    }

    /// `self` with `source` added at `index` along `axis`; repeated indices add up.
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        self + put_back(source, axis, index, *self.shape())
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
}
