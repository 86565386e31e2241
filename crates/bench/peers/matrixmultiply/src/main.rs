//! The matrix products in `matrixmultiply`, with AVX-512 and its own threads.
//!
//! It exists to be compared with. It must never know how another library does them.

use matrixmultiply::sgemm;
use peer_common::{Failure, Job, PRODUCTS, Peer, Product};

fn multiply(product: &mut Product) {
    let ([m, k, n], [a_row, a_column], [b_row, b_column]) =
        (product.sizes, product.a_strides.map(|s| s as isize), product.b_strides.map(|s| s as isize));
    let (a, b, c) = product.operands();
    let (a, b, c, c_row) = (a.as_ptr(), b.as_ptr(), c.as_mut_ptr(), n as isize);
    // SAFETY: the operands hold every element that sizes and strides name, and C overlaps neither A nor B.
    unsafe { sgemm(m, k, n, 1.0, a, a_row, a_column, b, b_row, b_column, 0.0, c, c_row, 1) }
}

fn make(name: &str) -> Result<Job, Failure> {
    let mut product = Product::named(name).ok_or("unknown workload")?;
    multiply(&mut product);
    product.check();
    Ok(Job::new("", move || multiply(&mut product)))
}

fn main() -> Result<(), Failure> {
    let names = PRODUCTS.iter().map(|product| product.0).collect();
    peer_common::main(&Peer { version: "matrixmultiply 0.3.11", names, make, first_loss: None })
}
