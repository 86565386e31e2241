//! Which crate may depend on which, and that one file alone starts threads.

use super::finding::Finding;
use super::tables::{Allowed, THREAD_FILES};
use crate::source::{Source, words};
use crate::workspace::{Crate, Dependency};

/// Where the edges are allowed.
const TABLE: &str = "ALLOWED in xtask/src/tidy/tables.rs";

/// A finding per edge of the workspace that `allowed` does not hold, and per crate that has no row there or no longer
/// exists.
pub(super) fn edges(crates: &[Crate], allowed: &[Allowed], in_tests: &[(&str, &[&str])]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for krate in crates {
        let Some(row) = allowed.iter().find(|row| row.name == krate.name) else {
            let what = format!("{} is in no row of {TABLE}", krate.name);
            let mend = "add its row: what it may depend on, and why it is a crate";
            findings.push(Finding::new(&krate.manifest_path(), 1, what, mend));
            continue;
        };
        for dependency in &krate.dependencies {
            let internal = crates.iter().any(|other| other.name == dependency.name);
            if !is_allowed(row, in_tests, dependency, internal) {
                findings.push(forbidden(krate, dependency, internal));
            }
        }
    }
    let gone = allowed.iter().filter(|row| crates.iter().all(|krate| krate.name != row.name));
    findings.extend(gone.map(|row| {
        let what = format!("{TABLE} has a row for {}, which does not exist", row.name);
        Finding::new("xtask/src/tidy/tables.rs", 1, what, "take the row out")
    }));
    findings
}

fn is_allowed(row: &Allowed, in_tests: &[(&str, &[&str])], dependency: &Dependency, internal: bool) -> bool {
    let holds = |list: &[&str]| list.iter().any(|&name| name == "*" || name == dependency.name);
    match (internal, dependency.dev) {
        (true, false) => holds(row.workspace),
        (true, true) => {
            let extra = |&(name, list): &(&str, &[&str])| (name == "*" || name == row.name) && holds(list);
            holds(row.workspace) || in_tests.iter().any(extra)
        }
        (false, false) => holds(row.external) || dependency.optional && holds(row.optional),
        (false, true) => true,
    }
}

fn forbidden(krate: &Crate, dependency: &Dependency, internal: bool) -> Finding {
    let Dependency { name, dev, optional } = dependency;
    let (list, table) = match (internal, dev, optional) {
        (true, true, _) => ("", "ALLOWED_IN_TESTS in xtask/src/tidy/tables.rs"),
        (true, false, _) => ("`workspace` of ", TABLE),
        (false, _, false) => ("`external` of ", TABLE),
        (false, _, true) => ("`optional` of ", TABLE),
    };
    let what = format!("{} may not depend on {name}: no such edge in {table}", krate.name);
    let mend = format!(
        "take the dependency out; if the architecture is to change, add it to {list}{table} in the same commit, \
         with the reason"
    );
    Finding::new(&krate.manifest_path(), krate.manifest_line(name), what, mend)
}

/// Findings for each line of a crate's code, tests apart, that starts a thread elsewhere than in the listed files.
pub(super) fn threads(source: &Source) -> Vec<Finding> {
    if THREAD_FILES.contains(&source.path.as_str()) || !source.path.starts_with("crates/") {
        return Vec::new();
    }
    let mend = "call what gradus_tensor::parallel offers, or list the file in THREAD_FILES with its reason";
    words(&source.code, "spawn")
        .filter(|&offset| !source.is_test(offset))
        .map(|offset| Finding::new(&source.path, source.line(offset), "a thread is started here", mend))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snippet;

    const TABLE: &[Allowed] = &[
        Allowed { name: "low", workspace: &[], external: &["num-traits"], optional: &["serde"] },
        Allowed { name: "high", workspace: &["low"], external: &["*"], optional: &[] },
    ];

    fn krate(name: &str, dependencies: &[&Dependency]) -> Crate {
        let dependencies: Vec<_> = dependencies.iter().map(|&one| one.clone()).collect();
        let lines: Vec<_> = dependencies.iter().map(|one| format!("{} = \"1\"\n", one.name)).collect();
        let manifest = format!("[dependencies]\n{}", lines.concat());
        Crate { name: name.into(), folder: name.into(), manifest, dependencies, ..Crate::default() }
    }

    fn on(name: &str) -> Dependency {
        Dependency { name: name.into(), ..Dependency::default() }
    }

    fn found(low: &[&Dependency], high: &[&Dependency]) -> Vec<Finding> {
        edges(&[krate("low", low), krate("high", high)], TABLE, &[("*", &["kit"]), ("low", &["high"])])
    }

    #[test]
    fn edges_of_the_table_pass() {
        let serde = Dependency { optional: true, ..on("serde") };
        let upwards_in_tests = Dependency { dev: true, ..on("high") };
        let outside_in_tests = Dependency { dev: true, ..on("criterion") };
        let low = [&on("num-traits"), &serde, &upwards_in_tests, &outside_in_tests];
        assert_eq!(found(&low, &[&on("low"), &on("clap")]), []);
    }

    #[test]
    fn an_edge_upwards_is_found_and_the_table_named() {
        let findings = found(&[&on("num-traits"), &on("high")], &[]);
        assert_eq!(findings.len(), 1);
        assert_eq!((findings[0].path.as_str(), findings[0].line), ("low/Cargo.toml", 3));
        assert_eq!(
            findings[0].what,
            "low may not depend on high: no such edge in ALLOWED in xtask/src/tidy/tables.rs"
        );
    }

    #[test]
    fn a_package_from_outside_is_found() {
        assert_eq!(found(&[&on("libc")], &[]).len(), 1);
        assert_eq!(found(&[&on("serde")], &[]).len(), 1, "allowed behind a feature only");
    }

    #[test]
    fn an_edge_of_tests_is_found() {
        let itself = Dependency { dev: true, ..on("high") };
        assert_eq!(found(&[], &[&itself]).len(), 1);
    }

    #[test]
    fn crates_and_rows_match() {
        let findings = edges(&[krate("low", &[]), krate("new", &[])], TABLE, &[]);
        let whats: Vec<_> = findings.iter().map(|finding| finding.what.as_str()).collect();
        assert!(whats[0].starts_with("new is in no row") && whats[1].contains("a row for high"), "{whats:?}");
    }

    #[test]
    fn the_allowed_edges_hold_no_cycle_and_no_sibling() {
        let rows = super::super::tables::ALLOWED;
        let below =
            |name: &str| rows.iter().find(|row| row.name == name).map_or(&[][..], |row| row.workspace);
        let siblings = ["gradus-layers", "gradus-losses", "gradus-optimizers", "gradus-regularizers"];
        for row in rows.iter().filter(|row| row.workspace != ["*"]) {
            let mut open = row.workspace.to_vec();
            for _ in 0..rows.len() {
                assert!(!open.contains(&row.name), "{} depends on itself", row.name);
                open = open.iter().flat_map(|name| below(name)).copied().collect();
                open.sort_unstable();
                open.dedup();
            }
            let is_sibling = siblings.contains(&row.name);
            assert!(!is_sibling || row.workspace.iter().all(|name| !siblings.contains(name)), "{}", row.name);
        }
    }

    #[test]
    fn one_file_starts_threads() {
        let text = "//! No spawn.\nlet text = \"spawn\"; // spawn\n";
        assert_eq!(threads(&snippet("crates/tensor/src/a.rs", text)), []);
        assert_eq!(threads(&snippet(THREAD_FILES[0], "std::thread::spawn(f);\n")), []);
        assert_eq!(threads(&snippet("crates/io/tests/a.rs", "std::thread::spawn(f);\n")), []);
        let findings = threads(&snippet("crates/io/src/a.rs", "//! A.\nstd::thread::spawn(f);\n"));
        assert_eq!(findings.iter().map(|finding| finding.line).collect::<Vec<_>>(), [2]);
    }
}
