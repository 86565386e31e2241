//! `cargo xtask conformance`: fetches the recorded cases of ONNX's backend test and runs the suite's runner on them. What a
//! case means is the runner's business; this knows where the data lies and how it comes there.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::cargo::Cargo;
use crate::workspace::Workspace;

/// The folder of the cases in the folder of all data; named after the package that they come from.
const CASES: &str = "onnx-1.22.0";
/// The page that the runner writes.
const PAGE: &str = "docs/conformance.md";
/// Downloads, compares and unpacks; Python, because whoever has pip has it.
const FETCH: &str = include_str!("fetch.py");

/// What to run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Fail if docs/conformance.md is out of date, instead of writing it
    #[arg(long)]
    pub(crate) check: bool,
    /// Run only the cases whose names hold this text, show each, write no page
    #[arg(long, value_name = "TEXT")]
    pub(crate) only: Option<String>,
}

/// Runs the cases.
///
/// # Errors
/// If they can't be fetched, a mapped one fails, or the page is out of date.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let data = data_folder(|name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute()))?;
    let cases = data.join(CASES);
    if !cases.is_dir() {
        fetch(&cases)?;
    }
    command(&cases, options).run(&workspace.root)
}

fn command(cases: &Path, options: &Options) -> Cargo {
    let cargo = Cargo::new("run --quiet --package gradus-suite --example conformance --");
    let cargo = cargo.argument(cases.to_string_lossy());
    if let Some(only) = &options.only {
        return cargo.argument("--only").argument(only);
    }
    let cargo = cargo.argument("--page").argument(PAGE);
    if options.check { cargo.argument("--check") } else { cargo }
}

/// Where data is kept between runs: the variable GRADUS_DATA, else the platform's folder for what can be had again.
fn data_folder(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf> {
    let home = || variable("HOME");
    let cache = if cfg!(target_os = "macos") {
        home().map(|home| home.join("Library/Caches"))
    } else if cfg!(windows) {
        variable("LOCALAPPDATA")
    } else {
        variable("XDG_CACHE_HOME").or_else(|| home().map(|home| home.join(".cache")))
    };
    let folder = variable("GRADUS_DATA").or_else(|| cache.map(|cache| cache.join("gradus")));
    folder.ok_or_else(|| "no folder for data: set GRADUS_DATA to an absolute path".into())
}

fn fetch(cases: &Path) -> Result<()> {
    println!("fetching {CASES} into {}", cases.display());
    let python = if cfg!(windows) { "python" } else { "python3" };
    let status = Command::new(python).args(["-c", FETCH]).arg(cases).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err(format!("{CASES} was not fetched; the line above says why")),
        Err(error) => {
            Err(format!("{python} does not start ({error}): it fetches {CASES} with pip, install it"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_is_what_one_types() {
        let typed = |check, only| command(Path::new("/data"), &Options { check, only }).to_string();
        let run = "cargo run --quiet --package gradus-suite --example conformance -- /data";
        assert_eq!(typed(true, None), format!("{run} --page docs/conformance.md --check"));
        assert_eq!(typed(false, Some("relu".into())), format!("{run} --only relu"));
    }

    #[test]
    fn the_variable_goes_before_the_cache() {
        let set = |name: &str| match name {
            "GRADUS_DATA" => Some(PathBuf::from("/d")),
            _ => Some(PathBuf::from("/h")),
        };
        assert_eq!(data_folder(set), Ok(PathBuf::from("/d")));
        let home = |name: &str| (name != "GRADUS_DATA").then(|| PathBuf::from("/h"));
        assert!(data_folder(home).is_ok_and(|folder| folder.starts_with("/h") && folder.ends_with("gradus")));
        assert!(data_folder(|_| None).is_err());
    }
}
