//! How a pooling window moves along one, two or three axes, and which places it then sees. Knows no elements.

use std::ops::Range;

use super::cells::{Cells, plane};
use crate::element::Float;
use crate::kernels::window::Window;
use crate::shape::Shape;

const NAMES: [&str; 3] = ["pool1d", "pool2d", "pool3d"];
const INPUTS: [&str; 3] =
    ["sequences are not […, L]", "planes are not […, H, W]", "volumes are not […, D, H, W]"];

/// How a pooling window moves along `D` axes, one to three.
///
/// ```
/// use gradus_tensor::Pool2dSpec;
/// let spec = Pool2dSpec { stride: [2, 2], padding: [1, 1], ..Pool2dSpec::new([3, 3]) };
/// assert_eq!(spec.output([7, 8]), [4, 4]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PoolSpec<const D: usize> {
    /// The window's sides, one per axis.
    pub kernel: [usize; D],
    /// Steps of the window.
    pub stride: [usize; D],
    /// Border before and after, at most half the kernel: −∞ for maxima, zeros for means.
    pub padding: [usize; D],
    /// Distance between the window's elements; maxima only.
    pub dilation: [usize; D],
    /// Whether windows may hang over the end (they still begin inside the input or the border before it).
    pub ceil_mode: bool,
    /// Whether means count the zeros of the border.
    pub count_include_pad: bool,
    /// What sums are divided by instead of the window's size (PyTorch: `divisor_override`); means only.
    pub divisor: Option<usize>,
}

/// Over sequences.
pub type Pool1dSpec = PoolSpec<1>;
/// Over planes: [rows, columns].
pub type Pool2dSpec = PoolSpec<2>;
/// Over volumes: [depth, rows, columns].
pub type Pool3dSpec = PoolSpec<3>;

impl<const D: usize> PoolSpec<D> {
    /// Windows side by side: the stride is the kernel, all else PyTorch's default (no padding, no dilation, no
    /// overhang, `count_include_pad`).
    #[must_use]
    pub const fn new(kernel: [usize; D]) -> Self {
        Self {
            kernel,
            stride: kernel,
            padding: [0; D],
            dilation: [1; D],
            ceil_mode: false,
            count_include_pad: true,
            divisor: None,
        }
    }

    /// The sides of the result for an input of sides `[H, W]` (or `[L]`, `[D, H, W]`):
    /// ⌊(H + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, or ⌈…⌉ in `ceil_mode` without a window that would
    /// begin behind the input.
    ///
    /// # Panics
    /// If a size is 0, the padding exceeds half the kernel or the kernel the padded input, or a window would see
    /// nothing but padding.
    #[must_use]
    #[track_caller]
    pub fn output(self, input: [usize; D]) -> [usize; D] {
        self.ranges(NAMES[D - 1], input).map(|ranges| ranges.len())
    }

    /// `shape` with its last `D` axes replaced by the result's.
    #[track_caller]
    pub(crate) fn result(self, shape: &Shape) -> Shape {
        let op = NAMES[D - 1];
        with_sides(shape, self.ranges(op, sides(op, shape)).map(|ranges| ranges.len()))
    }

    /// Along each axis, from where to where each window sees the input.
    #[track_caller]
    fn ranges(self, op: &str, input: [usize; D]) -> [Vec<Range<usize>>; D] {
        let Self { kernel, stride, padding, dilation, .. } = self;
        let sizes = [kernel, stride, dilation].concat();
        assert!(!sizes.contains(&0), "{op}: kernels, strides and dilations start at 1: {self:?}");
        // A loop, not a closure: only so do the panics point to the caller.
        let mut ranges = [const { Vec::new() }; D];
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
        ranges
    }

    /// The windows along the last two axes (a sequence is a plane of one row), to be followed by [`PoolSpec::along_depth`]
    /// where there are three.
    #[doc(hidden)]
    #[must_use]
    pub fn in_plane(self) -> Pool2dSpec {
        let last = |sides: [usize; D], height: usize| match sides[..] {
            [.., h, w] => [h, w],
            [w] => [height, w],
            [] => [height, height],
        };
        Pool2dSpec {
            kernel: last(self.kernel, 1),
            stride: last(self.stride, 1),
            padding: last(self.padding, 0),
            dilation: last(self.dilation, 1),
            ceil_mode: self.ceil_mode,
            count_include_pad: self.count_include_pad,
            divisor: if D == 3 { self.divisor.map(|_| 1) } else { self.divisor },
        }
    }

    /// The windows along the first of three axes, over planes [D, H·W]; `None` where there are fewer axes.
    #[doc(hidden)]
    #[must_use]
    pub fn along_depth(self) -> Option<Pool2dSpec> {
        let Self { ceil_mode, count_include_pad, divisor, .. } = self;
        (D == 3).then(|| Pool2dSpec {
            kernel: [self.kernel[0], 1],
            stride: [self.stride[0], 1],
            padding: [self.padding[0], 0],
            dilation: [self.dilation[0], 1],
            ceil_mode,
            count_include_pad,
            divisor,
        })
    }
}

impl Pool2dSpec {
    /// The cells that the windows cut out of a plane.
    #[track_caller]
    pub(super) fn cells(self, op: &str, input: [usize; 2]) -> Cells {
        Cells { input, ranges: self.ranges(op, input), step: self.dilation }
    }

    /// Where tap number `tap` = ky·KW + kx of window `at` = [oy, ox] lies in a plane of `width` columns: its place
    /// y·width + x.
    ///
    /// ```
    /// use gradus_tensor::Pool2dSpec;
    /// assert_eq!(Pool2dSpec::new([2, 2]).place([0, 1], 3, 4), 7); // the last tap of the second window, in rows of 4
    /// ```
    #[must_use]
    pub const fn place(self, at: [usize; 2], tap: usize, width: usize) -> usize {
        let Self { kernel, stride, padding, dilation, .. } = self;
        let y = (at[0] * stride[0] + tap / kernel[1] * dilation[0]).wrapping_sub(padding[0]);
        let x = (at[1] * stride[1] + tap % kernel[1] * dilation[1]).wrapping_sub(padding[1]);
        y.wrapping_mul(width).wrapping_add(x)
    }

    pub(super) fn window(self, cells: &Cells) -> Window {
        let Self { kernel, stride, padding, dilation, .. } = self;
        Window { input: cells.input, output: cells.output(), kernel, stride, padding, dilation }
    }

    /// What a mean divides by, as one factor per row and per column of windows: the elements of the window that lie in
    /// the plane or, with `count_include_pad`, in the plane and its border; or `divisor`.
    pub(super) fn divisors<T: Float>(self, cells: &Cells) -> [Vec<T>; 2] {
        if let Some(divisor) = self.divisor {
            let [rows, columns] = cells.output();
            return [vec![T::of(divisor as f64); rows], vec![T::ONE; columns]];
        }
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
    pub(super) fn average_cells(self, op: &str, shape: &Shape) -> Cells {
        let dilation = self.dilation;
        assert!(dilation == [1, 1], "{op}: means have no dilation: {shape} ({dilation:?} ≠ [1, 1])");
        assert!(self.divisor != Some(0), "{op}: sums are not divided by 0: {shape} ({self:?})");
        self.cells(op, plane(op, shape))
    }
}

/// The last `D` axes of a shape.
#[track_caller]
pub(super) fn sides<const D: usize>(op: &str, shape: &Shape) -> [usize; D] {
    let axes = shape.len();
    match shape.last_chunk::<D>() {
        Some(sides) => *sides,
        None => panic!("{op}: {}: {shape} ({axes} axes)", INPUTS[D - 1]),
    }
}

/// `shape` with its last axes replaced.
pub(super) fn with_sides<const D: usize>(shape: &Shape, sides: [usize; D]) -> Shape {
    let mut shape = *shape;
    let axes = shape.len();
    shape[axes - D..].copy_from_slice(&sides);
    shape
}
