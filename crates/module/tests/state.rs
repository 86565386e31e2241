//! State out of a model and into it, frozen parameters, and the updates that ride with gradients.

use gradus_autodiff::{Cotangents, Gradients, Op, Save, Saved, Update, Var, apply};
use gradus_module::{
    Buffer, Context, Counter, Layer, LoadError, Module, Param, State, Trace, apply_updates, summary,
};
use gradus_tensor::{AnyTensor, DType, Float, Rng, Shape, Tensor};

#[derive(Module)]
struct Affine<T: Float = f32> {
    weight: Param<T>,
    bias: Param<T>,
}

impl<T: Float> Affine<T> {
    fn new(inputs: usize, outputs: usize) -> Self {
        let weight = Tensor::from_fn([outputs, inputs], |i| T::of((i[0] * inputs + i[1]) as f64));
        Self { weight: Param::new(weight), bias: Param::new(Tensor::ones([outputs])) }
    }
}

impl<T: Float> Layer<T> for Affine<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let y = x.linear(&self.weight, Some(&self.bias));
        cx.record("Affine", Some(&self.weight), &y, (x.len() * self.bias.len()) as u64);
        y
    }
}

#[derive(Module)]
struct Net {
    layers: Vec<Affine>,
    mean: Buffer,
    steps: Counter,
}

fn net() -> Net {
    Net {
        layers: vec![Affine::new(3, 2), Affine::new(2, 1)],
        mean: Buffer::new([4.0, 8.0]),
        steps: Counter::new(7),
    }
}

#[test]
fn state_and_load_are_inverse() {
    let state = net().state();
    let names: Vec<&str> = state.names().collect();
    assert_eq!(
        names,
        ["layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "mean", "steps"]
    );
    assert_eq!(state.get("steps").map(|x| (x.dtype(), x.cast::<i64>().item())), Some((DType::I64, 7)));
    let mut other = net();
    *other.layers[0].weight.value_mut() *= 9.0;
    other.mean.value_mut().make_mut()[1] = -1.0;
    other.steps.increment();
    other.load(&state).unwrap();
    for ((name, a), (_, b)) in state.iter().zip(other.state().iter()) {
        assert_eq!(a.cast::<f64>().to_vec(), b.cast::<f64>().to_vec(), "{name}");
    }
    // A state is a copy: writing to the model leaves it as it is.
    *other.layers[0].weight.value_mut() *= 2.0;
    assert_eq!(state.get("layers.0.weight").unwrap().cast::<f32>().to_vec(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
}

#[test]
fn load_converts_the_element_type() {
    let state = Affine::<f64>::new(2, 2).state();
    let mut single = Affine::<f32>::new(2, 2);
    *single.weight.value_mut() *= 0.0;
    single.load(&state).unwrap();
    assert_eq!(single.weight.value().to_vec(), [0.0, 1.0, 2.0, 3.0]);
}

#[test]
fn load_reports_all_that_does_not_fit_and_changes_nothing() {
    let mut state = State::default();
    state.push("layers.0.weight", Tensor::from([[5.0_f32; 3]; 2]));
    state.push("layers.1.weight", Tensor::from([[5.0_f32]]));
    state.push("layers.1.bias", Tensor::from([5.0_f32, 6.0]));
    state.push("mean", Tensor::from([5.0_f32, 6.0]));
    state.push("head.weight", Tensor::from([1.0_f32]));
    state.push("layers.0.weigth", Tensor::from([1.0_f32]));
    let mut model = net();
    let before = model.state();
    let error: LoadError = model.load(&state).unwrap_err();
    assert_eq!(error.missing, ["layers.0.bias", "steps"]);
    assert_eq!(error.unexpected, ["head.weight", "layers.0.weigth"]);
    let shape = |dims: &[usize]| Shape::new(dims);
    let wrong = [
        ("layers.1.weight".to_owned(), shape(&[1, 2]), shape(&[1, 1])),
        ("layers.1.bias".to_owned(), shape(&[1]), shape(&[2])),
    ];
    assert_eq!(error.mismatched, wrong);
    let text = error.to_string();
    for part in
        ["layers.0.bias, steps", "head.weight, layers.0.weigth", "layers.1.weight is [1, 2]", "[1, 1]"]
    {
        assert!(text.contains(part), "{text}");
    }
    for ((name, a), (_, b)) in before.iter().zip(model.state().iter()) {
        assert_eq!(a.cast::<f64>().to_vec(), b.cast::<f64>().to_vec(), "{name}");
    }
}

#[test]
fn states_nest_and_replace() {
    let mut state = State::default();
    state.push_all("encoder", &Affine::<f32>::new(2, 1).state());
    state.push("encoderx.weight", Tensor::from([0.0_f32]));
    state.push("encoder.bias", Tensor::from([3.5_f32]));
    assert_eq!(state.names().collect::<Vec<_>>(), ["encoder.weight", "encoder.bias", "encoderx.weight"]);
    let below = state.below("encoder");
    assert_eq!(below.names().collect::<Vec<_>>(), ["weight", "bias"]);
    assert_eq!(below.get("bias").unwrap().cast::<f32>().item(), 3.5);
    assert!((state.len(), state.is_empty(), state.below("enc").is_empty()) == (3, false, true));
}

#[test]
fn frozen_parameters_get_no_gradient() {
    let mut model = net();
    model.set_trainable(false, &|path| path.starts_with("layers.0."));
    let forward = |model: &Net| {
        let x = Var::constant(Tensor::from([[1.0, 2.0, 3.0]]));
        let cx = &mut Context::eval();
        model.layers[1].forward(&model.layers[0].forward(&x, cx), cx).sum().backward()
    };
    let gradients = forward(&model);
    assert_eq!(gradients.len(), 2);
    assert!(gradients.of(&model.layers[0].weight).is_none() && model.layers[0].weight.leaf_id().is_none());
    // d(w₁·h + b)/dw₁ = h = W₀·x + b₀.
    assert_eq!(gradients.of(&model.layers[1].weight).unwrap().to_vec(), [9.0, 27.0]);
    // Frozen still means: part of the state, and of the count.
    assert_eq!((model.state().len(), model.parameter_count()), (6, 6 + 2 + 2 + 1));
    let value = model.layers[0].weight.value().to_vec();
    model.set_trainable(true, &|_| true);
    assert_eq!((forward(&model).len(), model.layers[0].weight.value().to_vec()), (4, value));
    let id = model.layers[0].weight.leaf_id();
    model.set_trainable(true, &|_| true);
    assert_eq!(model.layers[0].weight.leaf_id(), id, "what is trained already keeps its name");
}

#[test]
fn clones_are_parameters_of_their_own() {
    let mut a = Param::<f32>::new([1.0, 2.0]);
    let b = a.clone();
    assert_ne!(a.leaf_id(), b.leaf_id());
    a.set_trainable(false, &|_| true);
    assert!(!a.clone().is_trainable());
    assert_ne!(Counter::new(1).clone().id(), Counter::new(1).id());
    let buffer = Buffer::<f32>::new([1.0]);
    assert_ne!(buffer.clone().id(), buffer.id());
}

/// The identity, with updates.
struct Ride<T: Float>(Vec<Update<T>>);

impl<T: Float> Op<T> for Ride<T> {
    fn name(&self) -> &'static str {
        "ride"
    }
    fn saves(&self) -> Save {
        Save::NOTHING
    }
    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].clone()
    }
    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.clone())]
    }
    fn updates(&self) -> &[Update<T>] {
        &self.0
    }
}

#[test]
fn updates_apply_in_order_and_only_to_their_targets() {
    let mut model = net();
    let other = Counter::new(0);
    let average = |value: [f32; 2], momentum| Update::Average {
        target: model.mean.id(),
        value: value.into(),
        momentum,
    };
    let count = Update::Count { target: model.steps.id() };
    let stranger = Update::Count { target: other.id() };
    let x = Var::leaf([1.0_f32]);
    let once = apply(Ride(vec![average([0.0, 16.0], 0.25), count.clone()]), &[&x]);
    let twice = apply(Ride(vec![average([1.0, 0.0], 0.5), count, stranger]), &[&once]);
    let mut gradients = twice.sum().backward();
    apply_updates(&mut model, &gradients);
    // 4·¾ + 0·¼ = 3, (3 + 1)/2 = 2; 8·¾ + 16·¼ = 10, (10 + 0)/2 = 5.
    assert_eq!((model.mean.value().to_vec(), model.steps.value()), (vec![2.0, 5.0], 9));
    // Updates of a merged part come after the own ones.
    let mut merged: Gradients = gradients.clone();
    merged.merge(std::mem::take(&mut gradients));
    assert_eq!(merged.updates().count(), 10);
    assert_eq!(merged.of(&x).unwrap().to_vec(), [2.0]);
    apply_updates(&mut model, &Gradients::<f32>::default());
    assert_eq!(model.steps.value(), 9);
}

#[test]
fn a_packed_weight_is_never_that_of_yesterday() {
    let x = Tensor::<f64>::from([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]);
    let mut weight = Param::new([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]);
    let check = |weight: &Param<f64>| {
        assert_eq!(x.matmul_packed(weight.packed(), None), x.matmul(&weight.value().t()));
        assert!(std::ptr::eq(weight.packed(), weight.packed()), "packed once");
    };
    check(&weight);
    let before = weight.clone();
    *weight.value_mut() *= 2.0; // in place, as an optimizer does
    check(&weight);
    gradus_module::Entry::set(&mut weight, &AnyTensor::new(&Tensor::<f64>::full([3, 2], 7.0)));
    check(&weight);
    gradus_module::Entry::set_trainable(&mut weight, false);
    check(&weight);
    check(&before);
    assert_ne!(x.matmul_packed(weight.packed(), None), x.matmul_packed(before.packed(), None));
}

#[test]
fn a_summary_lists_what_ran() {
    let model = net();
    let x = Var::constant(Tensor::<f32>::ones([5, 3]));
    let table = summary(&model, |cx| {
        let h = model.layers[0].forward(&x, cx).relu();
        cx.record::<f32>("Relu", None, &h, 0);
        let y = model.layers[1].forward(&h, cx);
        assert!(!y.has_gradient() && !cx.is_training());
    });
    let rows: Vec<(&str, &str, usize, u64)> =
        table.rows.iter().map(|r| (r.path.as_str(), r.kind, r.parameters, r.multiply_adds)).collect();
    assert_eq!(rows, [("layers.0", "Affine", 8, 30), ("", "Relu", 0, 0), ("layers.1", "Affine", 3, 10)]);
    assert_eq!((table.rows[0].output, table.parameters), (Shape::new(&[5, 2]), 11));
    let text = table.to_string();
    assert!(text.starts_with("layer") && text.ends_with("11 parameters, 40 multiply-adds"), "{text}");
}

#[test]
fn contexts_know_what_they_are() {
    let mut rng = Rng::seed(1);
    let mut cx = Context::train(&mut rng);
    assert!(cx.is_training() && cx.rng().is_some());
    let mut trace: Vec<Trace> = Vec::new();
    assert!(!Context::traced(&mut trace).is_training() && Context::eval().rng().is_none());
}

#[test]
fn integers_are_no_weights_and_floats_no_counts() {
    let mut model = (Param::new([1.0_f32, 2.0]), Counter::new(3));
    let mut state = State::default();
    state.push("0", Tensor::from([7_i64, 8]));
    state.push("1", Tensor::scalar(4.0_f32));
    let error = model.load(&state).unwrap_err();
    assert_eq!(error.retyped.len(), 2);
    assert!(error.to_string().contains("0 holds f32 in the model and i64 in the state"), "{error}");
    assert_eq!((model.0.value().to_vec(), model.1.value()), (vec![1.0, 2.0], 3));
    let mut doubles = State::default();
    doubles.push("0", Tensor::from([0.5_f64, 0.25]));
    doubles.push("1", Tensor::scalar(9_i32));
    model.load(&doubles).unwrap();
    assert_eq!((model.0.value().to_vec(), model.1.value()), (vec![0.5, 0.25], 9));
}
