//! Comparisons whose message shows the worst element, and the one home of tolerances.

use std::fmt;

use gradus_autodiff::Var;
use gradus_tensor::{DType, Element, Float, Tensor};

use crate::dense::Dense;

/// How far two numbers may lie apart: absolute + relative · |wanted|.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerance {
    /// The part that does not depend on the size.
    pub absolute: f64,
    /// The part that grows with the wanted number.
    pub relative: f64,
}

impl Tolerance {
    /// For results computed in `f32`: some dozens of roundings.
    pub const F32: Tolerance = Tolerance { absolute: 5e-6, relative: 5e-6 };
    /// For results computed in `f64`: some thousands of roundings.
    pub const F64: Tolerance = Tolerance { absolute: 1e-11, relative: 1e-11 };

    /// The one for an element type; integers and truth values must be equal.
    #[must_use]
    pub const fn of(dtype: DType) -> Self {
        match dtype {
            DType::F32 => Self::F32,
            DType::F64 => Self::F64,
            _ => Self { absolute: 0.0, relative: 0.0 },
        }
    }

    /// `factor` times as wide.
    #[must_use]
    pub fn times(self, factor: f64) -> Self {
        Self { absolute: self.absolute * factor, relative: self.relative * factor }
    }

    fn allows(self, want: f64) -> f64 {
        self.absolute + self.relative * want.abs()
    }
}

/// What can be compared.
pub trait ToDense {
    /// Shape and elements.
    fn to_dense(&self) -> Dense;
}

impl ToDense for Dense {
    fn to_dense(&self) -> Dense {
        self.clone()
    }
}

impl<T: Element> ToDense for Tensor<T> {
    fn to_dense(&self) -> Dense {
        Dense::of(self)
    }
}

impl<T: Float> ToDense for Var<T> {
    fn to_dense(&self) -> Dense {
        Dense::of(self.value())
    }
}

/// Why two arrays are not equal.
#[derive(Clone, Debug, PartialEq)]
pub enum Mismatch {
    /// The shapes differ.
    Shapes {
        /// What came out.
        got: Vec<usize>,
        /// What was wanted.
        want: Vec<usize>,
    },
    /// Elements differ; this is the worst.
    Elements {
        /// Where.
        index: Vec<usize>,
        /// What came out.
        got: f64,
        /// What was wanted.
        want: f64,
        /// How far they may lie apart.
        allowed: f64,
        /// How many elements differ by more than they may.
        wrong: usize,
        /// How many there are.
        total: usize,
    },
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mismatch::Shapes { got, want } => write!(f, "shapes differ: got {got:?}, want {want:?}"),
            Mismatch::Elements { index, got, want, allowed, wrong, total } => write!(
                f,
                "{wrong} of {total} elements differ, the worst at {index:?}: got {got:e}, want {want:e} \
                 (|difference| {:e} > {allowed:e})",
                (got - want).abs()
            ),
        }
    }
}

/// The worst element for which `excess` (how much further apart than allowed, infinite for a NaN) is above 0.
fn worst(got: &Dense, want: &Dense, judge: impl Fn(f64, f64) -> (f64, f64)) -> Result<(), Mismatch> {
    if got.shape() != want.shape() {
        return Err(Mismatch::Shapes { got: got.shape().to_vec(), want: want.shape().to_vec() });
    }
    let mut found: Option<(f64, usize, f64)> = None;
    let mut wrong = 0;
    for (flat, (&g, &w)) in got.data().iter().zip(want.data()).enumerate() {
        let (excess, allowed) = judge(g, w);
        if excess > 0.0 {
            wrong += 1;
            if found.is_none_or(|(most, ..)| excess > most) {
                found = Some((excess, flat, allowed));
            }
        }
    }
    let Some((_, flat, allowed)) = found else { return Ok(()) };
    let mut index = Vec::new();
    let mut rest = flat;
    for &length in got.shape().iter().rev() {
        index.insert(0, rest % length);
        rest /= length;
    }
    let (got, want, total) = (got.data()[flat], want.data()[flat], got.data().len());
    Err(Mismatch::Elements { index, got, want, allowed, wrong, total })
}

/// Whether shapes are equal and elements close; a NaN is close to a NaN, an infinity to itself.
///
/// # Errors
/// With the worst element.
pub fn compare(got: &impl ToDense, want: &impl ToDense, tolerance: Tolerance) -> Result<(), Mismatch> {
    worst(&got.to_dense(), &want.to_dense(), |got, want| {
        let allowed = tolerance.allows(want);
        let same = got == want || got.is_nan() && want.is_nan();
        let excess = (got - want).abs() - allowed;
        let excess = if same {
            0.0
        } else if excess.is_nan() || want.is_infinite() {
            f64::INFINITY
        } else {
            excess
        };
        (excess, allowed)
    })
}

/// Whether shapes and bits are equal (any NaN equals any other; −0 and 0 differ).
///
/// # Errors
/// With the worst element.
pub fn bits_equal<T: Element>(got: &Tensor<T>, want: &Tensor<T>) -> Result<(), Mismatch> {
    worst(&Dense::of(got), &Dense::of(want), |got, want| {
        let same = got.to_bits() == want.to_bits() || got.is_nan() && want.is_nan();
        let apart = (got - want).abs();
        (
            if same {
                0.0
            } else if apart > 0.0 {
                apart
            } else {
                f64::MIN_POSITIVE
            },
            0.0,
        )
    })
}

/// Fails the test unless [`compare`] agrees, with the tolerance of the element type.
///
/// # Panics
/// If shapes differ or an element is too far off; the message shows the worst one.
#[track_caller]
pub fn assert_close<T: Element>(got: &Tensor<T>, want: &impl ToDense) {
    if let Err(mismatch) = compare(got, want, Tolerance::of(T::DTYPE)) {
        panic!("{mismatch}");
    }
}

/// Fails the test unless [`bits_equal`] agrees.
///
/// # Panics
/// If shapes or bits differ; the message shows the worst element.
#[track_caller]
pub fn assert_bits_equal<T: Element>(got: &Tensor<T>, want: &Tensor<T>) {
    if let Err(mismatch) = bits_equal(got, want) {
        panic!("{mismatch}");
    }
}
