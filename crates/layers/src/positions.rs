//! Where a token stands, added to what it is: fixed waves or trained vectors. Positions that attention computes with are in `rotary`,
//! `relative` and `attention`.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Float, Rng, Tensor};

use crate::error::LayerError;

/// The table of [`SinusoidalPositions`]: `[positions, size]`, sin(t·10000^(−2i/D)) in column 2i and the cosine in 2i + 1 (Vaswani
/// et al. 2017).
///
/// ```
/// let table = gradus_layers::sinusoidal_table::<f64>(3, 4);
/// assert_eq!(table.at(&[2, 1]), 2.0_f64.cos());
/// assert_eq!(table.at(&[2, 2]), 0.02_f64.sin());
/// ```
#[must_use]
pub fn sinusoidal_table<T: Float>(positions: usize, size: usize) -> Tensor<T> {
    Tensor::from_fn([positions, size], |at| {
        let angle = at[0] as f64 * 10_000.0_f64.powf(-((at[1] / 2 * 2) as f64) / size as f64);
        T::of(if at[1].is_multiple_of(2) { angle.sin() } else { angle.cos() })
    })
}

/// x plus the waves of its positions: `[…, T, D] → […, T, D]` (Vaswani et al. 2017, "Attention is all you need"). No parameters, no
/// longest sequence.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::SinusoidalPositions;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::Tensor;
/// let layer = SinusoidalPositions::new(8)?;
/// let y = layer.forward(&Var::constant(Tensor::<f32>::zeros([2, 5, 8])), &mut Context::eval());
/// assert_eq!(y.value().at(&[1, 0, 1]), 1.0); // cos 0
/// let next = layer.forward_at(&Var::constant(Tensor::<f32>::zeros([1, 8])), 4, &mut Context::eval());
/// assert_eq!(next.value().select(0, 0), y.value().select(0, 0).select(0, 4));
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct SinusoidalPositions {
    #[module(skip)]
    size: usize,
}

impl SinusoidalPositions {
    /// For vectors of `size` features.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(size: usize) -> Result<Self, LayerError> {
        LayerError::check(size > 0, "SinusoidalPositions", "size", size, "at least 1")?;
        Ok(Self { size })
    }

    /// The same for vectors at positions `offset`, `offset + 1`, …
    ///
    /// # Panics
    /// If `x` is not `[…, T, D]`.
    #[must_use]
    #[track_caller]
    pub fn forward_at<T: Float>(&self, x: &Var<T>, offset: usize, cx: &mut Context<'_>) -> Var<T> {
        let length = check("SinusoidalPositions", x, self.size);
        let table = sinusoidal_table::<T>(offset + length, self.size).narrow(0, offset, length);
        let y = x + Var::constant(table);
        cx.record::<T>("SinusoidalPositions", None, &y, 0);
        y
    }
}

impl<T: Float> Layer<T> for SinusoidalPositions {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.forward_at(x, 0, cx)
    }
}

/// x plus a trained vector for each position: `[…, T, D] → […, T, D]` (Gehring et al. 2017; GPT-2's `wpe`).
///
/// `weight` `[P, D]` starts Gaussian with standard deviation 0.02, as in GPT-2 and BERT.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::LearnedPositions;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::{Rng, Tensor};
/// let layer: LearnedPositions = LearnedPositions::new(16, 8, &mut Rng::seed(0))?;
/// let y = layer.forward(&Var::constant(Tensor::zeros([2, 5, 8])), &mut Context::eval());
/// assert_eq!(y.value().select(0, 1), layer.weight.value().narrow(0, 0, 5));
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct LearnedPositions<T: Float = f32> {
    /// `[P, D]`.
    pub weight: Param<T>,
}

/// The standard deviation that the vectors of positions start with.
const SPREAD: f64 = 0.02;

impl<T: Float> LearnedPositions<T> {
    /// For at most `positions` vectors of `size` features.
    ///
    /// # Errors
    /// If there are no positions or features.
    pub fn new(positions: usize, size: usize, rng: &mut Rng) -> Result<Self, LayerError> {
        LayerError::check(positions > 0, "LearnedPositions", "positions", positions, "at least 1")?;
        LayerError::check(size > 0, "LearnedPositions", "size", size, "at least 1")?;
        Ok(Self { weight: Param::new(Tensor::normal([positions, size], 0.0, SPREAD, rng)) })
    }

    /// The same for vectors at positions `offset`, `offset + 1`, …
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::LearnedPositions;
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer: LearnedPositions = LearnedPositions::new(16, 8, &mut Rng::seed(0))?;
    /// let y = layer.forward_at(&Var::constant(Tensor::zeros([1, 8])), 3, &mut Context::eval());
    /// assert_eq!(y.value().select(0, 0), layer.weight.value().select(0, 3));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If `x` is not `[…, T, D]`, or longer than the table.
    #[must_use]
    #[track_caller]
    pub fn forward_at(&self, x: &Var<T>, offset: usize, cx: &mut Context<'_>) -> Var<T> {
        let [positions, size] = self.weight.dims();
        let length = check("LearnedPositions", x, size);
        let end = offset + length;
        assert!(
            end <= positions,
            "LearnedPositions: the sequence is too long: {} ({end} > {positions})",
            x.shape()
        );
        let y = x + self.weight.narrow(0, offset, length);
        cx.record("LearnedPositions", Some(&self.weight), &y, 0);
        y
    }
}

impl<T: Float> Layer<T> for LearnedPositions<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.forward_at(x, 0, cx)
    }
}

/// T of `[…, T, D]`.
#[track_caller]
fn check<T: Float>(layer: &str, x: &Var<T>, size: usize) -> usize {
    let (shape, rank) = (x.shape(), x.rank());
    assert!(
        rank >= 2 && shape[rank - 1] == size,
        "{layer}: not […, T, D]: {shape} ({:?} ≠ {size})",
        shape.last()
    );
    shape[rank - 2]
}
