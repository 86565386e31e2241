//! The micro-kernels in plain Rust, for every machine: what the instruction-set files are tested against.

use super::kernel::{DotCall, Kernel, Lanes, TileCall, dot, table, tile, transpose_plain};

macro_rules! portable {
    ($kernel:ident, $lanes:ident, $t:ty, $n:literal, $depth:literal, $module:ident) => {
        #[derive(Clone, Copy)]
        struct $lanes;

        impl Lanes for $lanes {
            type T = $t;
            type V = [$t; $n];
            type Mask = usize;
            const LANES: usize = $n;
            #[inline(always)]
            unsafe fn mask(count: usize) -> usize {
                count
            }
            #[inline(always)]
            unsafe fn zero() -> Self::V {
                [0.0; $n]
            }
            #[inline(always)]
            unsafe fn splat(from: *const $t) -> Self::V {
                // SAFETY: by the trait's contract.
                [unsafe { *from }; $n]
            }
            #[inline(always)]
            unsafe fn load(from: *const $t) -> Self::V {
                // SAFETY: by the trait's contract; an array has its element's alignment.
                unsafe { *from.cast() }
            }
            #[inline(always)]
            unsafe fn load_masked(from: *const $t, mask: usize) -> Self::V {
                if mask == $n {
                    // SAFETY: as above.
                    return unsafe { *from.cast() };
                }
                // SAFETY: the lanes below the mask may be read.
                std::array::from_fn(|i| if i < mask { unsafe { *from.add(i) } } else { 0.0 })
            }
            #[inline(always)]
            unsafe fn store(to: *mut $t, v: Self::V) {
                // SAFETY: by the trait's contract.
                unsafe { *to.cast() = v }
            }
            #[inline(always)]
            unsafe fn store_masked(to: *mut $t, mask: usize, v: Self::V) {
                for (i, &x) in v.iter().enumerate() {
                    if i < mask {
                        // SAFETY: the lanes below the mask may be written.
                        unsafe { *to.add(i) = x }
                    }
                }
            }
            #[inline(always)]
            unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
                std::array::from_fn(|i| a[i] * b[i] + c[i])
            }
            #[inline(always)]
            unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
                std::array::from_fn(|i| a[i] + b[i])
            }
            #[inline(always)]
            unsafe fn pin(v: Self::V) -> Self::V {
                v
            }
            #[inline(always)]
            unsafe fn sum(v: Self::V) -> $t {
                v.iter().sum()
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
                vectors: 2,
                rows: 6,
                depth: $depth,
                tiles: table!(tile_of, 2),
                dots: table!(dot_of, 2),
                transpose: transpose_plain::<$t, $n>,
            };
        }
        pub(super) use $module::KERNEL as $kernel;
    };
}

portable!(F32, LanesF32, f32, 4, 512, of_f32);
portable!(F64, LanesF64, f64, 2, 256, of_f64);
