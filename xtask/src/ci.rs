//! `cargo xtask ci`: everything a change must pass, step by step, each with the command that repeats it.
//!
//! No step changes compiler flags of another, so that nothing is built twice for that reason.

use std::time::{Duration, Instant};

use crate::Result;
use crate::cargo::Cargo;
use crate::isa::Isa;
use crate::workspace::Workspace;
use crate::{catalogue, conformance, main_job, op_matrix, package, test, tidy};

/// One thing that must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Format,
    Lints,
    Tidy,
    Catalogue,
    Documentation,
    Tests,
    OpMatrix,
    Forced(Isa),
    Features,
    Conformance,
    Packaging,
    MainJob,
    Workloads,
}

impl Step {
    fn name(self) -> String {
        match self {
            Step::Format => "format".into(),
            Step::Lints => "lints".into(),
            Step::Tidy => "tidy".into(),
            Step::Catalogue => "catalogue".into(),
            Step::Documentation => "documentation".into(),
            Step::Tests => "tests".into(),
            Step::OpMatrix => "op matrix".into(),
            Step::Forced(isa) => format!("tests on {}", isa.name()),
            Step::Features => "tests with features".into(),
            Step::Conformance => "conformance".into(),
            Step::Packaging => "packaging".into(),
            Step::MainJob => "main job".into(),
            Step::Workloads => "workloads".into(),
        }
    }

    fn run(self, workspace: &Workspace) -> Result<()> {
        let cargo = match self {
            Step::Format => Cargo::new("fmt --all --check"),
            Step::Lints => Cargo::new("clippy --workspace --all-targets -- -D warnings"),
            Step::Tidy => {
                println!("\n$ cargo xtask tidy");
                return tidy::run(workspace);
            }
            Step::Catalogue => {
                println!("\n$ cargo xtask catalogue");
                return catalogue::run(workspace, None);
            }
            Step::Documentation => {
                Cargo::new("doc --workspace --no-deps").variable("RUSTDOCFLAGS", "-D warnings")
            }
            Step::Tests => {
                let record = op_matrix::folder(workspace).to_string_lossy().into_owned();
                test::all_tests().variable(op_matrix::VARIABLE, record)
            }
            Step::OpMatrix => {
                println!("\n$ cargo xtask op-matrix --check");
                return op_matrix::run(workspace, true, false);
            }
            Step::Forced(isa) => test::forced(isa),
            // What optional parts add; the workspace's own tests are without them, as most users are.
            Step::Features => {
                Cargo::new("test -p gradus-tensor -p gradus-autodiff -p gradus-data --all-features")
            }
            Step::Conformance => {
                println!("\n$ cargo xtask conformance --check");
                let options = conformance::Options { check: true, only: None };
                return conformance::run(workspace, &options);
            }
            Step::Packaging => return package::run(workspace),
            Step::MainJob => return main_job::run(workspace),
            // Each once, so that none rots; no time is judged.
            Step::Workloads => Cargo::new("run --release --package gradus-bench -- --all --seconds 0"),
        };
        cargo.run(&workspace.root)
    }
}

/// All steps, those first that fail soonest.
fn steps(isas: &[Isa]) -> Vec<Step> {
    let mut steps = vec![
        Step::Format,
        Step::Tidy,
        Step::Catalogue,
        Step::Lints,
        Step::Documentation,
        Step::Tests,
        Step::OpMatrix,
    ];
    steps.extend(isas.iter().map(|&isa| Step::Forced(isa)));
    steps.extend([Step::Features, Step::Conformance, Step::Packaging, Step::MainJob, Step::Workloads]);
    steps
}

/// Runs every step until one fails; prints how long each took.
///
/// # Errors
/// Those of the first step that fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let mut times = Vec::new();
    let mut outcome = Ok(());
    for step in steps(&Isa::to_force()) {
        let start = Instant::now();
        outcome = step.run(workspace);
        times.push((step.name(), start.elapsed(), outcome.is_ok()));
        if outcome.is_err() {
            break;
        }
    }
    println!("\n{}", table(&times));
    outcome
}

fn table(times: &[(String, Duration, bool)]) -> String {
    let mut lines = vec![format!("{:<18} {:>8}", "step", "seconds")];
    for (name, time, passed) in times {
        let failed = if *passed { "" } else { "  failed" };
        lines.push(format!("{name:<18} {:>8.1}{failed}", time.as_secs_f64()));
    }
    let total: Duration = times.iter().map(|(_, time, _)| time).sum();
    lines.push(format!("{:<18} {:>8.1}", "total", total.as_secs_f64()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_instruction_set_is_tested() {
        let steps = steps(&Isa::to_force());
        assert_eq!(steps.contains(&Step::Forced(Isa::Portable)), Isa::available().len() > 1);
        assert!(steps.ends_with(&[Step::MainJob, Step::Workloads]));
    }

    #[test]
    fn the_table_names_the_step_that_failed() {
        let second = Duration::from_secs(1);
        let text = table(&[("tidy".into(), second, true), ("tests".into(), 2 * second, false)]);
        let expected = "step                seconds\n\
                        tidy                    1.0\n\
                        tests                   2.0  failed\n\
                        total                   3.0";
        assert_eq!(text, expected);
    }
}
