//! The workloads in candle, with AVX-512 in its `gemm` and the machine's own instructions elsewhere.
//!
//! It exists to be compared with. It must never know how another library does them.
#![forbid(unsafe_code)]

mod models;
mod resnet;

use std::collections::HashMap;

use candle_core::{DType, Device, Module, Result, Tensor, Var};
use candle_nn::{AdamW, LayerNorm, Optimizer, ParamsAdamW, VarBuilder, VarMap, loss, ops};
use models::{Cnn, Lstm, Mlp, Shape, Transformer};
use peer_common::{Failure, Job, PRODUCTS, Peer, random};

const REST: [&str; 18] = [
    "mlp_train",
    "tiny_train",
    "cnn_train",
    "lstm_train",
    "gpt_train",
    "resnet18_infer",
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

fn normal<const N: usize>(shape: [usize; N]) -> Result<Tensor> {
    Tensor::randn(0f32, 1.0, shape.to_vec(), &Device::Cpu)
}

fn tokens(rows: usize, columns: usize, vocabulary: usize) -> Result<Tensor> {
    let draw = |x: &f32| ((x + 0.5) * vocabulary as f32) as u32;
    Tensor::from_vec(random(rows * columns).iter().map(draw).collect(), (rows, columns), &Device::Cpu)
}

/// A job of a step that can't fail once it is set up.
fn job<T: 'static>(
    facts: String,
    step: impl Fn() -> Result<T> + 'static,
) -> std::result::Result<Job, Failure> {
    step()?;
    Ok(Job::new(facts, move || drop(std::hint::black_box(step().unwrap_or_else(|error| panic!("{error}"))))))
}

fn product(name: &str) -> std::result::Result<Job, Failure> {
    let &(_, [m, k, n], layout) =
        PRODUCTS.iter().find(|product| product.0 == name).ok_or("unknown workload")?;
    let a = if layout == "tn" { normal([k, m])?.t()? } else { normal([m, k])? };
    let b = if layout == "nt" { normal([n, k])?.t()? } else { normal([k, n])? };
    job(String::new(), move || a.matmul(&b))
}

/// A model that is trained: its parameters and its loss.
type Trained = (VarMap, Box<dyn Fn() -> Result<Tensor>>);

/// From tokens to logits.
type Logits = Box<dyn Fn(&Tensor) -> Result<Tensor>>;

fn task(name: &str) -> Result<Trained> {
    let map = VarMap::new();
    let vb = VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu);
    let loss: Box<dyn Fn() -> Result<Tensor>> = match name {
        "tiny_train" => {
            let (model, x, y) = (Mlp::new(&[10, 64, 1], vb)?, normal([32, 10])?, normal([32, 1])?);
            Box::new(move || loss::mse(&model.forward(&x)?, &y))
        }
        "mlp_train" | "cnn_train" => {
            let y = tokens(1, 64, 10)?.flatten_all()?;
            let (model, x): (Box<dyn Module>, _) = if name == "mlp_train" {
                (Box::new(Mlp::new(&[784, 512, 256, 10], vb)?), normal([64, 784])?)
            } else {
                (Box::new(Cnn::new(vb)?), normal([64, 1, 28, 28])?)
            };
            Box::new(move || loss::cross_entropy(&model.forward(&x)?, &y))
        }
        _ => {
            let (model, [b, t]): (Logits, _) = if name == "lstm_train" {
                let model = Lstm::new(vb)?;
                (Box::new(move |x| model.forward(x)), [32, 64])
            } else {
                let model = Transformer::new(Shape::GPT, vb)?;
                (Box::new(move |x| model.run(x, None, 0, false)), [8, 256])
            };
            let (x, y) = (tokens(b, t, 96)?, tokens(t, b, 96)?.flatten_all()?);
            Box::new(move || loss::cross_entropy(&model(&x)?.flatten(0, 1)?, &y))
        }
    };
    Ok((map, loss))
}

/// Adam is AdamW without weight decay.
fn adam(variables: Vec<Var>, weight_decay: f64) -> Result<AdamW> {
    AdamW::new(variables, ParamsAdamW { lr: 1e-3, weight_decay, ..Default::default() })
}

fn count(map: &VarMap) -> usize {
    map.all_vars().iter().map(|variable| variable.elem_count()).sum()
}

fn train(name: &str) -> std::result::Result<Job, Failure> {
    let (map, loss) = task(name)?;
    let facts = format!("params={} loss={:.4}", count(&map), loss()?.to_scalar::<f32>()?);
    let mut optimizer = adam(map.all_vars(), if name == "gpt_train" { 0.01 } else { 0.0 })?;
    let mut step = move || optimizer.backward_step(&loss()?);
    Ok(Job::new(facts, move || step().unwrap_or_else(|error| panic!("{error}"))))
}

/// A model whose weights want no gradients, and its number of parameters.
fn frozen<M>(build: impl Fn(VarBuilder) -> Result<M>) -> Result<(M, usize)> {
    let map = VarMap::new();
    build(VarBuilder::from_varmap(&map, DType::F32, &Device::Cpu))?;
    let variables = map.data().lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let detach = |(name, variable): (&String, &Var)| (name.clone(), variable.as_detached_tensor());
    let tensors: HashMap<_, _> = variables.iter().map(detach).collect();
    let trained = variables.iter().filter(|(name, _)| !name.contains("running"));
    let parameters = trained.map(|(_, variable)| variable.elem_count()).sum();
    Ok((build(VarBuilder::from_tensors(tensors, DType::F32, &Device::Cpu))?, parameters))
}

fn infer(name: &str) -> std::result::Result<Job, Failure> {
    let (run, parameters): (Box<dyn Fn() -> Result<Tensor>>, _) = match name {
        "resnet18_infer" => {
            let ((model, parameters), x) = (frozen(resnet::ResNet::new)?, normal([1, 3, 224, 224])?);
            (Box::new(move || model.forward(&x)), parameters)
        }
        "gpt2_prefill" => {
            let (model, parameters) = frozen(|vb| Transformer::new(Shape::GPT2, vb))?;
            let x = tokens(1, 128, 50257)?;
            (Box::new(move || model.run(&x, None, 0, true)), parameters)
        }
        "gpt2_decode" => {
            let (model, parameters) = frozen(|vb| Transformer::new(Shape::GPT2, vb))?;
            let (caches, token) = (model.caches(256)?, tokens(1, 1, 50257)?);
            model.run(&tokens(1, 128, 50257)?, Some(&caches), 0, true)?;
            let position = std::cell::Cell::new(128);
            // After 128 tokens it starts again behind the prefill.
            let next = move || position.replace(128 + (position.get() - 127) % 128);
            (Box::new(move || model.run(&token, Some(&caches), next(), true)), parameters)
        }
        _ => {
            let (model, parameters) = frozen(|vb| Transformer::new(Shape::MINILM, vb))?;
            let x = tokens(name.trim_start_matches("minilm_b").parse()?, 128, 30522)?;
            (Box::new(move || model.run(&x, None, 0, false)), parameters)
        }
    };
    let facts = format!("params={parameters} out={:?}", run()?.dims()).replace(", ", "x");
    job(facts, run)
}

fn operation(name: &str) -> std::result::Result<Job, Failure> {
    let shape = if matches!(name, "sum" | "transpose") { [4096, 4096] } else { [4096, 1024] };
    let (x, row) = (normal(shape)?, normal([1024])?);
    let norm = LayerNorm::new(row.clone(), row.clone(), 1e-5);
    let step: Box<dyn Fn() -> Result<Tensor>> = match name {
        "softmax" => Box::new(move || ops::softmax_last_dim(&x)),
        "layer_norm" => Box::new(move || norm.forward(&x)),
        "gelu" => Box::new(move || x.gelu_erf()),
        "gelu_tanh" => Box::new(move || x.gelu()),
        "sum" => Box::new(move || x.sum_all()),
        "add_bcast" => Box::new(move || x.broadcast_add(&row)),
        _ => Box::new(move || x.t()?.contiguous()),
    };
    job(String::new(), step)
}

/// Ten tensors of a million numbers each, as a model would have them.
fn adam_step() -> std::result::Result<Job, Failure> {
    let variable = |_| Var::from_tensor(&normal([1000, 1000])?);
    let variables = (0..10).map(variable).collect::<Result<Vec<_>>>()?;
    let term = |variable: &Var| (variable.as_tensor() * normal([1000, 1000])?)?.sum_all();
    let terms = variables.iter().map(term).collect::<Result<Vec<_>>>()?;
    let gradients = Tensor::stack(&terms, 0)?.sum_all()?.backward()?;
    let mut optimizer = adam(variables, 0.0)?;
    Ok(Job::new("params=10000000", move || {
        optimizer.step(&gradients).unwrap_or_else(|error| panic!("{error}"))
    }))
}

fn make(name: &str) -> std::result::Result<Job, Failure> {
    match name {
        _ if name.starts_with("sgemm") => product(name),
        _ if name.ends_with("_train") => train(name),
        "adam" => adam_step(),
        _ if name.contains('_') && !matches!(name, "layer_norm" | "gelu_tanh" | "add_bcast") => infer(name),
        _ => operation(name),
    }
}

fn first_loss() -> f32 {
    let step = || {
        let (map, loss) = task("tiny_train")?;
        let value = loss()?;
        adam(map.all_vars(), 0.0)?.backward_step(&value)?;
        value.to_scalar()
    };
    step().unwrap_or_else(|error| panic!("{error}"))
}

fn main() -> std::result::Result<(), Failure> {
    let names = PRODUCTS.iter().map(|product| product.0).chain(REST).collect();
    peer_common::main(&Peer { version: "candle 0.11.1", names, make, first_loss: Some(first_loss) })
}
