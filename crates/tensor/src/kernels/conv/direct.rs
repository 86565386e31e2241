//! Direct convolution in single precision: the loops around the tiles. Each task copies its part of an image (padding
//! written out) and runs the tiles over it; where tasks are cut by output channels they share one copy. A position's sum
//! goes over channels, then taps, in order, so its bits do not depend on how work is cut. The adjoint in the images is
//! the same convolution with the weights turned round. Knows no `Tensor`.

use super::lanes::{Block, Onto, SIDE};
use super::pack::{Packed, Panel};
use super::scratch::{Place, Scratch};
use super::source::{Fill, Source};
use super::tables::Tables;
use super::tile::TileCall;
use super::{Finish, Geometry};
use crate::isa::{Isa, dispatch};
use crate::kernels::window::Window;
use crate::parallel::{self, Cost};

/// Multiply-adds that are worth a task.
const TASK: usize = 1 << 20;
/// Tasks that are enough for any machine.
const TASKS: usize = 32;
/// Bytes of packed weights that every task may read anew.
const SHARED: usize = 1 << 20;
/// Elements of a cache line.
const LINE: usize = 16;

/// A convolution without its operands.
pub(super) struct Direct<'a> {
    isa: Isa,
    tables: &'a Tables,
    geometry: Geometry,
    source: Source,
}

/// How a convolution is cut into tasks.
struct Cut {
    /// Lines of positions per task, and strips of so many.
    lines: usize,
    strips: usize,
    /// Panels per task, and how many such parts there are.
    each: usize,
    parts: usize,
}

impl<'a> Direct<'a> {
    pub(super) fn new(isa: Isa, tables: &'a Tables, geometry: Geometry) -> Self {
        Self { isa, tables, geometry, source: Source::new(geometry.window) }
    }

    /// By lines where the weights are few, else by output channels, so that each is read by one task.
    fn cut(&self, packed: &Packed) -> Cut {
        let Geometry { batch, groups, inputs, outputs, window } = self.geometry;
        let [oh, ow] = window.output;
        let jobs = batch * groups;
        let work = jobs * outputs * inputs * self.geometry.taps() * oh * ow;
        let wanted = (work / TASK).min(TASKS).div_ceil(jobs.max(1)).max(1);
        let panels = packed.panels.len();
        let (lines, each) = if packed.group.0 * size_of::<f32>() > SHARED {
            (oh, panels.div_ceil(wanted.min(panels)))
        } else {
            let strips = wanted.min(oh.div_ceil(2)).max(1);
            (oh.div_ceil(strips), panels)
        };
        Cut { lines, strips: oh.div_ceil(lines), each, parts: panels.div_ceil(each) }
    }

    /// Copies channels of an image for some lines of positions.
    fn fill(&self, x: &[f32], first: usize, count: usize, to: &mut [f32]) {
        dispatch(self.isa, Fill { source: &self.source, x, first, count, to });
    }

    /// out ← x ∗ weights, and what `finish` says.
    pub(super) fn run(&self, x: &[f32], packed: &Packed, finish: Finish<'_, f32>, out: &mut [f32]) {
        let Geometry { batch, groups, inputs, outputs, window } = self.geometry;
        let (block, result) = (inputs * window.plane(), outputs * window.positions());
        assert!(x.len() == batch * groups * block, "conv2d: the images have another length");
        assert!(out.len() == batch * groups * result, "conv2d: the result has another length");
        assert!(packed.fits(&self.geometry), "conv2d: weights were prepared for other sizes");
        finish.check(out.len());
        let Cut { lines, strips, each, parts } = self.cut(packed);
        let flops = out.len() * self.geometry.depth() / 2;
        let cost = Cost { bytes: size_of_val(x) + size_of_val(out), flops };
        let to = Place(out.as_mut_ptr());
        let strip = |job: usize, strip: usize, part: usize| {
            let first = strip * lines;
            let onto = Onto::new(finish, job * result);
            let (from, to) = (part * each, (part + 1) * each);
            Strip {
                direct: self,
                packed,
                panels: from..to.min(packed.panels.len()),
                group: job % groups,
                first,
                count: lines.min(window.output[0] - first),
                onto,
            }
        };
        if self.source.copies && parts > 1 {
            for job in 0..batch * groups {
                let x = &x[job * block..][..block];
                self.shared(x, cost, parts, |part| strip(job, 0, part), to.at(job * result));
            }
            return;
        }
        parallel::for_each(batch * groups * strips * parts, cost, |task| {
            let (job, part, place) = (task / (strips * parts), task / strips % parts, task % strips);
            let (x, strip) = (&x[job * block..][..block], strip(job, place, part));
            // SAFETY: the strip's lines of these channels of this job's planes are this task's own.
            unsafe {
                if self.source.copies {
                    let mut copy = Scratch::new(inputs * self.source.plane(strip.count));
                    let copy = copy.as_mut_slice();
                    self.fill(x, strip.first, strip.count, copy);
                    strip.run(copy, to.at(job * result));
                } else {
                    strip.run(&x[strip.first * self.source.pitch..], to.at(job * result));
                }
            }
        });
    }

    /// One image cut by output channels: its copy is made once, for all of them.
    fn shared<'s>(
        &self,
        x: &[f32],
        cost: Cost,
        parts: usize,
        strip: impl Fn(usize) -> Strip<'s> + Sync + Send,
        out: *mut f32,
    ) {
        let lines = self.geometry.window.output[0];
        let plane = self.source.plane(lines);
        let mut copy = Scratch::new(self.geometry.inputs * plane);
        let copy = copy.as_mut_slice();
        let planes = self.geometry.inputs.div_ceil(TASKS);
        let bytes = Cost::bytes(4 * size_of_val(copy));
        parallel::chunks_mut(copy, planes * plane, bytes, |part, copy| {
            let x = &x[part * planes * self.geometry.window.plane()..];
            self.fill(x, 0, lines, copy);
        });
        let (copy, out) = (&*copy, Place(out));
        // SAFETY: these channels of the result are this task's own.
        parallel::for_each(parts, cost, |part| unsafe { strip(part).run(copy, out.at(0)) });
    }
}

/// Some lines of positions of some output channels of one group of one image.
struct Strip<'a> {
    direct: &'a Direct<'a>,
    packed: &'a Packed,
    panels: std::ops::Range<usize>,
    group: usize,
    first: usize,
    count: usize,
    onto: Onto,
}

impl Strip<'_> {
    /// # Safety
    /// `out` is the group's first plane of the result, whose lines `first .. first + count` of the panels' channels
    /// nobody else touches.
    unsafe fn run(&self, source: &[f32], out: *mut f32) {
        let Direct { geometry: Geometry { inputs, window, .. }, source: ref layout, .. } = *self.direct;
        let (plane, taps) = (layout.plane(self.count), layout.taps(self.count));
        let reach = (inputs - 1) * plane + taps.iter().max().copied().unwrap_or(0);
        let last = (self.count - 1) * layout.pitch + window.output[1];
        assert!(reach + last <= source.len(), "conv2d: a tile would read outside the image");
        let mut block: Block = [[0.0; SIDE]; SIDE];
        for panel in self.panels.clone() {
            // SAFETY: the assertion above bounds what is read of the source; the rest is the caller's promise.
            unsafe { self.panel(panel, source, (plane, &taps), &mut block, out) };
        }
    }

    /// # Safety
    /// As for `run`; every tap of the strip's positions lies in the source.
    unsafe fn panel(
        &self,
        number: usize,
        source: &[f32],
        (plane, taps): (usize, &[usize]),
        block: &mut Block,
        out: *mut f32,
    ) {
        let Direct { tables, geometry: Geometry { inputs, outputs, window, .. }, .. } = *self.direct;
        let ([oh, ow], lanes, pitch) = (window.output, tables.lanes, self.direct.source.pitch);
        let panel @ Panel { first, vectors, start } = self.packed.panels[number];
        let weights = self.packed.weights(self.group);
        let tiles = tables.tiles[vectors - 1];
        let pairs = if vectors == 2 { tables.pairs } else { &[] };
        let parts = ow.div_ceil(tiles.len());
        // Short lines by twos, if such tiles are there.
        let two = if ow <= pairs.len() { self.count / 2 } else { 0 };
        let each =
            (taps.len() * vectors * lanes).div_ceil(LINE).div_ceil(two + (self.count - 2 * two) * parts);
        let mut ahead = Ahead::new(self.packed, weights, number, taps.len() * lanes, each);
        let mut run = |tile: super::tile::Tile, y: usize, x: usize| {
            let place = (first * oh + self.first + y) * ow + x;
            let call = TileCall {
                source: source[y * pitch + x..].as_ptr(),
                pitch,
                planes: (inputs, plane),
                taps,
                weights: weights[start..].as_ptr(),
                ahead: ahead.next(),
                bias: self.packed.bias(self.group, first),
                out: out.wrapping_add(place),
                onto: self.onto.at(place),
                channels: ((outputs - panel.first).min(vectors * lanes), oh * ow),
                block,
            };
            // SAFETY: the caller bounds what is read of the source, packing what is read of weights and bias; the
            // positions lie in lines that are the caller's own.
            unsafe { tile(&call) };
        };
        for y in 0..two {
            run(pairs[ow - 1], 2 * y, 0);
        }
        for y in 2 * two..self.count {
            let mut x = 0;
            for part in 0..parts {
                let length = (ow - x).div_ceil(parts - part);
                run(tiles[length - 1], y, x);
                x += length;
            }
        }
    }
}

/// Which weights a tile brings near while it computes: each its share of every input of the next panel.
struct Ahead {
    from: *const f32,
    /// Elements of an input in the next panel, and those of them that tiles have taken.
    step: usize,
    taken: usize,
    /// Lines that each tile takes.
    each: usize,
}

impl Ahead {
    fn new(packed: &Packed, weights: &[f32], number: usize, vector: usize, each: usize) -> Self {
        match packed.panels.get(number + 1) {
            Some(next) => {
                Self { from: weights[next.start..].as_ptr(), step: next.vectors * vector, taken: 0, each }
            }
            None => Self { from: std::ptr::null(), step: 0, taken: 0, each: 0 },
        }
    }

    /// Where the first input's share begins, its lines, and the distance to that of the next.
    fn next(&mut self) -> (*const f32, usize, usize) {
        let lines = self.each.min((self.step - self.taken).div_ceil(LINE));
        let from = self.from.wrapping_add(self.taken);
        self.taken = (self.taken + lines * LINE).min(self.step);
        (from, lines, self.step)
    }
}

/// The convolution whose value is the adjoint of one with stride 1: the result becomes the image, padded so far that
/// every tap meets every element; none if the padding was larger than the kernel reaches.
pub(super) fn turned(geometry: &Geometry) -> Option<Geometry> {
    let Geometry { inputs, outputs, window, .. } = *geometry;
    let pad =
        |axis: usize| ((window.kernel[axis] - 1) * window.dilation[axis]).checked_sub(window.padding[axis]);
    let padding = [pad(0)?, pad(1)?];
    if window.stride != [1, 1] {
        return None;
    }
    let window = Window { input: window.output, output: window.input, padding, ..window };
    Some(Geometry { inputs: outputs, outputs: inputs, window, ..*geometry })
}
