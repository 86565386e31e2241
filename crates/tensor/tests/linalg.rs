//! Decompositions by what they promise: small residuals, orthogonality, order, known spectra; on matrices that are hard.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_tensor::{Float, Rng, Shape, Tensor, with_threads};

/// Around the edges of blocks and lanes.
const SIZES: &[usize] = &[0, 1, 2, 3, 5, 16, 17, 48, 49, 100];
const SHAPES: &[(usize, usize)] =
    &[(0, 3), (3, 0), (1, 4), (4, 1), (7, 3), (3, 7), (60, 13), (13, 60), (130, 51), (51, 130), (100, 49)];

fn random<T: Float>(shape: impl Into<Shape>, seed: u64) -> Tensor<T> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(seed))
}

fn largest<T: Float>(x: &Tensor<T>) -> f64 {
    if x.is_empty() { 0.0 } else { x.abs().max_axes(&[], false).item().as_f64() }
}

/// ‖got − want‖ ≤ `factor`·ε·(1 + ‖want‖).
#[track_caller]
fn near<T: Float>(got: &Tensor<T>, want: &Tensor<T>, factor: f64, what: &str) {
    assert_eq!(got.shape(), want.shape(), "{what}");
    let (off, bound) = (largest(&(got - want)), factor * T::EPS * (1.0 + largest(want)));
    assert!(off <= bound, "{what}: off by {off:e} (at most {bound:e})");
}

/// Columns of unit length, orthogonal to each other.
#[track_caller]
fn orthonormal<T: Float>(q: &Tensor<T>, what: &str) {
    let n = q.dim(-1);
    near(&q.t().matmul(q), &Tensor::eye(n), 10.0 * (q.dim(-2).max(4)) as f64, what);
}

/// Square matrices of all kinds, the first of them regular.
fn kinds<T: Float>(n: usize) -> Vec<(&'static str, Tensor<T>)> {
    let by = |f: &dyn Fn(f64, f64) -> f64| Tensor::from_fn([n, n], |i| T::of(f(i[0] as f64, i[1] as f64)));
    let (a, b): (Tensor<T>, Tensor<T>) = (random([n, n], 5), random([n, n.div_ceil(2)], 6));
    let vector: Tensor<T> = random([n, 1], 7);
    vec![
        ("random", a.clone()),
        ("symmetric", &a + &a.t()),
        ("Hilbert", by(&|i, j| 1.0 / (i + j + 1.0))),
        ("graded", by(&|i, j| 0.5_f64.powf(i + j) * if i == j { 3.0 } else { 1.0 })),
        ("graded upwards", by(&|i, j| 0.5_f64.powf(2.0 * n as f64 - i - j))),
        ("of half the rank", b.matmul(&b.t())),
        ("of rank 1", vector.matmul(&vector.t())),
        ("identity", Tensor::eye(n)),
        ("repeated", Tensor::eye(n) + &vector.matmul(&vector.t())),
        ("noughts", Tensor::zeros([n, n])),
        ("ones", Tensor::ones([n, n])),
        ("large", &a * T::of(if T::EPS > 1e-10 { 1e30 } else { 1e250 })),
        ("small", &a * T::of(if T::EPS > 1e-10 { 1e-30 } else { 1e-250 })),
    ]
}

fn lu_of<T: Float>() {
    for &(m, n) in SHAPES.iter().chain(&SIZES.iter().map(|&n| (n, n)).collect::<Vec<_>>()) {
        let a: Tensor<T> = random([m, n], 1);
        let lu = a.lu().unwrap();
        let (l, u, p) = (lu.l(), lu.u(), lu.p());
        near(&l.matmul(&u), &p.matmul(&a), 4.0 * (m + n) as f64, "L·U");
        near(&l.tril(0), &l, 0.0, "L");
        near(&u.triu(0), &u, 0.0, "U");
        assert!(largest(&l) <= 1.0, "pivots are largest");
        assert_eq!(lu.pivots().to_vec(), u.diagonal(0, 0, 1).to_vec());
        let moved = lu.order().to_vec().iter().map(|&i| i as usize).collect::<Vec<_>>();
        assert!((0..m).all(|i| p.at(&[i, moved[i]]) == T::ONE));
    }
}

#[test]
fn lu_factors_multiply_to_the_permuted_matrix() {
    lu_of::<f32>();
    lu_of::<f64>();
}

#[test]
fn determinants() {
    for n in [0, 1, 2, 5, 17, 60] {
        let (a, b): (Tensor<f64>, Tensor<f64>) = (random([n, n], 1), random([n, n], 2));
        let (da, db, dab) = (a.slogdet(), b.slogdet(), a.matmul(&b).slogdet());
        assert_eq!((da.sign * &db.sign).item(), dab.sign.item(), "{n}");
        near(&(da.log_abs + &db.log_abs), &dab.log_abs, 1e4, "det A·B = det A · det B");
        near(&a.det(), &(a.slogdet().log_abs.exp() * &a.slogdet().sign), 1e3, "det");
    }
    // Every order of three rows, and its sign.
    for (order, sign) in [
        ([0, 1, 2], 1.0),
        ([1, 0, 2], -1.0),
        ([1, 2, 0], 1.0),
        ([2, 1, 0], -1.0),
        ([2, 0, 1], 1.0),
        ([0, 2, 1], -1.0),
    ] {
        let p = Tensor::<i64>::from(order).one_hot::<f64>(3);
        assert_eq!(p.det().item(), sign, "{order:?}");
    }
    let singular = Tensor::from([[1.0_f64, 2.0], [2.0, 4.0]]);
    assert_eq!(singular.det().item(), 0.0);
    assert_eq!((singular.slogdet().sign.item(), singular.slogdet().log_abs.item()), (0.0, f64::NEG_INFINITY));
    let spoilt = Tensor::stack(&[&Tensor::from([[1.0, f64::NAN], [0.0, 1.0]]), &Tensor::eye(2)], 0);
    assert!(spoilt.det().at(&[0]).is_nan() && spoilt.det().at(&[1]) == 1.0);
    assert!(spoilt.slogdet().sign.at(&[0]).is_nan() && spoilt.slogdet().log_abs.at(&[1]) == 0.0);
    assert_eq!(random::<f64>([2, 3, 4], 1).trace().dims(), [2]);
}

fn cholesky_of<T: Float>() {
    for &n in SIZES {
        let x: Tensor<T> = random([n, n + 3], 1);
        let a = x.matmul(&x.t());
        let l = a.cholesky().unwrap();
        near(&l.matmul(&l.t()), &a, 10.0 * (n + 1) as f64, "L·Lᵀ");
        near(&l.tril(0), &l, 0.0, "L");
        assert!(l.diagonal(0, 0, 1).to_vec().iter().all(|&x| x > T::ZERO));
        // What stands above the diagonal is not read.
        let other = a.tril(0) + &(random([n, n], 9)).triu(1);
        assert_eq!(other.cholesky().unwrap().to_vec(), l.to_vec());
    }
}

#[test]
fn cholesky_factors_multiply_to_the_matrix() {
    cholesky_of::<f32>();
    cholesky_of::<f64>();
    let (x, want): (Tensor<f64>, Tensor<f64>) = (random([2, 6, 8], 1), random([2, 6, 3], 2));
    let a = x.matmul(&x.t());
    near(&a.cholesky().unwrap().cholesky_solve(&a.matmul(&want)).unwrap(), &want, 1e6, "cholesky_solve");
}

fn qr_of<T: Float>() {
    let squares = SIZES.iter().flat_map(|&n| kinds::<T>(n)).map(|(_, a)| a);
    let others = SHAPES.iter().map(|&(m, n)| random([m, n], 4));
    for a in squares.chain(others) {
        let [m, n] = a.dims();
        let k = m.min(n);
        let scale = T::of(largest(&a).max(1e-300)).recip();
        let qr = a.qr().unwrap();
        assert_eq!((qr.q.dims(), qr.r.dims()), ([m, k], [k, n]));
        orthonormal(&qr.q, "Q");
        near(&qr.r.triu(0), &qr.r, 0.0, "R");
        if scale.is_finite() {
            near(&(qr.q.matmul(&qr.r) * scale), &(&a * scale), 10.0 * (m + n) as f64, "Q·R");
        }
        let complete = a.qr_complete().unwrap();
        assert_eq!((complete.q.dims(), complete.r.dims()), ([m, m], [m, n]));
        orthonormal(&complete.q, "complete Q");
        near(&complete.q.narrow(1, 0, k), &qr.q, 20.0, "complete and reduced");
        assert_eq!(complete.r.narrow(0, 0, k).to_vec(), qr.r.to_vec());
    }
}

#[test]
fn qr_factors_are_orthogonal_and_triangular() {
    qr_of::<f32>();
    qr_of::<f64>();
}

fn eigh_of<T: Float>() {
    for &n in SIZES {
        for (kind, a) in kinds::<T>(n) {
            let what = format!("{kind} {n}");
            let a = a.tril(0) + &a.tril(-1).t();
            let eigh = a.eigh().unwrap_or_else(|error| panic!("{what}: {error}"));
            let scale = T::of(largest(&a).max(if T::EPS > 1e-10 { 1e-37 } else { 1e-300 })).recip();
            let (values, v) = (&eigh.values * scale, &eigh.vectors);
            orthonormal(v, &what);
            near(&(v * &values).matmul(&v.t()), &(&a * scale), 10.0 * (n + 4) as f64, &what);
            let sorted = eigh.values.to_vec();
            assert!(sorted.windows(2).all(|pair| pair[0] <= pair[1]), "{what}");
            let alone = a.eigvalsh().unwrap() * scale;
            near(&alone, &values, 10.0 * (n + 4) as f64, &what);
        }
    }
}

#[test]
fn eigenvectors_diagonalise() {
    eigh_of::<f32>();
    eigh_of::<f64>();
}

fn svd_of<T: Float>() {
    let squares = SIZES.iter().flat_map(|&n| kinds::<T>(n));
    let others = SHAPES.iter().map(|&(m, n)| ("oblong", random([m, n], 4)));
    for (kind, a) in squares.chain(others) {
        let [m, n] = a.dims();
        let (k, what) = (m.min(n), format!("{kind} {m} × {n}"));
        let svd = a.svd().unwrap_or_else(|error| panic!("{what}: {error}"));
        assert_eq!((svd.u.dims(), svd.s.dims(), svd.vt.dims()), ([m, k], [k], [k, n]));
        let scale = T::of(largest(&a).max(if T::EPS > 1e-10 { 1e-37 } else { 1e-300 })).recip();
        orthonormal(&svd.u, &what);
        orthonormal(&svd.vt.t(), &what);
        let s = &svd.s * scale;
        near(&(&svd.u * &s).matmul(&svd.vt), &(&a * scale), 10.0 * (m + n + 4) as f64, &what);
        let sorted = svd.s.to_vec();
        assert!(
            sorted.windows(2).all(|pair| pair[0] >= pair[1]) && sorted.iter().all(|&s| s >= T::ZERO),
            "{what}"
        );
        near(&(a.svdvals().unwrap() * scale), &s, 10.0 * (m + n + 4) as f64, &what);
    }
}

#[test]
fn singular_vectors_diagonalise() {
    svd_of::<f32>();
    svd_of::<f64>();
}

/// The eigenvalues of the second difference are 2 − 2·cos(kπ/(n + 1)).
#[test]
fn known_spectra() {
    for n in [1, 2, 10, 49, 130] {
        let a = Tensor::from_fn([n, n], |i| match i[0].abs_diff(i[1]) {
            0 => 2.0,
            1 => -1.0,
            _ => 0.0_f64,
        });
        let want = Tensor::from_fn([n], |k| {
            2.0 - 2.0 * ((k[0] + 1) as f64 * std::f64::consts::PI / (n + 1) as f64).cos()
        });
        near(&a.eigvalsh().unwrap(), &want, 100.0, "second difference");
        near(&a.svdvals().unwrap().flip(0), &want, 100.0, "second difference");
        assert!((a.det().item() - (n + 1) as f64).abs() < 1e-10 * n as f64);
    }
    // Small singular values of a matrix scaled row by row are found to relative accuracy.
    let scales = Tensor::from_fn([20, 1], |i| 10.0_f64.powi(-(i[0] as i32)));
    let q = random::<f64>([20, 20], 1).qr().unwrap().q;
    let s = (&q * &scales.t()).svdvals().unwrap();
    for (got, want) in s.to_vec().iter().zip(scales.to_vec()) {
        assert!((got / want - 1.0).abs() < 1e-12, "{got:e} {want:e}");
    }
}

#[test]
fn the_same_bits_at_any_number_of_threads() {
    let (one, many): (Tensor, Tensor) = (random([150, 150], 1), random([9, 30, 30], 2));
    let all = || -> Vec<Vec<f32>> {
        [&one, &many]
            .into_iter()
            .flat_map(|a| {
                let b = a.narrow(-1, 0, 7);
                let square = a.matmul(&a.t()) + &Tensor::eye(a.dim(-1));
                let (eigh, svd, qr) = (square.eigh().unwrap(), a.svd().unwrap(), a.qr().unwrap());
                [
                    square.cholesky().unwrap(),
                    a.solve(&b).unwrap(),
                    eigh.values,
                    eigh.vectors,
                    svd.u,
                    svd.s,
                    qr.q,
                    qr.r,
                ]
            })
            .map(|x| x.to_vec())
            .collect()
    };
    let want = with_threads(1, all);
    for threads in [2, 3, 5] {
        assert!(with_threads(threads, all) == want, "{threads} threads");
    }
}
