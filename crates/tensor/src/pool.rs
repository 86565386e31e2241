//! Pooling of planes `[…, H, W]`: which windows there are, what shapes come out, and the adjoints. How it is computed
//! stands in `kernels::pool`. It must never know layers.

mod cells;
mod places;
mod spec;

use self::cells::{Cells, plane, with_plane};
use crate::conv::dense;
use crate::element::Float;
use crate::isa::current_isa;
use crate::kernels::pool::Pool;
use crate::kernels::pool::windows::{self, has_taps};
use crate::shape::Shape;
use crate::tensor::Tensor;

pub use self::spec::{Pool1dSpec, Pool2dSpec, Pool3dSpec, PoolSpec};

impl<T: Float> Tensor<T> {
    /// The largest element of each window, and its place y·W + x in the plane: `[…, H, W] → […, OH, OW]` twice
    /// (PyTorch: `max_pool2d(return_indices=True)`). The first of equals wins; NaN counts as largest.
    ///
    /// ```
    /// use gradus_tensor::{Pool2dSpec, Tensor};
    /// let x = Tensor::from([[1.0_f32, 5.0, 2.0], [3.0, 4.0, 6.0]]);
    /// let (largest, place) = x.max_pool2d(Pool2dSpec { stride: [1, 1], ..Pool2dSpec::new([2, 2]) });
    /// assert_eq!((largest.to_vec(), place.to_vec()), (vec![5.0, 6.0], vec![1, 5]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes, or as [`PoolSpec::output`].
    #[must_use]
    #[track_caller]
    pub fn max_pool2d(&self, spec: Pool2dSpec) -> (Self, Tensor<i64>) {
        let cells = spec.cells("max_pool2d", plane("max_pool2d", self.shape()));
        if !has_taps(&spec.window(&cells)) {
            return self.largest(&cells);
        }
        let (out, taps) = self.largest_taps(spec, &cells);
        let window = spec.window(&cells);
        let places = Tensor::build(*out.shape(), |places| windows::places(&window, dense(&taps), places));
        (out, places)
    }

    /// As [`Tensor::max_pool2d`], but what is told of each maximum is which tap ky·KW + kx of its window it was: one byte,
    /// from which [`Pool2dSpec::place`] makes the place.
    ///
    /// ```
    /// use gradus_tensor::{Pool2dSpec, Tensor};
    /// let (x, spec) = (Tensor::from([[1.0_f32, 2.0, 9.0], [3.0, 4.0, 0.0]]), Pool2dSpec::new([2, 1]));
    /// let (largest, taps) = x.max_pool2d_taps(spec);
    /// assert_eq!((largest.to_vec(), taps.to_vec()), (vec![3.0, 4.0, 9.0], vec![1, 1, 0]));
    /// assert_eq!(spec.place([0, 2], 0, 3), 2); // tap 0 of the third window, in rows of 3
    /// assert_eq!(Tensor::<f32>::ones([1, 3]).max_pool2d_taps_grad(&taps, [2, 3], spec).sum().item(), 3.0);
    /// assert_eq!(x.max_pool2d_values(spec), largest);
    /// ```
    ///
    /// # Panics
    /// As `max_pool2d`, and if a window has more than 256 taps.
    #[must_use]
    #[track_caller]
    pub fn max_pool2d_taps(&self, spec: Pool2dSpec) -> (Self, Tensor<u8>) {
        let cells = spec.cells("max_pool2d", plane("max_pool2d", self.shape()));
        let [kh, kw] = spec.kernel;
        let fits = has_taps(&spec.window(&cells));
        assert!(
            fits,
            "max_pool2d_taps: a tap is one byte: {} by {kh} × {kw} ({} > 256)",
            self.shape(),
            kh * kw
        );
        self.largest_taps(spec, &cells)
    }

    /// As [`Tensor::max_pool2d`], for those who will not ask where the maxima stood.
    ///
    /// # Panics
    /// As `max_pool2d`.
    #[must_use]
    #[track_caller]
    pub fn max_pool2d_values(&self, spec: Pool2dSpec) -> Self {
        let cells = spec.cells("max_pool2d", plane("max_pool2d", self.shape()));
        let (x, window) = (self.contiguous(), spec.window(&cells));
        Self::build(with_plane(self.shape(), cells.output()), |out| {
            T::pool(current_isa(), Pool::Values { window, x: dense(&x), out });
        })
    }

    fn largest_taps(&self, spec: Pool2dSpec, cells: &Cells) -> (Self, Tensor<u8>) {
        let shape = with_plane(self.shape(), cells.output());
        let x = self.contiguous();
        let mut taps = None;
        let out = Self::build(shape, |out| {
            taps = Some(Tensor::build(shape, |tap| {
                let window = spec.window(cells);
                T::pool(current_isa(), Pool::Largest { window, x: dense(&x), out, tap });
            }));
        });
        (out, taps.unwrap_or_default())
    }

    /// The adjoint of [`Tensor::max_pool2d_taps`]: `self` is the result's cotangent `[…, OH, OW]`, the answer that of the
    /// planes, of shape `input` `[…, H, W]`.
    ///
    /// # Panics
    /// As `max_pool2d_taps` for planes of shape `input`, if `self` or `taps` is not of its result's shape, or if a tap lies
    /// outside its plane.
    #[must_use]
    #[track_caller]
    pub fn max_pool2d_taps_grad(&self, taps: &Tensor<u8>, input: impl Into<Shape>, spec: Pool2dSpec) -> Self {
        let (op, input) = ("max_pool2d_taps_grad", input.into());
        let cells = spec.cells(op, plane(op, &input));
        self.check_cotangent(op, &with_plane(&input, cells.output()));
        assert!(
            self.shape() == taps.shape(),
            "{op}: one tap per element: {} and {}",
            self.shape(),
            taps.shape()
        );
        let (g, taps, window) = (self.contiguous(), taps.contiguous(), spec.window(&cells));
        let (most, count) = (dense(&taps).iter().fold(0, |a, &b| a.max(b)), spec.kernel[0] * spec.kernel[1]);
        assert!(usize::from(most) < count, "{op}: tap {most} lies outside {:?} ({count} taps)", spec.kernel);
        Self::build(input, |out| {
            T::pool(current_isa(), Pool::LargestGrad { window, g: dense(&g), tap: dense(&taps), out });
        })
    }

    fn largest(&self, cells: &Cells) -> (Self, Tensor<i64>) {
        let shape = with_plane(self.shape(), cells.output());
        let x = self.contiguous();
        let mut index = Tensor::<i64>::zeros(shape);
        let out = Self::build(shape, |out| {
            let call = Pool::Max { grid: cells.grid(), x: dense(&x), out, index: index.make_mut() };
            T::pool(current_isa(), call);
        });
        (out, index)
    }

    fn averages(&self, cells: &Cells, [rows, columns]: [Vec<T>; 2]) -> Self {
        let x = self.contiguous();
        Self::build(with_plane(self.shape(), cells.output()), |out| {
            let (grid, divisors) = (cells.grid(), [&rows[..], &columns[..]]);
            T::pool(current_isa(), Pool::Average { grid, divisors, x: dense(&x), out });
        })
    }

    #[track_caller]
    fn averages_grad(&self, op: &str, input: Shape, cells: &Cells, [rows, columns]: [Vec<T>; 2]) -> Self {
        self.check_cotangent(op, &with_plane(&input, cells.output()));
        let g = self.contiguous();
        Self::build(input, |out| {
            let (grid, divisors) = (cells.grid(), [&rows[..], &columns[..]]);
            T::pool(current_isa(), Pool::AverageGrad { grid, divisors, g: dense(&g), out });
        })
    }

    /// The adjoint of maximum pooling: `self` is the result's cotangent `[…, OH, OW]`, added up at the places `index`
    /// of planes of shape `input` `[…, H, W]` (where no index repeats: PyTorch's `max_unpool2d`).
    ///
    /// ```
    /// use gradus_tensor::{Pool2dSpec, Tensor};
    /// let x = Tensor::from([[1.0_f32, 5.0], [3.0, 4.0]]);
    /// let (_, places) = x.max_pool2d(Pool2dSpec::new([2, 2]));
    /// assert_eq!(Tensor::from([[7.0_f32]]).max_pool2d_grad(&places, [2, 2]).to_vec(), [0.0, 7.0, 0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If `self` and `index` differ in shape, `input` differs from them beside the last two axes, or an index lies
    /// outside its plane.
    #[must_use]
    #[track_caller]
    pub fn max_pool2d_grad(&self, index: &Tensor<i64>, input: impl Into<Shape>) -> Self {
        let (op, input) = ("max_pool2d_grad", input.into());
        let ([h, w], from) = (plane(op, &input), plane(op, self.shape()));
        self.check_cotangent(op, &with_plane(&input, from));
        assert!(
            self.shape() == index.shape(),
            "{op}: one index per element: {} and {}",
            self.shape(),
            index.shape()
        );
        let (g, index) = (self.contiguous(), index.contiguous());
        let limit = (h * w) as i64;
        if let Some((at, place)) = dense(&index).iter().enumerate().find(|(_, i)| !(0..limit).contains(*i)) {
            panic!("{op}: index {place} at position {at} lies outside 0 .. {limit}");
        }
        let planes = [from[0] * from[1], h * w];
        Self::build(input, |out| {
            T::pool(current_isa(), Pool::MaxGrad { planes, g: dense(&g), index: dense(&index), out });
        })
    }

    /// The mean of each window: `[…, H, W] → […, OH, OW]` (PyTorch: `avg_pool2d`).
    ///
    /// ```
    /// use gradus_tensor::{Pool2dSpec, Tensor};
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 6.0]]);
    /// assert_eq!(x.avg_pool2d(Pool2dSpec::new([2, 2])).to_vec(), [3.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes, there is dilation, or as [`PoolSpec::output`].
    #[must_use]
    #[track_caller]
    pub fn avg_pool2d(&self, spec: Pool2dSpec) -> Self {
        let cells = spec.average_cells("avg_pool2d", self.shape());
        self.averages(&cells, spec.divisors(&cells))
    }

    /// The adjoint of [`Tensor::avg_pool2d`]: `self` is the result's cotangent `[…, OH, OW]`, the answer that of the
    /// planes, of shape `input` `[…, H, W]`.
    ///
    /// ```
    /// use gradus_tensor::{Pool2dSpec, Tensor};
    /// let g = Tensor::from([[8.0_f32]]);
    /// assert_eq!(g.avg_pool2d_grad([2, 2], Pool2dSpec::new([2, 2])).to_vec(), [2.0; 4]);
    /// ```
    ///
    /// # Panics
    /// As `avg_pool2d` for planes of shape `input`, or if `self` is not of its result's shape.
    #[must_use]
    #[track_caller]
    pub fn avg_pool2d_grad(&self, input: impl Into<Shape>, spec: Pool2dSpec) -> Self {
        let (op, input) = ("avg_pool2d_grad", input.into());
        let cells = spec.average_cells(op, &input);
        self.averages_grad(op, input, &cells, spec.divisors(&cells))
    }

    /// The mean of each of `output` = [OH, OW] cells, cell i covering ⌊i·H/OH⌋ .. ⌈(i + 1)·H/OH⌉:
    /// `[…, H, W] → […, OH, OW]` (PyTorch: `adaptive_avg_pool2d`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0, 3.0]]);
    /// assert_eq!(x.adaptive_avg_pool2d([1, 2]).to_vec(), [1.5, 2.5]); // cells 0 1 and 1 2
    /// assert_eq!(Tensor::from([[2.0_f32, 4.0]]).adaptive_avg_pool2d_grad([1, 3]).to_vec(), [1.0, 3.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes, or a side of the planes or the result is 0.
    #[must_use]
    #[track_caller]
    pub fn adaptive_avg_pool2d(&self, output: [usize; 2]) -> Self {
        let cells = Cells::adaptive("adaptive_avg_pool2d", self.shape(), output);
        self.averages(&cells, cells.lengths())
    }

    /// The adjoint of [`Tensor::adaptive_avg_pool2d`]: `self` is the result's cotangent `[…, OH, OW]`, the answer that
    /// of the planes, of shape `input` `[…, H, W]`.
    ///
    /// # Panics
    /// If the shapes differ beside the last two axes, or as `adaptive_avg_pool2d`.
    #[must_use]
    #[track_caller]
    pub fn adaptive_avg_pool2d_grad(&self, input: impl Into<Shape>) -> Self {
        let (op, input) = ("adaptive_avg_pool2d_grad", input.into());
        let cells = Cells::adaptive(op, &input, plane(op, self.shape()));
        self.averages_grad(op, input, &cells, cells.lengths())
    }

    /// The largest element of each of `output` = [OH, OW] cells as in [`Tensor::adaptive_avg_pool2d`], and its place
    /// in the plane: `[…, H, W] → […, OH, OW]` twice (PyTorch: `adaptive_max_pool2d(return_indices=True)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (largest, places) = Tensor::from([[1.0_f32, 2.0, 3.0]]).adaptive_max_pool2d([1, 2]);
    /// assert_eq!((largest.to_vec(), places.to_vec()), (vec![2.0, 3.0], vec![1, 2]));
    /// ```
    ///
    /// # Panics
    /// As `adaptive_avg_pool2d`.
    #[must_use]
    #[track_caller]
    pub fn adaptive_max_pool2d(&self, output: [usize; 2]) -> (Self, Tensor<i64>) {
        self.largest(&Cells::adaptive("adaptive_max_pool2d", self.shape(), output))
    }
}
