//! The micro-kernels for Arm NEON: 128-bit vectors, 32 registers, fused multiply-add; no masks, so edges go through a
//! small array.

use std::arch::aarch64::*;

use super::kernel::{DotCall, Kernel, Lanes, TileCall, dot, table, tile, transpose_plain};

macro_rules! neon {
    ($kernel:ident, $lanes:ident, $t:ty, $v:ty, $n:literal, $depth:literal, $module:ident,
     $dup:ident, $load:ident, $store:ident, $fma:ident, $add:ident, $sum:ident) => {
        #[derive(Clone, Copy)]
        struct $lanes;

        impl Lanes for $lanes {
            type T = $t;
            type V = $v;
            type Mask = usize;
            const LANES: usize = $n;
            #[inline(always)]
            unsafe fn mask(count: usize) -> usize {
                count
            }
            #[inline(always)]
            unsafe fn zero() -> $v {
                // SAFETY: baseline.
                unsafe { $dup(0.0) }
            }
            #[inline(always)]
            unsafe fn splat(from: *const $t) -> $v {
                // SAFETY: by the trait's contract.
                unsafe { $dup(*from) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $t) -> $v {
                // SAFETY: by the trait's contract.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn load_masked(from: *const $t, mask: usize) -> $v {
                if mask == $n {
                    // SAFETY: all lanes may be read.
                    return unsafe { $load(from) };
                }
                let mut lanes = [0.0; $n];
                for (i, lane) in lanes.iter_mut().enumerate().take(mask) {
                    // SAFETY: the lanes below the mask may be read.
                    *lane = unsafe { *from.add(i) };
                }
                // SAFETY: the array has all lanes.
                unsafe { $load(lanes.as_ptr()) }
            }
            #[inline(always)]
            unsafe fn store(to: *mut $t, v: $v) {
                // SAFETY: by the trait's contract.
                unsafe { $store(to, v) }
            }
            #[inline(always)]
            unsafe fn store_masked(to: *mut $t, mask: usize, v: $v) {
                let mut lanes = [0.0; $n];
                // SAFETY: the array has all lanes.
                unsafe { $store(lanes.as_mut_ptr(), v) };
                for (i, &lane) in lanes.iter().enumerate().take(mask) {
                    // SAFETY: the lanes below the mask may be written.
                    unsafe { *to.add(i) = lane };
                }
            }
            #[inline(always)]
            unsafe fn fma(a: $v, b: $v, c: $v) -> $v {
                // SAFETY: baseline.
                unsafe { $fma(c, a, b) }
            }
            #[inline(always)]
            unsafe fn add(a: $v, b: $v) -> $v {
                // SAFETY: baseline.
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            unsafe fn pin(v: Self::V) -> Self::V {
                v
            }
            #[inline(always)]
            unsafe fn sum(v: $v) -> $t {
                // SAFETY: baseline.
                unsafe { $sum(v) }
            }
            #[inline(always)]
            unsafe fn prefetch(_: *const $t) {}
            #[inline(always)]
            unsafe fn prefetch_far(_: *const $t) {}
        }

        mod $module {
            use super::*;

            unsafe fn tile_of<const R: usize, const V: usize>(call: &TileCall<$t>) {
                // SAFETY: by the caller's promise.
                unsafe { tile::<$lanes, R, V>(call) }
            }

            unsafe fn dot_of<const R: usize, const J: usize>(call: &DotCall<$t>) {
                // SAFETY: by the caller's promise.
                unsafe { dot::<$lanes, R, J>(call) }
            }

            pub(in super::super) static KERNEL: Kernel<$t> = Kernel {
                lanes: $n,
                vectors: 4,
                rows: 6,
                depth: $depth,
                tiles: table!(tile_of, 4),
                dots: table!(dot_of, 4),
                transpose: transpose_plain::<$t, $n>,
            };
        }
        pub(super) use $module::KERNEL as $kernel;
    };
}

neon!(
    F32,
    LanesF32,
    f32,
    float32x4_t,
    4,
    512,
    of_f32,
    vdupq_n_f32,
    vld1q_f32,
    vst1q_f32,
    vfmaq_f32,
    vaddq_f32,
    vaddvq_f32
);
neon!(
    F64,
    LanesF64,
    f64,
    float64x2_t,
    2,
    256,
    of_f64,
    vdupq_n_f64,
    vld1q_f64,
    vst1q_f64,
    vfmaq_f64,
    vaddq_f64,
    vaddvq_f64
);
