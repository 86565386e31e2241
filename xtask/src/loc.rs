//! `cargo xtask loc`: how much there is to read, crate by crate, with tests apart.

use std::ops::AddAssign;

use crate::Result;
use crate::source::Source;
use crate::workspace::Workspace;

/// Lines of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Lines {
    code: usize,
    comment: usize,
    blank: usize,
    test: usize,
}

impl AddAssign for Lines {
    fn add_assign(&mut self, other: Self) {
        self.code += other.code;
        self.comment += other.comment;
        self.blank += other.blank;
        self.test += other.test;
    }
}

/// Prints the table.
///
/// # Errors
/// If the files can't be listed.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let sources = Source::all(&workspace.files()?);
    let row = |name: &str, lines: Lines| {
        let Lines { code, comment, blank, test } = lines;
        println!("{name:<22} {code:>8} {comment:>8} {blank:>8} {test:>8}");
    };
    println!("{:<22} {:>8} {:>8} {:>8} {:>8}", "crate", "code", "comment", "blank", "tests");
    let mut total = Lines::default();
    for krate in &workspace.crates {
        let lines = count_folder(&format!("{}/", krate.folder), &sources);
        row(&krate.name, lines);
        total += lines;
    }
    row("total", total);
    Ok(())
}

fn count_folder(folder: &str, sources: &[Source]) -> Lines {
    let mut total = Lines::default();
    for source in sources.iter().filter(|source| source.path.starts_with(folder)) {
        total += count(source);
    }
    total
}

/// The lines of one file; all that is compiled for tests counts as test, whatever it holds.
fn count(source: &Source) -> Lines {
    let mut lines = Lines::default();
    let mut offset = 0;
    let rows = source.text.split_inclusive('\n').zip(source.code.lines()).zip(source.comments.lines());
    for ((text, code), comment) in rows {
        let indent = text.len() - text.trim_start().len();
        if source.is_test(offset + indent.min(text.len().saturating_sub(1))) {
            lines.test += 1;
        } else if text.trim().is_empty() {
            lines.blank += 1;
        } else if code.trim().is_empty() && !comment.trim().is_empty() {
            lines.comment += 1;
        } else {
            lines.code += 1;
        }
        offset += text.len();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snippet;
    use crate::workspace::TextFile;

    #[test]
    fn lines_are_told_apart() {
        let text =
            "//! A.\n\nfn a() {} // b\n/* c\nd */\nlet e = \"\n// f\n\";\n#[cfg(test)]\nmod tests {\n\n}\n";
        let expected = Lines { code: 4, comment: 3, blank: 1, test: 4 };
        assert_eq!(count(&snippet("crates/a/src/lib.rs", text)), expected);
        let expected = Lines { test: 12, ..Lines::default() };
        assert_eq!(count(&snippet("crates/a/tests/b.rs", text)), expected);
    }

    #[test]
    fn a_crate_is_the_sum_of_its_files() {
        let file = |path: &str, text: &str| TextFile { path: path.into(), text: text.into() };
        let files = [
            file("crates/a/src/lib.rs", "//! A.\n#[cfg(test)]\nmod checks;\n"),
            file("crates/a/src/checks.rs", "//! C.\nfn f() {}\n"),
            file("crates/a/README.md", "# a\n"),
            file("crates/ab/src/lib.rs", "//! B.\n"),
        ];
        let expected = Lines { comment: 1, test: 4, ..Lines::default() };
        assert_eq!(count_folder("crates/a/", &Source::all(&files)), expected);
    }
}
