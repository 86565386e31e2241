//! `cargo xtask fuzz`: the fuzz targets one after another, from the files of the tests, with bounds on memory. Needs the nightly
//! toolchain and cargo-fuzz (`cargo install cargo-fuzz --locked`).

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use clap::Args;

use crate::Result;
use crate::workspace::Workspace;

/// Where the targets are.
const FOLDER: &str = "crates/suite/fuzz";
/// Where the tests' files are.
const SEEDS: &str = "crates/data/tests/reference";
/// The longest input. Compressed images of this length may honestly claim half a gigabyte of pixels.
const LONGEST_INPUT: u64 = 4096;
/// The most that a target may hold, and the most in one piece, in MiB.
const MEMORY: u64 = 3072;
const PIECE: u64 = 512;
/// Seconds that one input may take: instrumented code is slow.
const SLOWEST: u64 = 20;

/// What to fuzz.
#[derive(Args)]
pub(crate) struct Options {
    /// Seconds for each target
    #[arg(long, default_value_t = 600)]
    seconds: u64,
    /// The targets; all of them if none is named
    targets: Vec<String>,
}

/// What came of a target.
struct Outcome {
    target: String,
    executions: String,
    memory: String,
    clean: bool,
}

/// Runs each target and prints what came of it.
///
/// # Errors
/// If a target is not known, does not build, or found something; those after it run all the same.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let known = targets(&workspace.root.join(FOLDER).join("fuzz_targets"))?;
    if let Some(unknown) = options.targets.iter().find(|target| !known.contains(target)) {
        return Err(format!("there is no target {unknown}; there are {}", known.join(", ")));
    }
    let wanted = if options.targets.is_empty() { &known } else { &options.targets };
    let mut outcomes = Vec::new();
    for target in wanted {
        let corpus = workspace.target.join("fuzz").join(target);
        seed(&workspace.root.join(SEEDS), &corpus, target)?;
        outcomes.push(fuzz(&workspace.root, target, &corpus, options.seconds)?);
    }
    println!("\n{}", table(&outcomes));
    let found: Vec<&str> = outcomes.iter().filter(|o| !o.clean).map(|o| o.target.as_str()).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(format!("findings in {}: the inputs are under {FOLDER}/artifacts", found.join(", ")))
}

/// The targets' names, sorted.
fn targets(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = entries.flatten().filter_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        name.strip_suffix(".rs").map(str::to_owned)
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// What the files of a target end in, and the byte that its layout is told by in front of them.
fn kind(target: &str) -> (&'static [&'static str], Option<u8>) {
    match target {
        "csv" => (&["csv"], Some(0)),
        "idx" => (&["idx", "gz"], None),
        "jpeg" => (&["jpg"], None),
        "jsonl" => (&["jsonl"], None),
        "npy" => (&["npy"], None),
        "npz" => (&["npz"], None),
        "png" => (&["png"], None),
        "text" => (&["csv", "jsonl", "xml"], None),
        "conll" => (&["csv", "jsonl"], Some(0)),
        "tokens" => (&["idx"], Some(6)),
        "voc" => (&["xml"], None),
        // These change a sound file of their own making.
        _ => (&[], None),
    }
}

/// Copies the tests' files into the corpus; what earlier runs found there stays.
fn seed(from: &Path, corpus: &Path, target: &str) -> Result<()> {
    let wrong = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    fs::create_dir_all(corpus).map_err(|error| wrong(corpus, error))?;
    let (endings, layout) = kind(target);
    for entry in fs::read_dir(from).map_err(|error| wrong(from, error))?.flatten() {
        let path = entry.path();
        let ending = path.extension().unwrap_or_default().to_string_lossy().into_owned();
        if !endings.contains(&ending.as_str()) {
            continue;
        }
        let mut bytes = fs::read(&path).map_err(|error| wrong(&path, error))?;
        if let Some(layout) = layout {
            bytes.insert(0, layout);
        }
        let to = corpus.join(entry.file_name());
        fs::write(&to, bytes).map_err(|error| wrong(&to, error))?;
    }
    Ok(())
}

fn arguments(target: &str, corpus: &Path, seconds: u64) -> Vec<String> {
    let start = format!("run nightly cargo fuzz run --fuzz-dir {FOLDER} {target}");
    let mut out: Vec<String> = start.split(' ').map(Into::into).collect();
    out.push(corpus.display().to_string());
    out.push("--".into());
    out.extend([
        format!("-max_total_time={seconds}"),
        format!("-max_len={LONGEST_INPUT}"),
        format!("-rss_limit_mb={MEMORY}"),
        format!("-malloc_limit_mb={PIECE}"),
        format!("-timeout={SLOWEST}"),
        "-print_final_stats=1".into(),
    ]);
    out
}

fn fuzz(root: &Path, target: &str, corpus: &Path, seconds: u64) -> Result<Outcome> {
    let arguments = arguments(target, corpus, seconds);
    println!("\n$ rustup {}", arguments.join(" "));
    let mut command = Command::new("rustup");
    command.args(&arguments).current_dir(root).stderr(Stdio::piped());
    // Cargo tells its children which toolchain it is of.
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    let mut child = command.spawn().map_err(|error| format!("rustup does not start: {error}"))?;
    let mut log = Vec::new();
    for line in child
        .stderr
        .take()
        .map(BufReader::new)
        .into_iter()
        .flat_map(BufRead::lines)
        .map_while(std::io::Result::ok)
    {
        eprintln!("{line}");
        log.push(line);
    }
    let status = child.wait().map_err(|error| format!("rustup: {error}"))?;
    let executions = statistic(&log, "number_of_executed_units");
    if executions.is_none() && !log.iter().any(|line| line.contains("SUMMARY: ")) {
        return Err(format!(
            "`cargo fuzz run {target}` failed ({status}); `cargo install cargo-fuzz --locked` brings it"
        ));
    }
    let unknown = || "?".to_owned();
    Ok(Outcome {
        target: target.to_owned(),
        executions: executions.unwrap_or_else(unknown),
        memory: statistic(&log, "peak_rss_mb").unwrap_or_else(unknown),
        clean: status.success(),
    })
}

/// A number of libFuzzer's last report.
fn statistic(log: &[String], name: &str) -> Option<String> {
    let prefix = format!("stat::{name}:");
    log.iter().rev().find_map(|line| line.trim().strip_prefix(&prefix).map(|value| value.trim().to_owned()))
}

fn table(outcomes: &[Outcome]) -> String {
    let mut lines = vec![format!("{:<12} {:>12} {:>9}  outcome", "target", "executions", "peak MiB")];
    for Outcome { target, executions, memory, clean } in outcomes {
        let outcome = if *clean { "clean" } else { "finding" };
        lines.push(format!("{target:<12} {executions:>12} {memory:>9}  {outcome}"));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_is_listed_and_those_with_files_have_seeds() {
        let workspace = Workspace::read().unwrap();
        let known = targets(&workspace.root.join(FOLDER).join("fuzz_targets")).unwrap();
        let manifest = fs::read_to_string(workspace.root.join(FOLDER).join("Cargo.toml")).unwrap();
        assert!(
            known.iter().all(|target| manifest.contains(&format!("path = \"fuzz_targets/{target}.rs\"")))
        );
        let files = fs::read_dir(workspace.root.join(SEEDS)).unwrap().flatten().map(|entry| entry.path());
        let endings: Vec<String> =
            files.filter_map(|path| Some(path.extension()?.to_string_lossy().into_owned())).collect();
        for target in &known {
            assert!(
                kind(target).0.iter().all(|ending| endings.iter().any(|other| other == ending)),
                "{target}"
            );
        }
        assert!(known.contains(&"checkpoint".to_owned()) && known.len() == 13, "{known:?}");
    }

    #[test]
    fn the_last_report_is_read() {
        let log =
            ["stat::peak_rss_mb:   1", "x", "stat::peak_rss_mb:                     45"].map(Into::into);
        assert_eq!(statistic(&log, "peak_rss_mb"), Some("45".to_owned()));
        assert_eq!(statistic(&log, "number_of_executed_units"), None);
    }

    #[test]
    fn the_command_bounds_memory() {
        let text = arguments("npy", Path::new("corpus"), 60).join(" ");
        assert!(text.starts_with(
            "run nightly cargo fuzz run --fuzz-dir crates/suite/fuzz npy corpus -- -max_total_time=60 "
        ));
        assert!(text.contains("-rss_limit_mb=3072 -malloc_limit_mb=512"));
    }
}
