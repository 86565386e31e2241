//! A catalogue in prose as a list of entries: sections by `##`, entries parted by commas, semicolons and colons.

use std::fmt;

/// The sections that are walked.
const SECTIONS: &[&str] = &["tensor", "autodiff", "layers", "losses", "optimizers", "regularizers"];

/// Words before a colon that name a group, and remarks: nothing to look up.
const LABELS: &[&str] = &[
    "Make",
    "View",
    "O(1)",
    "Copy",
    "Elementwise",
    "Reduce (any axes, keepdim)",
    "Index",
    "Linear algebra",
    "Signal",
    "Fused rows",
    "Use",
    "error grows like log n",
    "to any order",
    "activations",
    "layers",
    "positions",
    "Initialisers",
    "Schedules",
    "constraints",
];

/// One thing that a section asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    /// The section.
    pub(super) section: String,
    /// The words as they stand there, without emphasis.
    pub(super) words: String,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.section, self.words)
    }
}

/// All entries of the sections that are walked.
pub(super) fn entries(text: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for part in text.split("\n## ").skip(1) {
        let (section, body) = part.split_once('\n').unwrap_or((part, ""));
        if SECTIONS.contains(&section.trim()) {
            let body = body.replace("\n* ", "; ").replace('\n', " ");
            let words = parts(&body)
                .into_iter()
                .map(|words| plain(&words))
                .filter(|words| !words.is_empty() && !LABELS.contains(&words.as_str()));
            entries.extend(words.map(|words| Entry { section: section.trim().into(), words }));
        }
    }
    entries
}

/// Emphasis, bullets, full stops and double spaces taken away.
pub(super) fn plain(words: &str) -> String {
    let words = words.replace("**", "").replace('`', "");
    let words = words.trim().trim_start_matches("* ").trim_end_matches('.');
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text between separators that stand outside parentheses.
fn parts(text: &str) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut depth = 0_usize;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        let ends = match c {
            ',' | ';' => true,
            '.' | ':' => rest.peek().is_none_or(|next| next.is_whitespace()),
            _ => false,
        };
        match parts.last_mut() {
            Some(_) if ends && depth == 0 => parts.push(String::new()),
            Some(part) => part.push(c),
            None => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_becomes_entries() {
        let text =
            "# x\n\n## layers\nLinear, **ALiBi\n(a, b)**; RNN: cells.\n* **Make**: eye.\n\n## train\nloop\n";
        let words: Vec<_> = entries(text).into_iter().map(|entry| entry.words).collect();
        assert_eq!(words, ["Linear", "ALiBi (a, b)", "RNN", "cells", "eye"]);
    }
}
