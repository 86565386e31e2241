//! The micro-kernels for x86-64: AVX2 with fused multiply-add (16 registers: tiles of 6 rows × 2 vectors) and AVX-512
//! (32 registers: 6 × 4, and masks for the edges). Only [`super::tables`] may name these, after asking the machine.

use std::arch::x86_64::*;

use super::kernel::{DotCall, Kernel, Lanes, TileCall, dot, table, tile};

/// What AVX2 has no instruction for: a mask of `count` lanes lies at the end of the ones less `count`.
static MASKS_32: [i32; 16] = [-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0];
static MASKS_64: [i64; 8] = [-1, -1, -1, -1, 0, 0, 0, 0];

/// No instruction: see [`Lanes::pin`].
macro_rules! pin {
    ($($name:ident $v:ty, $class:ident, $feature:literal;)*) => {$(
        #[inline]
        #[target_feature(enable = $feature)]
        fn $name(mut v: $v) -> $v {
            // SAFETY: it does nothing.
            unsafe { std::arch::asm!("/* {0} */", inout($class) v, options(nostack, preserves_flags)) };
            v
        }
    )*};
}
pin! {
    pin_f32x8 __m256, ymm_reg, "avx2";
    pin_f64x4 __m256d, ymm_reg, "avx2";
    pin_f32x16 __m512, zmm_reg, "avx512f";
    pin_f64x8 __m512d, zmm_reg, "avx512f";
}

/// Wraps one intrinsic per method.
macro_rules! lanes {
    ($lanes:ident, $t:ty, $v:ty, $mask:ty, $n:literal, $count:ident => $of_count:expr, $x:ident => $sum:expr,
     zero $zero:ident, splat $splat:ident, load $load:ident, load_masked |$lm:ident, $lp:ident| $load_masked:expr,
     store $store:ident, store_masked $store_masked:ident, fma $fma:ident, add $add:ident, pin $pin:ident) => {
        #[derive(Clone, Copy)]
        struct $lanes;

        impl Lanes for $lanes {
            type T = $t;
            type V = $v;
            type Mask = $mask;
            const LANES: usize = $n;
            #[inline(always)]
            unsafe fn mask($count: usize) -> $mask {
                $of_count
            }
            #[inline(always)]
            unsafe fn zero() -> $v {
                // SAFETY: the instruction set is there by the trait's contract, here and below.
                unsafe { $zero() }
            }
            #[inline(always)]
            unsafe fn splat(from: *const $t) -> $v {
                // SAFETY: the pointer is good by the trait's contract, here and below.
                unsafe { $splat(*from) }
            }
            #[inline(always)]
            unsafe fn load(from: *const $t) -> $v {
                // SAFETY: see above.
                unsafe { $load(from) }
            }
            #[inline(always)]
            unsafe fn load_masked($lp: *const $t, $lm: $mask) -> $v {
                // SAFETY: see above; lanes outside the mask are not accessed.
                unsafe { $load_masked }
            }
            #[inline(always)]
            unsafe fn store(to: *mut $t, v: $v) {
                // SAFETY: see above.
                unsafe { $store(to, v) }
            }
            #[inline(always)]
            unsafe fn store_masked(to: *mut $t, mask: $mask, v: $v) {
                // SAFETY: see above; lanes outside the mask are not accessed.
                unsafe { $store_masked(to, mask, v) }
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
            unsafe fn pin(v: $v) -> $v {
                // SAFETY: see above.
                unsafe { $pin(v) }
            }
            #[inline(always)]
            unsafe fn sum($x: $v) -> $t {
                // SAFETY: see above.
                unsafe { $sum }
            }
            #[inline(always)]
            unsafe fn prefetch(at: *const $t) {
                // SAFETY: a prefetch never faults.
                unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
            }
            #[inline(always)]
            unsafe fn prefetch_far(at: *const $t) {
                // SAFETY: a prefetch never faults.
                unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
            }
        }
    };
}

lanes!(
    F32x8, f32, __m256, __m256i, 8,
    // SAFETY: count ≤ 8, so the eight values lie within the sixteen.
    count => unsafe { _mm256_loadu_si256(MASKS_32.as_ptr().add(8 - count).cast()) },
    v => {
        let four = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v));
        let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
        _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)))
    },
    zero _mm256_setzero_ps, splat _mm256_set1_ps, load _mm256_loadu_ps,
    load_masked |mask, from| _mm256_maskload_ps(from, mask),
    store _mm256_storeu_ps, store_masked _mm256_maskstore_ps, fma _mm256_fmadd_ps, add _mm256_add_ps, pin pin_f32x8
);
lanes!(
    F64x4, f64, __m256d, __m256i, 4,
    // SAFETY: count ≤ 4, so the four values lie within the eight.
    count => unsafe { _mm256_loadu_si256(MASKS_64.as_ptr().add(4 - count).cast()) },
    v => {
        let two = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd::<1>(v));
        _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)))
    },
    zero _mm256_setzero_pd, splat _mm256_set1_pd, load _mm256_loadu_pd,
    load_masked |mask, from| _mm256_maskload_pd(from, mask),
    store _mm256_storeu_pd, store_masked _mm256_maskstore_pd, fma _mm256_fmadd_pd, add _mm256_add_pd, pin pin_f64x4
);
lanes!(
    F32x16, f32, __m512, __mmask16, 16,
    count => ((1_u32 << count) - 1) as __mmask16,
    v => _mm512_reduce_add_ps(v),
    zero _mm512_setzero_ps, splat _mm512_set1_ps, load _mm512_loadu_ps,
    load_masked |mask, from| _mm512_maskz_loadu_ps(mask, from),
    store _mm512_storeu_ps, store_masked _mm512_mask_storeu_ps, fma _mm512_fmadd_ps, add _mm512_add_ps, pin pin_f32x16
);
lanes!(
    F64x8, f64, __m512d, __mmask8, 8,
    count => ((1_u32 << count) - 1) as __mmask8,
    v => _mm512_reduce_add_pd(v),
    zero _mm512_setzero_pd, splat _mm512_set1_pd, load _mm512_loadu_pd,
    load_masked |mask, from| _mm512_maskz_loadu_pd(mask, from),
    store _mm512_storeu_pd, store_masked _mm512_mask_storeu_pd, fma _mm512_fmadd_pd, add _mm512_add_pd, pin pin_f64x8
);

// Elements are pairs of bf16 halves in the bits of an f32; products and sums are f32.
lanes!(
    Pairs16, f32, __m512, __mmask16, 16,
    count => ((1_u32 << count) - 1) as __mmask16,
    v => _mm512_reduce_add_ps(v),
    zero _mm512_setzero_ps, splat _mm512_set1_ps, load _mm512_loadu_ps,
    load_masked |mask, from| _mm512_maskz_loadu_ps(mask, from),
    store _mm512_storeu_ps, store_masked _mm512_mask_storeu_ps, fma add_products, add _mm512_add_ps, pin pin_f32x16
);

/// c + even(a)·even(b) + odd(a)·odd(b).
#[inline]
#[target_feature(enable = "avx512f,avx512bf16")]
fn add_products(a: __m512, b: __m512, c: __m512) -> __m512 {
    // SAFETY: both are 512 bits in which every pattern is a value.
    let [a, b]: [__m512bh; 2] = unsafe { std::mem::transmute([a, b]) };
    _mm512_dpbf16_ps(c, a, b)
}

/// Whether the processor is AMD's.
pub(super) fn is_amd() -> bool {
    static AMD: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *AMD.get_or_init(|| {
        #[allow(unused_unsafe)] // depends on the compiler
        // SAFETY: every x86-64 processor has this instruction and this leaf.
        let leaf = unsafe { __cpuid(0) };
        let name = [leaf.ebx, leaf.edx, leaf.ecx].map(u32::to_le_bytes).concat();
        name == b"AuthenticAMD"
    })
}

/// Compiles the kernels for one instruction set.
macro_rules! kernels {
    ($module:ident as $kernel:ident, $lanes:ident, $t:ty, $features:literal, vectors $vectors:tt, depth $depth:literal,
     $transpose:ident) => {
        mod $module {
            use super::*;

            #[target_feature(enable = $features)]
            unsafe fn tile_of<const R: usize, const V: usize>(call: &TileCall<$t>) {
                // SAFETY: by the caller's promise.
                unsafe { tile::<$lanes, R, V>(call) }
            }

            #[target_feature(enable = $features)]
            unsafe fn dot_of<const R: usize, const J: usize>(call: &DotCall<$t>) {
                // SAFETY: by the caller's promise.
                unsafe { dot::<$lanes, R, J>(call) }
            }

            pub(in super::super) static KERNEL: Kernel<$t> = Kernel {
                lanes: <$lanes as Lanes>::LANES,
                vectors: $vectors,
                rows: 6,
                depth: $depth,
                tiles: table!(tile_of, $vectors),
                dots: table!(dot_of, $vectors),
                transpose: super::$transpose,
            };
        }
        pub(super) use $module::KERNEL as $kernel;
    };
}

kernels!(avx2_f32 as AVX2_F32, F32x8, f32, "avx2,fma", vectors 2, depth 512, transpose_f32x8);
kernels!(avx2_f64 as AVX2_F64, F64x4, f64, "avx2,fma", vectors 2, depth 256, transpose_f64x4);
kernels!(avx512_f32 as AVX512_F32, F32x16, f32, "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma", vectors 4, depth 1024,
    transpose_f32x16);
kernels!(avx512_f64 as AVX512_F64, F64x8, f64, "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma", vectors 4, depth 512,
    transpose_f64x8);
kernels!(avx512_bf16 as AVX512_BF16, Pairs16, f32, "avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma", vectors 4,
    depth 1024, transpose_f32x16);

/// # Safety
/// As [`super::kernel::Transpose`] says; AVX2 is there.
#[target_feature(enable = "avx2,fma")]
unsafe fn transpose_f32x8(from: *const f32, from_row: isize, to: *mut f32, to_row: usize) {
    // SAFETY: by the caller's promise.
    let r: [__m256; 8] =
        std::array::from_fn(|j| unsafe { _mm256_loadu_ps(from.offset(j as isize * from_row)) });
    for half in 0..2 {
        let [a, b, c, d] = [0, 1, 2, 3].map(|i| r[4 * half + i]);
        let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
        let columns = [
            _mm256_shuffle_ps::<0x44>(ab, cd),
            _mm256_shuffle_ps::<0xee>(ab, cd),
            _mm256_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm256_shuffle_ps::<0xee>(ab_high, cd_high),
        ];
        for (q, column) in columns.into_iter().enumerate() {
            // SAFETY: by the caller's promise; each half-row of 4 lies within its row of 8.
            unsafe {
                _mm_storeu_ps(to.add(q * to_row + 4 * half), _mm256_castps256_ps128(column));
                _mm_storeu_ps(to.add((q + 4) * to_row + 4 * half), _mm256_extractf128_ps::<1>(column));
            }
        }
    }
}

/// # Safety
/// As [`super::kernel::Transpose`] says; AVX2 is there.
#[target_feature(enable = "avx2,fma")]
unsafe fn transpose_f64x4(from: *const f64, from_row: isize, to: *mut f64, to_row: usize) {
    // SAFETY: by the caller's promise.
    let r: [__m256d; 4] =
        std::array::from_fn(|j| unsafe { _mm256_loadu_pd(from.offset(j as isize * from_row)) });
    let (low, low_next) = (_mm256_unpacklo_pd(r[0], r[1]), _mm256_unpacklo_pd(r[2], r[3]));
    let (high, high_next) = (_mm256_unpackhi_pd(r[0], r[1]), _mm256_unpackhi_pd(r[2], r[3]));
    let columns = [
        _mm256_permute2f128_pd::<0x20>(low, low_next),
        _mm256_permute2f128_pd::<0x20>(high, high_next),
        _mm256_permute2f128_pd::<0x31>(low, low_next),
        _mm256_permute2f128_pd::<0x31>(high, high_next),
    ];
    for (p, column) in columns.into_iter().enumerate() {
        // SAFETY: by the caller's promise.
        unsafe { _mm256_storeu_pd(to.add(p * to_row), column) };
    }
}

/// # Safety
/// As [`super::kernel::Transpose`] says; AVX-512 is there.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
#[expect(clippy::needless_range_loop, reason = "q also counts rows of the result")]
unsafe fn transpose_f32x16(from: *const f32, from_row: isize, to: *mut f32, to_row: usize) {
    // SAFETY: by the caller's promise.
    let r: [__m512; 16] =
        std::array::from_fn(|j| unsafe { _mm512_loadu_ps(from.offset(j as isize * from_row)) });
    // quads[i][q]: in 128-bit lane l, column 4l + q of the rows 4i to 4i + 3
    let quads: [[__m512; 4]; 4] = std::array::from_fn(|i| {
        let [a, b, c, d] = [0, 1, 2, 3].map(|row| r[4 * i + row]);
        let (ab, cd) = (_mm512_unpacklo_ps(a, b), _mm512_unpacklo_ps(c, d));
        let (ab_high, cd_high) = (_mm512_unpackhi_ps(a, b), _mm512_unpackhi_ps(c, d));
        [
            _mm512_shuffle_ps::<0x44>(ab, cd),
            _mm512_shuffle_ps::<0xee>(ab, cd),
            _mm512_shuffle_ps::<0x44>(ab_high, cd_high),
            _mm512_shuffle_ps::<0xee>(ab_high, cd_high),
        ]
    });
    for q in 0..4 {
        let even = _mm512_shuffle_f32x4::<0x88>(quads[0][q], quads[1][q]);
        let even_next = _mm512_shuffle_f32x4::<0x88>(quads[2][q], quads[3][q]);
        let odd = _mm512_shuffle_f32x4::<0xdd>(quads[0][q], quads[1][q]);
        let odd_next = _mm512_shuffle_f32x4::<0xdd>(quads[2][q], quads[3][q]);
        let columns = [
            _mm512_shuffle_f32x4::<0x88>(even, even_next),
            _mm512_shuffle_f32x4::<0x88>(odd, odd_next),
            _mm512_shuffle_f32x4::<0xdd>(even, even_next),
            _mm512_shuffle_f32x4::<0xdd>(odd, odd_next),
        ];
        for (l, column) in columns.into_iter().enumerate() {
            // SAFETY: by the caller's promise.
            unsafe { _mm512_storeu_ps(to.add((4 * l + q) * to_row), column) };
        }
    }
}

/// # Safety
/// As [`super::kernel::Transpose`] says; AVX-512 is there.
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
#[expect(clippy::needless_range_loop, reason = "q also counts rows of the result")]
unsafe fn transpose_f64x8(from: *const f64, from_row: isize, to: *mut f64, to_row: usize) {
    // SAFETY: by the caller's promise.
    let r: [__m512d; 8] =
        std::array::from_fn(|j| unsafe { _mm512_loadu_pd(from.offset(j as isize * from_row)) });
    // pairs[i][q]: in 128-bit lane l, column 2l + q of the rows 2i and 2i + 1
    let pairs: [[__m512d; 2]; 4] = std::array::from_fn(|i| {
        let (a, b) = (r[2 * i], r[2 * i + 1]);
        [_mm512_unpacklo_pd(a, b), _mm512_unpackhi_pd(a, b)]
    });
    for q in 0..2 {
        let even = _mm512_shuffle_f64x2::<0x88>(pairs[0][q], pairs[1][q]);
        let even_next = _mm512_shuffle_f64x2::<0x88>(pairs[2][q], pairs[3][q]);
        let odd = _mm512_shuffle_f64x2::<0xdd>(pairs[0][q], pairs[1][q]);
        let odd_next = _mm512_shuffle_f64x2::<0xdd>(pairs[2][q], pairs[3][q]);
        let columns = [
            _mm512_shuffle_f64x2::<0x88>(even, even_next),
            _mm512_shuffle_f64x2::<0x88>(odd, odd_next),
            _mm512_shuffle_f64x2::<0xdd>(even, even_next),
            _mm512_shuffle_f64x2::<0xdd>(odd, odd_next),
        ];
        for (l, column) in columns.into_iter().enumerate() {
            // SAFETY: by the caller's promise.
            unsafe { _mm512_storeu_pd(to.add((2 * l + q) * to_row), column) };
        }
    }
}
