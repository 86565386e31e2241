//! Linear systems, least squares, powers, and what is said about matrices that do not allow them.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_tensor::{Float, LinalgError, Rng, Shape, Tensor, Triangle};

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

#[test]
fn systems_are_solved() {
    for &n in SIZES {
        let a: Tensor<f64> = random([n, n], 2) + &(Tensor::eye(n) * 3.0);
        for k in [0, 1, 5, 60] {
            let want = random([n, k], 3);
            let x = a.solve(&a.matmul(&want)).unwrap();
            near(&x, &want, 1e4 * (n + 1) as f64, "solve");
            let (lu, same) = a.solve_and_factors(&a.matmul(&want)).unwrap();
            assert_eq!(same.to_vec(), x.to_vec());
            near(&lu.solve(&a.matmul(&want)).unwrap(), &x, 1e-3, "lu_solve");
            near(
                &lu.solve_transposed(&a.t().matmul(&want)).unwrap(),
                &want,
                1e4 * (n + 1) as f64,
                "transposed",
            );
        }
        let inverse = a.inverse().unwrap();
        near(&inverse.matmul(&a), &Tensor::eye(n), 1e4 * (n + 1) as f64, "inverse");
    }
}

#[test]
fn triangles_are_solved_in_any_layout() {
    for &n in SIZES {
        let a: Tensor<f64> = random([n, n], 2) * 0.1 + &(Tensor::eye(n) * 2.0);
        let want = random([n, 7], 3);
        for a in [a.clone(), a.t(), a.flip(0).flip(1)] {
            for which in [Triangle::lower(), Triangle::upper()] {
                let t = if which.is_upper() { a.triu(0) } else { a.tril(0) };
                let b = t.matmul(&want);
                near(&a.solve_triangular(&b, which).unwrap(), &want, 1e6, "triangle");
                let unit = &t - &(&t * &Tensor::eye(n)) + &Tensor::eye(n);
                let which = which.with_unit_diagonal();
                let scaled = &a * 0.1; // its diagonal is not read
                let b = (&unit * 0.1 + &(Tensor::eye(n) * 0.9)).matmul(&want);
                near(&scaled.solve_triangular(&b, which).unwrap(), &want, 1e6, "unit triangle");
            }
        }
    }
}

#[test]
fn leading_axes_broadcast() {
    let a: Tensor<f64> = random([4, 1, 5, 5], 1) + &(Tensor::eye(5) * 4.0);
    let b = random([3, 5, 2], 2);
    let x = a.solve(&b).unwrap();
    assert_eq!(x.dims(), [4, 3, 5, 2]);
    near(&a.matmul(&x), &b.expand([4, 3, 5, 2]), 100.0, "solve");
    let l = a.tril(0);
    near(
        &l.matmul(&l.solve_triangular(&b, Triangle::lower()).unwrap()),
        &b.expand([4, 3, 5, 2]),
        100.0,
        "triangle",
    );
    let tall: Tensor<f64> = random([4, 1, 5, 3], 1);
    let x = tall.lstsq(&b).unwrap();
    let pinv = tall.pinv().unwrap().matmul(&b);
    near(&x, &pinv, 1e3, "lstsq");
    // A batch of vectors, as PyTorch reads it.
    let vectors = random([4, 1, 5], 3);
    assert_eq!(a.solve(&vectors).unwrap().dims(), [4, 1, 5]);
    assert_eq!(a.solve(&random([5], 3)).unwrap().dims(), [4, 1, 5]);
    // Each matrix of a batch as alone.
    for i in 0..4 {
        let alone = a.select(0, i).select(0, 0);
        assert_eq!(
            a.inverse().unwrap().select(0, i).select(0, 0).to_vec(),
            alone.inverse().unwrap().to_vec()
        );
        assert_eq!(a.svd().unwrap().s.select(0, i).select(0, 0).to_vec(), alone.svd().unwrap().s.to_vec());
        assert_eq!(a.det().select(0, i).item(), alone.det().item());
    }
}

#[test]
fn least_squares_and_ranks() {
    for &(m, n) in SHAPES.iter().chain(&[(5, 5), (1, 1)]) {
        let (a, b): (Tensor<f64>, Tensor<f64>) = (random([m, n], 3), random([m, 2], 4));
        let x = a.lstsq(&b).unwrap();
        let gradient = a.t().matmul(&(a.matmul(&x) - &b));
        near(&gradient, &Tensor::zeros([n, 2]), 1e5, "the residual is orthogonal to the columns");
        near(&x, &a.pinv().unwrap().matmul(&b), 1e4, "least norm");
        assert_eq!(a.matrix_rank().unwrap().item(), m.min(n) as i64);
    }
    for (m, n, rank) in [(6, 6, 3), (9, 4, 2), (4, 9, 1), (60, 55, 20)] {
        let a = random::<f64>([m, rank], 1).matmul(&random([rank, n], 2));
        let b = random([m, 3], 3);
        assert_eq!(a.matrix_rank().unwrap().item(), rank as i64);
        assert!(!a.qr().unwrap().has_full_rank() && !a.t().qr().unwrap().has_full_rank());
        let p = a.pinv().unwrap();
        let what = "Penrose's conditions";
        near(&a.matmul(&p).matmul(&a), &a, 1e4, what);
        near(&p.matmul(&a).matmul(&p), &p, 1e4, what);
        near(&a.matmul(&p), &a.matmul(&p).t().contiguous(), 1e4, what);
        near(&p.matmul(&a), &p.matmul(&a).t().contiguous(), 1e4, what);
        near(&a.lstsq(&b).unwrap(), &p.matmul(&b), 1e4, "least norm");
    }
    assert_eq!(Tensor::<f64>::zeros([2, 3, 3]).matrix_rank().unwrap().to_vec(), [0, 0]);
}

#[test]
fn powers_and_exponentials() {
    let a: Tensor<f64> = random([2, 4, 4], 1);
    let cube = a.matmul(&a).matmul(&a);
    near(&a.matrix_power(3).unwrap(), &cube, 100.0, "cube");
    near(&a.matrix_power(-3).unwrap().matmul(&cube), &Tensor::eye(4).expand([2, 4, 4]), 1e6, "inverse cube");
    assert_eq!(a.matrix_power(0).unwrap(), Tensor::eye(4).expand([2, 4, 4]).contiguous());
    // Against the series, and e^A·e^(−A) = 1 where scaling is needed.
    let small = &a * 0.1;
    let (mut term, mut sum) = (Tensor::eye(4).expand([2, 4, 4]).contiguous(), Tensor::zeros([2, 4, 4]));
    for k in 1..25 {
        sum += &term;
        term = term.matmul(&small) * (1.0 / f64::from(k));
    }
    near(&small.matrix_exp().unwrap(), &sum, 20.0, "series");
    let large = &a * 8.0;
    let product = large.matrix_exp().unwrap().matmul(&(&large * -1.0).matrix_exp().unwrap());
    assert!(product.select(0, 0).trace().item().is_finite());
    let skew = &a - &a.t();
    let turn = (&skew * 20.0).matrix_exp().unwrap();
    near(&turn.matmul(&turn.t()), &Tensor::eye(4).expand([2, 4, 4]), 1e4, "rotation");
    assert_eq!(Tensor::<f64>::zeros([3, 3]).matrix_exp().unwrap(), Tensor::eye(3));
}

#[test]
fn faults_name_the_matrix_and_the_pivot() {
    let say = |error: Result<Tensor<f64>, LinalgError>| error.unwrap_err().to_string();
    let good = Tensor::<f64>::eye(3);
    let singular = Tensor::from([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0], [0.0, 0.0, 1.0]]);
    let mut spoilt = good.clone();
    spoilt.make_mut()[5] = f64::NAN;
    let batch = |bad: &Tensor<f64>| Tensor::stack(&[&good, &good, &good, bad], 0).reshape([2, 2, 3, 3]);
    assert_eq!(say(singular.inverse()), "inverse: the matrix is singular: pivot 1 is 0");
    assert_eq!(say(batch(&singular).inverse()), "inverse: the matrix at [1, 1] is singular: pivot 1 is 0");
    assert_eq!(
        say(batch(&spoilt).solve(&good)),
        "solve: the matrix at [1, 1] holds NaN or an infinity in row 1, column 2"
    );
    assert_eq!(
        say(batch(&singular).matrix_power(-1)),
        "inverse: the matrix at [1, 1] is singular: pivot 1 is 0"
    );
    assert_eq!(
        say(batch(&(&good * -1.0)).cholesky()),
        "cholesky: the matrix at [1, 1] is not positive definite: pivot 0 is not positive"
    );
    let low = spoilt.t().contiguous();
    assert_eq!(say(low.cholesky()), "cholesky: the matrix is not positive definite: pivot 2 is not positive");
    let triangle = batch(&(&good * 0.0)).solve_triangular(&good, Triangle::upper());
    assert_eq!(say(triangle), "solve_triangular: the matrix at [1, 1] is singular: pivot 0 is 0");
    let nan = "the matrix holds NaN or an infinity in row 1, column 2";
    assert_eq!(spoilt.qr().unwrap_err().to_string(), format!("qr: {nan}"));
    assert_eq!(spoilt.lu().unwrap_err().to_string(), format!("lu: {nan}"));
    assert_eq!(spoilt.svd().unwrap_err().to_string(), format!("svd: {nan}"));
    assert_eq!(say(spoilt.svdvals()), format!("svdvals: {nan}"));
    assert_eq!(say(spoilt.pinv()), format!("pinv: {nan}"));
    assert_eq!(say(spoilt.lstsq(&good)), format!("lstsq: {nan}"));
    assert_eq!(say(spoilt.matrix_exp()), format!("matrix_exp: {nan}"));
    assert!(low.eigh().is_err() && spoilt.eigvalsh().is_ok(), "the upper triangle is not read");
}

macro_rules! refuses {
    ($($name:ident $message:literal $call:expr;)*) => {$(
        #[test]
        #[should_panic(expected = $message)]
        fn $name() {
            let _ = $call;
        }
    )*};
}
refuses! {
    no_matrix "qr: not a matrix: [3] ([…, M, N])" Tensor::<f32>::zeros([3]).qr();
    not_square "inverse: not square: [2, 3] (2 ≠ 3)" Tensor::<f32>::zeros([2, 3]).inverse();
    rows_differ "solve: rows differ: [3, 3] and [2, 1] (3 ≠ 2)" Tensor::<f32>::eye(3).solve(&Tensor::zeros([2, 1]));
    axes_differ "solve: leading axes do not broadcast: [2, 3, 3] and [4, 3, 1] (each equal, or 1)"
        Tensor::<f32>::zeros([2, 3, 3]).solve(&Tensor::zeros([4, 3, 1]));
    no_right_side "lstsq: right side is no matrix: [3, 3] and [3] ([…, N, K])"
        Tensor::<f32>::eye(3).lstsq(&Tensor::zeros([3]));
}
