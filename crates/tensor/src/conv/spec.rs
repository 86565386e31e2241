//! How a kernel moves over sequences, images and volumes, and which shapes follow. Index arithmetic alone: it must never
//! know an element.

use crate::kernels::conv::Geometry;
use crate::kernels::window::Window;
use crate::shape::Shape;

/// What inputs and kernels look like for one, two and three axes.
const INPUTS: [&str; 3] =
    ["sequences are not [N, C, L]", "images are not [N, C, H, W]", "volumes are not [N, C, D, H, W]"];
const KERNELS: [&str; 3] = ["[O, C/groups, K]", "[O, C/groups, KH, KW]", "[O, C/groups, KD, KH, KW]"];
const NAMES: [&str; 3] = ["conv1d", "conv2d", "conv3d"];
const TRANSPOSED: [&str; 3] = ["conv_transpose1d", "conv_transpose2d", "conv_transpose3d"];

/// How a kernel moves along `D` axes. The default touches every place once: stride 1, no padding, no dilation, all
/// channels in one group.
///
/// ```
/// use gradus_tensor::Conv2dSpec;
/// let spec = Conv2dSpec { padding: [1, 1], ..Conv2dSpec::default() };
/// assert_eq!(spec.stride, [1, 1]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvSpec<const D: usize> {
    /// Steps of the kernel, one per axis.
    pub stride: [usize; D],
    /// Zeros added before and after.
    pub padding: [usize; D],
    /// Distance between the kernel's elements; 1 is dense.
    pub dilation: [usize; D],
    /// Groups of channels; output channels see the inputs of their own group only.
    pub groups: usize,
}

/// Over sequences.
pub type Conv1dSpec = ConvSpec<1>;
/// Over images: [rows, columns].
pub type Conv2dSpec = ConvSpec<2>;
/// Over volumes: [depth, rows, columns].
pub type Conv3dSpec = ConvSpec<3>;

impl<const D: usize> Default for ConvSpec<D> {
    fn default() -> Self {
        Self { stride: [1; D], padding: [0; D], dilation: [1; D], groups: 1 }
    }
}

impl<const D: usize> ConvSpec<D> {
    /// The shape of a convolution's result: `[N, C, H, W], [O, C/groups, KH, KW] → [N, O, OH, OW]` with
    /// OH = ⌊(H + 2·padding − dilation·(KH − 1) − 1) / stride⌋ + 1, and likewise for each other axis.
    ///
    /// ```
    /// use gradus_tensor::{Conv1dSpec, Shape};
    /// let spec = Conv1dSpec { stride: [2], ..Conv1dSpec::default() };
    /// assert_eq!(spec.output_shape(&Shape::new(&[8, 3, 10]), &Shape::new(&[6, 3, 4]))[..], [8, 6, 4]);
    /// ```
    ///
    /// # Panics
    /// If an operand has not D + 2 axes, the channels do not fit, the groups do not divide the output channels, a size
    /// of the specification is 0, or the kernel exceeds the padded input.
    #[must_use]
    #[track_caller]
    pub fn output_shape(self, input: &Shape, weight: &Shape) -> Shape {
        self.result(NAMES[D - 1], input, weight)
    }

    /// [`ConvSpec::output_shape`] in the name of `op`.
    #[track_caller]
    pub(crate) fn result(self, op: &str, x: &Shape, w: &Shape) -> Shape {
        let Self { stride, padding, dilation, groups } = self;
        assert!(x.len() == D + 2, "{op}: {}: {x} * {w} ({} axes)", INPUTS[D - 1], x.len());
        assert!(w.len() == D + 2, "{op}: kernels are not {}: {x} * {w} ({} axes)", KERNELS[D - 1], w.len());
        let counts = [&[groups], &stride[..], &dilation, &w[2..]].concat();
        assert!(
            !counts.contains(&0),
            "{op}: groups, strides, dilations and kernel sides start at 1: {x} * {w} ({self:?})"
        );
        let (c, cg, o) = (x[1], w[1], w[0]);
        assert!(c == cg * groups, "{op}: channels differ: {x} * {w} ({c} ≠ {cg}·{groups})");
        assert!(
            o.is_multiple_of(groups),
            "{op}: groups do not divide the output channels: {x} * {w} ({o} by {groups})"
        );
        let mut shape = x.with(1, o);
        for axis in 0..D {
            let (length, pad) = (x[2 + axis], padding[axis]);
            let (padded, reach) = (length + 2 * pad, Window::reach(w[2 + axis], dilation[axis]));
            assert!(
                reach <= padded,
                "{op}: kernel exceeds the padded input: {x} * {w} ({reach} > {length} + 2·{pad})"
            );
            shape[2 + axis] = (padded - reach) / stride[axis] + 1;
        }
        shape
    }
}

impl Conv1dSpec {
    /// The same over images of height 1.
    #[doc(hidden)]
    #[must_use]
    pub const fn as_image(self) -> Conv2dSpec {
        let Self { stride: [stride], padding: [padding], dilation: [dilation], groups } = self;
        ConvSpec { stride: [1, stride], padding: [0, padding], dilation: [1, dilation], groups }
    }
}

impl Conv2dSpec {
    /// What the kernels want to know.
    #[track_caller]
    pub(crate) fn geometry(self, op: &str, x: &Shape, w: &Shape) -> Geometry {
        let shape = self.result(op, x, w);
        let Self { stride, padding, dilation, groups } = self;
        let (input, kernel, output) = ([x[2], x[3]], [w[2], w[3]], [shape[2], shape[3]]);
        let window = Window { input, output, kernel, stride, padding, dilation };
        Geometry { batch: x[0], groups, inputs: w[1], outputs: w[0] / groups, window }
    }
}

/// How a transposed convolution spreads its input: the numbers are those of the convolution whose adjoint it is. The
/// default is stride 1, nothing cut off, nothing added, dense, one group.
///
/// ```
/// use gradus_tensor::{ConvTransposeSpec, Shape};
/// let spec = ConvTransposeSpec::<2> { stride: [2, 2], ..ConvTransposeSpec::default() };
/// let [x, w] = [[1, 8, 5, 5], [8, 4, 3, 3]].map(Shape::from);
/// assert_eq!(spec.output_shape(&x, &w)[..], [1, 4, 11, 11]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConvTransposeSpec<const D: usize> {
    /// Distance between the places that neighbouring inputs are spread to.
    pub stride: [usize; D],
    /// Cut off before and after.
    pub padding: [usize; D],
    /// Added to the length of each axis, at its end.
    pub output_padding: [usize; D],
    /// Distance between the kernel's elements; 1 is dense.
    pub dilation: [usize; D],
    /// Groups of channels; output channels see the inputs of their own group only.
    pub groups: usize,
}

impl<const D: usize> Default for ConvTransposeSpec<D> {
    fn default() -> Self {
        let ConvSpec { stride, padding, dilation, groups } = ConvSpec::default();
        Self { stride, padding, output_padding: [0; D], dilation, groups }
    }
}

impl<const D: usize> ConvTransposeSpec<D> {
    /// The convolution whose adjoint this is.
    #[must_use]
    pub fn adjoint(self) -> ConvSpec<D> {
        let Self { stride, padding, dilation, groups, .. } = self;
        ConvSpec { stride, padding, dilation, groups }
    }

    /// The shape of the result: `[N, C, H, W], [C, O/groups, KH, KW] → [N, O, OH, OW]` with
    /// OH = (H − 1)·stride − 2·padding + dilation·(KH − 1) + output_padding + 1, and likewise for each other axis.
    ///
    /// # Panics
    /// If an operand has not D + 2 axes, an axis is empty, the channels do not fit the groups, a stride, dilation or
    /// kernel side is 0, the output padding is neither below the stride nor below the dilation, or nothing is left.
    #[must_use]
    #[track_caller]
    pub fn output_shape(self, x: &Shape, w: &Shape) -> Shape {
        let Self { stride, padding, output_padding, dilation, groups } = self;
        let op = TRANSPOSED[D - 1];
        assert!(x.len() == D + 2, "{op}: {}: {x} * {w} ({} axes)", INPUTS[D - 1], x.len());
        let kernels = ["[C, O/groups, K]", "[C, O/groups, KH, KW]", "[C, O/groups, KD, KH, KW]"][D - 1];
        assert!(w.len() == D + 2, "{op}: kernels are not {kernels}: {x} * {w} ({} axes)", w.len());
        let counts = [&[groups], &stride[..], &dilation, &w[2..], &x[2..]].concat();
        assert!(
            !counts.contains(&0),
            "{op}: groups, strides, dilations, kernel and input sides start at 1: {x} * {w} ({self:?})"
        );
        let (c, o) = (x[1], w[1] * groups);
        assert!(c == w[0], "{op}: channels differ: {x} * {w} ({c} ≠ {})", w[0]);
        assert!(
            c.is_multiple_of(groups),
            "{op}: groups do not divide the channels: {x} * {w} ({c} by {groups})"
        );
        let mut shape = x.with(1, o);
        for axis in 0..D {
            let (more, limit) = (output_padding[axis], stride[axis].max(dilation[axis]));
            assert!(
                more < limit,
                "{op}: output padding is not below stride or dilation: {x} * {w} ({more} ≥ {limit})"
            );
            let reach = (x[2 + axis] - 1) * stride[axis] + Window::reach(w[2 + axis], dilation[axis]) + more;
            let cut = 2 * padding[axis];
            assert!(cut < reach, "{op}: padding leaves nothing: {x} * {w} ({cut} ≥ {reach})");
            shape[2 + axis] = reach - cut;
        }
        shape
    }
}
