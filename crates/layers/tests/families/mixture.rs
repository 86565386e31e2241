//! The mixture of experts against a loop over tokens.

use gradus_autodiff::{Var, check_grads};
use gradus_layers::{Linear, MixtureOfExperts, Routed};
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Rng, Tensor};

use crate::common::{check_layer, close, names, noise};

type Mixture = MixtureOfExperts<Linear<f64>, f64>;

fn mixture(experts: usize, chosen: usize) -> Mixture {
    let rng = &mut Rng::seed(1);
    let experts = (0..experts).map(|_| Linear::new(3, 2, rng)).collect();
    let mut layer = MixtureOfExperts::new(3, experts, chosen, rng).unwrap();
    *layer.gate.weight.value_mut() *= 3.0;
    layer
}

fn softmax(row: &[f64]) -> Vec<f64> {
    let total: f64 = row.iter().map(|x| x.exp()).sum();
    row.iter().map(|x| x.exp() / total).collect()
}

/// Output rows, experts chosen, choices dropped: token by token.
fn naive(layer: &Mixture, x: &Tensor<f64>, chosen: usize, room: usize) -> (Vec<f64>, Vec<i64>, usize) {
    let tokens = x.dim(0);
    let product =
        |w: &Tensor<f64>, row: &[f64], o: usize| (0..3).map(|i| w.at(&[o, i]) * row[i]).sum::<f64>();
    let rows: Vec<Vec<f64>> = x.to_vec().chunks(3).map(<[f64]>::to_vec).collect();
    let count = layer.experts.len();
    let gates: Vec<Vec<f64>> = rows
        .iter()
        .map(|row| {
            softmax(&(0..count).map(|e| product(layer.gate.weight.value(), row, e)).collect::<Vec<_>>())
        })
        .collect();
    let order: Vec<Vec<usize>> = gates
        .iter()
        .map(|p| {
            let mut order: Vec<usize> = (0..count).collect();
            order.sort_by(|&a, &b| p[b].total_cmp(&p[a]));
            order[..chosen].to_vec()
        })
        .collect();
    let (mut out, mut taken, mut dropped) = (vec![0.0; tokens * 2], vec![0; count], 0);
    for rank in 0..chosen {
        for token in 0..tokens {
            let expert = order[token][rank];
            if taken[expert] == room {
                dropped += 1;
                continue;
            }
            taken[expert] += 1;
            let total: f64 = order[token].iter().map(|&e| gates[token][e]).sum();
            let weight = gates[token][expert] / if chosen > 1 { total } else { 1.0 };
            let expert = &layer.experts[expert];
            for o in 0..2 {
                let y = product(expert.weight.value(), &rows[token], o)
                    + expert.bias.as_ref().unwrap().value().at(&[o]);
                out[token * 2 + o] += weight * y;
            }
        }
    }
    (out, order.concat().into_iter().map(|e| e as i64).collect(), dropped)
}

fn check(chosen: usize, capacity: Option<f64>) -> Routed<f64> {
    let (layer, x) = (mixture(4, chosen), noise([10, 3], 2));
    let room = capacity.map_or(usize::MAX, |factor| (factor * (chosen * 10) as f64 / 4.0).ceil() as usize);
    let (want, experts, dropped) = naive(&layer, &x, chosen, room);
    let layer = match capacity {
        Some(factor) => layer.capacity(factor).unwrap(),
        None => layer,
    };
    let routed = layer.forward_routed(&Var::from(&x), &mut Context::eval());
    close(routed.output.value(), &want, 1e-12);
    assert_eq!((routed.experts.to_vec(), routed.dropped), (experts, dropped));
    routed
}

#[test]
fn tokens_go_where_the_router_says() {
    for chosen in 1..=4 {
        let routed = check(chosen, None);
        let logits = routed.logits.value();
        let (mut share, mut mean, mut z) = ([0.0; 4], [0.0; 4], 0.0);
        for row in 0..10 {
            let row = logits.select(0, row).to_vec();
            softmax(&row).iter().enumerate().for_each(|(e, p)| mean[e] += p / 10.0);
            z += row.iter().map(|x| x.exp()).sum::<f64>().ln().powi(2) / 10.0;
        }
        routed.experts.to_vec().iter().for_each(|&e| share[e as usize] += 0.1 / chosen as f64);
        let balance: f64 = share.iter().zip(mean).map(|(f, p)| 4.0 * f * p).sum();
        assert!((routed.balance_loss().item() - balance).abs() < 1e-12);
        assert!((routed.z_loss().item() - z).abs() < 1e-12);
    }
}

#[test]
fn full_experts_drop() {
    assert!(check(1, Some(1.0)).dropped > 0);
    assert!(check(2, Some(0.5)).dropped > 0);
    assert_eq!(check(2, Some(4.0)).dropped, 0);
}

#[test]
fn gradients_names_and_losses() {
    let mut layer = mixture(3, 2);
    let want = ["gate.weight", "experts.0.weight", "experts.0.bias", "experts.1.weight", "experts.1.bias"];
    assert_eq!(names(&layer)[..5], want);
    // The bias of an expert that nobody chose has no gradient: enough tokens that each is chosen.
    let x = noise([2, 8, 3], 3);
    check_layer(&mut layer, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let mut plain = mixture(3, 2).unnormalised();
    check_layer(&mut plain, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    let layer = mixture(3, 2);
    let losses = |x: &[Var<f64>]| {
        let routed = layer.forward_routed(&x[0], &mut Context::eval());
        routed.balance_loss() + routed.z_loss()
    };
    check_grads(losses, &[x], 2).unwrap();
}

/// Evenly spread, the balance loss is 1.
#[test]
fn even_routing_costs_one() {
    let mut layer = mixture(2, 1);
    *layer.gate.weight.value_mut() = Tensor::from([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]);
    let x = Tensor::from([[5.0, 1.0, 1.0], [-5.0, 2.0, 0.0]]);
    let routed = layer.forward_routed(&Var::from(x), &mut Context::eval());
    assert!((routed.balance_loss().item() - 1.0).abs() < 1e-9);
}

#[test]
fn no_tokens() {
    let layer = mixture(3, 2);
    let routed = layer.forward_routed(&Var::from(Tensor::zeros([0, 4, 3])), &mut Context::eval());
    assert_eq!(routed.output.dims(), [0, 4, 2]);
    assert_eq!((routed.balance_loss().item(), routed.z_loss().item()), (0.0, 0.0));
    assert_eq!(layer.parameter_count(), 9 + 3 * 8);
}
