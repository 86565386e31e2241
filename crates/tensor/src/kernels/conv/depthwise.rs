//! Convolution where each group has one input channel and few output channels: as matrix products these are so thin that
//! gathering their windows costs more than they do. A plane is copied once into padded lines in which columns a stride
//! apart are neighbours; then every tap reads a run of the line, and a block of results stays in registers. Work is cut
//! by planes, the gradient of the weights by channels. Knows no `Tensor`.

use super::columns::Ending;
use super::{Conv, Finish, Geometry};
use crate::element::Float;
use crate::isa::{Body, Isa, dispatch};
use crate::kernels::window::Window;
use crate::parallel::{self, Cost};

/// Results that are summed side by side.
const LANES: usize = 16;
/// Output channels per group from which on a product is thick enough.
const FEW: usize = 4;
/// Elements that one part of the work covers.
const PART: usize = 16 * 1024;

/// Whether this is the way.
pub(super) fn suits(geometry: &Geometry) -> bool {
    geometry.inputs == 1 && geometry.outputs <= FEW && !geometry.is_empty()
}

/// Runs one convolution or adjoint that [`suits`].
pub(super) fn convolve<T: Float>(isa: Isa, geometry: &Geometry, call: Conv<'_, T>) {
    let Geometry { groups, outputs, window, .. } = *geometry;
    let (plane, places, taps) =
        (window.plane(), outputs * window.positions(), window.kernel[0] * window.kernel[1]);
    let (lines, cost) = (Lines::new(window), geometry.cost::<T>());
    let each = (PART / plane.max(places)).max(1);
    match call {
        Conv::Forward { x, weight, bias, finish, out, .. } => {
            finish.check(out.len());
            parallel::chunks_mut(out, each * places, cost, |part, out| {
                let mut buffer = lines.buffer();
                let first = part * each;
                let x = &x[first * plane..];
                dispatch(isa, Forward { lines, x, weight, groups, first, outputs, buffer: &mut buffer, out });
                for (i, out) in out.chunks_exact_mut(places).enumerate() {
                    let (image, group) = (first + i, (first + i) % groups);
                    let bias = bias.map(|bias| &bias[group * outputs..][..outputs]);
                    let residual = finish.residual.map(|residual| &residual[image * places..][..places]);
                    let finish = Finish { residual, ..finish };
                    dispatch(isa, Ending { bias, finish, plane: window.positions(), out });
                }
            });
        }
        Conv::InputGrad { g, weight, out } => {
            parallel::chunks_mut(out, each * plane, cost, |part, out| {
                let mut buffer = lines.buffer();
                let first = part * each;
                let g = &g[first * places..];
                dispatch(
                    isa,
                    InputGrad { lines, g, weight, groups, first, outputs, buffer: &mut buffer, out },
                );
            });
        }
        Conv::WeightGrad { x, g, out } => {
            let cost = Cost { bytes: size_of_val(x) + size_of_val(g), flops: cost.flops };
            parallel::chunks_mut(out, outputs * taps, cost, |group, out| {
                let mut buffer = lines.buffer();
                dispatch(isa, WeightGrad { lines, x, g, groups, group, outputs, buffer: &mut buffer, out });
            });
        }
        Conv::Gather { .. } | Conv::Scatter { .. } => unreachable!("columns have no weights"),
    }
}

/// How a padded plane lies in a buffer: one line per row that is read, in it the columns of each remainder modulo the
/// stride side by side.
#[derive(Clone, Copy)]
struct Lines {
    window: Window,
    rows: usize,
    /// Columns of one remainder.
    phase: usize,
    /// Elements of a line.
    pitch: usize,
}

impl Lines {
    fn new(window: Window) -> Self {
        let reach = |a: usize| {
            (window.output[a] - 1) * window.stride[a] + Window::reach(window.kernel[a], window.dilation[a])
        };
        let phase = reach(1).div_ceil(window.stride[1]);
        Self { window, rows: reach(0), phase, pitch: phase * window.stride[1] }
    }

    /// Noughts, with room for a block behind the last run.
    fn buffer<T: Float>(&self) -> Vec<T> {
        vec![T::ZERO; self.rows * self.pitch + LANES]
    }

    /// Where tap (ky, kx) of the first place lies.
    #[inline(always)]
    fn tap(&self, [ky, kx]: [usize; 2]) -> usize {
        let (row, column) = (ky * self.window.dilation[0], kx * self.window.dilation[1]);
        let step = self.window.stride[1];
        row * self.pitch + column % step * self.phase + column / step
    }

    /// How much further on the first place of a row of places lies.
    #[inline(always)]
    fn row(&self, oy: usize) -> usize {
        oy * self.window.stride[0] * self.pitch
    }

    /// Calls `f(line, columns)` with the places in the buffer and in the plane of each run that both have: start in the
    /// buffer, start in the plane, count; neighbours of the plane's are a stride apart.
    #[inline(always)]
    fn runs(&self, mut f: impl FnMut(usize, usize, usize)) {
        let Window { input: [h, w], stride: [_, step], padding: [above, left], .. } = self.window;
        for row in above..self.rows.min(h + above) {
            for remainder in 0..step {
                // Column k·step + remainder of the padded plane, for the k that lie inside.
                let first = left.saturating_sub(remainder).div_ceil(step);
                let end = (w + left).saturating_sub(remainder).div_ceil(step).min(self.phase);
                if first < end {
                    let at = (row - above) * w + first * step + remainder - left;
                    f(row * self.pitch + remainder * self.phase + first, at, end - first);
                }
            }
        }
    }

    #[inline(always)]
    fn fill<T: Float>(&self, x: &[T], buffer: &mut [T]) {
        let step = self.window.stride[1];
        self.runs(|to, from, count| {
            let to = &mut buffer[to..to + count];
            match step {
                1 => to.copy_from_slice(&x[from..from + count]),
                _ => to.iter_mut().zip(x[from..].iter().step_by(step)).for_each(|(to, &x)| *to = x),
            }
        });
    }
}

/// Some planes, from number `first` of all images and groups on.
struct Forward<'a, T> {
    lines: Lines,
    x: &'a [T],
    weight: &'a [T],
    groups: usize,
    first: usize,
    outputs: usize,
    buffer: &'a mut [T],
    out: &'a mut [T],
}

impl<T: Float> Body for Forward<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { lines, x, weight, groups, first, outputs, buffer, out } = self;
        let Window { output: [oh, ow], .. } = lines.window;
        let places: Vec<usize> = lines.window.taps(1).map(|(_, tap)| lines.tap(tap)).collect();
        let planes = out.chunks_exact_mut(outputs * oh * ow).zip(x.chunks_exact(lines.window.plane()));
        for (i, (out, x)) in planes.enumerate() {
            lines.fill(x, buffer);
            let weight = &weight[(first + i) % groups * outputs * places.len()..];
            for (out, weight) in out.chunks_exact_mut(oh * ow).zip(weight.chunks_exact(places.len())) {
                for (oy, out) in out.chunks_exact_mut(ow).enumerate() {
                    for (block, out) in out.chunks_mut(LANES).enumerate() {
                        let from = &buffer[lines.row(oy) + block * LANES..];
                        let mut sums = [T::ZERO; LANES];
                        for (&place, &weight) in places.iter().zip(weight) {
                            let run = &from[place..place + LANES];
                            sums.iter_mut().zip(run).for_each(|(sum, &x)| *sum = *sum + weight * x);
                        }
                        out.copy_from_slice(&sums[..out.len()]);
                    }
                }
            }
        }
    }
}

/// The adjoint of [`Forward`] in the planes.
struct InputGrad<'a, T> {
    lines: Lines,
    g: &'a [T],
    weight: &'a [T],
    groups: usize,
    first: usize,
    outputs: usize,
    buffer: &'a mut [T],
    out: &'a mut [T],
}

impl<T: Float> Body for InputGrad<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { lines, g, weight, groups, first, outputs, buffer, out } = self;
        let Window { output: [oh, ow], stride: [_, step], .. } = lines.window;
        let places: Vec<usize> = lines.window.taps(1).map(|(_, tap)| lines.tap(tap)).collect();
        let planes = out.chunks_exact_mut(lines.window.plane()).zip(g.chunks_exact(outputs * oh * ow));
        for (i, (out, g)) in planes.enumerate() {
            buffer.fill(T::ZERO);
            let weight = &weight[(first + i) % groups * outputs * places.len()..];
            for (g, weight) in g.chunks_exact(oh * ow).zip(weight.chunks_exact(places.len())) {
                for (oy, g) in g.chunks_exact(ow).enumerate() {
                    for (&place, &weight) in places.iter().zip(weight) {
                        let run = &mut buffer[lines.row(oy) + place..][..ow];
                        run.iter_mut().zip(g).for_each(|(sum, &g)| *sum = *sum + weight * g);
                    }
                }
            }
            out.fill(T::ZERO);
            lines.runs(|from, to, count| {
                let from = &buffer[from..from + count];
                match step {
                    1 => out[to..to + count].copy_from_slice(from),
                    _ => out[to..].iter_mut().step_by(step).zip(from).for_each(|(to, &x)| *to = x),
                }
            });
        }
    }
}

/// The adjoint of [`Forward`] in the weights of one group.
struct WeightGrad<'a, T> {
    lines: Lines,
    x: &'a [T],
    g: &'a [T],
    groups: usize,
    group: usize,
    outputs: usize,
    buffer: &'a mut [T],
    out: &'a mut [T],
}

impl<T: Float> Body for WeightGrad<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { lines, x, g, groups, group, outputs, buffer, out } = self;
        let Window { output: [oh, ow], .. } = lines.window;
        let places: Vec<usize> = lines.window.taps(1).map(|(_, tap)| lines.tap(tap)).collect();
        let (plane, size) = (lines.window.plane(), outputs * oh * ow);
        out.fill(T::ZERO);
        for image in (group..x.len() / plane).step_by(groups) {
            lines.fill(&x[image * plane..][..plane], buffer);
            let g = &g[image * size..][..size];
            for (out, g) in out.chunks_exact_mut(places.len()).zip(g.chunks_exact(oh * ow)) {
                for (out, &place) in out.iter_mut().zip(&places) {
                    let mut sums = [T::ZERO; LANES];
                    for (oy, g) in g.chunks_exact(ow).enumerate() {
                        let run = &buffer[lines.row(oy) + place..][..ow];
                        for (run, g) in run.chunks(LANES).zip(g.chunks(LANES)) {
                            let each = sums.iter_mut().zip(run).zip(g);
                            each.for_each(|((sum, &x), &g)| *sum = *sum + x * g);
                        }
                    }
                    *out = *out + total(sums);
                }
            }
        }
    }
}

/// The sum of a block, in a tree.
#[inline(always)]
fn total<T: Float>(mut sums: [T; LANES]) -> T {
    let mut half = LANES / 2;
    while half > 0 {
        for i in 0..half {
            sums[i] = sums[i] + sums[i + half];
        }
        half /= 2;
    }
    sums[0]
}
