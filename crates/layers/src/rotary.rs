//! Rotary position embedding: pairs of features turn by an angle that grows with the position, so that products of queries and keys
//! depend on their distance. Turning is one operation, its gradient turning back.

use std::sync::{Arc, Mutex, PoisonError};

use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply};
use gradus_module::Module;
use gradus_tensor::parallel::{Cost, chunks_mut};
use gradus_tensor::{Float, Tensor};

use crate::error::LayerError;

const NAME: &str = "Rotary";

/// Turns pair i of a head's features at position t by the angle t·base^(−2i/D): `[…, T, D] → […, T, D]` (Su et al. 2021,
/// "RoFormer").
///
/// Pairs are the features i and i + D/2, as in LLaMA and GPT-NeoX under Hugging Face's names; [`Rotary::interleaved`] makes them
/// 2i and 2i + 1, as in the paper and GPT-J. It has no parameters; sines and cosines are kept once they are computed.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Rotary;
/// use gradus_tensor::{Rng, Tensor};
/// let rotary: Rotary<f64> = Rotary::new(8)?;
/// let [q, k] = [1, 2].map(|seed| Var::constant(Tensor::normal([1, 8], 0.0, 1.0, &mut Rng::seed(seed))));
/// let product = |t: usize, s: usize| (rotary.turn(&q, t) * rotary.turn(&k, s)).sum().item();
/// assert!((product(3, 1) - product(9, 7)).abs() < 1e-12); // what counts is the distance
/// assert_eq!(rotary.turn_at(&q, &[3]).value(), rotary.turn(&q, 3).value());
/// let other = rotary.base(500_000.0)?.partial(4)?.interleaved(); // half of a head, neighbours as pairs
/// assert_eq!(other.turn(&q, 3).value().narrow(1, 4, 4), q.value().narrow(1, 4, 4));
/// assert_eq!(other.size(), 8);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Rotary<T: Float = f32> {
    #[module(skip)]
    size: usize,
    #[module(skip)]
    turned: usize,
    #[module(skip)]
    base: f64,
    #[module(skip)]
    interleaved: bool,
    #[module(skip)]
    tables: Arc<Mutex<Option<Tables<T>>>>,
}

/// Cosines and sines, `[positions, turned/2]` each.
#[derive(Clone, Debug)]
struct Tables<T: Float> {
    cos: Arc<[T]>,
    sin: Arc<[T]>,
}

impl<T: Float> Rotary<T> {
    /// For heads of `size` features, with the base 10,000.
    ///
    /// # Errors
    /// If `size` is 0 or odd.
    pub fn new(size: usize) -> Result<Self, LayerError> {
        LayerError::check(size > 0 && size.is_multiple_of(2), NAME, "size", size, "even and at least 2")?;
        Ok(Self { size, turned: size, base: 10_000.0, interleaved: false, tables: Arc::default() })
    }

    /// Another base; long contexts want larger ones.
    ///
    /// # Errors
    /// If it is not finite and positive.
    pub fn base(self, base: f64) -> Result<Self, LayerError> {
        LayerError::check(base.is_finite() && base > 0.0, NAME, "base", base, "finite and > 0")?;
        Ok(Self { base, tables: Arc::default(), ..self })
    }

    /// Only the first `turned` features of a head turn, the others pass (Hugging Face: `partial_rotary_factor`).
    ///
    /// # Errors
    /// If it is 0, odd or larger than the head.
    pub fn partial(self, turned: usize) -> Result<Self, LayerError> {
        let fits = turned > 0 && turned.is_multiple_of(2) && turned <= self.size;
        LayerError::check(fits, NAME, "turned", turned, format_args!("even and in 2 ..= {}", self.size))?;
        Ok(Self { turned, tables: Arc::default(), ..self })
    }

    /// Pairs are neighbours, 2i and 2i + 1.
    #[must_use]
    pub fn interleaved(self) -> Self {
        Self { interleaved: true, ..self }
    }

    /// Features of a head.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// The features at positions `offset`, `offset + 1`, …: `[…, T, D] → […, T, D]`.
    ///
    /// # Panics
    /// If there are fewer than two axes or the last is not D.
    #[must_use]
    #[track_caller]
    pub fn turn(&self, x: &Var<T>, offset: usize) -> Var<T> {
        let positions: Vec<usize> =
            (offset..offset + x.shape().iter().rev().nth(1).copied().unwrap_or(0)).collect();
        self.turn_at(x, &positions)
    }

    /// The features at the positions given, one for each of T: `[…, T, D] → […, T, D]`.
    ///
    /// # Panics
    /// If there are fewer than two axes, the last is not D, or there are not T positions.
    #[must_use]
    #[track_caller]
    pub fn turn_at(&self, x: &Var<T>, positions: &[usize]) -> Var<T> {
        let (shape, rank) = (x.shape(), x.rank());
        let fits = rank >= 2 && shape[rank - 1] == self.size && shape[rank - 2] == positions.len();
        assert!(fits, "{NAME}: not […, T, D]: {shape} (D = {}, {} positions)", self.size, positions.len());
        self.turn_slots(x, positions, 1, 1)
    }

    /// Rows `[…, T, S·D]` of S slots each, of which the first `count` turn: a fused projection, whose values stay.
    pub(crate) fn turn_slots(&self, x: &Var<T>, positions: &[usize], slots: usize, count: usize) -> Var<T> {
        let tables = self.tables(positions.iter().max().map_or(0, |&last| last + 1));
        let layout = Layout {
            positions: positions.into(),
            slots,
            count,
            size: self.size,
            pairs: self.turned / 2,
            interleaved: self.interleaved,
        };
        apply(Turn { tables, layout: Arc::new(layout), back: false }, &[x])
    }

    /// Tables of at least `length` positions.
    fn tables(&self, length: usize) -> Tables<T> {
        let mut held = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let pairs = self.turned / 2;
        if let Some(tables) = held.as_ref()
            && tables.cos.len() >= length * pairs
        {
            return tables.clone();
        }
        let rates: Vec<f64> =
            (0..pairs).map(|i| self.base.powf(-2.0 * i as f64 / self.turned as f64)).collect();
        let angle = |at: usize| (at / pairs) as f64 * rates[at % pairs];
        let all = 0..length.next_power_of_two() * pairs;
        let tables = Tables {
            cos: all.clone().map(|at| T::of(angle(at).cos())).collect(),
            sin: all.map(|at| T::of(angle(at).sin())).collect(),
        };
        *held = Some(tables.clone());
        tables
    }
}

/// Where in rows `[…, T, S·D]` the pairs lie that turn.
struct Layout {
    positions: Box<[usize]>,
    slots: usize,
    count: usize,
    size: usize,
    pairs: usize,
    interleaved: bool,
}

/// A turn by the angles of the positions, forth or back.
struct Turn<T: Float> {
    tables: Tables<T>,
    layout: Arc<Layout>,
    back: bool,
}

/// Rows of a part of the work.
const ROWS: usize = 16;

impl<T: Float> Turn<T> {
    fn turned(&self, mut x: Tensor<T>) -> Tensor<T> {
        let Layout { positions, slots, count, size, pairs, interleaved } = &*self.layout;
        let (width, pairs) = (slots * size, *pairs);
        let cost = Cost { bytes: x.len() * 2 * size_of::<T>(), flops: x.len() * 3 };
        if x.is_empty() {
            return x;
        }
        chunks_mut(x.make_mut(), ROWS * width, cost, |part, rows| {
            for (row, values) in rows.chunks_mut(width).enumerate() {
                let position = positions[(part * ROWS + row) % positions.len()];
                let cos = &self.tables.cos[position * pairs..][..pairs];
                let sin = &self.tables.sin[position * pairs..][..pairs];
                for head in values[..count * size].chunks_mut(*size) {
                    turn_pairs(head, cos, sin, *interleaved, self.back);
                }
            }
        });
        x
    }
}

/// (a, b) → (a·cos − b·sin, a·sin + b·cos) for each pair of a head; back with −sin.
fn turn_pairs<T: Float>(head: &mut [T], cos: &[T], sin: &[T], interleaved: bool, back: bool) {
    let turn = |a: &mut T, b: &mut T, cos: T, sin: T| {
        let sin = if back { -sin } else { sin };
        (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
    };
    if interleaved {
        for ((pair, &cos), &sin) in head.chunks_exact_mut(2).zip(cos).zip(sin) {
            let (a, b) = pair.split_at_mut(1);
            turn(&mut a[0], &mut b[0], cos, sin);
        }
    } else {
        let (first, second) = head.split_at_mut(cos.len());
        for (((a, b), &cos), &sin) in first.iter_mut().zip(second).zip(cos).zip(sin) {
            turn(a, b, cos, sin);
        }
    }
}

impl<T: Float> Op<T> for Turn<T> {
    fn name(&self) -> &'static str {
        "rotary"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        self.turned(inputs[0].clone())
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let back = Turn { tables: self.tables.clone(), layout: Arc::clone(&self.layout), back: !self.back };
        vec![Some(apply(back, &[g]))]
    }

    fn vjp_fused(&self, _: &mut Saved<Tensor<T>>, g: Tensor<T>) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let back = Turn { tables: self.tables.clone(), layout: Arc::clone(&self.layout), back: !self.back };
        Ok(vec![Some(back.turned(g))])
    }

    /// Each vector turns on its own.
    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![batch.leading(g.shape(), 1, g.shape())?])
    }
}
