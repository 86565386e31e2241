//! Every Rust file opens with `//!`: what it is, why it exists, what it must never know.

use super::finding::Finding;
use crate::source::Source;

/// A finding if the first line is no inner doc comment with words in it.
pub(super) fn header(source: &Source) -> Option<Finding> {
    let words = source.text.lines().next().and_then(|line| line.strip_prefix("//!"));
    if words.is_some_and(|words| !words.trim().is_empty()) {
        return None;
    }
    let mend = "open the file with `//! ` and say what it is, why it exists, what it must never know";
    Some(Finding::new(&source.path, 1, "the file does not open with `//!`", mend))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::snippet;

    #[test]
    fn a_file_opens_with_its_doc() {
        assert_eq!(header(&snippet("src/a.rs", "//! Adds.\nfn a() {}\n")), None);
    }

    #[test]
    fn a_file_without_is_found() {
        for text in ["", "fn a() {}\n", "// Adds.\n", "//!\n", "\n//! Late.\n", "/// An item.\nfn a() {}\n"] {
            assert_eq!(header(&snippet("src/a.rs", text)).map(|finding| finding.line), Some(1), "{text:?}");
        }
    }
}
