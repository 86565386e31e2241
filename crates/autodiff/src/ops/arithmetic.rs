//! Arithmetic of two variables with broadcasting: operators, powers, maximum and minimum.

use std::ops::{Add, Div, Mul, Neg, Sub};

use gradus_tensor::{Element, Float, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

macro_rules! binary {
    ($($Name:ident $name:literal saves $saves:expr, |$a:ident, $b:ident| $value:expr, |$s:ident, $g:ident| $rule:expr $(, $fused:ident)?;)*) => {$(
        struct $Name;
        impl<T: Float> Op<T> for $Name {
            fn name(&self) -> &'static str { $name }
            fn saves(&self) -> Save { $saves }
            fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
                let ($a, $b) = (inputs[0], inputs[1]);
                $value
            }
            fn vjp(&self, $s: &Saved<Var<T>>, $g: &Var<T>) -> Cotangents<Var<T>> { $rule }
            fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, _: Batch) -> Option<Vec<Flow<T>>> {
                Some(vec![Flow::Broadcast, Flow::Broadcast])
            }
            $(
                fn vjp_fused(&self, saved: &mut Saved<Tensor<T>>, g: Tensor<T>) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
                    Ok($fused(saved, g))
                }
            )?
        }
    )*};
}
pub(super) use binary;

binary! {
    Sum "add" saves Save::NOTHING, |a, b| a + b, |_s, g| vec![Some(g.clone()), Some(g.clone())], of_sum;
    Difference "sub" saves Save::NOTHING, |a, b| a - b, |s, g| vec![Some(g.clone()), s.wants(1).then(|| -g)];
    Product "mul" saves Save::INPUTS, |a, b| a * b,
        |s, g| vec![s.wants(0).then(|| g * s.input(1)), s.wants(1).then(|| g * s.input(0))], of_product;
    Quotient "div" saves Save::input(1).and(Save::OUTPUT), |a, b| a / b, |s, g| {
        let per = g / s.input(1);
        vec![Some(per.clone()), s.wants(1).then(|| -(per * s.output()))]
    };
    Power "pow" saves Save::INPUTS.and(Save::OUTPUT), |a, b| a.pow(b), |s, g| {
        let (a, b) = (s.input(0), s.input(1));
        // At base 0 the logarithm is −∞ where the power is 0: the product is 0 there, as its limit from above.
        let zero_base = a.value().map(|a| a == T::ZERO);
        let safe = choose_one(&zero_base, &a);
        // 0·0^(−1) is NaN where the derivative of x⁰ is 0: there any base will do.
        let corner = a.value().zip(b.value(), |a, b| a == T::ZERO && b == T::ZERO);
        vec![
            s.wants(0).then(|| g * &b * choose_one(&corner, &a).pow(&(&b - 1.0))),
            s.wants(1).then(|| g * s.output() * safe.ln()),
        ]
    };
    Larger "maximum" saves Save::INPUTS, |a, b| a.maximum(b), |s, g| shares(s, g, |a, b| a > b);
    Smaller "minimum" saves Save::INPUTS, |a, b| a.minimum(b), |s, g| shares(s, g, |a, b| a < b);
}

/// Both get the cotangent, and share its buffer only if both want it.
fn of_sum<T: Float>(saved: &Saved<Tensor<T>>, g: Tensor<T>) -> Cotangents<Tensor<T>> {
    if saved.wants(0) && saved.wants(1) {
        return vec![Some(g.clone()), Some(g)];
    }
    let g = Some(g);
    if saved.wants(0) { vec![g, None] } else { vec![None, g] }
}

/// The cotangent's buffer, which nobody reads any more, takes the last product.
fn of_product<T: Float>(saved: &mut Saved<Tensor<T>>, g: Tensor<T>) -> Cotangents<Tensor<T>> {
    let (a, b) = (saved.take_input(0), saved.take_input(1));
    match [0, 1].map(|i| saved.wants(i)) {
        [true, true] => {
            let right = &g * &a;
            vec![Some(g * &b), Some(right)]
        }
        [true, false] => vec![Some(g * &b), None],
        [false, _] => vec![None, Some(g * &a)],
    }
}

fn choose_one<T: Float>(mask: &Tensor<bool>, otherwise: &Var<T>) -> Var<T> {
    crate::choose(mask, &Var::constant(Tensor::scalar(T::ONE)), otherwise)
}

/// The winner takes all of the cotangent; equals share it evenly.
fn shares<T: Float>(s: &Saved<Var<T>>, g: &Var<T>, wins: fn(T, T) -> bool) -> Cotangents<Var<T>> {
    let (a, b) = (s.input(0), s.input(1));
    let half = T::of(0.5);
    let left = a.value().zip(b.value(), move |a, b| {
        if wins(a, b) {
            T::ONE
        } else if wins(b, a) {
            T::ZERO
        } else {
            half
        }
    });
    let right = left.map(|share| T::ONE - share);
    vec![Some(g * Var::constant(left)), Some(g * Var::constant(right))]
}

impl<T: Float> Var<T> {
    /// `self` to the power `exponent`, element by element (PyTorch: `pow`). Shapes broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn pow(&self, exponent: &Self) -> Self {
        let (a, b) = (self.shape(), exponent.shape());
        assert!(
            a.broadcast(b).is_some(),
            "pow: shapes do not broadcast: {a} and {b} (each axis equal, or 1)"
        );
        apply(Power, &[self, exponent])
    }

    /// The larger of each pair; equals share the gradient evenly; NaN if either is NaN. Shapes broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn maximum(&self, other: &Self) -> Self {
        apply(Larger, &[self, other])
    }

    /// The smaller of each pair; equals share the gradient evenly; NaN if either is NaN. Shapes broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn minimum(&self, other: &Self) -> Self {
        apply(Smaller, &[self, other])
    }
}

macro_rules! operator {
    ($trait:ident $method:ident $Op:ident |$x:ident, $c:ident| $scalar:expr) => {
        impl<T: Float> $trait<&Var<T>> for &Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, other: &Var<T>) -> Var<T> {
                apply($Op, &[self, other])
            }
        }
        impl<T: Float> $trait<Var<T>> for &Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, other: Var<T>) -> Var<T> {
                apply($Op, &[self, &other])
            }
        }
        impl<T: Float> $trait<&Var<T>> for Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, other: &Var<T>) -> Var<T> {
                apply($Op, &[&self, other])
            }
        }
        impl<T: Float> $trait<Var<T>> for Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, other: Var<T>) -> Var<T> {
                apply($Op, &[&self, &other])
            }
        }
        impl<T: Float> $trait<f64> for &Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, $c: f64) -> Var<T> {
                let $x = self;
                $scalar
            }
        }
        impl<T: Float> $trait<f64> for Var<T> {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, $c: f64) -> Var<T> {
                let $x = &self;
                $scalar
            }
        }
    };
}
operator!(Add add Sum |x, c| x.add_scalar(c));
operator!(Sub sub Difference |x, c| x.add_scalar(-c));
operator!(Mul mul Product |x, c| x.mul_scalar(c));
operator!(Div div Quotient |x, c| x.mul_scalar(1.0 / c));

impl<T: Float> Neg for &Var<T> {
    type Output = Var<T>;
    #[track_caller]
    fn neg(self) -> Var<T> {
        Var::neg(self)
    }
}

impl<T: Float> Neg for Var<T> {
    type Output = Var<T>;
    #[track_caller]
    fn neg(self) -> Var<T> {
        Var::neg(&self)
    }
}

macro_rules! scalar_first {
    ($trait:ident $method:ident |$c:ident, $x:ident| $value:expr) => {
        #[allow(clippy::suspicious_arithmetic_impl)] // c / x is written x⁻¹·c, c − x is −x + c
        impl<T: Float> $trait<&Var<T>> for f64 {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, $x: &Var<T>) -> Var<T> {
                let $c = self;
                $value
            }
        }
        #[allow(clippy::suspicious_arithmetic_impl)] // as above
        impl<T: Float> $trait<Var<T>> for f64 {
            type Output = Var<T>;
            #[track_caller]
            fn $method(self, x: Var<T>) -> Var<T> {
                let ($c, $x) = (self, &x);
                $value
            }
        }
    };
}
scalar_first!(Add add |c, x| x + c);
scalar_first!(Sub sub |c, x| -x + c);
scalar_first!(Mul mul |c, x| x * c);
scalar_first!(Div div |c, x| x.reciprocal() * c);

/// The sum of some variables; 0 of none.
impl<T: Float> std::iter::Sum for Var<T> {
    fn sum<I: Iterator<Item = Var<T>>>(items: I) -> Var<T> {
        items.reduce(|a, b| a + b).unwrap_or_else(|| Var::constant(Tensor::scalar(<T as Element>::ZERO)))
    }
}
