//! The matrix products in faer, with AVX-512 and rayon.
//!
//! It exists to be compared with. It must never know how another library does them.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use peer_common::{Failure, Job, PRODUCTS, Peer, Product};

/// A row-major matrix, or the transpose of one.
fn matrix(numbers: &[f32], rows: usize, columns: usize, strides: [usize; 2]) -> MatRef<'_, f32> {
    if strides[1] == 1 {
        MatRef::from_row_major_slice(numbers, rows, columns)
    } else {
        MatRef::from_column_major_slice(numbers, rows, columns)
    }
}

fn multiply(product: &mut Product) {
    let ([m, k, n], a_strides, b_strides) = (product.sizes, product.a_strides, product.b_strides);
    let (a, b, c) = product.operands();
    let (a, b) = (matrix(a, m, k, a_strides), matrix(b, k, n, b_strides));
    matmul(MatMut::from_row_major_slice_mut(c, m, n), Accum::Replace, a, b, 1.0, Par::rayon(0));
}

fn make(name: &str) -> Result<Job, Failure> {
    let mut product = Product::named(name).ok_or("unknown workload")?;
    multiply(&mut product);
    product.check();
    Ok(Job::new("", move || multiply(&mut product)))
}

fn main() -> Result<(), Failure> {
    let names = PRODUCTS.iter().map(|product| product.0).collect();
    peer_common::main(&Peer { version: "faer 0.24.4", names, make, first_loss: None })
}
