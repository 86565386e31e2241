//! Which micro-kernels an instruction set has, and which sizes suit it. Alone names the vector types.

#[cfg(target_arch = "x86_64")]
use super::lanes::{Avx2, Avx512};
use super::lanes::{Block, Lanes, Plain};
use super::tile::{Slope, SlopeCall, Tile, TileCall, slope, tile};
use crate::isa::Isa;

/// The micro-kernels of one instruction set.
pub(super) struct Tables {
    /// Output channels in a vector.
    pub(super) lanes: usize,
    /// Tiles of one, two and four vectors: [width][positions − 1].
    pub(super) tiles: [&'static [Tile]; 3],
    /// Gradients' tiles of one and two vectors: [width][rows − 1].
    pub(super) slopes: [&'static [Slope]; 2],
    /// See [`Lanes::spread`].
    pub(super) spread: unsafe fn(&Block, usize, usize, *mut f32, usize),
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
    ($module:ident, $lanes:ident, [$($feature:meta)?], [$($r1:literal)*], [$($r2:literal)*], [$($r4:literal)*],
     [$($p1:literal)*], [$($p2:literal)*]) => {
        mod $module {
            use super::*;

            $(#[$feature])?
            unsafe fn tile_of<const R: usize, const V: usize>(call: &TileCall<'_>) {
                // SAFETY: by the caller's promise, here and below.
                unsafe { tile::<$lanes, R, V>(call) }
            }

            $(#[$feature])?
            unsafe fn slope_of<const P: usize, const V: usize>(call: &SlopeCall<'_>) {
                // SAFETY: see above.
                unsafe { slope::<$lanes, P, V>(call) }
            }

            $(#[$feature])?
            unsafe fn spread(block: &Block, positions: usize, channels: usize, to: *mut f32, step: usize) {
                // SAFETY: see above.
                unsafe { <$lanes as Lanes>::spread(block, positions, channels, to, step) }
            }

            pub(super) static TABLES: Tables = Tables {
                lanes: <$lanes as Lanes>::LANES,
                tiles: [&[$(tile_of::<$r1, 1>),*], &[$(tile_of::<$r2, 2>),*], &[$(tile_of::<$r4, 4>),*]],
                slopes: [&[$(slope_of::<$p1, 1>),*], &[$(slope_of::<$p2, 2>),*]],
                spread,
            };
        }
    };
}

kernels!(plain, Plain, [], [1 2 3 4], [], [], [1 2 3 4], []);
#[cfg(target_arch = "x86_64")]
kernels!(
    avx2, Avx2, [target_feature(enable = "avx2,fma")], [1 2 3 4 5 6 7 8], [1 2 3 4 5 6], [], [1 2 3 4 5 6 7 8 9],
    [1 2 3 4 5 6]
);
#[cfg(target_arch = "x86_64")]
kernels!(
    avx512, Avx512, [target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")],
    [1 2 3 4 5 6 7 8 9 10 11 12 13 14], [1 2 3 4 5 6 7 8 9 10 11 12 13 14], [1 2 3 4 5 6 7], [1 2 3 4 5 6 7 8 9],
    [1 2 3 4 5 6 7 8 9]
);
