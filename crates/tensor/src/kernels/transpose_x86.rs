//! A tile of 16 × 16 four-byte elements turned in AVX2 registers.
//!
//! Plain loops turn a tile through memory, in three times the time, and cannot write past the caches in words wide
//! enough for whole lines to leave together. Knows nothing but one tile.

use std::arch::x86_64::{
    __m256, _mm256_loadu_ps, _mm256_permute2f128_ps, _mm256_setzero_ps, _mm256_shuffle_ps, _mm256_storeu_ps,
    _mm256_stream_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
};

use super::stream::Past;
use super::transpose::TILE;

/// Rows of a square that fills eight registers.
const SQUARE: usize = 8;

/// Turns one tile: element (c, r) of the source, its rows `stride` apart, goes to (r, c), rows `row` apart.
///
/// # Panics
/// If the source's rows do not lie in `data`, or the result's not in `out`.
///
/// # Safety
/// The machine has AVX2, and `A` is a plain number of four bytes.
#[target_feature(enable = "avx2")]
pub(crate) unsafe fn tile<A>(
    (out, to, row): (&mut [A], usize, usize),
    (data, from, stride): (&[A], isize, isize),
    past: Option<&Past>,
) {
    let last = from + (TILE as isize - 1) * stride;
    let (low, high) = (from.min(last), from.max(last));
    assert!(low >= 0 && high as usize + TILE <= data.len() && size_of::<A>() == 4, "turned tile: source");
    assert!(to + (TILE - 1) * row + TILE <= out.len(), "turned tile: result");
    // SAFETY: `to` lies in `out`, `from` in `data`, as was just asked.
    let (to, from): (*mut f32, *const f32) =
        unsafe { (out.as_mut_ptr().add(to).cast(), data.as_ptr().offset(from).cast()) };
    // SAFETY: the rows lie in the slices, as was just asked; a word is aligned where the first row is and rows are whole
    // words.
    unsafe {
        if past.is_some() && to.addr().is_multiple_of(size_of::<__m256>()) && row.is_multiple_of(SQUARE) {
            halves::<true>(to, row, from, stride);
        } else {
            halves::<false>(to, row, from, stride);
        }
    }
}

/// The tile's upper and lower half.
///
/// # Safety
/// Sixteen rows of sixteen numbers lie at both places; if `PAST`, all words of the result are aligned.
#[target_feature(enable = "avx2")]
unsafe fn halves<const PAST: bool>(to: *mut f32, row: usize, from: *const f32, stride: isize) {
    for first in [0, SQUARE] {
        let square = |side: usize| {
            let mut rows = [_mm256_setzero_ps(); SQUARE];
            for (c, value) in rows.iter_mut().enumerate() {
                let c = (side * SQUARE + c) as isize;
                // SAFETY: by the caller's promise.
                *value = unsafe { _mm256_loadu_ps(from.offset(c * stride).add(first)) };
            }
            turned(rows)
        };
        let (left, right) = (square(0), square(1));
        for r in 0..SQUARE {
            // SAFETY: by the caller's promise.
            unsafe {
                let line = to.add((first + r) * row);
                if PAST {
                    _mm256_stream_ps(line, left[r]);
                    _mm256_stream_ps(line.add(SQUARE), right[r]);
                } else {
                    _mm256_storeu_ps(line, left[r]);
                    _mm256_storeu_ps(line.add(SQUARE), right[r]);
                }
            }
        }
    }
}

/// The transpose of a square: pairs of numbers, of pairs, of halves change places.
#[inline]
#[target_feature(enable = "avx2")]
fn turned(rows: [__m256; SQUARE]) -> [__m256; SQUARE] {
    let [a, b, c, d, e, f, g, h] = rows;
    let four = |a, b, c, d| {
        let (ab, cd) = (_mm256_unpacklo_ps(a, b), _mm256_unpacklo_ps(c, d));
        let (upper_ab, upper_cd) = (_mm256_unpackhi_ps(a, b), _mm256_unpackhi_ps(c, d));
        [
            _mm256_shuffle_ps::<0x44>(ab, cd),
            _mm256_shuffle_ps::<0xEE>(ab, cd),
            _mm256_shuffle_ps::<0x44>(upper_ab, upper_cd),
            _mm256_shuffle_ps::<0xEE>(upper_ab, upper_cd),
        ]
    };
    let (top, bottom) = (four(a, b, c, d), four(e, f, g, h));
    let mut out = [_mm256_setzero_ps(); SQUARE];
    for i in 0..SQUARE / 2 {
        out[i] = _mm256_permute2f128_ps::<0x20>(top[i], bottom[i]);
        out[SQUARE / 2 + i] = _mm256_permute2f128_ps::<0x31>(top[i], bottom[i]);
    }
    out
}
