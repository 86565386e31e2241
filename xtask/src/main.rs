//! The project's own commands, `cargo xtask …`: checks and reports that cargo alone does not give.
//!
//! Depends on no crate of the workspace, so that it runs on a tree that does not build.
#![forbid(unsafe_code)]

mod bench;
mod cargo;
mod catalogue;
mod ci;
mod conformance;
mod fuzz;
mod isa;
mod loc;
mod main_job;
mod op_matrix;
mod package;
mod pages;
mod soak;
mod source;
mod test;
mod tidy;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::isa::Isa;
use crate::workspace::Workspace;

/// What a command answers when it fails: one sentence for the person who typed it.
type Result<T> = std::result::Result<T, String>;

/// The project's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Check the conventions that the compiler does not
    ///
    /// Layering of the crates, length of files and functions, file headers, where `unsafe` and panics may stand, white
    /// space, machine paths, and the papers of each crate. Prints every finding with its place and its mend; exit code
    /// 1 if there is one. The tables of what is allowed are in xtask/src/tidy/tables.rs.
    Tidy,
    /// Count lines of code, comments and blanks per crate, tests apart
    Loc,
    /// Run the tests, then the suite on every slower instruction set that this machine has
    ///
    /// First `cargo test --workspace`, then the crates that hold kernels and properties once per slower set, forced
    /// by the environment variable GRADUS_ISA. With --isa only the named ones, without the workspace's tests.
    Test {
        /// Force this instruction set only; may be given several times
        #[arg(long = "isa", value_name = "NAME", value_enum)]
        isas: Vec<Isa>,
        /// Build with the release profile
        #[arg(long)]
        release: bool,
        /// Check 4,096 draws of each op in each property instead of 256
        #[arg(long)]
        thorough: bool,
    },
    /// Write docs/op-matrix.md: every op against every property, from what the tests recorded
    ///
    /// Runs the suite, which records what it saw under the build folder, then writes the page. With --check compares the page
    /// with the last record instead (as the continuous integration does) and changes nothing.
    OpMatrix {
        /// Fail if the page is out of date
        #[arg(long)]
        check: bool,
        /// Write the page from the last record, without running the suite
        #[arg(long, conflicts_with = "check")]
        recorded: bool,
    },
    /// Check that everything docs/coming-from-pytorch.md names is public
    ///
    /// With --against also that the page has a row for every entry of a catalogue in prose.
    Catalogue {
        /// The catalogue
        #[arg(long, value_name = "FILE")]
        against: Option<std::path::PathBuf>,
    },
    /// Run everything that a change must pass; stops at the first failure
    ///
    /// Formatting, lints, tidy, documentation, tests, tests on each instruction set, packaging, and the main job. Each
    /// step prints the command that repeats it; a table of times comes last.
    Ci,
    /// Measure Gradus, and other libraries beside it
    ///
    /// Runs every workload of crates/bench; with --peers and --torch it also builds and starts a runner per other library,
    /// and all take turns in the same rounds. Needs nothing but the Rust toolchain; --torch needs python3 with venv, and
    /// both need the package registries.
    Bench(bench::Options),
    /// Feed every reader hostile input
    ///
    /// Runs the fuzz targets of crates/suite/fuzz one after another, from the files of the tests and what earlier runs found, with
    /// bounds on memory. Needs the nightly toolchain and cargo-fuzz.
    Fuzz(fuzz::Options),
    /// Make the HTML pages and look at them in a browser: light, dark, on a phone
    ///
    /// Needs Chromium or Chrome (GRADUS_BROWSER names another place) and a Unix shell. Writes screenshots to target/pages;
    /// fails if a page is wider than its window, has text that is too faint, asks for anything beyond itself, or if the
    /// console complains.
    Pages {
        /// Look at these pages only, and make none
        files: Vec<std::path::PathBuf>,
    },
    /// Kill, hinder and resume trainings for many minutes
    ///
    /// The tests `overnight` of the suite, twenty times longer: 200 kills at random moments, 40,000 steps whose memory must stay flat.
    Soak,
    /// Run the public conformance cases of ONNX
    ///
    /// Fetches them once (python3 with pip, into GRADUS_DATA or the platform's cache folder), runs each against the suite's
    /// mapping of ONNX's operators, prints what failed and what is not mapped, and writes docs/conformance.md.
    Conformance(conformance::Options),
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            eprintln!("error: {sentence}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &Command) -> Result<()> {
    let workspace = Workspace::read()?;
    match command {
        Command::Tidy => tidy::run(&workspace),
        Command::Loc => loc::run(&workspace),
        Command::Test { isas, release, thorough } => test::run(&workspace, isas, *release, *thorough),
        Command::Catalogue { against } => catalogue::run(&workspace, against.as_deref()),
        Command::OpMatrix { check, recorded } => op_matrix::run(&workspace, *check, *recorded),
        Command::Ci => ci::run(&workspace),
        Command::Bench(options) => bench::run(&workspace, options),
        Command::Fuzz(options) => fuzz::run(&workspace, options),
        Command::Pages { files } => pages::run(&workspace, files),
        Command::Soak => soak::run(&workspace),
        Command::Conformance(options) => conformance::run(&workspace, options),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Arguments;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
