//! 3×3 convolution by Winograd's F(4×4, 3×3): a quarter of the products, where channels are so many that transforms are
//! little beside them. Tiles of an image are numbered along lines one tile longer than the result needs, so that a
//! number alone says where a tile lies; what the surplus tiles hold is never looked at. The loops here, the arithmetic in
//! `transform`. Knows no `Tensor`.

use super::lanes::{Block, Onto, SIDE};
use super::pack::{Strides, turned_weights};
use super::scratch::{Place, Scratch};
use super::source::{Source, copy_line};
use super::tables::Tables;
use super::transform::{POINTS, ProductCall, ResultCall, STEP};
use super::{Finish, Geometry};
use crate::isa::Isa;
use crate::kernels::window::Window;
use crate::parallel::{self, Cost};
use crate::storage::Storage;

/// The fewest channels on either side for which the transforms pay.
const CHANNELS: usize = 32;
/// Bytes of transformed weights up to which fewer products outweigh reading four times as much.
const WEIGHTS: usize = 5 << 19;
/// Bytes of transformed weights that every task may read anew.
const SHARED: usize = 1 << 20;
/// Bytes of a transformed strip of an image that stay in the second-level cache.
const STRIP: usize = 1 << 20;
/// Strips of images from which each is a task of its own.
const JOBS: usize = 8;
/// Tasks into which fewer images are cut.
const TASKS: usize = 8;
/// Elements behind a copied image that vectors of tiles may reach.
const SLACK: usize = 64;

/// Whether these sizes are worth it.
pub(super) fn suits(geometry: &Geometry) -> bool {
    let Geometry { inputs, outputs, window, .. } = *geometry;
    let is_plain = window.kernel == [3, 3] && window.stride == [1, 1] && window.dilation == [1, 1];
    let [rows, columns] = window.output.map(|side| side.div_ceil(STEP));
    let products = POINTS * rows * (columns + 1) * 4 / 3;
    is_plain
        && inputs >= CHANNELS
        && outputs >= CHANNELS
        && POINTS * inputs * outputs * size_of::<f32>() <= WEIGHTS
        && products <= 9 * window.positions()
}

/// How an image is cut into tiles.
pub(super) struct Tiles {
    /// Tiles down and along.
    pub(super) count: [usize; 2],
    pub(super) source: Source,
}

impl Tiles {
    pub(super) fn new(window: Window) -> Self {
        let count = window.output.map(|side| side.div_ceil(STEP));
        let window = Window { output: count, kernel: [6, 6], stride: [STEP, STEP], ..window };
        Self { count, source: Source::new(window) }
    }

    /// Tiles of so many lines, with the surplus but that of the last line.
    pub(super) fn numbers(&self, lines: usize) -> usize {
        lines * self.source.pitch - (self.source.pitch - self.count[1])
    }
}

/// Some neighbouring output channels: the first, and their vectors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub(super) first: usize,
    pub(super) vectors: usize,
}

/// Transformed weights, `[group][panel][point][input][channel]`, and the bias filled up to whole vectors.
pub(super) struct Transformed {
    weights: Storage<f32>,
    bias: Option<Vec<f32>>,
    panels: Vec<Panel>,
    /// Output channels of a group with those that fill up the last vector.
    channels: usize,
}

/// A convolution without its operands.
pub(super) struct Winograd<'a> {
    pub(super) isa: Isa,
    pub(super) tables: &'a Tables,
    pub(super) geometry: Geometry,
    pub(super) tiles: Tiles,
}

/// A transformed strip of an image: `[input][point][tile]`, so that what is written together lies in a page or two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// First line of tiles, and their number.
    pub(super) first: usize,
    pub(super) lines: usize,
    /// Tiles that one product makes, and how many products there are.
    pub(super) each: usize,
    pub(super) products: usize,
    /// Distance between the points of an input.
    pub(super) room: usize,
}

impl<'a> Winograd<'a> {
    pub(super) fn new(isa: Isa, tables: &'a Tables, geometry: Geometry) -> Self {
        Self { isa, tables, geometry, tiles: Tiles::new(geometry.window) }
    }

    /// The output channels in panels of two vectors or one.
    pub(super) fn panels(&self) -> Vec<Panel> {
        let (outputs, lanes) = (self.geometry.outputs, self.tables.lanes);
        let widest = if self.tables.products[1].is_empty() { 1 } else { 2 };
        let panel = |first| Panel { first, vectors: (outputs - first).div_ceil(lanes).min(widest) };
        (0..outputs).step_by(widest * lanes).map(panel).collect()
    }

    /// A strip of lines of tiles.
    pub(super) fn shape(&self, first: usize, lines: usize) -> Shape {
        let (least, most) = self.tables.tiles_at_once;
        let tiles = self.tiles.numbers(lines);
        let products = tiles.div_ceil(most);
        let each = tiles.div_ceil(products).max(least);
        let room = (products * each).max(tiles.next_multiple_of(self.tables.lanes));
        Shape { first, lines, each, products, room }
    }

    /// Lines of tiles in a strip.
    pub(super) fn lines(&self) -> usize {
        let line = POINTS * self.geometry.inputs * self.tiles.source.pitch * size_of::<f32>();
        let [rows, _] = self.tiles.count;
        rows.div_ceil(rows.div_ceil((STRIP / line).max(1)))
    }

    /// Transforms weights, and keeps the bias beside them.
    pub(super) fn pack(&self, weight: &[f32], at: Strides, bias: Option<&[f32]>) -> Transformed {
        let Geometry { groups, inputs, outputs, .. } = self.geometry;
        let (panels, lanes) = (self.panels(), self.tables.lanes);
        let channels: usize = panels.iter().map(|panel| panel.vectors * lanes).sum();
        let mut weights = Storage::stale(groups * channels * POINTS * inputs);
        let to = Place(weights.as_mut_slice().as_mut_ptr());
        let cost = Cost { bytes: 8 * size_of_val(weight), flops: 0 };
        parallel::for_each(groups * panels.len(), cost, |task| {
            let (group, panel) = (task / panels.len(), panels[task % panels.len()]);
            let width = panel.vectors * lanes;
            let count = width.min(outputs - panel.first);
            let mut plain = Storage::<f32>::stale(inputs * 9 * width);
            let from = &weight[group * at.group + panel.first * at.output..];
            turned_weights(self.isa, from, at, 9, (count, width), plain.as_mut_slice());
            let to = to.at((group * channels + panel.first) * POINTS * inputs);
            for (c, plain) in plain.as_slice().chunks_exact(9 * width).enumerate() {
                for lane in (0..width).step_by(lanes) {
                    let (from, to) = (plain[lane..].as_ptr(), to.wrapping_add(c * width + lane));
                    // SAFETY: nine rows of `width` weights; this panel's part of the buffer.
                    unsafe { (self.tables.weights)(from, width, to, inputs * width) };
                }
            }
        });
        let bias = bias.map(|bias| {
            let pad = |bias: &[f32]| [bias, &vec![0.0; channels - outputs]].concat();
            bias.chunks_exact(outputs).flat_map(pad).collect()
        });
        Transformed { weights, bias, panels, channels }
    }

    /// As [`super::source::Fill`], four lines of a phase at a time.
    fn fill(&self, shape: Shape, x: &[f32], to: &mut [f32]) {
        let Window { input: [h, w], padding: [above, before], .. } = self.geometry.window;
        let (pitch, phase) = (self.tiles.source.pitch, (shape.lines + 1) * self.tiles.source.pitch);
        // The padded line, and noughts up to a whole number of chunks.
        let mut line = vec![0.0; (4 * pitch).max(before + w).next_multiple_of(32) + 32];
        for (x, to) in x.chunks_exact(h * w).zip(to.chunks_exact_mut(16 * phase)) {
            // The last tiles reach two lines beyond their own.
            for row in 0..STEP * shape.lines + 2 {
                let y = (shape.first * STEP + row).wrapping_sub(above);
                let to = &mut to[row % 4 * 4 * phase + row / 4 * pitch..];
                if y >= h {
                    (0..4).for_each(|k| to[k * phase..][..pitch].fill(0.0));
                    continue;
                }
                copy_line(&x[y * w..][..w], &mut line[before..before + w]);
                for (i, chunk) in line.chunks_exact(32).enumerate().take(pitch.div_ceil(8)) {
                    let count = (pitch - 8 * i).min(8);
                    assert!(3 * phase + 8 * i + count <= to.len(), "conv2d: a line does not fit");
                    if let Some(chunk) = chunk.first_chunk() {
                        // SAFETY: four runs of `count`, the last of which was just asserted to fit.
                        unsafe { (self.tables.quarters)(chunk, to[8 * i..].as_mut_ptr(), phase, count) };
                    }
                }
            }
        }
    }

    /// `v[input][point][tile]` ← the transformed tiles of the planes `x`, the first of which is number `first_plane`.
    ///
    /// # Safety
    /// These planes' part of `v`, which has room for the whole strip, is nobody else's.
    pub(super) unsafe fn transform(&self, shape: Shape, x: &[f32], first_plane: usize, v: *mut f32) {
        let source = &self.tiles.source;
        let plane = source.plane(shape.lines);
        let planes = x.len() / self.geometry.window.plane();
        let mut copy = Scratch::new(planes * plane + SLACK);
        let (to, slack) = copy.as_mut_slice().split_at_mut(planes * plane);
        slack.fill(0.0);
        self.fill(shape, x, to);
        let copy = copy.as_mut_slice();
        let mut taps = [0; POINTS];
        taps.copy_from_slice(&source.taps(shape.lines));
        let numbers = self.tiles.numbers(shape.lines).next_multiple_of(self.tables.lanes);
        let furthest = taps.iter().max().copied().unwrap_or(0) + numbers;
        assert!(
            (planes - 1) * plane + furthest <= planes * plane + SLACK,
            "conv2d: tiles reach outside the image"
        );
        for c in 0..planes {
            for t in (0..self.tiles.numbers(shape.lines)).step_by(self.tables.lanes) {
                // SAFETY: tile and point lie in the copy, as was asserted, and in the strip, which has room for whole
                // vectors.
                unsafe {
                    let from = copy.as_ptr().add(c * plane + t);
                    let to = v.add((first_plane + c) * POINTS * shape.room + t);
                    (self.tables.images)(from, &taps, to, shape.room);
                }
            }
        }
    }

    /// `to[tile][point][channel]` ← the products of a transformed strip with one panel's weights.
    ///
    /// # Safety
    /// `v` is the whole strip; `to` has room for as many tiles.
    unsafe fn products(
        &self,
        (shape, v): (Shape, *const f32),
        packed: &Transformed,
        (group, panel): (usize, Panel),
        to: *mut f32,
    ) {
        let inputs = self.geometry.inputs;
        let width = panel.vectors * self.tables.lanes;
        let tile = POINTS * width;
        let start = (group * packed.channels + panel.first) * POINTS * inputs;
        let weights = &packed.weights.as_slice()[start..][..POINTS * inputs * width];
        let product = self.tables.products[panel.vectors - 1][shape.each - self.tables.tiles_at_once.0];
        for p in 0..POINTS {
            for i in 0..shape.products {
                let t = i * shape.each;
                let call = ProductCall {
                    source: v.wrapping_add(p * shape.room + t),
                    planes: (inputs, POINTS * shape.room),
                    next: shape.room,
                    weights: weights[p * inputs * width..].as_ptr(),
                    to: (to.wrapping_add(t * tile + p * width), tile),
                };
                // SAFETY: tiles up to products · each lie in the room of both.
                unsafe { product(&call) };
            }
        }
    }

    /// The result's channels of one panel from a transformed strip.
    ///
    /// # Safety
    /// `v` is the whole strip; the strip's lines of these channels of `out`, the group's first plane of the result, are
    /// nobody else's.
    unsafe fn panel(
        &self,
        (shape, v): (Shape, *const f32),
        packed: &Transformed,
        (group, panel): (usize, Panel),
        (out, onto): (*mut f32, Onto),
    ) {
        let Geometry { outputs, window, .. } = self.geometry;
        let ([oh, ow], lanes) = (window.output, self.tables.lanes);
        let width = panel.vectors * lanes;
        let tile = POINTS * width;
        let mut products = Scratch::new(shape.room * tile);
        let products = products.as_mut_slice().as_mut_ptr();
        // SAFETY: `v` is the whole strip, the buffer has room for all its tiles.
        unsafe { self.products((shape, v), packed, (group, panel), products) };
        let mut blocks: [Block; STEP] = [[[0.0; SIDE]; SIDE]; STEP];
        for ty in 0..shape.lines {
            let y = (shape.first + ty) * STEP;
            for tx in (0..self.tiles.count[1]).step_by(4) {
                for lane in (0..panel.vectors).map(|v| v * lanes) {
                    let channel = panel.first + lane;
                    if channel >= outputs {
                        break;
                    }
                    let bias = match &packed.bias {
                        Some(bias) => bias[group * packed.channels + channel..].as_ptr(),
                        None => std::ptr::null(),
                    };
                    let place = (channel * oh + y) * ow + tx * STEP;
                    let call = ResultCall {
                        from: products.wrapping_add((ty * self.tiles.source.pitch + tx) * tile + lane),
                        point: width,
                        tile,
                        tiles: (self.tiles.count[1] - tx).min(4),
                        bias,
                        out: out.wrapping_add(place),
                        onto: onto.at(place),
                        line: ow,
                        plane: oh * ow,
                        lines: (oh - y).min(STEP),
                        columns: (ow - tx * STEP).min(4 * STEP),
                        channels: (outputs - channel).min(lanes),
                        blocks: &mut blocks,
                    };
                    // SAFETY: tiles, lines, columns and channels that exist.
                    unsafe { (self.tables.results)(&call) };
                }
            }
        }
    }

    /// out ← x ∗ weights (+ bias), and what `finish` says.
    pub(super) fn run(&self, x: &[f32], packed: &Transformed, finish: Finish<'_, f32>, out: &mut [f32]) {
        let Geometry { batch, groups, inputs, outputs, window } = self.geometry;
        let (block, result) = (inputs * window.plane(), outputs * window.positions());
        assert!(x.len() == batch * groups * block, "conv2d: the images have another length");
        assert!(out.len() == batch * groups * result, "conv2d: the result has another length");
        let fits = packed.weights.as_slice().len() == groups * packed.channels * POINTS * inputs
            && packed.channels >= outputs;
        assert!(fits, "conv2d: weights were prepared for other sizes");
        finish.check(out.len());
        let rows = self.tiles.count[0];
        let (jobs, mut lines) = (batch * groups, self.lines());
        if size_of_val(packed.weights.as_slice()) <= SHARED {
            lines = lines.min(rows * jobs / JOBS).max(1);
        }
        let flops = out.len() * inputs * 9 / 4;
        let cost = Cost { bytes: size_of_val(x) + size_of_val(out), flops };
        let to = Place(out.as_mut_ptr());
        let strips = rows.div_ceil(lines);
        let shape_of = |strip: usize| self.shape(strip * lines, lines.min(rows - strip * lines));
        if jobs * strips >= JOBS {
            return parallel::for_each(jobs * strips, cost, |task| {
                let (job, shape) = (task / strips, shape_of(task % strips));
                let mut v = Scratch::new(POINTS * inputs * shape.room);
                let v = v.as_mut_slice().as_mut_ptr();
                // SAFETY: the strip is this task's own, and so are its lines of the result.
                unsafe {
                    self.transform(shape, &x[job * block..][..block], 0, v);
                    let to = (to.at(job * result), Onto::new(finish, job * result));
                    for &panel in &packed.panels {
                        self.panel((shape, v), packed, (job % groups, panel), to);
                    }
                }
            });
        }
        for task in 0..jobs * strips {
            let (job, shape) = (task / strips, shape_of(task % strips));
            let x = &x[job * block..][..block];
            self.shared((shape, x), packed, job % groups, cost, (finish, to, job * result));
        }
    }

    /// A strip of one image cut by output channels: it is transformed once, for all of them.
    fn shared(
        &self,
        (shape, x): (Shape, &[f32]),
        packed: &Transformed,
        group: usize,
        cost: Cost,
        (finish, to, start): (Finish<'_, f32>, Place, usize),
    ) {
        let Geometry { inputs, window, .. } = self.geometry;
        let mut v = Scratch::new(POINTS * inputs * shape.room);
        let v = Place(v.as_mut_slice().as_mut_ptr());
        let planes = inputs.div_ceil(TASKS);
        parallel::for_each(inputs.div_ceil(planes), cost, |part| {
            let first = part * planes;
            let x = &x[first * window.plane()..][..planes.min(inputs - first) * window.plane()];
            // SAFETY: these planes of the strip are this task's own.
            unsafe { self.transform(shape, x, first, v.at(0)) };
        });
        parallel::for_each(packed.panels.len(), cost, |panel| {
            let (panel, to) = (packed.panels[panel], (to.at(start), Onto::new(finish, start)));
            // SAFETY: the strip is complete; these channels of the result are this task's own.
            unsafe { self.panel((shape, v.at(0)), packed, (group, panel), to) };
        });
    }
}
