//! Closed gradients against autodiff and differences, proximal steps against their definition, choices by name.

use gradus_autodiff::{Gradients, Var, check_grads};
use gradus_module::{Buffer, Module, Param, Path, Visitor, VisitorMut};
use gradus_regularizers::*;
use gradus_tensor::{Rng, Tensor};

/// A hand-written module: what the derive macro would write.
struct Affine {
    weight: Param<f64>,
    bias: Param<f64>,
    seen: Buffer<f64>,
}

impl Module for Affine {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        path.enter("weight", |path| self.weight.visit(path, f));
        path.enter("bias", |path| self.bias.visit(path, f));
        path.enter("seen", |path| self.seen.visit(path, f));
    }
    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        path.enter("weight", |path| self.weight.visit_mut(path, f));
        path.enter("bias", |path| self.bias.visit_mut(path, f));
        path.enter("seen", |path| self.seen.visit_mut(path, f));
    }
}

fn affine() -> Affine {
    Affine {
        weight: Param::new([[1.0, -2.0], [0.0, 3.0]]),
        bias: Param::new([10.0, -10.0]),
        seen: Buffer::new([100.0]),
    }
}

fn weights(path: &str) -> bool {
    path.ends_with("weight")
}

#[test]
fn values_are_what_the_formulas_say() {
    let model = affine();
    let item = |penalty: Var<f64>| penalty.item();
    assert_eq!(item(l1(&model, 0.5)), 0.5 * 26.0);
    assert_eq!(item(l2(&model, 0.5)), 0.25 * 214.0); // λ/2
    assert_eq!(item(elastic_net(&model, 0.5, 2.0)), 13.0 + 214.0);
    assert_eq!(item(l1_where(&model, 0.5, weights)), 3.0);
    assert_eq!(item(l2_where(&model, 0.5, weights)), 3.5);
    assert_eq!(item(elastic_net_where(&model, 0.5, 2.0, weights)), 3.0 + 14.0);
    assert_eq!(item(l2_where(&model, 0.5, |_| false)), 0.0);
}

fn same(a: &Gradients<f64>, b: &Gradients<f64>) {
    assert_eq!(a.len(), b.len());
    for ((leaf, a), (other, b)) in a.iter().zip(b.iter()) {
        assert_eq!((leaf, a.to_vec()), (other, b.to_vec()));
    }
}

#[test]
fn closed_gradients_are_those_of_the_graph() {
    let model = affine();
    fn check(model: &Affine, penalty: impl Penalty) {
        same(&penalty.gradients(model), &penalty.value(model).backward());
    }
    check(&model, L1::new(0.25));
    check(&model, L2::new(0.5));
    check(&model, ElasticNet::new(0.25, 0.5));
    check(&model, L2::new(0.5).only(weights));
    same(&l1_gradients(&model, 0.25), &l1(&model, 0.25).backward());
    same(&l2_gradients(&model, 0.5), &l2(&model, 0.5).backward());
    same(&elastic_net_gradients(&model, 0.25, 0.5), &elastic_net(&model, 0.25, 0.5).backward());
    let gradients = l2_gradients::<f64>(&model, 0.5);
    assert_eq!(gradients.of(&model.weight).unwrap().to_vec(), [0.5, -1.0, 0.0, 1.5]);
    let only = L2::new(0.5).only(weights).gradients::<f64>(&model);
    assert!(only.of(&model.bias).is_none() && only.len() == 1);
}

#[test]
fn derivatives_against_differences() {
    let w = Tensor::<f64>::normal([3, 4], 0.0, 1.0, &mut Rng::seed(5));
    check_grads(|x| L1::new(0.3).value_of(&x[0]), std::slice::from_ref(&w), 2).unwrap();
    check_grads(|x| L2::new(0.3).value_of(&x[0]), std::slice::from_ref(&w), 2).unwrap();
    check_grads(|x| ElasticNet::new(0.3, 0.2).value_of(&x[0]), &[w], 2).unwrap();
}

/// The proximal point z has the least ½(z − w)² + rate·penalty(z): no other point of a fine grid has less.
#[test]
fn proximal_steps_minimise() {
    fn check(penalty: impl Proximal) {
        let rate = 0.4;
        let cost =
            |z: f64, w: f64| 0.5 * (z - w).powi(2) + rate * penalty.value_of(&Var::constant([z])).item();
        for w in [-3.0, -0.5, -0.1, 0.0, 0.05, 0.7, 2.0] {
            let z = penalty.prox_of(&Tensor::from([w]), rate).item();
            let best = (-4000..=4000).map(|i| cost(f64::from(i) * 1e-3, w)).fold(f64::INFINITY, f64::min);
            assert!(cost(z, w) <= best + 1e-12, "{w}: {z}");
        }
    }
    check(L1::new(0.8));
    check(L2::new(0.8));
    check(ElasticNet::new(0.8, 0.6));
}

#[test]
fn proximal_steps_walk_the_model() {
    let mut model = affine();
    L1::new(1.0).only(weights).prox::<f64>(&mut model, 1.5);
    assert_eq!(model.weight.value().to_vec(), [0.0, -0.5, 0.0, 1.5]);
    assert_eq!(model.bias.value().to_vec(), [10.0, -10.0]);
    model.set_trainable(false, &|path| path == "weight");
    L2::new(1.0).prox::<f64>(&mut model, 1.0);
    assert_eq!(model.weight.value().to_vec(), [0.0, -0.5, 0.0, 1.5]);
    assert_eq!(model.bias.value().to_vec(), [5.0, -5.0]);
    assert_eq!(model.seen.value().to_vec(), [100.0]);
    assert_eq!(l1::<f64>(&model, 1.0).item(), 10.0); // what is frozen does not count
}

#[test]
fn max_norm_bounds_each_unit() {
    let rng = &mut Rng::seed(3);
    let mut model =
        (Param::new(Tensor::<f64>::normal([4, 3, 2], 0.0, 2.0, rng)), Param::new([[0.1_f32], [9.0]]));
    let before = model.0.value().clone();
    MaxNorm::new(2.5).apply(&mut model, |path| path == "0");
    assert_eq!(model.1.value().to_vec(), [0.1, 9.0]);
    let norm = |w: &Tensor<f64>, row: usize| w.select(0, row).square().sum().item().sqrt();
    let mut bounded = 0;
    for row in 0..4 {
        let (old, new) = (norm(&before, row), norm(model.0.value(), row));
        assert!((new - old.min(2.5)).abs() < 1e-12, "{old} {new}");
        bounded += usize::from(old > 2.5);
        let direction = model.0.value().select(0, row) * (old / new) - before.select(0, row);
        assert!(direction.square().sum().item() < 1e-20);
    }
    assert!(bounded > 0);
    let once = model.0.value().clone();
    max_norm(&mut model, 2.5);
    assert!((once - model.0.value()).square().sum().item() < 1e-24); // a projection
    assert_eq!(model.1.value().to_vec(), [0.1, 2.5]);
}

#[test]
#[should_panic(expected = "penalty: parameter is of another float type: `1` holds f32, the penalty is f64")]
fn parameters_of_another_type_are_not_left_out_in_silence() {
    let _: Var<f64> = l2(&(Param::new([1.0_f64]), Param::new([1.0_f32])), 0.1);
}

#[test]
#[should_panic(expected = "l2: lambda is not a number from 0 on: -1")]
fn strengths_are_not_negative() {
    let _ = L2::new(-1.0);
}
