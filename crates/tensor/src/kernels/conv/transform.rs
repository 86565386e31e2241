//! The arithmetic of Winograd's F(4×4, 3×3) over vectors: 16 results of a 3×3 convolution need 36 products instead of 144,
//! between transforms of images, weights and results that are linear (Lavin & Gray, 2016, "Fast Algorithms for
//! Convolutional Neural Networks"):
//!
//! y = Aᵀ[(G w Gᵀ) ∘ (Bᵀ x B)]A, and for the weights' gradient Gᵀ[(A g Aᵀ) ∘ (Bᵀ x B)]G.
//!
//! Knows no sizes beyond the 6×6 of a tile; whoever calls answers for the bounds.

use super::lanes::{Block, Lanes, Onto};

/// Elements of a transformed tile.
pub(super) const POINTS: usize = 36;
/// Sides of a tile of the result.
pub(super) const STEP: usize = 4;

/// A transform of one line. Types, not closures: a closure would not be compiled for the instruction set.
trait Line<L: Lanes, const N: usize, const M: usize> {
    /// # Safety
    /// The instruction set is there.
    unsafe fn run(x: [L::V; N]) -> [L::V; M];
}

/// Runs a transform down the columns, then along the rows.
///
/// # Safety
/// The instruction set is there.
#[inline(always)]
unsafe fn twice<L: Lanes, F: Line<L, N, M>, const N: usize, const M: usize>(
    x: [[L::V; N]; N],
) -> [[L::V; M]; M] {
    // SAFETY: by the caller's promise.
    unsafe {
        let mut rows = [[L::zero(); N]; M];
        for j in 0..N {
            let mut column = [L::zero(); N];
            for i in 0..N {
                column[i] = x[i][j];
            }
            let column = F::run(column);
            for i in 0..M {
                rows[i][j] = column[i];
            }
        }
        let mut y = [[L::zero(); M]; M];
        for i in 0..M {
            y[i] = F::run(rows[i]);
        }
        y
    }
}

/// Bᵀ.
struct Image;

impl<L: Lanes> Line<L, 6, 6> for Image {
    #[inline(always)]
    unsafe fn run(d: [L::V; 6]) -> [L::V; 6] {
        // SAFETY: by the caller's promise, here and in the other four.
        unsafe {
            let (even, odd) = (L::add_scaled(d[4], d[2], -4.0), L::add_scaled(d[3], d[1], -4.0));
            let (near, far) = (L::sub(d[4], d[2]), L::sub(d[3], d[1]));
            [
                L::add_scaled(L::add_scaled(d[4], d[2], -5.0), d[0], 4.0),
                L::add(even, odd),
                L::sub(even, odd),
                L::add_scaled(near, far, 2.0),
                L::add_scaled(near, far, -2.0),
                L::add_scaled(L::add_scaled(d[5], d[3], -5.0), d[1], 4.0),
            ]
        }
    }
}

/// Aᵀ.
struct Outcome;

impl<L: Lanes> Line<L, 6, 4> for Outcome {
    #[inline(always)]
    unsafe fn run(m: [L::V; 6]) -> [L::V; 4] {
        // SAFETY: see `Image`.
        unsafe {
            let (a, b) = (L::add(m[1], m[2]), L::sub(m[1], m[2]));
            let (c, d) = (L::add(m[3], m[4]), L::sub(m[3], m[4]));
            [
                L::add(L::add(m[0], a), c),
                L::add_scaled(b, d, 2.0),
                L::add_scaled(a, c, 4.0),
                L::add(L::add_scaled(b, d, 8.0), m[5]),
            ]
        }
    }
}

/// A.
struct Cotangent;

impl<L: Lanes> Line<L, 4, 6> for Cotangent {
    #[inline(always)]
    unsafe fn run(g: [L::V; 4]) -> [L::V; 6] {
        // SAFETY: see `Image`.
        unsafe {
            let (a, b) = (L::add(g[0], g[2]), L::add(g[1], g[3]));
            let (c, d) = (L::add_scaled(g[0], g[2], 4.0), L::add_scaled(g[1], g[3], 4.0));
            [g[0], L::add(a, b), L::sub(a, b), L::add_scaled(c, d, 2.0), L::add_scaled(c, d, -2.0), g[3]]
        }
    }
}

/// G.
struct Weight;

impl<L: Lanes> Line<L, 3, 6> for Weight {
    #[inline(always)]
    unsafe fn run(w: [L::V; 3]) -> [L::V; 6] {
        // SAFETY: see `Image`.
        unsafe {
            let outer = L::add(w[0], w[2]);
            let far = L::add_scaled(L::scale(w[0], 1.0 / 24.0), w[2], 1.0 / 6.0);
            [
                L::scale(w[0], 0.25),
                L::scale(L::add(outer, w[1]), -1.0 / 6.0),
                L::scale(L::sub(outer, w[1]), -1.0 / 6.0),
                L::add_scaled(far, w[1], 1.0 / 12.0),
                L::add_scaled(far, w[1], -1.0 / 12.0),
                w[2],
            ]
        }
    }
}

/// Gᵀ.
struct Slope;

impl<L: Lanes> Line<L, 6, 3> for Slope {
    #[inline(always)]
    unsafe fn run(v: [L::V; 6]) -> [L::V; 3] {
        // SAFETY: see `Image`.
        unsafe {
            let (near, far) = (L::scale(L::add(v[1], v[2]), -1.0 / 6.0), L::add(v[3], v[4]));
            [
                L::add_scaled(L::add_scaled(near, far, 1.0 / 24.0), v[0], 0.25),
                L::add_scaled(L::scale(L::sub(v[2], v[1]), 1.0 / 6.0), L::sub(v[3], v[4]), 1.0 / 12.0),
                L::add(L::add_scaled(near, far, 1.0 / 6.0), v[5]),
            ]
        }
    }
}

/// `to[point · step] ← Bᵀ x B` for `LANES` neighbouring tiles; `x` at `from + taps[point]`.
///
/// # Safety
/// The instruction set is there; each of these places has `LANES` elements.
#[inline(always)]
pub(super) unsafe fn images<L: Lanes>(from: *const f32, taps: &[usize; POINTS], to: *mut f32, step: usize) {
    // SAFETY: by the caller's promise.
    unsafe {
        let mut x = [[L::zero(); 6]; 6];
        for i in 0..POINTS {
            x[i / 6][i % 6] = L::load(from.add(taps[i]));
        }
        store::<L, 6>(twice::<L, Image, 6, 6>(x), to, step);
    }
}

/// `to[(N · i + j) · step] ← x[i][j]`
///
/// # Safety
/// As for [`images`].
#[inline(always)]
unsafe fn store<L: Lanes, const N: usize>(x: [[L::V; N]; N], to: *mut f32, step: usize) {
    for i in 0..N * N {
        // SAFETY: by the caller's promise.
        unsafe { L::store(to.add(i * step), x[i / N][i % N]) };
    }
}

/// `to[point · step] ← G w Gᵀ` for `LANES` output channels; tap k of `w` at `from + k · tap`.
///
/// # Safety
/// As for [`images`].
#[inline(always)]
pub(super) unsafe fn weights<L: Lanes>(from: *const f32, tap: usize, to: *mut f32, step: usize) {
    // SAFETY: by the caller's promise.
    unsafe {
        let mut w = [[L::zero(); 3]; 3];
        for i in 0..9 {
            w[i / 3][i % 3] = L::load(from.add(i * tap));
        }
        store::<L, 6>(twice::<L, Weight, 3, 6>(w), to, step);
    }
}

/// `to[k · tap] ← Gᵀ v G` for `LANES` output channels; `v` at `from + point · step`.
///
/// # Safety
/// As for [`images`].
#[inline(always)]
pub(super) unsafe fn slopes<L: Lanes>(from: *const f32, step: usize, to: *mut f32, tap: usize) {
    // SAFETY: by the caller's promise.
    unsafe {
        let mut v = [[L::zero(); 6]; 6];
        for i in 0..POINTS {
            v[i / 6][i % 6] = L::load(from.add(i * step));
        }
        store::<L, 3>(twice::<L, Slope, 6, 3>(v), to, tap);
    }
}

/// `to[point · step] ← A g Aᵀ` for `LANES` output channels; `g` at `from + (row · line + column) · width`, 0 beyond
/// `rows` × `columns`.
///
/// # Safety
/// As for [`images`].
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "the indices are those of the formula")]
pub(super) unsafe fn cotangents<L: Lanes>(
    (from, line, width): (*const f32, usize, usize),
    [rows, columns]: [usize; 2],
    to: *mut f32,
    step: usize,
) {
    // SAFETY: by the caller's promise.
    unsafe {
        let mut g = [[L::zero(); 4]; 4];
        for i in 0..rows {
            for j in 0..columns {
                g[i][j] = L::load(from.add((i * line + j) * width));
            }
        }
        store::<L, 6>(twice::<L, Cotangent, 4, 6>(g), to, step);
    }
}

/// Four neighbouring tiles' results on their way to memory.
pub(super) struct ResultCall {
    /// The products of the first tile: points `point` elements apart, tiles `tile`.
    pub(super) from: *const f32,
    pub(super) point: usize,
    pub(super) tile: usize,
    /// Tiles that exist, at most four.
    pub(super) tiles: usize,
    /// One per channel, `LANES` of them; null for none.
    pub(super) bias: *const f32,
    /// The result's first element, and what becomes of the result there.
    pub(super) out: *mut f32,
    pub(super) onto: Onto,
    /// Distance between the lines and between the channels of the result.
    pub(super) line: usize,
    pub(super) plane: usize,
    /// Lines, columns (at most 16) and channels that exist.
    pub(super) lines: usize,
    pub(super) columns: usize,
    pub(super) channels: usize,
    /// Where the result is turned round; they may hold anything.
    pub(super) blocks: *mut [Block; STEP],
}

/// out ← AᵀmA (+ bias), and what `onto` says.
///
/// # Safety
/// The instruction set is there; what the call names may be read and written.
#[inline(always)]
pub(super) unsafe fn results<L: Lanes>(call: &ResultCall) {
    // SAFETY: by the caller's promise.
    unsafe {
        let blocks = &mut *call.blocks;
        let bias = if call.bias.is_null() { L::zero() } else { L::load(call.bias) };
        for t in 0..call.tiles {
            let from = call.from.add(t * call.tile);
            let mut m = [[L::zero(); 6]; 6];
            for i in 0..POINTS {
                m[i / 6][i % 6] = L::load(from.add(i * call.point));
            }
            let y = twice::<L, Outcome, 6, 4>(m);
            for i in 0..STEP * STEP {
                let v = L::add(y[i / STEP][i % STEP], bias);
                L::store(blocks[i / STEP][STEP * t + i % STEP].as_mut_ptr(), v);
            }
        }
        for (y, block) in blocks.iter().enumerate().take(call.lines) {
            let (to, onto) = (call.out.add(y * call.line), call.onto.at(y * call.line));
            L::spread(block, [call.columns, call.channels], to, call.plane, onto);
        }
    }
}

/// products[R, V · LANES] ← Σ over planes of source · weights.
pub(super) struct ProductCall {
    /// The first tile's element of the first plane; tiles are neighbours.
    pub(super) source: *const f32,
    /// Planes, and the distance between them.
    pub(super) planes: (usize, usize),
    /// How far from `source` in each plane lies what will be wanted next: it is brought near meanwhile.
    pub(super) next: usize,
    /// `[plane][V · LANES]`.
    pub(super) weights: *const f32,
    /// The first tile's `[V · LANES]`, and the distance between tiles.
    pub(super) to: (*mut f32, usize),
}

/// See [`cotangents`].
pub(super) type Cotangents = unsafe fn((*const f32, usize, usize), [usize; 2], *mut f32, usize);

/// A `product` for one number of tiles and of vectors.
pub(super) type Product = unsafe fn(&ProductCall);

/// See [`ProductCall`].
///
/// # Safety
/// The instruction set is there; what the call names may be read and written.
#[inline(always)]
#[expect(clippy::needless_range_loop, reason = "the indices are those of the formula")]
pub(super) unsafe fn product<L: Lanes, const R: usize, const V: usize>(call: &ProductCall) {
    let (mut source, mut weights) = (call.source, call.weights);
    // SAFETY: by the caller's promise; the pointers step past the last plane by wrapping arithmetic and are not read there.
    unsafe {
        let mut sums = [[L::zero(); V]; R];
        for _ in 0..call.planes.0 {
            let mut w = [L::zero(); V];
            for v in 0..V {
                w[v] = L::load(weights.add(v * L::LANES));
            }
            L::prefetch(source.wrapping_add(call.next));
            for i in 0..R {
                let x = L::splat(source.add(i));
                for v in 0..V {
                    sums[i][v] = L::fma(x, w[v], sums[i][v]);
                }
            }
            source = source.wrapping_add(call.planes.1);
            weights = weights.wrapping_add(V * L::LANES);
        }
        for i in 0..R {
            for v in 0..V {
                L::store(call.to.0.add(i * call.to.1 + v * L::LANES), sums[i][v]);
            }
        }
    }
}
