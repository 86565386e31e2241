//! What constructors refuse, by their words; and what forward passes do.

use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::{Context, Layer};
use gradus_tensor::{Rng, Tensor};

use crate::common::noise;

#[track_caller]
fn refuses<L>(result: Result<L, LayerError>, want: &str) {
    match result {
        Ok(_) => panic!("accepted, but wanted: {want}"),
        Err(error) => assert_eq!(error.to_string(), want),
    }
}

fn linear() -> Linear<f64> {
    Linear::new(3, 2, &mut Rng::seed(0))
}

#[test]
fn probabilities() {
    let p = "but it must be a probability (0 ≤ p ≤ 1)";
    refuses(Dropout::new(1.2), &format!("Dropout: p is 1.2, {p}"));
    refuses(Dropout1d::new(-0.1), &format!("Dropout1d: p is -0.1, {p}"));
    refuses(Dropout2d::new(2.0), &format!("Dropout2d: p is 2, {p}"));
    refuses(Dropout3d::new(f64::NAN), &format!("Dropout3d: p is NaN, {p}"));
    refuses(ChannelDropout::new(1.2), &format!("ChannelDropout: p is 1.2, {p}"));
    refuses(DropPath::new(1.2), &format!("DropPath: p is 1.2, {p}"));
    refuses(AlphaDropout::new(1.2), &format!("AlphaDropout: p is 1.2, {p}"));
    refuses(FeatureAlphaDropout::new(-1.0), &format!("FeatureAlphaDropout: p is -1, {p}"));
    refuses(DropConnect::<_, f64>::new(linear(), 1.2), &format!("DropConnect: p is 1.2, {p}"));
    let rng = &mut Rng::seed(0);
    let attention = MultiheadAttention::<f32>::new(4, 2, rng).unwrap();
    refuses(attention.dropout(1.2), &format!("MultiheadAttention: dropout is 1.2, {p}"));
    let lora = LoraLinear::new(linear(), 1, 1.0, rng).unwrap();
    refuses(lora.dropout(1.2), &format!("LoraLinear: dropout is 1.2, {p}"));
    let transformer = TransformerBuilder::new(4, 2).dropout(1.2);
    refuses(transformer.encoder_layer::<f32>(rng), &format!("Transformer: dropout is 1.2, {p}"));
    refuses(GaussianNoise::new(-0.5), "GaussianNoise: std is -0.5, but it must be finite and ≥ 0");
}

#[test]
fn activations() {
    refuses(Softplus::new(0.0), "Softplus: beta is 0, but it must be finite and > 0");
    refuses(Hardtanh::new(1.0, 1.0), "Hardtanh: max is 1, but it must be larger than min, 1");
    refuses(Threshold::new(f64::NAN, 0.0), "Threshold: threshold is NaN, but it must be a number");
    refuses(RRelu::new(0.4, 0.1), "RRelu: upper is 0.1, but it must be finite and at least lower, 0.4");
    refuses(Maxout::new(0), "Maxout: pieces is 0, but it must be at least 1");
}

#[test]
fn shapes_and_norms() {
    let rng = &mut Rng::seed(0);
    refuses(Bilinear::<f32>::new(0, 2, 3, rng), "Bilinear: first is 0, but it must be at least 1");
    refuses(Unflatten::new(1, &[]), "Unflatten: sizes is [], but it must be 1 to 8 lengths");
    let eps = "but it must be finite and ≥ 0";
    refuses(InstanceNorm1d::<f32>::new(3).eps(-1.0), &format!("InstanceNorm1d: eps is -1, {eps}"));
    refuses(BatchNorm2d::<f32>::new(3).eps(-1.0), &format!("BatchNorm2d: eps is -1, {eps}"));
    refuses(LayerNorm::<f32>::new([3]).eps(f64::NAN), &format!("LayerNorm: eps is NaN, {eps}"));
    refuses(
        GroupNorm::<f32>::new(2, 3),
        "GroupNorm: groups is 2, but it must be a divisor of the 3 channels",
    );
    let momentum = "but it must be a fraction (0 ≤ momentum ≤ 1)";
    refuses(
        InstanceNorm2d::<f32>::new(3).momentum(1.5),
        &format!("InstanceNorm2d: momentum is 1.5, {momentum}"),
    );
    let embedding = || Embedding::<f32>::new(5, 2, &mut Rng::seed(0));
    refuses(embedding().max_norm(-1.0, 2.0), "Embedding: max_norm is -1, but it must be ≥ 0");
    refuses(embedding().max_norm(1.0, 0.0), "Embedding: p is 0, but it must be > 0, or infinite");
    let bag = EmbeddingBag::<f32>::new(5, 2, BagMode::Sum, rng);
    refuses(bag.padding(7), "EmbeddingBag: padding is 7, but it must be an index of the vocabulary 0 .. 5");
}

#[test]
fn attention_and_positions() {
    let rng = &mut Rng::seed(0);
    let name = "MultiheadAttention";
    refuses(
        MultiheadAttention::<f32>::new(10, 0, rng),
        "MultiheadAttention: heads is 0, but it must be a divisor of the 10 features",
    );
    refuses(
        MultiheadAttention::<f32>::cross(10, 4, 2, 2, rng),
        "MultiheadAttention: heads is 4, but it must be a divisor of the 10 features",
    );
    refuses(
        MultiheadAttention::<f32>::cross(4, 2, 0, 2, rng),
        "MultiheadAttention: key_size is 0, but it must be at least 1",
    );
    let attention = || MultiheadAttention::<f32>::new(8, 2, &mut Rng::seed(0)).unwrap();
    refuses(attention().scale(f64::INFINITY), &format!("{name}: scale is inf, but it must be finite"));
    let rotary = Rotary::new(6).unwrap();
    refuses(
        attention().rotary(rotary),
        &format!("{name}: rotary's size is 6, but it must be a head's 4 features"),
    );
    let bias = RelativeBias::new(8, 20, 3, rng).unwrap();
    refuses(
        attention().relative_bias(bias),
        &format!("{name}: relative bias's heads is 3, but it must be the layer's 2"),
    );
    refuses(Rotary::<f32>::new(5), "Rotary: size is 5, but it must be even and at least 2");
    refuses(Rotary::<f32>::new(4).unwrap().base(0.0), "Rotary: base is 0, but it must be finite and > 0");
    refuses(
        Rotary::<f32>::new(4).unwrap().partial(6),
        "Rotary: turned is 6, but it must be even and in 2 ..= 4",
    );
    refuses(SinusoidalPositions::new(0), "SinusoidalPositions: size is 0, but it must be at least 1");
    refuses(
        LearnedPositions::<f32>::new(0, 2, rng),
        "LearnedPositions: positions is 0, but it must be at least 1",
    );
    refuses(
        RelativeBias::<f32>::new(7, 20, 2, rng),
        "RelativeBias: buckets is 7, but it must be even and at least 4",
    );
    refuses(
        RelativeBias::<f32>::new(32, 8, 2, rng),
        "RelativeBias: max_distance is 8, but it must be more than half of the 16 buckets of a direction",
    );
}

#[test]
fn stacks_experts_and_wrappers() {
    let rng = &mut Rng::seed(0);
    let like = TransformerBuilder::new(4, 2);
    refuses(like.encoder::<f32>(0, rng), "TransformerEncoder: layers is 0, but it must be at least 1");
    refuses(like.decoder::<f32>(0, rng), "TransformerDecoder: layers is 0, but it must be at least 1");
    refuses(
        like.feed_forward(0).decoder_layer::<f32>(rng),
        "Transformer: feed_forward is 0, but it must be at least 1",
    );
    refuses(like.eps(-1.0).encoder_layer::<f32>(rng), "LayerNorm: eps is -1, but it must be finite and ≥ 0");
    refuses(
        TransformerBuilder::new(4, 3).transformer::<f32>(1, 1, rng),
        "MultiheadAttention: heads is 3, but it must be a divisor of the 4 features",
    );
    refuses(Crf::<f32>::new(0, rng), "Crf: tags is 0, but it must be at least 1");
    refuses(
        LoraLinear::new(linear(), 3, 1.0, rng),
        "LoraLinear: rank is 3, but it must be 1 ..= 2 for 3 inputs and 2 outputs",
    );
    refuses(LoraLinear::new(linear(), 1, f64::NAN, rng), "LoraLinear: alpha is NaN, but it must be finite");
    refuses(
        MixtureOfExperts::<Linear<f64>, f64>::new(3, vec![], 1, rng),
        "MixtureOfExperts: experts is 0, but it must be at least 1",
    );
    refuses(
        MixtureOfExperts::new(3, vec![linear()], 2, rng),
        "MixtureOfExperts: chosen is 2, but it must be 1 ..= 1, the experts",
    );
    let mixture = MixtureOfExperts::new(3, vec![linear()], 1, rng).unwrap();
    refuses(mixture.capacity(0.0), "MixtureOfExperts: capacity is 0, but it must be finite and > 0");
    let names = r#"one of the layer's parameters ["weight", "bias"]"#;
    refuses(
        WeightNorm::<_, f64>::of(linear(), "wait", Some(0)),
        &format!("WeightNorm: weight is wait, but it must be {names}"),
    );
    refuses(
        WeightNorm::<_, f64>::of(linear(), "weight", Some(2)),
        "WeightNorm: axis is 2, but it must be less than 2, the axes",
    );
    refuses(
        SpectralNorm::<_, f64>::of(linear(), "bias", rng),
        "SpectralNorm: weight's shape is [2], but it must be two axes or more, none of them empty",
    );
    let spectral = SpectralNorm::<_, f64>::new(linear(), rng).unwrap();
    refuses(spectral.iterations(0), "SpectralNorm: iterations is 0, but it must be at least 1");
    refuses(
        DropConnect::<_, f64>::of(linear(), &["nothing"], 0.5),
        &format!("DropConnect: weight is nothing, but it must be {names}"),
    );
}

fn eval(layer: &dyn Layer<f64>, x: Tensor<f64>) {
    let _ = layer.forward(&Var::from(x), &mut Context::eval());
}

#[test]
#[should_panic(expected = "Unflatten: sizes do not fit the axis: [2, 6] and [2, 2] (6 ≠ 4)")]
fn sizes_fit() {
    eval(&Unflatten::new(1, &[2, 2]).unwrap(), noise([2, 6], 1));
}

#[test]
#[should_panic(expected = "glu: an axis of odd length: [2, 3] (3 along axis -1)")]
fn gates_want_two_halves() {
    eval(&Glu::default(), noise([2, 3], 1));
}

#[test]
#[should_panic(expected = "maxout: pieces do not divide the axis: [2, 3] (3 along axis 1, 2 pieces)")]
fn pieces_fit() {
    eval(&Maxout::new(2).unwrap(), noise([2, 3], 1));
}

#[test]
#[should_panic(expected = "InstanceNorm2d: not [N, C, H, W] or [C, H, W]: [2, 3] (2 axes)")]
fn instances_have_positions() {
    eval(&InstanceNorm2d::<f64>::new(3), noise([2, 3], 1));
}

#[test]
#[should_panic(
    expected = "InstanceNorm1d: a sample's variance needs more than one value per channel: [2, 3, 1] (1 < 2)"
)]
fn instances_have_several_values() {
    let layer = InstanceNorm1d::<f64>::new(3);
    let _ = layer.forward(&Var::from(noise([2, 3, 1], 1)), &mut Context::train(&mut Rng::seed(0)));
}

#[test]
#[should_panic(expected = "Bilinear: inputs do not fit the weight: [5, 3], [4, 4] and [2, 3, 4]")]
fn bilinear_inputs_fit() {
    let layer = Bilinear::<f64>::new(3, 4, 2, &mut Rng::seed(0)).unwrap();
    let _ = layer.forward(&Var::from(noise([5, 3], 1)), &Var::from(noise([4, 4], 1)), &mut Context::eval());
}

fn bag(tokens: Tensor<i64>, offsets: &[usize], mode: BagMode, factors: Option<Var<f64>>) {
    let layer = EmbeddingBag::<f64>::new(6, 2, mode, &mut Rng::seed(0));
    let _ = layer.forward_bags(&tokens, offsets, factors.as_ref(), &mut Context::eval());
}

#[test]
#[should_panic(expected = "EmbeddingBag: no such index: 6 at [2] of [3] (vocabulary 0 .. 6)")]
fn bags_name_a_wrong_index() {
    bag(Tensor::from([0_i64, 5, 6]), &[0], BagMode::Sum, None);
}

#[test]
#[should_panic(expected = "EmbeddingBag: offsets do not fit: [0, 4] for [3] (from 0, rising, at most 3)")]
fn offsets_fit() {
    bag(Tensor::from([0_i64, 5, 4]), &[0, 4], BagMode::Sum, None);
}

#[test]
#[should_panic(expected = "EmbeddingBag: factors belong to sums, but the mode is Mean")]
fn factors_belong_to_sums() {
    bag(Tensor::from([0_i64, 5, 4]), &[0], BagMode::Mean, Some(Var::from(noise([3], 1))));
}

#[test]
#[should_panic(expected = "EmbeddingBag: factors do not fit the indices: [2] and [3]")]
fn factors_fit() {
    bag(Tensor::from([0_i64, 5, 4]), &[0], BagMode::Sum, Some(Var::from(noise([2], 1))));
}

#[test]
#[should_panic(expected = "Rotary: not […, T, D]: [2, 3, 6] (D = 4, 3 positions)")]
fn rotations_fit() {
    let _ = Rotary::<f64>::new(4).unwrap().turn(&Var::from(noise([2, 3, 6], 1)), 0);
}
