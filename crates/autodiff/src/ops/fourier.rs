//! Fourier transforms of the last axis. All are linear; their adjoints are the transforms in the other direction, scaled.

use gradus_tensor::{FftNum, Float, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::var::{Var, apply};

struct Complex {
    inverse: bool,
}

impl<T: Float + FftNum> Op<T> for Complex {
    fn name(&self) -> &'static str {
        if self.inverse { "ifft" } else { "fft" }
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        if self.inverse { inputs[0].ifft() } else { inputs[0].fft() }
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let n = g.dim(-2) as f64;
        vec![Some(if self.inverse { g.fft() * (1.0 / n) } else { g.ifft() * n })]
    }
}

/// From N real numbers, or to them.
struct Real {
    n: usize,
    inverse: bool,
}

impl Real {
    /// What stands for two values of the whole spectrum counts `twice`, the others once: `[⌊N/2⌋ + 1, 1]`.
    fn weights<T: Float>(&self, twice: f64) -> Var<T> {
        let half = self.n / 2 + 1;
        let alone = |k: usize| k == 0 || 2 * k == self.n;
        Var::constant(Tensor::from_fn([half, 1], |i| T::of(if alone(i[0]) { 1.0 } else { twice })))
    }
}

impl<T: Float + FftNum> Op<T> for Real {
    fn name(&self) -> &'static str {
        if self.inverse { "irfft" } else { "rfft" }
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        if self.inverse { inputs[0].irfft(self.n) } else { inputs[0].rfft() }
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let n = self.n as f64;
        vec![Some(if self.inverse {
            g.rfft() * self.weights(2.0) * (1.0 / n)
        } else {
            (g * self.weights(0.5)).irfft(self.n) * n
        })]
    }
}

impl<T: Float + FftNum> Var<T> {
    /// yₖ = Σₙ xₙ·e^(−2πi·kn/N), complex numbers as pairs: `[…, N, 2] → […, N, 2]` (PyTorch: `fft.fft`). Feature `fft`.
    ///
    /// ```
    /// let x = gradus_autodiff::Var::leaf([[1.0_f64, 0.0], [0.0, 1.0]]);
    /// assert_eq!(x.fft().value().to_vec(), [1.0, 1.0, 1.0, -1.0]);
    /// ```
    ///
    /// # Panics
    /// If the last axis is not of length 2, or N is 0.
    #[must_use]
    #[track_caller]
    pub fn fft(&self) -> Self {
        apply(Complex { inverse: false }, &[self])
    }

    /// xₙ = 1/N·Σₖ yₖ·e^(2πi·kn/N): `[…, N, 2] → […, N, 2]` (PyTorch: `fft.ifft`). Feature `fft`.
    ///
    /// ```
    /// let x = gradus_autodiff::Var::leaf([[1.0_f64, 1.0], [1.0, -1.0]]);
    /// assert_eq!(x.ifft().value().to_vec(), [1.0, 0.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the last axis is not of length 2, or N is 0.
    #[must_use]
    #[track_caller]
    pub fn ifft(&self) -> Self {
        apply(Complex { inverse: true }, &[self])
    }

    /// The first ⌊N/2⌋ + 1 values of the transform of real numbers: `[…, N] → […, ⌊N/2⌋ + 1, 2]` (PyTorch: `fft.rfft`).
    /// Feature `fft`.
    ///
    /// ```
    /// let x = gradus_autodiff::Var::leaf([1.0_f64, 2.0]);
    /// assert_eq!(x.rfft().value().to_vec(), [3.0, 0.0, -1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no axis, or N is 0.
    #[must_use]
    #[track_caller]
    pub fn rfft(&self) -> Self {
        let n = self.shape().last().copied().unwrap_or(0);
        apply(Real { n, inverse: false }, &[self])
    }

    /// The N real numbers of a spectrum: `[…, ⌊N/2⌋ + 1, 2] → […, N]` (PyTorch: `fft.irfft(n=N)`). Imaginary parts that are 0
    /// for real numbers are not read and get no gradient. Feature `fft`.
    ///
    /// ```
    /// let x = gradus_autodiff::Var::leaf([[3.0_f64, 0.0], [-1.0, 0.0]]);
    /// assert_eq!(x.irfft(2).value().to_vec(), [1.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If the last axis is not of length 2, N is 0, or the axis before is not of length ⌊N/2⌋ + 1.
    #[must_use]
    #[track_caller]
    pub fn irfft(&self, n: usize) -> Self {
        apply(Real { n, inverse: true }, &[self])
    }
}
