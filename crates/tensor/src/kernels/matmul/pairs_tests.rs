//! Products by pairs of bf16 against a naive product in f64 of operands that are rounded by another formula.

use super::pairs::{self, gemm, round_double, round_single};
use super::{Gemm, MatRef};
use crate::with_threads;

/// x to the nearest of the numbers with 8 bits of fraction, ties to even, by arithmetic on numbers.
fn nearest(x: f64) -> f64 {
    if x == 0.0 || !x.is_finite() {
        return x;
    }
    let step = 2_f64.powi(x.abs().log2().floor() as i32 - 7);
    (x / step).round_ties_even() * step
}

fn number(i: usize) -> f32 {
    (((i * 7919 + 13) % 2003) as f32 / 1001.0 - 1.0) * 1.001
}

/// Data and strides of a matrix in one of four layouts, in a buffer with NaN between.
fn matrix([rows, columns]: [usize; 2], layout: usize, seed: usize) -> (Vec<f32>, usize, [isize; 2]) {
    let (r, c) = (rows as isize, columns as isize);
    let (offset, strides) = match layout {
        0 => (0, [c, 1]),
        1 => (0, [1, r]),
        2 => ((rows.max(1) - 1) * (columns + 3), [-(c + 3), 1]),
        _ => (1, [2 * c + 1, 2]),
    };
    let mut data = vec![f32::NAN; (rows + 1) * (2 * columns + 4) + 8];
    for i in 0..rows {
        for j in 0..columns {
            let at = offset as isize + i as isize * strides[0] + j as isize * strides[1];
            data[at as usize] = number(seed + i * columns + j);
        }
    }
    (data, offset, strides)
}

fn view<'a>((data, offset, strides): &'a (Vec<f32>, usize, [isize; 2])) -> MatRef<'a, f32> {
    MatRef { data, offset: *offset, row_stride: strides[0], column_stride: strides[1] }
}

fn check([m, n, k]: [usize; 3], layouts: [usize; 2], with_bias: bool) {
    let (a, b) = (matrix([m, k], layouts[0], 5), matrix([k, n], layouts[1], 77));
    let bias: Vec<f32> = (0..n).map(|j| number(j + 3)).collect();
    let at = |x: &(Vec<f32>, usize, [isize; 2]), i: usize, j: usize| {
        let place = x.1 as isize + i as isize * x.2[0] + j as isize * x.2[1];
        nearest(f64::from(x.0[place as usize]))
    };
    let run = || {
        let mut c = vec![f32::NAN; m * n];
        let bias = with_bias.then_some(&bias[..]);
        gemm(Gemm { m, n, k, a: view(&a), b: view(&b), c: &mut c, c_stride: n, accumulate: false, bias });
        c
    };
    let c = run();
    for i in 0..m {
        for j in 0..n {
            let terms = (0..k).map(|p| at(&a, i, p) * at(&b, p, j));
            let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()));
            let want = sum + if with_bias { f64::from(bias[j]) } else { 0.0 };
            let got = f64::from(c[i * n + j]);
            let tolerance = f64::from(f32::EPSILON) * (k as f64 + 4.0) * (size + 1.0);
            assert!(
                (got - want).abs() <= tolerance,
                "[{m}, {k}] · [{k}, {n}] {layouts:?} at ({i}, {j}): {got}, not {want}"
            );
        }
    }
    for threads in [1, 3] {
        let again = with_threads(threads, run);
        assert!(again.iter().zip(&c).all(|(x, y)| x.to_bits() == y.to_bits()), "{threads} threads");
    }
}

#[test]
fn pairs_are_products_of_rounded_operands() {
    if !pairs::available() {
        return;
    }
    for (x, m) in [1, 7, 33, 130].into_iter().enumerate() {
        for (y, n) in [5, 64, 70].into_iter().enumerate() {
            for (z, k) in [0, 1, 3, 64, 129].into_iter().enumerate() {
                check([m, n, k], [(x + y) % 4, (y + z) % 4], (x + z) % 2 == 0);
            }
        }
    }
    check([130, 150, 1500], [0, 1], true);
    check([3, 3, 20_000], [0, 0], false);
}

#[test]
fn rounding_is_to_the_nearest_ties_to_even() {
    let mut values: Vec<f32> = (0..4000).map(|i| number(i) * 10_f32.powi(i as i32 % 60 - 30)).collect();
    values.extend([0.0, -0.0, 1.0 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, f32::INFINITY, -f32::INFINITY, f32::MAX]);
    let (mut single, mut double) = (values.clone(), values.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    round_single(&mut single);
    round_double(&mut double);
    for ((x, single), double) in values.iter().zip(&single).zip(&double) {
        let want = if *x == f32::MAX { f64::INFINITY } else { nearest(f64::from(*x)) };
        assert_eq!((f64::from(*single), *double), (want, want), "{x}");
        assert_eq!(single.is_sign_negative(), x.is_sign_negative());
    }
    let mut nan = [f32::NAN, -f32::NAN, f32::from_bits(0x7f80_0001)];
    round_single(&mut nan);
    assert!(nan.iter().all(|x| x.is_nan()));
}
