//! One recorded case: a folder with a model and sets of inputs and outputs. It runs the model on each set and says how that
//! went; nothing that a case holds or does stops the runner.

use std::any::Any;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use super::compare::{absolute, compare};
use super::decode;
use super::graph::Scope;
use super::kind::Kind;
use super::proto::{Graph, Model, Node, ValueInfo};
use super::value::{Result, Stop, Value, failed};

/// How a case went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Passed,
    Unmapped(String),
    Failed(String),
}

/// A case and how it went.
#[derive(Clone, Debug)]
pub(crate) struct Report {
    /// The folder's name.
    pub(crate) name: String,
    /// The operators in it.
    pub(crate) ops: BTreeSet<String>,
    /// Whether an input or output has an element type that no tensor of ours holds.
    pub(crate) is_narrow: bool,
    pub(crate) verdict: Verdict,
}

thread_local! {
    /// Where the last panic of this thread began.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are kept for the report instead of printed. To be called once.
pub(crate) fn catch_panics() {
    panic::set_hook(Box::new(|info| {
        PLACE.set(info.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default());
    }));
}

fn message(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without words")
}

/// Runs the case in `folder`.
pub(crate) fn run(folder: &Path) -> Report {
    let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut report = Report { name, ops: BTreeSet::new(), is_narrow: false, verdict: Verdict::Passed };
    let model: Model = match decode::read(&folder.join("model.onnx")) {
        Ok(model) => model,
        Err(Stop::Failed(why) | Stop::Unmapped(why)) => {
            report.verdict = Verdict::Failed(why);
            return report;
        }
    };
    report.ops = model.graph.iter().flat_map(|graph| &graph.node).map(op).collect();
    report.is_narrow =
        model.graph.iter().flat_map(|graph| graph.input.iter().chain(&graph.output)).any(is_narrow);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| sets(folder, &model)));
    report.verdict = match outcome {
        Ok(Ok(())) => Verdict::Passed,
        Ok(Err(Stop::Unmapped(why))) => Verdict::Unmapped(why),
        Ok(Err(Stop::Failed(why))) => Verdict::Failed(why),
        Err(words) => Verdict::Failed(format!("panicked: {}{}", message(&*words), PLACE.take())),
    };
    report
}

/// An operator's name; with its domain, if that is not the default one.
pub(crate) fn op(node: &Node) -> String {
    if matches!(node.domain.as_str(), "" | "ai.onnx") {
        node.op_type.clone()
    } else {
        format!("{}::{}", node.domain, node.op_type)
    }
}

fn is_narrow(value: &ValueInfo) -> bool {
    let number =
        value.kind.as_ref().and_then(|kind| kind.tensor.as_ref()).map_or(0, |tensor| tensor.elem_type);
    Kind::of_number(number).is_ok_and(|kind| !kind.is_native())
}

fn sets(folder: &Path, model: &Model) -> Result<()> {
    let Some(graph) = &model.graph else { return failed("a model without a graph") };
    for number in 0.. {
        let set = folder.join(format!("test_data_set_{number}"));
        if !set.is_dir() {
            return if number == 0 { failed("no recorded data") } else { Ok(()) };
        }
        check(&set, model, graph)?;
    }
    Ok(())
}

fn check(set: &Path, model: &Model, graph: &Graph) -> Result<()> {
    // What an initializer gives need not be recorded.
    let given = |input: &&ValueInfo| !graph.initializer.iter().any(|tensor| tensor.name == input.name);
    let mut recorded = graph.input.iter().filter(given).enumerate();
    let mut inputs = Vec::new();
    for input in &graph.input {
        if !given(&input) {
            inputs.push(None);
            continue;
        }
        let file =
            recorded.next().map(|(i, _)| set.join(format!("input_{i}.pb"))).filter(|file| file.exists());
        inputs.push(file.map(|file| decode::value(&file, input.kind.as_ref())).transpose()?);
    }
    let case = set.parent().and_then(Path::file_name).unwrap_or_default().to_string_lossy();
    let outputs = Scope::run_model(model, inputs)?;
    for (i, (info, answer)) in graph.output.iter().zip(&outputs).enumerate() {
        let file: PathBuf = set.join(format!("output_{i}.pb"));
        let recorded: Value = decode::value(&file, info.kind.as_ref())?;
        compare(&info.name, answer, &recorded, absolute(&case))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use prost::Message;

    use super::*;
    use crate::proto::{OperatorSet, TensorProto, TensorType, TypeProto};

    fn floats(values: &[f32]) -> TensorProto {
        let float_data = values.to_vec();
        TensorProto { dims: vec![values.len() as i64], data_type: 1, float_data, ..TensorProto::default() }
    }

    fn info(name: &str) -> ValueInfo {
        let kind = TypeProto { tensor: Some(TensorType { elem_type: 1 }), ..TypeProto::default() };
        ValueInfo { name: name.into(), kind: Some(kind) }
    }

    /// The verdict on a model y = op(x, w) with recorded data.
    fn verdict(op: &str, x: &[f32], w: &[f32], y: &[f32]) -> Verdict {
        let folder = tempfile::tempdir().unwrap();
        let node = Node {
            input: vec!["x".into(), "w".into()],
            output: vec!["y".into()],
            op_type: op.into(),
            ..Node::default()
        };
        let initializer = vec![TensorProto { name: "w".into(), ..floats(w) }];
        let graph = Graph { node: vec![node], initializer, input: vec![info("x")], output: vec![info("y")] };
        let opset_import = vec![OperatorSet { domain: String::new(), version: 18 }];
        let model = Model { graph: Some(graph), opset_import };
        let set = folder.path().join("test_data_set_0");
        fs::create_dir(&set).unwrap();
        fs::write(folder.path().join("model.onnx"), model.encode_to_vec()).unwrap();
        fs::write(set.join("input_0.pb"), floats(x).encode_to_vec()).unwrap();
        fs::write(set.join("output_0.pb"), floats(y).encode_to_vec()).unwrap();
        run(folder.path()).verdict
    }

    #[test]
    fn a_right_answer_passes_and_a_wrong_one_fails() {
        assert_eq!(verdict("Sub", &[3.0, 5.0], &[1.0], &[2.0, 4.0]), Verdict::Passed);
        let why = "y: element 1 of [2] is 4, recorded 4.5".into();
        assert_eq!(verdict("Sub", &[3.0, 5.0], &[1.0], &[2.0, 4.5]), Verdict::Failed(why));
    }

    #[test]
    fn an_operator_without_a_mapping_is_said_to_be_so() {
        let why = "operator Imagine".into();
        assert_eq!(verdict("Imagine", &[1.0], &[1.0], &[1.0]), Verdict::Unmapped(why));
    }

    #[test]
    fn a_panic_is_a_failure_with_its_words() {
        match verdict("Add", &[1.0, 2.0], &[1.0, 2.0, 3.0], &[1.0]) {
            Verdict::Failed(why) => {
                assert!(why.starts_with("panicked: add: shapes do not broadcast: [2] and [3]"), "{why}")
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_folder_without_a_model_is_a_failure() {
        let folder = tempfile::tempdir().unwrap();
        assert!(matches!(run(folder.path()).verdict, Verdict::Failed(_)));
    }
}
