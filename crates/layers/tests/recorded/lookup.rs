//! Linear and bilinear maps, and vectors by number.

use gradus_layers::*;
use gradus_module::Param;
use gradus_tensor::{Float, Rng, Tensor};

use super::case::Case;

fn case(name: &'static str) -> Case {
    Case::new(include_str!("../golden/lookup.csv"), name)
}

fn maps<T: Float>() {
    let rng = &mut Rng::seed(0);
    for name in ["linear", "linear_vector", "linear_empty"] {
        case(name).layer(Linear::<T>::new(3, 4, rng));
    }
    case("linear_plain").layer(Linear::<T>::new(3, 4, rng).without_bias());
    for name in ["bilinear", "bilinear_plain", "bilinear_empty"] {
        let layer = Bilinear::<T>::new(3, 4, 2, rng).unwrap();
        let layer = if name == "bilinear_plain" { layer.without_bias() } else { layer };
        case(name).check(layer, |layer, x, cx| vec![layer.forward(&x[0], &x[1], cx)]);
    }
}

fn embeddings<T: Float>() {
    let new = || Embedding::<T>::new(6, 3, &mut Rng::seed(0));
    let check = |name: &'static str, layer: Embedding<T>| {
        let case = case(name);
        let tokens = case.indices("tokens");
        case.check(layer.clone(), |layer, _, cx| vec![layer.forward(&tokens, cx)]);
        // What PyTorch's forward pass leaves in the table.
        let mut layer = layer;
        case.load(&mut layer);
        layer.shorten(&tokens);
        case.close("the table", layer.weight.value(), &case.want("a:weight"));
    };
    check("embedding", new());
    check("embedding_padding", new().padding(3).unwrap());
    check("embedding_limit", new().max_norm(1.0, 2.0).unwrap());
    check("embedding_limit_one", new().max_norm(1.5, 1.0).unwrap());
    check("embedding_limit_most", new().max_norm(0.5, f64::INFINITY).unwrap());
}

fn bags<T: Float>() {
    let offsets =
        |case: Case| -> Vec<usize> { case.indices("offsets").to_vec().iter().map(|&o| o as usize).collect() };
    let modes = [(BagMode::Sum, "sum"), (BagMode::Mean, "mean"), (BagMode::Max, "max")];
    for (mode, of) in modes {
        for option in ["", "_padding", "_limit"] {
            let layer = EmbeddingBag::<T>::new(6, 3, mode, &mut Rng::seed(0));
            let layer = match option {
                "_padding" => layer.padding(4).unwrap(),
                "_limit" => layer.max_norm(1.0, 2.0).unwrap(),
                _ => layer,
            };
            let ragged = case(String::leak(format!("bag_{of}{option}")));
            let tokens = ragged.indices("tokens");
            ragged.check(layer.clone(), |layer, _, cx| {
                vec![layer.forward_bags(&tokens, &offsets(ragged), None, cx)]
            });
            let even = case(String::leak(format!("bag_even_{of}{option}")));
            let tokens = even.indices("tokens");
            even.check(layer, |layer, _, cx| vec![layer.forward(&tokens, cx)]);
        }
    }
    let new = || EmbeddingBag::<T>::new(6, 3, BagMode::Sum, &mut Rng::seed(0));
    let weighted = case("bag_weighted");
    weighted.check(new(), |layer, x, cx| {
        vec![layer.forward_bags(&weighted.indices("tokens"), &offsets(weighted), Some(&x[0]), cx)]
    });
    let even = case("bag_even_weighted");
    even.check(new().padding(4).unwrap(), |layer, x, cx| {
        vec![layer.forward_weighted(&even.indices("tokens"), Some(&x[0]), cx)]
    });
}

#[test]
fn linear_and_bilinear_maps() {
    maps::<f64>();
    maps::<f32>();
}

#[test]
fn vectors_by_number() {
    embeddings::<f64>();
    embeddings::<f32>();
}

#[test]
fn bags_of_vectors() {
    bags::<f64>();
    bags::<f32>();
}

#[test]
fn no_bags_are_nothing() {
    let layer = EmbeddingBag::<f64>::from_weight(Param::new(Tensor::ones([3, 2])), BagMode::Max);
    let cx = &mut gradus_module::Context::eval();
    assert_eq!(layer.forward(&Tensor::zeros([0, 4]), cx).dims(), [0, 2]);
    assert_eq!(layer.forward(&Tensor::zeros([2, 0]), cx).value().to_vec(), [0.0; 4]);
    assert_eq!(layer.forward_bags(&Tensor::zeros([0]), &[0, 0], None, cx).value().to_vec(), [0.0; 4]);
}
