//! What must hold for whole models: files repeat byte by byte, two runs of one seed give the same bits, every model
//! overfits one batch.
#![allow(clippy::unwrap_used)] // tests may stop at the first surprise

use gradus_autodiff::{Gradients, Var};
use gradus_layers::{
    BatchNorm1d, Flatten, Gru, InstanceNorm1d, LayerNorm, Linear, MixtureOfExperts, Relu, Sequential,
    SpectralNorm, SwiGlu, Tanh, TransformerBuilder, WeightNorm,
};
use gradus_losses::{Reduction, cross_entropy};
use gradus_module::{Context, Layer, Module, Param, Path, apply_updates};
use gradus_tensor::{Rng, Tensor, with_threads};

type Model = Sequential<f32>;
type Maker = fn(&mut Rng) -> Model;

/// A model per family of layers, all from `[16, 3, 4]` to `[16, 3]`.
fn models() -> Vec<(&'static str, Maker)> {
    vec![
        ("linear", |rng| Model::new().push(Flatten::new()).push(Linear::new(12, 3, rng))),
        ("perceptron", |rng| {
            Model::new()
                .push(Flatten::new())
                .push(Linear::new(12, 32, rng))
                .push(Relu)
                .push(Linear::new(32, 3, rng))
        }),
        ("layer norm", |rng| {
            let first =
                Model::new().push(Flatten::new()).push(Linear::new(12, 32, rng)).push(LayerNorm::new([32]));
            first.push(Tanh).push(Linear::new(32, 3, rng))
        }),
        ("batch norm", |rng| {
            let first =
                Model::new().push(Flatten::new()).push(Linear::new(12, 32, rng)).push(BatchNorm1d::new(32));
            first.push(Relu).push(Linear::new(32, 3, rng))
        }),
        ("transformer", |rng| {
            let like = TransformerBuilder::new(4, 2).feed_forward(16).dropout(0.0).batch_first();
            let encoder = like.final_norm().encoder(2, rng).unwrap();
            Model::new().push(encoder).push(Flatten::new()).push(Linear::new(12, 3, rng))
        }),
        ("recurrent", |rng| {
            let gru = Gru::builder(4, 16).batch_first().build(rng).unwrap();
            Model::new().push(gru).push(Flatten::new()).push(Linear::new(48, 3, rng))
        }),
        ("experts", |rng| {
            let experts = (0..4).map(|_| Linear::new(12, 32, rng)).collect();
            let mixture: MixtureOfExperts<Linear> = MixtureOfExperts::new(12, experts, 2, rng).unwrap();
            Model::new()
                .push(Flatten::new())
                .push(mixture)
                .push(SwiGlu::default())
                .push(Linear::new(16, 3, rng))
        }),
        ("wrapped", |rng| {
            let inside = SpectralNorm::<_, f32>::new(Linear::new(12, 32, rng), rng).unwrap();
            let outside = WeightNorm::<_, f32>::new(Linear::new(32, 3, rng)).unwrap();
            let norm = InstanceNorm1d::new(3).with_affine().with_running_statistics();
            Model::new().push(norm).push(Flatten::new()).push(inside).push(Relu).push(outside)
        }),
    ]
}

fn batch() -> (Var<f32>, Tensor<i64>) {
    let mut rng = Rng::seed(5);
    let x = Tensor::<f32>::normal([16, 3, 4], 0.0, 1.0, &mut rng);
    let labels: Vec<i64> = (0..16).map(|i| i * i % 3).collect();
    (Var::constant(x), Tensor::from(labels))
}

/// Gradient descent, written out: the suite must not lean on the optimizers that it will judge.
fn descend(model: &mut Model, gradients: &Gradients<f32>, rate: f32) {
    model.visit_mut(&mut Path::root(), &mut |_, entry| {
        let id = entry.leaf_id();
        let gradient = id.and_then(|id| gradients.get(id));
        if let (Some(gradient), Some(param)) = (gradient, entry.as_any_mut().downcast_mut::<Param<f32>>()) {
            *param.value_mut() -= &(gradient * rate);
        }
    });
    apply_updates(model, gradients);
}

fn train(model: &mut Model, steps: usize) -> Vec<f64> {
    let (x, labels) = batch();
    let mut rng = Rng::seed(9);
    let mut step = || {
        let logits = model.forward(&x, &mut Context::train(&mut rng));
        let loss = cross_entropy(&logits, &labels, Reduction::Mean);
        let value = loss.item();
        descend(model, &loss.backward(), 0.3);
        value
    };
    (0..steps).map(|_| step()).collect()
}

#[test]
fn every_model_overfits_one_batch() {
    for (name, new) in models().into_iter().skip(1) {
        let losses = train(&mut new(&mut Rng::seed(3)), 300);
        assert!(losses[299] < 0.02, "{name}: {} → {}", losses[0], losses[299]);
    }
}

#[test]
fn training_gives_the_same_bits_at_any_number_of_threads() {
    for (name, new) in models() {
        let run = |threads| {
            with_threads(threads, || {
                let mut model = new(&mut Rng::seed(3));
                let losses = train(&mut model, 20);
                let state = model.state();
                let bytes = gradus_io::state_to_bytes(&state, &Default::default()).unwrap();
                (losses, bytes)
            })
        };
        let one = run(1);
        assert!(one == run(1) && one == run(2) && one == run(3), "{name}");
    }
}

#[test]
fn a_file_that_is_loaded_and_saved_again_is_the_same_file() {
    let folder = tempfile::tempdir().unwrap();
    for (name, new) in models() {
        let mut model = new(&mut Rng::seed(3));
        train(&mut model, 3);
        let (first, second) =
            (folder.path().join("first.safetensors"), folder.path().join("second.safetensors"));
        gradus_io::save(&model, &first).unwrap();
        let mut other = new(&mut Rng::seed(4));
        gradus_io::load(&mut other, &first).unwrap();
        gradus_io::save(&other, &second).unwrap();
        assert_eq!(std::fs::read(&first).unwrap(), std::fs::read(&second).unwrap(), "{name}");
        let (x, _) = batch();
        let outputs = [&model, &other].map(|model| model.forward(&x, &mut Context::eval()).value().to_vec());
        assert_eq!(outputs[0], outputs[1], "{name}");
    }
}

#[test]
fn twenty_steps_are_ten_and_ten_more_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("half.safetensors");
    for (name, new) in models() {
        let mut whole = new(&mut Rng::seed(3));
        let losses = train(&mut whole, 20);
        let mut first = new(&mut Rng::seed(3));
        train(&mut first, 10);
        gradus_io::save(&first, &file).unwrap();
        let mut second = new(&mut Rng::seed(99));
        gradus_io::load(&mut second, &file).unwrap();
        assert_eq!(train(&mut second, 10), losses[10..], "{name}");
        let bytes = |model: &Model| gradus_io::state_to_bytes(&model.state(), &Default::default()).unwrap();
        assert!(bytes(&whole) == bytes(&second), "{name}");
    }
}
