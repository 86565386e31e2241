//! The vectors that the convolution's tiles are written over, one type per instruction set, and the way a tile turns from
//! "channels side by side" to the planes of a result. Knows no geometry; only [`super::tables`] may name the types.

use super::Finish;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// The most positions of a tile, and the most lanes of a vector.
pub(super) const SIDE: usize = 16;

/// A block of a result on its way to memory: `[position][channel]`.
pub(super) type Block = [[f32; SIDE]; SIDE];

/// What becomes of a block on its way to memory: something added, then the largest of it and 0.
#[derive(Clone, Copy)]
pub(super) struct Onto {
    /// What is added, laid out as the result; null for nothing.
    from: *const f32,
    relu: bool,
}

impl Onto {
    pub(super) const NOTHING: Self = Self { from: std::ptr::null(), relu: false };

    /// For a result that begins `start` elements into the whole.
    pub(super) fn new(finish: Finish<'_, f32>, start: usize) -> Self {
        let from = finish.residual.map_or(std::ptr::null(), |residual| residual[start..].as_ptr());
        Self { from, relu: finish.relu }
    }

    /// For a result that begins `i` elements further on.
    pub(super) fn at(self, i: usize) -> Self {
        let from = if self.from.is_null() { self.from } else { self.from.wrapping_add(i) };
        Self { from, ..self }
    }
}

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
    /// a − b
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V;
    /// a · factor
    unsafe fn scale(a: Self::V, factor: f32) -> Self::V;
    /// a · factor + c
    unsafe fn add_scaled(c: Self::V, a: Self::V, factor: f32) -> Self::V;
    /// Brings a place near; any address will do.
    fn prefetch(_: *const f32) {}
    /// The same, not into the nearest cache.
    fn prefetch_far(_: *const f32) {}
    /// `to[j · step + i] ← block[i][j]` for `i < positions` and `j < channels ≤ LANES`, as `onto` says.
    unsafe fn spread(block: &Block, size: [usize; 2], to: *mut f32, step: usize, onto: Onto);
    /// `to[k · step + j] ← line[4j + k]` for `j < count ≤ 8`.
    unsafe fn quarters(line: &[f32; 32], to: *mut f32, step: usize, count: usize) {
        for k in 0..4 {
            for j in 0..count {
                // SAFETY: by the trait's contract.
                unsafe { *to.add(k * step + j) = line[4 * j + k] };
            }
        }
    }
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
    unsafe fn sub(a: Self::V, b: Self::V) -> Self::V {
        std::array::from_fn(|i| a[i] - b[i])
    }
    #[inline(always)]
    unsafe fn scale(a: Self::V, factor: f32) -> Self::V {
        a.map(|a| a * factor)
    }
    #[inline(always)]
    unsafe fn add_scaled(c: Self::V, a: Self::V, factor: f32) -> Self::V {
        // SAFETY: see above.
        unsafe { Self::fma(a, [factor; 8], c) }
    }
    #[inline(always)]
    unsafe fn spread(
        block: &Block,
        [positions, channels]: [usize; 2],
        to: *mut f32,
        step: usize,
        onto: Onto,
    ) {
        for j in 0..channels {
            for (i, row) in block.iter().enumerate().take(positions) {
                let at = j * step + i;
                // SAFETY: see above.
                unsafe {
                    let v = if onto.from.is_null() { row[j] } else { row[j] + *onto.from.add(at) };
                    *to.add(at) = if onto.relu && v < 0.0 { 0.0 } else { v };
                }
            }
        }
    }
}

/// Wraps one intrinsic per method.
#[cfg(target_arch = "x86_64")]
macro_rules! lanes {
    ($(#[$doc:meta])* $lanes:ident, $v:ty, $n:literal, zero $zero:ident, splat $splat:ident, load $load:ident,
     store $store:ident, fma $fma:ident, add $add:ident, sub $sub:ident, mul $mul:ident, spread $spread:ident $(, quarters $quarters:ident)?) => {
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
            unsafe fn sub(a: $v, b: $v) -> $v {
                // SAFETY: see above.
                unsafe { $sub(a, b) }
            }
            #[inline(always)]
            unsafe fn scale(a: $v, factor: f32) -> $v {
                // SAFETY: see above.
                unsafe { $mul(a, $splat(factor)) }
            }
            #[inline(always)]
            unsafe fn add_scaled(c: $v, a: $v, factor: f32) -> $v {
                // SAFETY: see above.
                unsafe { $fma(a, $splat(factor), c) }
            }
            #[inline(always)]
            fn prefetch(from: *const f32) {
                // SAFETY: a prefetch of any address is harmless, and SSE is in the baseline.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(from.cast()) };
            }
            #[inline(always)]
            fn prefetch_far(from: *const f32) {
                // SAFETY: as above.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(from.cast()) };
            }
            #[inline(always)]
            unsafe fn spread(block: &Block, size: [usize; 2], to: *mut f32, step: usize, onto: Onto) {
                // SAFETY: see above.
                unsafe { $spread(block, size, to, step, onto) }
            }
            $(#[inline(always)]
            unsafe fn quarters(line: &[f32; 32], to: *mut f32, step: usize, count: usize) {
                // SAFETY: see above.
                unsafe { $quarters(line, to, step, count) }
            })?
        }
    };
}

#[cfg(target_arch = "x86_64")]
lanes!(
    /// AVX2 with fused multiply-add.
    Avx2, __m256, 8, zero _mm256_setzero_ps, splat _mm256_set1_ps, load _mm256_loadu_ps, store _mm256_storeu_ps,
    fma _mm256_fmadd_ps, add _mm256_add_ps, sub _mm256_sub_ps,
    mul _mm256_mul_ps, spread spread8
);
#[cfg(target_arch = "x86_64")]
lanes!(
    /// AVX-512.
    Avx512, __m512, 16, zero _mm512_setzero_ps, splat _mm512_set1_ps, load _mm512_loadu_ps, store _mm512_storeu_ps,
    fma _mm512_fmadd_ps, add _mm512_add_ps, sub _mm512_sub_ps,
    mul _mm512_mul_ps, spread spread16, quarters quarters16
);

/// See [`Lanes::spread`]; at most 8 channels.
///
/// # Safety
/// AVX2 is there; `to` may be written as said.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn spread8(block: &Block, [positions, channels]: [usize; 2], to: *mut f32, step: usize, onto: Onto) {
    for first in (0..positions).step_by(8) {
        let mut rows = [_mm256_setzero_ps(); 8];
        for (i, row) in rows.iter_mut().enumerate() {
            // SAFETY: a row of the block has 16 elements; there are 16 rows.
            *row = unsafe { _mm256_loadu_ps(block[first + i].as_ptr()) };
        }
        let count = (positions - first).min(8) as i32;
        let mask = _mm256_cmpgt_epi32(_mm256_set1_epi32(count), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
        for (j, column) in transposed8(rows).into_iter().enumerate().take(channels) {
            let at = j * step + first;
            // SAFETY: by the caller's promise; lanes outside the mask are not touched.
            unsafe {
                let mut v = column;
                if !onto.from.is_null() {
                    v = _mm256_add_ps(v, _mm256_maskload_ps(onto.from.add(at), mask));
                }
                if onto.relu {
                    // The second operand is the answer where one is NaN.
                    v = _mm256_max_ps(_mm256_setzero_ps(), v);
                }
                _mm256_maskstore_ps(to.add(at), mask, v);
            }
        }
    }
}

/// Column j of the rows becomes vector j.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn transposed8(r: [__m256; 8]) -> [__m256; 8] {
    // quads[i][q]: in 128-bit lane l, column 4l + q of the rows 4i to 4i + 3
    let mut quads = [[r[0]; 4]; 2];
    for (quad, i) in quads.iter_mut().zip([0, 4]) {
        let (ab, cd) = (_mm256_unpacklo_ps(r[i], r[i + 1]), _mm256_unpacklo_ps(r[i + 2], r[i + 3]));
        let (ab_high, cd_high) = (_mm256_unpackhi_ps(r[i], r[i + 1]), _mm256_unpackhi_ps(r[i + 2], r[i + 3]));
        *quad = [
            _mm256_shuffle_ps::<0x44>(ab, cd),
            _mm256_shuffle_ps::<0xee>(ab, cd),
            _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm256_shuffle_ps::<0xee>(ab_high, cd_high),
        ];
    }
    let mut columns = r;
    for j in 0..4 {
        let (low, high) = (quads[0][j], quads[1][j]);
        columns[j] = _mm256_permute2f128_ps::<0x20>(low, high);
        columns[4 + j] = _mm256_permute2f128_ps::<0x31>(low, high);
    }
    columns
}

/// See [`Lanes::spread`].
///
/// # Safety
/// AVX-512 is there; `to` may be written as said.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn spread16(block: &Block, [positions, channels]: [usize; 2], to: *mut f32, step: usize, onto: Onto) {
    let mask = ((1_u32 << positions) - 1) as __mmask16;
    let mut rows = [_mm512_setzero_ps(); 16];
    for (row, from) in rows.iter_mut().zip(block) {
        // SAFETY: a row of the block has 16 elements.
        *row = unsafe { _mm512_loadu_ps(from.as_ptr()) };
    }
    for (j, column) in transposed16(rows).into_iter().enumerate().take(channels) {
        // SAFETY: by the caller's promise; lanes outside the mask are not touched.
        unsafe {
            let mut v = column;
            if !onto.from.is_null() {
                v = _mm512_add_ps(v, _mm512_maskz_loadu_ps(mask, onto.from.add(j * step)));
            }
            if onto.relu {
                // The second operand is the answer where one is NaN.
                v = _mm512_max_ps(_mm512_setzero_ps(), v);
            }
            _mm512_mask_storeu_ps(to.add(j * step), mask, v);
        }
    }
}

/// Column j of the rows becomes vector j.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn transposed16(r: [__m512; 16]) -> [__m512; 16] {
    // quads[i][q]: in 128-bit lane l, column 4l + q of the rows 4i to 4i + 3
    let mut quads = [[r[0]; 4]; 4];
    for (quad, i) in quads.iter_mut().zip([0, 4, 8, 12]) {
        let (ab, cd) = (_mm512_unpacklo_ps(r[i], r[i + 1]), _mm512_unpacklo_ps(r[i + 2], r[i + 3]));
        let (ab_high, cd_high) = (_mm512_unpackhi_ps(r[i], r[i + 1]), _mm512_unpackhi_ps(r[i + 2], r[i + 3]));
        *quad = [
            _mm512_shuffle_ps::<0x44>(ab, cd),
            _mm512_shuffle_ps::<0xee>(ab, cd),
            _mm512_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm512_shuffle_ps::<0xee>(ab_high, cd_high),
        ];
    }
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

/// See [`Lanes::quarters`].
///
/// # Safety
/// AVX-512 is there; `to` may be written as said.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
unsafe fn quarters16(line: &[f32; 32], to: *mut f32, step: usize, count: usize) {
    let mask = ((1_u32 << count) - 1) as __mmask8;
    let every = _mm512_setr_epi32(0, 4, 8, 12, 16, 20, 24, 28, 1, 5, 9, 13, 17, 21, 25, 29);
    // SAFETY: the line has 32 elements; what is written is as promised.
    unsafe {
        let (low, high) = (_mm512_loadu_ps(line.as_ptr()), _mm512_loadu_ps(line.as_ptr().add(16)));
        for (pair, first) in [(every, 0), (_mm512_add_epi32(every, _mm512_set1_epi32(2)), 2)] {
            let two = _mm512_permutex2var_ps(low, pair, high);
            _mm256_mask_storeu_ps(to.add(first * step), mask, _mm512_castps512_ps256(two));
            _mm256_mask_storeu_ps(to.add((first + 1) * step), mask, _mm512_extractf32x8_ps::<1>(two));
        }
    }
}
