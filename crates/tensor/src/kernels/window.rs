//! Where a two-dimensional kernel goes over a padded plane: index arithmetic alone, shared by convolution and pooling,
//! so that the borders are right in one place. Knows no data.

use std::ops::Range;

/// A kernel's places on a plane. Output position p = oy·OW + ox lies at row `oy·stride − padding` and so on; its tap
/// (ky, kx) sees the element `dilation` times as far on, if the plane has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// [H, W].
    pub input: [usize; 2],
    /// [OH, OW].
    pub output: [usize; 2],
    /// [KH, KW].
    pub kernel: [usize; 2],
    /// Distance between neighbouring places.
    pub stride: [usize; 2],
    /// Zeros (or nothing) before and after each axis.
    pub padding: [usize; 2],
    /// Distance between neighbouring taps.
    pub dilation: [usize; 2],
}

impl Window {
    /// How far a kernel reaches along one axis: dilation·(kernel − 1) + 1.
    #[must_use]
    pub const fn reach(kernel: usize, dilation: usize) -> usize {
        dilation * (kernel - 1) + 1
    }

    /// Elements of one input plane.
    #[must_use]
    pub const fn plane(&self) -> usize {
        self.input[0] * self.input[1]
    }

    /// Elements of one output plane.
    #[must_use]
    pub const fn positions(&self) -> usize {
        self.output[0] * self.output[1]
    }

    /// Whether each position sees exactly its own element.
    #[must_use]
    pub fn is_pointwise(&self) -> bool {
        self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0]
    }

    /// (channel, [ky, kx]) of each weight of an output channel, in the order of `[C, KH, KW]`.
    #[inline(always)]
    pub fn taps(&self, channels: usize) -> impl Iterator<Item = (usize, [usize; 2])> + use<> {
        let [kh, kw] = self.kernel;
        (0..channels).flat_map(move |c| (0..kh).flat_map(move |ky| (0..kw).map(move |kx| (c, [ky, kx]))))
    }

    /// The output indices along `axis` whose tap `k` falls inside the plane.
    #[inline(always)]
    #[must_use]
    pub fn inside(&self, axis: usize, k: usize) -> Range<usize> {
        let (shift, stride) = (k * self.dilation[axis], self.stride[axis]);
        let end = (self.input[axis] + self.padding[axis]).saturating_sub(shift).div_ceil(stride);
        let start = self.padding[axis].saturating_sub(shift).div_ceil(stride);
        start.min(self.output[axis])..end.min(self.output[axis])
    }

    /// Calls `run(range within the count, place in the plane)` for each run of positions `first .. first + count`, in
    /// order: neighbours in a run lie `stride[1]` apart from `place` on, or in the padding if there is none.
    #[inline(always)]
    pub fn runs(
        &self,
        tap: [usize; 2],
        first: usize,
        count: usize,
        mut run: impl FnMut(Range<usize>, Option<usize>),
    ) {
        let width = self.output[1];
        let (rows, columns) = (self.inside(0, tap[0]), self.inside(1, tap[1]));
        let (mut at, mut oy, mut ox) = (0, first / width, first % width);
        while at < count {
            let length = (width - ox).min(count - at);
            let end = ox + length;
            let (low, high) = (columns.start.clamp(ox, end), columns.end.clamp(ox, end));
            if rows.contains(&oy) && low < high {
                let y = oy * self.stride[0] + tap[0] * self.dilation[0] - self.padding[0];
                let x = low * self.stride[1] + tap[1] * self.dilation[1] - self.padding[1];
                if low > ox {
                    run(at..at + low - ox, None);
                }
                run(at + low - ox..at + high - ox, Some(y * self.input[1] + x));
                if high < end {
                    run(at + high - ox..at + length, None);
                }
            } else {
                run(at..at + length, None);
            }
            (at, oy, ox) = (at + length, oy + 1, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_agree_with_the_definition() {
        for (input, kernel, stride, padding, dilation, output) in [
            ([5, 6], [3, 2], [1, 1], [0, 0], [1, 1], [3, 5]),
            ([5, 6], [3, 3], [2, 3], [1, 2], [2, 1], [2, 3]),
            ([1, 1], [3, 3], [1, 1], [2, 2], [1, 1], [3, 3]),
            ([2, 3], [1, 5], [1, 4], [0, 4], [1, 2], [2, 3]), // overhanging places, as with ceil_mode
        ] {
            let window = Window { input, output, kernel, stride, padding, dilation };
            for (_, tap) in window.taps(1) {
                let place = |p: usize| {
                    let y = (p / output[1] * stride[0] + tap[0] * dilation[0]).checked_sub(padding[0])?;
                    let x = (p % output[1] * stride[1] + tap[1] * dilation[1]).checked_sub(padding[1])?;
                    (y < input[0] && x < input[1]).then_some(y * input[1] + x)
                };
                for first in 0..window.positions() {
                    let count = window.positions() - first;
                    let mut got = Vec::new();
                    window.runs(tap, first, count, |range, at| {
                        assert_eq!(range.start, got.len());
                        got.extend((0..range.len()).map(|i| at.map(|at| at + i * stride[1])));
                    });
                    assert_eq!(got, Vec::from_iter((first..first + count).map(place)), "{window:?} {tap:?}");
                }
            }
        }
    }
}
