//! Fails if a public op has no row. Ops are found by reading the sources, so that none can be forgotten in silence.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use gradus_suite::rows::table;
use gradus_tensor::Unary;

/// Why Fourier transforms have no row.
const FOURIER: &str = "behind a feature; compared with its sum in crates/tensor/tests/fft.rs, differentiated in crates/autodiff/tests/fourier.rs";

/// Methods of `Var` that need no row of their own, each with its reason.
const EXEMPT: &[(&str, &str)] = &[
    ("unary", "every elementwise row goes through it"),
    ("fft", FOURIER),
    ("ifft", FOURIER),
    ("rfft", FOURIER),
    ("irfft", FOURIER),
    ("matmul_in", "the row of matmul goes through it; bf16 is compared in crates/layers/tests/precision.rs"),
    ("linear_in", "the row of linear goes through it; bf16 is compared in crates/layers/tests/precision.rs"),
];

/// Methods of `Tensor` without a row (rows cover those that `Var` has too) that `tests/tensor.rs` need not call.
const EXEMPT_OF_TENSOR: &[(&str, &str)] = &[
    ("unary", "every elementwise row goes through it"),
    ("unary_derivative", "the gradient of every elementwise row goes through it"),
    ("unary_derivative_assign", "the gradient of every elementwise row goes through it"),
    ("unview", "the gradient of every view goes through it"),
    ("moved", "the order of movedim"),
    ("chunks", "the bounds of chunk"),
    ("pieces", "the bounds of split_sizes"),
    ("between", "the bounds of tensor_split"),
    ("index", "the places of pad_with"),
    ("softmax_grad", "the gradient of softmax"),
    ("log_softmax_grad", "the gradient of log_softmax"),
    ("conv2d_then", "the forward of conv2d_relu"),
    ("new", "of packed filters, which conv2d_by takes, and of specifications"),
    ("conv3d_then", "the forward of conv3d_relu"),
    ("conv3d_input_grad", "a gradient of conv3d"),
    ("conv3d_weight_grad", "a gradient of conv3d"),
    ("adjoint", "of the transposed convolution's specification; its rows go through it"),
    ("places", "of the patches' specification; wrong numbers fail the rows of im2col"),
    ("in_plane", "of the pooling specification; wrong windows fail the rows of pooling"),
    ("along_depth", "of the pooling specification; wrong windows fail the rows of max_pool3d"),
    ("is_last_of_equals", "of places; max_unpool goes through it"),
    ("inputs", "of a map along an axis"),
    ("outputs", "of a map along an axis"),
    ("transposed", "of a map along an axis: the gradient of map_axis"),
    ("axis_map", "of the specification of resizing; interpolate goes through it"),
    ("axis_maps", "of the specification of resizing; interpolate goes through it"),
    ("sample", "the forward of grid_sample"),
    ("sample_input_grad", "a gradient of grid_sample"),
    ("sample_weight_grad", "a gradient of grid_sample"),
    ("conv2d_by", "compared with conv2d_then bit by bit in crates/tensor/tests/conv.rs"),
    ("conv2d_by_onto", "compared with a sum bit by bit in crates/tensor/tests/conv.rs"),
    ("conv2d_input_grad", "a gradient of conv2d"),
    ("conv2d_weight_grad", "a gradient of conv2d"),
    ("max_pool2d_grad", "the gradient of max_pool2d"),
    ("max_pool2d_values", "compared with max_pool2d bit by bit in crates/tensor/tests/pool.rs"),
    ("max_pool2d_taps", "the forward of max_pool2d"),
    ("max_pool2d_taps_grad", "the gradient of max_pool2d"),
    ("avg_pool2d_grad", "the gradient of avg_pool2d"),
    ("adaptive_avg_pool2d_grad", "the gradient of adaptive_avg_pool2d"),
    ("sinc_derivative", "a gradient of sinc"),
    ("quantile_places", "the forward of quantile"),
    ("along", "the shapes of take_along"),
    ("value", "of the table, not of tensors"),
    ("derivative", "of the table, not of tensors"),
    ("output", "of the pooling specification; wrong sides fail the rows of pooling"),
    ("output_shape", "of the convolution's specification; wrong sides fail the rows of conv2d"),
];

/// Operators are traits, not methods.
const OPERATORS: &[&str] = &["add", "sub", "mul", "div", "neg"];

fn crates() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn row_names() -> BTreeSet<&'static str> {
    table().iter().map(|row| row.name).collect()
}

/// The names after `pub fn` in a source, with what each answers.
fn public_functions(source: &str) -> Vec<(String, String)> {
    let of = |part: &str| {
        let name: String = part.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        let signature = part.split(['{', ';']).next().unwrap_or_default();
        let answer = signature.rsplit_once("->").map_or("", |(_, answer)| answer);
        (name, answer.trim().to_owned())
    };
    source.split("pub fn ").skip(1).map(of).filter(|(name, _)| !name.is_empty()).collect()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn sources(folder: &str) -> Vec<String> {
    let folder = crates().join(folder);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let paths = entries.flatten().map(|entry| entry.path());
    let sources: Vec<String> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "rs")).map(|p| read(&p)).collect();
    assert!(sources.len() > 3, "{}: too few sources, was the folder moved?", folder.display());
    sources
}

fn assert_none(missing: &BTreeSet<String>, mend: &str) {
    assert!(
        missing.is_empty(),
        "{} have no test: {mend}",
        missing.iter().cloned().collect::<Vec<_>>().join(", ")
    );
}

#[test]
fn every_elementwise_function_has_a_row() {
    let rows = row_names();
    let missing =
        Unary::NAMES.iter().filter(|name| !rows.contains(*name)).map(|name| (*name).to_owned()).collect();
    assert_none(&missing, "add one statement each to crates/suite/src/rows/elementwise.rs");
}

#[test]
fn every_op_of_variables_has_a_row() {
    let rows = row_names();
    let mut public: BTreeSet<String> = OPERATORS.iter().map(|name| (*name).to_owned()).collect();
    for source in sources("autodiff/src/ops") {
        let functions = public_functions(&source).into_iter();
        let ops = functions.filter(|(_, answer)| answer.contains("Self") || answer.contains("Var<"));
        public.extend(ops.map(|(name, _)| name));
    }
    assert!(public.len() > 40, "only {} public ops found: does the search still work?", public.len());
    let exempt: BTreeSet<&str> = EXEMPT.iter().map(|(name, _)| *name).collect();
    let missing =
        public.iter().filter(|name| !rows.contains(name.as_str()) && !exempt.contains(name.as_str()));
    assert_none(&missing.cloned().collect(), "add a row each to crates/suite/src/rows");
    let gone: Vec<_> = exempt.iter().filter(|name| !public.contains(**name)).collect();
    assert!(gone.is_empty(), "exempt, but no longer public: {gone:?}");
}

#[test]
fn every_method_of_tensors_is_tested() {
    let rows = row_names();
    let tests = [
        "suite/tests/tensor.rs",
        "suite/tests/search.rs",
        "tensor/tests/linalg.rs",
        "tensor/tests/linalg_solve.rs",
        "tensor/tests/make.rs",
    ];
    let tests = tests.map(|path| read(&crates().join(path))).concat();
    let files = [
        "axis_map",
        "conv",
        "conv/columns",
        "conv/spec",
        "conv/volume",
        "elementwise",
        "functions",
        "index",
        "interpolate",
        "logic",
        "matmul",
        "order",
        "pad",
        "pool",
        "pool/places",
        "pool/spec",
        "quantile",
        "reduce",
        "sample",
        "scan",
        "scatter",
        "search",
        "softmax",
        "statistics",
        "views",
        "views/parts",
    ];
    let mut public = BTreeSet::new();
    for file in files {
        let source = read(&crates().join("tensor/src").join(file).with_extension("rs"));
        public.extend(public_functions(&source).into_iter().map(|(name, _)| name));
    }
    for source in sources("tensor/src/linalg") {
        public.extend(public_functions(&source).into_iter().map(|(name, _)| name));
    }
    let exempt: BTreeSet<&str> = EXEMPT_OF_TENSOR.iter().map(|(name, _)| *name).collect();
    let called = |name: &str| {
        tests.contains(&format!(".{name}("))
            || tests.contains(&format!("::{name}("))
            || tests.contains(&format!(".{name}::<"))
    };
    let covered =
        |name: &&String| rows.contains(name.as_str()) || exempt.contains(name.as_str()) || called(name);
    let missing: BTreeSet<String> = public.iter().filter(|name| !covered(name)).cloned().collect();
    assert_none(&missing, "call each in crates/suite/tests/tensor.rs or search.rs");
    let gone: Vec<_> = exempt.iter().filter(|name| !public.contains(**name)).collect();
    assert!(gone.is_empty(), "exempt, but no longer public: {gone:?}");
}

#[test]
fn every_row_names_something_public() {
    let named: BTreeSet<&str> = Unary::NAMES.iter().copied().chain(OPERATORS.iter().copied()).collect();
    let functions: BTreeSet<String> =
        sources("autodiff/src/ops").iter().flat_map(|s| public_functions(s)).map(|(name, _)| name).collect();
    let unknown: Vec<_> =
        row_names().into_iter().filter(|n| !named.contains(n) && !functions.contains(*n)).collect();
    assert!(unknown.is_empty(), "rows of ops that do not exist: {unknown:?}");
}
