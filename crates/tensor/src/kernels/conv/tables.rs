//! Which micro-kernels an instruction set has, and which sizes suit it. Alone names the vector types.

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::lanes::{Block, Lanes, Onto, Plain};
use super::tile::{Slope, SlopeCall, Tile, TileCall, slope, tile};
use super::transform::{self, Cotangents, POINTS, Product, ProductCall, ResultCall, product};
use crate::isa::Isa;

/// The micro-kernels of one instruction set.
pub(super) struct Tables {
    /// Output channels in a vector.
    pub(super) lanes: usize,
    /// Tiles of one and two vectors: [width][positions − 1].
    pub(super) tiles: [&'static [Tile]; 2],
    /// Tiles of two lines and two vectors: [positions of a line − 1].
    pub(super) pairs: &'static [Tile],
    /// Gradients' tiles of one and two vectors: [width][rows − 1].
    pub(super) slopes: [&'static [Slope]; 2],
    /// See [`Lanes::spread`].
    pub(super) spread: unsafe fn(&Block, [usize; 2], *mut f32, usize, Onto),
    /// See [`Lanes::quarters`].
    pub(super) quarters: unsafe fn(&[f32; 32], *mut f32, usize, usize),
    /// The fewest and the most tiles of a product.
    pub(super) tiles_at_once: (usize, usize),
    /// Products of one and two vectors: [width][tiles − fewest].
    pub(super) products: [&'static [Product]; 2],
    /// See [`transform::images`].
    pub(super) images: unsafe fn(*const f32, &[usize; POINTS], *mut f32, usize),
    /// See [`transform::weights`].
    pub(super) weights: unsafe fn(*const f32, usize, *mut f32, usize),
    /// See [`transform::results`].
    pub(super) results: unsafe fn(&ResultCall),
    /// See [`transform::cotangents`].
    pub(super) cotangents: Cotangents,
    /// See [`transform::slopes`].
    pub(super) weight_slopes: unsafe fn(*const f32, usize, *mut f32, usize),
}

/// The kernels for an instruction set that this machine has.
pub(super) fn tables(isa: Isa) -> &'static Tables {
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 if isa.is_available() => &avx512::TABLES,
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 if isa.is_available() => &avx2::TABLES,
        _ => &plain::TABLES, // also NEON, which is in the aarch64 baseline
    }
}

/// Compiles the kernels for one instruction set.
macro_rules! kernels {
    ($module:ident, $lanes:ident, [$($feature:meta)?], [$($r1:literal)*], [$($r2:literal)*], [$($pair:literal)*],
     [$($p1:literal)*], [$($p2:literal)*], $least:literal..=$most:literal, [$($m1:literal)*], [$($m2:literal)*]) => {
        mod $module {
            use super::*;

            $(#[$feature])?
            unsafe fn tile_of<const H: usize, const R: usize, const V: usize>(call: &TileCall<'_>) {
                // SAFETY: by the caller's promise, here and below.
                unsafe { tile::<$lanes, H, R, V>(call) }
            }

            $(#[$feature])?
            unsafe fn slope_of<const P: usize, const V: usize>(call: &SlopeCall<'_>) {
                // SAFETY: see above.
                unsafe { slope::<$lanes, P, V>(call) }
            }

            $(#[$feature])?
            unsafe fn spread(block: &Block, size: [usize; 2], to: *mut f32, step: usize, onto: Onto) {
                // SAFETY: see above.
                unsafe { <$lanes as Lanes>::spread(block, size, to, step, onto) }
            }

            $(#[$feature])?
            unsafe fn quarters(line: &[f32; 32], to: *mut f32, step: usize, count: usize) {
                // SAFETY: see above.
                unsafe { <$lanes as Lanes>::quarters(line, to, step, count) }
            }

            $(#[$feature])?
            unsafe fn product_of<const R: usize, const V: usize>(call: &ProductCall) {
                // SAFETY: see above.
                unsafe { product::<$lanes, R, V>(call) }
            }

            $(#[$feature])?
            unsafe fn images(from: *const f32, taps: &[usize; POINTS], to: *mut f32, step: usize) {
                // SAFETY: see above.
                unsafe { transform::images::<$lanes>(from, taps, to, step) }
            }

            $(#[$feature])?
            unsafe fn weights(from: *const f32, tap: usize, to: *mut f32, step: usize) {
                // SAFETY: see above.
                unsafe { transform::weights::<$lanes>(from, tap, to, step) }
            }

            $(#[$feature])?
            unsafe fn results(call: &ResultCall) {
                // SAFETY: see above.
                unsafe { transform::results::<$lanes>(call) }
            }

            $(#[$feature])?
            unsafe fn cotangents(from: (*const f32, usize, usize), size: [usize; 2], to: *mut f32, step: usize) {
                // SAFETY: see above.
                unsafe { transform::cotangents::<$lanes>(from, size, to, step) }
            }

            $(#[$feature])?
            unsafe fn weight_slopes(from: *const f32, step: usize, to: *mut f32, tap: usize) {
                // SAFETY: see above.
                unsafe { transform::slopes::<$lanes>(from, step, to, tap) }
            }

            pub(super) static TABLES: Tables = Tables {
                lanes: <$lanes as Lanes>::LANES,
                tiles: [&[$(tile_of::<1, $r1, 1>),*], &[$(tile_of::<1, $r2, 2>),*]],
                pairs: &[$(tile_of::<2, $pair, 2>),*],
                slopes: [&[$(slope_of::<$p1, 1>),*], &[$(slope_of::<$p2, 2>),*]],
                spread,
                quarters,
                tiles_at_once: ($least, $most),
                products: [&[$(product_of::<$m1, 1>),*], &[$(product_of::<$m2, 2>),*]],
                images,
                weights,
                results,
                cotangents,
                weight_slopes,
            };
        }
    };
}

kernels!(plain, Plain, [], [1 2 3 4], [], [], [1 2 3 4], [], 4..=4, [4], []);
#[cfg(target_arch = "x86_64")]
kernels!(
    avx2, Avx2, [target_feature(enable = "avx2,fma")], [1 2 3 4 5 6 7 8], [1 2 3 4 5 6], [], [1 2 3 4 5 6 7 8 9],
    [1 2 3 4 5 6], 4..=6, [4 5 6], [4 5 6]
);
#[cfg(target_arch = "x86_64")]
kernels!(
    avx512, Avx512, [target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")],
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14], [1 2 3 4 5 6 7 8 9 10 11 12 13 14], [1 2 3 4 5 6 7], [1 2 3 4 5 6 7 8 9],
    [1 2 3 4 5 6 7 8 9], 7..=14, [7 8 9 10 11 12 13 14], [7 8 9 10 11 12 13 14]
);
