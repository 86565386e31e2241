//! The plain text of every file: clean ends of lines, no tabs in Rust, no path that only one machine has.

use super::finding::Finding;
use crate::source::{Source, is_test_path};
use crate::workspace::TextFile;

/// Kinds of files that people write and read; others (data, goldens, logs of failures) keep their bytes.
const WRITTEN: &[&str] = &["md", "py", "rs", "sh", "toml", "yaml", "yml"];

/// Top folders that exist on one machine only.
const MACHINE_FOLDERS: &[&str] = &["home", "root", "tmp", "work"];

/// Findings for ends of lines and for tabs.
pub(super) fn lines(file: &TextFile) -> Vec<Finding> {
    let mut findings = Vec::new();
    let name = file.path.rsplit('/').next().unwrap_or(&file.path);
    // A name without an ending, such as a script's or a licence's, is written by people too.
    let ending = name.trim_start_matches('.').rsplit_once('.').map(|(_, ending)| ending);
    if !ending.is_none_or(|ending| WRITTEN.contains(&ending)) {
        return findings;
    }
    for (index, line) in file.text.split_inclusive('\n').enumerate() {
        let Some(content) = line.strip_suffix('\n') else {
            let mend = "end it with a line break";
            findings.push(Finding::new(&file.path, index + 1, "the last line has no end", mend));
            continue;
        };
        if content.ends_with(char::is_whitespace) {
            findings.push(Finding::new(
                &file.path,
                index + 1,
                "white space at the end of the line",
                "delete it",
            ));
        }
        if ending == Some("rs") && content.contains('\t') {
            let mend = "indent with spaces; in a string write \\t";
            findings.push(Finding::new(&file.path, index + 1, "a tab in Rust code", mend));
        }
    }
    findings
}

/// Findings for absolute paths, tests apart; `source` is the file's code if it is Rust.
pub(super) fn machine_paths(file: &TextFile, source: Option<&Source>) -> Vec<Finding> {
    if is_test_path(&file.path) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for folder in MACHINE_FOLDERS {
        let path = format!("/{folder}/");
        for (offset, _) in file.text.match_indices(&path) {
            let in_longer_path =
                file.text[..offset].ends_with(|c: char| c.is_alphanumeric() || "._-~/)}".contains(c));
            if in_longer_path || source.is_some_and(|source| source.is_test(offset)) {
                continue;
            }
            let line = file.text[..offset].matches('\n').count() + 1;
            let what = format!("`{path}…` is a path of one machine");
            let mend = "name the file relative to the repository, or ask the system for the folder";
            findings.push(Finding::new(&file.path, line, what, mend));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, content: &str) -> Vec<usize> {
        let file = TextFile { path: path.into(), text: content.into() };
        let source = path.ends_with(".rs").then(|| Source::new(&file));
        let mut findings = lines(&file);
        findings.extend(machine_paths(&file, source.as_ref()));
        findings.into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn clean_text_passes() {
        assert_eq!(found("a.rs", "//! A.\n\nfn a() {}\n"), [0; 0]);
        assert_eq!(found("Makefile", "a:\n\tb\n"), [0; 0]);
        assert_eq!(found("a.md", ""), [0; 0]);
    }

    #[test]
    fn ends_of_lines_and_of_the_file_are_clean() {
        assert_eq!(found("a.rs", "//! A. \nfn a() {}\r\nfn b() {}"), [1, 2, 3]);
        assert_eq!(found(".ci/run", "set -e  \n"), [1]);
        assert_eq!(found("data/a.csv", "1,2 \n3"), [0; 0]);
    }

    #[test]
    fn tabs_are_no_indent_in_rust() {
        assert_eq!(found("a.rs", "\tfn a() {}\n"), [1]);
        assert_eq!(found("a.rs", "let a = \"\\t\";\n"), [0; 0]);
    }

    #[test]
    fn paths_of_one_machine_are_found() {
        for folder in ["home/me", "root/x", "work/x", "tmp/x"] {
            assert_eq!(found("a.md", &format!("See `/{folder}`.\n")), [1]);
            assert_eq!(found("a.toml", &format!("path = \"/{folder}\"\n")), [1]);
        }
    }

    #[test]
    fn other_paths_and_tests_pass() {
        assert_eq!(found("a.md", "https://example.org/home/a and crates/work/src, ~/work/x\n"), [0; 0]);
        assert_eq!(found("crates/a/tests/b.rs", "f(\"/tmp/x\");\n"), [0; 0]);
        assert_eq!(
            found("crates/a/src/b.rs", "#[cfg(test)]\nmod tests { const A: &str = \"/tmp/x\"; }\n"),
            [0; 0]
        );
    }
}
