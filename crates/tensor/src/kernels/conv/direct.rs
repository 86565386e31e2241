//! Direct convolution in single precision: the loops around the tiles. Weights are packed once per call into panels of
//! neighbouring output channels; each task copies its part of an image (padding written out) and runs the tiles over it.
//! A position's sum goes over channels, then taps, in order, so its bits do not depend on how work is cut. The adjoint
//! in the images is the same convolution with the weights turned round. Knows no `Tensor`.

use super::Geometry;
use super::lanes::{Block, SIDE};
use super::source::{Fill, Source};
use super::tables::Tables;
use super::tile::TileCall;
use crate::isa::{Body, Isa, dispatch};
use crate::kernels::window::Window;
use crate::parallel::{self, Cost};
use crate::storage::Storage;

/// Output channels that one tile makes: the first, their number of vectors, and where their packed weights begin.
#[derive(Clone, Copy, Debug)]
struct Panel {
    first: usize,
    vectors: usize,
    start: usize,
}

/// The panels of `outputs` channels with `depth` weights each.
fn panels(tables: &Tables, outputs: usize, depth: usize, widest: usize) -> Vec<Panel> {
    let (mut panels, mut first, mut start) = (Vec::new(), 0, 0);
    while first < outputs {
        let wanted = (outputs - first).div_ceil(tables.lanes);
        let mut vectors = widest;
        while vectors > wanted {
            vectors /= 2;
        }
        panels.push(Panel { first, vectors, start });
        first += vectors * tables.lanes;
        start += vectors * tables.lanes * depth;
    }
    panels
}

/// Weights as the tiles read them: for each group and panel `[input][tap][channel]`, and the bias filled up to whole
/// vectors.
pub(super) struct Packed {
    weights: Storage<f32>,
    bias: Option<Vec<f32>>,
    panels: Vec<Panel>,
    /// Elements of one group of the weights, and of the bias.
    group: (usize, usize),
}

/// Where weights lie: the distances between output channels, inputs and groups; taps are neighbours.
#[derive(Clone, Copy, Debug)]
pub(super) struct Strides {
    pub(super) output: usize,
    pub(super) input: usize,
    pub(super) group: usize,
    /// Whether the last tap comes first.
    pub(super) turned: bool,
}

/// Multiply-adds that are worth a task.
const TASK: usize = 1 << 20;
/// Tasks that are enough for any machine.
const TASKS: usize = 32;
/// Bytes of packed weights that every task may read anew.
const SHARED: usize = 1 << 20;

/// A convolution without its operands.
pub(super) struct Direct<'a> {
    pub(super) isa: Isa,
    pub(super) tables: &'a Tables,
    pub(super) geometry: Geometry,
    pub(super) source: Source,
    pub(super) relu: bool,
}

/// A pointer that tasks share; each writes places of its own.
#[derive(Clone, Copy)]
pub(super) struct Place(pub(super) *mut f32);

// SAFETY: whoever shares it lets each task write elements of its own, and none read them before all have.
unsafe impl Sync for Place {}
// SAFETY: as above.
unsafe impl Send for Place {}

impl Place {
    pub(super) fn at(&self, i: usize) -> *mut f32 {
        self.0.wrapping_add(i)
    }
}

impl<'a> Direct<'a> {
    pub(super) fn new(isa: Isa, tables: &'a Tables, geometry: Geometry, relu: bool) -> Self {
        Self { isa, tables, geometry, source: Source::new(geometry.window), relu }
    }

    /// Vectors of the widest panel: four where lines are short, so that a tile has enough sums.
    fn widest(&self) -> usize {
        let longest = |i: usize| self.tables.tiles[i].len();
        let width = self.geometry.window.output[1];
        match (longest(2) >= width, longest(1)) {
            (true, _) => 4,
            (_, 0) => 1,
            _ => 2,
        }
    }

    /// Packs weights and bias.
    pub(super) fn pack(&self, weight: &[f32], at: Strides, bias: Option<&[f32]>) -> Packed {
        let Geometry { groups, inputs, outputs, .. } = self.geometry;
        let (taps, lanes) = (self.geometry.taps(), self.tables.lanes);
        let depth = inputs * taps;
        let panels = panels(self.tables, outputs, depth, self.widest());
        let channels: usize = panels.iter().map(|panel| panel.vectors * lanes).sum();
        let mut weights = Storage::stale(groups * channels * depth);
        let to = Place(weights.as_mut_slice().as_mut_ptr());
        let cost = Cost::bytes(3 * size_of_val(weight));
        parallel::for_each(groups * panels.len(), cost, |task| {
            let (group, panel) = (task / panels.len(), panels[task % panels.len()]);
            let width = panel.vectors * lanes;
            let start = group * channels * depth + panel.start;
            // SAFETY: this panel's part of the buffer, which no other task touches.
            let to = unsafe { std::slice::from_raw_parts_mut(to.at(start), width * depth) };
            let count = width.min(outputs - panel.first);
            let from = &weight[group * at.group + panel.first * at.output..];
            turned_weights(self.isa, from, at, taps, (count, width), to);
        });
        let bias = bias.map(|bias| {
            let pad = |bias: &[f32]| [bias, &vec![0.0; channels - outputs]].concat();
            bias.chunks_exact(outputs).flat_map(pad).collect()
        });
        Packed { weights, bias, panels, group: (channels * depth, channels) }
    }

    /// Lines of positions per task, and panels per task.
    fn cut(&self, packed: &Packed) -> (usize, usize) {
        let Geometry { batch, groups, inputs, outputs, window } = self.geometry;
        let [oh, ow] = window.output;
        let jobs = batch * groups;
        let work = jobs * outputs * inputs * self.geometry.taps() * oh * ow;
        let wanted = (work / TASK).min(TASKS).div_ceil(jobs.max(1)).max(1);
        let panels = packed.panels.len();
        if packed.group.0 * size_of::<f32>() > SHARED {
            (oh, panels.div_ceil(wanted.min(panels)))
        } else {
            let strips = wanted.min(oh.div_ceil(2)).max(1);
            (oh.div_ceil(strips), panels)
        }
    }

    /// out ← x ∗ weights (+ bias), the largest of it and 0 if wanted.
    pub(super) fn run(&self, x: &[f32], packed: &Packed, out: &mut [f32]) {
        let Geometry { batch, groups, inputs, outputs, window } = self.geometry;
        let [oh, ow] = window.output;
        assert!(
            x.len() == batch * groups * inputs * window.plane(),
            "conv2d: the images have another length"
        );
        assert!(out.len() == batch * groups * outputs * oh * ow, "conv2d: the result has another length");
        let fits = packed.weights.as_slice().len() == groups * packed.group.0
            && packed.group.0 == packed.group.1 * inputs * self.geometry.taps()
            && packed.group.1 >= outputs
            && packed.panels.iter().all(|panel| panel.first < outputs);
        assert!(fits, "conv2d: weights were prepared for other sizes");
        let (lines, each) = self.cut(packed);
        let (strips, parts) = (oh.div_ceil(lines), packed.panels.len().div_ceil(each));
        let tasks = batch * groups * strips * parts;
        let flops = out.len() * inputs * self.geometry.taps() / 2;
        let to = Place(out.as_mut_ptr());
        parallel::for_each(tasks, Cost { bytes: size_of_val(x) + size_of_val(out), flops }, |task| {
            let (job, part, strip) = (task / (strips * parts), task / strips % parts, task % strips);
            let first = strip * lines;
            let count = lines.min(oh - first);
            let block = inputs * window.plane();
            let x = &x[job * block..][..block];
            let panels = &packed.panels[part * each..((part + 1) * each).min(packed.panels.len())];
            let strip = Strip { direct: self, packed, panels, group: job % groups, first, count };
            if self.source.copies {
                let plane = self.source.plane(count);
                let mut copy = Storage::stale(inputs * plane);
                let copy = copy.as_mut_slice();
                dispatch(self.isa, Fill { source: &self.source, x, first, count, to: copy });
                // SAFETY: the strip's lines of this job's planes of the result are this task's own.
                unsafe { strip.run(copy, to.at(job * outputs * oh * ow)) };
            } else {
                // SAFETY: as above.
                unsafe { strip.run(&x[first * self.source.pitch..], to.at(job * outputs * oh * ow)) };
            }
        });
    }
}

/// Some lines of positions of some output channels of one group of one image.
struct Strip<'a> {
    direct: &'a Direct<'a>,
    packed: &'a Packed,
    panels: &'a [Panel],
    group: usize,
    first: usize,
    count: usize,
}

impl Strip<'_> {
    /// # Safety
    /// `out` is the group's first plane of the result, whose lines `first .. first + count` nobody else touches.
    unsafe fn run(&self, source: &[f32], out: *mut f32) {
        let Direct { tables, geometry: Geometry { inputs, outputs, window, .. }, .. } = *self.direct;
        let ([oh, ow], lanes) = (window.output, tables.lanes);
        let (plane, taps) = (self.direct.source.plane(self.count), self.direct.source.taps(self.count));
        let reach = (inputs - 1) * plane + taps.iter().max().copied().unwrap_or(0);
        let last = (self.count - 1) * self.direct.source.pitch + ow;
        assert!(reach + last <= source.len(), "conv2d: a tile would read outside the image");
        let weights =
            &self.packed.weights.as_slice()[self.group * self.packed.group.0..][..self.packed.group.0];
        let mut block: Block = [[0.0; SIDE]; SIDE];
        for panel in self.panels {
            let tiles = tables.tiles[panel.vectors.ilog2() as usize];
            let parts = ow.div_ceil(tiles.len());
            let bias = match &self.packed.bias {
                Some(bias) => bias[self.group * self.packed.group.1 + panel.first..].as_ptr(),
                None => std::ptr::null(),
            };
            let channels = (outputs - panel.first).min(panel.vectors * lanes);
            for y in 0..self.count {
                let mut x = 0;
                for part in 0..parts {
                    let length = (ow - x).div_ceil(parts - part);
                    let call = TileCall {
                        source: source[y * self.direct.source.pitch + x..].as_ptr(),
                        planes: (inputs, plane),
                        taps: &taps,
                        weights: weights[panel.start..].as_ptr(),
                        bias,
                        out: out.wrapping_add((panel.first * oh + self.first + y) * ow + x),
                        channels: (channels, oh * ow),
                        relu: self.direct.relu,
                        block: &mut block,
                    };
                    // SAFETY: the assertion above bounds what is read of the source, packing what is read of weights
                    // and bias; the positions lie in lines that are the caller's own.
                    unsafe { tiles[length - 1](&call) };
                    x += length;
                }
            }
        }
    }
}

/// Packs `count` output channels, filled up to `width`: `[input][tap][channel]`.
pub(super) fn turned_weights(
    isa: Isa,
    from: &[f32],
    at: Strides,
    taps: usize,
    (count, width): (usize, usize),
    to: &mut [f32],
) {
    dispatch(isa, Pack { from, at, taps, count, width, to });
}

/// `to[(input · taps + tap) · width + output] ← from[output, input, tap]`, 0 beyond `count` outputs.
struct Pack<'a> {
    from: &'a [f32],
    at: Strides,
    taps: usize,
    count: usize,
    width: usize,
    to: &'a mut [f32],
}

impl Body for Pack<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { from, at, taps, count, width, to } = self;
        if count < width {
            to.fill(0.0);
        }
        for (c, to) in to.chunks_exact_mut(taps * width).enumerate() {
            for o in 0..count {
                let from = &from[o * at.output + c * at.input..][..taps];
                let to = to[o..].iter_mut().step_by(width);
                if at.turned {
                    to.zip(from.iter().rev()).for_each(|(to, &from)| *to = from);
                } else {
                    to.zip(from).for_each(|(to, &from)| *to = from);
                }
            }
        }
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
