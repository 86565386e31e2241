//! What can be wrong with the numbers of a matrix. Wrong shapes panic; wrong values answer one of these.

use std::fmt;

use crate::shape::Shape;

/// A matrix whose values do not allow what was asked.
///
/// ```
/// use gradus_tensor::{LinalgError, Tensor};
/// let error = Tensor::from([[1.0_f64, 2.0], [2.0, 4.0]]).inverse().err();
/// assert!(matches!(error, Some(LinalgError::Singular { pivot: 1, .. })));
/// ```
#[non_exhaustive]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinalgError {
    /// An element is NaN or infinite.
    NotFinite {
        /// What was asked.
        op: &'static str,
        /// The matrix' place in the leading axes; empty if there are none.
        item: Vec<usize>,
        /// The element's row.
        row: usize,
        /// The element's column.
        column: usize,
    },
    /// A pivot is 0: rows depend on each other.
    Singular {
        /// What was asked.
        op: &'static str,
        /// The matrix' place in the leading axes; empty if there are none.
        item: Vec<usize>,
        /// The first pivot that is 0, counted from 0.
        pivot: usize,
    },
    /// A pivot of the Cholesky factorisation is not positive.
    NotPositiveDefinite {
        /// What was asked.
        op: &'static str,
        /// The matrix' place in the leading axes; empty if there are none.
        item: Vec<usize>,
        /// The first pivot that is not positive, counted from 0.
        pivot: usize,
    },
    /// The iteration did not come to its end.
    NotConverged {
        /// What was asked.
        op: &'static str,
        /// The matrix' place in the leading axes; empty if there are none.
        item: Vec<usize>,
    },
}

/// The same without the place: what one matrix answers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fault {
    NotFinite(usize, usize),
    Singular(usize),
    NotPositiveDefinite(usize),
    NotConverged,
}

impl LinalgError {
    /// The fault of matrix number `index` of the leading axes.
    pub(super) fn new(op: &'static str, fault: Fault, lead: &Shape, index: usize) -> Self {
        let mut rest = index;
        let mut item: Vec<usize> = lead.iter().rev().map(|&d| (rest % d, rest /= d).0).collect();
        item.reverse();
        match fault {
            Fault::NotFinite(row, column) => Self::NotFinite { op, item, row, column },
            Fault::Singular(pivot) => Self::Singular { op, item, pivot },
            Fault::NotPositiveDefinite(pivot) => Self::NotPositiveDefinite { op, item, pivot },
            Fault::NotConverged => Self::NotConverged { op, item },
        }
    }
}

impl fmt::Display for LinalgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Self::NotFinite { op, item, .. }
        | Self::Singular { op, item, .. }
        | Self::NotPositiveDefinite { op, item, .. }
        | Self::NotConverged { op, item }) = self;
        write!(f, "{op}: the matrix ")?;
        if !item.is_empty() {
            write!(f, "at {item:?} ")?;
        }
        match self {
            Self::NotFinite { row, column, .. } => {
                write!(f, "holds NaN or an infinity in row {row}, column {column}")
            }
            Self::Singular { pivot, .. } => write!(f, "is singular: pivot {pivot} is 0"),
            Self::NotPositiveDefinite { pivot, .. } => {
                write!(f, "is not positive definite: pivot {pivot} is not positive")
            }
            Self::NotConverged { .. } => f.write_str("needs more iterations than are allowed"),
        }
    }
}

impl std::error::Error for LinalgError {}
