//! The grammar of the command line. It must never know what a command does.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use clap_complete::Shell;

/// Deep learning on the CPU: train, evaluate and apply models in six visible steps.
///
/// Without a command it trains the recipe `digits` with its defaults.
#[derive(Debug, Parser)]
#[command(name = "gradus", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 2 the command line is wrong, 1 anything else.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Train a recipe and leave a run folder.
    Train(Train),
    /// Measure a run's model on its test data again.
    Evaluate {
        /// The run folder.
        #[arg(value_hint = ValueHint::DirPath)]
        run: PathBuf,
    },
    /// Apply a run's model to files.
    ///
    /// For digits: PNG images of 8×8 pixels, or CSV files. In an image, light strokes on a dark ground count from
    /// black, 0, to white, 16, as in the training data; if its outermost pixels are light on average, it is dark ink
    /// on light paper, and counts the other way. A CSV row holds the 64 pixel values from 0 to 16, row by row from the
    /// top; a 65th is taken as the label, a first line of words as names.
    ///
    /// For table: CSV files with the columns of the training, in any order, with or without the target.
    Apply {
        /// The run folder.
        #[arg(value_hint = ValueHint::DirPath)]
        run: PathBuf,
        /// The files.
        #[arg(required = true, value_hint = ValueHint::FilePath)]
        inputs: Vec<PathBuf>,
        /// Print JSON: a list with one object per prediction.
        #[arg(long)]
        json: bool,
    },
    /// List the recipes with their data, model and expected time.
    Recipes,
    /// Show a run: its settings, its model and its results.
    Summary {
        /// The run folder.
        #[arg(value_hint = ValueHint::DirPath)]
        run: PathBuf,
    },
    /// Write a run's report.html again.
    Report {
        /// The run folder.
        #[arg(value_hint = ValueHint::DirPath)]
        run: PathBuf,
    },
    /// Lay runs over each other on one page: curves, settings that differ, results with the best marked.
    ///
    /// Also prints the tables. Runs may be unfinished, and of different recipes.
    Compare {
        /// The run folders.
        #[arg(required = true, num_args = 2.., value_hint = ValueHint::DirPath)]
        runs: Vec<PathBuf>,
        /// The page; one that exists is replaced.
        #[arg(long, value_name = "FILE", default_value = "compare.html", value_hint = ValueHint::FilePath)]
        out: PathBuf,
    },
    /// Print the completion script of a shell.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// What to train, and how.
#[derive(Args, Debug, Default)]
pub(crate) struct Train {
    /// The recipe; see `gradus recipes` [default: digits].
    pub(crate) recipe: Option<String>,
    /// The file to learn from, for the recipe `table`: the setting `data`.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) data: Option<String>,
    /// The column to predict, for the recipe `table`: the setting `target`.
    #[arg(long, value_name = "COLUMN")]
    pub(crate) target: Option<String>,
    /// Settings from a TOML file, such as the config.toml of a run.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
    /// One setting, over the file's; may be given several times.
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// The seed of all random numbers: the same seed gives the same bits.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=i64::MAX as u64))]
    pub(crate) seed: Option<u64>,
    /// Threads to use, 0 for all; they change the time, never the result.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1024))]
    pub(crate) threads: Option<u64>,
    /// The run folder [default: runs/<recipe>-<time>].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) out: Option<PathBuf>,
    /// Go on with a training that was stopped; its settings stay as they were.
    #[arg(long, value_name = "RUN", value_hint = ValueHint::DirPath)]
    #[arg(conflicts_with_all = ["recipe", "config", "data", "target", "set", "seed", "out"])]
    pub(crate) resume: Option<PathBuf>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_sound() {
        Cli::command().debug_assert();
    }
}
