//! The gradient of the weights in single precision, directly: for each weight the sum over positions of what its tap saw
//! times the cotangent. Cotangents are turned round once, so that vectors lie along the output channels; images are read
//! where the forward pass reads them. Runs of images are summed apart and added in a tree whose shape follows from the
//! sizes alone. Knows no `Tensor`.

use super::Geometry;
use super::lanes::{Onto, SIDE};
use super::scratch::Scratch;
use super::source::{Fill, Source};
use super::tables::Tables;
use super::tile::SlopeCall;
use crate::isa::{Body, Isa, dispatch};
use crate::parallel::{self, Cost};
use crate::storage::Storage;

/// Runs of images that are summed apart.
const PARTS: usize = 8;
/// Tasks that are enough where there are fewer runs.
const TASKS: usize = 8;
/// Bytes of weights whose copies are worth adding up.
const COPIED: usize = 1 << 19;
/// Bytes of cotangents that stay in the first-level cache.
const CACHED: usize = 20 * 1024;

/// Some neighbouring output channels: the first and their number, and how many a row of the sums has room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub(super) group: usize,
    pub(super) first: usize,
    pub(super) count: usize,
    pub(super) vectors: usize,
}

/// How the work of a gradient is cut: runs of images, and panels per task.
pub(super) struct Cut {
    pub(super) parts: usize,
    pub(super) images: usize,
    pub(super) each: usize,
}

impl Cut {
    /// For sums of `elements`, of which every run of images has a copy.
    pub(super) fn new(elements: usize, batch: usize, panels: usize) -> Self {
        let parts = if elements * size_of::<f32>() > COPIED { 1 } else { PARTS.min(batch).max(1) };
        let images = batch.div_ceil(parts).max(1);
        let parts = batch.div_ceil(images).max(1);
        // A task takes neighbouring panels: it copies each image of their group once.
        Self { parts, images, each: panels.div_ceil(TASKS.div_ceil(parts).min(panels)) }
    }

    /// The images of run `part`.
    pub(super) fn images(&self, part: usize, batch: usize) -> std::ops::Range<usize> {
        part * self.images..((part + 1) * self.images).min(batch)
    }
}

/// The output channels, in panels of one or two vectors.
pub(super) fn panels(tables: &Tables, geometry: &Geometry) -> Vec<Panel> {
    let Geometry { groups, outputs, .. } = *geometry;
    let lanes = tables.lanes;
    let widest = if tables.slopes[1].is_empty() { lanes } else { 2 * lanes };
    let in_group = |group| {
        (0..outputs).step_by(widest).map(move |first| {
            let count = widest.min(outputs - first);
            Panel { group, first, count, vectors: count.div_ceil(lanes) }
        })
    };
    (0..groups).flat_map(in_group).collect()
}

/// A convolution whose weights' gradient is wanted.
pub(super) struct Slopes<'a> {
    pub(super) isa: Isa,
    pub(super) tables: &'a Tables,
    pub(super) geometry: Geometry,
    pub(super) source: Source,
}

impl<'a> Slopes<'a> {
    pub(super) fn new(isa: Isa, tables: &'a Tables, geometry: Geometry) -> Self {
        Self { isa, tables, geometry, source: Source::new(geometry.window) }
    }

    /// Weights of one output channel.
    fn depth(&self) -> usize {
        self.geometry.inputs * self.geometry.window.kernel[0] * self.geometry.window.kernel[1]
    }

    /// out `[O, C/groups, KH, KW]` ← the cotangent of the weights.
    pub(super) fn run(&self, x: &[f32], g: &[f32], out: &mut [f32]) {
        let Geometry { batch, groups, inputs, outputs, window } = self.geometry;
        let depth = self.depth();
        assert!(
            x.len() == batch * groups * inputs * window.plane(),
            "conv2d: the images have another length"
        );
        assert!(
            g.len() == batch * groups * outputs * window.positions(),
            "conv2d: the cotangent has another length"
        );
        assert!(out.len() == groups * outputs * depth, "conv2d: the gradient has another length");
        let panels = panels(self.tables, &self.geometry);
        let cut = Cut::new(out.len(), batch, panels.len());
        let parts = cut.parts;
        let runs: Vec<_> = panels.chunks(cut.each).collect();
        let flops = g.len() * depth / 2;
        let cost = Cost { bytes: size_of_val(x) + size_of_val(g), flops };
        let mut sums = parallel::map(parts * runs.len(), cost, |task| {
            let (run, part) = (task / parts, task % parts);
            self.part(runs[run], cut.images(part, batch), x, g)
        })
        .into_iter();
        for run in &runs {
            let sum = total(sums.by_ref().take(parts).collect());
            let mut rest = sum.as_ref().map_or(&[][..], Storage::as_slice);
            for panel in *run {
                let width = panel.vectors * self.tables.lanes;
                let (from, after) = rest.split_at(depth * width);
                let to = &mut out[(panel.group * outputs + panel.first) * depth..][..panel.count * depth];
                unpack(self.isa, from, width, depth, to);
                rest = after;
            }
        }
    }

    /// The sums of some panels over some images: `[panel][input][tap][channel]`.
    fn part(&self, panels: &[Panel], images: std::ops::Range<usize>, x: &[f32], g: &[f32]) -> Storage<f32> {
        let Geometry { groups, inputs, outputs, window, .. } = self.geometry;
        let ([oh, ow], lanes, depth) = (window.output, self.tables.lanes, self.depth());
        let widths: usize = panels.iter().map(|panel| panel.vectors * lanes).sum();
        let mut sums = Storage::<f32>::stale(widths * depth);
        sums.as_mut_slice().fill(0.0);
        let plane = self.source.plane(oh);
        let rows = self.rows(plane);
        let mut copy = Scratch::new(if self.source.copies { inputs * plane } else { 0 });
        let mut turned = Scratch::new(2 * lanes * oh * ow);
        for image in images {
            let mut filled = None;
            let mut rest = sums.as_mut_slice();
            for panel in panels {
                let block = inputs * window.plane();
                let x = &x[(image * groups + panel.group) * block..][..block];
                if self.source.copies && filled != Some(panel.group) {
                    let to = copy.as_mut_slice();
                    dispatch(self.isa, Fill { source: &self.source, x, first: 0, count: oh, to });
                    filled = Some(panel.group);
                }
                let source = if self.source.copies { copy.as_slice() } else { x };
                let width = panel.vectors * lanes;
                let first = (image * groups + panel.group) * outputs + panel.first;
                let g = &g[first * oh * ow..][..panel.count * oh * ow];
                let turned = &mut turned.as_mut_slice()[..width * oh * ow];
                turn(self.tables, g, panel.count, turned);
                let (sums, after) = std::mem::take(&mut rest).split_at_mut(width * depth);
                rest = after;
                self.add(source, &rows, turned, panel.vectors, sums);
            }
        }
        sums
    }

    /// Where each weight's first place lies in the source.
    fn rows(&self, plane: usize) -> Vec<usize> {
        let taps = self.source.taps(self.geometry.window.output[0]);
        (0..self.geometry.inputs).flat_map(|c| taps.iter().map(move |tap| c * plane + tap)).collect()
    }

    /// sums `[input][tap][channel]` += Σ over positions.
    fn add(&self, source: &[f32], rows: &[usize], g: &[f32], vectors: usize, sums: &mut [f32]) {
        let ([oh, ow], pitch) = (self.geometry.window.output, self.source.pitch);
        let (slopes, width) = (self.tables.slopes[vectors - 1], vectors * self.tables.lanes);
        let last = rows.iter().max().copied().unwrap_or(0) + (oh - 1) * pitch + ow;
        assert!(last <= source.len(), "conv2d: a gradient would read outside the image");
        assert!(g.len() == oh * ow * width, "conv2d: cotangents do not fit");
        assert!(sums.len() == rows.len() * width, "conv2d: sums do not fit");
        let lines = (CACHED / (ow * width * size_of::<f32>())).clamp(1, oh);
        for y in (0..oh).step_by(lines) {
            let mut row = 0;
            let parts = rows.len().div_ceil(slopes.len());
            for part in 0..parts {
                let count = (rows.len() - row).div_ceil(parts - part);
                let call = SlopeCall {
                    source: source[y * pitch..].as_ptr(),
                    rows: &rows[row..row + count],
                    lines: (lines.min(oh - y), pitch),
                    width: ow,
                    g: (g[y * ow * width..].as_ptr(), width),
                    sums: (sums[row * width..].as_mut_ptr(), width),
                };
                // SAFETY: the assertions above bound the source, the cotangents and the sums.
                unsafe { slopes[count - 1](&call) };
                row += count;
            }
        }
    }
}

/// `turned[position][channel] ← g[channel][position]`, 0 for channels beyond `count`.
pub(super) fn turn(tables: &Tables, g: &[f32], count: usize, turned: &mut [f32]) {
    let (positions, lanes) = (g.len() / count, tables.lanes);
    let width = turned.len() / positions;
    assert!(
        width.is_multiple_of(lanes) && turned.len() == width * positions,
        "conv2d: cotangents do not fit"
    );
    for first in (0..width).step_by(lanes) {
        let channels = lanes.min(count.saturating_sub(first));
        let mut block = [[0.0; SIDE]; SIDE];
        for start in (0..positions).step_by(lanes) {
            let here = lanes.min(positions - start);
            for (row, g) in block.iter_mut().zip(g[first * positions..].chunks(positions)).take(channels) {
                match (row.first_chunk_mut::<SIDE>(), g[start..].first_chunk::<SIDE>()) {
                    (Some(row), Some(g)) => *row = *g,
                    _ => row[..here].copy_from_slice(&g[start..start + here]),
                }
            }
            let to = &mut turned[start * width + first..];
            assert!((here - 1) * width + lanes <= to.len(), "conv2d: a block of cotangents does not fit");
            // SAFETY: `here` ≤ lanes rows of `lanes` elements, the last of which was just asserted to fit.
            unsafe { (tables.spread)(&block, [lanes, here], to.as_mut_ptr(), width, Onto::NOTHING) };
        }
    }
}

/// Sums over runs of images, added up in a tree.
pub(super) fn total(sums: Vec<Storage<f32>>) -> Option<Storage<f32>> {
    parallel::tree(sums, |mut a, b| {
        a.as_mut_slice().iter_mut().zip(b.as_slice()).for_each(|(a, &b)| *a += b);
        a
    })
}

/// `to[channel · depth + row] ← from[row · width + channel]`.
pub(super) fn unpack(isa: Isa, from: &[f32], width: usize, depth: usize, to: &mut [f32]) {
    dispatch(isa, Unpack { from, width, depth, to });
}

/// `to[channel · depth + row] ← from[row · width + channel]`.
struct Unpack<'a> {
    from: &'a [f32],
    width: usize,
    depth: usize,
    to: &'a mut [f32],
}

impl Body for Unpack<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        for (channel, to) in self.to.chunks_exact_mut(self.depth).enumerate() {
            let from = self.from[channel..].iter().step_by(self.width);
            to.iter_mut().zip(from).for_each(|(to, &from)| *to = from);
        }
    }
}
