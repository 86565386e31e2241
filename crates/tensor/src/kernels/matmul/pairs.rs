//! Products of operands that are rounded to bf16, with sums in f32: pairs of halves along k stand in the place of one f32, and
//! the nest, the packing and the plans are those of f32 at half the depth; only the multiply-add is another instruction.
//!
//! It knows how operands become pairs. It must never know when somebody wants less precision.

use super::kernel::Kernel;
use super::{Checked, Gemm, MatRef, Sizes, check_c, checked};
use crate::isa::{Body, Isa, current_isa, dispatch};
use crate::parallel::{self, Cost};

/// The kernel that multiplies pairs here and now, if there is one.
fn kernel() -> Option<&'static Kernel<f32>> {
    #[cfg(target_arch = "x86_64")]
    if current_isa() == Isa::Avx512 && is_x86_feature_detected!("avx512bf16") {
        return Some(&super::kernel_x86::AVX512_BF16);
    }
    None
}

/// Whether the multiply-add of pairs is there and does more arithmetic than that of f32. So it is on AMD's processors (Zen 4:
/// 233 against 117 GFLOP/s of a core). Intel's without AMX do half as much as in f32 (Emerald Rapids: 87 against 176).
#[must_use]
pub fn pays() -> bool {
    #[cfg(target_arch = "x86_64")]
    if kernel().is_some() {
        return super::kernel_x86::is_amd();
    }
    false
}

/// Whether there is such a kernel here and now.
#[cfg(test)]
pub(super) fn available() -> bool {
    kernel().is_some()
}

/// [`gemm`](super::gemm) of operands that are rounded to bf16 on the way.
///
/// # Panics
/// As [`gemm`](super::gemm), and if this machine has no instruction for it.
pub(super) fn gemm(call: Gemm<'_, f32>) {
    let Some(kernel) = kernel() else { panic!("gemm: no instruction for pairs of bf16 here") };
    let Gemm { m, n, k, a, b, c, c_stride, accumulate, bias } = call;
    if m == 0 || n == 0 {
        return;
    }
    check_c([m, n], c_stride, c.len(), bias);
    let b = MatRef { row_stride: b.column_stride, column_stride: b.row_stride, ..b };
    let (a, b) = (Pairs::new("A", &a, [m, k]), Pairs::new("B", &b, [n, k]));
    let a = MatRef { data: &a.data, offset: 0, row_stride: a.strides[0], column_stride: a.strides[1] };
    let b = MatRef { data: &b.data, offset: 0, row_stride: b.strides[1], column_stride: b.strides[0] };
    let sizes = Sizes { m, n, k: k.div_ceil(2), batch: 1 };
    let call = Checked { kernel, sizes, a, b, offsets: &[(0, 0)], accumulate, bias, here: false };
    checked(call, (c, c_stride));
}

/// Rounds each value to bf16, ties to even; NaN stays NaN.
pub(super) fn round_single(values: &mut [f32]) {
    struct Round<'a>(&'a mut [f32]);
    impl Body for Round<'_> {
        type Output = ();
        #[inline(always)]
        fn run(self) {
            self.0.iter_mut().for_each(|x| *x = f32::from_bits(rounded(*x)));
        }
    }
    dispatch(current_isa(), Round(values));
}

/// The same of doubles, rounded once: 45 bits of the fraction go.
pub(super) fn round_double(values: &mut [f64]) {
    const DROPPED: u32 = 45;
    for x in values {
        let bits = x.to_bits();
        let even = bits.wrapping_add((1 << (DROPPED - 1)) - 1 + (bits >> DROPPED & 1)) >> DROPPED << DROPPED;
        let kept = if x.is_finite() { f64::from_bits(even) } else { *x };
        *x = f64::from(kept as f32);
    }
}

/// A matrix `[rows, k]` as `[rows, ⌈k/2⌉]` pairs, each two halves in the bits of an f32: the even one below.
struct Pairs {
    data: Vec<f32>,
    /// Between rows, between pairs.
    strides: [isize; 2],
}

/// Rows or pairs of rows that one task makes.
const ROWS: usize = 32;

impl Pairs {
    fn new(name: &str, x: &MatRef<'_, f32>, [rows, k]: [usize; 2]) -> Self {
        let depth = k.div_ceil(2);
        let at = super::Operand::new(name, x, [rows, k.max(1)], 0);
        let start =
            |i: usize, p: usize| (x.offset as isize + i as isize * at.row + p as isize * at.column) as usize;
        let mut data = vec![0.0; rows * depth];
        if rows * depth == 0 {
            return Self { data, strides: [depth as isize, 1] };
        }
        let isa = current_isa();
        let bytes = |length: usize| Cost::bytes(ROWS * length * 12);
        if at.row == 1 && at.column != 1 {
            // Rows lie side by side: a pair is made of two neighbours in two runs.
            parallel::chunks_mut(&mut data, ROWS * rows, bytes(rows), |task, out| {
                for (i, out) in out.chunks_exact_mut(rows).enumerate() {
                    let p = 2 * (task * ROWS + i);
                    let even = &x.data[start(0, p)..][..rows];
                    let odd = if p + 1 < k { &x.data[start(0, p + 1)..][..rows] } else { &[] };
                    dispatch(isa, Beside { even, odd, out });
                }
            });
            return Self { data, strides: [1, rows as isize] };
        }
        parallel::chunks_mut(&mut data, ROWS * depth, bytes(depth), |task, out| {
            let mut line = Vec::new();
            for (i, out) in out.chunks_exact_mut(depth).enumerate() {
                let row = task * ROWS + i;
                if at.column == 1 {
                    dispatch(isa, Along { line: &x.data[start(row, 0)..][..k], out });
                } else {
                    line.clear();
                    line.extend((0..k).map(|p| x.data[start(row, p)]));
                    dispatch(isa, Along { line: &line, out });
                }
            }
        });
        Self { data, strides: [depth as isize, 1] }
    }
}

/// The bits of `x` rounded to bf16, ties to even, in the upper half; NaN stays NaN.
#[inline(always)]
fn rounded(x: f32) -> u32 {
    let bits = x.to_bits();
    let even = bits.wrapping_add(0x7fff + (bits >> 16 & 1));
    let quiet = bits | 0x0040_0000;
    (if x.is_nan() { quiet } else { even }) & 0xffff_0000
}

/// Pairs of neighbours in a line.
struct Along<'a> {
    line: &'a [f32],
    out: &'a mut [f32],
}

impl Body for Along<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let (pairs, rest) = self.line.as_chunks::<2>();
        for (out, [even, odd]) in self.out.iter_mut().zip(pairs) {
            *out = f32::from_bits(rounded(*even) >> 16 | rounded(*odd));
        }
        if let ([last], Some(out)) = (rest, self.out.last_mut()) {
            *out = f32::from_bits(rounded(*last) >> 16);
        }
    }
}

/// Pairs of the elements of two lines; an empty second line is noughts.
struct Beside<'a> {
    even: &'a [f32],
    odd: &'a [f32],
    out: &'a mut [f32],
}

impl Body for Beside<'_> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        if self.odd.is_empty() {
            let pairs = self.out.iter_mut().zip(self.even);
            pairs.for_each(|(out, even)| *out = f32::from_bits(rounded(*even) >> 16));
            return;
        }
        for (out, (even, odd)) in self.out.iter_mut().zip(self.even.iter().zip(self.odd)) {
            *out = f32::from_bits(rounded(*even) >> 16 | rounded(*odd));
        }
    }
}
