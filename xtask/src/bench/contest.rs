//! Holds a workload's rounds: everybody in turn, A B A B, until the figures stand.
//!
//! Fairness: each library is run in every way it has (allocator, fused, compiled), each way in fresh processes every few
//! rounds where starting is cheap, and the best of the ways and of the processes counts, Gradus' figures being made just
//! so. A way that can't win any more is not run on.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answer::{Answer, median};
use super::process::Server;
use super::results::Figure;
use super::runners::{Kind, Malloc, Places, Runner};

/// Rounds that make up one figure; after them a process that is quick to start is replaced.
const ROUNDS_PER_PROCESS: usize = 3;

/// Below this factor of the best peer another one runs on, after its first round and after its first process.
const RUNS_ON: [f64; 2] = [2.0, 1.2];

/// How long the first answer may take, with set-up (and compiling, for those who do), and each later one.
const PATIENCE: [Duration; 2] = [Duration::from_secs(240), Duration::from_secs(90)];

/// Between two requests: threads that spin when they run out of work have gone to sleep by then.
const PAUSE: Duration = Duration::from_millis(4);

/// How the rounds are held.
#[derive(Clone, Copy, Debug)]
pub(super) struct Settings {
    pub(super) rounds: usize,
    pub(super) seconds: f64,
    pub(super) threads: usize,
}

/// A library that takes part, and the workloads that it names; or why it can't.
#[derive(Debug)]
pub(super) struct Entrant {
    pub(super) runner: Runner,
    pub(super) names: Result<Vec<String>, String>,
}

/// One way to run one workload with one library.
struct Way {
    runner: Runner,
    malloc: Malloc,
    suffix: &'static str,
    answers: Vec<Answer>,
    error: Option<String>,
    runs_on: bool,
}

/// A process, by library, allocator and suffix: each keeps one workload set up.
type Key = (&'static str, &'static str, &'static str);

/// All that stays from one workload to the next.
pub(super) struct Contest<'a> {
    places: &'a Places,
    settings: Settings,
    entrants: &'a [Entrant],
    servers: BTreeMap<Key, Server>,
}

impl<'a> Contest<'a> {
    pub(super) fn new(places: &'a Places, settings: Settings, entrants: &'a [Entrant]) -> Self {
        Self { places, settings, entrants, servers: BTreeMap::new() }
    }

    /// The figures of one workload: of each library in each way it has.
    pub(super) fn hold(&mut self, workload: &str) -> Vec<Figure> {
        let mut figures = Vec::new();
        let mut ways = Vec::new();
        for entrant in self.entrants {
            match &entrant.names {
                Ok(names) => ways.extend(ways_of(entrant.runner, names, workload)),
                Err(reason) => figures.push(Figure::failed(&entrant.runner, reason)),
            }
        }
        for round in 0..self.settings.rounds {
            if round % ROUNDS_PER_PROCESS == 0 {
                self.end_quick_starters();
            }
            for way in ways.iter_mut().filter(|way| way.runs_on) {
                match self.ask(way, workload, round) {
                    Ok(answer) => way.answers.push(answer),
                    Err(reason) => (way.error, way.runs_on) = (Some(reason), false),
                }
            }
            retire(&mut ways, round);
        }
        self.end_quick_starters();
        figures.extend(ways.iter().map(Way::figure));
        figures
    }

    /// Ends the processes that are quick to start: nothing of one workload weighs on the next.
    fn end_quick_starters(&mut self) {
        let slow = |name: &str| {
            self.entrants
                .iter()
                .any(|entrant| entrant.runner.name == name && entrant.runner.is_slow_to_start())
        };
        self.servers.retain(|(name, ..), _| slow(name));
    }

    fn ask(&mut self, way: &Way, workload: &str, round: usize) -> Result<Answer, String> {
        let key = (way.runner.name, way.malloc.name(), way.suffix);
        if !self.servers.contains_key(&key) {
            let command = self.places.command(&way.runner, way.malloc, self.settings.threads);
            self.servers.insert(key, Server::start(command)?);
        }
        let server = self.servers.get_mut(&key).ok_or("has ended")?;
        std::thread::sleep(PAUSE);
        let patience = PATIENCE[usize::from(round > 0)];
        let answer = server.ask(&format!("{workload}{}", way.suffix), self.settings.seconds, patience);
        if !server.is_up() {
            self.servers.remove(&key);
        }
        answer
    }
}

/// The ways in which `runner`, which has `names`, runs `workload`. A compiled one takes a minute to make, so it is made
/// once, with the allocator that is the quicker one wherever they differ.
fn ways_of(runner: Runner, names: &[String], workload: &str) -> Vec<Way> {
    let mut ways = Vec::new();
    for &suffix in runner.suffixes {
        if !names.contains(&format!("{workload}{suffix}")) {
            continue;
        }
        let mallocs = runner.mallocs().iter().copied();
        let mallocs = mallocs.filter(|malloc| suffix != "c" || *malloc == Malloc::Keeping);
        ways.extend(mallocs.map(|malloc| Way {
            runner,
            malloc,
            suffix,
            answers: Vec::new(),
            error: None,
            runs_on: true,
        }));
    }
    ways
}

/// Lets those go who can't win any more. Gradus stays.
fn retire(ways: &mut [Way], round: usize) {
    let factor = match round {
        0 => RUNS_ON[0],
        _ if round + 1 == ROUNDS_PER_PROCESS => RUNS_ON[1],
        _ => return,
    };
    let peers = || ways.iter().filter(|way| way.runner.kind != Kind::Gradus);
    let best = peers().filter_map(Way::median).fold(f64::INFINITY, f64::min);
    for way in ways.iter_mut().filter(|way| way.runner.kind != Kind::Gradus) {
        way.runs_on &= way.median().is_some_and(|median| median <= factor * best);
    }
}

impl Way {
    /// The best of the medians of the rounds of each process.
    fn median(&self) -> Option<f64> {
        let medians: Vec<_> = self.answers.iter().map(|answer| answer.median).collect();
        medians.chunks(ROUNDS_PER_PROCESS).filter_map(median).reduce(f64::min)
    }

    fn figure(&self) -> Figure {
        let Some(median) = self.median().filter(|_| self.error.is_none()) else {
            return Figure {
                variant: self.suffix.into(),
                malloc: self.malloc.name().into(),
                ..Figure::failed(&self.runner, self.error.as_deref().unwrap_or("was not asked"))
            };
        };
        let last = self.answers.last();
        let mut facts = last.map(|answer| answer.facts.clone()).unwrap_or_default();
        if let Some(peak) = self.answers.iter().filter_map(|answer| answer.number("peak_mb")).reduce(f64::max)
        {
            facts.insert("peak_mb".into(), peak.to_string());
        }
        Figure {
            library: self.runner.name.into(),
            column: self.runner.column.into(),
            variant: self.suffix.into(),
            malloc: self.malloc.name().into(),
            median,
            minimum: self.answers.iter().map(|answer| answer.minimum).fold(f64::INFINITY, f64::min),
            maximum: self.answers.iter().map(|answer| answer.median).fold(0.0, f64::max),
            rounds: self.answers.len(),
            facts,
            error: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::runners::{GRADUS, PEERS};

    fn way(runner: Runner, medians: &[f64]) -> Way {
        let answer = |&median: &f64| Answer { median, minimum: median, facts: BTreeMap::new() };
        let answers = medians.iter().map(answer).collect();
        Way { runner, malloc: Malloc::Default, suffix: "", answers, error: None, runs_on: true }
    }

    #[test]
    fn the_best_process_counts() {
        assert_eq!(way(GRADUS, &[9.0, 8.0, 7.0, 3.0, 4.0, 5.0]).median(), Some(4.0));
        assert_eq!(way(GRADUS, &[2.0, 1.0]).median(), Some(1.5));
        assert_eq!(way(GRADUS, &[]).median(), None);
        let figure = way(GRADUS, &[9.0, 8.0, 7.0, 3.0, 4.0, 5.0]).figure();
        assert_eq!((figure.minimum, figure.maximum, figure.rounds), (3.0, 9.0, 6));
    }

    #[test]
    fn who_is_far_behind_the_best_peer_is_not_run_on() {
        let mut ways =
            [way(GRADUS, &[100.0]), way(PEERS[0], &[10.0]), way(PEERS[2], &[19.0]), way(PEERS[3], &[21.0])];
        retire(&mut ways, 0);
        assert_eq!(ways.each_ref().map(|way| way.runs_on), [true, true, true, false]);
        retire(&mut ways, 1);
        assert!(ways[2].runs_on);
        retire(&mut ways, 2);
        assert_eq!(ways.each_ref().map(|way| way.runs_on), [true, true, false, false]);
    }

    #[test]
    fn the_ways_are_those_that_the_runner_names() {
        let names = ["adam", "adam+", "mlp_train", "mlp_trainc"].map(String::from);
        let ways = |workload| -> Vec<_> {
            let ways = ways_of(PEERS[0], &names, workload);
            ways.iter().map(|way| (way.suffix, way.malloc)).collect()
        };
        let [default, keeping] = Malloc::BOTH;
        assert_eq!(ways("adam"), [("", default), ("", keeping), ("+", default), ("+", keeping)]);
        assert_eq!(ways("mlp_train"), [("", default), ("", keeping), ("c", keeping)]);
        assert_eq!(ways("sum"), []);
    }

    #[test]
    fn a_failure_keeps_its_reason() {
        let mut failed = way(PEERS[0], &[1.0]);
        failed.error = Some("ended".into());
        assert_eq!(failed.figure().error.as_deref(), Some("ended"));
    }
}
