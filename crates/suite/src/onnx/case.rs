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
    /// What the last panic of this thread said, and where.
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Panics are kept for the report instead of printed. To be called once.
pub(crate) fn catch_panics() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(|at| format!(" ({}:{})", at.file(), at.line())).unwrap_or_default();
        LAST_PANIC.set(format!("{}{place}", message(info.payload())));
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
        Err(_) => Verdict::Failed(format!("panicked: {}", LAST_PANIC.take())),
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
