//! A runner that is up and answers requests. It is ended with whoever holds it, and never waited for without an end.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use super::answer::Answer;

/// A running `--serve`.
#[derive(Debug)]
pub(super) struct Server {
    child: Child,
    requests: Option<ChildStdin>,
    answers: Receiver<String>,
}

impl Server {
    /// Starts `command` with `--serve`.
    ///
    /// # Errors
    /// If it does not start.
    pub(super) fn start(mut command: Command) -> Result<Self, String> {
        command.arg("--serve").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| format!("does not start: {error}"))?;
        let requests = child.stdin.take();
        let (sender, answers) = channel();
        if let Some(out) = child.stdout.take() {
            // Ends with the process's output, or when nobody reads any more.
            std::thread::spawn(move || {
                BufReader::new(out).lines().map_while(Result::ok).try_for_each(|line| sender.send(line))
            });
        }
        Ok(Self { child, requests, answers })
    }

    /// Has `workload` repeated for `seconds`, and waits for the answer no longer than `patience`.
    ///
    /// # Errors
    /// The runner's reason; after a silence the process is ended.
    pub(super) fn ask(&mut self, workload: &str, seconds: f64, patience: Duration) -> Result<Answer, String> {
        let requests = self.requests.as_mut().ok_or("has ended")?;
        writeln!(requests, "{workload} {seconds}").map_err(|_| "has ended".to_owned())?;
        match self.answers.recv_timeout(patience) {
            Ok(line) => Answer::parse(&line, workload),
            Err(RecvTimeoutError::Timeout) => {
                self.requests = None;
                self.child.kill().ok();
                Err(format!("did not answer within {} s", patience.as_secs()))
            }
            Err(RecvTimeoutError::Disconnected) => {
                self.requests = None;
                let status = self.child.wait().map(|status| status.to_string());
                Err(format!("ended ({})", status.unwrap_or_default()))
            }
        }
    }

    /// Whether it still takes requests.
    pub(super) fn is_up(&self) -> bool {
        self.requests.is_some()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Its input ends, and so it should; whoever does not is ended.
        self.requests = None;
        for _ in 0..100 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(script: &str) -> Result<Server, String> {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh"]);
        Server::start(command)
    }

    #[test]
    fn requests_are_answered_in_turn() {
        let mut server =
            shell(r#"while read name seconds; do printf '%s\t%s\t1\tn=1\n' $name $seconds; done"#).unwrap();
        assert_eq!(server.ask("sum", 2.0, Duration::from_secs(10)).unwrap().median, 2.0);
        assert_eq!(server.ask("max", 3.0, Duration::from_secs(10)).unwrap().median, 3.0);
        assert!(server.is_up());
    }

    #[test]
    fn whoever_ends_or_is_silent_is_reported_and_not_waited_for() {
        let mut server = shell("read line; exit 3").unwrap();
        let reason = server.ask("sum", 1.0, Duration::from_secs(10)).unwrap_err();
        assert!(reason.contains("ended") && reason.contains('3'), "{reason}");
        assert!(!server.is_up() && server.ask("sum", 1.0, Duration::from_secs(10)).is_err());
        let mut server = shell("exec sleep 1000").unwrap();
        let reason = server.ask("sum", 1.0, Duration::from_millis(20)).unwrap_err();
        assert!(reason.starts_with("did not answer"), "{reason}");
    }

    #[test]
    fn a_program_that_is_not_there_does_not_start() {
        assert!(Server::start(Command::new("/no/such/runner")).unwrap_err().contains("does not start"));
    }
}
