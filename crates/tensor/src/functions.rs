//! Elementwise functions outside the table: special functions that no hot loop needs, and those of two or three tensors.
//! They are compiled where they are used, for the portable instruction set; each is one pass.

use crate::element::{Element, Float};
use crate::elementwise::common_shape;
use crate::isa::current_isa;
use crate::kernels::strided::{self, Narrow, Operand};
use crate::special::{self, Polygamma};
use crate::tensor::Tensor;

/// What a call of a special function costs, more or less.
const FLOPS: usize = 100;

impl<T: Float> Tensor<T> {
    /// `f` of each element, computed in double precision.
    pub(crate) fn through_f64(&self, f: &(dyn Fn(f64) -> f64 + Sync)) -> Self {
        let x = Operand::new(self.storage(), self.layout());
        Self::build(*self.shape(), |out| {
            strided::map1_as::<Narrow, T, T>(current_isa(), out, x, FLOPS, |x| T::of(f(x.as_f64())));
        })
    }

    /// `f` of each pair of elements; shapes broadcast.
    #[track_caller]
    pub(crate) fn zip_narrow(&self, name: &str, other: &Self, f: impl Fn(T, T) -> T + Sync + Send) -> Self {
        let shape = common_shape(name, self.shape(), other.shape());
        let (a, b) = (self.expand(shape), other.expand(shape));
        let (x, y) = (Operand::new(a.storage(), a.layout()), Operand::new(b.storage(), b.layout()));
        Self::build(shape, |out| strided::map2_as::<Narrow, T, T, T>(current_isa(), out, x, y, 32, f))
    }

    /// ln|Γ(x)| (PyTorch: `lgamma`); ∞ at 0, −1, −2, … and at ±∞.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([1.0_f64, 5.0, 0.5]).lgamma();
    /// assert!(y.is_close(&Tensor::from([0.0, 24_f64.ln(), 0.5723649429247001]), 1e-14, 0.0).all());
    /// ```
    #[must_use]
    pub fn lgamma(&self) -> Self {
        self.through_f64(&special::lgamma)
    }

    /// ψ(x) = Γ′(x)/Γ(x) (PyTorch: `digamma`); ∓∞ at ±0, NaN at −1, −2, … and at −∞.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([1.0_f64]).digamma(); // −γ
    /// assert!((y.item() + 0.5772156649015329).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn digamma(&self) -> Self {
        self.through_f64(&special::digamma)
    }

    /// ψ⁽ⁿ⁾(x), the n-th derivative of digamma (PyTorch: `polygamma(n, x)`). At 0, −1, −2, … it is ∞ for odd n and −∞ for
    /// even n > 0; 0 at ∞.
    ///
    /// ```
    /// let y = gradus_tensor::Tensor::from([1.0_f64]).polygamma(1); // trigamma: π²/6
    /// assert!((y.item() - 1.6449340668482264).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn polygamma(&self, n: u32) -> Self {
        let function = Polygamma::new(n);
        self.through_f64(&|x| function.at(x))
    }

    /// sin(πx)/(πx), 1 at 0 (PyTorch: `sinc`); 0 at ±∞, as its limit (PyTorch: NaN).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0_f64, 0.5, 1.0]).sinc();
    /// assert_eq!(y.to_vec(), [1.0, std::f64::consts::FRAC_2_PI, 0.0]);
    /// ```
    #[must_use]
    pub fn sinc(&self) -> Self {
        self.sinc_derivative(0)
    }

    /// The n-th derivative of [`Tensor::sinc`], smooth at 0 as well.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([0.0_f64]).sinc_derivative(2); // −π²/3
    /// assert!((y.item() + 3.289868133696453).abs() < 1e-14);
    /// ```
    #[must_use]
    pub fn sinc_derivative(&self, n: u32) -> Self {
        self.through_f64(&|x| special::sinc_derivative(n, x))
    }

    /// The inverse of erf (PyTorch: `erfinv`): ±∞ at ±1, NaN outside −1 ..= 1.
    ///
    /// ```
    /// let y = gradus_tensor::Tensor::from([0.5_f64]);
    /// assert!((y.erfinv().erf().item() - 0.5).abs() < 1e-15);
    /// ```
    #[must_use]
    pub fn erfinv(&self) -> Self {
        self.through_f64(&special::erfinv)
    }

    /// Degrees to radians: πx/180 (PyTorch: `deg2rad`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([180.0_f64]).deg2rad().item(), std::f64::consts::PI);
    /// ```
    #[must_use]
    pub fn deg2rad(&self) -> Self {
        self.mul_scalar(std::f64::consts::PI / 180.0)
    }

    /// Radians to degrees: 180x/π (PyTorch: `rad2deg`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([std::f64::consts::PI]).rad2deg().item(), 180.0);
    /// ```
    #[must_use]
    pub fn rad2deg(&self) -> Self {
        self.mul_scalar(180.0 / std::f64::consts::PI)
    }

    /// `self` to the power `exponent`, element by element (PyTorch: `pow`): x⁰ = 1 for every x, NaN for a negative base with
    /// a fractional exponent. Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([2.0_f64, 3.0]).pow(&Tensor::from([3.0, -1.0]));
    /// assert_eq!(y.to_vec(), [8.0, 1.0 / 3.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn pow(&self, exponent: &Self) -> Self {
        self.zip_narrow("pow", exponent, |a, b| a.powf(b))
    }

    /// The angle of the point (x, y) = (`x`, `self`) from the x axis, in −π ..= π (PyTorch: `atan2`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (y, x) = (Tensor::from([1.0_f64, 0.0]), Tensor::from([0.0, -1.0]));
    /// assert_eq!(y.atan2(&x).to_vec(), [std::f64::consts::FRAC_PI_2, std::f64::consts::PI]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn atan2(&self, x: &Self) -> Self {
        self.zip_narrow("atan2", x, |y, x| num_traits::Float::atan2(y, x))
    }

    /// √(a² + b²) without overflow or underflow on the way (PyTorch: `hypot`); ∞ if either is infinite. Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([3e30_f32]).hypot(&Tensor::from([4e30])).item(), 5e30);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn hypot(&self, other: &Self) -> Self {
        self.zip_narrow("hypot", other, |a, b| num_traits::Float::hypot(a, b))
    }

    /// ln(eᵃ + eᵇ) without overflow (PyTorch: `logaddexp`); an infinity that both are stays. Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([1000.0_f64]).logaddexp(&Tensor::from([1000.0]));
    /// assert_eq!(y.item(), 1000.0 + 2.0_f64.ln());
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn logaddexp(&self, other: &Self) -> Self {
        self.zip_narrow("logaddexp", other, |a, b| T::of(special::logaddexp(a.as_f64(), b.as_f64())))
    }

    /// x·ln y, and 0 where x = 0 unless y is NaN (PyTorch: `xlogy`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.0_f64]).xlogy(&Tensor::from([0.0])).item(), 0.0);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn xlogy(&self, y: &Self) -> Self {
        self.zip_narrow("xlogy", y, |x, y| {
            if x == <T as Element>::ZERO && !y.is_nan() { <T as Element>::ZERO } else { x * y.ln() }
        })
    }

    /// |a| with the sign of b, be it that of a nought (PyTorch: `copysign`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([2.0_f32, -2.0]).copysign(&Tensor::from([-0.0, 1.0])).to_vec(), [-2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn copysign(&self, sign: &Self) -> Self {
        self.zip_narrow("copysign", sign, |a, b| num_traits::Float::copysign(a, b))
    }

    /// a − b·trunc(a/b), exact, with a's sign (PyTorch: `fmod`); NaN for b = 0 or an infinite a. Shapes broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn fmod(&self, divisor: &Self) -> Self {
        self.zip_narrow("fmod", divisor, |a, b| a % b)
    }

    /// a − b·⌊a/b⌋, with b's sign, as Python's `%` (PyTorch: `remainder`); NaN for b = 0 or an infinite a. Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([-5.0_f64, 5.0]), Tensor::from([3.0, -3.0]));
    /// assert_eq!(a.remainder(&b).to_vec(), [1.0, -1.0]);
    /// assert_eq!(a.fmod(&b).to_vec(), [-2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn remainder(&self, divisor: &Self) -> Self {
        self.zip_narrow("remainder", divisor, |a, b| {
            let (zero, rest) = (<T as Element>::ZERO, a % b);
            if rest != zero && (b < zero) != (rest < zero) { rest + b } else { rest }
        })
    }

    /// Between `self` and `end`: a + w(b − a), from whichever end is nearer (PyTorch: `lerp`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([0.0_f64, 10.0]), Tensor::from([4.0, 20.0]));
    /// assert_eq!(a.lerp(&b, &Tensor::scalar(0.25)).to_vec(), [1.0, 12.5]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn lerp(&self, end: &Self, weight: &Self) -> Self {
        let (half, one) = (T::of(0.5), <T as Element>::ONE);
        self.zip3(
            end,
            weight,
            move |a, b, w| if w < half { a + w * (b - a) } else { b - (b - a) * (one - w) },
        )
    }

    /// self + c·a·b in one pass (PyTorch: `addcmul`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (x, a, b) = (Tensor::from([1.0_f32]), Tensor::from([2.0]), Tensor::from([3.0]));
    /// assert_eq!(x.addcmul(&a, &b, 0.5).item(), 4.0);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn addcmul(&self, a: &Self, b: &Self, c: f64) -> Self {
        let c = T::of(c);
        self.zip3(a, b, move |x, a, b| x + c * a * b)
    }

    /// self + c·a/b in one pass (PyTorch: `addcdiv`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (x, a, b) = (Tensor::from([1.0_f32]), Tensor::from([6.0]), Tensor::from([3.0]));
    /// assert_eq!(x.addcdiv(&a, &b, 0.5).item(), 2.0);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn addcdiv(&self, a: &Self, b: &Self, c: f64) -> Self {
        let c = T::of(c);
        self.zip3(a, b, move |x, a, b| x + c * a / b)
    }

    /// max(x, low); NaN stays (PyTorch: `clamp_min`, `clamp(min=low)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.0_f32, 2.0]).clamp_min(0.5).to_vec(), [0.5, 2.0]);
    /// ```
    #[must_use]
    pub fn clamp_min(&self, low: f64) -> Self {
        self.clamp(low, f64::INFINITY)
    }

    /// min(x, high); NaN stays (PyTorch: `clamp_max`, `clamp(max=high)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-1.0_f32, 2.0]).clamp_max(0.5).to_vec(), [-1.0, 0.5]);
    /// ```
    #[must_use]
    pub fn clamp_max(&self, high: f64) -> Self {
        self.clamp(f64::NEG_INFINITY, high)
    }

    /// min(max(x, low), high) with a tensor for each bound: `high` where the bounds cross, NaN where any of the three is
    /// (PyTorch: `clamp(min=Tensor, max=Tensor)`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (low, high) = (Tensor::from([0.0_f32, 3.0]), Tensor::scalar(1.0));
    /// assert_eq!(Tensor::from([0.5_f32, 2.0]).clamp_between(&low, &high).to_vec(), [0.5, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn clamp_between(&self, low: &Self, high: &Self) -> Self {
        self.zip3(low, high, |x, low, high| crate::math::smaller(crate::math::larger(x, low), high))
    }

    /// x where x > `threshold` or x is NaN, `value` elsewhere (PyTorch: `threshold`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([0.5_f32, 2.0]).threshold(1.0, -7.0).to_vec(), [-7.0, 2.0]);
    /// ```
    #[must_use]
    pub fn threshold(&self, threshold: f64, value: f64) -> Self {
        let (threshold, value) = (T::of(threshold), T::of(value));
        self.map(move |x| if x <= threshold { value } else { x })
    }

    /// `nan` for NaN; for ∞ and −∞ `positive` and `negative`, or else the largest and smallest finite number (PyTorch:
    /// `nan_to_num`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let y = Tensor::from([f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 1.5]).nan_to_num(0.0, Some(9.0), None);
    /// assert_eq!(y.to_vec(), [0.0, 9.0, f32::MIN, 1.5]);
    /// ```
    #[must_use]
    pub fn nan_to_num(&self, nan: f64, positive: Option<f64>, negative: Option<f64>) -> Self {
        let high = positive.map_or_else(num_traits::Float::max_value, T::of);
        let low = negative.map_or_else(num_traits::Float::min_value, T::of);
        let (nan, infinity) = (T::of(nan), <T as num_traits::Float>::infinity());
        self.map(move |x| match x {
            x if x.is_nan() => nan,
            x if x == infinity => high,
            x if x == -infinity => low,
            x => x,
        })
    }
}
