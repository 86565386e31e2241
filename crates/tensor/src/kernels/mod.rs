//! The kernels: loops over slices and layouts that know no `Tensor`.
//!
//! [`Kernels`] and [`NumberKernels`] are the per-type tables: hot loops are instantiated here, once per element type,
//! so that a user's build only links them. Public for the crates of this workspace alone, and so not in the documentation.

pub mod attention;
pub mod conv;
mod gauss;
pub mod matmul;
pub mod norm;
pub mod order;
pub mod pool;
pub mod random;
pub mod reduce;
pub mod rnn;
pub mod rows;
pub mod scan;
pub(crate) mod stream;
pub mod strided;
pub mod taps;
mod transpose;
#[cfg(target_arch = "x86_64")]
mod transpose_x86;
pub mod window;

use crate::elementwise::{self, Binary, Unary};
use crate::isa::Isa;
use crate::rng::RngState;
use strided::Operand;

/// The hot loops of one number type.
#[doc(hidden)]
pub trait NumberKernels: Sized {
    /// `out ← f(a, b)`.
    fn binary(op: Binary, isa: Isa, out: &mut [Self], a: Operand<'_, Self, Self>, b: Operand<'_, Self, Self>);
    /// See [`reduce::reduce`].
    fn reduce(op: reduce::Reduction, call: reduce::Call<'_, Self>);
    /// See [`scan::scan`].
    fn scan(op: scan::Scan, call: scan::Call<'_, Self>);
}

/// The hot loops of one float type.
#[doc(hidden)]
pub trait Kernels: matmul::Products {
    /// For which instruction sets the table's functions are compiled.
    type TableWidth: strided::Width;
    /// `out ← f(x)`.
    fn unary(op: Unary, isa: Isa, out: &mut [Self], x: Operand<'_, Self, Self>);
    /// `out ← g · f′`.
    fn unary_derivative(
        op: Unary,
        isa: Isa,
        out: &mut [Self],
        g: Operand<'_, Self, Self>,
        read: Operand<'_, Self, Self>,
    );
    /// Random elements, see [`random::fill`].
    fn random(distribution: random::Distribution, isa: Isa, state: RngState, out: &mut [Self]);
    /// Normalised rows, see [`norm::forward`].
    fn norm(isa: Isa, call: norm::Forward<'_, Self>);
    /// Their gradients, see [`norm::backward`].
    fn norm_grad(isa: Isa, call: norm::Backward<'_, Self>);
    /// Softmax and its relatives over rows of `n` elements, see [`rows::rows`].
    fn rows(isa: Isa, n: usize, call: rows::Rows<'_, Self>);
    /// Convolution and its adjoints, see [`conv::Conv`].
    fn conv(isa: Isa, geometry: &conv::Geometry, call: conv::Conv<'_, Self>);
    /// Weights in the form that many calls of [`Kernels::conv`] read, if there is one.
    fn conv_prepare(
        isa: Isa,
        geometry: &conv::Geometry,
        weight: &[Self],
        bias: Option<&[Self]>,
    ) -> Option<conv::Prepared>;
    /// Pooling and its adjoints, see [`pool::pool`].
    fn pool(isa: Isa, call: pool::Pool<'_, Self>);
    /// Weighted sums of few places, see [`taps::taps`].
    fn taps(isa: Isa, call: taps::Call<'_, Self>);
    /// See [`rnn::forward`].
    fn rnn_forward(call: rnn::Forward<'_, Self>);
    /// See [`rnn::backward`].
    fn rnn_backward(call: rnn::Backward<'_, Self>);
    /// Attention, see [`attention::forward`].
    fn attention(isa: Isa, call: attention::Forward<'_, Self>);
    /// Its gradients, see [`attention::backward`].
    fn attention_grad(isa: Isa, call: &attention::Backward<'_, Self>, into: attention::Gradients<'_, Self>);
}

macro_rules! number_kernels {
    ($($t:ty),*) => {$(
        impl NumberKernels for $t {
            fn binary(op: Binary, isa: Isa, out: &mut [$t], a: Operand<'_, $t, $t>, b: Operand<'_, $t, $t>) {
                elementwise::binary(op, isa, out, a, b);
            }
            fn reduce(op: reduce::Reduction, call: reduce::Call<'_, $t>) {
                reduce::reduce(op, call);
            }
            fn scan(op: scan::Scan, call: scan::Call<'_, $t>) {
                scan::scan(op, call);
            }
        }
    )*};
}
number_kernels!(f32, f64, i32, i64, u8);

macro_rules! float_kernels {
    ($($t:ty, $width:ty, $conv:ident;)*) => {$(
        impl Kernels for $t {
            type TableWidth = $width;
            fn unary(op: Unary, isa: Isa, out: &mut [$t], x: Operand<'_, $t, $t>) {
                elementwise::unary(op, isa, out, x);
            }
            fn unary_derivative(op: Unary, isa: Isa, out: &mut [$t], g: Operand<'_, $t, $t>, read: Operand<'_, $t, $t>) {
                elementwise::unary_derivative(op, isa, out, g, read);
            }
            fn random(distribution: random::Distribution, isa: Isa, state: RngState, out: &mut [$t]) {
                random::fill(distribution, isa, state, out);
            }
            fn norm(isa: Isa, call: norm::Forward<'_, $t>) {
                norm::forward(isa, call);
            }
            fn norm_grad(isa: Isa, call: norm::Backward<'_, $t>) {
                norm::backward(isa, call);
            }
            fn rows(isa: Isa, n: usize, call: rows::Rows<'_, $t>) {
                rows::rows(isa, n, call);
            }
            fn conv(isa: Isa, geometry: &conv::Geometry, call: conv::Conv<'_, $t>) {
                conv::$conv::run(isa, geometry, call);
            }
            fn conv_prepare(
                isa: Isa,
                geometry: &conv::Geometry,
                weight: &[$t],
                bias: Option<&[$t]>,
            ) -> Option<conv::Prepared> {
                conv::$conv::prepare(isa, geometry, weight, bias)
            }
            fn pool(isa: Isa, call: pool::Pool<'_, $t>) {
                pool::pool(isa, call);
            }
            fn taps(isa: Isa, call: taps::Call<'_, $t>) {
                taps::taps(isa, call);
            }
            fn rnn_forward(call: rnn::Forward<'_, $t>) {
                rnn::run_forward(call);
            }
            fn rnn_backward(call: rnn::Backward<'_, $t>) {
                rnn::run_backward(call);
            }
            fn attention(isa: Isa, call: attention::Forward<'_, $t>) {
                attention::forward::run(isa, call);
            }
            fn attention_grad(isa: Isa, call: &attention::Backward<'_, $t>, into: attention::Gradients<'_, $t>) {
                attention::backward::run(isa, call, into);
            }
        }
    )*};
}
float_kernels!(f32, strided::Wide, single; f64, strided::Narrow, double;);
