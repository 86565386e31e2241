//! The gradient of 3×3 weights by Winograd's F(4×4, 3×3): images are transformed as in the forward pass, cotangents by the
//! transpose of the result's transform, and what is summed over all tiles is turned into weights once at the end. Cut and
//! added up as in `slopes`. Knows no `Tensor`.

use super::Geometry;
use super::scratch::{Place, Scratch};
use super::slopes::{Cut, Panel, panels, total, turn, unpack};
use super::tables::Tables;
use super::tile::SlopeCall;
use super::transform::{POINTS, STEP};
use super::winograd::{Shape, Winograd};
use crate::isa::Isa;
use crate::parallel::{self, Cost};
use crate::storage::Storage;

/// Tiles that are worth the way of a sum from memory and back.
const TILES: usize = 64;

/// A convolution whose weights' gradient is wanted.
pub(super) struct WinogradSlopes<'a> {
    winograd: Winograd<'a>,
}

/// Buffers of one task.
struct Room {
    /// Transformed images, `[input][point][tile]`.
    v: Scratch,
    /// Transformed cotangents, `[tile][point][channel]`; surplus tiles stay 0.
    g: Scratch,
    /// Cotangents of one image, `[position][channel]`.
    turned: Scratch,
}

impl<'a> WinogradSlopes<'a> {
    pub(super) fn new(isa: Isa, tables: &'a Tables, geometry: Geometry) -> Self {
        Self { winograd: Winograd::new(isa, tables, geometry) }
    }

    /// out `[O, C/groups, 3, 3]` ← the cotangent of the weights.
    pub(super) fn run(&self, x: &[f32], g: &[f32], out: &mut [f32]) {
        let Winograd { isa, tables, geometry, .. } = self.winograd;
        let Geometry { batch, groups, inputs, outputs, window } = geometry;
        let depth = 9 * inputs;
        assert!(
            x.len() == batch * groups * inputs * window.plane(),
            "conv2d: the images have another length"
        );
        assert!(
            g.len() == batch * groups * outputs * window.positions(),
            "conv2d: the cotangent has another length"
        );
        assert!(out.len() == groups * outputs * depth, "conv2d: the gradient has another length");
        let panels = panels(tables, &geometry);
        let cut = Cut::new(out.len() * POINTS / 18, batch, panels.len());
        let runs: Vec<_> = panels.chunks(cut.each).collect();
        let cost = Cost { bytes: size_of_val(x) + size_of_val(g), flops: g.len() * depth / 4 };
        let mut sums = parallel::map(cut.parts * runs.len(), cost, |task| {
            let (run, part) = (task / cut.parts, task % cut.parts);
            self.part(runs[run], cut.images(part, batch), x, g)
        })
        .into_iter();
        for run in &runs {
            let sum = total(sums.by_ref().take(cut.parts).collect());
            let mut rest = sum.as_ref().map_or(&[][..], Storage::as_slice);
            for panel in *run {
                let width = panel.vectors * tables.lanes;
                let (from, after) = rest.split_at(POINTS * inputs * width);
                rest = after;
                let mut plain = Storage::<f32>::stale(depth * width);
                let to = plain.as_mut_slice();
                for c in 0..inputs {
                    for lane in (0..width).step_by(tables.lanes) {
                        let (from, to) =
                            (from[c * width + lane..].as_ptr(), to[9 * c * width + lane..].as_mut_ptr());
                        // SAFETY: 36 points of `inputs` rows of `width` sums; nine such rows of weights for each input.
                        unsafe { (tables.weight_slopes)(from, inputs * width, to, width) };
                    }
                }
                let to = &mut out[(panel.group * outputs + panel.first) * depth..][..panel.count * depth];
                unpack(isa, plain.as_slice(), width, depth, to);
            }
        }
    }

    /// The sums of some panels over some images: `[panel][point][input][channel]`.
    fn part(&self, panels: &[Panel], images: std::ops::Range<usize>, x: &[f32], g: &[f32]) -> Storage<f32> {
        let Winograd { tables, geometry, ref tiles, .. } = self.winograd;
        let Geometry { groups, inputs, window, .. } = geometry;
        let widths: usize = panels.iter().map(|panel| panel.vectors * tables.lanes).sum();
        let mut sums = Storage::<f32>::stale(POINTS * inputs * widths);
        sums.as_mut_slice().fill(0.0);
        // A few images side by side, or a strip of a large one.
        let lines = self.winograd.lines();
        let wave = (TILES / tiles.numbers(lines)).clamp(1, images.len().max(1));
        let room = wave * tiles.numbers(lines) + tables.lanes;
        let mut buffers = Room {
            v: Scratch::new(POINTS * inputs * room),
            g: Scratch::new(POINTS * room * 2 * tables.lanes),
            turned: Scratch::new(2 * tables.lanes * window.positions()),
        };
        for first in images.clone().step_by(wave) {
            let here = first..(first + wave).min(images.end);
            for line in (0..tiles.count[0]).step_by(lines) {
                let shape = self.winograd.shape(line, lines.min(tiles.count[0] - line));
                let shape = Shape { room, ..shape };
                let mut filled = None;
                let mut rest = sums.as_mut_slice();
                for panel in panels {
                    if filled != Some(panel.group) {
                        self.images(
                            shape,
                            here.clone().map(|image| image * groups + panel.group),
                            x,
                            &mut buffers,
                        );
                        filled = Some(panel.group);
                    }
                    self.cotangents(shape, here.clone(), panel, g, &mut buffers);
                    let length = POINTS * inputs * panel.vectors * tables.lanes;
                    let (sums, after) = std::mem::take(&mut rest).split_at_mut(length);
                    rest = after;
                    self.add(shape, here.len() * tiles.numbers(shape.lines), panel.vectors, &buffers, sums);
                }
            }
        }
        sums
    }

    /// Transforms a strip of each of some images (numbered with their groups), side by side.
    fn images(&self, shape: Shape, jobs: impl Iterator<Item = usize>, x: &[f32], buffers: &mut Room) {
        let Geometry { inputs, window, .. } = self.winograd.geometry;
        let block = inputs * window.plane();
        let v = Place(buffers.v.as_mut_slice().as_mut_ptr());
        for (i, job) in jobs.enumerate() {
            let to = v.at(i * self.winograd.tiles.numbers(shape.lines));
            // SAFETY: the buffer is this task's own and has room for so many images, a vector more in each line of tiles
            // and behind each point; what reaches into the next image is written anew by it.
            unsafe { self.winograd.transform(shape, &x[job * block..][..block], 0, to) };
        }
    }

    /// Transforms the cotangents of one panel for a strip of each of some images.
    fn cotangents(
        &self,
        shape: Shape,
        images: std::ops::Range<usize>,
        panel: &Panel,
        g: &[f32],
        buffers: &mut Room,
    ) {
        let Winograd { tables, geometry, ref tiles, .. } = self.winograd;
        let Geometry { groups, outputs, window, .. } = geometry;
        let ([oh, ow], lanes) = (window.output, tables.lanes);
        let (width, positions) = (panel.vectors * lanes, window.positions());
        let (to, turned) =
            (buffers.g.as_mut_slice(), &mut buffers.turned.as_mut_slice()[..width * positions]);
        let numbers = tiles.numbers(shape.lines);
        for (i, image) in images.enumerate() {
            let first = (image * groups + panel.group) * outputs + panel.first;
            turn(tables, &g[first * positions..][..panel.count * positions], panel.count, turned);
            for t in 0..numbers {
                let (ty, tx) = (t / tiles.source.pitch, t % tiles.source.pitch);
                let (y, x) = ((shape.first + ty) * STEP, tx * STEP);
                // Surplus tiles have no columns: noughts, which leave the sums as they are.
                let size = [(oh - y).min(STEP), ow.saturating_sub(x).min(STEP)];
                let from = &turned[if size[1] == 0 { 0 } else { (y * ow + x) * width }..];
                for lane in (0..width).step_by(lanes) {
                    let to = to[(i * numbers + t) * POINTS * width + lane..].as_mut_ptr();
                    // SAFETY: rows and columns that exist; the buffer has room for the points of all these tiles.
                    unsafe { (tables.cotangents)((from[lane..].as_ptr(), ow, width), size, to, width) };
                }
            }
        }
    }

    /// sums `[point][input][channel]` += Σ over `count` tiles.
    fn add(&self, shape: Shape, count: usize, vectors: usize, buffers: &Room, sums: &mut [f32]) {
        let (tables, inputs) = (self.winograd.tables, self.winograd.geometry.inputs);
        let (slopes, width) = (tables.slopes[vectors - 1], vectors * tables.lanes);
        assert!(count <= shape.room && sums.len() == POINTS * inputs * width, "conv2d: sums do not fit");
        let rows: Vec<_> = (0..inputs).map(|c| c * POINTS * shape.room).collect();
        let parts = inputs.div_ceil(slopes.len());
        for p in 0..POINTS {
            let mut row = 0;
            for part in 0..parts {
                let rows = &rows[row..row + (inputs - row).div_ceil(parts - part)];
                let call = SlopeCall {
                    source: buffers.v.as_slice()[p * shape.room..].as_ptr(),
                    rows,
                    lines: (1, 0),
                    width: count,
                    g: (buffers.g.as_slice()[p * width..].as_ptr(), POINTS * width),
                    sums: (sums[(p * inputs + row) * width..].as_mut_ptr(), width),
                };
                // SAFETY: `count` tiles of these rows and of the cotangents lie in the buffers, as was asserted.
                unsafe { slopes[rows.len() - 1](&call) };
                row += rows.len();
            }
        }
    }
}
