//! What every Rust peer's runner shares: the command line, the serving loop, the timing, the shapes of the products.
//!
//! It exists so that each runner is only its library's own code. It must never depend on anything: features of what two
//! peers share would merge, and each peer has its own.
#![forbid(unsafe_code)]

mod product;

use std::error::Error;
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

pub use product::{PRODUCTS, Product, random};

/// What may go wrong while a workload is set up.
pub type Failure = Box<dyn Error>;

/// A workload that is set up.
pub struct Job {
    /// What is timed, whole.
    pub step: Box<dyn FnMut()>,
    /// Further `key=value` pairs for the answer.
    pub facts: String,
}

impl Job {
    /// `step`, and facts that show that the peers compute the same.
    pub fn new(facts: impl Into<String>, step: impl FnMut() + 'static) -> Self {
        Self { step: Box::new(step), facts: facts.into() }
    }
}

/// A peer: its name and version, what it can run, and how.
pub struct Peer {
    /// The name and the version of the library.
    pub version: &'static str,
    /// The workloads.
    pub names: Vec<&'static str>,
    /// Sets a workload up by its name.
    pub make: fn(&str) -> Result<Job, Failure>,
    /// One step of `tiny_train` and its loss.
    pub first_loss: Option<fn() -> f32>,
}

/// Libraries ask these for the number of threads, once.
const THREAD_VARIABLES: [&str; 3] = ["RAYON_NUM_THREADS", "CANDLE_NUM_THREADS", "MATMUL_NUM_THREADS"];

const WARM_UP_FIRST: Duration = Duration::from_millis(500);
const WARM_UP_AGAIN: Duration = Duration::from_millis(20);

/// Runs the command line: `WORKLOAD… --threads N [--seconds S]`, `--serve`, `--list`, `--version`, `--first-loss`.
///
/// # Errors
/// If the arguments are wrong or the answers can't be written.
pub fn main(peer: &Peer) -> Result<(), Failure> {
    let (mut workloads, mut serve, mut seconds) = (Vec::new(), false, 3.0);
    let mut threads = std::thread::available_parallelism()?.get();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--version" => return Ok(println!("{}", peer.version)),
            "--list" => return Ok(println!("{}", peer.names.join("\n"))),
            "--first-loss" => {
                let first_loss = peer.first_loss.ok_or("this peer trains nothing")?;
                return Ok(println!("{:.6}", first_loss()));
            }
            "--threads" => threads = arguments.next().ok_or("--threads N")?.parse()?,
            "--seconds" => seconds = arguments.next().ok_or("--seconds S")?.parse()?,
            "--serve" => serve = true,
            name => workloads.push(name.to_owned()),
        }
    }
    with_threads(threads)?;
    if workloads == ["all"] {
        workloads = peer.names.iter().map(|&name| name.into()).collect();
    }
    let mut server = Server { peer, kept: None };
    for name in &workloads {
        server.print(name, seconds)?;
    }
    if serve {
        for line in std::io::stdin().lock().lines() {
            let line = line?;
            let mut words = line.split_whitespace();
            let Some(name) = words.next() else { continue };
            server.print(name, words.next().map_or(Ok(seconds), str::parse)?)?;
        }
    }
    Ok(())
}

/// Starts the program again with the thread count in the environment, unless it is there: variables can't be set safely
/// in a process that runs.
fn with_threads(threads: usize) -> Result<(), Failure> {
    let threads = threads.to_string();
    if THREAD_VARIABLES.iter().all(|variable| std::env::var(variable).is_ok_and(|value| value == threads)) {
        return Ok(());
    }
    let mut again = std::process::Command::new(std::env::current_exe()?);
    again.args(std::env::args().skip(1)).envs(THREAD_VARIABLES.map(|variable| (variable, &threads)));
    Err(again.exec().into())
}

/// Keeps the workload of the last request and drops it when another one comes.
struct Server<'a> {
    peer: &'a Peer,
    kept: Option<(String, Job)>,
}

impl Server<'_> {
    fn print(&mut self, name: &str, seconds: f64) -> Result<(), Failure> {
        let line = match catch_unwind(AssertUnwindSafe(|| self.answer(name, seconds))) {
            Ok(Ok(line)) => line,
            Ok(Err(error)) => {
                format!(
                    "{name}\terror\t{}",
                    error.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
                )
            }
            Err(_) => {
                self.kept = None;
                format!("{name}\terror\tpanicked (its message is on stderr)")
            }
        };
        println!("{line}");
        Ok(std::io::stdout().flush()?)
    }

    fn answer(&mut self, name: &str, seconds: f64) -> Result<String, Failure> {
        let again = self.kept.as_ref().is_some_and(|(kept, _)| kept == name);
        if !again {
            self.kept = None;
            if !self.peer.names.contains(&name) {
                return Err("unknown workload".into());
            }
            self.kept = Some((name.into(), (self.peer.make)(name)?));
        }
        let (_, job) = self.kept.as_mut().ok_or("unknown workload")?;
        let (warm_up, at_least) = if again { (WARM_UP_AGAIN, 1) } else { (WARM_UP_FIRST, 2) };
        repeat(&mut job.step, warm_up, at_least);
        let mut times = repeat(&mut job.step, Duration::try_from_secs_f64(seconds)?, 1);
        times.sort_unstable();
        let middle = times.len() / 2;
        let median = (times[middle] + times[(times.len() - 1) / 2]) / 2;
        let [median, minimum] = [median, times[0]].map(|time| 1e3 * time.as_secs_f64());
        let (n, peak, facts) = (times.len(), peak_megabytes(), &job.facts);
        Ok(format!("{name}\t{median:.5}\t{minimum:.5}\tpeak_mb={peak} n={n} {facts}"))
    }
}

/// The time of each call, for so long and at least so many.
fn repeat(step: &mut dyn FnMut(), long: Duration, at_least: usize) -> Vec<Duration> {
    let start = Instant::now();
    let mut times = Vec::new();
    while times.len() < at_least || (start.elapsed() < long && times.len() < 100_000) {
        let begin = Instant::now();
        step();
        times.push(begin.elapsed());
    }
    times
}

fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) / 1024
}
