//! What needs a process of its own for each figure: peak memory, and the time from the start to the first loss.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use super::answer::{Answer, median};
use super::contest::{Entrant, Settings};
use super::results::Figure;
use super::runners::{Malloc, Places, Runner};
use super::workloads::{Quantity, ROWS};

/// Starts of a process that is quick to start, and of one that is not.
const STARTS: [usize; 2] = [15, 3];

/// The peak memory of each library that ran `workload`: of a process that ran nothing else.
pub(super) fn peak_memory(
    places: &Places,
    settings: Settings,
    entrants: &[Entrant],
    (workload, timed): (&str, &[Figure]),
) -> Vec<Figure> {
    if !ROWS.iter().any(|row| row.quantity == Quantity::PeakMemory && row.workload == workload) {
        return Vec::new();
    }
    let mut figures = Vec::new();
    for entrant in entrants.iter().filter(|entrant| offers(entrant, workload)) {
        let runner = &entrant.runner;
        if runner.is_slow_to_start() {
            // Its timed processes ran other workloads before.
            let command = places.command(runner, Malloc::Default, settings.threads);
            figures.push(match alone(command, workload) {
                Ok(peak) => Figure::of(runner, Malloc::Default.name(), &[peak], peak),
                Err(reason) => Figure::failed(runner, &reason),
            });
        } else {
            for figure in timed.iter().filter(|figure| figure.library == runner.name) {
                let peak = figure.facts.get("peak_mb").and_then(|peak| peak.parse().ok());
                figures.extend(peak.map(|peak| Figure::of(runner, &figure.malloc, &[peak], peak)));
            }
        }
    }
    figures
}

fn offers(entrant: &Entrant, workload: &str) -> bool {
    entrant.names.as_ref().is_ok_and(|names| names.iter().any(|name| name == workload))
}

/// The peak memory, in MB, that a process states which runs `workload` and ends.
fn alone(mut command: Command, workload: &str) -> Result<f64, String> {
    command.args([workload, "--seconds", "0.2"]).stderr(Stdio::null());
    let output = command.output().map_err(|error| format!("does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let answer = Answer::parse(text.lines().next().unwrap_or_default(), workload)?;
    answer.number("peak_mb").ok_or_else(|| "states no peak_mb".into())
}

/// A library, how it is started, and the times of its starts; or why there are none.
type Start<'r> = (&'r Runner, Malloc, Result<Vec<f64>, String>);

/// From the start of a process to the first loss of the tiny network, in ms: all libraries in turn.
pub(super) fn first_loss(places: &Places, settings: Settings, entrants: &[Entrant]) -> Vec<Figure> {
    let mut ways: Vec<Start<'_>> = Vec::new();
    for entrant in entrants.iter().filter(|entrant| offers(entrant, "tiny_train")) {
        let mallocs =
            if entrant.runner.is_slow_to_start() { &Malloc::BOTH[..1] } else { entrant.runner.mallocs() };
        ways.extend(mallocs.iter().map(|malloc| (&entrant.runner, *malloc, Ok(Vec::new()))));
    }
    for start in 0..STARTS[0] {
        for (runner, malloc, times) in &mut ways {
            if runner.is_slow_to_start() && start >= STARTS[1] {
                continue;
            }
            if let Ok(list) = times {
                match time_to_first_line(places.command(runner, *malloc, settings.threads)) {
                    Ok(time) => list.push(time),
                    Err(reason) => *times = Err(reason),
                }
            }
        }
    }
    let figure = |(runner, malloc, times): &Start<'_>| match times {
        Ok(times) => Figure::of(runner, malloc.name(), times, median(times).unwrap_or_default()),
        Err(reason) => Figure::failed(runner, reason),
    };
    ways.iter().map(figure).collect()
}

fn time_to_first_line(mut command: Command) -> Result<f64, String> {
    command.arg("--first-loss").stdout(Stdio::piped()).stderr(Stdio::null());
    let start = Instant::now();
    let mut child = command.spawn().map_err(|error| format!("does not start: {error}"))?;
    let mut line = String::new();
    if let Some(out) = child.stdout.take() {
        BufReader::new(out).read_line(&mut line).map_err(|error| error.to_string())?;
    }
    let time = 1e3 * start.elapsed().as_secs_f64();
    child.wait().map_err(|error| error.to_string())?;
    let loss: Option<f64> = line.split_whitespace().last().and_then(|word| word.parse().ok());
    loss.filter(|loss| loss.is_finite()).map(|_| time).ok_or_else(|| format!("printed `{}`", line.trim()))
}

/// The figures of a run that are taken apart from the rounds, by key.
pub(super) fn key(workload: &str) -> String {
    format!("{workload}.peak_mb")
}

/// Adds `figures` at `key` if there are any.
pub(super) fn add(all: &mut BTreeMap<String, Vec<Figure>>, key: String, figures: Vec<Figure>) {
    if !figures.is_empty() {
        all.insert(key, figures);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]);
        command
    }

    #[test]
    fn the_peak_is_what_the_process_states() {
        assert_eq!(alone(shell(r"printf 'mlp\t1\t1\tpeak_mb=12.5\n'"), "mlp"), Ok(12.5));
        assert_eq!(alone(shell(r"printf 'mlp\t1\t1\t\n'"), "mlp"), Err("states no peak_mb".into()));
        assert!(alone(shell("exit 1"), "mlp").is_err());
    }

    #[test]
    fn the_first_line_ends_the_time_and_holds_a_loss() {
        let time = time_to_first_line(shell("echo loss 0.5; sleep 0.2")).unwrap();
        assert!(time > 0.0 && time < 200.0, "{time}");
        assert_eq!(time_to_first_line(shell("echo nonsense")), Err("printed `nonsense`".into()));
    }
}
