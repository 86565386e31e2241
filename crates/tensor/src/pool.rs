//! Pooling of planes `[…, H, W]`: which windows there are, what shapes come out, and the adjoints. How it is computed
//! stands in `kernels::pool`. It must never know layers.

mod cells;

use self::cells::{Cells, plane, with_plane};
use crate::conv::dense;
use crate::element::Float;
use crate::isa::current_isa;
use crate::kernels::pool::Pool;
use crate::kernels::pool::windows::{self, has_taps};
use crate::kernels::window::Window;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How a pooling window moves over a plane.
///
/// ```
/// use gradus_tensor::Pool2dSpec;
/// let spec = Pool2dSpec { stride: [2, 2], padding: [1, 1], ..Pool2dSpec::new([3, 3]) };
/// assert_eq!(spec.output([7, 8]), [4, 4]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pool2dSpec {
    /// The window's sides, [rows, columns].
    pub kernel: [usize; 2],
    /// Steps of the window.
    pub stride: [usize; 2],
    /// Border before and after, at most half the kernel: −∞ for maxima, zeros for means.
    pub padding: [usize; 2],
    /// Distance between the window's elements; maxima only.
    pub dilation: [usize; 2],
    /// Whether windows may hang over the end (they still begin inside the plane or the border before it).
    pub ceil_mode: bool,
    /// Whether means count the zeros of the border.
    pub count_include_pad: bool,
}

impl Pool2dSpec {
    /// Windows side by side: the stride is the kernel, all else PyTorch's default (no padding, no dilation, no
    /// overhang, `count_include_pad`).
    #[must_use]
    pub const fn new(kernel: [usize; 2]) -> Self {
        Self {
            kernel,
            stride: kernel,
            padding: [0, 0],
            dilation: [1, 1],
            ceil_mode: false,
            count_include_pad: true,
        }
    }

    /// The sides [OH, OW] of the result for a plane [H, W]:
    /// ⌊(H + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, or ⌈…⌉ in `ceil_mode` without a window that would
    /// begin behind the plane.
    ///
    /// # Panics
    /// If a size is 0, the padding exceeds half the kernel or the kernel the padded plane, or a window would see
    /// nothing but padding.
    #[must_use]
    #[track_caller]
    pub fn output(self, input: [usize; 2]) -> [usize; 2] {
        self.cells("pool2d", input).output()
    }

    /// The cells that the windows cut out of a plane.
    #[track_caller]
    fn cells(self, op: &str, input: [usize; 2]) -> Cells {
        let Self { kernel, stride, padding, dilation, .. } = self;
        let sizes = [kernel, stride, dilation].concat();
        assert!(!sizes.contains(&0), "{op}: kernels, strides and dilations start at 1: {self:?}");
        // A loop, not a closure: only so do the panics point to the caller.
        let mut ranges = [Vec::new(), Vec::new()];
        for (axis, ranges) in ranges.iter_mut().enumerate() {
            let (length, k, pad, step) = (input[axis], kernel[axis], padding[axis], stride[axis]);
            assert!(
                pad <= k / 2,
                "{op}: padding exceeds half the kernel: {input:?} by {kernel:?} ({pad} > {k}/2)"
            );
            let (padded, reach) = (length + 2 * pad, Window::reach(k, dilation[axis]));
            assert!(
                reach <= padded,
                "{op}: kernel exceeds the padded input: {input:?} by {kernel:?} ({reach} > {length} + 2·{pad})"
            );
            let mut places = (padded - reach) / step + 1;
            if self.ceil_mode {
                places = (padded - reach).div_ceil(step) + 1;
                places -= usize::from((places - 1) * step >= length + pad);
            }
            for place in 0..places {
                let taps = (0..k).filter_map(|tap| (place * step + tap * dilation[axis]).checked_sub(pad));
                let mut seen = taps.filter(|&at| at < length);
                let (first, last) = (seen.next(), seen.next_back());
                let Some(first) = first else {
                    panic!("{op}: a window sees only padding: {input:?} by {kernel:?} ({self:?})");
                };
                ranges.push(first..last.unwrap_or(first) + 1);
            }
        }
        Cells { input, ranges, step: dilation }
    }

    /// Where tap number `tap` = ky·KW + kx of window `at` = [oy, ox] lies in a plane of `width` columns: its place
    /// y·width + x.
    #[must_use]
    pub const fn place(self, at: [usize; 2], tap: usize, width: usize) -> usize {
        let Self { kernel, stride, padding, dilation, .. } = self;
        let y = (at[0] * stride[0] + tap / kernel[1] * dilation[0]).wrapping_sub(padding[0]);
        let x = (at[1] * stride[1] + tap % kernel[1] * dilation[1]).wrapping_sub(padding[1]);
        y.wrapping_mul(width).wrapping_add(x)
    }

    fn window(self, cells: &Cells) -> Window {
        let Self { kernel, stride, padding, dilation, .. } = self;
        Window { input: cells.input, output: cells.output(), kernel, stride, padding, dilation }
    }

    /// What a mean divides by, as one factor per row and per column of windows: the elements of the window that lie in
    /// the plane or, with `count_include_pad`, in the plane and its border.
    fn divisors<T: Float>(self, cells: &Cells) -> [Vec<T>; 2] {
        if !self.count_include_pad {
            return cells.lengths();
        }
        [0, 1].map(|axis| {
            let padded = cells.input[axis] + 2 * self.padding[axis];
            let count = |place: usize| {
                let start = place * self.stride[axis]; // counted from the border's beginning
                (start + self.kernel[axis]).min(padded) - start
            };
            (0..cells.ranges[axis].len()).map(|place| T::of(count(place) as f64)).collect()
        })
    }

    #[track_caller]
    fn average_cells(self, op: &str, shape: &Shape) -> Cells {
        let dilation = self.dilation;
        assert!(dilation == [1, 1], "{op}: means have no dilation: {shape} ({dilation:?} ≠ [1, 1])");
        self.cells(op, plane(op, shape))
    }
}

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
    /// If there are fewer than two axes, or as [`Pool2dSpec::output`].
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
    /// If there are fewer than two axes, there is dilation, or as [`Pool2dSpec::output`].
    #[must_use]
    #[track_caller]
    pub fn avg_pool2d(&self, spec: Pool2dSpec) -> Self {
        let cells = spec.average_cells("avg_pool2d", self.shape());
        self.averages(&cells, spec.divisors(&cells))
    }

    /// The adjoint of [`Tensor::avg_pool2d`]: `self` is the result's cotangent `[…, OH, OW]`, the answer that of the
    /// planes, of shape `input` `[…, H, W]`.
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
    /// # Panics
    /// As `adaptive_avg_pool2d`.
    #[must_use]
    #[track_caller]
    pub fn adaptive_max_pool2d(&self, output: [usize; 2]) -> (Self, Tensor<i64>) {
        self.largest(&Cells::adaptive("adaptive_max_pool2d", self.shape(), output))
    }
}
