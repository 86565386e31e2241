//! Decompositions recorded from PyTorch (LAPACK) in f64, by `crates/suite/golden/make_linalg.py`.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_tensor::{Tensor, Triangle};

const RECORDED: &str = include_str!("golden/linalg.csv");

fn matrix(m: usize, n: usize, phase: f64) -> Tensor<f64> {
    let value = |i: f64, j: f64| (1.0 + 3.0 * i + 7.0 * j + 0.37 * i * j + phase).sin();
    Tensor::from_fn([m, n], |i| value(i[0] as f64, i[1] as f64))
}

fn results(m: usize, n: usize) -> Vec<(&'static str, Tensor<f64>)> {
    let (a, b) = (matrix(m, n, 0.0), matrix(m, 2, 0.5));
    let (qr, lu) = (a.qr().unwrap(), a.lu().unwrap());
    let mut out = vec![
        ("q", qr.q),
        ("r", qr.r),
        ("svdvals", a.svdvals().unwrap()),
        ("pinv", a.pinv().unwrap()),
        ("rank", a.matrix_rank().unwrap().cast()),
        ("lstsq", a.lstsq(&b).unwrap()),
        ("l", lu.l()),
        ("u", lu.u()),
    ];
    if m == n {
        let (symmetric, definite) = (&a + &a.t(), a.matmul(&a.t()) + &Tensor::eye(n));
        let slogdet = (&definite * -1.0).slogdet();
        out.extend([
            ("eigvalsh", symmetric.eigvalsh().unwrap()),
            ("cholesky", definite.cholesky().unwrap()),
            ("solve", definite.solve(&b).unwrap()),
            ("inverse", definite.inverse().unwrap()),
            ("det", definite.det()),
            ("slogdet", Tensor::stack(&[&slogdet.sign, &slogdet.log_abs], 0)),
            ("power", a.matrix_power(5).unwrap()),
            ("exp", a.matrix_exp().unwrap()),
            ("triangular", definite.solve_triangular(&b, Triangle::upper()).unwrap()),
        ]);
    }
    out
}

#[test]
fn as_lapack() {
    let mut count = 0;
    for (m, n) in [(1, 1), (2, 2), (4, 4), (9, 9), (5, 3), (3, 5), (12, 7), (7, 12)] {
        for (what, got) in results(m, n) {
            let prefix = format!("{what},{m},{n},");
            let line = RECORDED.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap();
            let want: Vec<f64> = line.split(',').map(|number| number.parse().unwrap()).collect();
            let size = want.iter().fold(1.0, |size: f64, x| size.max(x.abs()));
            assert_eq!(got.len(), want.len(), "{prefix}");
            for (i, (got, want)) in got.to_vec().iter().zip(want).enumerate() {
                assert!((got - want).abs() <= 1e-12 * size, "{prefix} at {i}: {got} {want}");
            }
            count += 1;
        }
    }
    assert_eq!(count, RECORDED.lines().count() - 1);
}
