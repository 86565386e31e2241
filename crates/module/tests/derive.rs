//! What `#[derive(Module)]` walks: every field once, in declaration order, under PyTorch's names.

use std::marker::PhantomData;

use gradus_module::{Buffer, Counter, Kind, Module, Param, Path};
use gradus_tensor::{Float, Tensor};

fn param(length: usize) -> Param {
    Param::new(Tensor::zeros([length]))
}

/// The paths of both walks, which must agree.
fn paths(model: &mut (impl Module + ?Sized)) -> Vec<String> {
    let shared: Vec<String> = model.entries().into_iter().map(|(path, _)| path).collect();
    let mut unique = Vec::new();
    model.visit_mut(&mut Path::root(), &mut |path, _| unique.push(path.to_string()));
    assert_eq!(shared, unique);
    shared
}

#[derive(Module)]
struct Affine {
    weight: Param,
    bias: Option<Param>,
}

fn affine(bias: bool) -> Affine {
    Affine { weight: param(2), bias: bias.then(|| param(1)) }
}

#[test]
fn named_fields_come_in_declaration_order() {
    #[derive(Module)]
    struct Mixed {
        zebra: Param,
        /// A documented field.
        pub(crate) layers: Vec<Affine>,
        pub apple: Box<Affine>,
        pair: (Affine, Buffer),
        #[module(skip)]
        name: String,
        many: [Param; 2],
        r#type: Counter,
        boxed: Vec<Box<dyn Module>>,
    }
    let mut model = Mixed {
        zebra: param(3),
        layers: vec![affine(true), affine(false)],
        apple: Box::new(affine(false)),
        pair: (affine(false), Buffer::new([0.0])),
        name: "not walked".into(),
        many: [param(1), param(1)],
        r#type: Counter::new(0),
        boxed: vec![Box::new(param(1)), Box::new(affine(true))],
    };
    let want = [
        "zebra",
        "layers.0.weight",
        "layers.0.bias",
        "layers.1.weight",
        "apple.weight",
        "pair.0.weight",
        "pair.1",
        "many.0",
        "many.1",
        "type",
        "boxed.0",
        "boxed.1.weight",
        "boxed.1.bias",
    ];
    assert_eq!(paths(&mut model), want);
    assert_eq!(model.name, "not walked");
    let kinds: Vec<Kind> = model.entries().iter().map(|(_, entry)| entry.kind()).collect();
    assert_eq!((kinds[6], kinds[9]), (Kind::Buffer, Kind::Counter));
    assert_eq!(model.parameter_count(), 3 + 2 + 1 + 2 + 2 + 2 + 1 + 1 + 1 + 2 + 1);
}

#[test]
fn tuple_and_unit_structs() {
    #[derive(Module)]
    struct Pair(pub Param, #[module(skip)] (), pub(crate) Vec<Affine>);
    #[derive(Module)]
    struct Nothing;
    #[derive(Module)]
    struct Empty {}
    // The number counts skipped fields too: it is the field's own.
    assert_eq!(paths(&mut Pair(param(1), (), vec![affine(false)])), ["0", "2.0.weight"]);
    assert!(paths(&mut Nothing).is_empty() && paths(&mut Empty {}).is_empty());
}

#[test]
fn fields_may_be_renamed_and_flattened() {
    #[derive(Module)]
    struct Block {
        #[module(rename = "self")]
        own: Affine,
        #[module(flatten)]
        inner: Affine,
    }
    let mut model = Block { own: affine(false), inner: affine(true) };
    assert_eq!(paths(&mut model), ["self.weight", "weight", "bias"]);
}

#[test]
fn enums_walk_the_fields_of_their_variant() {
    #[derive(Module)]
    enum Norm<T: Float = f32> {
        None,
        Scale { scale: Param<T>, shift: Buffer<T> },
        Layers(Box<Affine>, Vec<Affine>),
        Plain(#[module(flatten)] Affine),
    }
    #[derive(Module)]
    enum Never {}
    assert!(paths(&mut Norm::<f64>::None).is_empty());
    let mut scale = Norm::Scale { scale: Param::new([1.0_f64]), shift: Buffer::new([1.0]) };
    assert_eq!(paths(&mut scale), ["scale", "shift"]);
    assert_eq!(
        paths(&mut Norm::<f32>::Layers(Box::new(affine(false)), vec![affine(false)])),
        ["0.weight", "1.0.weight"]
    );
    assert_eq!(paths(&mut Norm::<f32>::Plain(affine(true))), ["weight", "bias"]);
    assert_eq!(size_of::<Never>(), 0);
}

#[derive(Module)]
struct Everything<
    'n,
    T: Float = f32,
    L = Affine,
    F: Fn(usize) -> Vec<usize> = fn(usize) -> Vec<usize>,
    const N: usize = 2,
> where
    T: Copy,
    L: Module,
{
    inner: L,
    many: Vec<[Param<T>; N]>,
    #[module(skip)]
    name: &'n str,
    #[module(skip)]
    shape: F,
    #[module(skip)]
    table: std::collections::BTreeMap<usize, Vec<u8>>,
    last: Buffer<T>,
}

#[test]
fn generics_of_every_sort() {
    let mut model = Everything::<f64, _, _, 3> {
        inner: affine(false),
        many: vec![std::array::from_fn(|_| Param::new([0.0]))],
        name: "n",
        shape: |n| vec![n],
        table: Default::default(),
        last: Buffer::new([0.0]),
    };
    assert_eq!(paths(&mut model), ["inner.weight", "many.0.0", "many.0.1", "many.0.2", "last"]);
    assert_eq!((model.name, (model.shape)(2), model.table.len()), ("n", vec![2], 0));
}

/// Without a bound of its own: a module where `L` is one.
#[derive(Module)]
struct Residual<L>(L, Option<Box<L>>);

#[derive(Module)]
struct Tagged<T, L: Module>
where
    L: Send,
{
    items: Vec<L>,
    #[module(skip)]
    tag: PhantomData<T>,
}

/// Holds itself.
#[derive(Module)]
struct Tree<L> {
    value: L,
    children: Vec<Tree<L>>,
}

#[test]
fn unbounded_parameters_are_modules_where_they_must_be() {
    assert_eq!(paths(&mut Residual(affine(false), None)), ["0.weight"]);
    let mut tagged = Tagged { items: vec![param(1)], tag: PhantomData::<String> };
    assert_eq!(paths(&mut tagged), ["items.0"]);
    let leaf = |children| Tree { value: param(1), children };
    assert_eq!(
        paths(&mut leaf(vec![leaf(vec![]), leaf(vec![])])),
        ["value", "children.0.value", "children.1.value"]
    );
}

macro_rules! declared {
    ($vis:vis $name:ident $field:ident: $ty:ty, $other:vis $second:ty) => {
        #[derive(Module)]
        $vis struct $name { $vis $field: $ty }
        #[derive(Module)]
        struct Second($other $second, $vis (Param, Affine));
    };
}
declared!(pub(crate) Declared field: Vec<Affine>, Option<Affine>);

#[test]
fn types_that_macros_write() {
    assert_eq!(paths(&mut Declared { field: vec![affine(false)] }), ["field.0.weight"]);
    assert_eq!(paths(&mut Second(None, (param(1), affine(false)))), ["1.0", "1.1.weight"]);
}
