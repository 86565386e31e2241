//! Convolution and its two adjoints.
//!
//! In single precision images are read directly by register tiles (`direct`, `slopes` around `tile`); what these do not
//! suit (few output channels per group, double precision) goes through matrix products over gathered windows
//! (`columns`), or, where a channel is filtered on its own, plane by plane (`depthwise`). This file holds the interface and chooses. Operands are dense; knows no `Tensor`.

mod columns;
mod depthwise;
mod direct;
mod lanes;
mod pack;
mod scratch;
mod slopes;
mod source;
mod tables;
mod tile;
mod transform;
mod winograd;
mod winograd_slopes;

use self::direct::Direct;
use self::pack::{Packed, Strides};
use self::slopes::Slopes;
use self::winograd::{Transformed, Winograd};
use self::winograd_slopes::WinogradSlopes;
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
    /// out `[N, O, OH, OW]` ← x ∗ weight (+ bias), and what `finish` says.
    Forward {
        /// Images.
        x: &'a [T],
        /// Kernels.
        weight: &'a [T],
        /// One per output channel.
        bias: Option<&'a [T]>,
        /// What becomes of it then.
        finish: Finish<'a, T>,
        /// What `single::prepare` made of these weights, this bias and sizes that differ in the batch alone.
        prepared: Option<&'a Prepared>,
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
    /// out `[N, C·KH·KW, OH·OW]` ← what each tap sees at each place (one group).
    Gather {
        /// Images.
        x: &'a [T],
        /// Result, written in full.
        out: &'a mut [T],
    },
    /// out `[N, C, H, W]` ← the cotangent of the images that `Gather` read.
    Scatter {
        /// Cotangent of the columns.
        g: &'a [T],
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

/// What becomes of results on their way to memory.
#[derive(Clone, Copy, Debug)]
pub struct Finish<'a, T> {
    /// Added, as long as the result.
    pub residual: Option<&'a [T]>,
    /// Whether what is negative then becomes 0.
    pub relu: bool,
}

impl<T> Finish<'_, T> {
    const NOTHING: Self = Self { residual: None, relu: false };

    fn check(&self, length: usize) {
        let fits = self.residual.is_none_or(|residual| residual.len() == length);
        assert!(fits, "conv2d: what is added has another length");
    }
}

impl Geometry {
    /// Weights per input and output channel.
    fn taps(&self) -> usize {
        self.window.kernel[0] * self.window.kernel[1]
    }

    /// Weights per output channel.
    fn depth(&self) -> usize {
        self.inputs * self.taps()
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

/// Weights and bias in the form that the convolutions of one geometry and instruction set read.
pub struct Prepared {
    isa: Isa,
    form: Form,
}

enum Form {
    Direct(Packed),
    Winograd(Transformed),
}

/// Double precision.
pub(super) mod double {
    use super::{Conv, Geometry, Isa, Prepared, columns};

    /// Runs one convolution.
    pub(in super::super) fn run(isa: Isa, geometry: &Geometry, call: Conv<'_, f64>) {
        columns::convolve(isa, geometry, call);
    }

    /// There is nothing to prepare.
    pub(in super::super) fn prepare(_: Isa, _: &Geometry, _: &[f64], _: Option<&[f64]>) -> Option<Prepared> {
        None
    }
}

/// Single precision.
pub(super) mod single {
    use super::*;

    /// Output channels per group that fill enough of a vector.
    fn is_direct(isa: Isa, geometry: &Geometry, outputs: usize) -> bool {
        2 * outputs >= tables::tables(isa).lanes && !geometry.is_empty()
    }

    /// How the weights of the forward pass lie.
    fn strides(geometry: &Geometry) -> Strides {
        let (depth, taps) = (geometry.depth(), geometry.taps());
        Strides { output: depth, input: taps, group: geometry.outputs * depth, turned: false }
    }

    /// Puts weights into the form that [`run`] reads, for many calls; `None` where it reads them as they are.
    pub(in super::super) fn prepare(
        isa: Isa,
        geometry: &Geometry,
        weight: &[f32],
        bias: Option<&[f32]>,
    ) -> Option<Prepared> {
        let fits = is_direct(isa, geometry, geometry.outputs);
        fits.then(|| pack(isa, geometry, weight, strides(geometry), bias))
    }

    /// Runs one convolution.
    pub(in super::super) fn run(isa: Isa, geometry: &Geometry, call: Conv<'_, f32>) {
        match call {
            Conv::Forward { x, weight, bias, finish, prepared, out }
                if is_direct(isa, geometry, geometry.outputs) =>
            {
                match prepared.filter(|prepared| prepared.isa == isa) {
                    Some(prepared) => correlate(geometry, x, prepared, finish, out),
                    None => {
                        let prepared = pack(isa, geometry, weight, strides(geometry), bias);
                        correlate(geometry, x, &prepared, finish, out);
                    }
                }
            }
            Conv::InputGrad { g, weight, out } if is_direct(isa, geometry, geometry.inputs) => {
                let Some(turned) = direct::turned(geometry) else {
                    return columns::convolve(isa, geometry, Conv::InputGrad { g, weight, out });
                };
                let (depth, taps) = (geometry.depth(), geometry.taps());
                let at =
                    Strides { output: taps, input: depth, group: geometry.outputs * depth, turned: true };
                correlate(&turned, g, &pack(isa, &turned, weight, at, None), Finish::NOTHING, out);
            }
            Conv::WeightGrad { x, g, out } if is_direct(isa, geometry, geometry.outputs) => {
                let tables = tables::tables(isa);
                if winograd::suits(geometry) {
                    WinogradSlopes::new(isa, tables, *geometry).run(x, g, out);
                } else {
                    Slopes::new(isa, tables, *geometry).run(x, g, out);
                }
            }
            other => columns::convolve(isa, geometry, other),
        }
    }

    fn pack(isa: Isa, geometry: &Geometry, weight: &[f32], at: Strides, bias: Option<&[f32]>) -> Prepared {
        let tables = tables::tables(isa);
        let form = match winograd::suits(geometry) {
            true => Form::Winograd(Winograd::new(isa, tables, *geometry).pack(weight, at, bias)),
            false => Form::Direct(Packed::new((isa, tables), geometry, weight, at, bias)),
        };
        Prepared { isa, form }
    }

    /// out ← x ∗ weights (+ bias), and what `finish` says.
    fn correlate(
        geometry: &Geometry,
        x: &[f32],
        prepared: &Prepared,
        finish: Finish<'_, f32>,
        out: &mut [f32],
    ) {
        let (isa, tables) = (prepared.isa, tables::tables(prepared.isa));
        match &prepared.form {
            Form::Direct(packed) => Direct::new(isa, tables, *geometry).run(x, packed, finish, out),
            Form::Winograd(packed) => Winograd::new(isa, tables, *geometry).run(x, packed, finish, out),
        }
    }
}

impl std::fmt::Debug for Prepared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Prepared {{ isa: {} }}", self.isa)
    }
}
