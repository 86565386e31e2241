//! Pooling along one and three axes, maxima with their places, and powers, all made of the pools over planes: a sequence
//! is a plane of one row, a volume is pooled as planes and then along its depth.

use gradus_tensor::{Float, Pool1dSpec, Pool2dSpec, Pool3dSpec, PoolSpec, Shape, Tensor};

use super::elementwise::choose;
use super::index::put_back;
use crate::var::Var;

/// The last `axes` axes as one.
fn merged(shape: &Shape, axes: usize) -> Shape {
    let (lead, rest) = shape.split_at(shape.len() - axes);
    Shape::new(&[lead, &[rest.iter().product()]].concat())
}

/// `shape` with its last axes replaced.
fn with_last(shape: &Shape, sides: &[usize]) -> Shape {
    let mut shape = *shape;
    let axes = shape.len();
    shape[axes - sides.len()..].copy_from_slice(sides);
    shape
}

/// Panics unless there are at least `axes` axes.
#[track_caller]
fn check_axes(op: &str, inputs: &str, shape: &Shape, axes: usize) {
    assert!(shape.len() >= axes, "{op}: {inputs}: {shape} ({} axes)", shape.len());
}

impl<T: Float> Var<T> {
    /// `pool` of a sequence as of a plane of one row.
    #[track_caller]
    fn as_plane(&self, op: &str, pool: impl FnOnce(&Self) -> Self) -> Self {
        check_axes(op, "sequences are not […, L]", self.shape(), 1);
        pool(&self.unsqueeze(-2)).squeeze(-2)
    }

    /// Volumes pooled as planes by `planes`, then along their depth by `depth`, which sees planes [D, H·W].
    #[track_caller]
    fn as_planes(
        &self,
        op: &str,
        planes: impl FnOnce(&Self) -> Self,
        depth: impl FnOnce(&Self) -> Self,
    ) -> Self {
        check_axes(op, "volumes are not […, D, H, W]", self.shape(), 3);
        let y = planes(self);
        let sides = [y.dim(-2), y.dim(-1)];
        let z = depth(&y.reshape(merged(y.shape(), 2)));
        let lead = &z.shape()[..z.rank() - 1];
        z.reshape([lead, &sides].concat())
    }

    /// Pools by `pool` along whatever axes `spec` has; the planes' windows come first.
    #[track_caller]
    fn pooled<const D: usize>(
        &self,
        op: &str,
        spec: PoolSpec<D>,
        pool: impl Fn(&Self, Pool2dSpec) -> Self,
    ) -> Self {
        if let Some(sides) = self.shape().last_chunk::<D>() {
            let _ = spec.output(*sides); // so that a refusal speaks of the axes that there are
        }
        let plane = spec.in_plane();
        match (D, spec.along_depth()) {
            (1, _) => self.as_plane(op, |x| pool(x, plane)),
            (_, Some(depth)) => self.as_planes(op, |x| pool(x, plane), |y| pool(y, depth)),
            _ => pool(self, plane),
        }
    }

    /// The largest element of each window: `[…, L] → […, OL]`, ties and NaN as in [`Var::max_pool2d`]
    /// (PyTorch: `functional.max_pool1d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::PoolSpec;
    /// let y = Var::constant([1.0_f32, 3.0, 2.0, 0.0]).max_pool1d(PoolSpec::new([2]));
    /// assert_eq!(y.value().to_vec(), [3.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no axis or the window does not fit.
    #[must_use]
    #[track_caller]
    pub fn max_pool1d(&self, spec: Pool1dSpec) -> Self {
        self.pooled("max_pool1d", spec, Self::max_pool2d)
    }

    /// The largest element of each window: `[…, D, H, W] → […, OD, OH, OW]`, ties and NaN as in [`Var::max_pool2d`]
    /// (PyTorch: `functional.max_pool3d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{PoolSpec, Tensor};
    /// let x = Var::leaf(Tensor::<f32>::arange(8).reshape([1, 2, 2, 2]));
    /// assert_eq!(x.max_pool3d(PoolSpec::new([2, 2, 2])).item(), 7.0);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than three axes or the window does not fit.
    #[must_use]
    #[track_caller]
    pub fn max_pool3d(&self, spec: Pool3dSpec) -> Self {
        self.pooled("max_pool3d", spec, Self::max_pool2d)
    }

    /// The mean of each window: `[…, L] → […, OL]` (PyTorch: `functional.avg_pool1d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::PoolSpec;
    /// let y = Var::constant([1.0_f32, 3.0, 2.0, 0.0]).avg_pool1d(PoolSpec::new([2]));
    /// assert_eq!(y.value().to_vec(), [2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no axis or the window does not fit.
    #[must_use]
    #[track_caller]
    pub fn avg_pool1d(&self, spec: Pool1dSpec) -> Self {
        self.pooled("avg_pool1d", spec, Self::avg_pool2d)
    }

    /// The mean of each window: `[…, D, H, W] → […, OD, OH, OW]` (PyTorch: `functional.avg_pool3d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{PoolSpec, Tensor};
    /// let x = Var::leaf(Tensor::<f32>::arange(8).reshape([1, 2, 2, 2]));
    /// assert_eq!(x.avg_pool3d(PoolSpec::new([2, 2, 2])).item(), 3.5);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than three axes or the window does not fit.
    #[must_use]
    #[track_caller]
    pub fn avg_pool3d(&self, spec: Pool3dSpec) -> Self {
        self.pooled("avg_pool3d", spec, Self::avg_pool2d)
    }

    /// Means over `size` regions that cover the sequence: `[…, L] → […, size]` (PyTorch:
    /// `functional.adaptive_avg_pool1d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let y = Var::constant([1.0_f32, 2.0, 3.0]).adaptive_avg_pool1d([2]); // over 0 1 and 1 2
    /// assert_eq!(y.value().to_vec(), [1.5, 2.5]);
    /// ```
    ///
    /// # Panics
    /// If there is no axis, or it or the size is 0.
    #[must_use]
    #[track_caller]
    pub fn adaptive_avg_pool1d(&self, size: [usize; 1]) -> Self {
        self.as_plane("adaptive_avg_pool1d", |x| x.adaptive_avg_pool2d([1, size[0]]))
    }

    /// Means over regions that cover the volume: `[…, D, H, W] → […, size[0], size[1], size[2]]` (PyTorch:
    /// `functional.adaptive_avg_pool3d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf(Tensor::<f32>::arange(8).reshape([1, 2, 2, 2]));
    /// assert_eq!(x.adaptive_avg_pool3d([2, 1, 1]).value().to_vec(), [1.5, 5.5]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than three axes, or one of them or a size is 0.
    #[must_use]
    #[track_caller]
    pub fn adaptive_avg_pool3d(&self, [d, h, w]: [usize; 3]) -> Self {
        let depth = |y: &Self| y.adaptive_avg_pool2d([d, h * w]);
        self.as_planes("adaptive_avg_pool3d", |x| x.adaptive_avg_pool2d([h, w]), depth)
    }

    /// The largest element of each window along the last `D` (1 to 3) axes, and its place counted row by row over these
    /// axes: `[…, D, H, W] → […, OD, OH, OW]` twice. The first of equals is the one (PyTorch: `max_pool1d`, `max_pool2d`,
    /// `max_pool3d` with `return_indices=True`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::PoolSpec;
    /// let x = Var::leaf([[1.0_f32, 5.0], [2.0, 3.0]]);
    /// let (y, place) = x.max_pool_with_indices(PoolSpec::new([2, 2]));
    /// assert_eq!((y.item(), place.item()), (5.0, 1));
    /// assert_eq!(y.max_unpool(&place, [2, 2]).value().to_vec(), [0.0, 5.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than `D` axes or the window does not fit.
    #[must_use]
    #[track_caller]
    pub fn max_pool_with_indices<const D: usize>(&self, spec: PoolSpec<D>) -> (Self, Tensor<i64>) {
        let (_, place) = self.value().max_pool_with_indices(spec);
        (self.taken_at::<D>(&place), place)
    }

    /// The largest element of each of `size` regions that cover the last `D` (1 to 3) axes, and its place counted row by
    /// row over these axes (PyTorch: `adaptive_max_pool1d`, `adaptive_max_pool2d`, `adaptive_max_pool3d` with
    /// `return_indices=True`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (y, place) = Var::constant([1.0_f32, 3.0, 2.0]).adaptive_max_pool_with_indices([2]);
    /// assert_eq!((y.value().to_vec(), place.to_vec()), (vec![3.0, 3.0], vec![1, 1]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than `D` axes, or one of them or a size is 0.
    #[must_use]
    #[track_caller]
    pub fn adaptive_max_pool_with_indices<const D: usize>(&self, size: [usize; D]) -> (Self, Tensor<i64>) {
        let (_, place) = self.value().adaptive_max_pool_with_indices(size);
        (self.taken_at::<D>(&place), place)
    }

    /// The elements at `place`, counted row by row over the last `D` axes.
    fn taken_at<const D: usize>(&self, place: &Tensor<i64>) -> Self {
        let flat = place.reshape(merged(place.shape(), D));
        self.reshape(merged(self.shape(), D)).gather(-1, &flat).reshape(*place.shape())
    }

    /// The largest element of each of `size` regions that cover the sequence: `[…, L] → […, size]` (PyTorch:
    /// `functional.adaptive_max_pool1d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let y = Var::constant([1.0_f32, 2.0, 3.0]).adaptive_max_pool1d([2]); // over 0 1 and 1 2
    /// assert_eq!(y.value().to_vec(), [2.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no axis, or it or the size is 0.
    #[must_use]
    #[track_caller]
    pub fn adaptive_max_pool1d(&self, size: [usize; 1]) -> Self {
        self.adaptive_max_pool_with_indices(size).0
    }

    /// The largest element of each region that covers the plane: `[…, H, W] → […, size[0], size[1]]` (PyTorch:
    /// `functional.adaptive_max_pool2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let y = Var::constant([[1.0_f32, 2.0], [3.0, 4.0]]).adaptive_max_pool2d([2, 1]);
    /// assert_eq!(y.value().to_vec(), [2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes, or one of them or a size is 0.
    #[must_use]
    #[track_caller]
    pub fn adaptive_max_pool2d(&self, size: [usize; 2]) -> Self {
        self.adaptive_max_pool_with_indices(size).0
    }

    /// The largest element of each region that covers the volume: `[…, D, H, W] → […, size[0], size[1], size[2]]`
    /// (PyTorch: `functional.adaptive_max_pool3d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf(Tensor::<f32>::arange(8).reshape([1, 2, 2, 2]));
    /// assert_eq!(x.adaptive_max_pool3d([2, 1, 1]).value().to_vec(), [3.0, 7.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than three axes, or one of them or a size is 0.
    #[must_use]
    #[track_caller]
    pub fn adaptive_max_pool3d(&self, size: [usize; 3]) -> Self {
        self.adaptive_max_pool_with_indices(size).0
    }

    /// Undoes maximum pooling as far as that can be: noughts of sides `size`, and the elements where `place` says,
    /// counted row by row over the last `D` (1 to 3) axes: `[…, OD, OH, OW] → […, D, H, W]`. Of several elements for one
    /// place the last is seen, and has the gradient (PyTorch: `functional.max_unpool1d`, `max_unpool2d`, `max_unpool3d`,
    /// where that is left open).
    ///
    /// # Panics
    /// If `place` is not of self's shape, there are fewer than `D` axes, or a place lies outside.
    #[must_use]
    #[track_caller]
    pub fn max_unpool<const D: usize>(&self, place: &Tensor<i64>, size: [usize; D]) -> Self {
        let (shape, given) = (self.shape(), place.shape());
        assert!(shape == given, "max_unpool: one place per element: {shape} and {given}");
        check_axes("max_unpool", "too few axes for the size", shape, D);
        let whole = with_last(shape, &size);
        let flat = place.reshape(merged(shape, D));
        let seen = flat.is_last_of_equals(size.iter().product());
        let x = self.reshape(*flat.shape());
        let is_seen_whole = seen.to_vec().into_iter().all(|seen| seen);
        let x = if is_seen_whole { x } else { choose(&seen, &x, &Self::constant(T::ZERO)) };
        put_back(&x, -1, &flat, merged(&whole, D)).reshape(whole)
    }

    /// (Σ xᵖ)^(1/p) over each window: `[…, L] → […, OL]`, with gradient 0 where the sum is 0 (PyTorch:
    /// `functional.lp_pool1d`). The window has neither border nor dilation; in `ceil_mode` one that hangs over counts what
    /// it sees in proportion, as in PyTorch.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::PoolSpec;
    /// let y = Var::constant([3.0_f64, 4.0, 0.0, 0.0]).lp_pool1d(2.0, PoolSpec::new([2]));
    /// assert_eq!(y.value().to_vec(), [5.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no axis, the window does not fit, or it has a border, dilation or divisor.
    #[must_use]
    #[track_caller]
    pub fn lp_pool1d(&self, p: f64, spec: Pool1dSpec) -> Self {
        self.powers("lp_pool1d", p, spec)
    }

    /// [`Var::lp_pool1d`] over planes: `[…, H, W] → […, OH, OW]` (PyTorch: `functional.lp_pool2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::PoolSpec;
    /// let y = Var::constant([[3.0_f64, 4.0], [0.0, 0.0]]).lp_pool2d(2.0, PoolSpec::new([2, 2]));
    /// assert_eq!(y.item(), 5.0);
    /// ```
    ///
    /// # Panics
    /// As `lp_pool1d`, for two axes.
    #[must_use]
    #[track_caller]
    pub fn lp_pool2d(&self, p: f64, spec: Pool2dSpec) -> Self {
        self.powers("lp_pool2d", p, spec)
    }

    /// [`Var::lp_pool1d`] over volumes: `[…, D, H, W] → […, OD, OH, OW]` (PyTorch: `functional.lp_pool3d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{PoolSpec, Tensor};
    /// let x = Var::leaf(Tensor::<f64>::ones([1, 2, 2, 1]));
    /// assert_eq!(x.lp_pool3d(2.0, PoolSpec::new([2, 2, 1])).item(), 2.0);
    /// ```
    ///
    /// # Panics
    /// As `lp_pool1d`, for three axes.
    #[must_use]
    #[track_caller]
    pub fn lp_pool3d(&self, p: f64, spec: Pool3dSpec) -> Self {
        self.powers("lp_pool3d", p, spec)
    }

    #[track_caller]
    fn powers<const D: usize>(&self, op: &str, p: f64, spec: PoolSpec<D>) -> Self {
        let plain = spec.padding == [0; D] && spec.dilation == [1; D] && spec.divisor.is_none();
        assert!(plain, "{op}: windows have no border, dilation or divisor: {} ({spec:?})", self.shape());
        let count: usize = spec.kernel.iter().product();
        let sum = self.powf(p).pooled(op, spec, Self::avg_pool2d) * count as f64;
        let is_zero = sum.value().map(|sum| sum == T::ZERO);
        let one = Self::constant(T::ONE);
        let safe = choose(&is_zero, &one, &sum).powf(1.0 / p);
        choose(&is_zero, &Self::constant(T::ZERO), &safe)
    }
}
