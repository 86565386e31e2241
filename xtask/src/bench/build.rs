//! Builds what a run needs: Gradus' runner, the others', the machine's limits, and the environment of the Python ones.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::contest::Entrant;
use super::runners::{GRADUS, Kind, Malloc, PEERS, Places, Runner};
use crate::cargo::Cargo;

/// The package that measures the machine.
const LIMITS: &str = "limits";

/// Builds Gradus' runner.
///
/// # Errors
/// If it does not build.
pub(super) fn gradus(places: &Places) -> Result<(), String> {
    Cargo::new("build --release --package gradus-bench").run(&places.root)
}

/// Builds the program that measures the machine's limits; answers the command that runs it.
///
/// # Errors
/// If it does not build.
pub(super) fn limits(places: &Places) -> Result<Command, String> {
    package(places, LIMITS, LIMITS)?;
    Ok(Command::new(places.bench().join(LIMITS).join("release").join(LIMITS)))
}

/// Builds a package below `crates/bench/` that is a workspace of its own, with its own flags, into `target/bench/NAME`.
fn package(places: &Places, path: &str, name: &str) -> Result<(), String> {
    let folder = places.package(path);
    if !folder.join("Cargo.toml").is_file() {
        return Err("there is no such package".into());
    }
    let target = places.bench().join(name).to_string_lossy().into_owned();
    Cargo::new("build --release").variable("CARGO_TARGET_DIR", target).run(&folder)
}

/// Builds a runner and asks it for its workloads.
pub(super) fn entrant(places: &Places, runner: Runner, threads: usize) -> Entrant {
    let built = match runner.kind {
        Kind::Rust { folder, .. } => package(places, &format!("peers/{folder}"), folder)
            .map_err(|reason| format!("does not build: {reason}")),
        Kind::Gradus | Kind::Python { .. } => Ok(()),
    };
    let names = built.and_then(|()| names(places, &runner, threads));
    if let Err(reason) = &names {
        eprintln!("{}: {reason}", runner.name);
    }
    Entrant { runner, names }
}

/// The others that are asked for, and Gradus first of all.
pub(super) fn runners(peers: bool, torch: bool) -> Vec<Runner> {
    let asked = |runner: &&Runner| match runner.kind {
        Kind::Gradus => true,
        Kind::Rust { .. } => peers,
        Kind::Python { .. } => torch,
    };
    std::iter::once(&GRADUS).chain(PEERS).filter(asked).copied().collect()
}

fn names(places: &Places, runner: &Runner, threads: usize) -> Result<Vec<String>, String> {
    let text = said(places, runner, threads, "--list")?;
    Ok(text.lines().map(|line| line.trim().to_owned()).filter(|line| !line.is_empty()).collect())
}

/// What a runner prints with this argument.
///
/// # Errors
/// If it does not start, or ends with another code than 0: the last line that it wrote.
pub(super) fn said(
    places: &Places,
    runner: &Runner,
    threads: usize,
    argument: &str,
) -> Result<String, String> {
    let mut command = places.command(runner, Malloc::Default, threads);
    let output = command.arg(argument).output().map_err(|error| format!("does not start: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    // An interpreter says its own path first, which tells nothing.
    let last = last.strip_prefix(&*command.get_program().to_string_lossy()).unwrap_or(last);
    Err(format!("{argument} fails: {}", last.trim_start_matches(": ")))
}

/// Makes the virtual environment of the Python runners, if it is not there as their requirements want it.
///
/// # Errors
/// If there is no Python with `venv`, or a package can't be had.
pub(super) fn environment(places: &Places) -> Result<(), String> {
    let wanted = places.package("python/requirements.txt");
    let wanted_text =
        fs::read_to_string(&wanted).map_err(|error| format!("{}: {error}", wanted.display()))?;
    let folder = places.bench().join("venv");
    let stamp = folder.join("requirements.txt");
    if fs::read_to_string(&stamp).is_ok_and(|text| text == wanted_text) {
        return Ok(());
    }
    let missing = "--torch needs python3 with its module venv (Debian: apt-get install python3-venv)";
    run(Command::new("python3").args(["-m", "venv"]).arg(&folder), missing)?;
    let install = "--torch needs the packages of crates/bench/python/requirements.txt from PyPI; pip failed";
    let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(interpreter(&folder)).args(pip).arg(&wanted), install)?;
    fs::write(&stamp, wanted_text).map_err(|error| format!("{}: {error}", stamp.display()))
}

/// The Python of a virtual environment.
pub(super) fn interpreter(environment: &Path) -> std::path::PathBuf {
    environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

fn run(command: &mut Command, sentence: &str) -> Result<(), String> {
    eprintln!("$ {command:?}");
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{sentence} ({status})")),
        Err(error) => Err(format!("{sentence} ({error})")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_asked_ones_take_part() {
        assert_eq!(runners(false, false).len(), 1);
        assert_eq!(runners(true, true).len(), 1 + PEERS.len());
        assert!(runners(false, true).iter().skip(1).all(|runner| runner.is_slow_to_start()));
    }

    #[test]
    fn a_runner_that_is_not_there_says_why_in_its_cell() {
        let places =
            Places { root: "/no/root".into(), target: "/no/target".into(), python: "/no/python".into() };
        let absent = entrant(&places, PEERS[0], 1).names.unwrap_err();
        assert!(absent.starts_with("does not start"), "{absent}");
        let absent = entrant(&places, PEERS[2], 1).names.unwrap_err();
        assert_eq!(absent, "does not build: there is no such package");
    }

    #[test]
    fn a_missing_python_is_one_sentence() {
        let sentence = run(&mut Command::new("/no/python3"), "--torch needs python3").unwrap_err();
        assert!(
            sentence.starts_with("--torch needs python3 (") && sentence.lines().count() == 1,
            "{sentence}"
        );
    }
}
