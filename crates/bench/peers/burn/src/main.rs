//! The workloads in burn, on its flex backend with AVX-512 in its `gemm`.
//!
//! It exists to be compared with. It must never know how another library does them.
#![forbid(unsafe_code)]

mod models;

use std::hint::black_box;

use burn::module::{Module, Param};
use burn::nn::loss::{CrossEntropyLossConfig, MseLoss, Reduction};
use burn::nn::{LayerNorm, LayerNormConfig};
use burn::optim::{AdamConfig, AdamWConfig, GradientsParams, ModuleOptimizer};
use burn::tensor::activation::{gelu, gelu_approximate, softmax};
use burn::tensor::{Device, Distribution, Int, Tensor, TensorData};
use models::{Cnn, Mlp, Recurrent, ResNet, Shape, Transformer};
use peer_common::{Failure, Job, PRODUCTS, Peer, random};

const REST: [&str; 19] = [
    "mlp_train",
    "tiny_train",
    "cnn_train",
    "lstm_train",
    "gpt_train",
    "resnet18_infer",
    "resnet18_infer+",
    "gpt2_prefill",
    "gpt2_decode",
    "minilm_b1",
    "minilm_b16",
    "softmax",
    "layer_norm",
    "gelu",
    "gelu_tanh",
    "sum",
    "add_bcast",
    "transpose",
    "adam",
];

fn normal<const D: usize>(shape: [usize; D], device: &Device) -> Tensor<D> {
    Tensor::random(shape, Distribution::Normal(0.0, 1.0), device)
}

fn tokens(rows: usize, columns: usize, vocabulary: usize, device: &Device) -> Tensor<2, Int> {
    let draw = |x: &f32| ((x + 0.5) * vocabulary as f32) as i64;
    let numbers: Vec<_> = random(rows * columns).iter().map(draw).collect();
    Tensor::from_data(TensorData::new(numbers, [rows, columns]), device)
}

fn product(name: &str) -> Result<Job, Failure> {
    let &(_, [m, k, n], layout) =
        PRODUCTS.iter().find(|product| product.0 == name).ok_or("unknown workload")?;
    let device = Device::flex();
    let a = if layout == "tn" { normal([k, m], &device).transpose() } else { normal([m, k], &device) };
    let b = if layout == "nt" { normal([n, k], &device).transpose() } else { normal([k, n], &device) };
    Ok(Job::new("", move || drop(black_box(a.clone().matmul(b.clone())))))
}

/// A model, its optimizer and its loss.
struct Training<M> {
    model: Option<M>,
    optimizer: ModuleOptimizer,
    loss: Box<dyn Fn(&M) -> Tensor<1>>,
}

impl<M: Module + 'static> Training<M> {
    fn new(model: M, optimizer: ModuleOptimizer, loss: impl Fn(&M) -> Tensor<1> + 'static) -> Self {
        Self { model: Some(model), optimizer, loss: Box::new(loss) }
    }

    fn step(&mut self) -> Tensor<1> {
        // INVARIANT: only a step that panicked leaves none behind, and its job is dropped.
        let model = self.model.take().expect("a step that panicked is the last one");
        let loss = (self.loss)(&model);
        let gradients = GradientsParams::from_grads(loss.backward(), &model);
        self.model = Some(self.optimizer.step(1e-3, model, gradients));
        loss
    }

    fn job(mut self) -> Job {
        let parameters = self.model.as_ref().map_or(0, Module::num_params);
        let facts = format!("params={parameters} loss={:.4}", self.step().into_scalar::<f32>());
        Job::new(facts, move || drop(black_box(self.step())))
    }
}

fn cross_entropy(logits: Tensor<2>, y: Tensor<1, Int>) -> Tensor<1> {
    let device = logits.device();
    CrossEntropyLossConfig::new().init(&device).forward(logits, y)
}

fn tiny() -> Training<Mlp> {
    let device = Device::flex().autodiff();
    let (x, y) = (normal([32, 10], &device), normal([32, 1], &device));
    let loss =
        move |model: &Mlp| MseLoss::new().forward(model.forward(x.clone()), y.clone(), Reduction::Mean);
    Training::new(Mlp::new(&[10, 64, 1], &device), AdamConfig::new().init(), loss)
}

fn train(name: &str) -> Job {
    let device = Device::flex().autodiff();
    let adam = AdamConfig::new().init();
    let classes = tokens(1, 64, 10, &device).flatten(0, 1);
    let task = |b, t| (tokens(b, t, 96, &device), tokens(t, b, 96, &device).flatten(0, 1));
    match name {
        "tiny_train" => tiny().job(),
        "mlp_train" => {
            let x = normal([64, 784], &device);
            let loss = move |model: &Mlp| cross_entropy(model.forward(x.clone()), classes.clone());
            Training::new(Mlp::new(&[784, 512, 256, 10], &device), adam, loss).job()
        }
        "cnn_train" => {
            let x = normal([64, 1, 28, 28], &device);
            let loss = move |model: &Cnn| cross_entropy(model.forward(x.clone()), classes.clone());
            Training::new(Cnn::new(&device), adam, loss).job()
        }
        "lstm_train" => {
            let (x, y) = task(32, 64);
            let loss =
                move |model: &Recurrent| cross_entropy(model.forward(x.clone()).flatten(0, 1), y.clone());
            Training::new(Recurrent::new(&device), adam, loss).job()
        }
        _ => {
            let (x, y) = task(8, 256);
            let logits = move |model: &Transformer| model.run(x.clone(), &mut [], 0, false).flatten(0, 1);
            let loss = move |model: &Transformer| cross_entropy(logits(model), y.clone());
            let optimizer = AdamWConfig::new().with_weight_decay(0.01).init();
            Training::new(Transformer::new(Shape::GPT, &device), optimizer, loss).job()
        }
    }
}

fn infer(name: &str) -> Result<Job, Failure> {
    let device = Device::flex();
    let (parameters, mut run): (usize, Box<dyn FnMut() -> Tensor<3>>) = match name {
        "resnet18_infer" | "resnet18_infer+" => {
            let (model, x) = (ResNet::new(name.ends_with('+'), &device), normal([1, 3, 224, 224], &device));
            (model.num_params(), Box::new(move || model.forward(x.clone()).unsqueeze()))
        }
        "gpt2_prefill" => {
            let (model, x) = (Transformer::new(Shape::GPT2, &device), tokens(1, 128, 50257, &device));
            (model.parameters(), Box::new(move || model.run(x.clone(), &mut [], 0, true)))
        }
        "gpt2_decode" => {
            let model = Transformer::new(Shape::GPT2, &device);
            let (mut caches, token) = (model.caches(256, &device), tokens(1, 1, 50257, &device));
            model.run(tokens(1, 128, 50257, &device), &mut caches, 0, true);
            let (parameters, mut position) = (model.parameters(), 127);
            let step = move || {
                // After 128 tokens it starts again behind the prefill.
                position = 128 + (position - 127) % 128;
                model.run(token.clone(), &mut caches, position, true)
            };
            (parameters, Box::new(step))
        }
        _ => {
            let rows = name.trim_start_matches("minilm_b").parse()?;
            let (model, x) = (Transformer::new(Shape::MINILM, &device), tokens(rows, 128, 30522, &device));
            (model.num_params(), Box::new(move || model.run(x.clone(), &mut [], 0, false)))
        }
    };
    let facts = format!("params={parameters} out={:?}", run().dims()).replace(", ", "x");
    Ok(Job::new(facts, move || drop(black_box(run()))))
}

fn operation(name: &str) -> Job {
    let device = Device::flex();
    let shape = if matches!(name, "sum" | "transpose") { [4096, 4096] } else { [4096, 1024] };
    let (x, row): (Tensor<2>, Tensor<1>) = (normal(shape, &device), normal([1024], &device));
    let norm: LayerNorm = LayerNormConfig::new(1024).init(&device);
    let rows = move |f: fn(Tensor<2>) -> Tensor<2>| {
        let x = x.clone();
        Job::new("", move || drop(black_box(f(x.clone()))))
    };
    match name {
        "softmax" => rows(|x| softmax(x, 1)),
        "gelu" => rows(gelu),
        "gelu_tanh" => rows(gelu_approximate),
        "sum" => rows(|x| x.sum().unsqueeze()),
        // A transpose is a view until something needs its elements in a row.
        "transpose" => rows(|x| x.transpose().reshape([1, 4096 * 4096])),
        _ => {
            let x: Tensor<2> = normal(shape, &device);
            if name == "layer_norm" {
                Job::new("", move || drop(black_box(norm.forward(x.clone()))))
            } else {
                Job::new("", move || drop(black_box(x.clone() + row.clone().unsqueeze())))
            }
        }
    }
}

/// Ten tensors of a million numbers each, as a model would have them.
#[derive(Module, Debug)]
struct Bag {
    tensors: Vec<Param<Tensor<2>>>,
}

fn adam() -> Job {
    let device = Device::flex().autodiff();
    let mut bag =
        Some(Bag { tensors: (0..10).map(|_| Param::from_tensor(normal([1000, 1000], &device))).collect() });
    let gradients: Vec<Tensor<2>> = (0..10).map(|_| normal([1000, 1000], &Device::flex())).collect();
    let mut optimizer = AdamConfig::new().init();
    Job::new("params=10000000", move || {
        // INVARIANT: only a step that panicked leaves none behind, and its job is dropped.
        let model = bag.take().expect("a step that panicked is the last one");
        let mut given = GradientsParams::new();
        for (parameter, gradient) in model.tensors.iter().zip(&gradients) {
            given.register(parameter.id, gradient.clone());
        }
        bag = Some(optimizer.step(1e-3, model, given));
    })
}

fn make(name: &str) -> Result<Job, Failure> {
    match name {
        _ if name.starts_with("sgemm") => product(name),
        _ if name.ends_with("_train") => Ok(train(name)),
        "adam" => Ok(adam()),
        _ if name.contains('_') && !matches!(name, "layer_norm" | "gelu_tanh" | "add_bcast") => infer(name),
        _ => Ok(operation(name)),
    }
}

fn first_loss() -> f32 {
    tiny().step().into_scalar()
}

fn main() -> Result<(), Failure> {
    let names = PRODUCTS.iter().map(|product| product.0).chain(REST).collect();
    peer_common::main(&Peer { version: "burn 0.22.1 (flex)", names, make, first_loss: Some(first_loss) })
}
