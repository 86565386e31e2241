//! The part of Python's literals that a `.npy` header is made of: a dictionary of texts, truth values, whole numbers, tuples and
//! lists. It must never know what the names in it mean.

/// The deepest nesting; a header needs two levels, the type of a record a few more.
const DEEPEST: usize = 16;

/// A literal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    Text(String),
    Truth(bool),
    Whole(u64),
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    Dictionary(Vec<(String, Literal)>),
}

/// Reads one literal with white space around it. An error is a byte and what is wrong there.
pub(crate) fn parse(text: &str) -> Result<Literal, (usize, &'static str)> {
    let mut parser = Parser { text, at: 0 };
    let literal = parser.literal(0).map_err(|what| (parser.at, what))?;
    parser.blank();
    if parser.at < text.len() { Err((parser.at, "something follows")) } else { Ok(literal) }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

type Answer<T> = Result<T, &'static str>;

impl Parser<'_> {
    fn rest(&self) -> &str {
        // INVARIANT: `at` moves by whole characters.
        &self.text[self.at..]
    }

    fn blank(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    /// Whether `symbol` comes next; then it is taken.
    fn take(&mut self, symbol: &str) -> bool {
        self.blank();
        let found = self.rest().starts_with(symbol);
        if found {
            self.at += symbol.len();
        }
        found
    }

    fn literal(&mut self, depth: usize) -> Answer<Literal> {
        if depth > DEEPEST {
            return Err("too deep a nesting");
        }
        self.blank();
        match self.rest().bytes().next() {
            Some(b'{') => self.dictionary(depth),
            Some(b'(') => {
                self.items("(", ")", depth).map(|(items, comma)| match <[Literal; 1]>::try_from(items) {
                    Ok([one]) if !comma => one,
                    Ok(one) => Literal::Tuple(one.into()),
                    Err(items) => Literal::Tuple(items),
                })
            }
            Some(b'[') => self.items("[", "]", depth).map(|(items, _)| Literal::List(items)),
            Some(b'\'' | b'"') => self.string().map(Literal::Text),
            Some(b'0'..=b'9') => self.whole().map(Literal::Whole),
            Some(b'T') if self.take("True") => Ok(Literal::Truth(true)),
            Some(b'F') if self.take("False") => Ok(Literal::Truth(false)),
            _ => Err("no value"),
        }
    }

    fn whole(&mut self) -> Answer<u64> {
        let rest = self.rest();
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let value = rest[..digits].parse().map_err(|_| "a number beyond 2⁶⁴")?;
        self.at += digits;
        // Python 2 wrote long integers so.
        if self.rest().starts_with('L') {
            self.at += 1;
        }
        Ok(value)
    }

    /// A text in quotes. Backslashes stand for themselves nowhere in a sound header.
    fn string(&mut self) -> Answer<String> {
        let rest = self.rest();
        let (quote, inner) = rest.split_at(1);
        let end = inner.find(quote).ok_or("a text without end")?;
        let text = inner[..end].to_owned();
        if text.contains('\\') {
            return Err("a text with a backslash");
        }
        self.at += end + 2;
        Ok(text)
    }

    /// Items between brackets, and whether a comma stands behind the last.
    fn items(&mut self, open: &str, close: &str, depth: usize) -> Answer<(Vec<Literal>, bool)> {
        self.take(open);
        let (mut items, mut comma) = (Vec::new(), false);
        while !self.take(close) {
            if !items.is_empty() && !comma {
                return Err("no comma");
            }
            items.push(self.literal(depth + 1)?);
            comma = self.take(",");
        }
        Ok((items, comma))
    }

    fn dictionary(&mut self, depth: usize) -> Answer<Literal> {
        self.take("{");
        let (mut entries, mut comma) = (Vec::new(), true);
        while !self.take("}") {
            if !comma {
                return Err("no comma");
            }
            let Literal::Text(key) = self.literal(depth + 1)? else { return Err("a key that is no text") };
            if !self.take(":") {
                return Err("no colon");
            }
            entries.push((key, self.literal(depth + 1)?));
            comma = self.take(",");
        }
        Ok(Literal::Dictionary(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_python() {
        let text = |text: &str| Literal::Text(text.to_owned());
        let cases = [
            ("()", Literal::Tuple(vec![])),
            ("(3,)", Literal::Tuple(vec![Literal::Whole(3)])),
            ("(3)", Literal::Whole(3)),
            (" ( 3L , 4 ,\n)", Literal::Tuple(vec![Literal::Whole(3), Literal::Whole(4)])),
            (
                "[('a', \"<f4\"), True]",
                Literal::List(vec![Literal::Tuple(vec![text("a"), text("<f4")]), Literal::Truth(true)]),
            ),
            ("{'a': False, }", Literal::Dictionary(vec![("a".to_owned(), Literal::Truth(false))])),
            ("{}", Literal::Dictionary(vec![])),
        ];
        for (given, want) in cases {
            assert_eq!(parse(given), Ok(want), "{given}");
        }
    }

    #[test]
    fn what_is_no_literal_is_refused_with_its_place() {
        let deep = "[".repeat(100_000);
        let cases = [
            ("", 0, "no value"),
            ("(1 2)", 3, "no comma"),
            ("{'a' 1}", 5, "no colon"),
            ("{1: 2}", 2, "a key that is no text"),
            ("'abc", 0, "a text without end"),
            ("(18446744073709551616,)", 1, "a number beyond 2⁶⁴"),
            ("(-1,)", 1, "no value"),
            ("(,)", 1, "no value"),
            ("{} x", 3, "something follows"),
            ("'é", 0, "a text without end"),
            (&deep, 17, "too deep a nesting"),
        ];
        for (given, at, what) in cases {
            assert_eq!(parse(given), Err((at, what)), "{given:.40}");
        }
    }
}
