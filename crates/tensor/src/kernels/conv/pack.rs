//! Weights in the order in which the tiles of direct convolution read them. Knows no images.

use super::Geometry;
use super::scratch::Place;
use super::tables::Tables;
use crate::isa::{Body, Isa, dispatch};
use crate::parallel::{self, Cost};
use crate::storage::Storage;

/// Output channels that one tile makes: the first, their number of vectors, and where their packed weights begin.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel {
    pub(super) first: usize,
    pub(super) vectors: usize,
    pub(super) start: usize,
}

/// The panels of `outputs` channels with `depth` weights each: two vectors wide where the tiles are.
fn panels(tables: &Tables, outputs: usize, depth: usize) -> Vec<Panel> {
    let (mut panels, mut first, mut start) = (Vec::new(), 0, 0);
    let widest = if tables.tiles[1].is_empty() { 1 } else { 2 };
    while first < outputs {
        let vectors = (outputs - first).div_ceil(tables.lanes).min(widest);
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
    pub(super) panels: Vec<Panel>,
    /// Elements of one group of the weights, and of the bias.
    pub(super) group: (usize, usize),
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

impl Packed {
    pub(super) fn new(
        (isa, tables): (Isa, &Tables),
        geometry: &Geometry,
        weight: &[f32],
        at: Strides,
        bias: Option<&[f32]>,
    ) -> Self {
        let Geometry { groups, inputs, outputs, .. } = *geometry;
        let (taps, lanes) = (geometry.taps(), tables.lanes);
        let depth = inputs * taps;
        let panels = panels(tables, outputs, depth);
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
            turned_weights(isa, from, at, taps, (count, width), to);
        });
        let bias = bias.map(|bias| {
            let pad = |bias: &[f32]| [bias, &vec![0.0; channels - outputs]].concat();
            bias.chunks_exact(outputs).flat_map(pad).collect()
        });
        Self { weights, bias, panels, group: (channels * depth, channels) }
    }

    /// Whether these are weights for such a convolution.
    pub(super) fn fits(&self, geometry: &Geometry) -> bool {
        self.weights.as_slice().len() == geometry.groups * self.group.0
            && self.group.0 == self.group.1 * geometry.depth()
            && self.group.1 >= geometry.outputs
            && self.panels.iter().all(|panel| panel.first < geometry.outputs)
    }

    /// Weights of one group.
    pub(super) fn weights(&self, group: usize) -> &[f32] {
        &self.weights.as_slice()[group * self.group.0..][..self.group.0]
    }

    /// The bias from one output channel of one group on; null if there is none.
    pub(super) fn bias(&self, group: usize, channel: usize) -> *const f32 {
        match &self.bias {
            Some(bias) => bias[group * self.group.1 + channel..].as_ptr(),
            None => std::ptr::null(),
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
