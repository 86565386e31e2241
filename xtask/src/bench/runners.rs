//! The one table of what is compared: each library's runner, how it is built and started, and where its figures stand.
//!
//! Every runner takes the same arguments and speaks the same protocol (`crates/bench/README.md`).

use std::path::{Path, PathBuf};
use std::process::Command;

/// A library's runner.
#[derive(Clone, Copy, Debug)]
pub(super) struct Runner {
    /// The library.
    pub(super) name: &'static str,
    /// The table's column that its figures stand in.
    pub(super) column: &'static str,
    pub(super) kind: Kind,
    /// Set when it is started.
    pub(super) environment: &'static [(&'static str, &'static str)],
    /// What may follow a workload's name for another way to run it; the best way counts.
    pub(super) suffixes: &'static [&'static str],
}

/// How a runner comes to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The workspace's own.
    Gradus,
    /// A package that is a workspace of its own: its folder below `crates/bench/peers/`, which gives the binary its name.
    Rust { folder: &'static str },
    /// A script below `crates/bench/python/`.
    Python { script: &'static str },
}

/// Gradus itself.
pub(super) const GRADUS: Runner =
    Runner { name: "gradus", column: "gradus", kind: Kind::Gradus, environment: &[], suffixes: &[""] };

const fn rust(name: &'static str, column: &'static str) -> Runner {
    Runner { name, column, kind: Kind::Rust { folder: name }, environment: &[], suffixes: &[""] }
}

const fn python(name: &'static str, column: &'static str, script: &'static str) -> Runner {
    Runner { name, column, kind: Kind::Python { script }, environment: &[], suffixes: &[""] }
}

/// The others.
pub(super) const PEERS: &[Runner] = &[
    Runner { suffixes: &["", "+", "c"], ..python("torch", "torch", "torch_runner.py") },
    Runner { suffixes: &["", "+"], ..python("ort", "ort", "ort_runner.py") },
    rust("candle", "candle"),
    Runner { suffixes: &["", "+"], ..rust("burn", "burn") },
    rust("gemm", "other"),
    rust("faer", "other"),
    rust("matrixmultiply", "other"),
    python("numpy", "other", "numpy_runner.py"),
    Runner { suffixes: &["", "v"], ..python("mkl", "other", "mkl_runner.py") },
];

/// The columns between Gradus' own and the best, in the table's order.
pub(super) const COLUMNS: &[&str] = &["torch", "ort", "candle", "burn", "other"];

/// Whether the C library's allocator keeps large blocks. By default it returns them to the system, which faults them in
/// again at the next step; peers run both ways and count with the better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Malloc {
    Default,
    Keeping,
}

impl Malloc {
    pub(super) const BOTH: [Self; 2] = [Self::Default, Self::Keeping];

    /// As the figures name it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Keeping => "keeping",
        }
    }

    fn variables(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Default => &[],
            Self::Keeping => {
                &[("MALLOC_MMAP_THRESHOLD_", "268435456"), ("MALLOC_TRIM_THRESHOLD_", "4294967296")]
            }
        }
    }
}

impl Runner {
    /// The ways in which it is run: Gradus as its users run it, the others with either allocator.
    pub(super) fn mallocs(&self) -> &'static [Malloc] {
        if self.kind == Kind::Gradus { &Malloc::BOTH[..1] } else { &Malloc::BOTH }
    }

    /// Whether a process is so slow to start that one serves all workloads.
    pub(super) fn is_slow_to_start(&self) -> bool {
        matches!(self.kind, Kind::Python { .. })
    }
}

/// Where things are.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The top of the repository.
    pub(super) root: PathBuf,
    /// Where cargo builds the workspace.
    pub(super) target: PathBuf,
    /// The interpreter of the Python runners.
    pub(super) python: PathBuf,
}

impl Places {
    /// Where the comparison builds and keeps what it needs.
    pub(super) fn bench(&self) -> PathBuf {
        self.target.join("bench")
    }

    /// The folder of a package below `crates/bench/`.
    pub(super) fn package(&self, path: impl AsRef<Path>) -> PathBuf {
        self.root.join("crates/bench").join(path)
    }

    /// The command that starts a runner.
    pub(super) fn command(&self, runner: &Runner, malloc: Malloc, threads: usize) -> Command {
        let mut command = match runner.kind {
            Kind::Gradus => Command::new(self.target.join("release").join(executable("gradus-bench"))),
            Kind::Rust { folder } => {
                let binary = executable(&format!("peer-{folder}"));
                Command::new(self.bench().join(folder).join("release").join(binary))
            }
            Kind::Python { script } => {
                let mut command = Command::new(&self.python);
                command.arg(self.package("python").join(script));
                command
            }
        };
        command.envs(malloc.variables().iter().copied()).envs(runner.environment.iter().copied());
        // What is made once and kept: exported models, compiled code.
        if let Kind::Python { .. } = runner.kind {
            command.env("TORCHINDUCTOR_CACHE_DIR", self.bench().join("inductor"));
            command.arg("--cache").arg(self.bench().join("onnx"));
        }
        command.env("RAYON_NUM_THREADS", threads.to_string()).env("OMP_NUM_THREADS", threads.to_string());
        command.args(["--threads", &threads.to_string()]).current_dir(&self.root);
        command
    }
}

fn executable(name: &str) -> String {
    format!("{name}{}", std::env::consts::EXE_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_peer_has_its_column() {
        assert!(PEERS.iter().all(|peer| COLUMNS.contains(&peer.column)));
        assert!(COLUMNS.iter().all(|column| PEERS.iter().any(|peer| peer.column == *column)));
    }

    #[test]
    fn a_command_sets_threads_and_allocator() {
        let places = Places { root: "/r".into(), target: "/t".into(), python: "python3".into() };
        let command = places.command(&PEERS[2], Malloc::Keeping, 2);
        assert_eq!(
            command.get_program(),
            Path::new("/t/bench/candle/release").join(executable("peer-candle"))
        );
        assert!(command.get_envs().any(|(name, _)| name == "MALLOC_TRIM_THRESHOLD_"));
        assert!(command.get_args().eq(["--threads", "2"]));
        let command = places.command(&PEERS[0], Malloc::Default, 1);
        assert!(
            command.get_args().next().is_some_and(|script| Path::new(script).ends_with("torch_runner.py"))
        );
        assert!(command.get_envs().all(|(name, _)| name != "MALLOC_TRIM_THRESHOLD_"));
    }
}
