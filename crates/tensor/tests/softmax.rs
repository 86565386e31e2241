//! Softmax and its relatives against naive twins, closed forms and finite differences.

use gradus_tensor::{Float, Isa, Rng, Tensor, with_isa, with_threads};

/// e^x / Σ e^x and ln Σ e^x of one row, with an exact shift.
fn naive(row: &[f64]) -> (Vec<f64>, f64) {
    let max = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = row.iter().map(|x| (x - max).exp()).sum();
    (row.iter().map(|x| (x - max).exp() / sum).collect(), max + sum.ln())
}

/// The rows of `x` along `axis`, outermost index first.
fn rows_along(x: &Tensor<f64>, axis: isize) -> Vec<Vec<f64>> {
    let rows = x.transpose(axis, -1).contiguous();
    let n = rows.dim(-1);
    rows.to_vec().chunks(n).map(<[f64]>::to_vec).collect()
}

fn close(got: &[f64], want: &[f64], tolerance: f64, what: &str) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (i, (a, b)) in got.iter().zip(want).enumerate() {
        assert!((a - b).abs() <= tolerance * (1.0 + b.abs()), "{what} at {i}: {a} {b}");
    }
}

fn check<T: Float>(tolerance: f64) {
    let rng = &mut Rng::seed(1);
    for dims in
        [vec![1], vec![7], vec![3, 10], vec![2, 5, 33], vec![4, 1, 3, 17], vec![2, 2500], vec![70, 40]]
    {
        let x = Tensor::<f64>::normal(dims.clone(), 0.0, 3.0, rng).cast::<T>();
        let views = [x.clone(), x.flip(0), x.transpose(0, -1)];
        for (view, axis) in views.iter().flat_map(|v| (0..v.rank()).map(move |a| (v, a as isize))) {
            let exact = view.cast::<f64>();
            for (((p, l), s), row) in rows_along(&view.softmax(axis).cast(), axis)
                .iter()
                .zip(rows_along(&view.log_softmax(axis).cast(), axis))
                .zip(rows_along(&view.logsumexp(axis, true).cast(), axis))
                .zip(rows_along(&exact, axis))
            {
                let (softmax, lse) = naive(&row);
                close(p, &softmax, tolerance, "softmax");
                let log: Vec<f64> = row.iter().map(|x| x - lse).collect();
                close(&l, &log, 4.0 * tolerance, "log_softmax");
                close(&s, &[lse], tolerance, "logsumexp");
            }
            assert_eq!(view.logsumexp(axis, false).shape(), &view.shape().remove(axis as usize));
        }
    }
}

#[test]
fn both_types_agree_with_the_naive_twin_on_every_instruction_set() {
    for isa in Isa::available() {
        with_isa(isa, || {
            check::<f32>(2e-6);
            check::<f64>(1e-14);
        });
    }
}

#[test]
fn extremes_are_safe() {
    let inf = f32::INFINITY;
    let x = Tensor::from([[1e4_f32, -1e4, 1e4], [-1e4, -1e4, -1e4], [0.0, -inf, 0.0]]);
    assert_eq!(x.softmax(1).to_vec(), [0.5, 0.0, 0.5, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 3.0, 0.5, 0.0, 0.5]);
    assert!((x.log_softmax(1).at(&[0, 1]) + 2e4 + 2.0_f32.ln()).abs() < 2e-3);
    assert!((x.log_softmax(1).at(&[1, 0]) + 3.0_f32.ln()).abs() < 1e-6);
    assert_eq!(x.log_softmax(1).at(&[2, 1]), -inf);
    let gone = Tensor::full([1, 20], -inf);
    assert!(gone.softmax(1).to_vec().iter().all(|p| p.is_nan()));
    assert!(gone.log_softmax(1).to_vec().iter().all(|p| p.is_nan()));
    assert_eq!(gone.logsumexp(1, false).to_vec(), [-inf]);
    assert_eq!(Tensor::from([0.0, inf]).logsumexp(0, false).item(), inf);
    for place in [0, 5, 19] {
        let mut spoiled = Tensor::<f32>::zeros([20]);
        spoiled.make_mut()[place] = f32::NAN;
        assert!(spoiled.logsumexp(0, false).item().is_nan());
        assert!(spoiled.softmax(0).to_vec().iter().all(|p| p.is_nan()));
        let (losses, _) = spoiled.reshape([1, 20]).cross_entropy_rows(&[3]);
        assert!(losses.item().is_nan());
    }
    assert_eq!(Tensor::<f32>::zeros([3, 0]).logsumexp(1, false).to_vec(), [-inf; 3]);
    assert_eq!(Tensor::<f32>::zeros([3, 0]).softmax(1).dims(), [3, 0]);
    assert_eq!(Tensor::<f32>::zeros([0, 3]).softmax(0).dims(), [0, 3]);
}

/// Σ g·(f(x + h·d) − f(x − h·d)) / 2h
fn slope(x: &Tensor<f64>, d: &Tensor<f64>, g: &Tensor<f64>, f: impl Fn(&Tensor<f64>) -> Tensor<f64>) -> f64 {
    let h = 1e-6;
    let difference = f(&(x + &(d * h))) - &f(&(x - &(d * h)));
    (&difference * g).sum().item() / (2.0 * h)
}

#[test]
fn gradients_agree_with_finite_differences() {
    let rng = &mut Rng::seed(2);
    for (dims, axis) in [([4, 9], 1), ([4, 9], 0), ([1, 40], -1)] {
        let mut draw = || Tensor::<f64>::normal(dims, 0.0, 1.0, rng);
        let (x, d, g) = (draw(), draw(), draw());
        let got = (&x.softmax(axis).softmax_grad(&g, axis) * &d).sum().item();
        assert!((got - slope(&x, &d, &g, |x| x.softmax(axis))).abs() < 1e-8);
        let got = (&x.log_softmax(axis).log_softmax_grad(&g, axis) * &d).sum().item();
        assert!((got - slope(&x, &d, &g, |x| x.log_softmax(axis))).abs() < 1e-8);
        let targets: Vec<usize> = (0..dims[0]).map(|row| row * 5 % dims[1]).collect();
        let g = g.select(1, 0);
        let got = (&x.cross_entropy_rows_grad(&targets, &g) * &d).sum().item();
        assert!((got - slope(&x, &d, &g, |x| x.cross_entropy_rows(&targets).0)).abs() < 1e-8);
    }
}

#[test]
fn cross_entropy_is_the_negative_log_softmax_of_the_target() {
    let rng = &mut Rng::seed(3);
    let x = Tensor::<f32>::normal([50, 13], 1e4, 2.0, rng);
    let targets: Vec<usize> = (0..50).map(|_| rng.below(13)).collect();
    let (losses, sums) = x.cross_entropy_rows(&targets);
    let log = x.log_softmax(1);
    for (row, &target) in targets.iter().enumerate() {
        assert!((losses.at(&[row]) + log.at(&[row, target])).abs() < 1e-6);
        assert_eq!(sums.at(&[row]), x.logsumexp(1, false).at(&[row]));
    }
}

#[test]
fn the_bits_do_not_depend_on_threads() {
    let x = Tensor::<f32>::normal([700, 130], 0.0, 4.0, &mut Rng::seed(4));
    let targets = vec![7; 700];
    let all = || {
        let g = &x.flip(1);
        let (losses, sums) = x.cross_entropy_rows(&targets);
        [
            x.softmax(1),
            x.log_softmax(0),
            x.logsumexp(1, false),
            x.softmax(1).softmax_grad(g, 1),
            x.log_softmax(1).log_softmax_grad(g, 1),
            x.cross_entropy_rows_grad(&targets, &losses),
            losses,
            sums,
        ]
        .map(|x| x.to_vec())
    };
    for isa in Isa::available() {
        let want = with_isa(isa, || with_threads(1, all));
        for threads in [2, 3, 5] {
            assert!(with_isa(isa, || with_threads(threads, all)) == want, "{isa} {threads}");
        }
    }
}

#[test]
#[should_panic(expected = "cross_entropy: no such class: [2, 3] row 1 (3 ≥ 3)")]
fn a_wrong_class_is_named() {
    let _ = Tensor::<f32>::zeros([2, 3]).cross_entropy_rows(&[0, 3]);
}

#[test]
#[should_panic(expected = "softmax: no axis 2: [2, 3] has 2 axes")]
fn a_wrong_axis_is_named() {
    let _ = Tensor::<f32>::zeros([2, 3]).softmax(2);
}
