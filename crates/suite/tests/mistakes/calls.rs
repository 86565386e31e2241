//! The wrong calls, in the order in which a newcomer makes them.

use gradus::prelude::*;
use gradus_layers::{
    Conv2d, Dropout, Embedding, GroupNorm, LayerNorm, Linear, MaxPool2d, MultiheadAttention, Sequential,
};
use gradus_losses::{Reduction, bce_with_logits, cross_entropy, mse};
use gradus_module::{Context, Layer, Module, State};
use gradus_optimizers::Adam;

type Call = fn() -> Result<(), String>;

fn refused<V, E: std::fmt::Display>(answer: Result<V, E>) -> Result<(), String> {
    answer.map(|_| ()).map_err(|error| error.to_string())
}

fn taken<V>(_: V) -> Result<(), String> {
    Ok(())
}

fn noise(shape: impl Into<gradus::tensor::Shape>) -> Tensor<f32> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(1))
}

fn var(shape: impl Into<gradus::tensor::Shape>) -> Var<f32> {
    Var::leaf(noise(shape))
}

fn model() -> Sequential<f32> {
    let rng = &mut Rng::seed(1);
    Sequential::new().push(Linear::new(4, 3, rng)).push(Linear::new(3, 2, rng))
}

/// All, each with what is done wrong.
pub(crate) fn all() -> Vec<(&'static str, Call)> {
    tensors().into_iter().chain(layers()).chain(training()).collect()
}

fn tensors() -> Vec<(&'static str, Call)> {
    vec![
        ("a product whose inner sides differ", || taken(noise([32, 784]).matmul(&noise([128, 10])))),
        ("a sum of shapes that do not broadcast", || taken(noise([4, 3]) + noise([4, 2]))),
        ("a reshape to another number of elements", || taken(noise([4, 3]).reshape([5, 2]))),
        ("an axis that does not exist", || taken(noise([4, 3]).sum_axes(&[2], false))),
        ("parts of different widths, joined", || taken(Tensor::cat(&[&noise([2, 3]), &noise([2, 4])], 0))),
        ("a row that does not exist", || taken(noise([4, 3]).index_select(0, &Tensor::from([0_i64, 4])))),
        ("a slice past the end", || taken(noise([4, 3]).narrow(0, 3, 2))),
        ("the single element of a matrix", || taken(noise([4, 3]).item())),
        ("four axes taken as three", || taken(noise([1, 2, 3, 4]).dims::<3>())),
    ]
}

fn layers() -> Vec<(&'static str, Call)> {
    vec![
        ("a batch of the wrong width", || taken(model().forward(&var([8, 5]), &mut Context::eval()))),
        ("an image without channels", || {
            let conv = Conv2d::builder(3, 8, 3).build::<f32>(&mut Rng::seed(1)).map_err(|e| e.to_string())?;
            taken(conv.forward(&var([8, 28, 28]), &mut Context::eval()))
        }),
        ("groups that do not divide the channels", || {
            refused(Conv2d::builder(6, 8, 3).groups(4).build::<f32>(&mut Rng::seed(1)))
        }),
        ("a pooling border of more than half the window", || {
            refused(MaxPool2d::new(2).and_then(|pool| pool.padding(2)))
        }),
        ("a dropout of more than everything", || refused(Dropout::new(1.2))),
        ("heads that do not divide the width", || {
            refused(MultiheadAttention::<f32>::new(10, 3, &mut Rng::seed(1)))
        }),
        ("no heads", || refused(MultiheadAttention::<f32>::new(12, 0, &mut Rng::seed(1)))),
        ("norm groups that do not divide the channels", || refused(GroupNorm::<f32>::new(4, 6))),
        ("a norm over other features", || {
            taken(LayerNorm::<f32>::new([5]).forward(&var([2, 4]), &mut Context::eval()))
        }),
        ("a word outside the vocabulary", || {
            let embedding = Embedding::<f32>::new(100, 8, &mut Rng::seed(1));
            taken(embedding.forward(&Tensor::from([[1_i64, 2], [100, 3]]), &mut Context::eval()))
        }),
    ]
}

fn training() -> Vec<(&'static str, Call)> {
    vec![
        ("a class that does not exist", || {
            taken(cross_entropy(&var([3, 10]), &Tensor::from([1_i64, 10, 2]), Reduction::Mean))
        }),
        ("more targets than predictions", || {
            taken(cross_entropy(&var([3, 10]), &Tensor::from([1_i64, 2, 3, 4]), Reduction::Mean))
        }),
        ("a target column for a flat prediction", || taken(mse(&var([8]), noise([8, 1]), Reduction::Mean))),
        ("probabilities of another shape", || {
            taken(bce_with_logits(&var([8, 2]), noise([8]), Reduction::Mean))
        }),
        ("a gradient of a whole batch of losses", || taken(var([8]).square().backward())),
        ("a negative learning rate", || {
            let mut model = model();
            let loss = model.forward(&var([8, 4]), &mut Context::eval()).square().mean();
            refused(Adam::new(-1e-3).step(&mut model, &loss.backward()))
        }),
        ("an average that never forgets", || {
            let mut model = model();
            let loss = model.forward(&var([8, 4]), &mut Context::eval()).square().mean();
            refused(Adam::new(1e-3).betas(0.9, 1.0).step(&mut model, &loss.backward()))
        }),
        ("weights of another model", || {
            let mut state = State::default();
            state.push("0.weight", noise([3, 5]));
            state.push("0.bias", noise([3]));
            state.push("1.wieght", noise([2, 3]));
            refused(model().load(&state))
        }),
        ("a model file that is not there", || {
            refused(gradus::io::load(&mut model(), "no-such-folder/model.safetensors"))
        }),
    ]
}
