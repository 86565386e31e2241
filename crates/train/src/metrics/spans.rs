//! Entities in tagged sentences: where they begin and end by the tags of their tokens. How well they were found is in
//! `entities`. It must never know a word.

use super::MetricError;

/// How tags tell where an entity begins and ends.
///
/// ```
/// use gradus_train::metrics::{TagScheme, entity_spans};
/// let tags = ["I-PER", "I-PER", "O", "B-LOC"];
/// assert_eq!(entity_spans(&tags, TagScheme::Lenient)?.len(), 2);
/// assert_eq!(entity_spans(&tags, TagScheme::Iob2)?.len(), 1); // an entity must begin with B
/// # Ok::<(), gradus_train::metrics::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagScheme {
    /// Whatever can be made of B, I, E, S and O: an I or E without a beginning begins an entity, one without an end
    /// ends with its tokens (conlleval; seqeval's default).
    Lenient,
    /// B begins, I goes on (seqeval: `mode="strict", scheme=IOB2`; often called BIO). An I that goes on with nothing of
    /// its kind is no part of any entity.
    Iob2,
    /// B begins, I goes on, E ends, S stands alone (seqeval: `scheme=IOBES`). What is not whole is no entity.
    Iobes,
    /// The same with the letters B, I, L and U (seqeval: `scheme=BILOU`).
    Bilou,
}

/// Tokens `start` .. `end` of a sentence, which are a `kind`.
///
/// ```
/// use gradus_train::metrics::{EntitySpan, TagScheme, entity_spans};
/// let spans: Vec<EntitySpan<'_>> = entity_spans(&["O", "B-PER", "I-PER", "B-PER"], TagScheme::Iob2)?;
/// assert_eq!(spans[0], EntitySpan { kind: "PER", start: 1, end: 3 });
/// assert_eq!(spans[1], EntitySpan { kind: "PER", start: 3, end: 4 });
/// # Ok::<(), gradus_train::metrics::MetricError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EntitySpan<'t> {
    /// What stands behind the tag's first letter; `_` if nothing does.
    pub kind: &'t str,
    /// Its first token, from 0.
    pub start: usize,
    /// The token behind its last.
    pub end: usize,
}

/// What a token is to an entity.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Outside,
    Begin,
    Inside,
    End,
    Single,
}

impl TagScheme {
    fn name(self) -> &'static str {
        match self {
            Self::Lenient => "the lenient scheme",
            Self::Iob2 => "IOB2",
            Self::Iobes => "IOBES",
            Self::Bilou => "BILOU",
        }
    }

    fn allowed(self) -> &'static str {
        match self {
            Self::Iob2 => "O, B-kind and I-kind",
            Self::Lenient | Self::Iobes => "O, B-kind, I-kind, E-kind and S-kind",
            Self::Bilou => "O, B-kind, I-kind, L-kind and U-kind",
        }
    }

    /// What a tag says.
    fn read(self, tag: &str, place: usize) -> Result<(Role, &str), MetricError> {
        let (letter, rest) = tag.split_at_checked(1).unwrap_or((tag, ""));
        let kind = rest.strip_prefix('-').unwrap_or(rest);
        let role = match (self, letter) {
            (_, "O") if rest.is_empty() => Some(Role::Outside),
            (_, "B") => Some(Role::Begin),
            (_, "I") => Some(Role::Inside),
            (Self::Lenient | Self::Iobes, "E") | (Self::Bilou, "L") => Some(Role::End),
            (Self::Lenient | Self::Iobes, "S") | (Self::Bilou, "U") => Some(Role::Single),
            _ => None,
        };
        let role = role.filter(|_| rest.is_empty() || rest.starts_with('-'));
        let (scheme, allowed) = (self.name(), self.allowed());
        let role = role.ok_or_else(|| MetricError::Tag { tag: tag.to_owned(), place, scheme, allowed })?;
        Ok((role, if kind.is_empty() { "_" } else { kind }))
    }
}

/// The entities of one sentence, in order.
///
/// # Errors
/// If a tag is none of the scheme's.
pub fn entity_spans<S: AsRef<str>>(
    tags: &[S],
    scheme: TagScheme,
) -> Result<Vec<EntitySpan<'_>>, MetricError> {
    let tags: Vec<(Role, &str)> = tags
        .iter()
        .enumerate()
        .map(|(place, tag)| scheme.read(tag.as_ref(), place))
        .collect::<Result<_, _>>()?;
    Ok(match scheme {
        TagScheme::Lenient => lenient(&tags),
        TagScheme::Iob2 => strict(&tags, |last| matches!(last, Role::Begin | Role::Inside)),
        TagScheme::Iobes | TagScheme::Bilou => strict(&tags, |last| matches!(last, Role::End | Role::Single)),
    })
}

/// A run that begins properly and goes on with its kind is an entity if its last token may be one's last.
fn strict<'t>(tags: &[(Role, &'t str)], may_end: impl Fn(Role) -> bool) -> Vec<EntitySpan<'t>> {
    let mut out = Vec::new();
    let mut start = 0;
    while let Some(&(first, kind)) = tags.get(start) {
        let mut end = start + 1;
        if matches!(first, Role::Begin | Role::Single) {
            let goes_on = |place: usize| {
                let (before, own) = (tags[place - 1].0, tags.get(place)?);
                let is_open = matches!(before, Role::Begin | Role::Inside);
                (is_open && matches!(own.0, Role::Inside | Role::End) && own.1 == kind).then_some(())
            };
            while goes_on(end).is_some() {
                end += 1;
            }
            if may_end(tags[end - 1].0) {
                out.push(EntitySpan { kind, start, end });
            }
        }
        start = end;
    }
    out
}

/// An entity is whatever lies between two places where one must have ended or begun.
fn lenient<'t>(tags: &[(Role, &'t str)]) -> Vec<EntitySpan<'t>> {
    let mut out: Vec<EntitySpan<'t>> = Vec::new();
    let mut open: Option<(usize, Role)> = None;
    for (place, &(role, kind)) in tags.iter().enumerate() {
        let goes_on = open.is_some_and(|(start, before)| {
            let is_open = matches!(before, Role::Begin | Role::Inside);
            is_open && matches!(role, Role::Inside | Role::End) && tags[start].1 == kind
        });
        if !goes_on && let Some((start, _)) = open.take() {
            out.push(EntitySpan { kind: tags[start].1, start, end: place });
        }
        if role != Role::Outside {
            open = Some((open.map_or(place, |(start, _)| start), role));
        }
    }
    out.extend(open.map(|(start, _)| EntitySpan { kind: tags[start].1, start, end: tags.len() }));
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(tags: &str, scheme: TagScheme) -> Vec<String> {
        let tags: Vec<&str> = tags.split_whitespace().collect();
        let spans = entity_spans(&tags, scheme).unwrap();
        spans.iter().map(|span| format!("{}{}..{}", span.kind, span.start, span.end)).collect()
    }

    #[test]
    fn what_is_not_whole_is_an_entity_to_the_lenient_only() {
        let tags = "B-A I-A E-A O I-A E-A O B-A I-A O S-A E-B";
        assert_eq!(spans(tags, TagScheme::Lenient), ["A0..3", "A4..6", "A7..9", "A10..11", "B11..12"]);
        assert_eq!(spans(tags, TagScheme::Iobes), ["A0..3", "A10..11"]);
        assert_eq!(spans("B-A I-B I-B B-A B-A", TagScheme::Iob2), ["A0..1", "A3..4", "A4..5"]);
        assert_eq!(spans("B-A L-A U-A B-A I-A", TagScheme::Bilou), ["A0..2", "A2..3"]);
        assert_eq!(spans("", TagScheme::Lenient), [""; 0]);
        assert_eq!(spans("B I O I", TagScheme::Lenient), ["_0..2", "_3..4"]);
        assert_eq!(spans("B-A-B I-A-B", TagScheme::Iob2), ["A-B0..2"]);
    }

    #[test]
    fn tags_of_no_scheme_are_refused() {
        for (tag, scheme) in
            [("PER", TagScheme::Lenient), ("S-A", TagScheme::Iob2), ("L-A", TagScheme::Iobes)]
        {
            assert!(entity_spans(&["O", tag], scheme).is_err(), "{tag}");
        }
        for tag in ["", "ß", "-A", "O-A", "BA"] {
            assert!(entity_spans(&[tag], TagScheme::Lenient).is_err(), "{tag}");
        }
        let error = entity_spans(&["O", "X-A"], TagScheme::Iob2).unwrap_err().to_string();
        assert_eq!(error, "entity_f1: the tag \"X-A\" at place 1 is none; IOB2 has O, B-kind and I-kind");
    }
}
