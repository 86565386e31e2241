//! One function per command: from arguments to a call of the recipe. It must never know a recipe by name, but for the
//! default.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use clap::CommandFactory;
use clap_complete::Shell;
use gradus_recipes::{
    Comparison, Console, Error, Outcome, RECIPES, Recipe, Request, Run, Saved, find, settings,
};

use crate::args::{Cli, Train};

/// What is trained when nothing is asked for.
const DEFAULT: &str = "digits";

/// How a command ended that did not fail.
pub(crate) enum Ended {
    Done,
    Stopped,
}

pub(crate) fn train(train: Train) -> Result<Ended, Error> {
    let mut console = Console::stdout();
    let outcome = match &train.resume {
        Some(folder) => {
            let run = Run::open(folder, Run::CONFIG)?;
            let config = run.file(Run::CONFIG);
            let (recipe, _) = settings::read_file(&config)?;
            let recipe = find(recipe.as_deref().unwrap_or(DEFAULT), Some(&config))?;
            recipe.resume(folder, train.threads, &stop_on_interrupt(), &mut console)?
        }
        None => chosen(&train)?.train(&request(train), &mut console)?,
    };
    match outcome {
        Outcome::Stopped(run) => {
            let folder = for_a_shell(run.folder());
            console.line(format_args!("\nStopped. To go on: gradus train --resume {folder}"));
            Ok(Ended::Stopped)
        }
        _ => Ok(Ended::Done),
    }
}

/// A path as it can be typed: quoted if it holds anything that a shell would not take as it is.
fn for_a_shell(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

/// The recipe of the command line, else of the file with the settings, else the default.
fn chosen(train: &Train) -> Result<&'static dyn Recipe, Error> {
    match (&train.recipe, &train.config) {
        (Some(name), _) => find(name, None),
        (None, Some(path)) => find(settings::read_file(path)?.0.as_deref().unwrap_or(DEFAULT), Some(path)),
        (None, None) => find(DEFAULT, None),
    }
}

fn request(train: Train) -> Request {
    let mut pairs = train.set;
    pairs.extend(train.data.map(|data| format!("data={data}")));
    pairs.extend(train.target.map(|target| format!("target={target}")));
    pairs.extend(train.seed.map(|seed| format!("seed={seed}")));
    pairs.extend(train.threads.map(|threads| format!("threads={threads}")));
    Request { config: train.config, pairs, out: train.out, stop: stop_on_interrupt() }
}

/// A flag that Ctrl-C sets; the second time it ends the process.
fn stop_on_interrupt() -> Arc<AtomicBool> {
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    let installed = ctrlc::set_handler(move || {
        if flag.swap(true, Relaxed) {
            std::process::exit(1);
        }
        let _ = writeln!(io::stderr(), "\nstopping after this step; once more to stop at once");
    });
    if let Err(error) = installed {
        // A training that can't be stopped gently is still a training.
        let _ = writeln!(io::stderr(), "warning: Ctrl-C will stop at once, without a checkpoint: {error}");
    }
    stop
}

/// The model in a run folder, and the recipe that trained it.
fn open(folder: &Path) -> Result<(&'static dyn Recipe, Saved), Error> {
    let saved = Saved::read(Run::open(folder, Run::MODEL)?)?;
    let file = saved.run().file(Run::MODEL);
    Ok((find(saved.recipe(), Some(&file))?, saved))
}

pub(crate) fn evaluate(run: &Path) -> Result<Ended, Error> {
    let (recipe, saved) = open(run)?;
    recipe.evaluate(&saved, &mut Console::stdout())?;
    Ok(Ended::Done)
}

pub(crate) fn apply(run: &Path, inputs: &[PathBuf], json: bool) -> Result<Ended, Error> {
    let (recipe, saved) = open(run)?;
    let answers = recipe.apply(&saved, inputs)?;
    let mut console = Console::stdout();
    if json {
        let objects: Vec<String> = answers.iter().map(|answer| format!("  {}", answer.json)).collect();
        console.line(format_args!("[\n{}\n]", objects.join(",\n")));
    } else {
        answers.iter().for_each(|answer| console.line(&answer.text));
    }
    Ok(Ended::Done)
}

pub(crate) fn recipes() -> Ended {
    let mut console = Console::stdout();
    for recipe in RECIPES {
        let about = recipe.about();
        console.line(format_args!("{}\n  {}", about.name, about.description));
        console.line(format_args!("  data   {}\n  model  {}", about.data, about.model));
        console.line(format_args!("  time   {}", about.time));
    }
    Ended::Done
}

pub(crate) fn summary(run: &Path) -> Result<Ended, Error> {
    let (recipe, saved) = open(run)?;
    recipe.summary(&saved, &mut Console::stdout())?;
    Ok(Ended::Done)
}

pub(crate) fn report(run: &Path) -> Result<Ended, Error> {
    let (recipe, saved) = open(run)?;
    recipe.report(&saved)?;
    Console::stdout().line(saved.run().file(Run::REPORT).display());
    Ok(Ended::Done)
}

pub(crate) fn compare(runs: &[PathBuf], out: &Path) -> Result<Ended, Error> {
    let comparison = Comparison::read(runs)?;
    comparison.report().write(out)?;
    let mut console = Console::stdout();
    console.line(comparison.to_string().trim_end());
    console.line(format_args!("\n{}", out.display()));
    Ok(Ended::Done)
}

pub(crate) fn completions(shell: Shell) -> Ended {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "gradus", &mut script);
    Console::stdout().line(String::from_utf8_lossy(&script).trim_end());
    Ended::Done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_quoted_when_they_must_be() {
        assert_eq!(for_a_shell(Path::new("runs/digits-1")), "runs/digits-1");
        assert_eq!(for_a_shell(Path::new("my runs/it's")), r"'my runs/it'\''s'");
    }
}
