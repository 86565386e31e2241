//! Low-rank adapters: nothing changes at first, merging changes nothing, and nothing but the adapter learns.

use gradus_autodiff::Var;
use gradus_layers::{Linear, LoraLinear};
use gradus_module::{Context, Layer, Module, Param};
use gradus_tensor::{Rng, Tensor};

use crate::common::{close, names, noise};

fn adapted() -> (Linear<f64>, LoraLinear<f64>) {
    let base = Linear::new(5, 4, &mut Rng::seed(1));
    let layer = LoraLinear::new(base.clone(), 2, 6.0, &mut Rng::seed(2)).unwrap();
    (base, layer)
}

#[test]
fn an_adapter_is_a_product_beside_the_weight() {
    let ((base, mut layer), x, cx) = (adapted(), Var::from(noise([3, 5], 3)), &mut Context::eval());
    assert_eq!(names(&layer), ["base_layer.weight", "base_layer.bias", "lora_A.weight", "lora_B.weight"]);
    assert_eq!((layer.lora_a.weight.dims(), layer.lora_b.weight.dims()), ([2, 5], [4, 2]));
    assert_eq!(layer.forward(&x, cx).value(), base.forward(&x, cx).value(), "B starts at 0");
    let bound = 1.0 / 5.0_f64.sqrt();
    assert!(layer.lora_a.weight.value().to_vec().iter().all(|a| a.abs() <= bound && *a != 0.0));
    layer.lora_b.weight = Param::new(noise([4, 2], 4));
    let (a, b) = (layer.lora_a.weight.value(), layer.lora_b.weight.value());
    let update = b.matmul(a) * 3.0;
    let want = x.value().matmul(&(base.weight.value() + &update).t()) + base.bias.as_ref().unwrap().value();
    close(layer.forward(&x, cx).value(), &want.to_vec(), 1e-12);
    close(&layer.update(), &update.to_vec(), 1e-12);

    let before = layer.base_layer.weight.value().to_vec();
    layer.merge();
    layer.merge();
    assert!(layer.is_merged());
    close(layer.forward(&x, cx).value(), &want.to_vec(), 1e-12);
    layer.unmerge();
    layer.unmerge();
    assert!(!layer.is_merged());
    close(layer.base_layer.weight.value(), &before, 1e-15);
    close(layer.forward(&x, cx).value(), &want.to_vec(), 1e-12);
    let plain = layer.clone().into_linear();
    assert!(plain.weight.is_trainable());
    close(plain.forward(&x, cx).value(), &want.to_vec(), 1e-12);
    assert_eq!(layer.rank_stabilised().scaling(), 3.0 * 2.0_f64.sqrt());
}

#[test]
fn only_the_adapter_learns() {
    let (_, mut layer) = adapted();
    layer.lora_b.weight = Param::new(noise([4, 2], 4));
    let x = Var::leaf(noise([3, 5], 5));
    let g = layer.forward(&x, &mut Context::eval()).square().sum().backward();
    assert!(g.of(&layer.base_layer.weight).is_none() && !layer.base_layer.weight.is_trainable());
    for (param, seed) in [(&layer.lora_a.weight, 1), (&layer.lora_b.weight, 2)] {
        // Central differences along one direction.
        let direction = noise(*param.shape(), seed);
        let at = |step: f64| {
            let mut moved = layer.clone();
            let change = &direction * step;
            let place = if seed == 1 { &mut moved.lora_a } else { &mut moved.lora_b };
            *place.weight.value_mut() += &change;
            moved.forward(&x, &mut Context::eval()).square().sum().item()
        };
        let numeric = (at(1e-5) - at(-1e-5)) / 2e-5;
        let analytic = (g.of(param).unwrap() * &direction).sum().item();
        assert!((numeric - analytic).abs() < 1e-6 * (1.0 + numeric.abs()), "{numeric} {analytic}");
    }
    // A clone learns no more than its original.
    assert!(!layer.clone().base_layer.weight.is_trainable());
}

#[test]
fn dropout_hits_the_adapter_alone() {
    let (base, layer) = adapted();
    let mut layer = layer.dropout(0.5).unwrap();
    let x = Var::from(noise([3, 5], 6));
    let run = |layer: &LoraLinear<f64>, seed| layer.forward(&x, &mut Context::train(&mut Rng::seed(seed)));
    assert_eq!(run(&layer, 1).value(), base.forward(&x, &mut Context::eval()).value());
    layer.lora_b.weight = Param::new(Tensor::ones([4, 2]));
    assert_ne!(run(&layer, 1).value(), run(&layer, 2).value());
    assert_eq!(run(&layer, 1).value(), run(&layer, 1).value());
    assert_eq!(layer.parameter_count(), 24 + 18);
}
