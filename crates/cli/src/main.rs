//! The program `gradus`: reads the command line, hands the work to a recipe, and says in one sentence what went wrong.
//! Exit codes: 0 done, 2 the command line is wrong, 1 anything else. It must never know a model.
#![forbid(unsafe_code)]

mod args;
mod commands;

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command, Train};
use commands::Ended;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match run(cli.command.unwrap_or_else(|| Command::Train(Train::default()))) {
        Ok(Ended::Done) => ExitCode::SUCCESS,
        Ok(Ended::Stopped) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error);
            if error.is_usage() { ExitCode::from(2) } else { ExitCode::FAILURE }
        }
    }
}

fn run(command: Command) -> Result<Ended, gradus_recipes::Error> {
    match command {
        Command::Train(train) => commands::train(train),
        Command::Evaluate { run } => commands::evaluate(&run),
        Command::Apply { run, inputs, json } => commands::apply(&run, &inputs, json),
        Command::Recipes => Ok(commands::recipes()),
        Command::Summary { run } => commands::summary(&run),
        Command::Report { run } => commands::report(&run),
        Command::Compare { runs, out } => commands::compare(&runs, &out),
        Command::Completions { shell } => Ok(commands::completions(shell)),
    }
}

/// `error: what: why: why that`, on one line.
fn complain(error: &dyn Error) {
    let mut text = format!("error: {error}");
    let mut cause = error.source();
    while let Some(inner) = cause {
        // Some errors already end with their cause.
        let inner_text = inner.to_string();
        if !text.ends_with(&inner_text) {
            text.push_str(&format!(": {inner_text}"));
        }
        cause = inner.source();
    }
    // Nobody is left to tell when standard error is closed.
    let _ = writeln!(io::stderr(), "{text}");
}
