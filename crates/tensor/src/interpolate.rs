//! Resizing: which places of an axis each place of the resized one sees, and with which weights. PyTorch's formulas, the
//! places computed in the element's own precision as there. It must never know how the sums are run.

use crate::axis_map::AxisMap;
use crate::element::{DType, Element, Float};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How values between places are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InterpolationMode {
    /// The place ⌊i·scale⌋ (PyTorch: `nearest`).
    Nearest,
    /// The place ⌊(i + ½)·scale⌋, as other programs do (PyTorch: `nearest-exact`).
    NearestExact,
    /// Two neighbours along each axis (PyTorch: `linear`, `bilinear`, `trilinear`).
    Linear,
    /// Four neighbours along each axis, by Keys' kernel with a = −0.75, with antialiasing −0.5 (PyTorch: `bicubic`).
    Cubic,
    /// Means over cells that cover the axis, as adaptive average pooling (PyTorch: `area`).
    Area,
}

/// How to resize. With `align_corners` the centres of the first and last places lie on each other, without it their outer
/// edges; `antialias` widens the kernel when shrinking (with aligned corners, as in PyTorch, it then lies where it would
/// without, at another scale). Both are for [`InterpolationMode::Linear`] and
/// [`InterpolationMode::Cubic`].
///
/// ```
/// use gradus_tensor::{Interpolation, InterpolationMode};
/// let how = Interpolation { align_corners: true, ..Interpolation::new(InterpolationMode::Linear) };
/// assert!(!how.antialias);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Interpolation {
    /// How values between places are found.
    pub mode: InterpolationMode,
    /// Whether the centres of the outermost places lie on each other.
    pub align_corners: bool,
    /// Whether the kernel covers all places that one of the result stands for.
    pub antialias: bool,
}

/// Keys' a of cubic interpolation, and what antialiased resizing (as Pillow's) takes.
const CUBIC: f64 = -0.75;
const CUBIC_ANTIALIASED: f64 = -0.5;

/// Keys' kernel: R. Keys, "Cubic convolution interpolation for digital image processing" (1981).
fn keys(x: f64, a: f64) -> f64 {
    match x.abs() {
        x if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
        x if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * a,
        _ => 0.0,
    }
}

impl Interpolation {
    /// Neither aligned corners nor antialiasing.
    #[must_use]
    pub const fn new(mode: InterpolationMode) -> Self {
        Self { mode, align_corners: false, antialias: false }
    }

    /// Whether the flags mean something in this mode.
    #[doc(hidden)]
    #[must_use]
    pub const fn is_sensible(self) -> bool {
        let smooth = matches!(self.mode, InterpolationMode::Linear | InterpolationMode::Cubic);
        smooth || !self.align_corners && !self.antialias
    }

    /// The map from an axis of `input` places to `output`, for elements of type `dtype`. `factor` is output over input
    /// where that was not given as a whole number of places.
    ///
    /// # Panics
    /// If a length is 0, or a flag is set that the mode has no use for.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn axis_map(self, input: usize, output: usize, factor: Option<f64>, dtype: DType) -> AxisMap {
        assert!(input > 0 && output > 0, "interpolate: axes start at 1: {input} to {output}");
        let Self { mode, align_corners, antialias } = self;
        assert!(
            self.is_sensible(),
            "interpolate: corners and antialiasing are for linear and cubic: {mode:?} (align_corners {align_corners}, \
             antialias {antialias})"
        );
        let round = |x: f64| if dtype == DType::F32 { f64::from(x as f32) } else { x };
        let scale = round(match (align_corners, factor) {
            (true, _) if output == 1 => 0.0,
            (true, _) => (input - 1) as f64 / (output - 1) as f64,
            (false, Some(factor)) => 1.0 / factor,
            (false, None) => input as f64 / output as f64,
        });
        // Where place i lies among those of the input.
        let source = |i: usize| match align_corners {
            true => round(scale * i as f64),
            false => round(round(scale * (i as f64 + 0.5)) - 0.5),
        };
        let last = input - 1;
        let one = |i: f64| vec![((i as usize).min(last), 1.0)];
        let row = |i: usize| match mode {
            InterpolationMode::Nearest => one(round(scale * i as f64).floor()),
            InterpolationMode::NearestExact => one(round(scale * (i as f64 + 0.5)).floor()),
            InterpolationMode::Area => {
                let cell = i * input / output..((i + 1) * input).div_ceil(output);
                let weight = 1.0 / cell.len() as f64;
                cell.map(|place| (place, weight)).collect()
            }
            _ if antialias => self.smoothed(i, scale, input, round),
            InterpolationMode::Linear if input == output => one(i as f64),
            InterpolationMode::Linear => {
                let at = source(i).max(0.0);
                let place = (at as usize).min(last);
                let weight = (at - place as f64).clamp(0.0, 1.0);
                vec![(place, 1.0 - weight), ((place + 1).min(last), weight)]
            }
            InterpolationMode::Cubic => {
                let at = source(i);
                let (place, part) = (at.floor(), (at - at.floor()).clamp(0.0, 1.0));
                let tap = |k: f64| ((place + k).clamp(0.0, last as f64) as usize, keys(part - k, CUBIC));
                [-1.0, 0.0, 1.0, 2.0].map(tap).to_vec()
            }
        };
        AxisMap::new(input, (0..output).map(row))
    }

    /// The taps of place `i` under a kernel as wide as what the place stands for.
    fn smoothed(self, i: usize, scale: f64, input: usize, round: impl Fn(f64) -> f64) -> Vec<(usize, f64)> {
        let half = if self.mode == InterpolationMode::Linear { 1.0 } else { 2.0 };
        let kernel = |x: f64| match self.mode {
            InterpolationMode::Linear => (1.0 - x.abs()).max(0.0),
            _ => keys(x, CUBIC_ANTIALIASED),
        };
        let wide = scale.max(1.0);
        // PyTorch: corners that are aligned change the scale, but not where the kernel's centre lies.
        const SHIFT: f64 = 0.5;
        let (support, centre) = (round(half * wide), round(scale * (i as f64 + SHIFT)));
        let place = |x: f64| x.max(0.0) as usize;
        let first = place(round(round(centre - support) + SHIFT)).min(input - 1);
        let end = place(round(round(centre + support) + SHIFT)).clamp(first + 1, input);
        let weights: Vec<f64> = (first..end).map(|j| kernel((j as f64 - centre + SHIFT) / wide)).collect();
        let total: f64 = weights.iter().sum();
        let total = if total == 0.0 { 1.0 } else { total };
        (first..end).zip(weights).map(|(j, weight)| (j, weight / total)).collect()
    }

    /// The maps along the axes behind the first two of `shape` that change: axis and map. A factor says how many times
    /// longer an axis becomes, ⌊length·factor⌋.
    ///
    /// # Panics
    /// If there is not one size or factor per such axis, or as [`Interpolation::axis_map`].
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn axis_maps(self, shape: &Shape, to: Resize<'_>, dtype: DType) -> Vec<(usize, AxisMap)> {
        let (axes, given) = (shape.len().saturating_sub(2), to.count());
        assert!(
            axes == given && axes > 0,
            "interpolate: one size per axis behind [N, C]: {shape} to {to:?} ({axes} axes, {given} sizes)"
        );
        let mut maps = Vec::new();
        for (axis, &length) in shape.iter().enumerate().skip(2) {
            let (output, factor) = match to {
                Resize::Sizes(sizes) => (sizes[axis - 2], None),
                Resize::Factors(factors) => {
                    let factor = factors[axis - 2];
                    assert!(
                        factor > 0.0,
                        "interpolate: factors are positive: {shape} by {factors:?} ({factor})"
                    );
                    ((length as f64 * factor).floor() as usize, Some(factor))
                }
            };
            let map = self.axis_map(length, output, factor, dtype);
            if output != length || factor.is_some_and(|factor| factor != 1.0) {
                maps.push((axis, map));
            }
        }
        // Axes that shrink come first: the rest has less to do.
        maps.sort_by_key(|(_, map)| map.outputs() >= map.inputs());
        maps
    }
}

/// To what an array is resized, along each axis behind the first two.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Resize<'a> {
    /// To these lengths (PyTorch: `size`).
    Sizes(&'a [usize]),
    /// To so many times the length, rounded down (PyTorch: `scale_factor`, which also sets the distance between places).
    Factors(&'a [f64]),
}

impl Resize<'_> {
    fn count(self) -> usize {
        match self {
            Resize::Sizes(sizes) => sizes.len(),
            Resize::Factors(factors) => factors.len(),
        }
    }
}

impl<T: Float> Tensor<T> {
    /// Resized along all axes behind the first two: `[N, C, H, W] → [N, C, OH, OW]`, and likewise for sequences and
    /// volumes (PyTorch: `functional.interpolate`).
    ///
    /// ```
    /// use gradus_tensor::{Interpolation, InterpolationMode, Resize, Tensor};
    /// let x = Tensor::from([[[1.0_f32, 3.0]]]);
    /// let how = Interpolation::new(InterpolationMode::Linear);
    /// assert_eq!(x.interpolate(Resize::Sizes(&[4]), how).to_vec(), [1.0, 1.5, 2.5, 3.0]);
    /// assert_eq!(x.interpolate(Resize::Factors(&[2.0]), how).to_vec(), [1.0, 1.5, 2.5, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If there is not one size or positive factor per axis behind the first two, an axis is or becomes empty, or a flag
    /// is set that the mode has no use for.
    #[must_use]
    #[track_caller]
    pub fn interpolate(&self, to: Resize<'_>, how: Interpolation) -> Self {
        let maps = how.axis_maps(self.shape(), to, <T as Element>::DTYPE);
        maps.iter().fold(self.clone(), |x, (axis, map)| x.map_axis(*axis as isize, map))
    }
}
