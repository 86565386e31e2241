//! Fourier transforms against the sums that define them.
#![cfg(feature = "fft")]

use std::f64::consts::TAU;

use gradus_tensor::{Isa, Rng, Tensor, with_isa, with_threads};

fn random(shape: &[usize]) -> Tensor<f64> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(4))
}

/// Σₙ xₙ·e^(∓2πi·kn/N) for rows of pairs.
fn naive(x: &Tensor<f64>, sign: f64) -> Tensor<f64> {
    let n = x.dim(-2);
    Tensor::from_fn(*x.shape(), |i| {
        let (lead, k, part) = (&i[..i.len() - 2], i[i.len() - 2], i[i.len() - 1]);
        (0..n)
            .map(|j| {
                let (s, c) = (sign * TAU * (k * j % n) as f64 / n as f64).sin_cos();
                let at = |part: usize| x.at(&[lead, &[j, part]].concat());
                if part == 0 { at(0) * c - at(1) * s } else { at(0) * s + at(1) * c }
            })
            .sum()
    })
}

const LENGTHS: &[usize] = &[1, 2, 3, 4, 5, 6, 7, 8, 12, 13, 16, 25, 31, 64, 97, 100];

#[test]
fn complex_transforms_are_the_sums() {
    for &n in LENGTHS {
        let x = random(&[2, n, 2]);
        x.fft().assert_close(&naive(&x, -1.0), 1e-11, 1e-11);
        (x.ifft() * n as f64).assert_close(&naive(&x, 1.0), 1e-11, 1e-11);
        x.fft().ifft().assert_close(&x, 1e-12, 1e-12);
        let turned = random(&[2, n, 3]).permute(&[2, 1, 0]);
        turned.fft().assert_close(&naive(&turned.contiguous(), -1.0), 1e-11, 1e-11);
        let single = x.cast::<f32>().fft().cast::<f64>();
        single.assert_close(&x.fft(), 1e-4, 1e-4);
    }
}

#[test]
fn real_transforms_are_half_of_the_complex_ones() {
    for &n in LENGTHS {
        let x = random(&[3, 2, n]);
        let complex = Tensor::stack(&[&x, &Tensor::zeros([3, 2, n])], -1);
        let y = x.rfft();
        y.assert_close(&naive(&complex, -1.0).narrow(-2, 0, n / 2 + 1), 1e-11, 1e-11);
        y.irfft(n).assert_close(&x, 1e-12, 1e-12);
        // What can't be of real numbers is not read.
        let mut spoilt = y.clone();
        let half = n / 2 + 1;
        spoilt.make_mut().iter_mut().skip(1).step_by(2 * half).for_each(|im| *im += 7.0);
        assert_eq!(spoilt.irfft(n), y.irfft(n));
    }
    assert_eq!(random(&[0, 4]).rfft().dims(), [0, 3, 2]);
}

#[test]
fn frequencies_are_numpy_s() {
    assert_eq!(Tensor::<f64>::fftfreq(5, 0.2).to_vec(), [0.0, 1.0, 2.0, -2.0, -1.0]);
    assert_eq!(Tensor::<f64>::fftfreq(1, 1.0).to_vec(), [0.0]);
    assert_eq!(Tensor::<f64>::rfftfreq(5, 0.2).to_vec(), [0.0, 1.0, 2.0]);
    assert!(Tensor::<f64>::fftfreq(0, 1.0).is_empty());
}

#[test]
fn threads_change_no_bit_and_instruction_sets_agree() {
    let x = random(&[300, 128]).cast::<f32>();
    let all = || [x.rfft().to_vec(), x.rfft().irfft(128).to_vec(), x.reshape([150, 128, 2]).fft().to_vec()];
    let want = with_threads(1, all);
    for threads in [2, 3, 5] {
        assert!(with_threads(threads, all) == want);
    }
    for isa in Isa::available() {
        let got = with_isa(isa, || x.reshape([150, 128, 2]).fft());
        got.assert_close(&x.reshape([150, 128, 2]).fft(), 1e-4, 1e-4);
    }
}

#[test]
#[should_panic(expected = "fft: no complex signal: [4] ([…, N, 2])")]
fn pairs_are_needed() {
    let _ = random(&[4]).fft();
}

#[test]
#[should_panic(expected = "rfft: an empty signal: [3, 0]")]
fn signals_are_not_empty() {
    let _ = random(&[3, 0]).rfft();
}

#[test]
#[should_panic(expected = "irfft: not the spectrum of 7 numbers: [3, 2] (3 ≠ 4)")]
fn spectra_have_their_length() {
    let _ = random(&[3, 2]).irfft(7);
}
