//! Library code neither gives up on a value without a proof nor holds unfinished work.

use super::finding::Finding;
use super::tables::MAY_UNWRAP;
use crate::source::{Source, words};

/// Findings for calls that panic without an invariant, for macros of unfinished work, and for notes of work to do.
/// Tests are free.
pub(super) fn panics(source: &Source) -> Vec<Finding> {
    let mut findings = unfinished(source);
    if !MAY_UNWRAP.iter().any(|folder| source.path.starts_with(folder)) {
        findings.extend(unproven(source));
    }
    findings.retain(|(offset, _)| !source.is_test(*offset));
    findings.into_iter().map(|(_, finding)| finding).collect()
}

fn unproven(source: &Source) -> Vec<(usize, Finding)> {
    let mut findings = Vec::new();
    let mut find = |call: &str, provable: bool, mend: &str| {
        for (offset, _) in source.code.match_indices(call) {
            let line = source.line(offset);
            if !(provable && source.has_note(line, "INVARIANT:")) {
                let what = format!("`{call}{}` in library code", if provable { "…)" } else { "" });
                findings.push((offset, Finding::new(&source.path, line, what, mend)));
            }
        }
    };
    let unwrap = "answer a Result, or panic with a sentence that says what the caller did wrong";
    find(".unwrap()", false, unwrap);
    find(".unwrap_err()", false, unwrap);
    let expect = "answer a Result, or prove directly above, in a line `// INVARIANT: …`, why it can't fail";
    find(".expect(", true, expect);
    find(".expect_err(", true, expect);
    findings
}

fn unfinished(source: &Source) -> Vec<(usize, Finding)> {
    let mut findings = Vec::new();
    for name in ["todo", "unimplemented", "dbg"] {
        for offset in words(&source.code, name) {
            if source.code[offset + name.len()..].starts_with('!') {
                let what = format!("`{name}!` in library code");
                let mend = "finish it, or take it out";
                findings.push((offset, Finding::new(&source.path, source.line(offset), what, mend)));
            }
        }
    }
    for name in ["TODO", "FIXME"] {
        for offset in words(&source.comments, name) {
            let what = format!("a comment says {name}");
            let mend = "do it now, or write an issue and take the comment out";
            findings.push((offset, Finding::new(&source.path, source.line(offset), what, mend)));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snippet;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        panics(&snippet(path, text)).into_iter().map(|finding| finding.line).collect()
    }

    const LIBRARY: &str = "crates/io/src/a.rs";

    #[test]
    fn what_can_fail_is_answered() {
        let text = "let a = b.unwrap_or(1) + c.unwrap_or_default();\n#[expect(dead_code)]\nlet d = e?;\n";
        assert_eq!(lines(LIBRARY, text), [0; 0]);
        assert_eq!(lines(LIBRARY, "let a = b\n    .c()\n    .unwrap();\n"), [3]);
        assert_eq!(lines(LIBRARY, "a.expect(\"a\"); b.unwrap_err(); c.expect_err(\"c\");\n").len(), 3);
    }

    #[test]
    fn an_invariant_proves_an_expect_but_no_unwrap() {
        assert_eq!(
            lines(LIBRARY, "// INVARIANT: never empty.\nlet a = b\n    .expect(\"filled above\");\n"),
            [0; 0]
        );
        assert_eq!(lines(LIBRARY, "// INVARIANT: never empty.\nlet a = b.unwrap();\n"), [2]);
    }

    #[test]
    fn tests_and_examples_are_free() {
        let text = "#[cfg(test)]\nmod tests {\n    fn f() { a.unwrap(); todo!() } // TODO\n}\n";
        assert_eq!(lines(LIBRARY, text), [0; 0]);
        for path in ["crates/io/tests/a.rs", "crates/io/examples/a.rs", "crates/io/benches/b/a.rs"] {
            assert_eq!(lines(path, "a.unwrap();\n"), [0; 0]);
        }
        assert_eq!(lines(LIBRARY, "/// ```\n/// a.unwrap();\n/// ```\nfn f() {}\n"), [0; 0]);
    }

    #[test]
    fn code_behind_a_test_module_is_library_code() {
        assert_eq!(
            lines(LIBRARY, "#[cfg(test)]\nmod tests { const A: char = '{'; }\nfn f() { a.unwrap() }\n"),
            [3]
        );
    }

    #[test]
    fn some_crates_may_unwrap_but_none_leaves_work() {
        let text = "a.unwrap();\ntodo!();\n";
        assert_eq!(lines("crates/testkit/src/a.rs", text), [2]);
        assert_eq!(lines("xtask/src/a.rs", text), [2]);
    }

    #[test]
    fn unfinished_work_is_found() {
        let text = "todo!()\nunimplemented!()\nlet x = dbg!(y);\n// TODO: more\n/* FIXME */\n";
        assert_eq!(lines(LIBRARY, text), [1, 2, 3, 4, 5]);
        assert_eq!(lines(LIBRARY, "let todo = \"todo!() TODO\"; if todo != x {}\n// mastodon\n"), [0; 0]);
    }
}
