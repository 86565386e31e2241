//! The matrix products in `gemm`, with AVX-512 and rayon.
//!
//! It exists to be compared with. It must never know how another library does them.

use gemm::{Parallelism, gemm};
use peer_common::{Failure, Job, PRODUCTS, Peer, Product};

fn multiply(product: &mut Product) {
    let ([m, k, n], [a_row, a_column], [b_row, b_column]) =
        (product.sizes, product.a_strides.map(|s| s as isize), product.b_strides.map(|s| s as isize));
    let (a, b, c) = product.operands();
    let c_row = n as isize;
    // SAFETY: the operands hold every element that sizes and strides name, and C overlaps neither A nor B.
    unsafe {
        gemm(
            m,
            n,
            k,
            c.as_mut_ptr(),
            1,
            c_row,
            false,
            a.as_ptr(),
            a_column,
            a_row,
            b.as_ptr(),
            b_column,
            b_row,
            0.0,
            1.0,
            false,
            false,
            false,
            Parallelism::Rayon(0),
        );
    }
}

fn make(name: &str) -> Result<Job, Failure> {
    let mut product = Product::named(name).ok_or("unknown workload")?;
    multiply(&mut product);
    product.check();
    Ok(Job::new("", move || multiply(&mut product)))
}

fn main() -> Result<(), Failure> {
    let names = PRODUCTS.iter().map(|product| product.0).collect();
    peer_common::main(&Peer { version: "gemm 0.19", names, make, first_loss: None })
}
