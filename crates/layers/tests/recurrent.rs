//! Recurrent layers against PyTorch's recorded results and gradients, their cells, and each other.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use crate::common::{check_layer, close, names, noise};
use gradus_autodiff::{Gradients, Var};
use gradus_layers::*;
use gradus_module::{Context, Layer, Module, Param, State, summary};
use gradus_tensor::{Rng, Tensor};

const RECORDED: &str = include_str!("golden/recurrent.csv");
const LENGTHS: [usize; 3] = [2, 4, 3];

/// A recorded tensor of a case, by name.
fn recorded(case: &str, name: &str) -> Option<Tensor<f64>> {
    let head = format!("{case},{name},");
    let row = RECORDED.lines().find_map(|line| line.strip_prefix(&head))?;
    let (dims, values) = row.split_once(',').unwrap();
    let dims: Vec<usize> = dims.split('x').map(|d| d.parse().unwrap()).collect();
    let values: Vec<f64> = values.split(',').map(|v| v.parse().unwrap()).collect();
    Some(Tensor::new(&dims[..], &values))
}

/// Checks results, gradients of parameters and of inputs against those of a case; `run` maps x, h0, c0 to y, h, c.
fn check<M: Module>(
    case: &str,
    mut model: M,
    run: impl Fn(&M, &Var<f64>, &Var<f64>, Option<&Var<f64>>) -> Vec<Var<f64>>,
) {
    let mut state = State::default();
    for name in names(&model) {
        state.push(&*name, recorded(case, &name).unwrap_or_else(|| panic!("{case}: no {name}")));
    }
    model.load(&state).unwrap();
    let leaf = |name| recorded(case, name).map(Var::leaf);
    let (x, h0, c0) = (leaf("x").unwrap(), leaf("h0").unwrap(), leaf("c0"));
    let results = run(&model, &x, &h0, c0.as_ref());
    let mut loss = Var::constant(0.0);
    for (result, name) in results.iter().zip(["y", "h", "c"]) {
        let want = recorded(case, name).unwrap();
        assert_eq!(result.shape(), want.shape(), "{case}: {name}");
        close(result.value(), &want.to_vec(), 1e-12);
        loss = loss + (result * Var::constant(recorded(case, &format!("w:{name}")).unwrap())).sum();
    }
    let gradients = loss.backward();
    let check = |name: &str, gradients: &Gradients<f64>, x: &Var<f64>| {
        let want = recorded(case, &format!("g:{name}")).unwrap();
        let got = gradients.of(x).unwrap_or_else(|| panic!("{case}: no gradient of {name}"));
        assert_eq!(got.shape(), want.shape(), "{case}: {name}");
        close(got, &want.to_vec(), 1e-12);
    };
    check("x", &gradients, &x);
    check("h0", &gradients, &h0);
    c0.iter().for_each(|c0| check("c0", &gradients, c0));
    for (name, entry) in model.entries() {
        check(&name, &gradients, entry.as_any().downcast_ref::<Param<f64>>().unwrap());
    }
}

#[expect(clippy::type_complexity, reason = "the shape that `check` takes")]
fn plain<M: Module>(
    forward: impl Fn(&M, &Var<f64>, Option<&Var<f64>>, &mut Context<'_>) -> (Var<f64>, Var<f64>),
) -> impl Fn(&M, &Var<f64>, &Var<f64>, Option<&Var<f64>>) -> Vec<Var<f64>> {
    move |m, x, h, _| {
        let (y, h) = forward(m, x, Some(h), &mut Context::eval());
        vec![y, h]
    }
}

fn lstm(m: &Lstm<f64>, x: &Var<f64>, h: &Var<f64>, c: Option<&Var<f64>>) -> Vec<Var<f64>> {
    let state = LstmState { hidden: h.clone(), cell: c.unwrap().clone() };
    let (y, LstmState { hidden, cell }) = m.forward_from(x, Some(&state), &mut Context::eval());
    vec![y, hidden, cell]
}

#[test]
fn rnn_is_pytorch_s() {
    let rng = &mut Rng::seed(0);
    check("rnn", Rnn::builder(2, 3).layers(2).build(rng).unwrap(), plain(Rnn::forward_from));
    let relu = Rnn::builder(2, 3).relu().bidirectional().build(rng).unwrap();
    check("rnn_relu", relu, plain(Rnn::forward_from));
}

#[test]
fn lstm_is_pytorch_s() {
    let rng = &mut Rng::seed(0);
    check("lstm", Lstm::builder(2, 3).layers(2).bidirectional().build(rng).unwrap(), lstm);
    let projected = Lstm::builder(2, 3).layers(2).bidirectional().projection(2).build(rng).unwrap();
    check("lstm_projection", projected, lstm);
    check("lstm_batch_first", Lstm::builder(2, 3).batch_first().without_bias().build(rng).unwrap(), lstm);
}

#[test]
fn gru_is_pytorch_s() {
    let gru = Gru::builder(2, 3).layers(2).bidirectional().build(&mut Rng::seed(0)).unwrap();
    check("gru", gru, plain(Gru::forward_from));
}

#[test]
fn packed_sequences_are_pytorch_s() {
    let rng = &mut Rng::seed(0);
    check("rnn_packed", Rnn::builder(2, 3).bidirectional().build(rng).unwrap(), |m: &Rnn<f64>, x, h, _| {
        let x = PackedSequence::pack_padded(x, &LENGTHS, false);
        let (y, h) = m.forward_packed(&x, Some(h), &mut Context::eval());
        vec![y.pad_packed(false).0, h]
    });
    let gru = Gru::builder(2, 3).layers(2).bidirectional().build(rng).unwrap();
    check("gru_packed", gru, |m: &Gru<f64>, x, h, _| {
        let x = PackedSequence::pack_padded(x, &LENGTHS, false);
        let (y, h) = m.forward_packed(&x, Some(h), &mut Context::eval());
        vec![y.pad_packed(false).0, h]
    });
    let lstm = Lstm::builder(2, 3).layers(2).bidirectional().projection(2).build(rng).unwrap();
    check("lstm_packed", lstm, |m: &Lstm<f64>, x, h, c| {
        let x = PackedSequence::pack_padded(x, &LENGTHS, false);
        let state = LstmState { hidden: h.clone(), cell: c.unwrap().clone() };
        let (y, LstmState { hidden, cell }) = m.forward_packed(&x, Some(&state), &mut Context::eval());
        let (y, lengths) = y.pad_packed(false);
        assert_eq!(lengths, LENGTHS);
        vec![y, hidden, cell]
    });
}

#[test]
fn names_are_those_of_pytorch_s_state_dict() {
    let layer =
        Lstm::builder(2, 3).layers(2).bidirectional().projection(2).build::<f64>(&mut Rng::seed(0)).unwrap();
    let of = |end: &str| {
        ["weight_ih", "weight_hh", "bias_ih", "bias_hh", "weight_hr"]
            .map(|name| format!("{name}_{end}"))
            .to_vec()
    };
    assert_eq!(names(&layer), ["l0", "l0_reverse", "l1", "l1_reverse"].map(of).concat());
    assert_eq!(layer.weights(1, true).weight_ih.dims(), [12, 4]);
    let cell: GruCell<f64> = GruCell::new(2, 3, &mut Rng::seed(0)).unwrap();
    assert_eq!(names(&cell), ["weight_ih", "weight_hh", "bias_ih", "bias_hh"]);
    assert_eq!(names(&cell.without_bias()), ["weight_ih", "weight_hh"]);
}

#[test]
fn a_layer_is_its_cells() {
    let rng = &mut Rng::seed(3);
    let cx = &mut Context::eval();
    let x = noise([4, 3, 2], 1);
    let step = |t: usize| Var::from(x.select(0, t));
    let lstm: Lstm<f64> = Lstm::builder(2, 5).build(rng).unwrap();
    let mut cell: LstmCell<f64> = LstmCell::new(2, 5, rng).unwrap();
    let w = lstm.weights(0, false);
    (cell.weight_ih, cell.weight_hh) = (w.weight_ih.clone(), w.weight_hh.clone());
    (cell.bias_ih, cell.bias_hh) = (w.bias_ih.clone(), w.bias_hh.clone());
    let (y, last) = lstm.forward_from(&Var::from(&x), None, cx);
    let mut state = None;
    for t in 0..4 {
        let next = cell.forward(&step(t), state.as_ref(), cx);
        close(next.hidden.value(), &y.value().select(0, t).to_vec(), 1e-14);
        state = Some(next);
    }
    close(state.unwrap().cell.value(), &last.cell.value().to_vec(), 1e-14);

    let gru: Gru<f64> = Gru::builder(2, 5).without_bias().build(rng).unwrap();
    let mut cell: GruCell<f64> = GruCell::new(2, 5, rng).unwrap().without_bias();
    let w = gru.weights(0, false);
    (cell.weight_ih, cell.weight_hh) = (w.weight_ih.clone(), w.weight_hh.clone());
    let y = gru.forward(&Var::from(&x), cx);
    let mut h: Option<Var<f64>> = None;
    for t in 0..4 {
        // One sequence without a batch.
        let one = cell.forward(&step(t).select(0, 1), h.as_ref().map(|h| h.select(0, 1)).as_ref(), cx);
        let next = cell.forward(&step(t), h.as_ref(), cx);
        close(one.value(), &next.value().select(0, 1).to_vec(), 1e-14);
        close(next.value(), &y.value().select(0, t).to_vec(), 1e-14);
        h = Some(next);
    }

    let rnn: Rnn<f64> = Rnn::builder(2, 5).relu().build(rng).unwrap();
    let mut cell: RnnCell<f64> = RnnCell::new(2, 5, rng).unwrap().relu();
    let w = rnn.weights(0, false);
    (cell.weight_ih, cell.weight_hh) = (w.weight_ih.clone(), w.weight_hh.clone());
    (cell.bias_ih, cell.bias_hh) = (w.bias_ih.clone(), w.bias_hh.clone());
    let y = rnn.forward(&Var::from(&x), cx);
    close(cell.forward(&step(0), None, cx).value(), &y.value().select(0, 0).to_vec(), 1e-14);
}

#[test]
fn gradients_are_those_of_finite_differences() {
    let rng = &mut Rng::seed(5);
    let x = noise([3, 2, 2], 2);
    let mut lstm: Lstm<f64> = Lstm::builder(2, 3).layers(2).bidirectional().projection(2).build(rng).unwrap();
    check_layer(&mut lstm, &x, |layer, x| layer.forward(x, &mut Context::eval()));
    check_layer(&mut lstm, &x, |layer, x| layer.forward_from(x, None, &mut Context::eval()).1.cell);
    let mut gru: Gru<f64> = Gru::builder(2, 3).batch_first().build(rng).unwrap();
    check_layer(&mut gru, &x, |layer, x| {
        let packed = PackedSequence::pack_padded(x, &[1, 2, 2], true);
        layer.forward_packed(&packed, None, &mut Context::eval()).0.data
    });
    let mut cell: LstmCell<f64> = LstmCell::new(2, 3, rng).unwrap();
    check_layer(&mut cell, &noise([2, 2], 3), |cell, x| cell.forward(x, None, &mut Context::eval()).cell);
}

#[test]
fn one_sequence_needs_no_batch() {
    let layer: Lstm<f64> = Lstm::builder(2, 3).bidirectional().build(&mut Rng::seed(1)).unwrap();
    let x = noise([4, 2], 1);
    let (one, one_state) = layer.forward_from(&Var::from(&x), None, &mut Context::eval());
    let (many, state) = layer.forward_from(&Var::from(x.unsqueeze(1)), None, &mut Context::eval());
    assert_eq!((one.dims(), one_state.hidden.dims()), ([4, 6], [2, 3]));
    assert_eq!(
        (one.value().to_vec(), one_state.cell.value().to_vec()),
        (many.value().to_vec(), state.cell.value().to_vec())
    );
    let again = layer.forward_from(&Var::from(&x), Some(&one_state), &mut Context::eval()).0;
    assert_ne!(again.value().to_vec(), one.value().to_vec());
}

#[test]
fn no_sequences_are_nothing() {
    let layer: Lstm<f64> =
        Lstm::builder(2, 3).bidirectional().projection(2).build(&mut Rng::seed(1)).unwrap();
    let x = Var::leaf(Tensor::zeros([4, 0, 2]));
    let (y, state) = layer.forward_from(&x, None, &mut Context::eval());
    assert_eq!((y.dims(), state.hidden.dims(), state.cell.dims()), ([4, 0, 4], [2, 0, 2], [2, 0, 3]));
    let gru: Gru<f64> = Gru::builder(2, 3).batch_first().build(&mut Rng::seed(1)).unwrap();
    assert_eq!(gru.forward(&Var::from(noise([0, 4, 2], 1)), &mut Context::eval()).dims(), [0, 4, 3]);
}

#[test]
#[should_panic(expected = "Gru: input is not [B, T, I] or [T, I] with I = 2")]
fn sequences_have_steps() {
    let gru: Gru<f64> = Gru::builder(2, 3).batch_first().build(&mut Rng::seed(1)).unwrap();
    let _ = gru.forward(&Var::from(noise([4, 0, 2], 1)), &mut Context::eval());
}

#[test]
fn packing_and_padding_undo_each_other() {
    let sequences: Vec<Var<f64>> =
        LENGTHS.iter().map(|&length| Var::leaf(noise([length, 2], length as u64))).collect();
    let packed = PackedSequence::pack(&sequences.iter().collect::<Vec<_>>());
    assert_eq!((packed.batch_sizes.sizes(), packed.lengths()), (&[3, 3, 2, 1][..], LENGTHS.to_vec()));
    let (padded, lengths) = packed.pad_packed(true);
    assert_eq!((padded.dims(), &lengths[..]), ([3, 4, 2], &LENGTHS[..]));
    for (b, sequence) in sequences.iter().enumerate() {
        let row = padded.value().select(0, b);
        assert_eq!(row.narrow(0, 0, LENGTHS[b]), *sequence.value());
        assert!(row.narrow(0, LENGTHS[b], 4 - LENGTHS[b]).to_vec().iter().all(|&x| x == 0.0));
    }
    let gradients = (padded * 2.0).sum().backward();
    assert!(gradients.of(&sequences[0]).unwrap().to_vec().iter().all(|&g| g == 2.0));
}

#[test]
fn dropout_lies_between_layers_and_only_in_training() {
    let layer: Gru<f64> = Gru::builder(2, 8).layers(2).dropout(0.5).build(&mut Rng::seed(1)).unwrap();
    let x = Var::from(noise([3, 4, 2], 1));
    let eval = layer.forward(&x, &mut Context::eval());
    let (first, second) = (
        layer.forward(&x, &mut Context::train(&mut Rng::seed(1))),
        layer.forward(&x, &mut Context::train(&mut Rng::seed(2))),
    );
    assert_ne!(first.value().to_vec(), second.value().to_vec());
    assert_ne!(first.value().to_vec(), eval.value().to_vec());
    // Nothing is dropped behind the last layer.
    assert!(first.value().to_vec().iter().all(|&y| y != 0.0));
}

#[test]
fn layers_start_as_in_pytorch_and_say_what_they_cost() {
    let layer: Lstm<f64> = Lstm::builder(8, 64).build(&mut Rng::seed(1)).unwrap();
    for (name, entry) in layer.entries() {
        let values = entry.value().cast::<f64>().abs().to_vec();
        let most = values.into_iter().fold(0.0, f64::max);
        assert!(most <= 0.125 && most > 0.12, "{name}: {most}");
    }
    let x = Var::from(noise([5, 2, 8], 1));
    let table = summary(&layer, |cx| drop(layer.forward(&x, cx)));
    assert_eq!((table.rows[0].kind, table.rows[0].multiply_adds), ("Lstm", 10 * 256 * (8 + 64)));
}

#[test]
fn builders_refuse_nonsense() {
    let rng = &mut Rng::seed(0);
    let error = |builder: LstmBuilder, rng: &mut Rng| builder.build::<f64>(rng).unwrap_err().to_string();
    assert_eq!(error(Lstm::builder(0, 1), rng), "Lstm: inputs is 0, but it must be at least 1");
    assert_eq!(error(Lstm::builder(1, 0), rng), "Lstm: hidden size is 0, but it must be at least 1");
    assert_eq!(error(Lstm::builder(1, 1).layers(0), rng), "Lstm: layers is 0, but it must be at least 1");
    let text = "Lstm: dropout is 0.5, but it must be 0 with one layer: it lies between layers";
    assert_eq!(error(Lstm::builder(1, 1).dropout(0.5), rng), text);
    assert!(Gru::builder(1, 1).layers(2).dropout(1.5).build::<f64>(rng).is_err());
    let text = "Lstm: projection is 4, but it must be at least 1 and less than the hidden size, 4";
    assert_eq!(error(Lstm::builder(1, 4).projection(4), rng), text);
    assert!(RnnCell::<f64>::new(3, 0, rng).is_err());
}

#[test]
#[should_panic(expected = "Lstm: input is not [T, B, I] or [T, I] with I = 2: [4, 3, 3]")]
fn other_inputs_are_refused() {
    let layer: Lstm<f64> = Lstm::builder(2, 3).build(&mut Rng::seed(0)).unwrap();
    let _ = layer.forward(&Var::from(noise([4, 3, 3], 1)), &mut Context::eval());
}

#[test]
#[should_panic(expected = "Gru: hidden state does not fit: [1, 2, 3] (needs [1, 4, 3])")]
fn other_states_are_refused() {
    let layer: Gru<f64> = Gru::builder(2, 3).build(&mut Rng::seed(0)).unwrap();
    let h = Var::from(noise([1, 2, 3], 1));
    let _ = layer.forward_from(&Var::from(noise([5, 4, 2], 1)), Some(&h), &mut Context::eval());
}
