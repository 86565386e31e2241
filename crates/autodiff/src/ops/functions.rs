//! Elementwise functions of one variable outside the table: special functions, limits on one side, replacements.

use gradus_tensor::{Element, Float, Tensor};

use crate::choose;
use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

/// Functions whose derivative is the next one of the same kind.
#[derive(Clone, Copy)]
enum Special {
    Lgamma,
    Polygamma(u32),
    Sinc(u32),
}

impl<T: Float> Op<T> for Special {
    fn name(&self) -> &'static str {
        match self {
            Self::Lgamma => "lgamma",
            Self::Polygamma(0) => "digamma",
            Self::Polygamma(_) => "polygamma",
            Self::Sinc(_) => "sinc",
        }
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        match *self {
            Self::Lgamma => inputs[0].lgamma(),
            Self::Polygamma(n) => inputs[0].polygamma(n),
            Self::Sinc(n) => inputs[0].sinc_derivative(n),
        }
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let next = match self {
            Self::Lgamma => Self::Polygamma(0),
            Self::Polygamma(n) => Self::Polygamma(n + 1),
            Self::Sinc(n) => Self::Sinc(n + 1),
        };
        vec![Some(g * apply(next, &[&saved.input(0)]))]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch)])
    }
}

struct ErfInv;

impl<T: Float> Op<T> for ErfInv {
    fn name(&self) -> &'static str {
        "erfinv"
    }

    fn saves(&self) -> Save {
        Save::OUTPUT
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].erfinv()
    }

    /// g·√π/2·e^(y²).
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g * saved.output().square().exp() * std::f64::consts::FRAC_2_SQRT_PI.recip())]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch)])
    }
}

/// A constant without axes.
pub(super) fn number<T: Float>(value: f64) -> Var<T> {
    Var::constant(Tensor::scalar(T::of(value)))
}

impl<T: Float> Var<T> {
    /// ln|Γ(x)| (PyTorch: `lgamma`); ∞ at 0, −1, −2, … and at ±∞. Its derivative is [`Var::digamma`].
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([5.0_f64]);
    /// let y = x.lgamma();
    /// assert!((y.item() - 24_f64.ln()).abs() < 1e-14);
    /// assert!((y.backward().of(&x).unwrap().item() - 1.5061176684318).abs() < 1e-12);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn lgamma(&self) -> Self {
        apply(Special::Lgamma, &[self])
    }

    /// ψ(x) = Γ′(x)/Γ(x) (PyTorch: `digamma`); ∓∞ at ±0, NaN at −1, −2, … and at −∞.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f64]);
    /// let slope = x.digamma().backward().of(&x).unwrap().item(); // trigamma(1) = π²/6
    /// assert!((slope - 1.6449340668482264).abs() < 1e-15);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn digamma(&self) -> Self {
        self.polygamma(0)
    }

    /// ψ⁽ⁿ⁾(x), the n-th derivative of digamma (PyTorch: `polygamma(n, x)`). Its derivative is `polygamma(n + 1)`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f64]);
    /// let slope = x.polygamma(1).backward().of(&x).unwrap().item(); // −2ζ(3)
    /// assert!((slope + 2.404113806319189).abs() < 1e-14);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn polygamma(&self, n: u32) -> Self {
        apply(Special::Polygamma(n), &[self])
    }

    /// sin(πx)/(πx), 1 at 0 (PyTorch: `sinc`), with the true derivatives at 0 to any order.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([0.0_f64]);
    /// assert_eq!(x.sinc().backward().of(&x).unwrap().item(), 0.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn sinc(&self) -> Self {
        apply(Special::Sinc(0), &[self])
    }

    /// The inverse of erf (PyTorch: `erfinv`): ±∞ at ±1, NaN outside −1 ..= 1.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([0.0_f64]);
    /// assert!((x.erfinv().backward().of(&x).unwrap().item() - 0.886226925452758).abs() < 1e-14);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn erfinv(&self) -> Self {
        apply(ErfInv, &[self])
    }

    /// Degrees to radians: πx/180 (PyTorch: `deg2rad`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::constant([180.0_f64]).deg2rad().item(), std::f64::consts::PI);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn deg2rad(&self) -> Self {
        self.mul_scalar(std::f64::consts::PI / 180.0)
    }

    /// Radians to degrees: 180x/π (PyTorch: `rad2deg`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// assert_eq!(Var::constant([std::f64::consts::PI]).rad2deg().item(), 180.0);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn rad2deg(&self) -> Self {
        self.mul_scalar(180.0 / std::f64::consts::PI)
    }

    /// max(x, low); NaN stays; the derivative at `low` is 0 (PyTorch: `clamp_min`, `clamp(min=low)`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([0.0_f32, 2.0]);
    /// let y = x.clamp_min(0.5);
    /// assert_eq!(y.value().to_vec(), [0.5, 2.0]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [0.0, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn clamp_min(&self, low: f64) -> Self {
        self.clamp(low, f64::INFINITY)
    }

    /// min(x, high); NaN stays; the derivative at `high` is 0 (PyTorch: `clamp_max`, `clamp(max=high)`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([0.0_f32, 2.0]);
    /// let y = x.clamp_max(0.5);
    /// assert_eq!(y.value().to_vec(), [0.0, 0.5]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [1.0, 0.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn clamp_max(&self, high: f64) -> Self {
        self.clamp(f64::NEG_INFINITY, high)
    }

    /// x where x > `threshold` or x is NaN, `value` elsewhere, without a gradient there (PyTorch: `threshold`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([0.5_f32, 1.0, 2.0]);
    /// let y = x.threshold(1.0, -7.0);
    /// assert_eq!(y.value().to_vec(), [-7.0, -7.0, 2.0]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [0.0, 0.0, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn threshold(&self, threshold: f64, value: f64) -> Self {
        choose(&self.value().less_equal_scalar(T::of(threshold)), &number(value), self)
    }

    /// `nan` for NaN; for ∞ and −∞ `positive` and `negative`, or else the largest and smallest finite number; no gradient
    /// flows into what is replaced (PyTorch: `nan_to_num`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([f32::NAN, 2.0]);
    /// let y = x.nan_to_num(0.0, None, None);
    /// assert_eq!(y.value().to_vec(), [0.0, 2.0]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [0.0, 1.0]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn nan_to_num(&self, nan: f64, positive: Option<f64>, negative: Option<f64>) -> Self {
        let replaced = Var::constant(self.value().nan_to_num(nan, positive, negative));
        choose(&self.value().is_finite(), self, &replaced)
    }

    /// `value` where the mask is true, without a gradient there, x elsewhere (PyTorch: `masked_fill`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf([1.0_f32, 2.0]);
    /// let y = x.masked_fill(&Tensor::from([true, false]), -1.0);
    /// assert_eq!(y.value().to_vec(), [-1.0, 2.0]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn masked_fill(&self, mask: &Tensor<bool>, value: f64) -> Self {
        choose(mask, &number(value), self)
    }

    /// Sums over `axes` (an empty list: all) of what is not NaN (PyTorch: `nansum`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, f32::NAN, 3.0]);
    /// assert_eq!(x.nan_sum_axes(&[], false).item(), 4.0);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn nan_sum_axes(&self, axes: &[isize], keep: bool) -> Self {
        self.masked_fill(&self.value().is_nan(), 0.0).sum_axes(axes, keep)
    }

    /// Means over `axes` (an empty list: all) of what is not NaN; NaN of nothing (PyTorch: `nanmean`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, f32::NAN, 3.0]);
    /// let y = x.nan_mean_axes(&[], false);
    /// assert_eq!(y.item(), 2.0);
    /// assert_eq!(y.backward().of(&x).unwrap().to_vec(), [0.5, 0.0, 0.5]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn nan_mean_axes(&self, axes: &[isize], keep: bool) -> Self {
        let counts =
            self.value().map(|x| if x.is_nan() { <T as Element>::ZERO } else { <T as Element>::ONE });
        self.nan_sum_axes(axes, keep) / Var::constant(counts.sum_axes(axes, keep))
    }
}
