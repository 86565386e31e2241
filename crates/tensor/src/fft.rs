//! Fourier transforms of the last axis, by `rustfft` and `realfft`. Complex numbers are a trailing axis of 2 (real part,
//! imaginary part), as PyTorch's `view_as_real` shows them. Rows are independent, so threads change no bit; sums are in the
//! order of the transform's algorithm, which depends on the instruction set, and on the length.

use realfft::RealFftPlanner;
use rustfft::num_complex::Complex;
use rustfft::{FftDirection, FftNum, FftPlanner, FftPlannerScalar};

use crate::element::Float;
use crate::isa::{Isa, current_isa};
use crate::parallel::{self, Cost};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// What a transform of one row costs: 5·n·log₂ n operations, by the usual count.
fn cost(rows: usize, n: usize) -> Cost {
    Cost::flops(rows * 5 * n * (n.ilog2() as usize + 1))
}

/// The leading axes and the length of a signal whose last axes are `[N]` or `[N, 2]`.
#[track_caller]
fn signal<T: Float>(op: &str, x: &Tensor<T>, is_complex: bool) -> (Shape, usize) {
    let shape = *x.shape();
    let end = if is_complex {
        let fits = shape.len() >= 2 && shape[shape.len() - 1] == 2;
        assert!(fits, "{op}: no complex signal: {shape} ([…, N, 2])");
        shape.len() - 2
    } else {
        assert!(!shape.is_empty(), "{op}: no signal: {shape} ([…, N])");
        shape.len() - 1
    };
    assert!(shape[end] > 0, "{op}: an empty signal: {shape}");
    (Shape::new(&shape[..end]), shape[end])
}

fn with_last(lead: &Shape, last: &[usize]) -> Shape {
    Shape::new(&[&lead[..], last].concat())
}

fn pairs<T: Float>(row: &[T]) -> impl Iterator<Item = Complex<T>> {
    row.as_chunks::<2>().0.iter().map(|&[re, im]| Complex { re, im })
}

impl<T: Float + FftNum> Tensor<T> {
    /// yₖ = Σₙ xₙ·e^(−2πi·kn/N) over the last axis but one, complex numbers as pairs: `[…, N, 2] → […, N, 2]` (PyTorch:
    /// `fft.fft`). Any N; fastest where it is a product of small primes. Feature `fft`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([[1.0_f64, 0.0], [0.0, 1.0]]).fft(); // 1 and i
    /// assert_eq!(y, Tensor::from([[1.0, 1.0], [1.0, -1.0]])); // 1 + i and 1 − i
    /// ```
    ///
    /// # Panics
    /// If the last axis is not of length 2, or N is 0.
    #[must_use]
    #[track_caller]
    pub fn fft(&self) -> Self {
        self.transform("fft", FftDirection::Forward)
    }

    /// xₙ = 1/N·Σₖ yₖ·e^(2πi·kn/N), the way back from [`Tensor::fft`]: `[…, N, 2] → […, N, 2]` (PyTorch: `fft.ifft`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f64, 0.0], [0.0, 1.0]]);
    /// assert_eq!(x.fft().ifft(), x);
    /// ```
    ///
    /// # Panics
    /// If the last axis is not of length 2, or N is 0.
    #[must_use]
    #[track_caller]
    pub fn ifft(&self) -> Self {
        let n = signal("ifft", self, true).1;
        self.transform("ifft", FftDirection::Inverse) * T::of(1.0 / n as f64)
    }

    #[track_caller]
    fn transform(&self, op: &str, direction: FftDirection) -> Self {
        let (lead, n) = signal(op, self, true);
        let plan = match current_isa() {
            Isa::Portable => FftPlannerScalar::new().plan_fft(n, direction),
            _ => FftPlanner::new().plan_fft(n, direction),
        };
        let source = self.contiguous();
        let values = source.as_slice().unwrap_or(&[]);
        Self::build(*self.shape(), |out| {
            parallel::chunks_mut(out, 2 * n, cost(lead.count(), n), |i, out| {
                let mut row: Vec<Complex<T>> = pairs(&values[i * 2 * n..][..2 * n]).collect();
                plan.process(&mut row);
                for (out, y) in out.as_chunks_mut::<2>().0.iter_mut().zip(row) {
                    *out = [y.re, y.im];
                }
            });
        })
    }

    /// The first ⌊N/2⌋ + 1 values of the transform of real numbers; the others are their conjugates:
    /// `[…, N] → […, ⌊N/2⌋ + 1, 2]` (PyTorch: `fft.rfft`). Feature `fft`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([1.0_f64, 2.0, 3.0, 4.0]).rfft();
    /// assert_eq!(y, Tensor::from([[10.0, 0.0], [-2.0, 2.0], [-2.0, 0.0]]));
    /// ```
    ///
    /// # Panics
    /// If there is no axis, or N is 0.
    #[must_use]
    #[track_caller]
    pub fn rfft(&self) -> Self {
        let (lead, n) = signal("rfft", self, false);
        let (half, plan) = (n / 2 + 1, RealFftPlanner::new().plan_fft_forward(n));
        let source = self.contiguous();
        let values = source.as_slice().unwrap_or(&[]);
        Self::build(with_last(&lead, &[half, 2]), |out| {
            parallel::chunks_mut(out, 2 * half, cost(lead.count(), n), |i, out| {
                let (mut row, mut spectrum) = (values[i * n..][..n].to_vec(), plan.make_output_vec());
                // INVARIANT: both buffers have the lengths of the plan, which is all that can be wrong.
                #[allow(clippy::expect_used)]
                plan.process(&mut row, &mut spectrum).expect("buffers of the plan's lengths");
                for (out, y) in out.as_chunks_mut::<2>().0.iter_mut().zip(spectrum) {
                    *out = [y.re, y.im];
                }
            });
        })
    }

    /// The N real numbers whose [`Tensor::rfft`] this is: `[…, ⌊N/2⌋ + 1, 2] → […, N]` (PyTorch: `fft.irfft(n=N)`). The imaginary
    /// parts of the first value, and for even N of the last one, are not read: of real numbers they are 0.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0_f64, 2.0, 3.0, 4.0]);
    /// assert_eq!(x.rfft().irfft(4), x);
    /// ```
    ///
    /// # Panics
    /// If the last axis is not of length 2, N is 0, or the axis before is not of length ⌊N/2⌋ + 1.
    #[must_use]
    #[track_caller]
    pub fn irfft(&self, n: usize) -> Self {
        let (lead, half) = signal("irfft", self, true);
        let needed = n / 2 + 1;
        assert!(n > 0, "irfft: no numbers: {} → {n} (≥ 1)", self.shape());
        assert!(
            half == needed,
            "irfft: not the spectrum of {n} numbers: {} ({half} ≠ {needed})",
            self.shape()
        );
        let plan = RealFftPlanner::new().plan_fft_inverse(n);
        let source = self.contiguous();
        let (values, scale) = (source.as_slice().unwrap_or(&[]), T::of(1.0 / n as f64));
        Self::build(with_last(&lead, &[n]), |out| {
            parallel::chunks_mut(out, n, cost(lead.count(), n), |i, out| {
                let mut spectrum: Vec<Complex<T>> = pairs(&values[i * 2 * half..][..2 * half]).collect();
                spectrum[0].im = T::of(0.0);
                if n.is_multiple_of(2) {
                    spectrum[half - 1].im = T::of(0.0);
                }
                // INVARIANT: as in `rfft`, and what must be real was just made so.
                #[allow(clippy::expect_used)]
                plan.process(&mut spectrum, out).expect("buffers of the plan's lengths");
                out.iter_mut().for_each(|x| *x = *x * scale);
            });
        })
    }
}

impl<T: Float> Tensor<T> {
    /// The frequencies of [`Tensor::fft`]'s values, in cycles per unit of `spacing`: 0, 1, …, −2, −1 times 1/(N·spacing), `[N]`
    /// (PyTorch: `fft.fftfreq`). Feature `fft`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f64>::fftfreq(4, 0.5).to_vec(), [0.0, 0.5, -1.0, -0.5]);
    /// ```
    #[must_use]
    pub fn fftfreq(n: usize, spacing: f64) -> Self {
        let signed = |k: usize| if k < n.div_ceil(2) { k as f64 } else { k as f64 - n as f64 };
        (0..n).map(|k| T::of(signed(k) / (n as f64 * spacing))).collect()
    }

    /// The frequencies of [`Tensor::rfft`]'s values: 0, 1, …, ⌊N/2⌋ times 1/(N·spacing) (PyTorch: `fft.rfftfreq`). Feature
    /// `fft`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f64>::rfftfreq(4, 0.5).to_vec(), [0.0, 0.5, 1.0]);
    /// ```
    #[must_use]
    pub fn rfftfreq(n: usize, spacing: f64) -> Self {
        (0..=n / 2).map(|k| T::of(k as f64 / (n as f64 * spacing))).collect()
    }
}
