//! The element types a tensor may hold. The traits are sealed: every kernel is compiled for exactly these types,
//! and a new one is a decision about all kernels, not an `impl` in somebody's program.

use std::fmt::{Debug, Display};

#[doc(hidden)]
mod sealed {
    pub trait Sealed {}
}

/// The name of an element type, as data (PyTorch: `dtype`).
///
/// ```
/// use gradus_tensor::{DType, Tensor};
/// assert_eq!(DType::I64.size() * Tensor::<i64>::zeros([2, 3]).len(), 48); // bytes
/// assert_eq!(DType::F32.to_string(), "f32");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DType {
    /// 32-bit IEEE float.
    F32,
    /// 64-bit IEEE float.
    F64,
    /// 32-bit signed integer.
    I32,
    /// 64-bit signed integer.
    I64,
    /// 8-bit unsigned integer.
    U8,
    /// Truth value.
    Bool,
}

impl DType {
    /// Bytes per element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            DType::F64 | DType::I64 => 8,
            DType::F32 | DType::I32 => 4,
            DType::U8 | DType::Bool => 1,
        }
    }
}

impl Display for DType {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            DType::F32 => "f32",
            DType::F64 => "f64",
            DType::I32 => "i32",
            DType::I64 => "i64",
            DType::U8 => "u8",
            DType::Bool => "bool",
        })
    }
}

/// What a tensor may hold: `f32`, `f64`, `i32`, `i64`, `u8` or `bool`.
///
/// ```
/// use gradus_tensor::{DType, Element};
/// fn bytes<T: Element>(count: usize) -> usize { count * T::DTYPE.size() }
/// assert_eq!(bytes::<f64>(3), 24);
/// assert_eq!((i32::of_f64(-2.7), u8::of_f64(300.0), bool::of_f64(0.5)), (-2, 255, true));
/// assert_eq!((3_i32.as_i64(), 3.0_f32.as_i64()), (Some(3), None));
/// ```
pub trait Element:
    sealed::Sealed + Copy + Default + Debug + Display + PartialEq + PartialOrd + Send + Sync + 'static
{
    /// The type's name as data.
    const DTYPE: DType;
    /// Nought (`false`).
    const ZERO: Self;
    /// One (`true`).
    const ONE: Self;

    /// The value as `f64`; exact for all but large `i64`.
    fn as_f64(self) -> f64;
    /// The nearest value of this type; floats are truncated towards zero and saturate for integers, any non-zero is `true`.
    fn of_f64(value: f64) -> Self;
    /// The exact value of an integer or truth value, `None` for floats.
    fn as_i64(self) -> Option<i64>;
    /// The nearest value of this type; integers wrap, any non-zero is `true`.
    fn of_i64(value: i64) -> Self;
}

/// Elements with arithmetic: every element but `bool`. Integers wrap on overflow, as PyTorch's do.
///
/// ```
/// use gradus_tensor::Number;
/// fn dot<T: Number>(a: &[T], b: &[T]) -> T {
///     a.iter().zip(b).fold(T::ZERO, |sum, (&a, &b)| sum.plus(a.times(b)))
/// }
/// assert_eq!(dot(&[1.5_f32, 2.0], &[2.0, 1.0]), 5.0);
/// assert_eq!(dot(&[200_u8, 100], &[1, 1]), 44); // 300 − 256
/// ```
pub trait Number: Element + crate::kernels::NumberKernels {
    /// `self + other`.
    #[must_use]
    fn plus(self, other: Self) -> Self;
    /// `self − other`.
    #[must_use]
    fn minus(self, other: Self) -> Self;
    /// `self × other`.
    #[must_use]
    fn times(self, other: Self) -> Self;
    /// `self ÷ other`; an integer division by zero panics.
    #[must_use]
    fn over(self, other: Self) -> Self;
    /// The smallest value (−∞ for floats).
    const LOWEST: Self;
    /// The largest value (∞ for floats).
    const HIGHEST: Self;
}

/// Real numbers: `f32` and `f64`.
///
/// ```
/// use gradus_tensor::{Float, Tensor};
/// fn halved<T: Float>(x: &Tensor<T>) -> Tensor<T> { x * T::of(0.5) }
/// assert_eq!(halved(&Tensor::from([3.0_f32])).item(), 1.5);
/// assert_eq!(halved(&Tensor::from([3.0_f64])).item(), 1.5);
/// ```
pub trait Float: Number + num_traits::Float + crate::math::Math + crate::kernels::Kernels {
    /// The machine epsilon as `f64`.
    const EPS: f64;
    /// The nearest value of this type to a constant.
    #[must_use]
    fn of(value: f64) -> Self;
}

macro_rules! element {
    ($t:ty, $dtype:ident, $zero:expr, $one:expr, $as:expr, $of:expr, $as_int:expr, $of_int:expr) => {
        impl sealed::Sealed for $t {}
        impl Element for $t {
            const DTYPE: DType = DType::$dtype;
            const ZERO: Self = $zero;
            const ONE: Self = $one;
            #[inline(always)]
            fn as_f64(self) -> f64 {
                let convert: fn($t) -> f64 = $as;
                convert(self)
            }
            #[inline(always)]
            fn of_f64(value: f64) -> Self {
                let convert: fn(f64) -> $t = $of;
                convert(value)
            }
            #[inline(always)]
            fn as_i64(self) -> Option<i64> {
                let convert: fn($t) -> Option<i64> = $as_int;
                convert(self)
            }
            #[inline(always)]
            fn of_i64(value: i64) -> Self {
                let convert: fn(i64) -> $t = $of_int;
                convert(value)
            }
        }
    };
}
element!(f32, F32, 0.0, 1.0, |x| f64::from(x), |x| x as f32, |_| None, |x| x as f32);
element!(f64, F64, 0.0, 1.0, |x| x, |x| x, |_| None, |x| x as f64);
element!(i32, I32, 0, 1, |x| f64::from(x), |x| x as i32, |x| Some(i64::from(x)), |x| x as i32);
element!(i64, I64, 0, 1, |x| x as f64, |x| x as i64, Some, |x| x);
element!(u8, U8, 0, 1, |x| f64::from(x), |x| x as u8, |x| Some(i64::from(x)), |x| x as u8);
element!(bool, Bool, false, true, |x| if x { 1.0 } else { 0.0 }, |x| x != 0.0, |x| Some(i64::from(x)), |x| x
    != 0);

macro_rules! number {
    ($t:ty, float) => {
        number!($t, |a, b| a + b, |a, b| a - b, |a, b| a * b, <$t>::NEG_INFINITY, <$t>::INFINITY);
    };
    ($t:ty, integer) => {
        number!(
            $t,
            |a, b| a.wrapping_add(b),
            |a, b| a.wrapping_sub(b),
            |a, b| a.wrapping_mul(b),
            <$t>::MIN,
            <$t>::MAX
        );
    };
    ($t:ty, $add:expr, $sub:expr, $mul:expr, $low:expr, $high:expr) => {
        impl Number for $t {
            const LOWEST: Self = $low;
            const HIGHEST: Self = $high;
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                let f: fn($t, $t) -> $t = $add;
                f(self, other)
            }
            #[inline(always)]
            fn minus(self, other: Self) -> Self {
                let f: fn($t, $t) -> $t = $sub;
                f(self, other)
            }
            #[inline(always)]
            fn times(self, other: Self) -> Self {
                let f: fn($t, $t) -> $t = $mul;
                f(self, other)
            }
            #[inline(always)]
            fn over(self, other: Self) -> Self {
                self / other
            }
        }
    };
}
number!(f32, float);
number!(f64, float);
number!(i32, integer);
number!(i64, integer);
number!(u8, integer);

macro_rules! float {
    ($t:ty) => {
        impl Float for $t {
            const EPS: f64 = <$t>::EPSILON as f64;
            #[inline(always)]
            fn of(value: f64) -> Self {
                value as $t
            }
        }
    };
}
float!(f32);
float!(f64);
