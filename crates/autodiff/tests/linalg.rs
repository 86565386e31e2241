//! Derivatives of decompositions where they are special: singular matrices, equal values, missing rank. Common matrices are
//! the suite's.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::{Var, check_grads};
use gradus_tensor::{Rng, Tensor};

fn random(m: usize, n: usize, seed: u64) -> Tensor<f64> {
    Tensor::normal([m, n], 0.0, 1.0, &mut Rng::seed(seed))
}

fn close(got: &Tensor<f64>, want: &Tensor<f64>) {
    let off = (got - want).abs().max_axes(&[], false).item();
    assert!(off < 1e-9, "{off}: {got} {want}");
}

#[test]
fn singular_determinants_have_cofactors() {
    let singular = random(3, 2, 1).matmul(&random(2, 3, 2));
    check_grads(|x| x[0].det(), std::slice::from_ref(&singular), 2).unwrap();
    // Of rank n − 2 all cofactors are 0.
    let low = random(4, 2, 3).matmul(&random(2, 4, 4));
    let low = Var::leaf(low);
    close(low.det().backward().of(&low).unwrap(), &Tensor::zeros([4, 4]));
    // A batch of both kinds.
    let both = Var::leaf(Tensor::stack(&[&singular, &Tensor::eye(3)], 0));
    let gradient = both.det().sum().backward().of(&both).unwrap().clone();
    close(&gradient.select(0, 1), &Tensor::eye(3));
    let one = Var::leaf(Tensor::from([[0.0_f64]]));
    close(one.det().sum().backward().of(&one).unwrap(), &Tensor::ones([1, 1]));
    let zeros = Var::leaf(Tensor::<f64>::zeros([2, 2]));
    let (sign, log) = zeros.slogdet();
    assert_eq!((sign.item(), log.item()), (0.0, f64::NEG_INFINITY));
    assert!(log.backward().of(&zeros).unwrap().to_vec().iter().all(|g| g.is_nan()));
}

#[test]
fn what_does_not_depend_on_the_choice_of_vectors_is_differentiable_at_equal_values() {
    let a = Tensor::<f64>::eye(4) * 2.0;
    let x = Var::leaf(a.clone());
    let (w, v) = x.eigh().unwrap();
    let square = (&v * w.square().unsqueeze(-2)).matmul(&v.t());
    close(square.trace().backward().of(&x).unwrap(), &(&a * 2.0));
    let (_, s, _) = x.svd().unwrap();
    close(s.square().sum().backward().of(&x).unwrap(), &(&a * 2.0));
    let low = Var::leaf(random(5, 2, 1).matmul(&random(2, 4, 2)));
    let nuclear = low.svdvals().unwrap().square().sum();
    close(nuclear.backward().of(&low).unwrap(), &(low.value() * 2.0));
}

/// Products of thin factors keep their rank while the factors move.
#[test]
fn pseudo_inverses_of_constant_rank() {
    for (m, n) in [(12, 12), (14, 9), (9, 14)] {
        let factors = [random(m, 2, 1), random(2, n, 2)];
        check_grads(|x| x[0].matmul(&x[1]).pinv().unwrap(), &factors, 2).unwrap();
        let [a, b] = factors;
        let system = [a, b, random(m, 2, 3)];
        check_grads(|x| x[0].matmul(&x[1]).lstsq(&x[2]).unwrap(), &system, 2).unwrap();
    }
}

#[test]
fn only_the_triangle_that_is_read_has_a_gradient() {
    use gradus_tensor::Triangle;
    let a = Var::leaf(random(3, 3, 1) + &(Tensor::eye(3) * 4.0));
    let b = Var::constant(random(3, 2, 2));
    let x = a.solve_triangular(&b, Triangle::upper().with_unit_diagonal()).unwrap();
    let gradient = x.sum().backward().of(&a).unwrap().clone();
    assert_eq!(gradient.triu(1), gradient);
    let symmetric = a.cholesky().unwrap().sum().backward().of(&a).unwrap().clone();
    assert_eq!(symmetric, symmetric.t().contiguous());
}

#[test]
fn faults_come_before_anything_is_recorded() {
    let zeros = Var::leaf(Tensor::<f64>::zeros([2, 2]));
    assert!(zeros.inverse().is_err() && zeros.solve(&zeros).is_err() && zeros.cholesky().is_err());
    assert!(zeros.qr().is_ok() && zeros.matrix_power(-1).is_err());
    let (q, r) = zeros.qr().unwrap();
    let gradient = (q.sum() + r.sum()).backward().of(&zeros).unwrap().clone();
    assert!(gradient.to_vec().iter().all(|g| g.is_nan()), "columns that depend on each other");
}

#[test]
#[should_panic(expected = "lstsq: rows differ: [3, 2] and [2, 1] ([…, M, N] and […, M, K])")]
fn least_squares_need_equally_many_rows() {
    let _ = Var::leaf(random(3, 2, 1)).lstsq(&Var::leaf(random(2, 1, 1)));
}
