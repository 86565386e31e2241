//! Convolution and its two adjoints.
//!
//! In single precision images are read directly by register tiles (`direct`, `slopes` around `tile`); what these do not
//! suit (few output channels per group, double precision) goes through matrix products over gathered windows
//! (`columns`). This file holds the interface and chooses. Operands are dense; knows no `Tensor`.

mod columns;
mod direct;
mod lanes;
mod slopes;
mod source;
mod tables;
mod tile;

use self::direct::{Direct, Strides};
use self::slopes::Slopes;
use super::window::Window;
use crate::isa::Isa;
use crate::parallel::Cost;

/// The sizes of one convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Images.
    pub batch: usize,
    /// Groups of channels that do not see each other.
    pub groups: usize,
    /// Input channels per group.
    pub inputs: usize,
    /// Output channels per group.
    pub outputs: usize,
    /// Where the kernel goes.
    pub window: Window,
}

/// One convolution or adjoint; `x` is `[N, C, H, W]`, `weight` `[O, C/groups, KH, KW]`, `g` `[N, O, OH, OW]`.
#[derive(Debug)]
pub enum Conv<'a, T> {
    /// out `[N, O, OH, OW]` ← x ∗ weight.
    Forward {
        /// Images.
        x: &'a [T],
        /// Kernels.
        weight: &'a [T],
        /// Result, written in full.
        out: &'a mut [T],
    },
    /// out `[N, C, H, W]` ← the cotangent of `x`.
    InputGrad {
        /// Cotangent of the result.
        g: &'a [T],
        /// Kernels.
        weight: &'a [T],
        /// Result, written in full.
        out: &'a mut [T],
    },
    /// out `[O, C/groups, KH, KW]` ← the cotangent of `weight`.
    WeightGrad {
        /// Images.
        x: &'a [T],
        /// Cotangent of the result.
        g: &'a [T],
        /// Result, written in full.
        out: &'a mut [T],
    },
}

impl Geometry {
    /// Weights per output channel.
    fn depth(&self) -> usize {
        self.inputs * self.window.kernel[0] * self.window.kernel[1]
    }

    /// Elements of one group of one input image, and of one output image.
    fn blocks(&self) -> (usize, usize) {
        (self.inputs * self.window.plane(), self.outputs * self.window.positions())
    }

    fn cost<T>(&self) -> Cost {
        let jobs = self.batch * self.groups;
        let (x, y) = self.blocks();
        Cost { bytes: jobs * (x + y) * size_of::<T>(), flops: 2 * jobs * y * self.depth() }
    }

    /// Whether there is anything to compute.
    fn is_empty(&self) -> bool {
        let (x, y) = self.blocks();
        self.batch == 0 || x == 0 || y == 0
    }
}

/// Output channels per group that fill enough of a vector.
fn is_direct(isa: Isa, outputs: usize) -> bool {
    2 * outputs >= tables::tables(isa).lanes
}

/// One convolution in double precision.
pub(super) fn double(isa: Isa, geometry: &Geometry, call: Conv<'_, f64>) {
    columns::convolve(isa, geometry, call);
}

/// One convolution in single precision.
pub(super) fn single(isa: Isa, geometry: &Geometry, call: Conv<'_, f32>) {
    let (tables, depth) = (tables::tables(isa), geometry.depth());
    let taps = geometry.window.kernel[0] * geometry.window.kernel[1];
    if geometry.is_empty() {
        return columns::convolve(isa, geometry, call);
    }
    match call {
        Conv::Forward { x, weight, out } if is_direct(isa, geometry.outputs) => {
            let direct = Direct::new(isa, tables, *geometry, false);
            let at = Strides { output: depth, input: taps, group: geometry.outputs * depth, turned: false };
            direct.run(x, &direct.pack(weight, at, None), out);
        }
        Conv::InputGrad { g, weight, out } if is_direct(isa, geometry.inputs) => {
            match direct::turned(geometry) {
                Some(turned) => {
                    let direct = Direct::new(isa, tables, turned, false);
                    let at =
                        Strides { output: taps, input: depth, group: geometry.outputs * depth, turned: true };
                    direct.run(g, &direct.pack(weight, at, None), out);
                }
                None => columns::convolve(isa, geometry, Conv::InputGrad { g, weight, out }),
            }
        }
        Conv::WeightGrad { x, g, out } if is_direct(isa, geometry.outputs) => {
            Slopes::new(isa, tables, *geometry).run(x, g, out);
        }
        other => columns::convolve(isa, geometry, other),
    }
}
