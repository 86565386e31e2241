//! `cargo xtask bench`: Gradus beside the other libraries, in one run on one machine.
//!
//! It starts every library's runner and lets them take turns; what they run and how a runner is written stands in
//! `crates/bench/README.md`. It must never know a library beyond its row in `runners.rs`.

mod answer;
mod build;
mod contest;
mod growth;
mod machine;
mod once;
mod page;
mod plot;
mod process;
mod results;
mod runners;
mod table;
mod workloads;

use std::path::PathBuf;

use clap::Args;

use crate::Result;
use crate::workspace::Workspace;

use contest::{Contest, Entrant, Settings};
use results::Results;
use runners::Places;

/// What is measured, against whom, and what becomes of it.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure these workloads only (all by default)
    workloads: Vec<String>,
    /// Build and measure the Rust libraries: candle, burn, gemm, faer, matrixmultiply
    #[arg(long)]
    peers: bool,
    /// Measure PyTorch and onnxruntime, in a virtual environment under target/bench/
    #[arg(long)]
    torch: bool,
    /// Use this interpreter, which has the packages, in place of a virtual environment
    #[arg(long, value_name = "PROGRAM", requires = "torch")]
    python: Option<PathBuf>,
    /// Build all that is asked for and stop
    #[arg(long)]
    build: bool,
    /// Write the figures as JSON
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Print ratios to an earlier run's JSON
    #[arg(long, value_name = "FILE")]
    compare: Option<PathBuf>,
    /// Rounds in which everybody takes a turn
    #[arg(long, value_name = "N", default_value_t = 9, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Seconds of repetitions in each turn, after a warm-up
    #[arg(long, value_name = "S", default_value_t = 0.2)]
    seconds: f64,
    /// Threads that each library may use (as many as the machine has by default)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    threads: Option<u32>,
    /// Measure how cost grows with batch, width, sequence and threads instead, and write docs/benchmarks/
    #[arg(long, conflicts_with_all = ["workloads", "peers", "torch", "save", "compare", "docs"])]
    growth: bool,
    /// Write docs/benchmarks.md
    #[arg(long)]
    docs: bool,
}

/// Builds, measures, prints the table.
///
/// # Errors
/// If Gradus does not build, a prerequisite is missing, or a file can't be read or written. A peer that fails is none:
/// its cell says why.
pub(crate) fn run(workspace: &Workspace, options: &Options) -> Result<()> {
    let names = workloads::timed(&options.workloads)?;
    let earlier = options.compare.as_deref().map(Results::load).transpose()?;
    if !(0.0..=60.0).contains(&options.seconds) {
        return Err(format!("--seconds {}: from 0 to 60", options.seconds));
    }
    let (places, threads) = prepare(workspace, options)?;
    build::gradus(&places)?;
    if options.growth {
        return growth::run(&places, threads, options.seconds, &typed());
    }
    let mut limits = build::limits(&places)?;
    let runners = build::runners(options.peers, options.torch);
    let entrants: Vec<_> =
        runners.into_iter().map(|runner| build::entrant(&places, runner, threads)).collect();
    if options.build {
        return Ok(());
    }
    let settings = Settings { rounds: options.rounds as usize, seconds: options.seconds, threads };
    let mut results = Results { about: machine::about(&places, &entrants, threads), ..Results::default() };
    results.about.insert("rounds".into(), settings.rounds.to_string());
    machine::measure(&mut limits, threads, &mut results.limits)?;
    measure(&places, settings, &entrants, &names, &mut results);
    machine::measure(&mut build::limits(&places)?, threads, &mut results.limits)?;

    println!("{}", table::markdown(&results));
    let (judged, met) = table::score(&results);
    println!("\n{met} of {judged} targets are met.");
    if let Some(earlier) = earlier {
        println!("\n{}", table::comparison(&results, &earlier));
    }
    if let Some(path) = &options.save {
        results.save(path)?;
    }
    if options.docs { page::write(&results, &typed(), &places.root) } else { Ok(()) }
}

/// Where things are, with the Python environment made if it is asked for; and the number of threads.
fn prepare(workspace: &Workspace, options: &Options) -> Result<(Places, usize)> {
    let mut places =
        Places { root: workspace.root.clone(), target: workspace.target.clone(), python: PathBuf::new() };
    let environment = places.bench().join("venv");
    places.python = options.python.clone().unwrap_or_else(|| build::interpreter(&environment));
    if options.torch && options.python.is_none() {
        build::environment(&places)?;
    }
    let cores = || std::thread::available_parallelism().map_or(1, |cores| cores.get());
    Ok((places, options.threads.map_or_else(cores, |threads| threads as usize)))
}

fn measure(places: &Places, settings: Settings, entrants: &[Entrant], names: &[&str], results: &mut Results) {
    let mut contest = Contest::new(places, settings, entrants);
    for &name in names {
        let figures = contest.hold(name);
        let best = |column: &str| {
            let mut figures = figures.iter().filter(|figure| figure.column == column);
            let best = figures.by_ref().filter_map(results::Figure::value).reduce(f64::min);
            best.map(|best| format!("  {column} {}", table::number(best))).unwrap_or_default()
        };
        let peers: String = runners::COLUMNS.iter().copied().map(best).collect();
        eprintln!("{name}:{}{peers}", best("gradus"));
        let memory = once::peak_memory(places, settings, entrants, (name, &figures));
        once::add(&mut results.figures, once::key(name), memory);
        once::add(&mut results.figures, name.into(), figures);
    }
    drop(contest);
    if names.contains(&"tiny_train") {
        let figures = once::first_loss(places, settings, entrants);
        once::add(&mut results.figures, "first_loss".into(), figures);
    }
}

/// The command as it was typed.
fn typed() -> String {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    format!("cargo xtask {}", arguments.join(" "))
}
