//! Maxima along one to three axes with the places where they stood, and the way back. Three axes are pooled as planes
//! and then along the depth: taking the first of equals is associative, so both orders find the same place. It must never
//! know layers.

use super::spec::{PoolSpec, sides, with_sides};
use crate::element::Float;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A shape whose last `D` axes are those of planes: `[…, L]` as `[…, 1, L]`, others as they are.
fn planes<const D: usize>(shape: &Shape) -> Shape {
    if D == 1 { shape.insert(shape.len() - 1, 1) } else { *shape }
}

/// The last `axes` axes as one.
fn merged(shape: &Shape, axes: usize) -> Shape {
    let (lead, rest) = shape.split_at(shape.len() - axes);
    Shape::new(&[lead, &[rest.iter().product()]].concat())
}

impl<T: Float> Tensor<T> {
    /// The largest element of each window along the last `D` (1 to 3) axes, and its place counted row by row over these
    /// axes: `[…, D, H, W] → […, OD, OH, OW]` twice (PyTorch: `max_pool1d`, `max_pool2d`, `max_pool3d` with
    /// `return_indices=True`). The first of equals wins; NaN counts as largest.
    ///
    /// ```
    /// use gradus_tensor::{PoolSpec, Tensor};
    /// let x = Tensor::from([1.0_f32, 5.0, 2.0, 3.0]);
    /// let (largest, place) = x.max_pool_with_indices(PoolSpec::new([2]));
    /// assert_eq!((largest.to_vec(), place.to_vec()), (vec![5.0, 3.0], vec![1, 3]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than `D` axes, or as [`PoolSpec::output`].
    #[must_use]
    #[track_caller]
    pub fn max_pool_with_indices<const D: usize>(&self, spec: PoolSpec<D>) -> (Self, Tensor<i64>) {
        let shape = spec.result(self.shape());
        let (y, place) = self.reshape(planes::<D>(self.shape())).max_pool2d(spec.in_plane());
        let Some(depth) = spec.along_depth() else { return (y.reshape(shape), place.reshape(shape)) };
        self.deepest(shape, &y, &place, |y| y.max_pool2d(depth))
    }

    /// The largest element of each of `output` cells along the last `D` (1 to 3) axes, and its place counted row by row
    /// over these axes; cell i of an axis covers ⌊i·L/OL⌋ .. ⌈(i + 1)·L/OL⌉ (PyTorch: `adaptive_max_pool1d`,
    /// `adaptive_max_pool2d`, `adaptive_max_pool3d` with `return_indices=True`).
    ///
    /// # Panics
    /// If there are fewer than `D` axes, or a side of the input or the result is 0.
    #[must_use]
    #[track_caller]
    pub fn adaptive_max_pool_with_indices<const D: usize>(&self, output: [usize; D]) -> (Self, Tensor<i64>) {
        let _: [usize; D] = sides("adaptive_max_pool", self.shape());
        let shape = with_sides(self.shape(), output);
        let plane = match output[..] {
            [.., h, w] => [h, w],
            [w] => [1, w],
            [] => [1, 1],
        };
        let (y, place) = self.reshape(planes::<D>(self.shape())).adaptive_max_pool2d(plane);
        if D < 3 {
            return (y.reshape(shape), place.reshape(shape));
        }
        self.deepest(shape, &y, &place, |y| y.adaptive_max_pool2d([output[0], plane[0] * plane[1]]))
    }

    /// Pools planes `y`, whose maxima stood at `place` of their own plane, along the depth.
    fn deepest(
        &self,
        shape: Shape,
        y: &Self,
        place: &Tensor<i64>,
        pool: impl FnOnce(&Self) -> (Self, Tensor<i64>),
    ) -> (Self, Tensor<i64>) {
        let [h, w] = sides("max_pool", self.shape());
        let [oh, ow] = sides("max_pool", &shape);
        let (z, from) = pool(&y.reshape(merged(y.shape(), 2)));
        let (plane, step) = ((h * w) as i64, (oh * ow) as i64);
        let from = from.reshape(merged(&shape, 3));
        let inside = place.reshape(merged(place.shape(), 3)).gather(-1, &from);
        let depth = from.map(|from| from / step * plane);
        (z.reshape(shape), (&inside + &depth).reshape(shape))
    }
}

impl Tensor<i64> {
    /// For each number of the last axis whether no later one of the same row equals it. Of several writers to one
    /// place these are the ones that are seen.
    ///
    /// # Panics
    /// If a number lies outside `0 .. limit`.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn is_last_of_equals(&self, limit: usize) -> Tensor<bool> {
        let index = crate::index::checked("max_unpool", self, limit);
        let width = self.shape().last().copied().unwrap_or(1).max(1);
        Tensor::build(*self.shape(), |out| {
            let mut seen = vec![usize::MAX; limit];
            for (row, (out, index)) in out.chunks_mut(width).zip(index.chunks(width)).enumerate() {
                for (out, &place) in out.iter_mut().zip(index).rev() {
                    *out = seen[place] != row;
                    seen[place] = row;
                }
            }
        })
    }
}
