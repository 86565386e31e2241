//! What is public shows how it is used: in its own docs, or in an example of its file that calls or names it.
//!
//! Knows documentation as text; that the examples compile and hold, `cargo test --doc` knows.

use std::ops::Range;

use super::finding::Finding;
use crate::source::lex::is_word;
use crate::source::{Source, behind_closing, end_of_head, macro_bodies, words};
use crate::workspace::Crate;

/// Where the exceptions are.
const TABLE: &str = "EXAMPLES_MISSING in xtask/src/tidy/tables.rs";
/// What may stand between `pub` and the kind of an item.
const QUALIFIERS: &[&str] = &["async", "const", "extern", "unsafe"];
/// The kinds of items that show how they are used.
const KINDS: &[&str] = &["fn", "struct", "enum", "trait"];
/// What a fence may say and still be an example that the tests compile.
const COMPILED: &[&str] = &["", "rust", "no_run", "should_panic"];

/// Findings for the published crates: items without an example in files that are not listed, and listed files that
/// lack none (any more).
pub(super) fn examples(crates: &[Crate], sources: &[Source], listed: &[&str]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| is_published(crates, &source.path)) {
        let missing = missing(source);
        match (listed.contains(&source.path.as_str()), missing.is_empty()) {
            (false, _) => findings.extend(missing),
            (true, true) => {
                let what = format!("{TABLE} lists a file that lacks no example");
                findings.push(Finding::new(&source.path, 1, what, "take the entry out"));
            }
            (true, false) => {}
        }
    }
    let gone = listed.iter().filter(|path| sources.iter().all(|source| source.path != **path));
    findings.extend(gone.map(|path| {
        Finding::new(path, 1, format!("{TABLE} lists a file that does not exist"), "take the entry out")
    }));
    findings
}

/// Whether users see the file: the source of a published crate, and no kernel.
fn is_published(crates: &[Crate], path: &str) -> bool {
    let inside = |krate: &Crate| path.strip_prefix(&format!("{}/src/", krate.folder)).is_some();
    !path.contains("/kernels/") && crates.iter().any(|krate| krate.published && inside(krate))
}

/// A finding per public item of the file that no example shows.
fn missing(source: &Source) -> Vec<Finding> {
    let docs = docs(source);
    let shown = examples_in(&docs);
    let hidden = hidden(&source.code);
    let macros = macro_bodies(&source.code);
    let mut findings = Vec::new();
    for offset in words(&source.code, "pub") {
        let inside = |ranges: &[Range<usize>]| ranges.iter().any(|range| range.contains(&offset));
        if source.is_test(offset) || inside(&hidden) || inside(&macros) {
            continue;
        }
        let Some((kind, name)) = item(&source.code[offset + "pub".len()..]) else { continue };
        let line = source.line(offset);
        let head = head(source, &docs, line);
        // A derive macro can't run in its own crate: its example stands where it is re-exported.
        let apart = head.attributes.contains("#[proc_macro");
        if apart || !examples_in(&head.docs).is_empty() || shows(&shown, kind, name) {
            continue;
        }
        let mend = "show it in its docs, 2 to 6 lines with an assertion, or in its type's example; what is for sibling \
                    crates alone is `#[doc(hidden)]`";
        findings.push(Finding::new(&source.path, line, format!("no example shows {kind} {name}"), mend));
    }
    findings
}

/// Kind and name of the item whose text behind `pub` is `rest`, if it is one that needs an example.
fn item(rest: &str) -> Option<(&str, &str)> {
    let mut tokens = rest.split_whitespace().skip_while(|token| QUALIFIERS.contains(token));
    let kind = tokens.next().filter(|kind| rest.starts_with(' ') && KINDS.contains(kind))?;
    let name = tokens.next()?;
    Some((kind, &name[..name.find(|c| !is_word(c)).unwrap_or(name.len())]))
}

/// Per line of the file its text of documentation, without the marker; none for other lines.
fn docs(source: &Source) -> Vec<Option<&str>> {
    let text = |line: &'_ str| -> Option<usize> {
        let trimmed = line.trim_start();
        ["///", "//!"]
            .iter()
            .any(|marker| trimmed.starts_with(marker))
            .then(|| line.len() - trimmed.len() + 3)
    };
    source.comments.lines().map(|line| text(line).map(|from| line[from..].trim())).collect()
}

/// What stands above an item.
struct Head<'a> {
    docs: Vec<Option<&'a str>>,
    attributes: String,
}

/// The docs and attributes directly above line `line` (from 1), attributes in front of the item included.
fn head<'a>(source: &Source, docs: &[Option<&'a str>], line: usize) -> Head<'a> {
    let code: Vec<_> = source.code.lines().take(line).map(str::trim).collect();
    let belongs = |&index: &usize| {
        docs[index].is_some()
            || code[index].starts_with('#')
            || !code[index].is_empty() && !ends_item(code[index])
    };
    let first = (0..line - 1).rev().take_while(belongs).last().unwrap_or(line - 1);
    Head { docs: docs[first..line - 1].to_vec(), attributes: code[first..line].join("\n") }
}

/// Whether a line of code ends an item or opens the block around the next one.
fn ends_item(code: &str) -> bool {
    code.ends_with([';', '{', '}'])
}

/// The lines of the examples in docs, imports left out: to import is not to show.
fn examples_in<'a>(docs: &[Option<&'a str>]) -> Vec<&'a str> {
    let mut lines = Vec::new();
    let mut compiled = None;
    for doc in docs {
        match (doc, compiled) {
            (None, _) => compiled = None,
            (Some(text), None) if text.starts_with("```") => {
                compiled = Some(text[3..].split(',').all(|word| COMPILED.contains(&word.trim())));
            }
            (Some(text), Some(_)) if text.starts_with("```") => compiled = None,
            (Some(text), Some(true)) => lines.push(text.trim_start_matches("# ")),
            (Some(_), _) => {}
        }
    }
    lines.retain(|line| !line.starts_with("use "));
    lines
}

/// Whether an example calls the function, or names it by a path; whether it names the type or the trait.
fn shows(lines: &[&str], kind: &str, name: &str) -> bool {
    lines.iter().any(|line| {
        words(line, name).any(|at| {
            let (before, after) = (&line[..at], &line[at + name.len()..]);
            kind != "fn" || before.ends_with("::") || after.starts_with('(') || after.starts_with("::<")
        })
    })
}

/// The items under `#[doc(hidden)]`, from the attribute to the item's end.
fn hidden(code: &str) -> Vec<Range<usize>> {
    const ATTRIBUTE: &str = "#[doc(hidden)]";
    let end = |start: usize| match end_of_head(code, start + ATTRIBUTE.len()) {
        Some(open) if code[open..].starts_with('{') => behind_closing(code, open),
        Some(semicolon) => semicolon + 1,
        None => code.len(),
    };
    code.match_indices(ATTRIBUTE).map(|(start, _)| start..end(start)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snippet;

    fn found(text: &str) -> Vec<(usize, String)> {
        let text = format!("//! A.\n{text}");
        let findings = missing(&snippet("crates/a/src/a.rs", &text));
        findings.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    fn names(text: &str) -> Vec<String> {
        let last = |(_, what): (usize, String)| what.rsplit(' ').next().unwrap_or_default().to_owned();
        found(text).into_iter().map(last).collect()
    }

    #[test]
    fn each_kind_of_item_needs_one() {
        assert_eq!(found("/// Adds.\npub fn add(x: u8) {}\n"), [(3, "no example shows fn add".into())]);
        let text = "pub struct S<T>(T);\npub enum E {}\npub unsafe trait T: Sized {}\npub const fn f() {}\n";
        assert_eq!(names(text), ["S", "E", "T", "f"]);
        assert_eq!(names("impl S {\n    pub fn m(&self) {}\n}\n"), ["m"]);
    }

    #[test]
    fn what_users_do_not_see_needs_none() {
        assert_eq!(
            names("pub(crate) fn f() {}\nfn g() {}\npub use a::b;\npub mod m;\npub const C: u8 = 1;\n"),
            [""; 0]
        );
        assert_eq!(
            names("#[doc(hidden)]\npub fn f() {}\n#[doc(hidden)]\nimpl S {\n    pub fn m() {}\n}\n"),
            [""; 0]
        );
        assert_eq!(names("#[cfg(test)]\nmod tests {\n    pub fn f() {}\n}\n"), [""; 0]);
        assert_eq!(
            names("macro_rules! m {\n    ($name:ident) => { pub fn $name() {} pub fn f() {} };\n}\n"),
            [""; 0]
        );
        assert_eq!(names("#[proc_macro_derive(M, attributes(m))]\npub fn derive() {}\n"), [""; 0]);
        assert_eq!(names("#[doc(hidden)]\npub mod m;\npub fn f() {}\n"), ["f"]);
        let crates = [
            Crate { folder: "crates/a".into(), published: true, ..Crate::default() },
            Crate { folder: "crates/suite".into(), ..Crate::default() },
        ];
        for (path, count) in
            [("crates/a/src/b.rs", 1), ("crates/a/src/kernels/b.rs", 0), ("crates/suite/src/b.rs", 0)]
        {
            assert_eq!(examples(&crates, &[snippet(path, "pub fn f() {}\n")], &[]).len(), count, "{path}");
        }
    }

    #[test]
    fn its_own_example_is_enough() {
        let own = "/// Adds.\n///\n/// ```\n/// assert!(true);\n/// ```\n";
        assert_eq!(names(&format!("{own}pub fn f() {{}}\n")), [""; 0]);
        assert_eq!(
            names(&format!("{own}#[must_use]\n#[cfg_attr(\n    x,\n    y\n)]\npub struct S;\n")),
            [""; 0]
        );
        assert_eq!(names(&format!("{own}fn g() {{}}\n\npub fn f() {{}}\n")), ["f"]);
        assert_eq!(
            names(&format!("{own}#[derive(Debug)] pub struct S {{\n    pub x: u8,\n}}\npub fn f() {{}}\n")),
            ["f"]
        );
    }

    #[test]
    fn only_what_is_compiled_is_an_example() {
        for (fence, count) in
            [("", 0), ("rust", 0), ("no_run", 0), ("should_panic", 0), ("text", 1), ("ignore", 1)]
        {
            let text = format!("/// ```{fence}\n/// a();\n/// ```\npub fn f() {{}}\n");
            assert_eq!(found(&text).len(), count, "{fence}");
        }
        assert_eq!(names("/// ```text\n/// a\n/// ```\n/// f();\npub fn f() {}\n"), ["f"]);
    }

    #[test]
    fn an_example_of_the_file_shows_what_it_calls() {
        let file = |line: &str| format!("/// ```\n/// {line}\n/// ```\nstruct Private;\npub fn f() {{}}\n");
        for line in ["x.f(1)", "S::f()", "map(S::f)", "# f()", "f::<u8>()"] {
            assert_eq!(names(&file(line)), [""; 0], "{line}");
        }
        for line in ["use a::f;", "let f = 1;", "x.ff(f)", "// nothing"] {
            assert_eq!(names(&file(line)), ["f"], "{line}");
        }
        let named =
            "/// ```\n/// let x: S = E::A.into();\n/// ```\nfn f() {}\npub struct S;\npub enum E {}\n";
        assert_eq!(names(named), [""; 0]);
        assert_eq!(names("//!\n//! ```\n//! f();\n//! ```\n\npub fn f() {}\n"), [""; 0]);
    }

    #[test]
    fn a_listed_file_passes_as_long_as_it_lacks_one() {
        let crates = [Crate { folder: "crates/a".into(), published: true, ..Crate::default() }];
        let path = "crates/a/src/a.rs";
        let check = |text: &str| examples(&crates, &[snippet(path, text)], &[path]).len();
        assert_eq!(check("pub fn f() {}\n"), 0);
        assert_eq!(check("fn f() {}\n"), 1);
        assert_eq!(examples(&crates, &[], &[path]).len(), 1);
    }
}
