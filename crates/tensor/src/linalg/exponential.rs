//! The matrix exponential by scaling and squaring with Padé's approximant of degree 13 (Higham 2005, *The scaling and
//! squaring method for the matrix exponential revisited*).

use super::error::LinalgError;
use super::{each, finite, squares};
use crate::element::Float;
use crate::tensor::Tensor;

/// Coefficients of the numerator p₁₃; the denominator is p₁₃(−A).
const PADE: [f64; 14] = [
    64_764_752_532_480_000.0,
    32_382_376_266_240_000.0,
    7_771_770_303_897_600.0,
    1_187_353_796_428_800.0,
    129_060_195_264_000.0,
    10_559_470_521_600.0,
    670_442_572_800.0,
    33_522_128_640.0,
    1_323_241_920.0,
    40_840_800.0,
    960_960.0,
    16_380.0,
    182.0,
    1.0,
];

/// Up to this 1-norm the approximant is exact in double precision.
const LARGEST: f64 = 5.371_920_351_148_152;

impl<T: Float> Tensor<T> {
    /// e^A = Σ Aᵏ/k!: `[…, N, N] → […, N, N]` (PyTorch: `linalg.matrix_exp`).
    ///
    /// ```
    /// // Of a skew matrix: a rotation, here by a right angle.
    /// let a = gradus_tensor::Tensor::from([[0.0_f64, -1.0], [1.0, 0.0]]) * std::f64::consts::FRAC_PI_2;
    /// let e = a.matrix_exp()?;
    /// assert!(e.at(&[0, 0]).abs() < 1e-15 && (e.at(&[1, 0]) - 1.0).abs() < 1e-15);
    /// # Ok::<(), gradus_tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn matrix_exp(&self) -> Result<Self, LinalgError> {
        let (_, n) = squares("matrix_exp", self);
        each("matrix_exp", self, n * n, |a| finite(a, n))?;
        if self.is_empty() {
            return Ok(self.clone());
        }
        let norm = self.map(|x| x.abs()).sum_axes(&[-2], false).max_axes(&[], false).item().as_f64();
        let halvings = (norm / LARGEST).log2().ceil().clamp(0.0, 1100.0);
        // In two factors, as one may underflow.
        let half = (halvings * 0.5).floor();
        let a = self * T::of((-half).exp2()) * T::of((half - halvings).exp2());
        let (a2, eye) = (a.matmul(&a), Self::eye(n));
        let a4 = a2.matmul(&a2);
        let a6 = a4.matmul(&a2);
        let sum = |from: usize| {
            let term = |x: &Self, k: usize| x * T::of(PADE[k]);
            let high = term(&a6, from + 12) + &term(&a4, from + 10) + &term(&a2, from + 8);
            a6.matmul(&high)
                + &term(&a6, from + 6)
                + &term(&a4, from + 4)
                + &term(&a2, from + 2)
                + &term(&eye, from)
        };
        let (even, odd) = (sum(0), a.matmul(&sum(1)));
        let denominator = (&even - &odd).lu_for("matrix_exp")?;
        let mut out = denominator.solve(&(&even + &odd))?;
        for _ in 0..halvings as usize {
            out = out.matmul(&out);
        }
        Ok(out)
    }
}
