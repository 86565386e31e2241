//! `cargo xtask op-matrix`: writes docs/op-matrix.md, every op against every property, from what the tests recorded.
//!
//! It judges nothing and runs no op itself: a mark is there because a test that checks it passed on this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::Result;
use crate::cargo::Cargo;
use crate::isa::Isa;
use crate::workspace::Workspace;

/// The page.
const PAGE: &str = "docs/op-matrix.md";
/// The variable that makes tests record what they saw.
pub(crate) const VARIABLE: &str = "GRADUS_OP_MATRIX";
/// The mark that every op has: its columns' rows are the page's rows.
const ALL: &str = "value";
/// The columns: the heading, and the mark that the tests record.
const COLUMNS: &[(&str, &str)] = &[
    ("value", ALL),
    ("gradient", "gradient"),
    ("second order", "second order"),
    ("jvp", "jvp"),
    ("per example", "per-example"),
    ("non-contiguous", "non-contiguous"),
    ("broadcast", "broadcast"),
    ("empty", "empty"),
    ("f32", "f32"),
    ("threads bitwise", "threads"),
    ("portable", "portable"),
    ("avx2", "avx2"),
    ("avx512", "avx512"),
    ("neon", "neon"),
    ("golden", "golden"),
];

/// For each mark, the ops that have it.
type Record = BTreeMap<String, BTreeSet<String>>;

/// Where the tests of this tree leave their record.
pub(crate) fn folder(workspace: &Workspace) -> PathBuf {
    workspace.target.join("op-matrix")
}

/// Runs the tests that record and writes the page; with `check` compares it with the last record, with `recorded` writes it from
/// that.
///
/// # Errors
/// If a test fails, nothing was recorded, or the page is out of date.
pub(crate) fn run(workspace: &Workspace, check: bool, recorded: bool) -> Result<()> {
    let folder = folder(workspace);
    if !(check || recorded) || !folder.join(format!("{ALL}.txt")).exists() {
        let told = folder.to_string_lossy().into_owned();
        Cargo::new("test -p gradus-suite --tests").variable(VARIABLE, told).run(&workspace.root)?;
    }
    let path = workspace.root.join(PAGE);
    let present = std::fs::read_to_string(&path).unwrap_or_default();
    let fresh = page(&read(&folder)?, &present)?;
    if !check {
        std::fs::write(&path, &fresh).map_err(|error| format!("{PAGE}: {error}"))?;
        println!("{PAGE} is written");
        return Ok(());
    }
    if fresh == present {
        println!("{PAGE} is what the tests recorded");
        return Ok(());
    }
    let old: BTreeSet<&str> = present.lines().collect();
    let changed: Vec<&str> = fresh.lines().filter(|line| !old.contains(line)).take(10).collect();
    Err(format!(
        "{PAGE} is out of date; `cargo xtask op-matrix` writes it. New lines:\n{}",
        changed.join("\n")
    ))
}

fn read(folder: &Path) -> Result<Record> {
    let mut record = Record::new();
    for (_, mark) in COLUMNS {
        if let Ok(text) = std::fs::read_to_string(folder.join(format!("{mark}.txt"))) {
            record.insert((*mark).to_owned(), text.lines().map(str::to_owned).collect());
        }
    }
    if record.contains_key(ALL) { Ok(record) } else { Err("no test recorded anything".into()) }
}

/// The page; an instruction set that this machine lacks keeps the column that `present` has.
fn page(record: &Record, present: &str) -> Result<String> {
    let before = columns_of(present);
    let here = Isa::available();
    let has = |heading: &str, mark: &str, op: &str| {
        let foreign = Isa::value_variants().iter().any(|isa| isa.name() == mark)
            && !here.iter().any(|isa| isa.name() == mark);
        let of = |record: &Record, key: &str| record.get(key).is_some_and(|ops| ops.contains(op));
        if foreign { of(&before, heading) } else { of(record, mark) }
    };
    let mut out = String::from(HEAD);
    out.push_str("\n| op |");
    COLUMNS.iter().for_each(|(heading, _)| out.push_str(&format!(" {heading} |")));
    out.push_str("\n|---|");
    COLUMNS.iter().for_each(|_| out.push_str(":-:|"));
    out.push('\n');
    for op in &record[ALL] {
        write!(out, "| `{op}` |").map_err(|error| error.to_string())?;
        for (heading, mark) in COLUMNS {
            out.push_str(if has(heading, mark, op) { " ✓ |" } else { " – |" });
        }
        out.push('\n');
    }
    Ok(out)
}

/// Reads a page back: for each heading, the ops with a mark.
fn columns_of(page: &str) -> Record {
    let cells = |line: &str| -> Vec<String> {
        line.trim_matches('|').split('|').map(|cell| cell.trim().trim_matches('`').to_owned()).collect()
    };
    let mut lines = page.lines().filter(|line| line.starts_with("| "));
    let headings = lines.next().map(cells).unwrap_or_default();
    let mut record = Record::new();
    for line in lines {
        let row = cells(line);
        let marked = headings.iter().zip(&row).skip(1).filter(|(_, cell)| *cell == "✓");
        for (heading, _) in marked {
            record.entry(heading.clone()).or_default().insert(row[0].clone());
        }
    }
    record
}

const HEAD: &str = "\
# The op matrix

Every differentiable op and what the correctness suite saw of it. Written by `cargo xtask op-matrix` from the record of
the tests; CI fails if it is out of date. ✓: checked on every draw of the ordinary run, and held. –: not checked.

* **value**: equal to a naive reference in plain `f64`.
* **gradient**, **second order**: equal to central differences in `f64`.
* **jvp**: forward mode is the transpose of reverse mode, and equal to central differences.
* **per example**: gradients of each example of a batch are those of its loss alone.
* **non-contiguous**: transposed, sliced, flipped, strided inputs change nothing. **broadcast**: nor do inputs stretched
  along an axis (stride 0).
* **empty**: arrays without elements were among the draws.
* **f32**: single precision follows double, value and gradient.
* **threads bitwise**: the same bits at 1, 2 and 3 threads, on arrays large enough to be split.
* **portable … neon**: forced onto that instruction set, it agrees with the portable path (same bits where the op rounds the
  same way everywhere). A column stays – until a machine that has the instruction set ran it.
* **golden**: equal to a result recorded from PyTorch.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn record(marks: &[(&str, &[&str])]) -> Record {
        let set = |ops: &[&str]| ops.iter().map(|op| (*op).to_owned()).collect();
        marks.iter().map(|(mark, ops)| ((*mark).to_owned(), set(ops))).collect()
    }

    #[test]
    fn a_page_is_read_back_as_it_was_written() {
        let page = page(&record(&[(ALL, &["add", "exp"]), ("gradient", &["exp"])]), "").unwrap();
        let back = columns_of(&page);
        assert_eq!(back, record(&[(ALL, &["add", "exp"]), ("gradient", &["exp"])]));
    }

    #[test]
    fn foreign_instruction_sets_keep_their_marks() {
        let foreign = Isa::value_variants().iter().find(|isa| !Isa::available().contains(isa));
        let Some(foreign) = foreign else { return };
        let old = page(&record(&[(ALL, &["exp"])]), "").unwrap();
        let column = COLUMNS.iter().position(|(_, mark)| *mark == foreign.name()).unwrap();
        let marked: String = old
            .lines()
            .map(|line| {
                let mut cells: Vec<&str> = line.split('|').collect();
                if line.starts_with("| `exp`") {
                    cells[column + 2] = " ✓ ";
                }
                cells.join("|") + "\n"
            })
            .collect();
        let fresh = page(&record(&[(ALL, &["exp"])]), &marked).unwrap();
        assert_eq!(columns_of(&fresh), record(&[(ALL, &["exp"]), (foreign.name(), &["exp"])]));
    }
}
