//! What the runner says: a summary for the terminal and the generated page of the documentation. It must never know how a
//! case runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::case::{Report, Verdict};
use super::compare::COARSE;

/// Cases counted by how they went.
#[derive(Clone, Copy, Default)]
struct Counts {
    passed: usize,
    failed: usize,
    unmapped: usize,
}

impl Counts {
    fn of<'a>(reports: impl IntoIterator<Item = &'a Report>) -> Self {
        let mut counts = Self::default();
        for report in reports {
            match report.verdict {
                Verdict::Passed => counts.passed += 1,
                Verdict::Failed(_) => counts.failed += 1,
                Verdict::Unmapped(_) => counts.unmapped += 1,
            }
        }
        counts
    }

    fn total(self) -> usize {
        self.passed + self.failed + self.unmapped
    }
}

/// Folders of cases and how each went.
pub(crate) type Folders<'a> = [(&'a str, Vec<Report>)];

/// What the terminal shows: each failure, the reasons why cases are unmapped, the counts. With `each`, every case.
pub(crate) fn terminal(folders: &Folders, each: bool) -> String {
    let mut text = String::new();
    for report in folders.iter().flat_map(|(_, reports)| reports) {
        match &report.verdict {
            Verdict::Failed(why) => _ = writeln!(text, "failed    {}: {why}", report.name),
            Verdict::Unmapped(why) if each => _ = writeln!(text, "unmapped  {}: {why}", report.name),
            Verdict::Passed if each => _ = writeln!(text, "passed    {}", report.name),
            _ => {}
        }
    }
    if !each {
        for (why, reports) in reasons(folders) {
            _ = writeln!(text, "unmapped  {:>4}  {why}", reports.len());
        }
    }
    for (folder, reports) in folders {
        let Counts { passed, failed, unmapped } = Counts::of(reports);
        _ = writeln!(text, "{folder:<18} {passed:>5} passed {failed:>4} failed {unmapped:>4} unmapped");
    }
    text
}

/// Unmapped cases by reason, the most frequent first.
fn reasons<'a>(folders: &'a Folders) -> Vec<(&'a str, Vec<&'a Report>)> {
    let mut reasons: BTreeMap<&str, Vec<&Report>> = BTreeMap::new();
    for report in folders.iter().flat_map(|(_, reports)| reports) {
        if let Verdict::Unmapped(why) = &report.verdict {
            reasons.entry(why).or_default().push(report);
        }
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, reports)| std::cmp::Reverse(reports.len()));
    reasons
}

/// The node cases by the operator that they test: those that are the operator itself, and those that are its function body.
fn by_op(reports: &[Report]) -> BTreeMap<&str, [Vec<&Report>; 2]> {
    let mut own = BTreeMap::new();
    for report in reports {
        if let (1, Some(op)) = (report.ops.len(), report.ops.first()) {
            own.insert(report.name.as_str(), op.as_str());
        }
    }
    let mut ops: BTreeMap<&str, [Vec<&Report>; 2]> = BTreeMap::new();
    for report in reports {
        let base = report.name.split_once("_expanded").map(|(base, _)| base);
        let op = base.and_then(|base| own.get(base)).or_else(|| own.get(report.name.as_str()));
        let op = op.copied().unwrap_or("several operators");
        ops.entry(op).or_default()[usize::from(base.is_some())].push(report);
    }
    ops
}

const HEAD: &str = "\
# Conformance

The cases of ONNX's own backend test (package `onnx` 1.22.0), run against Gradus by `cargo xtask conformance`, which also
writes this page. Each case is a model with recorded inputs and outputs; results must agree to a relative 1e-3 and an
absolute 1e-7, integers and truth values exactly, shapes and element types too. The mapping from ONNX's operators to ours
is in `crates/suite/src/onnx/ops`: a case passes through the public functions of the library. Element types that no
tensor of Gradus holds (8- and 16-bit integers, half floats and shorter) are computed in the next wider type and brought back
into their range after each operator; cases that have such inputs or outputs are counted as *narrow*.
";

/// The page.
pub(crate) fn page(folders: &Folders) -> String {
    let mut text = format!(
        "{HEAD}\n| cases | passed | of these narrow | failed | unmapped | in all |\n|---|---:|---:|---:|---:|---:|\n"
    );
    for (folder, reports) in folders {
        let counts = Counts::of(reports);
        let Counts { passed, failed, unmapped } = counts;
        let is_narrow = |report: &&Report| report.is_narrow && report.verdict == Verdict::Passed;
        let (narrow, total) = (reports.iter().filter(is_narrow).count(), counts.total());
        _ = writeln!(text, "| {folder} | {passed} | {narrow} | {failed} | {unmapped} | {total} |");
    }
    text.push_str("\nCases that are compared with another absolute tolerance:\n\n| case | tolerance | why |\n|---|---|---|\n");
    for (case, tolerance, why) in COARSE {
        _ = writeln!(text, "| {case} | {tolerance:e} | {why} |");
    }
    text.push_str("\n## What is not mapped, and why\n\n| reason | cases |\n|---|---:|\n");
    for (why, reports) in reasons(folders) {
        _ = writeln!(text, "| {why} | {} |", reports.len());
    }
    text.push_str("\n## By operator\n\nOf the node cases: passed / all, of the operator itself and of its function body, ");
    text.push_str(
        "which is the operator written in others.\n\n| operator | itself | as function |\n|---|---:|---:|\n",
    );
    let nodes =
        folders.iter().filter(|(folder, _)| *folder == "node").flat_map(|(_, reports)| by_op(reports));
    for (op, [own, function]) in nodes {
        let share = |reports: &[&Report]| match reports.len() {
            0 => String::new(),
            all => format!("{} / {all}", Counts::of(reports.iter().copied()).passed),
        };
        _ = writeln!(text, "| {op} | {} | {} |", share(&own), share(&function));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, ops: &[&str], verdict: Verdict) -> Report {
        Report {
            name: name.into(),
            ops: ops.iter().map(ToString::to_string).collect(),
            is_narrow: false,
            verdict,
        }
    }

    #[test]
    fn a_function_body_counts_for_its_operator() {
        let reports = vec![
            report("test_relu", &["Relu"], Verdict::Passed),
            report("test_relu_expanded_ver18", &["Max", "Cast"], Verdict::Unmapped("Cast".into())),
        ];
        let page = page(&[("node", reports)]);
        assert!(page.contains("| Relu | 1 / 1 | 0 / 1 |"), "{page}");
        assert!(page.contains("| node | 1 | 0 | 0 | 1 | 2 |") && page.contains("| Cast | 1 |"), "{page}");
    }

    #[test]
    fn the_terminal_names_each_failure() {
        let failed = report("test_add", &["Add"], Verdict::Failed("y: shape [2], recorded [3]".into()));
        let text = terminal(&[("node", vec![failed])], false);
        assert!(text.starts_with("failed    test_add: y: shape [2], recorded [3]\n"), "{text}");
    }
}
