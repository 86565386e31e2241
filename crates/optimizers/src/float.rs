//! The parts of a step that depend on the float type, compiled here for `f32` and `f64`, so that a program which uses an
//! optimizer (in a debug build, perhaps) only links them.

use gradus_tensor::parallel::{self, Cost};
use gradus_tensor::{AnyTensor, Body, Float, Tensor, current_isa, dispatch};

use crate::rule::{MAX_SLOTS, Rule, StepInfo};
use crate::update::Update;

/// Elements in a piece of work: small enough for the nearest caches, large enough to be worth handing out.
const CHUNK: usize = 8192;

/// Bytes moved per element and slice, to estimate the cost of an update.
const TOUCHES: usize = 2;

/// How a gradient is changed before the rule sees it, and the parameter with it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preparation {
    /// The gradient's factor.
    pub(crate) factor: f64,
    /// The bound of each of its elements.
    pub(crate) bound: Option<f64>,
    /// λ of decay inside the gradient.
    pub(crate) coupled: f64,
    /// The parameter's factor, 1 − η·λ, of decay outside the gradient.
    pub(crate) shrink: f64,
}

/// A piece of a parameter with all that belongs to it.
pub(crate) struct Piece<'a, T> {
    pub(crate) parameter: &'a mut [T],
    pub(crate) gradient: &'a [T],
    pub(crate) slots: [&'a mut [T]; MAX_SLOTS],
    /// Σ g², if it was asked for.
    pub(crate) squares: f64,
    /// Sums that the rule asked for.
    pub(crate) sums: [f64; 2],
}

/// `f32` or `f64`. Public in name only, for the bounds of [`Update`]'s methods.
#[doc(hidden)]
#[allow(private_interfaces)] // nobody outside can name it
pub trait Real: Float {
    /// The typed tensor in a slot.
    fn typed(slot: &mut AnyTensor) -> Option<&mut Tensor<Self>>;
    /// Σ x², added in double precision in an order that depends on the length alone.
    fn sum_of_squares(x: &Tensor<Self>) -> f64;
    /// Σ g² of one piece.
    fn squares_of(piece: &[Self]) -> f64;
    /// Calls `update` for pieces of the parameter, in parallel if it is large; answers the sum of their squares, added
    /// as [`Real::sum_of_squares`] does, and that of their other sums.
    fn in_pieces(whole: Piece<'_, Self>, update: &(dyn Fn(&mut Piece<'_, Self>) + Sync)) -> (f64, [f64; 2]);
    /// The gradient that the rule sees, if it is not the piece's own; shrinks the parameter.
    fn prepare(preparation: &Preparation, piece: &mut Piece<'_, Self>) -> Option<Vec<Self>>;
    /// The rule's update of a parameter.
    fn update<R: Rule>(rule: &R, step: &StepInfo, update: &mut Update<'_, Self>);
}

macro_rules! real {
    ($t:ty, $Variant:ident, $update:ident) => {
        #[allow(private_interfaces)] // as of the trait
        impl Real for $t {
            fn typed(slot: &mut AnyTensor) -> Option<&mut Tensor<$t>> {
                match slot {
                    AnyTensor::$Variant(tensor) => Some(tensor),
                    _ => None,
                }
            }

            fn sum_of_squares(x: &Tensor<$t>) -> f64 {
                sum_of_squares(x)
            }

            fn squares_of(piece: &[$t]) -> f64 {
                dispatch(current_isa(), Squares(piece))
            }

            fn in_pieces(
                whole: Piece<'_, $t>,
                update: &(dyn Fn(&mut Piece<'_, $t>) + Sync),
            ) -> (f64, [f64; 2]) {
                in_pieces(whole, update)
            }

            fn prepare(preparation: &Preparation, piece: &mut Piece<'_, $t>) -> Option<Vec<$t>> {
                prepare(preparation, piece)
            }

            fn update<R: Rule>(rule: &R, step: &StepInfo, update: &mut Update<'_, $t>) {
                rule.$update(step, update);
            }
        }
    };
}
real!(f32, F32, update_f32);
real!(f64, F64, update_f64);

fn sum_of_squares<T: Real>(x: &Tensor<T>) -> f64 {
    let dense = x.contiguous();
    let all = dense.as_slice().unwrap_or(&[]);
    let pieces: Vec<&[T]> = all.chunks(CHUNK).collect();
    let sums = parallel::map(pieces.len(), Cost::bytes(size_of_val(all)), |i| T::squares_of(pieces[i]));
    parallel::tree(sums, |a, b| a + b).unwrap_or(0.0)
}

/// Sums side by side, which the compiler turns into vectors.
const LANES: usize = 32;

/// Σ x² in double precision.
struct Squares<'a, T>(&'a [T]);

impl<T: Float> Body for Squares<'_, T> {
    type Output = f64;
    #[inline(always)]
    fn run(self) -> f64 {
        let mut sums = [0.0; LANES];
        let (rows, rest) = self.0.as_chunks::<LANES>();
        for row in rows {
            for lane in 0..LANES {
                let value = row[lane].as_f64();
                sums[lane] += value * value;
            }
        }
        let rest: f64 = rest.iter().map(|&value| value.as_f64() * value.as_f64()).sum();
        let mut width = LANES;
        while width > 1 {
            width /= 2;
            for lane in 0..width {
                sums[lane] += sums[lane + width];
            }
        }
        sums[0] + rest
    }
}

fn in_pieces<T: Float>(whole: Piece<'_, T>, update: &(dyn Fn(&mut Piece<'_, T>) + Sync)) -> (f64, [f64; 2]) {
    let Piece { mut parameter, mut gradient, mut slots, .. } = whole;
    let cost = Cost::bytes(TOUCHES * (2 + MAX_SLOTS) * size_of_val(parameter));
    let mut pieces = Vec::with_capacity(parameter.len().div_ceil(CHUNK));
    while !parameter.is_empty() {
        let n = CHUNK.min(parameter.len());
        let (head, rest) = std::mem::take(&mut parameter).split_at_mut(n);
        let (g, g_rest) = gradient.split_at(n);
        let mut heads: [&mut [T]; MAX_SLOTS] = Default::default();
        for (head, slot) in heads.iter_mut().zip(&mut slots) {
            if !slot.is_empty() {
                let (first, rest) = std::mem::take(slot).split_at_mut(n);
                (*head, *slot) = (first, rest);
            }
        }
        pieces.push(Piece { parameter: head, gradient: g, slots: heads, squares: 0.0, sums: [0.0; 2] });
        (parameter, gradient) = (rest, g_rest);
    }
    parallel::chunks_mut(&mut pieces, 1, cost, |_, pieces| pieces.iter_mut().for_each(update));
    let found = pieces.into_iter().map(|piece| (piece.squares, piece.sums)).collect();
    let add = |(a, [b, c]): (f64, [f64; 2]), (d, [e, f]): (f64, [f64; 2])| (a + d, [b + e, c + f]);
    parallel::tree(found, add).unwrap_or_default()
}

fn prepare<T: Float>(preparation: &Preparation, piece: &mut Piece<'_, T>) -> Option<Vec<T>> {
    let Preparation { factor, bound, coupled, shrink } = *preparation;
    let mut gradient = None;
    if factor != 1.0 || bound.is_some() || coupled != 0.0 {
        let mut g = piece.gradient.to_vec();
        if factor != 1.0 {
            let factor = T::of(factor);
            g.iter_mut().for_each(|g| *g = *g * factor);
        }
        if let Some(bound) = bound.map(T::of) {
            // Comparisons with NaN are false: it stays.
            let clamp = |g: T| if g > bound { bound } else { g };
            g.iter_mut().for_each(|g| *g = -clamp(-clamp(*g)));
        }
        if coupled != 0.0 {
            let coupled = T::of(coupled);
            g.iter_mut().zip(piece.parameter.iter()).for_each(|(g, &w)| *g = *g + coupled * w);
        }
        gradient = Some(g);
    }
    if shrink != 1.0 {
        let shrink = T::of(shrink);
        piece.parameter.iter_mut().for_each(|w| *w = *w * shrink);
    }
    gradient
}
