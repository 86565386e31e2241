//! Elementwise functions of two or three variables beyond arithmetic, with broadcasting.

use gradus_tensor::{Element, Float, Tensor};

use super::arithmetic::binary;
use super::functions::number;
use crate::choose;
use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

binary! {
    Angle "atan2" saves Save::INPUTS, |y, x| y.atan2(x), |s, g| {
        let (y, x) = (s.input(0), s.input(1));
        let radius = not_nought(&y.hypot(&x));
        let per = g / &radius;
        vec![Some(&per * (x / &radius)), Some(-(per * (y / radius)))]
    };
    Hypot "hypot" saves Save::INPUTS.and(Save::OUTPUT), |a, b| a.hypot(b), |s, g| {
        let per = g / not_nought(&s.output());
        vec![Some(&per * s.input(0)), Some(per * s.input(1))]
    };
    LogAddExp "logaddexp" saves Save::INPUTS, |a, b| a.logaddexp(b), |s, g| {
        let (a, b) = (s.input(0), s.input(1));
        // Equal infinities share.
        let same = a.value().zip(b.value(), |a, b| a == b && a.is_infinite());
        let lead = choose(&same, &number(0.0), &(a - b));
        vec![Some(g * lead.sigmoid()), Some(g * (-lead).sigmoid())]
    };
    Fmod "fmod" saves Save::INPUTS, |a, b| a.fmod(b), |s, g| {
        let quotient = (s.input(0).value() / s.input(1).value()).trunc();
        vec![Some(g.clone()), Some(-(g * Var::constant(quotient)))]
    };
    Remainder "remainder" saves Save::INPUTS, |a, b| a.remainder(b), |s, g| {
        let quotient = (s.input(0).value() / s.input(1).value()).floor();
        vec![Some(g.clone()), Some(-(g * Var::constant(quotient)))]
    };
}

/// 1 where x is 0, so that one may divide.
fn not_nought<T: Float>(x: &Var<T>) -> Var<T> {
    choose(&x.value().equal_scalar(<T as Element>::ZERO), &number(1.0), x)
}

macro_rules! ternary {
    ($($Name:ident($($p:ident: $pt:ty)?) $name:literal |$x:ident, $a:ident, $b:ident| $value:expr, |$s:ident, $g:ident| $rule:expr;)*) => {$(
        struct $Name { $($p: $pt)? }
        impl<T: Float> Op<T> for $Name {
            fn name(&self) -> &'static str { $name }
            fn saves(&self) -> Save { Save::INPUTS }
            fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
                $(let $p = self.$p;)?
                let ($x, $a, $b) = (inputs[0], inputs[1], inputs[2]);
                $value
            }
            fn vjp(&self, $s: &Saved<Var<T>>, $g: &Var<T>) -> Cotangents<Var<T>> {
                $(let $p = self.$p;)?
                $rule
            }
            fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, _: Batch) -> Option<Vec<Flow<T>>> {
                Some(vec![Flow::Broadcast, Flow::Broadcast, Flow::Broadcast])
            }
        }
    )*};
}
ternary! {
    Lerp() "lerp" |a, b, w| a.lerp(b, w), |s, g| {
        let (a, b, w) = (s.input(0), s.input(1), s.input(2));
        let right = g * &w;
        vec![Some(g - &right), Some(right), s.wants(2).then(|| g * (b - a))]
    };
    AddCMul(c: f64) "addcmul" |x, a, b| x.addcmul(a, b, c), |s, g| {
        let scaled = g * c;
        vec![Some(g.clone()), s.wants(1).then(|| &scaled * s.input(2)), s.wants(2).then(|| &scaled * s.input(1))]
    };
    AddCDiv(c: f64) "addcdiv" |x, a, b| x.addcdiv(a, b, c), |s, g| {
        let per = g * c / s.input(2);
        vec![Some(g.clone()), Some(per.clone()), s.wants(2).then(|| -(per * s.input(1) / s.input(2)))]
    };
    ClampBetween() "clamp_between" |x, low, high| x.clamp_between(low, high), |s, g| {
        let [x, low, high] = [0, 1, 2].map(|i| s.input(i).into_value());
        let (zero, half, one) = (<T as Element>::ZERO, T::of(0.5), <T as Element>::ONE);
        let of_x = x.zip3(&low, &high, |x, low, high| match low <= high {
            true if (x > low && x < high) || (x == low && x == high) => one,
            true if x == low || x == high => half,
            _ => zero,
        });
        let of_low = x.zip3(&low, &high, |x, low, high| match low <= high {
            true if x < low => one,
            true if x == low && low < high => half,
            _ => zero,
        });
        let of_high = x.zip3(&low, &high, |x, low, high| match low > high || x > high {
            true => one,
            false if x == high && low < high => half,
            false => zero,
        });
        [of_x, of_low, of_high].map(|share| Some(g * Var::constant(share))).to_vec()
    };
}

impl<T: Float> Var<T> {
    /// The angle of the point (x, y) = (`x`, `self`) from the x axis, in −π ..= π (PyTorch: `atan2`); no gradient at the
    /// origin. Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (y, x) = (Var::leaf([0.0_f64]), Var::leaf([2.0_f64]));
    /// assert_eq!(y.atan2(&x).backward().of(&y).unwrap().item(), 0.5);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn atan2(&self, x: &Self) -> Self {
        apply(Angle, &[self, x])
    }

    /// √(a² + b²) without overflow (PyTorch: `hypot`); no gradient at the origin (PyTorch: NaN). Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::leaf([3e30_f32]), Var::leaf([4e30_f32]));
    /// let y = a.hypot(&b);
    /// assert_eq!(y.item() as f32, 5e30);
    /// assert!((y.backward().of(&a).unwrap().item() - 0.6).abs() < 1e-6);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn hypot(&self, other: &Self) -> Self {
        apply(Hypot, &[self, other])
    }

    /// ln(eᵃ + eᵇ) without overflow (PyTorch: `logaddexp`); equal infinities share the gradient (PyTorch: NaN). Shapes
    /// broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::leaf([1e4_f64]), Var::leaf([1e4_f64]));
    /// let slope = a.logaddexp(&b).backward();
    /// assert_eq!((slope.of(&a).unwrap().item(), slope.of(&b).unwrap().item()), (0.5, 0.5));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn logaddexp(&self, other: &Self) -> Self {
        apply(LogAddExp, &[self, other])
    }

    /// x·ln y, and 0 where x = 0 unless y is NaN (PyTorch: `xlogy`). Where that rule speaks no gradient flows to y, nor to
    /// x where ln y is not finite. Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (x, y) = (Var::leaf([0.0_f64]), Var::leaf([0.0_f64]));
    /// let z = x.xlogy(&y);
    /// assert_eq!((z.item(), z.backward().of(&y).unwrap().item()), (0.0, 0.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn xlogy(&self, y: &Self) -> Self {
        let (zero, infinity) = (<T as Element>::ZERO, T::of(f64::INFINITY));
        let ruled = self.value().zip(y.value(), move |x, y| x == zero && (y <= zero || y == infinity));
        self * choose(&ruled, &number(1.0), y).ln()
    }

    /// |a| with the sign of b, be it that of a nought (PyTorch: `copysign`); no gradient to b, nor to a at 0. Shapes
    /// broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::leaf([2.0_f64]), Var::constant([-1.0]));
    /// let y = a.copysign(&b);
    /// assert_eq!((y.item(), y.backward().of(&a).unwrap().item()), (-2.0, -1.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn copysign(&self, sign: &Self) -> Self {
        let ones = Tensor::scalar(<T as Element>::ONE).copysign(sign.value());
        self.abs() * Var::constant(ones)
    }

    /// a − b·trunc(a/b), exact, with a's sign (PyTorch: `fmod`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::leaf([-5.0_f64]), Var::leaf([3.0_f64]));
    /// let slope = a.fmod(&b).backward();
    /// assert_eq!((slope.of(&a).unwrap().item(), slope.of(&b).unwrap().item()), (1.0, 1.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn fmod(&self, divisor: &Self) -> Self {
        apply(Fmod, &[self, divisor])
    }

    /// a − b·⌊a/b⌋, with b's sign, as Python's `%` (PyTorch: `remainder`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::leaf([-5.0_f64]), Var::leaf([3.0_f64]));
    /// let slope = a.remainder(&b).backward();
    /// assert_eq!((slope.of(&a).unwrap().item(), slope.of(&b).unwrap().item()), (1.0, 2.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn remainder(&self, divisor: &Self) -> Self {
        apply(Remainder, &[self, divisor])
    }

    /// Between `self` and `end`: a + w(b − a), from whichever end is nearer (PyTorch: `lerp`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b, w) = (Var::leaf([0.0_f64]), Var::leaf([4.0]), Var::leaf([0.25]));
    /// let y = a.lerp(&b, &w);
    /// assert_eq!((y.item(), y.backward().of(&w).unwrap().item()), (1.0, 4.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn lerp(&self, end: &Self, weight: &Self) -> Self {
        apply(Lerp {}, &[self, end, weight])
    }

    /// self + c·a·b in one pass (PyTorch: `addcmul`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (x, a, b) = (Var::leaf([1.0_f64]), Var::leaf([2.0]), Var::leaf([3.0]));
    /// let y = x.addcmul(&a, &b, 0.5);
    /// assert_eq!((y.item(), y.backward().of(&a).unwrap().item()), (4.0, 1.5));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn addcmul(&self, a: &Self, b: &Self, c: f64) -> Self {
        apply(AddCMul { c }, &[self, a, b])
    }

    /// self + c·a/b in one pass (PyTorch: `addcdiv`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (x, a, b) = (Var::leaf([1.0_f64]), Var::leaf([6.0]), Var::leaf([2.0]));
    /// let y = x.addcdiv(&a, &b, 0.5);
    /// assert_eq!((y.item(), y.backward().of(&a).unwrap().item()), (2.5, 0.25));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn addcdiv(&self, a: &Self, b: &Self, c: f64) -> Self {
        apply(AddCDiv { c }, &[self, a, b])
    }

    /// min(max(x, low), high) with a variable for each bound (PyTorch: `clamp(min=Tensor, max=Tensor)`). The gradient goes to
    /// x between the bounds, beyond to the bound that is taken; at a bound both share it evenly. Shapes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (x, low, high) = (Var::leaf([2.0_f64]), Var::leaf([0.0]), Var::leaf([1.0]));
    /// let y = x.clamp_between(&low, &high);
    /// assert_eq!((y.item(), y.backward().of(&high).unwrap().item()), (1.0, 1.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn clamp_between(&self, low: &Self, high: &Self) -> Self {
        apply(ClampBetween {}, &[self, low, high])
    }
}
