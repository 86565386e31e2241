//! Patches of images as columns of a matrix, and back: what a convolution multiplies, for whoever wants to do something
//! else with it. It must never know weights.

use super::dense;
use crate::element::Float;
use crate::isa::current_isa;
use crate::kernels::conv::{Conv, Geometry};
use crate::kernels::window::Window;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Which patches of an image there are, [rows, columns].
///
/// ```
/// use gradus_tensor::PatchSpec;
/// let spec = PatchSpec { stride: [2, 2], ..PatchSpec::new([2, 2]) };
/// assert_eq!(spec.places([4, 6]), [2, 3]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PatchSpec {
    /// A patch's sides.
    pub kernel: [usize; 2],
    /// Distance between neighbouring patches.
    pub stride: [usize; 2],
    /// Zeros added before and after.
    pub padding: [usize; 2],
    /// Distance between a patch's elements; 1 is dense.
    pub dilation: [usize; 2],
}

impl PatchSpec {
    /// At every place: stride 1, no padding, dense.
    #[must_use]
    pub const fn new(kernel: [usize; 2]) -> Self {
        Self { kernel, stride: [1, 1], padding: [0, 0], dilation: [1, 1] }
    }

    /// How many patches lie below and beside each other in an image [H, W]:
    /// ⌊(H + 2·padding − dilation·(kernel − 1) − 1) / stride⌋ + 1, and likewise for the columns.
    ///
    /// # Panics
    /// If a size is 0, or a patch exceeds the padded image.
    #[must_use]
    #[track_caller]
    pub fn places(self, input: [usize; 2]) -> [usize; 2] {
        self.window("im2col", input).output
    }

    #[track_caller]
    fn window(self, op: &str, input: [usize; 2]) -> Window {
        let Self { kernel, stride, padding, dilation } = self;
        let counts = [kernel, stride, dilation].concat();
        assert!(!counts.contains(&0), "{op}: kernels, strides and dilations start at 1: {self:?}");
        let mut output = [0; 2];
        for (axis, output) in output.iter_mut().enumerate() {
            let (length, pad) = (input[axis], padding[axis]);
            let (padded, reach) = (length + 2 * pad, Window::reach(kernel[axis], dilation[axis]));
            assert!(
                reach <= padded,
                "{op}: patch exceeds the padded image: {input:?} by {kernel:?} ({reach} > {length} + 2·{pad})"
            );
            *output = (padded - reach) / stride[axis] + 1;
        }
        Window { input, output, kernel, stride, padding, dilation }
    }

    #[track_caller]
    fn geometry(self, op: &str, input: &Shape) -> Geometry {
        assert!(input.len() == 4, "{op}: images are not [N, C, H, W]: {input} ({} axes)", input.len());
        let window = self.window(op, [input[2], input[3]]);
        Geometry { batch: input[0], groups: 1, inputs: input[1], outputs: 1, window }
    }
}

/// The columns' shape `[N, C·KH·KW, L]`.
fn columns(geometry: &Geometry) -> Shape {
    let [kh, kw] = geometry.window.kernel;
    Shape::new(&[geometry.batch, geometry.inputs * kh * kw, geometry.window.positions()])
}

impl<T: Float> Tensor<T> {
    /// Patches as columns: `[N, C, H, W] → [N, C·KH·KW, L]`, L places row by row; row (c·KH + p)·KW + q holds what
    /// element (p, q) of the patch sees in channel c, 0 in the padding (PyTorch: `functional.unfold`).
    ///
    /// ```
    /// use gradus_tensor::{PatchSpec, Tensor};
    /// let x = Tensor::from([[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]).reshape([1, 1, 2, 3]);
    /// let columns = x.im2col(PatchSpec::new([2, 2]));
    /// assert_eq!(columns, Tensor::from([[[1.0, 2.0], [2.0, 3.0], [4.0, 5.0], [5.0, 6.0]]]));
    /// ```
    ///
    /// # Panics
    /// If there are not four axes, a size is 0, or a patch exceeds the padded image.
    #[must_use]
    #[track_caller]
    pub fn im2col(&self, spec: PatchSpec) -> Self {
        let geometry = spec.geometry("im2col", self.shape());
        let x = self.contiguous();
        Self::build(columns(&geometry), |out| {
            T::conv(current_isa(), &geometry, Conv::Gather { x: dense(&x), out });
        })
    }

    /// The adjoint of [`Tensor::im2col`]: columns `[N, C·KH·KW, L]` added up at the places of images `[N, C, H, W]`,
    /// `input` = [H, W] (PyTorch: `functional.fold`).
    ///
    /// ```
    /// use gradus_tensor::{PatchSpec, Tensor};
    /// let ones = Tensor::<f32>::ones([1, 4, 2]);
    /// assert_eq!(ones.col2im([2, 3], PatchSpec::new([2, 2])).to_vec(), [1.0, 2.0, 1.0, 1.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there are not three axes, the rows are no multiple of the patch's elements, the number of columns is not that
    /// of the places, or as `im2col`.
    #[must_use]
    #[track_caller]
    pub fn col2im(&self, input: [usize; 2], spec: PatchSpec) -> Self {
        let (op, shape, [kh, kw]) = ("col2im", self.shape(), spec.kernel);
        assert!(shape.len() == 3, "{op}: columns are not [N, C·KH·KW, L]: {shape} ({} axes)", shape.len());
        let window = spec.window(op, input);
        let (rows, taps) = (shape[1], kh * kw);
        assert!(
            rows.is_multiple_of(taps),
            "{op}: rows are no multiple of the patch: {shape} by {kh} × {kw} ({rows} by {taps})"
        );
        let (have, want) = (shape[2], window.positions());
        assert!(
            have == want,
            "{op}: columns differ from the places: {shape} for {input:?} by {kh} × {kw} ({have} ≠ {want})"
        );
        let geometry = Geometry { batch: shape[0], groups: 1, inputs: rows / taps, outputs: 1, window };
        let g = self.contiguous();
        Self::build(Shape::new(&[shape[0], rows / taps, input[0], input[1]]), |out| {
            T::conv(current_isa(), &geometry, Conv::Scatter { g: dense(&g), out });
        })
    }
}
