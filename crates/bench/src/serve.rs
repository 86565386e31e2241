//! Answers requests line by line, so that one process can be measured in turns with others.

use std::io::{self, BufRead, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::measure::measure;
use crate::workload::{Failure, Workload, entry};
use crate::workloads::Tiny;

/// Reads lines `WORKLOAD SECONDS` and answers each with one line: the measurement's, or `workload<TAB>error<TAB>reason`.
/// What a workload set up stays until another one is asked for. Between requests it waits for input and does nothing.
///
/// # Errors
/// If `requests` can't be read or `answers` not be written.
pub fn serve(requests: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    let mut kept = None;
    for request in requests.lines() {
        let request = request?;
        if request.trim().is_empty() {
            continue;
        }
        let name = request.split_whitespace().next().unwrap_or_default();
        match catch_unwind(AssertUnwindSafe(|| answer(&request, &mut kept))) {
            Ok(Ok(line)) => writeln!(answers, "{line}")?,
            Ok(Err(reason)) => writeln!(answers, "{name}\terror\t{}", one_line(&reason.to_string()))?,
            Err(_) => {
                kept = None;
                writeln!(answers, "{name}\terror\tpanicked (its message is on stderr)")?;
            }
        }
        answers.flush()?;
    }
    Ok(())
}

/// The workload that is set up, by name.
type Kept = Option<(String, Box<dyn Workload>)>;

fn answer(request: &str, kept: &mut Kept) -> Result<String, Failure> {
    let mut words = request.split_whitespace();
    let (Some(name), Some(seconds), None) = (words.next(), words.next(), words.next()) else {
        return Err("a request is `WORKLOAD SECONDS`".into());
    };
    let seconds: f64 = seconds.parse()?;
    let time = Duration::try_from_secs_f64(seconds)?;
    if kept.as_ref().is_none_or(|(kept, _)| kept != name) {
        // What the last one held is given back first, so that it does not stand beside the new one.
        *kept = None;
        gradus::tensor::release_memory();
        let entry = entry(name).ok_or("unknown workload")?;
        *kept = Some((name.into(), (entry.start)()?));
    }
    let (_, workload) = kept.as_mut().ok_or("unknown workload")?;
    Ok(measure(workload.as_mut(), time)?.line(name))
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// One training step of the tiny network: its loss, to be printed as soon as it is known.
///
/// # Errors
/// Those of the optimizer.
pub fn first_loss() -> Result<f64, Failure> {
    Tiny::new().step()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(requests: &str) -> Vec<String> {
        let mut answers = Vec::new();
        serve(requests.as_bytes(), &mut answers).unwrap();
        String::from_utf8(answers).unwrap().lines().map(Into::into).collect()
    }

    #[test]
    fn each_request_gets_one_line() {
        let lines = served("tiny_train 0\n\nnone 1\ntiny_train\ntiny_train 0\ntiny_train -1\n");
        assert_eq!(lines.len(), 5, "{lines:?}");
        assert!(lines[0].starts_with("tiny_train\t") && lines[0].contains("n=1"), "{lines:?}");
        assert_eq!(lines[1], "none\terror\tunknown workload");
        assert_eq!(lines[2], "tiny_train\terror\ta request is `WORKLOAD SECONDS`");
        assert!(lines[3].contains("n=1") && lines[4].starts_with("tiny_train\terror\t"), "{lines:?}");
    }

    #[test]
    fn the_first_loss_is_a_number() {
        assert!(first_loss().unwrap().is_finite());
    }
}
