//! Which rows and columns of a plane each place of a pooled one sees. Knows no elements.

use std::ops::Range;

use crate::element::Float;
use crate::kernels::pool::Grid;
use crate::shape::Shape;

/// Row ranges and column ranges of a plane [H, W], see [`Grid`].
pub(super) struct Cells {
    pub(super) input: [usize; 2],
    pub(super) ranges: [Vec<Range<usize>>; 2],
    pub(super) step: [usize; 2],
}

impl Cells {
    /// `output` nearly equal cells: ⌊i·H/OH⌋ .. ⌈(i + 1)·H/OH⌉.
    #[track_caller]
    pub(super) fn adaptive(op: &str, shape: &Shape, output: [usize; 2]) -> Self {
        let input = plane(op, shape);
        let empty = input.contains(&0) || output.contains(&0);
        assert!(!empty, "{op}: sides start at 1: {shape} to {output:?}");
        let ranges = [0, 1].map(|axis| {
            let (length, count) = (input[axis], output[axis]);
            (0..count).map(|i| i * length / count..((i + 1) * length).div_ceil(count)).collect()
        });
        Self { input, ranges, step: [1, 1] }
    }

    pub(super) fn grid(&self) -> Grid<'_> {
        Grid { input: self.input, cells: [&self.ranges[0], &self.ranges[1]], step: self.step }
    }

    pub(super) fn output(&self) -> [usize; 2] {
        [self.ranges[0].len(), self.ranges[1].len()]
    }

    /// The lengths of the ranges.
    pub(super) fn lengths<T: Float>(&self) -> [Vec<T>; 2] {
        [0, 1].map(|axis| self.ranges[axis].iter().map(|range| T::of(range.len() as f64)).collect())
    }
}

/// `shape` with its last two axes replaced.
pub(super) fn with_plane(shape: &Shape, [h, w]: [usize; 2]) -> Shape {
    let axes = shape.len();
    shape.with(axes - 2, h).with(axes - 1, w)
}

/// [H, W].
#[track_caller]
pub(super) fn plane(op: &str, shape: &Shape) -> [usize; 2] {
    assert!(shape.len() >= 2, "{op}: planes are not […, H, W]: {shape} ({} axes)", shape.len());
    [shape[shape.len() - 2], shape[shape.len() - 1]]
}
