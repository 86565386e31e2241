//! Gradients of Fourier transforms against finite differences.
#![cfg(feature = "fft")]
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::check_grads;
use gradus_tensor::{Rng, Tensor};

#[test]
fn transforms_have_gradients_of_any_order() {
    for n in [1, 2, 5, 8] {
        let draw = |shape: &[usize]| [Tensor::<f64>::normal(shape, 0.0, 1.0, &mut Rng::seed(n as u64))];
        check_grads(|x| x[0].fft().square(), &draw(&[2, n, 2]), 2).unwrap();
        check_grads(|x| x[0].ifft().square(), &draw(&[2, n, 2]), 2).unwrap();
        check_grads(|x| x[0].rfft().square(), &draw(&[3, n]), 2).unwrap();
        check_grads(|x| x[0].irfft(n).square(), &draw(&[3, n / 2 + 1, 2]), 2).unwrap();
    }
}
