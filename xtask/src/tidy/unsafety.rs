//! `unsafe` stands in listed kernel files only, each block with its `// SAFETY:` line; every other crate forbids it.

use super::finding::Finding;
use super::tables::UNSAFE_CRATE;
use crate::source::{Source, words};
use crate::workspace::Crate;

/// Findings for `unsafe` outside the listed files, and for blocks and impls that do not say why they are sound.
pub(super) fn unsafe_code(source: &Source, listed: &[&str]) -> Vec<Finding> {
    let is_listed = listed.iter().any(|entry| match entry.strip_suffix('*') {
        Some(folder) => source.path.starts_with(folder),
        None => source.path == *entry,
    });
    let mut findings = Vec::new();
    for offset in words(&source.code, "unsafe") {
        let line = source.line(offset);
        if !is_listed {
            let mend = "write it safely, or add the file to UNSAFE_FILES in xtask/src/tidy/tables.rs with a naive \
                        twin and a test that compares the two";
            findings.push(Finding::new(&source.path, line, "`unsafe` in a file that is not listed", mend));
        } else if needs_note(&source.code[offset + "unsafe".len()..]) && !source.has_note(line, "SAFETY:") {
            let mend = "say directly above it, in a line `// SAFETY: …`, why it is sound";
            findings.push(Finding::new(&source.path, line, "`unsafe` without a `// SAFETY:` line", mend));
        }
    }
    findings
}

/// Whether what follows the word `unsafe` is a block, an impl or a block of foreign items: there the author vouches. An
/// unsafe function or trait asks that of its callers.
fn needs_note(after: &str) -> bool {
    let after = after.trim_start();
    let follows = |word| words(after, word).next() == Some(0);
    let foreign_block = follows("extern") && after["extern".len()..].trim_start().starts_with('{');
    after.starts_with('{') || follows("impl") || foreign_block
}

/// A finding per root file of a crate other than the one with kernels that lacks `#![forbid(unsafe_code)]`.
pub(super) fn forbidden(crates: &[Crate], sources: &[Source]) -> Vec<Finding> {
    let roots = crates.iter().filter(|krate| krate.name != UNSAFE_CRATE).flat_map(|krate| &krate.roots);
    let lacks = |root: &&String| {
        let mut files = sources.iter().filter(|source| source.path == **root);
        !files.any(|source| source.code.contains("#![forbid(unsafe_code)]"))
    };
    let what = "the crate does not forbid unsafe code";
    let mend = "add `#![forbid(unsafe_code)]` below the file's `//!` lines";
    roots.filter(lacks).map(|root| Finding::new(root, 1, what, mend)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snippet;

    const LISTED: &[&str] = &["k/isa.rs", "k/matmul/*"];

    fn lines(path: &str, text: &str) -> Vec<usize> {
        unsafe_code(&snippet(path, text), LISTED).into_iter().map(|finding| finding.line).collect()
    }

    #[test]
    fn listed_files_and_folders_may() {
        let text = "fn f() {\n    // SAFETY: checked above.\n    unsafe { g() }\n}\n";
        assert_eq!(lines("k/isa.rs", text), [0; 0]);
        assert_eq!(lines("k/matmul/avx2.rs", text), [0; 0]);
        assert_eq!(lines("k/storage.rs", text), [3]);
        assert_eq!(lines("k/isa.rs/other.rs", text), [3]);
    }

    #[test]
    fn words_in_comments_strings_and_names_are_none() {
        let text = "//! unsafe\n#![forbid(unsafe_code)]\n/* unsafe { */ let x = \"unsafe {\"; let r = r#\"unsafe\"#;\n";
        assert_eq!(lines("k/other.rs", text), [0; 0]);
    }

    #[test]
    fn each_block_and_impl_has_its_line() {
        assert_eq!(lines("k/isa.rs", "// SAFETY: one.\nunsafe { a() };\nunsafe { b() };\n"), [3]);
        assert_eq!(
            lines("k/isa.rs", "// SAFETY: one.\nunsafe impl Send for A {}\nunsafe impl Sync for A {}\n"),
            [3]
        );
        assert_eq!(lines("k/isa.rs", "// A remark.\nunsafe extern \"C\" { fn f(); }\n"), [2]);
        assert_eq!(lines("k/isa.rs", "// SAFETY: long.\nlet x: &mut [f32] =\n    unsafe { f() };\n"), [0; 0]);
        assert_eq!(lines("k/isa.rs", "let s = \"SAFETY:\"; unsafe { f() };\n"), [1]);
    }

    #[test]
    fn an_unsafe_function_asks_its_callers() {
        let text = "pub unsafe fn f() {}\nunsafe trait T {}\ntype F = unsafe extern \"C\" fn(u8);\n";
        assert_eq!(lines("k/isa.rs", text), [0; 0]);
    }

    #[test]
    fn every_other_crate_forbids() {
        let krate = |name: &str| Crate {
            name: name.into(),
            roots: vec![format!("crates/{name}/src/lib.rs")],
            ..Crate::default()
        };
        let crates = [krate(UNSAFE_CRATE), krate("good"), krate("bad")];
        let sources = [
            snippet("crates/gradus-tensor/src/lib.rs", "//! T.\n"),
            snippet("crates/good/src/lib.rs", "//! G.\n#![forbid(unsafe_code)]\n"),
            snippet("crates/bad/src/lib.rs", "//! B.\n// #![forbid(unsafe_code)]\n"),
        ];
        let findings = forbidden(&crates, &sources);
        assert_eq!(
            findings.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(),
            ["crates/bad/src/lib.rs"]
        );
    }
}
