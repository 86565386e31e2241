//! How the recorded ops are called: by the same name, on the same values as in the script.

use gradus_autodiff::{Var, choose};
use gradus_tensor::{AttentionOptions, Conv2dSpec, Float, Pool2dSpec, Tensor};

/// An op in both types.
pub(crate) struct Call {
    /// The name in the record.
    pub(crate) name: &'static str,
    /// In `f32`.
    pub(crate) single: fn(&[Var<f32>]) -> Var<f32>,
    /// In `f64`.
    pub(crate) double: fn(&[Var<f64>]) -> Var<f64>,
}

macro_rules! calls {
    ($($name:literal => |$x:ident| $call:expr;)*) => {
        vec![$(Call { name: $name, single: |$x: &[Var<f32>]| $call, double: |$x: &[Var<f64>]| $call }),*]
    };
}
pub(crate) use calls;

/// All calls.
pub(crate) fn table() -> Vec<Call> {
    [functions(), elementwise(), arithmetic(), reductions(), views(), picking(), products()]
        .into_iter()
        .flatten()
        .collect()
}

/// Calls without arguments.
macro_rules! methods {
    ($($name:ident)*) => {
        vec![$(Call { name: stringify!($name), single: |x| x[0].$name(), double: |x| x[0].$name() }),*]
    };
}

fn functions() -> Vec<Call> {
    methods! {
        abs sign neg square exp exp2 expm1 sin cos tan atan sinh cosh tanh asinh erf erfc normal_cdf normal_pdf floor ceil round
        trunc relu relu6 selu gelu gelu_tanh sigmoid log_sigmoid softplus silu mish softsign tanhshrink hardtanh hardsigmoid
        hardswish reciprocal sqrt rsqrt ln log2 log10 log1p asin acos atanh acosh sum mean t
    }
}

fn elementwise() -> Vec<Call> {
    calls! {
        "leaky_relu" => |x| x[0].leaky_relu(0.1);
        "elu" => |x| x[0].elu(0.7);
        "celu" => |x| x[0].celu(0.7);
        "hardshrink" => |x| x[0].hardshrink(0.8);
        "softshrink" => |x| x[0].softshrink(0.8);
        "add_scalar" => |x| x[0].add_scalar(1.75);
        "mul_scalar" => |x| x[0].mul_scalar(-1.75);
        "clamp" => |x| x[0].clamp(-1.0, 1.5);
        "powf" => |x| x[0].powf(2.5);
    }
}

fn arithmetic() -> Vec<Call> {
    calls! {
        "add" => |x| &x[0] + &x[1];
        "sub" => |x| &x[0] - &x[1];
        "mul" => |x| &x[0] * &x[1];
        "div" => |x| &x[0] / &x[1];
        "maximum" => |x| x[0].maximum(&x[1]);
        "maximum/ties" => |x| x[0].maximum(&x[1]);
        "minimum" => |x| x[0].minimum(&x[1]);
        "pow" => |x| x[0].pow(&x[1]);
        "choose" => |x| choose(&Tensor::from([[true, false, true], [false, false, true]]), &x[0], &x[1]);
    }
}

fn reductions() -> Vec<Call> {
    calls! {
        "sum_axes" => |x| x[0].sum_axes(&[0, 2], false);
        "mean_axes" => |x| x[0].mean_axes(&[1], true);
        "var_axes" => |x| x[0].var_axes(&[0, 2], 1.0, false);
        "max_axes" => |x| x[0].max_axes(&[0, 2], false);
        "max_axes/ties" => |x| x[0].max_axes(&[1], false);
        "min_axes" => |x| x[0].min_axes(&[1], true);
        "sum_to" => |x| x[0].sum_to(&[4, 1].into());
        "softmax" => |x| x[0].softmax(1);
        "softmax/large" => |x| x[0].softmax(-1);
        "log_softmax" => |x| x[0].log_softmax(1);
        "log_softmax/large" => |x| x[0].log_softmax(-1);
        "logsumexp" => |x| x[0].logsumexp(1, false);
    }
}

fn views() -> Vec<Call> {
    calls! {
        "reshape" => |x| x[0].reshape([3, 4]);
        "flatten" => |x| x[0].flatten(1, 2);
        "permute" => |x| x[0].permute(&[2, 0, 1]);
        "transpose" => |x| x[0].transpose(0, -1);
        "expand" => |x| x[0].expand([4, 3, 5]);
        "unsqueeze" => |x| x[0].unsqueeze(1);
        "squeeze" => |x| x[0].squeeze(1);
        "slice" => |x| x[0].slice(0, 1, 6, 2);
        "narrow" => |x| x[0].narrow(1, 2, 3);
        "select" => |x| x[0].select(1, 2);
        "flip" => |x| x[0].flip(1);
        "split" => |x| x[0].split(2, 1)[1].clone();
        "unfold" => |x| x[0].unfold(1, 3, 2);
        "diagonal" => |x| x[0].diagonal(1, 0, 2);
        "roll" => |x| x[0].roll(-2, 1);
        "pad" => |x| x[0].pad(&[(0, 3), (2, 1)], 0.5);
    }
}

fn picking() -> Vec<Call> {
    calls! {
        "cat" => |x| Var::cat(&[&x[0], &x[1]], 1);
        "stack" => |x| Var::stack(&[&x[0], &x[1]], 1);
        "index_select" => |x| x[0].index_select(0, &rows());
        "gather" => |x| x[0].gather(1, &places());
        "scatter_add" => |x| x[0].scatter_add(1, &places(), &x[1]);
        "index_add" => |x| x[0].index_add(0, &rows(), &x[1]);
    }
}

fn rows() -> Tensor<i64> {
    Tensor::from([2, 0, 2, 1])
}

fn places() -> Tensor<i64> {
    Tensor::from([[2, 0], [1, 1], [0, 0]])
}

fn products() -> Vec<Call> {
    calls! {
        "matmul" => |x| x[0].matmul(&x[1]);
        "matmul/batch" => |x| x[0].matmul(&x[1]);
        "matmul/vectors" => |x| x[0].matmul(&x[1]);
        "linear" => |x| x[0].linear(&x[1], Some(&x[2]));
        "conv2d" => |x| x[0].conv2d(&x[1], Some(&x[2]), Conv2dSpec { stride: [2, 2], padding: [1, 1], groups: 2, ..Conv2dSpec::default() });
        "conv2d_relu" => |x| x[0].conv2d_relu(&x[1], Some(&x[2]), Conv2dSpec { padding: [1, 1], ..Conv2dSpec::default() });
        "max_pool2d" => |x| x[0].max_pool2d(windows());
        "avg_pool2d" => |x| x[0].avg_pool2d(windows());
        "adaptive_avg_pool2d" => |x| x[0].adaptive_avg_pool2d([3, 2]);
        "scaled_dot_product_attention" => |x| x[0].scaled_dot_product_attention(&x[1], &x[2], &causal());
        "attention_weights" => |x| x[0].attention_weights(&x[1], &AttentionOptions::new());
    }
}

fn windows() -> Pool2dSpec {
    Pool2dSpec { stride: [2, 2], padding: [1, 1], ..Pool2dSpec::new([3, 3]) }
}

fn causal<T: Float>() -> AttentionOptions<T> {
    AttentionOptions::new().causal()
}
