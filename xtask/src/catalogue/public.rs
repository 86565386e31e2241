//! What is public, crate by crate, as the sources tell it: items, methods, re-exports, rows of the elementwise table.

use std::collections::{BTreeMap, BTreeSet};

use crate::source::Source;
use crate::workspace::TextFile;

/// What follows `pub` before a name.
const KINDS: &[&str] = &["fn", "struct", "enum", "trait", "type", "const", "static", "mod", "union"];
/// Where the elementwise functions stand; `Tensor` and `Var` have each as a method.
const TABLE: &str = "crates/tensor/src/table.rs";

/// The public names of each crate.
#[derive(Debug, Default)]
pub(super) struct Items(BTreeMap<String, BTreeSet<String>>);

impl Items {
    /// Those of the files' crates.
    pub(super) fn read(files: &[TextFile]) -> Self {
        let mut items = Self::default();
        for source in Source::all(files) {
            let Some(rest) = source.path.strip_prefix("crates/") else { continue };
            let Some((name, inside)) = rest.split_once("/src/") else { continue };
            let names = items.0.entry(name.to_owned()).or_default();
            names.extend(declared(&source));
            names.extend(made(&source.text));
            if inside == "lib.rs" || inside.ends_with("mod.rs") {
                names.extend(exported(&source.code));
            }
            if source.path == TABLE {
                let rows = table(&source.code);
                names.extend(rows.clone());
                items.0.entry("autodiff".to_owned()).or_default().extend(rows);
            }
        }
        items
    }

    /// Whether a path such as `Tensor::sum` or `layers::init::normal` ends in a public name of its crate.
    pub(super) fn has(&self, path: &str) -> bool {
        let Some((first, _)) = path.split_once("::") else { return false };
        let last = path.rsplit("::").next().unwrap_or_default();
        let krate = match first {
            "Tensor" | "Rng" => "tensor",
            "Var" => "autodiff",
            other => other,
        };
        self.0.get(krate).is_some_and(|names| names.contains(last))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The names behind `pub fn`, `pub struct` and their like, outside of tests.
fn declared(source: &Source) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in source.code.match_indices("pub ") {
        if source.is_test(at) {
            continue;
        }
        let mut words =
            source.code[at + 4..].split_whitespace().filter(|word| !["async", "unsafe"].contains(word));
        let mut kind = words.next().unwrap_or_default();
        let mut name = words.next().unwrap_or_default();
        if kind == "const" && name == "fn" {
            kind = name;
            name = words.next().unwrap_or_default();
        }
        if KINDS.contains(&kind) {
            names.push(name.chars().take_while(|&c| is_word(c)).collect());
        }
    }
    names
}

/// The types that a macro makes: documented lines `Name …` within its call.
fn made(text: &str) -> Vec<String> {
    let mut documented = false;
    let mut names = Vec::new();
    for line in text.lines() {
        let line = line.trim();
        let name: String = line.chars().take_while(|&c| is_word(c)).collect();
        let more =
            line[name.len()..].strip_prefix(' ').is_some_and(|rest| rest.starts_with(char::is_alphanumeric));
        if documented && more && name.starts_with(char::is_uppercase) {
            names.push(name);
        }
        documented = line.starts_with("///") || line.starts_with("#[");
        names.extend(methods(line));
    }
    names
}

/// The methods that a macro makes from a line of its call that holds their documentation as a string.
fn methods(line: &str) -> Vec<String> {
    let parts: Vec<&str> = line.split('"').collect();
    let [before, documentation, after] = parts[..] else { return Vec::new() };
    let code = format!("{before} {after}");
    if !documentation.contains("PyTorch") || code.contains(['(', ')', '[', '#', '.']) {
        return Vec::new();
    }
    let words = code.split_whitespace().map(|word| word.trim_end_matches(';'));
    words
        .filter(|word| word.len() > 1 && word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
        .map(str::to_owned)
        .collect()
}

/// The last names in `pub use …;`.
fn exported(code: &str) -> Vec<String> {
    let uses = code.split("pub use ").skip(1).filter_map(|rest| rest.split(';').next());
    let paths = uses.flat_map(|path| path.split([',', '{', '}']).map(str::to_owned).collect::<Vec<_>>());
    let last = |path: String| path.rsplit([':', ' ']).next().unwrap_or_default().trim().to_owned();
    paths.map(|path| last(path.trim().to_owned())).filter(|name| !name.is_empty()).collect()
}

/// The rows of the elementwise table: `name Name(parameters) = …`.
fn table(code: &str) -> Vec<String> {
    let row = |line: &str| {
        let (name, rest) = line.trim().split_once(' ')?;
        let is_row =
            rest.starts_with(char::is_uppercase) && rest.contains(") =") && name.chars().all(is_word);
        is_row.then(|| name.to_owned())
    };
    code.lines().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(path: &str, text: &str) -> Items {
        Items::read(&[TextFile { path: path.into(), text: text.into() }])
    }

    #[test]
    fn items_methods_and_re_exports_are_public() {
        let text = "pub use glu::{Glu, GeGlu};\npub use a::b as c;\npub const fn one() {}\npub struct Two<T>(T);\npub(crate) fn three() {}\nfn four() {}\n";
        let items = items("crates/layers/src/lib.rs", text);
        for name in ["Glu", "GeGlu", "c", "one", "Two"] {
            assert!(items.has(&format!("layers::{name}")), "{name}");
        }
        for name in ["three", "four", "b"] {
            assert!(!items.has(&format!("layers::{name}")), "{name}");
        }
        assert!(!items.has("losses::one"));
    }

    #[test]
    fn types_made_by_macros_are_public() {
        let text = "activations! {\n    /// max(x, 0).\n    Relu relu;\n    Other none;\n}\n";
        let items = items("crates/layers/src/activation.rs", text);
        assert!(items.has("layers::Relu") && !items.has("layers::Other"));
        let text = "made! {\n    \"a ≤ b (PyTorch: `le`).\" less_equal less_equal_scalar <=;\n    panic!(\"PyTorch\") none;\n}\n";
        let items = self::items("crates/tensor/src/logic.rs", text);
        assert!(
            items.has("Tensor::less_equal")
                && items.has("Tensor::less_equal_scalar")
                && !items.has("Tensor::none")
        );
    }

    #[test]
    fn rows_of_the_elementwise_table_are_methods() {
        let text = "            tanh Tanh() = |x| x.tanh(); output |g, y| g * y;\n";
        let items = items(TABLE, text);
        assert!(items.has("Tensor::tanh") && items.has("Var::tanh") && !items.has("Var::sinh"));
    }
}
