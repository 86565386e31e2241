//! Decompositions of matrices and what follows from them: triangular solves, Cholesky, LU, QR, symmetric eigenvalues,
//! singular values; solving, inverses, determinants, least squares, powers.
//!
//! Each works on the last two axes and repeats over the leading ones. They are generic and instantiated where they are
//! used, so that a program without them does not pay for their compilation; where a matrix is large, their time goes into
//! the products of this crate. They must never know gradients.

mod block;
mod cholesky;
mod eigh;
mod error;
mod exponential;
mod inverse;
mod least_squares;
mod lu;
mod power;
mod qr;
mod reflect;
mod svd;
mod triangular;

pub use eigh::Eigh;
pub use error::LinalgError;
pub use inverse::LogDet;
pub use lu::Lu;
pub use qr::Qr;
pub use svd::Svd;
pub use triangular::Triangle;

use crate::element::Float;
use crate::parallel::{self, Cost};
use crate::shape::Shape;
use crate::tensor::Tensor;
use error::Fault;

/// The leading axes and the two lengths of a batch of matrices.
#[track_caller]
fn matrices<T: Float>(op: &str, x: &Tensor<T>) -> (Shape, usize, usize) {
    let shape = x.shape();
    assert!(shape.len() >= 2, "{op}: not a matrix: {shape} ([…, M, N])");
    let lead = shape.len() - 2;
    (Shape::new(&shape[..lead]), shape[lead], shape[lead + 1])
}

/// The leading axes and the length of a batch of square matrices.
#[track_caller]
fn squares<T: Float>(op: &str, x: &Tensor<T>) -> (Shape, usize) {
    let (lead, m, n) = matrices(op, x);
    assert!(m == n, "{op}: not square: {} ({m} ≠ {n})", x.shape());
    (lead, n)
}

/// `f` of each matrix (row-major), in parallel where there are several; the first fault in their order is the answer.
fn each<T: Float, R: Send>(
    op: &'static str,
    x: &Tensor<T>,
    flops: usize,
    f: impl Fn(&[T]) -> Result<R, Fault> + Sync + Send,
) -> Result<Vec<R>, LinalgError> {
    let (lead, m, n) = matrices(op, x);
    let (count, size) = (lead.count(), m * n);
    let dense = x.contiguous();
    let data = dense.as_slice().unwrap_or(&[]);
    let cost = Cost::flops(count.saturating_mul(flops));
    let results = parallel::map(count, cost, |i| f(&data[i * size..][..size]));
    let mut out = Vec::with_capacity(count);
    for (i, result) in results.into_iter().enumerate() {
        out.push(result.map_err(|fault| LinalgError::new(op, fault, &lead, i))?);
    }
    Ok(out)
}

/// A tensor `[…, dims]` from one part per combination of leading axes.
fn join<'a, T: Float>(lead: &Shape, dims: &[usize], parts: impl Iterator<Item = &'a [T]>) -> Tensor<T> {
    let mut shape = lead.to_vec();
    shape.extend(dims);
    Tensor::build(Shape::new(&shape), |mut out| {
        for part in parts {
            let (to, rest) = out.split_at_mut(part.len());
            to.copy_from_slice(part);
            out = rest;
        }
    })
}

/// Whether all elements of a matrix of `columns` columns are finite; if not, where the first other one stands.
fn finite<T: Float>(a: &[T], columns: usize) -> Result<(), Fault> {
    match a.iter().position(|x| !x.is_finite()) {
        Some(at) => Err(Fault::NotFinite(at / columns, at % columns)),
        None => Ok(()),
    }
}

/// A shape with two more axes.
fn with_axes(lead: &Shape, m: usize, n: usize) -> Shape {
    let mut dims = lead.to_vec();
    dims.extend([m, n]);
    Shape::new(&dims)
}
