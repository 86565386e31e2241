//! Matrix products in bf16: what is rounded, what is not, and that a model learns all the same.

use gradus_autodiff::Var;
use gradus_layers::{
    BatchNorm1d, Conv2d, LayerNorm, Linear, Lstm, MultiheadAttention, Relu, Sequential, Softmax,
};
use gradus_module::{Context, Layer, Module};
use gradus_tensor::{Isa, Precision, Rng, Tensor, with_isa, with_threads};

fn noise(shape: &[usize], seed: u64) -> Tensor<f32> {
    Tensor::normal(shape, 0.0, 1.0, &mut Rng::seed(seed))
}

fn half<'a>() -> Context<'a> {
    Context::eval().in_precision(Precision::Bf16)
}

/// y = bf16(x)·bf16(W)ᵀ + b, and the same rounding in both gradients, against products in double precision.
#[test]
fn linear_rounds_operands_and_nothing_else() {
    let layer = Linear::<f32>::new(70, 33, &mut Rng::seed(1));
    let x = Var::leaf(noise(&[4, 10, 70], 2));
    let seed = noise(&[4, 10, 33], 3);
    let double = |x: &Tensor<f32>| x.cast::<f64>();
    let round = |x: &Tensor<f32>| double(&x.rounded(Precision::Bf16));
    let y = layer.forward(&x, &mut half());
    let bias = layer.bias.as_ref().map(|bias| double(bias.value()));
    let weight = layer.weight.value();
    let want = round(x.value()).matmul_bias(&round(weight).t(), bias.as_ref());
    let close = |got: &Tensor<f32>, want: &Tensor<f64>, what: &str| {
        let worst = (double(got) - want).abs().to_vec().into_iter().fold(0.0, f64::max);
        assert!(
            worst < 1e-5 * (1.0 + want.abs().to_vec().into_iter().fold(0.0, f64::max)),
            "{what}: off by {worst}"
        );
    };
    close(y.value(), &want, "value");
    let gradients = y.backward_with(seed.clone());
    let rows = seed.reshape([40, 33]);
    let of_x = round(&seed).matmul(&round(weight));
    let of_weight = round(&rows).t().matmul(&round(&x.value().reshape([40, 70])));
    let gradient = |x: &Var<f32>| gradients.of(x).cloned().unwrap_or_else(|| Tensor::zeros(*x.shape()));
    close(&gradient(&x), &of_x, "gradient of x");
    close(&gradient(&layer.weight), &of_weight, "gradient of the weight");
    if let Some(bias) = &layer.bias {
        close(&gradient(bias), &double(&rows).sum_axes(&[0], false), "gradient of the bias");
    }
}

/// What must stay in full precision does, to the bit.
#[test]
fn all_other_layers_take_no_notice() {
    let rng = &mut Rng::seed(5);
    let image = Conv2d::builder(3, 4, 3).build::<f32>(rng).map_err(|e| e.to_string());
    let lstm = Lstm::<f32>::builder(6, 5).build(rng).map_err(|e| e.to_string());
    let same = |layer: &dyn Layer<f32>, shape: &[usize]| {
        let x = Var::constant(noise(shape, 9));
        assert_eq!(layer.forward(&x, &mut half()).value(), layer.forward(&x, &mut Context::eval()).value());
    };
    same(&LayerNorm::new([7]), &[5, 7]);
    same(&BatchNorm1d::new(7), &[5, 7]);
    same(&Softmax::new(-1), &[5, 7]);
    match (image, lstm) {
        (Ok(image), Ok(lstm)) => {
            same(&image, &[2, 3, 6, 6]);
            same(&lstm, &[4, 2, 6]);
        }
        (image, lstm) => panic!("{:?} {:?}", image.err(), lstm.err()),
    }
}

fn model(rng: &mut Rng) -> Sequential<f32> {
    Sequential::new().push(Linear::new(12, 64, rng)).push(Relu).push(Linear::new(64, 1, rng))
}

/// Losses of 200 steps of gradient descent on a smooth function.
fn train(precision: Precision) -> (Sequential<f32>, f64) {
    let mut model = model(&mut Rng::seed(3));
    let x = noise(&[256, 12], 4);
    let y = Var::constant(x.sum_axes(&[1], true).sin());
    let x = Var::constant(x);
    let mut loss = f64::NAN;
    for _ in 0..200 {
        let mut rng = Rng::seed(0);
        let mut cx = Context::train(&mut rng).in_precision(precision);
        let error = (model.forward(&x, &mut cx) - &y).square().mean();
        loss = error.item();
        let gradients = error.backward();
        model.visit_mut(&mut gradus_module::Path::root(), &mut |_, entry| {
            if let Some(param) = entry.as_any_mut().downcast_mut::<gradus_module::Param<f32>>()
                && let Some(gradient) = gradients.of(param).cloned()
            {
                *param.value_mut() = param.value() - &(gradient * 0.05);
            }
        });
    }
    (model, loss)
}

#[test]
fn a_model_learns_as_well() {
    let ((_, full), (model, half)) = (train(Precision::Full), train(Precision::Bf16));
    assert!(full < 0.5 && (half / full - 1.0).abs() < 0.02, "{half} in bf16, {full} in full");
    let mut kept = 0;
    model.visit(&mut gradus_module::Path::root(), &mut |_, entry| {
        let value = entry.value().get::<f32>().cloned().unwrap_or_else(|| panic!("not f32"));
        kept += usize::from(value.rounded(Precision::Bf16) != value);
    });
    assert!(kept >= 2, "master weights are full");
}

#[test]
fn bits_do_not_depend_on_threads_and_attention_projects_in_bf16() {
    let attention = MultiheadAttention::<f32>::new(64, 4, &mut Rng::seed(8)).map_err(|e| e.to_string());
    let attention = attention.unwrap_or_else(|error| panic!("{error}"));
    let x = Var::constant(noise(&[3, 50, 64], 1));
    let run = |threads| with_threads(threads, || attention.forward(&x, &mut half()).into_value());
    let one = run(1);
    assert!(run(2) == one && run(3) == one);
    let full = attention.forward(&x, &mut Context::eval()).into_value();
    let off = (&one - &full).abs().to_vec().into_iter().fold(0.0, f32::max);
    assert!(off > 0.0 && off < 0.02, "{off}");
    for isa in Isa::available() {
        let other = with_isa(isa, || attention.forward(&x, &mut half()).into_value());
        let off = (&other - &one).abs().to_vec().into_iter().fold(0.0, f32::max);
        assert!(off < 5e-3, "{isa}: {off}");
    }
}

/// What is computed again in the backward pass is computed in the same precision.
#[test]
fn checkpoints_keep_the_precision() {
    let layer = Linear::<f32>::new(9, 3, &mut Rng::seed(2));
    let x = Var::leaf(noise(&[6, 9], 4));
    let gradient = |y: Var<f32>| y.square().sum().backward().of(&x).cloned();
    let plain = gradient(layer.forward(&x, &mut half()));
    let again = gradient(gradus_module::checkpoint(&layer, &x, &mut half()));
    assert!(plain.is_some() && plain == again);
    assert!(plain != gradient(layer.forward(&x, &mut Context::eval())));
}
