//! Where direct convolution reads an image: in place, or in a copy with the padding written out and, for strides above 1,
//! the lines and columns sorted by what they leave when divided by the stride. In both, neighbouring positions of a tap
//! are neighbouring elements and a tap is one distance. Knows no arithmetic.

use crate::isa::Body;
use crate::kernels::window::Window;

/// How the images of one convolution are laid out for its tiles.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub(super) window: Window,
    /// Per axis, the remainders that taps have.
    phases: [Vec<usize>; 2],
    /// Elements of a line.
    pub(super) pitch: usize,
    /// Lines beyond those of a strip's own positions.
    extra: usize,
    /// Whether images are copied; else they are read where they lie.
    pub(super) copies: bool,
}

impl Source {
    pub(super) fn new(window: Window) -> Self {
        let Window { kernel, stride, dilation, output, padding, input } = window;
        let phases = [0, 1].map(|axis| {
            let mut phases: Vec<_> = (0..kernel[axis]).map(|k| k * dilation[axis] % stride[axis]).collect();
            phases.sort_unstable();
            phases.dedup();
            phases
        });
        let [extra, beyond] = [0, 1].map(|axis| (kernel[axis] - 1) * dilation[axis] / stride[axis]);
        let copies = stride != [1, 1] || padding != [0, 0];
        let pitch = if copies { output[1] + beyond } else { input[1] };
        Self { window, phases, pitch, extra, copies }
    }

    /// Lines of one phase of a strip of so many lines of positions.
    fn lines(&self, count: usize) -> usize {
        count + self.extra
    }

    /// Distance between the channels of such a strip.
    pub(super) fn plane(&self, count: usize) -> usize {
        match self.copies {
            true => self.phases[0].len() * self.phases[1].len() * self.lines(count) * self.pitch,
            false => self.window.plane(),
        }
    }

    /// How far each tap, in the order of `[KH, KW]`, lies from what a position's first element is.
    pub(super) fn taps(&self, count: usize) -> Vec<usize> {
        let Window { kernel, stride, dilation, .. } = self.window;
        let phase = self.lines(count) * self.pitch;
        let place = |axis: usize, k: usize| {
            let (at, of) = (k * dilation[axis], &self.phases[axis]);
            (of.iter().position(|&p| p == at % stride[axis]).unwrap_or(0), at / stride[axis])
        };
        let tap = |[ky, kx]: [usize; 2]| {
            let ((py, y), (px, x)) = (place(0, ky), place(1, kx));
            (py * self.phases[1].len() + px) * phase + y * self.pitch + x
        };
        (0..kernel[0]).flat_map(|ky| (0..kernel[1]).map(move |kx| [ky, kx])).map(tap).collect()
    }
}

/// Copies the planes of `x` for `count` lines of positions from `first` on.
pub(super) struct Fill<'a> {
    pub(super) source: &'a Source,
    pub(super) x: &'a [f32],
    pub(super) first: usize,
    pub(super) count: usize,
    /// Whole planes.
    pub(super) to: &'a mut [f32],
}

impl Body for Fill<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { source, x, first, count, to } = self;
        let Window { input: [h, w], stride: [down, along], padding: [above, before], .. } = source.window;
        let (lines, pitch) = (source.lines(count), source.pitch);
        for (x, to) in x.chunks_exact(h * w).zip(to.chunks_exact_mut(source.plane(count))) {
            let mut phases = to.chunks_exact_mut(lines * pitch);
            for &py in &source.phases[0] {
                for (&px, to) in source.phases[1].iter().zip(&mut phases) {
                    // Columns j with before ≤ j·along + px < before + w lie in the image.
                    let start = before.saturating_sub(px).div_ceil(along).min(pitch);
                    let end = (before + w).saturating_sub(px).div_ceil(along).clamp(start, pitch);
                    for (j, to) in to.chunks_exact_mut(pitch).enumerate() {
                        let y = ((first + j) * down + py).wrapping_sub(above);
                        if y >= h || start == end {
                            to.fill(0.0);
                            continue;
                        }
                        let from = &x[y * w + start * along + px - before..(y + 1) * w];
                        to[..start].iter_mut().for_each(|to| *to = 0.0);
                        to[end..].iter_mut().for_each(|to| *to = 0.0);
                        line(from, along, &mut to[start..end]);
                    }
                }
            }
        }
    }
}

/// `to[i] ← from[i · step]`
#[inline(always)]
fn line(from: &[f32], step: usize, to: &mut [f32]) {
    if step == 1 {
        copy_line(&from[..to.len()], to);
    } else {
        to.iter_mut().zip(from.iter().step_by(step)).for_each(|(to, &from)| *to = from);
    }
}

/// `to ← from`, of equal lengths; short lines are not worth a call of `memcpy`.
#[inline(always)]
pub(super) fn copy_line(from: &[f32], to: &mut [f32]) {
    const N: usize = 16;
    let n = to.len();
    if !(N..=8 * N).contains(&n) {
        return to.copy_from_slice(from);
    }
    for i in (0..n).step_by(N) {
        let at = i.min(n - N);
        if let (Some(to), Some(from)) = (to[at..].first_chunk_mut::<N>(), from[at..].first_chunk::<N>()) {
            *to = *from;
        }
    }
}
