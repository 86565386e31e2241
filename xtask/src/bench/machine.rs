//! What a run stands on: the machine, its limits, the versions, the day.

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use super::build::said;
use super::contest::Entrant;
use super::runners::{Kind, Places};

/// The machine and the versions, by name.
pub(super) fn about(places: &Places, entrants: &[Entrant], threads: usize) -> BTreeMap<String, String> {
    let mut about = BTreeMap::new();
    let mut add = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            about.insert(name.to_owned(), value);
        }
    };
    let cores = std::thread::available_parallelism().map(|cores| cores.to_string());
    add("processor", fs::read_to_string("/proc/cpuinfo").ok().and_then(|text| processor(&text)));
    add("cores", cores.ok());
    add("threads", Some(threads.to_string()));
    add("system", printed(Command::new("uname").args(["-s", "-m"])));
    add("day", printed(Command::new("date").args(["-u", "+%Y-%m-%d"])));
    add("rustc", printed(Command::new("rustc").arg("--version")));
    let git = ["-c", "safe.directory=*", "describe", "--always", "--dirty"];
    add("version of gradus", printed(Command::new("git").args(git).current_dir(&places.root)));
    for entrant in entrants.iter().filter(|e| e.runner.kind != Kind::Gradus && e.names.is_ok()) {
        let version = said(places, &entrant.runner, threads, "--version").ok();
        let name = format!("version of {}", entrant.runner.name);
        add(&name, version.and_then(|text| text.lines().next().map(str::to_owned)));
    }
    about
}

fn processor(cpuinfo: &str) -> Option<String> {
    let field = |name: &str| {
        let line =
            cpuinfo.lines().find(|line| line.split(':').next().is_some_and(|key| key.trim() == name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let widest =
        ["avx512f", "avx2"].into_iter().find(|set| field("flags").is_some_and(|flags| flags.contains(set)));
    let model = field("model name")?;
    let numbers = match (field("cpu family"), field("model")) {
        (Some(family), Some(number)) => format!(", family {family}, model {number}"),
        _ => String::new(),
    };
    Some(format!("{model}{numbers}{}", widest.map(|set| format!(", {set}")).unwrap_or_default()))
}

/// The first line that a command prints.
fn printed(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).lines().next()?.trim().to_owned())
}

/// Runs the program that measures the limits; the better of these and `limits` stays.
///
/// # Errors
/// If it fails.
pub(super) fn measure(
    program: &mut Command,
    threads: usize,
    limits: &mut BTreeMap<String, (f64, String)>,
) -> Result<(), String> {
    let output = program.arg(threads.to_string()).output().map_err(|error| format!("limits: {error}"))?;
    for (name, value, unit) in String::from_utf8_lossy(&output.stdout).lines().filter_map(parse) {
        let kept = limits.entry(name).or_insert((value, unit));
        kept.0 = kept.0.max(value);
    }
    if limits.is_empty() { Err("the machine's limits could not be measured".into()) } else { Ok(()) }
}

fn parse(line: &str) -> Option<(String, f64, String)> {
    let mut fields = line.split('\t');
    let (name, value, unit) = (fields.next()?, fields.next()?.parse().ok()?, fields.next()?);
    Some((name.into(), value, unit.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_a_line() {
        assert_eq!(parse("read_l2_1\t85.5\tGB/s"), Some(("read_l2_1".into(), 85.5, "GB/s".into())));
        assert_eq!(parse("a warning"), None);
    }

    #[test]
    fn the_processor_is_named_with_its_widest_vectors() {
        let text = "processor\t: 0\ncpu family\t: 6\nmodel\t\t: 207\nmodel name\t: Some CPU\nflags\t\t: fpu avx2 avx512f\n";
        assert_eq!(processor(text).as_deref(), Some("Some CPU, family 6, model 207, avx512f"));
        assert_eq!(processor(""), None);
    }
}
