//! One Rust file, parted so that checks look at code without tripping over comments and strings.
//!
//! Knows lines, words, braces and test regions; knows no rule.

pub(crate) mod lex;
mod regions;

use std::ops::Range;

use crate::workspace::TextFile;
use lex::{Kind, is_word, spans};

/// A Rust file in three tellings of the same bytes and lines.
#[derive(Debug)]
pub(crate) struct Source {
    /// Relative to the top of the tree.
    pub(crate) path: String,
    /// What the file holds.
    pub(crate) text: String,
    /// The code alone: comments and literals are blanks.
    pub(crate) code: String,
    /// The comments alone: all else is blanks.
    pub(crate) comments: String,
    /// Whether all of it is compiled for tests, benches or examples only.
    all_test: bool,
    /// The bytes that are compiled for tests only.
    test_regions: Vec<Range<usize>>,
}

impl Source {
    /// The Rust files among `files`; a module that another one declares under `#[cfg(test)]` is known as a test.
    pub(crate) fn all(files: &[TextFile]) -> Vec<Self> {
        let rust = files.iter().filter(|file| file.path.ends_with(".rs"));
        let mut sources: Vec<_> = rust.map(Self::new).collect();
        let modules: Vec<_> = sources.iter().flat_map(Self::test_modules).collect();
        for source in &mut sources {
            let is_in = |module: &String| {
                let rest = source.path.strip_prefix(module.as_str());
                rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
            };
            source.all_test |= modules.iter().any(is_in);
        }
        sources
    }

    /// Parts `file`.
    pub(crate) fn new(file: &TextFile) -> Self {
        let (mut code, mut comments) = (String::new(), String::new());
        let mut position = 0;
        for (kind, length) in spans(&file.text) {
            let span = &file.text[position..position + length];
            push(&mut code, span, kind == Kind::Code);
            push(&mut comments, span, kind == Kind::Comment);
            position += length;
        }
        let test_regions = regions::test_regions(&code);
        let (path, text, all_test) = (file.path.clone(), file.text.clone(), is_test_path(&file.path));
        Self { path, text, code, comments, all_test, test_regions }
    }

    /// The number of the line, from 1, that holds the byte at `offset`.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset].iter().filter(|&&byte| byte == b'\n').count() + 1
    }

    /// Whether the byte at `offset` is compiled for tests only.
    pub(crate) fn is_test(&self, offset: usize) -> bool {
        self.all_test || self.test_regions.iter().any(|region| region.contains(&offset))
    }

    /// Paths (without `.rs`) of the modules that this file declares under `#[cfg(test)]` without a body.
    fn test_modules(&self) -> Vec<String> {
        let folder = match self.path.rsplit_once('/') {
            Some((folder, "lib.rs" | "main.rs" | "mod.rs")) => folder,
            _ => self.path.trim_end_matches(".rs"),
        };
        let declarations = self.test_regions.iter().map(|region| &self.code[region.clone()]);
        let bodiless = declarations.filter_map(|item| item.strip_suffix(';'));
        let names = bodiless.filter_map(|item| item.rsplit_once("mod ").map(|(_, name)| name.trim()));
        names.map(|name| format!("{folder}/{name}")).collect()
    }

    /// Whether a comment with `tag` stands on line `line` (from 1), or directly above the statement that the line
    /// belongs to; attributes may stand between.
    pub(crate) fn has_note(&self, line: usize, tag: &str) -> bool {
        let rows: Vec<_> = self.text.lines().zip(self.code.lines()).zip(self.comments.lines()).collect();
        if rows.get(line - 1).is_some_and(|(_, comment)| comment.contains(tag)) {
            return true;
        }
        let mut in_comment = false;
        for ((text, code), comment) in rows[..line - 1].iter().rev() {
            let (text, code) = (text.trim(), code.trim());
            if code.is_empty() && !comment.trim().is_empty() {
                if comment.contains(tag) {
                    return true;
                }
                in_comment = true;
            } else if in_comment || text.is_empty() || (ends_statement(code) && !code.starts_with('#')) {
                return false;
            }
        }
        false
    }
}

/// Whether a file is a test, a bench or an example by its place beside `src`.
pub(crate) fn is_test_path(path: &str) -> bool {
    let mut folders = path.split('/').take_while(|&folder| folder != "src");
    folders.any(|folder| ["tests", "benches", "examples"].contains(&folder))
}

/// The offsets at which `word` stands in `code` as a whole word.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let is_whole = move |&(index, _): &(usize, &str)| {
        let before = &code[..index];
        let after = &code[index + word.len()..];
        !before.ends_with(is_word) && !before.ends_with("r#") && !after.starts_with(is_word)
    };
    code.match_indices(word).filter(is_whole).map(|(index, _)| index)
}

/// The offset just behind the bracket that closes the one at `open`; the end of the text if none does.
pub(crate) fn behind_closing(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (index, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' | b'(' | b'[' => depth += 1,
            b'}' | b')' | b']' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return index + 1;
        }
    }
    code.len()
}

/// The offset of the `{` or `;` with which the head of the item that starts at `start` ends.
pub(crate) fn end_of_head(code: &str, start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (index, byte) in code.bytes().enumerate().skip(start) {
        match byte {
            b'{' | b';' if depth == 0 => return Some(index),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.checked_sub(1)?,
            _ => {}
        }
    }
    None
}

/// The bodies of `macro_rules!`, brackets included: patterns, not items.
pub(crate) fn macro_bodies(code: &str) -> Vec<Range<usize>> {
    let body = |start: usize| {
        let open = code[start..].find(['{', '(', '['])? + start;
        Some(open..behind_closing(code, open))
    };
    words(code, "macro_rules").filter_map(body).collect()
}

/// Whether no statement that starts on this line of code runs on below it.
fn ends_statement(code: &str) -> bool {
    code.ends_with([';', '{', '}', ','])
}

fn push(out: &mut String, span: &str, keep: bool) {
    if keep {
        out.push_str(span);
    } else {
        for c in span.chars() {
            let blank = if c == '\n' { "\n" } else { " " };
            out.push_str(&blank.repeat(c.len_utf8()));
        }
    }
}

/// The source of a text, for the tests of the rules.
#[cfg(test)]
pub(crate) fn snippet(path: &str, text: &str) -> Source {
    Source::new(&TextFile { path: path.into(), text: text.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tellings_keep_bytes_and_lines() {
        let source = snippet("src/a.rs", "let é = \"ü\n{\"; // ß {\nx");
        assert_eq!(source.code.len(), source.text.len());
        assert_eq!(source.code.lines().count(), 3);
        assert_eq!(source.code.replace(' ', ""), "leté=\n;\nx");
        assert_eq!(source.comments.trim(), "// ß {");
    }

    #[test]
    fn notes_are_found_above_a_statement_and_past_attributes() {
        let yes = [
            "f(); // TAG: x",
            "// TAG: x\nf();",
            "// TAG: x\n// more\nf();",
            "// TAG: x\n#[inline]\nf();",
            "// TAG: x\n#[expect(a, b)]\nlet y = g()\n    .f();",
        ];
        let no = [
            "f();",
            "// TAG: x\n\nf();",
            "// TAG: x\ng();\nf();",
            "// TAG: x\ng();\n// other\nf();",
            "let t = \"TAG: \";\nf();",
        ];
        let has = |text: &str| snippet("src/a.rs", text).has_note(text.lines().count(), "TAG:");
        assert!(yes.iter().all(|text| has(text)));
        assert!(no.iter().all(|text| !has(text)));
    }

    #[test]
    fn words_are_whole() {
        let found: Vec<_> = words("fn f(fnx: r#fn, x_fn: Fn) fn", "fn").collect();
        assert_eq!(found, [0, 26]);
    }

    #[test]
    fn tests_are_known_by_place_or_declaration() {
        let file = |path: &str, text: &str| TextFile { path: path.into(), text: text.into() };
        let sources = Source::all(&[
            file("crates/a/src/lib.rs", "#[cfg(test)]\nmod checks;\nfn f() {}\n"),
            file("crates/a/src/checks.rs", "fn f() {}\n"),
            file("crates/a/src/checks/more.rs", "fn f() {}\n"),
            file("crates/a/src/checks_not.rs", "fn f() {}\n"),
            file("crates/a/src/examples/b.rs", "fn f() {}\n"),
            file("crates/a/examples/c/d.rs", "fn f() {}\n"),
            file("crates/a/README.md", "# a\n"),
        ]);
        let tests: Vec<_> = sources.iter().map(|source| source.is_test(source.text.len() - 2)).collect();
        assert_eq!(tests, [false, true, true, false, false, true]);
    }

    #[test]
    fn test_modules_without_a_body_name_their_file() {
        let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\nmod inner { }";
        assert_eq!(snippet("crates/a/src/lib.rs", text).test_modules(), ["crates/a/src/tests"]);
        assert_eq!(snippet("crates/a/src/op.rs", text).test_modules(), ["crates/a/src/op/tests"]);
    }
}
