//! `gradus-bench`: times workloads once, or serves requests so that the comparison can take turns with others.
//!
//! Its arguments are read by hand: the time from the start of the process to the first loss is one of the figures.
#![forbid(unsafe_code)]

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use gradus_bench::{Entry, Failure, entries, entry, first_loss, measure, serve};

const USAGE: &str = "usage: gradus-bench WORKLOAD… [--threads N] [--seconds S]
       gradus-bench --all [--threads N] [--seconds S]
       gradus-bench --serve [--threads N]     answers lines `WORKLOAD SECONDS` on standard input
       gradus-bench --first-loss              prints the first loss of the tiny network
       gradus-bench --list                    prints the names of the workloads";

#[derive(Debug, PartialEq)]
struct Arguments {
    workloads: Vec<String>,
    threads: Option<usize>,
    seconds: f64,
    mode: Mode,
}

#[derive(Debug, PartialEq)]
enum Mode {
    Once,
    Serve,
    FirstLoss,
    All,
    List,
    Help,
}

fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Arguments, String> {
    let mut parsed = Arguments { workloads: Vec::new(), threads: None, seconds: 1.0, mode: Mode::Once };
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().ok_or(format!("{argument} needs a number"));
        let broken = |value: &str| format!("{argument}: `{value}` is no number that it takes");
        match argument.as_str() {
            "--threads" => {
                let value = number()?;
                parsed.threads = Some(value.parse().ok().filter(|&n| n > 0).ok_or_else(|| broken(&value))?);
            }
            "--seconds" => {
                let value = number()?;
                let seconds = value.parse().ok().filter(|&s| (0.0..1e6).contains(&s));
                parsed.seconds = seconds.ok_or_else(|| broken(&value))?;
            }
            "--serve" => parsed.mode = Mode::Serve,
            "--first-loss" => parsed.mode = Mode::FirstLoss,
            "--all" => parsed.mode = Mode::All,
            "--list" => parsed.mode = Mode::List,
            "--help" | "-h" => parsed.mode = Mode::Help,
            option if option.starts_with('-') => return Err(format!("unknown option {option}\n{USAGE}")),
            _ => parsed.workloads.push(argument),
        }
    }
    if parsed.mode == Mode::Once && parsed.workloads.is_empty() {
        return Err(format!("no workload is named\n{USAGE}"));
    }
    Ok(parsed)
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    if let Some(threads) = arguments.threads {
        gradus::tensor::set_threads(threads);
    }
    let mut out = io::stdout();
    match arguments.mode {
        Mode::Once => {
            for name in &arguments.workloads {
                let entry =
                    entry(name).ok_or_else(|| format!("unknown workload {name}; --list names them"))?;
                once(entry, arguments.seconds, &mut out)?;
            }
        }
        Mode::All => entries().try_for_each(|entry| once(entry, arguments.seconds, &mut out))?,
        Mode::Serve => serve(io::stdin().lock(), out)?,
        Mode::FirstLoss => writeln!(out, "{}", first_loss()?)?,
        Mode::List => entries().try_for_each(|entry| writeln!(out, "{}", entry.name))?,
        Mode::Help => writeln!(out, "{USAGE}")?,
    }
    Ok(())
}

fn once(entry: &Entry, seconds: f64, out: &mut impl Write) -> Result<(), Failure> {
    let mut workload = (entry.start)()?;
    let measurement = measure(workload.as_mut(), Duration::from_secs_f64(seconds))?;
    writeln!(out, "{}", measurement.line(entry.name))?;
    Ok(out.flush()?)
}

fn main() -> ExitCode {
    let outcome =
        parse(std::env::args().skip(1)).map_err(Failure::from).and_then(|arguments| run(&arguments));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Arguments, String> {
        parse(line.split_whitespace().map(Into::into))
    }

    #[test]
    fn the_command_line_is_read() {
        let arguments = parsed("mlp_train --threads 2 cnn_train --seconds 0.5").unwrap();
        assert_eq!(arguments.workloads, ["mlp_train", "cnn_train"]);
        assert_eq!((arguments.threads, arguments.seconds, arguments.mode), (Some(2), 0.5, Mode::Once));
        assert_eq!(parsed("--serve").unwrap().mode, Mode::Serve);
        for (line, said) in [
            ("", "no workload"),
            ("--threads", "needs a number"),
            ("--threads 0 --serve", "`0`"),
            ("--seconds -1 sum", "`-1`"),
            ("--fast", "unknown option --fast"),
        ] {
            assert!(parsed(line).unwrap_err().contains(said), "{line}");
        }
    }
}
