//! The public conformance cases of ONNX, run against Gradus: `cargo xtask conformance` fetches them and starts this. Each
//! case is a model and recorded inputs and outputs; `ops` maps ONNX's operators to ours. The mapping must never know a
//! case: what passes here passes for any model.
#![forbid(unsafe_code)]

mod call;
mod case;
mod compare;
mod decode;
mod graph;
mod kind;
mod ops;
mod page;
mod proto;
mod small_float;
mod value;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::{env, fs};

use case::{Report, Verdict};

/// The folders of cases, as the data names them.
const FOLDERS: [&str; 4] = ["node", "simple", "pytorch-converted", "pytorch-operator"];

/// What the command line asks for.
struct Options {
    data: PathBuf,
    /// Only the cases whose names hold this.
    only: Option<String>,
    /// The page to write, or to compare with.
    page: Option<PathBuf>,
    check: bool,
}

const USAGE: &str = "usage: conformance DATA [--only TEXT] [--page FILE [--check]]";

impl Options {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, String> {
        let data = words.next().ok_or(USAGE)?.into();
        let mut options = Self { data, only: None, page: None, check: false };
        while let Some(word) = words.next() {
            match word.as_str() {
                "--only" => options.only = Some(words.next().ok_or(USAGE)?),
                "--page" => options.page = Some(words.next().ok_or(USAGE)?.into()),
                "--check" => options.check = true,
                _ => return Err(format!("no such option: {word}\n{USAGE}")),
            }
        }
        Ok(options)
    }
}

fn main() -> ExitCode {
    match Options::read(env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), String> {
    case::catch_panics();
    let mut folders = Vec::new();
    for folder in FOLDERS {
        let cases = cases(&options.data.join(folder), options.only.as_deref())?;
        folders.push((folder, cases.iter().map(|case| case::run(case)).collect::<Vec<Report>>()));
    }
    print!("{}", page::terminal(&folders, options.only.is_some()));
    if let (Some(path), None) = (&options.page, &options.only) {
        write(path, &page::page(&folders), options.check)?;
    }
    let failed = folders.iter().flat_map(|(_, reports)| reports);
    match failed.filter(|report| matches!(report.verdict, Verdict::Failed(_))).count() {
        0 => Ok(()),
        count => Err(format!("{count} mapped cases failed")),
    }
}

/// The cases in a folder, by name.
fn cases(folder: &Path, only: Option<&str>) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let wanted = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.join("model.onnx").exists() && only.is_none_or(|part| name.contains(part))
    };
    let mut cases: Vec<_> =
        entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(wanted).collect();
    cases.sort();
    Ok(cases)
}

/// Writes the page, or says that the one in the file is another.
fn write(path: &Path, page: &str, check: bool) -> Result<(), String> {
    if !check {
        return fs::write(path, page).map_err(|error| format!("{}: {error}", path.display()));
    }
    let old = fs::read_to_string(path).unwrap_or_default();
    if old == page {
        return Ok(());
    }
    Err(format!("{} is out of date: run `cargo xtask conformance`", path.display()))
}
