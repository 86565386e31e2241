//! What flows along the edges of a graph: arrays with their ONNX element type, sequences, optionals. It must never know
//! an operator or a file.

use gradus_tensor::{AnyTensor, Element, Shape, Tensor};

use super::kind::Kind;

/// Why a case goes no further.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stop {
    /// Something that is not mapped to Gradus, and what.
    Unmapped(String),
    /// A wrong answer.
    Failed(String),
}

/// An answer, or why there is none.
pub(crate) type Result<T> = std::result::Result<T, Stop>;

/// The case needs what is not mapped.
pub(crate) fn unmapped<T>(what: impl Into<String>) -> Result<T> {
    Err(Stop::Unmapped(what.into()))
}

/// The case is wrong in itself, or we are.
pub(crate) fn failed<T>(what: impl Into<String>) -> Result<T> {
    Err(Stop::Failed(what.into()))
}

/// A tensor and the element type that ONNX sees in it.
#[derive(Clone)]
pub(crate) struct Array {
    pub(crate) kind: Kind,
    pub(crate) data: AnyTensor,
}

impl Array {
    /// A tensor of a type of ours.
    pub(crate) fn new<T: Element>(x: &Tensor<T>) -> Self {
        Self { kind: Kind::natural(T::DTYPE), data: AnyTensor::new(x) }
    }

    /// Values as an array of `kind`: carried by its carrier and brought into its range.
    pub(crate) fn of(kind: Kind, data: &AnyTensor) -> Self {
        Self { kind, data: kind.narrow(kind.carried(data)) }
    }

    /// `x` as an array of this one's kind.
    pub(crate) fn with<T: Element>(&self, x: &Tensor<T>) -> Self {
        Self::of(self.kind, &AnyTensor::new(x))
    }

    pub(crate) fn shape(&self) -> &Shape {
        self.data.shape()
    }

    pub(crate) fn rank(&self) -> usize {
        self.shape().len()
    }

    pub(crate) fn len(&self) -> usize {
        self.data.len()
    }

    /// The elements as tensor of `T`.
    pub(crate) fn cast<T: Element>(&self) -> Tensor<T> {
        self.data.cast()
    }

    /// The elements as whole numbers.
    pub(crate) fn ints(&self) -> Vec<i64> {
        self.cast::<i64>().to_vec()
    }

    /// The axis a number means, from 0; −1 is the last.
    pub(crate) fn axis(&self, axis: i64) -> Result<usize> {
        let rank = self.rank() as i64;
        let at = if axis < 0 { axis + rank } else { axis };
        if (0..rank.max(1)).contains(&at) {
            Ok(at as usize)
        } else {
            failed(format!("axis {axis} of rank {rank}"))
        }
    }
}

/// What an edge carries.
#[derive(Clone)]
pub(crate) enum Value {
    Array(Array),
    Sequence(Vec<Array>),
    /// What may be absent.
    Optional(Option<Box<Value>>),
}

impl From<Array> for Value {
    fn from(array: Array) -> Self {
        Self::Array(array)
    }
}

impl<T: Element> From<Tensor<T>> for Array {
    fn from(x: Tensor<T>) -> Self {
        Self::new(&x)
    }
}

/// Runs a body for the tensor behind an array, of whichever element type.
macro_rules! on_any {
    ($array:expr, |$x:ident| $body:expr) => {
        match &$array.data {
            gradus_tensor::AnyTensor::F32($x) => $body,
            gradus_tensor::AnyTensor::F64($x) => $body,
            gradus_tensor::AnyTensor::I32($x) => $body,
            gradus_tensor::AnyTensor::I64($x) => $body,
            gradus_tensor::AnyTensor::U8($x) => $body,
            gradus_tensor::AnyTensor::Bool($x) => $body,
        }
    };
}

/// As `on_any`, for numbers; truth values are not mapped.
macro_rules! on_numbers {
    ($array:expr, |$x:ident| $body:expr) => {
        match &$array.data {
            gradus_tensor::AnyTensor::F32($x) => $body,
            gradus_tensor::AnyTensor::F64($x) => $body,
            gradus_tensor::AnyTensor::I32($x) => $body,
            gradus_tensor::AnyTensor::I64($x) => $body,
            gradus_tensor::AnyTensor::U8($x) => $body,
            gradus_tensor::AnyTensor::Bool(_) => return $crate::value::unmapped("arithmetic of truth values"),
        }
    };
}

/// As `on_any`, for real numbers; other types are not mapped.
macro_rules! on_floats {
    ($array:expr, |$x:ident| $body:expr) => {
        match &$array.data {
            gradus_tensor::AnyTensor::F32($x) => $body,
            gradus_tensor::AnyTensor::F64($x) => $body,
            _ => return $crate::value::unmapped("real functions of integers"),
        }
    };
}

/// As `on_any`, for whole numbers; other types are not mapped.
macro_rules! on_integers {
    ($array:expr, |$x:ident| $body:expr) => {
        match &$array.data {
            gradus_tensor::AnyTensor::I32($x) => $body,
            gradus_tensor::AnyTensor::I64($x) => $body,
            gradus_tensor::AnyTensor::U8($x) => $body,
            _ => return $crate::value::unmapped("bits of floats"),
        }
    };
}

pub(crate) use {on_any, on_floats, on_integers, on_numbers};
