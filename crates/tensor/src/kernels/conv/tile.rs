//! The two micro-kernels of direct convolution, written once over a vector type: `tile` makes a run of positions of some
//! output channels, `slope` the gradient of some weights. In both the vectors lie along the output channels, so images
//! are read element by element from where they lie, and no column is ever gathered. Whoever calls answers for the bounds.

use super::lanes::{Block, Lanes, Onto};

/// out[channels, positions] ← Σ over planes and taps of source · weights (+ bias), and what `onto` says.
#[derive(Clone, Copy)]
pub(super) struct TileCall<'a> {
    /// What the first position's tap at distance 0 sees in the first plane; positions are neighbours.
    pub(super) source: *const f32,
    /// Distance between the lines of a tile that has several.
    pub(super) pitch: usize,
    /// Planes, and the distance between them.
    pub(super) planes: (usize, usize),
    /// How far each tap lies from the first element.
    pub(super) taps: &'a [usize],
    /// `[plane][tap][V · LANES]`.
    pub(super) weights: *const f32,
    /// What to bring near for later: where it begins, its lines, and the distance to that of the next plane.
    pub(super) ahead: (*const f32, usize, usize),
    /// One per output channel, V · LANES of them; null for none.
    pub(super) bias: *const f32,
    /// The result's first channel and position; positions are neighbours, also those of different lines.
    pub(super) out: *mut f32,
    /// What becomes of the result there.
    pub(super) onto: Onto,
    /// Output channels that exist, and the distance between them.
    pub(super) channels: (usize, usize),
    /// Where the result is turned round; it may hold anything.
    pub(super) block: *mut Block,
}

/// sums[row][V · LANES] += Σ over lines and places of source(row) · g.
#[derive(Clone, Copy)]
pub(super) struct SlopeCall<'a> {
    /// The source's first element.
    pub(super) source: *const f32,
    /// Where each row of the sums begins in the source.
    pub(super) rows: &'a [usize],
    /// Lines, and the distance between them in the source.
    pub(super) lines: (usize, usize),
    /// Places in a line: neighbours in the source.
    pub(super) width: usize,
    /// The cotangent at the first place, and the distance between its places; lines follow each other.
    pub(super) g: (*const f32, usize),
    /// The sums of the first row, and the distance between rows.
    pub(super) sums: (*mut f32, usize),
}

/// A `tile` for one number of positions and of vectors.
pub(super) type Tile = unsafe fn(&TileCall<'_>);
/// A `slope` for one number of rows and of vectors.
pub(super) type Slope = unsafe fn(&SlopeCall<'_>);

/// See [`TileCall`]; the tile has H lines of R positions.
///
/// # Safety
/// The instruction set is there; H · R ≤ [`super::lanes::SIDE`]; all that the call names may be read, the result's
/// positions of its channels written.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "the indices are those of the formula")]
pub(super) unsafe fn tile<L: Lanes, const H: usize, const R: usize, const V: usize>(call: &TileCall<'_>) {
    let (planes, plane) = call.planes;
    let (mut weights, (mut ahead, lines, step)) = (call.weights, call.ahead);
    // SAFETY: by the caller's promise.
    unsafe {
        let mut sums = [[[L::zero(); V]; R]; H];
        for c in 0..planes {
            let plane = call.source.add(c * plane);
            for line in 0..lines {
                L::prefetch_far(ahead.wrapping_add(16 * line));
            }
            ahead = ahead.wrapping_add(step);
            for &tap in call.taps {
                let source = plane.add(tap);
                let mut w = [L::zero(); V];
                for v in 0..V {
                    w[v] = L::load(weights.add(v * L::LANES));
                }
                for h in 0..H {
                    let source = source.add(h * call.pitch);
                    for i in 0..R {
                        let x = L::splat(source.add(i));
                        for v in 0..V {
                            sums[h][i][v] = L::fma(x, w[v], sums[h][i][v]);
                        }
                    }
                }
                weights = weights.add(V * L::LANES);
            }
        }
        let (channels, step) = call.channels;
        let block = &mut *call.block;
        for v in 0..V {
            let first = v * L::LANES;
            if first >= channels {
                break;
            }
            for h in 0..H {
                for i in 0..R {
                    let mut sum = sums[h][i][v];
                    if !call.bias.is_null() {
                        sum = L::add(sum, L::load(call.bias.add(first)));
                    }
                    L::store(block[h * R + i].as_mut_ptr(), sum);
                }
            }
            let (onto, to) = (call.onto.at(first * step), call.out.add(first * step));
            L::spread(block, [H * R, (channels - first).min(L::LANES)], to, step, onto);
        }
    }
}

/// See [`SlopeCall`].
///
/// # Safety
/// The instruction set is there; there are at least P rows; all that the call names may be read, the sums of P rows
/// also written.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "the indices are those of the formula")]
pub(super) unsafe fn slope<L: Lanes, const P: usize, const V: usize>(call: &SlopeCall<'_>) {
    // SAFETY: by the caller's promise.
    unsafe {
        let (mut g, step) = call.g;
        let (to, row) = call.sums;
        let mut sums = [[L::zero(); V]; P];
        let mut source = [call.source; P];
        for i in 0..P {
            for v in 0..V {
                sums[i][v] = L::load(to.add(i * row + v * L::LANES));
            }
            source[i] = call.source.add(call.rows[i]);
        }
        for _ in 0..call.lines.0 {
            for x in 0..call.width {
                let mut w = [L::zero(); V];
                for v in 0..V {
                    w[v] = L::load(g.add(v * L::LANES));
                }
                for i in 0..P {
                    let x = L::splat(source[i].add(x));
                    for v in 0..V {
                        sums[i][v] = L::fma(x, w[v], sums[i][v]);
                    }
                }
                g = g.add(step);
            }
            for at in &mut source {
                *at = at.wrapping_add(call.lines.1);
            }
        }
        for i in 0..P {
            for v in 0..V {
                L::store(to.add(i * row + v * L::LANES), sums[i][v]);
            }
        }
    }
}
