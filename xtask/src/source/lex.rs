//! Parts Rust text into code, comments and literals: as little of a lexer as telling them apart takes.
//!
//! Knows no grammar beyond that; a text that does not compile is still parted into spans that cover it.

/// What a span of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Code,
    Comment,
    Literal,
}

/// The spans of `text` in order: kind and length in bytes, which add up to the text's.
pub(crate) fn spans(text: &str) -> Vec<(Kind, usize)> {
    let mut spans = Vec::new();
    let mut position = 0;
    let mut inside_word = false;
    while let Some(first) = text[position..].chars().next() {
        let (kind, length) = span(&text[position..], first, inside_word);
        inside_word = kind == Kind::Code && is_word(first);
        spans.push((kind, length));
        position += length;
    }
    spans
}

/// Whether `c` can stand in a name.
pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Kind and length of the span that `rest` starts with.
fn span(rest: &str, first: char, inside_word: bool) -> (Kind, usize) {
    if rest.starts_with("//") {
        return (Kind::Comment, rest.find('\n').unwrap_or(rest.len()));
    }
    if rest.starts_with("/*") {
        return (Kind::Comment, block_comment(rest));
    }
    let literal = match first {
        '"' => Some(string(rest)),
        '\'' => character(rest),
        'r' | 'b' | 'c' if !inside_word => raw_string(rest),
        _ => None,
    };
    literal.map_or((Kind::Code, first.len_utf8()), |length| (Kind::Literal, length))
}

/// Length of a block comment with the ones nested in it.
fn block_comment(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let (mut depth, mut position) = (0, 0);
    while position < bytes.len() {
        match bytes.get(position..position + 2) {
            Some(b"/*") => depth += 1,
            Some(b"*/") => depth -= 1,
            _ => {
                position += 1;
                continue;
            }
        }
        position += 2;
        if depth == 0 {
            break;
        }
    }
    position
}

/// Length of a string that starts with its quote.
fn string(rest: &str) -> usize {
    let mut escaped = false;
    for (index, c) in rest.char_indices().skip(1) {
        match c {
            '"' if !escaped => return index + 1,
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    rest.len()
}

/// Length of a character literal; none if the quote starts a lifetime or label.
fn character(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    let (_, first) = chars.next()?;
    if first != '\\' {
        return chars.next().filter(|&(_, c)| c == '\'').map(|(index, _)| index + 1);
    }
    chars.next();
    chars.find(|&(_, c)| c == '\'').map(|(index, _)| index + 1)
}

/// Length of `r"…"`, `r#"…"#`, `br"…"` or `cr"…"`; none if `rest` starts with none of them.
fn raw_string(rest: &str) -> Option<usize> {
    let prefix = ["r", "br", "cr"].into_iter().find(|prefix| {
        let after = rest.strip_prefix(prefix);
        after.is_some_and(|after| after.trim_start_matches('#').starts_with('"'))
    })?;
    let after = &rest[prefix.len()..];
    let hashes = after.len() - after.trim_start_matches('#').len();
    let end = format!("\"{}", "#".repeat(hashes));
    let inside = prefix.len() + hashes + 1;
    let length = rest[inside..].find(&end).map_or(rest.len() - inside, |index| index + end.len());
    Some(inside + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text of every span of one kind.
    fn of_kind(text: &str, wanted: Kind) -> String {
        let mut position = 0;
        let mut found = String::new();
        for (kind, length) in spans(text) {
            if kind == wanted {
                found += &text[position..position + length];
            }
            position += length;
        }
        assert_eq!(position, text.len());
        found
    }

    #[test]
    fn comments_nest_and_hold_quotes() {
        let text = "a /* \" /* ' */ { */ b // } \" \nc";
        assert_eq!(of_kind(text, Kind::Comment), "/* \" /* ' */ { */// } \" ");
        assert_eq!(of_kind(text, Kind::Code), "a  b \nc");
    }

    #[test]
    fn strings_escape_their_quote_and_hold_comments() {
        let text = r#"f("\" // { \\", b"/*", c"}") + 1"#;
        assert_eq!(of_kind(text, Kind::Code), "f(, b, c) + 1");
        assert_eq!(of_kind(text, Kind::Comment), "");
    }

    #[test]
    fn raw_strings_end_at_their_own_hashes() {
        let text = "x(r\"\\\", r##\"a\"# { \"##, br#\"\"}\"#) y";
        assert_eq!(of_kind(text, Kind::Code), "x(, , ) y");
        assert_eq!(of_kind("r#fn r#\"{\"#", Kind::Code), "r#fn ");
        assert_eq!(of_kind("var\"{\"", Kind::Code), "var");
    }

    #[test]
    fn characters_are_told_from_lifetimes() {
        let text = r"m::<'a>('{', '\'', '\u{7b}', b'}', 'é', '\\') 'l: loop";
        assert_eq!(of_kind(text, Kind::Code), "m::<'a>(, , , b, , ) 'l: loop");
        assert_eq!(of_kind("fn f<'a, 'b>(x: &'a u8)", Kind::Literal), "");
    }

    #[test]
    fn what_is_not_closed_runs_to_the_end() {
        assert_eq!(of_kind("a \"{", Kind::Code), "a ");
        assert_eq!(of_kind("a /* /* */", Kind::Code), "a ");
        assert_eq!(of_kind("a r#\"{\"", Kind::Code), "a ");
    }
}
