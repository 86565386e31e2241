//! The vectors that the convolution's tiles are written over, one type per instruction set, and the way a tile turns from
//! "channels side by side" to the planes of a result. Knows no geometry; only [`super::tables`] may name the types.

#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// The most positions of a tile, and the most lanes of a vector.
pub(super) const SIDE: usize = 16;

/// A block of a result on its way to memory: `[position][channel]`.
pub(super) type Block = [[f32; SIDE]; SIDE];

/// A vector of `f32`.
///
/// # Safety
/// Every method needs the instruction set at run time; pointers need `LANES` elements (`splat` one).
pub(super) trait Lanes: Copy + 'static {
    /// The vector.
    type V: Copy;
    /// Elements in a vector, at most [`SIDE`].
    const LANES: usize;
    /// All lanes 0.
    unsafe fn zero() -> Self::V;
    /// All lanes `*from`.
    unsafe fn splat(from: *const f32) -> Self::V;
    /// Any alignment.
    unsafe fn load(from: *const f32) -> Self::V;
    /// Any alignment.
    unsafe fn store(to: *mut f32, v: Self::V);
    /// a · b + c
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V;
    /// a + b
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V;
    /// max(v, 0); NaN stays.
    unsafe fn relu(v: Self::V) -> Self::V;
    /// `to[j · step + i] ← block[i][j]` for `i < positions` and `j < channels ≤ LANES`.
    unsafe fn spread(block: &Block, positions: usize, channels: usize, to: *mut f32, step: usize);
}

/// Plain Rust, for machines without anything better.
#[derive(Clone, Copy)]
pub(super) struct Plain;

impl Lanes for Plain {
    type V = [f32; 8];
    const LANES: usize = 8;
    #[inline(always)]
    unsafe fn zero() -> Self::V {
        [0.0; 8]
    }
    #[inline(always)]
    unsafe fn splat(from: *const f32) -> Self::V {
        // SAFETY: by the trait's contract, here and below.
        unsafe { [*from; 8] }
    }
    #[inline(always)]
    unsafe fn load(from: *const f32) -> Self::V {
        // SAFETY: see above.
        unsafe { from.cast::<[f32; 8]>().read_unaligned() }
    }
    #[inline(always)]
    unsafe fn store(to: *mut f32, v: Self::V) {
        // SAFETY: see above.
        unsafe { to.cast::<[f32; 8]>().write_unaligned(v) }
    }
    #[inline(always)]
    unsafe fn fma(a: Self::V, b: Self::V, c: Self::V) -> Self::V {
        // Fused only where the target's baseline has it: elsewhere it would be a call for each element.
        let f = |i: usize| {
            if cfg!(target_arch = "aarch64") { a[i].mul_add(b[i], c[i]) } else { a[i] * b[i] + c[i] }
        };
        std::array::from_fn(f)
    }
    #[inline(always)]
    unsafe fn add(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    unsafe fn relu(v: Self::V) -> Self::V {
        v.map(|v| if v < 0.0 { 0.0 } else { v })
    }
    #[inline(always)]
    unsafe fn spread(block: &Block, positions: usize, channels: usize, to: *mut f32, step: usize) {
        for j in 0..channels {
            for (i, row) in block.iter().enumerate().take(positions) {
                // SAFETY: see above.
                unsafe { *to.add(j * step + i) = row[j] };
            }
        }
    }
}

/// Wraps one intrinsic per method.
#[cfg(target_arch = "x86_64")]
macro_rules! lanes {
    ($(#[$doc:meta])* $lanes:ident, $v:ty, $n:literal, zero $zero:ident, splat $splat:ident, load $load:ident,
     store $store:ident, fma $fma:ident, add $add:ident, max $max:ident, spread $spread:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy)]
        pub(super) struct $lanes;

        impl Lanes for $lanes {
            type V = $v;
            const LANES: usize = $n;
            #[inline(always)]
            unsafe fn zero() -> $v {
                // SAFETY: instruction set and pointers are good by the trait's contract, here and below.
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn splat(from: *const f32) -> $v {
                // SAFETY: see above.
                unsafe { $splat(*from) }
            }
            #[inline(always)]
            unsafe fn load(from: *const f32) -> $v {
                // SAFETY: see above.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn store(to: *mut f32, v: $v) {
                // SAFETY: see above.
                unsafe { $store(to, v) }
            }
            #[inline(always)]
            unsafe fn fma(a: $v, b: $v, c: $v) -> $v {
                // SAFETY: see above.
                unsafe { $fma(a, b, c) }
            }
            #[inline(always)]
            unsafe fn add(a: $v, b: $v) -> $v {
                // SAFETY: see above.
                unsafe { $add(a, b) }
            }
            #[inline(always)]
            unsafe fn relu(v: $v) -> $v {
                // The second operand is the answer where one is NaN.
                // SAFETY: see above.
                unsafe { $max($zero(), v) }
            }
            #[inline(always)]
            unsafe fn spread(block: &Block, positions: usize, channels: usize, to: *mut f32, step: usize) {
                // SAFETY: see above.
                unsafe { $spread(block, positions, channels, to, step) }
            }
        }
    };
}

#[cfg(target_arch = "x86_64")]
lanes!(
    /// AVX2 with fused multiply-add.
    Avx2, __m256, 8, zero _mm256_setzero_ps, splat _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps,
    fma _mm256_fmadd_ps, add _mm256_add_ps, max _mm256_max_ps, spread spread8
);
#[cfg(target_arch = "x86_64")]
lanes!(
    /// AVX-512.
    Avx512, __m512, 16, zero _mm512_setzero_ps, splat _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps,
    fma _mm512_fmadd_ps, add _mm512_add_ps, max _mm512_max_ps, spread spread16
);

/// See [`Lanes::spread`]; at most 8 channels.
///
/// # Safety
/// AVX2 is there; `to` may be written as said.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn spread8(block: &Block, positions: usize, channels: usize, to: *mut f32, step: usize) {
    for first in (0..positions).step_by(8) {
        let rows: [__m256; 8] = std::array::from_fn(|i| {
            // SAFETY: a row of the block has 16 elements; there are 16 rows.
            unsafe { _mm256_loadu_ps(block[first + i].as_ptr()) }
        });
        let count = (positions - first).min(8) as i32;
        let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        for (j, column) in transposed8(rows).into_iter().enumerate().take(channels) {
            // SAFETY: by the caller's promise; lanes outside the mask are not touched.
            unsafe { _mm256_maskstore_ps(to.add(j * step + first), mask, column) };
        }
    }
}

/// Column j of the rows becomes vector j.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn transposed8(r: [__m256; 8]) -> [__m256; 8] {
    // quads[i][q]: in 128-bit lane l, column 4l + q of the rows 4i to 4i + 3
    let quads: [[__m256; 4]; 2] = [0, 4].map(|i| {
        let (ab, cd) = (_mm256_unpacklo_ps(r[i], r[i + 1]), _mm256_unpacklo_ps(r[i + 2], r[i + 3]));
        let (ab_high, cd_high) = (_mm256_unpackhi_ps(r[i], r[i + 1]), _mm256_unpackhi_ps(r[i + 2], r[i + 3]));
        [
            _mm256_shuffle_ps::<0x44>(ab, cd),
            _mm256_shuffle_ps::<0xee>(ab, cd),
            _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm256_shuffle_ps::<0xee>(ab_high, cd_high),
        ]
    });
    std::array::from_fn(|j| {
        let (low, high) = (quads[0][j % 4], quads[1][j % 4]);
        if j < 4 {
            _mm256_permute2f128_ps::<0x20>(low, high)
        } else {
            _mm256_permute2f128_ps::<0x31>(low, high)
        }
    })
}

/// See [`Lanes::spread`].
///
/// # Safety
/// AVX-512 is there; `to` may be written as said.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn spread16(block: &Block, positions: usize, channels: usize, to: *mut f32, step: usize) {
    let mask = ((1_u32 << positions) - 1) as __mmask16;
    // SAFETY: a row of the block has 16 elements.
    let rows: [__m512; 16] = std::array::from_fn(|i| unsafe { _mm512_loadu_ps(block[i].as_ptr()) });
    for (j, column) in transposed16(rows).into_iter().enumerate().take(channels) {
        // SAFETY: by the caller's promise; lanes outside the mask are not touched.
        unsafe { _mm512_mask_storeu_ps(to.add(j * step), mask, column) };
    }
}

/// Column j of the rows becomes vector j.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn transposed16(r: [__m512; 16]) -> [__m512; 16] {
    // quads[i][q]: in 128-bit lane l, column 4l + q of the rows 4i to 4i + 3
    let quads: [[__m512; 4]; 4] = [0, 4, 8, 12].map(|i| {
        let (ab, cd) = (_mm512_unpacklo_ps(r[i], r[i + 1]), _mm512_unpacklo_ps(r[i + 2], r[i + 3]));
        let (ab_high, cd_high) = (_mm512_unpackhi_ps(r[i], r[i + 1]), _mm512_unpackhi_ps(r[i + 2], r[i + 3]));
        [
            _mm512_shuffle_ps::<0x44>(ab, cd),
            _mm512_shuffle_ps::<0xee>(ab, cd),
            _mm512_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm512_shuffle_ps::<0xee>(ab_high, cd_high),
        ]
    });
    let mut columns = r;
    for q in 0..4 {
        let even = _mm512_shuffle_f32x4::<0x88>(quads[0][q], quads[1][q]);
        let even_next = _mm512_shuffle_f32x4::<0x88>(quads[2][q], quads[3][q]);
        let odd = _mm512_shuffle_f32x4::<0xdd>(quads[0][q], quads[1][q]);
        let odd_next = _mm512_shuffle_f32x4::<0xdd>(quads[2][q], quads[3][q]);
        columns[q] = _mm512_shuffle_f32x4::<0x88>(even, even_next);
        columns[4 + q] = _mm512_shuffle_f32x4::<0x88>(odd, odd_next);
        columns[8 + q] = _mm512_shuffle_f32x4::<0xdd>(even, even_next);
        columns[12 + q] = _mm512_shuffle_f32x4::<0xdd>(odd, odd_next);
    }
    columns
}
