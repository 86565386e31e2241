//! The summary table's multiply-adds, counted by hand.

use gradus_autodiff::Var;
use gradus_layers::*;
use gradus_module::{Context, Layer, Module, Summary, summary};
use gradus_tensor::{AttentionOptions, Rng, Tensor};

fn of<M: Module>(
    model: &M,
    forward: impl FnOnce(&mut Context<'_>),
) -> (Summary, Vec<(String, &'static str, usize, u64)>) {
    let table = summary(model, forward);
    let rows = table.rows.iter().map(|r| (r.path.clone(), r.kind, r.parameters, r.multiply_adds)).collect();
    (table, rows)
}

fn ones(shape: &[usize]) -> Var<f32> {
    Var::constant(Tensor::ones(shape))
}

#[test]
fn convolution_and_linear() {
    let rng = &mut Rng::seed(0);
    let model = Sequential::<f32>::new()
        .push(Conv2d::builder(3, 8, 3).stride(2).padding(1).build::<f32>(rng).unwrap())
        .push(Relu)
        .push(Flatten::new())
        .push(Linear::new(8 * 4 * 4, 5, rng));
    let x = ones(&[2, 3, 8, 8]);
    let (table, rows) = of(&model, |cx| drop(model.forward(&x, cx)));
    // Each of 2·8·4·4 outputs sums 3·3·3 products; each of 2·5 sums 128.
    let want = [
        ("0".to_owned(), "Conv2d", 8 * 27 + 8, 2 * 8 * 16 * 27),
        (String::new(), "Relu", 0, 0),
        (String::new(), "Flatten", 0, 0),
        ("3".to_owned(), "Linear", 128 * 5 + 5, 2 * 5 * 128),
    ];
    assert_eq!(rows, want);
    assert_eq!(table.rows[0].output, [2, 8, 4, 4].into());
    assert_eq!(table.parameters, 8 * 27 + 8 + 645);
    let text = table.to_string();
    assert!(text.contains("Conv2d") && text.ends_with("869 parameters, 8,192 multiply-adds"), "{text}");
}

#[test]
fn attention() {
    let layer = MultiheadAttention::<f32>::new(8, 2, &mut Rng::seed(0)).unwrap();
    let (x, memory) = (ones(&[3, 5, 8]), ones(&[3, 7, 8]));
    let rows = |f: &dyn Fn(&mut Context<'_>)| of(&layer, |cx| f(cx)).1;
    // Projections of 15 tokens to 3·8 features, 15 × 5 products of 8 twice, and the way out.
    let own = rows(&|cx| drop(layer.forward(&x, cx)));
    let want = |first: u64| {
        [
            (String::new(), "MultiheadAttention", 8 * 24 + 24, first),
            ("out_proj".to_owned(), "Linear", 72, 15 * 8 * 8),
        ]
    };
    assert_eq!(own, want(15 * 8 * 24 + 2 * 15 * 5 * 8));
    // Across: 15 queries, 21 keys and values.
    let options = AttentionOptions::new();
    let across = rows(&|cx| drop(layer.attend([&x, &memory, &memory], &options, cx)));
    assert_eq!(across, want(15 * 8 * 8 + 2 * 21 * 8 * 8 + 2 * 15 * 7 * 8));
    let grouped = MultiheadAttention::<f32>::grouped(8, 4, 2, &mut Rng::seed(0)).unwrap();
    let (_, rows) = of(&grouped, |cx| drop(grouped.forward(&x, cx)));
    assert_eq!(rows[0].3, 15 * 8 * 16 + 2 * 15 * 5 * 8);
}

#[test]
fn recurrence() {
    let rng = &mut Rng::seed(0);
    let lstm = Lstm::builder(3, 4).layers(2).bidirectional().build::<f32>(rng).unwrap();
    let (table, rows) = of(&lstm, |cx| drop(lstm.forward(&ones(&[5, 2, 3]), cx)));
    // Per step and sequence: 4 gates of 4 states from inputs (3, then 8) and states (4), both directions.
    let each = 2 * (16 * (3 + 4) + 16 * (8 + 4));
    assert_eq!(rows, [(String::new(), "Lstm", table.parameters, 5 * 2 * each)]);
    let gru = Gru::builder(3, 4).build::<f32>(rng).unwrap();
    let (_, rows) = of(&gru, |cx| drop(gru.forward(&ones(&[5, 2, 3]), cx)));
    assert_eq!(rows[0].3, 5 * 2 * 12 * 7);
    let projected = Lstm::builder(3, 4).projection(2).build::<f32>(rng).unwrap();
    let (_, rows) = of(&projected, |cx| drop(projected.forward(&ones(&[5, 2, 3]), cx)));
    assert_eq!(rows[0].3, 5 * 2 * (16 * (3 + 2) + 2 * 4));
}

#[test]
fn a_transformer_layer_names_its_parts() {
    let layer =
        TransformerBuilder::new(8, 2).feed_forward(16).encoder_layer::<f32>(&mut Rng::seed(0)).unwrap();
    let (table, rows) = of(&layer, |cx| drop(layer.forward(&ones(&[5, 3, 8]), cx)));
    let paths: Vec<&str> = rows.iter().map(|row| row.0.as_str()).collect();
    assert_eq!(paths, ["self_attn", "self_attn.out_proj", "norm1", "linear1", "linear2", "norm2"]);
    let all: usize = rows.iter().map(|row| row.2).sum();
    assert_eq!(all, table.parameters, "every parameter is in one row");
    assert_eq!((rows[3].3, rows[4].3), (15 * 8 * 16, 15 * 16 * 8));
}
