//! Files and functions that fit on a screen or few; longer ones give a reason in the table.

use super::finding::Finding;
use super::tables::{FILE_LINES, FUNCTION_LINES, LongerThanAllowed};
use crate::source::lex::is_word;
use crate::source::{Source, behind_closing, end_of_head, macro_bodies, words};

/// Where the exceptions are.
const TABLE: &str = "LONGER in xtask/src/tidy/tables.rs";

/// A finding for the file, and for each function in it, that is too long and not listed.
pub(super) fn lengths(source: &Source, listed: &[LongerThanAllowed]) -> Vec<Finding> {
    let is_listed = |function: Option<&str>| {
        listed.iter().any(|entry| entry.path == source.path && entry.function == function)
    };
    let mut findings = Vec::new();
    let lines = source.text.lines().count();
    if lines > FILE_LINES && !is_listed(None) {
        let what = format!("the file has {lines} lines, more than {FILE_LINES}");
        let mend = format!("part it by ideas into modules, or list it in {TABLE} with the reason");
        findings.push(Finding::new(&source.path, FILE_LINES + 1, what, mend));
    }
    for function in functions(source) {
        let Function { name, line, lines } = function;
        if lines > FUNCTION_LINES && !is_listed(Some(&name)) {
            let what = format!("fn {name} has {lines} lines, more than {FUNCTION_LINES}");
            let mend = format!("give its parts names of their own, or list it in {TABLE} with the reason");
            findings.push(Finding::new(&source.path, line, what, mend));
        }
    }
    findings
}

/// A finding for each listed exception that nothing needs any more, or that gives no reason.
pub(super) fn exceptions(sources: &[Source], listed: &[LongerThanAllowed]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for entry in listed {
        let mut files = sources.iter().filter(|source| source.path == entry.path);
        let needed = files.any(|source| match entry.function {
            None => source.text.lines().count() > FILE_LINES,
            Some(name) => functions(source).iter().any(|one| one.name == name && one.lines > FUNCTION_LINES),
        });
        let whole = entry.function.map_or("the file".into(), |name| format!("fn {name}"));
        if !needed {
            let what = format!("{TABLE} lists {whole}, which is not too long (any more)");
            findings.push(Finding::new(entry.path, 1, what, "take the entry out"));
        }
        if entry.reason.trim().is_empty() {
            let what = format!("{TABLE} lists {whole} without a reason");
            findings.push(Finding::new(entry.path, 1, what, "say there why it is better whole"));
        }
    }
    findings
}

struct Function {
    name: String,
    line: usize,
    lines: usize,
}

/// The functions with a body, those in bodies of `macro_rules!` left out: they are patterns, not functions.
fn functions(source: &Source) -> Vec<Function> {
    let code = without_macros(&source.code);
    let mut functions = Vec::new();
    for start in words(&code, "fn") {
        let name: String = code[start + 2..].trim_start().chars().take_while(|&c| is_word(c)).collect();
        let open = end_of_head(&code, start).filter(|&open| code[open..].starts_with('{'));
        if let (Some(open), false) = (open, name.is_empty()) {
            let line = source.line(start);
            let last = source.line(behind_closing(&code, open) - 1);
            functions.push(Function { name, line, lines: last + 1 - line });
        }
    }
    functions
}

/// `code` with the bodies of `macro_rules!` blanked.
fn without_macros(code: &str) -> String {
    let mut kept = code.to_owned();
    for body in macro_bodies(code) {
        let blank: String = code[body.clone()]
            .chars()
            .map(|c| if c == '\n' { "\n".to_owned() } else { " ".repeat(c.len_utf8()) })
            .collect();
        kept.replace_range(body, &blank);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snippet;

    const PATH: &str = "src/a.rs";

    /// A function of `lines` lines whose first lines are `inside`.
    fn function(lines: usize, inside: &str) -> String {
        let filler = "    x();\n".repeat(lines - 2 - inside.lines().count());
        format!("fn long<'a>(x: [u8; 2]) -> u8 {{\n{inside}{filler}}}\n")
    }

    fn found(text: &str) -> Vec<(usize, String)> {
        let findings = lengths(&snippet(PATH, text), &[]);
        findings.into_iter().map(|finding| (finding.line, finding.what)).collect()
    }

    #[test]
    fn a_file_of_400_lines_passes_and_one_of_401_does_not() {
        assert_eq!(found(&"//\n".repeat(400)), []);
        assert_eq!(found(&"//\n".repeat(401)), [(401, "the file has 401 lines, more than 400".into())]);
    }

    #[test]
    fn a_function_of_60_lines_passes_and_one_of_61_does_not() {
        assert_eq!(found(&function(60, "")), []);
        let text = format!("//! A.\n{}fn short() {{}}\n", function(61, ""));
        assert_eq!(found(&text), [(2, "fn long has 61 lines, more than 60".into())]);
    }

    #[test]
    fn braces_in_literals_and_comments_do_not_count() {
        let inside = "let a = '}'; let b = b'{'; /* } /* } */ } */\nlet c = r#\"}\"}\"#; let d = \"\\\"}\";\n// }\n\
                      let e: &'static str = \"}\n}\";\n";
        assert_eq!(found(&function(60, inside)), []);
        assert_eq!(found(&function(61, inside)).len(), 1);
    }

    #[test]
    fn heads_over_several_lines_and_methods_count() {
        let text = format!(
            "impl A {{\n    pub(crate) fn m<T>(\n        x: T,\n    )\n    where\n        T: Fn() -> u8,\n    {{\n{}    \
             }}\n}}\n",
            "        x();\n".repeat(55)
        );
        assert_eq!(found(&text), [(2, "fn m has 62 lines, more than 60".into())]);
    }

    #[test]
    fn what_has_no_body_of_its_own_passes() {
        let filler = "    x();\n".repeat(70);
        assert_eq!(
            found(&format!("trait A {{\n    fn f(&self) -> [u8; 2];\n}}\nmod b {{\n{filler}}}\n")),
            []
        );
        assert_eq!(found(&format!("type F = fn(u8) -> u8;\nmod b {{\n{filler}}}\n")), []);
        assert_eq!(
            found(&format!("macro_rules! m {{\n() => {{ fn f() {{\n{filler}}} }}\n}}\nfn g() {{}}\n")),
            []
        );
    }

    #[test]
    fn a_listed_length_passes_as_long_as_it_is_needed() {
        let entry = |function, reason| LongerThanAllowed { path: PATH, function, reason };
        let long = snippet(PATH, &function(401, ""));
        let listed = [entry(None, "one table"), entry(Some("long"), "one table")];
        assert_eq!(lengths(&long, &listed), []);
        assert_eq!(exceptions(&[long], &listed), []);
        let short = snippet(PATH, &function(60, ""));
        assert_eq!(exceptions(&[short], &listed).len(), 2);
        assert_eq!(exceptions(&[], &listed).len(), 2);
    }

    #[test]
    fn an_exception_gives_its_reason() {
        let listed = [LongerThanAllowed { path: PATH, function: None, reason: " " }];
        let long = snippet(PATH, &"//\n".repeat(401));
        assert_eq!(exceptions(&[long], &listed).len(), 1);
    }
}
