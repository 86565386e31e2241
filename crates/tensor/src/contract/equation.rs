//! The language of einsum: an equation and shapes become lists of labels. It knows no operation.

use std::collections::BTreeMap;

use crate::shape::Shape;

/// An axis' name. Letters are themselves; axes of an ellipsis count up from [`ELLIPSIS`], from the last one on.
pub(super) type Label = u32;

const ELLIPSIS: Label = 1000;

/// What the equation says of some operands.
pub(super) struct Equation {
    /// A label for each axis of each operand.
    pub(super) terms: Vec<Vec<Label>>,
    /// The labels of the result.
    pub(super) result: Vec<Label>,
    /// The length of each label.
    pub(super) lengths: BTreeMap<Label, usize>,
}

/// A term as it is written: letters, and where among them the ellipsis stands.
struct Term {
    letters: Vec<char>,
    ellipsis: Option<usize>,
}

/// One part between commas or behind the arrow.
#[track_caller]
fn term(equation: &str, text: &str) -> Term {
    let (mut letters, mut ellipsis) = (Vec::new(), None);
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("...") {
            assert!(ellipsis.is_none(), "einsum: a term has two ellipses: \"{text}\" in \"{equation}\"");
            ellipsis = Some(letters.len());
            rest = after.trim_start();
            continue;
        }
        assert!(
            first.is_ascii_alphabetic(),
            "einsum: {first:?} means nothing here: \"{equation}\" (letters, commas, \"...\" and \"->\" do)"
        );
        letters.push(first);
        rest = rest[1..].trim_start();
    }
    Term { letters, ellipsis }
}

impl Term {
    /// A label per axis, where the ellipsis stands for `hidden` axes.
    fn labels(&self, hidden: usize) -> Vec<Label> {
        let mut out: Vec<Label> = self.letters.iter().map(|&letter| Label::from(letter)).collect();
        if let Some(at) = self.ellipsis {
            out.splice(at..at, (0..hidden).rev().map(|i| ELLIPSIS + i as Label));
        }
        out
    }
}

#[track_caller]
pub(super) fn parse(equation: &str, shapes: &[Shape]) -> Equation {
    let (left, right) = match equation.split_once("->") {
        Some((left, right)) => (left, Some(right)),
        None => (equation, None),
    };
    let written: Vec<Term> = left.split(',').map(|text| term(equation, text)).collect();
    let (terms, operands) = (written.len(), shapes.len());
    assert!(
        terms == operands,
        "einsum: terms and operands differ: \"{equation}\" of {operands} ({terms} ≠ {operands})"
    );
    let mut hidden_most = 0;
    let mut labelled = Vec::new();
    for (i, (term, shape)) in written.iter().zip(shapes).enumerate() {
        let (named, axes) = (term.letters.len(), shape.len());
        let fits = if term.ellipsis.is_some() { named <= axes } else { named == axes };
        assert!(
            fits,
            "einsum: term {i} does not fit its operand: \"{equation}\" of {shape} ({named} letters, {axes} axes)"
        );
        hidden_most = hidden_most.max(axes - named);
        labelled.push(term.labels(axes - named));
    }
    let lengths = lengths(equation, &labelled, shapes);
    let result = match right {
        Some(text) => result(equation, text, hidden_most, &lengths),
        None => implicit(&labelled, hidden_most),
    };
    Equation { terms: labelled, result, lengths }
}

#[track_caller]
fn lengths(equation: &str, terms: &[Vec<Label>], shapes: &[Shape]) -> BTreeMap<Label, usize> {
    let mut out: BTreeMap<Label, usize> = BTreeMap::new();
    for (i, (term, shape)) in terms.iter().zip(shapes).enumerate() {
        for (axis, (&label, &length)) in term.iter().zip(shape.iter()).enumerate() {
            let known = out.entry(label).or_insert(length);
            if *known == 1 {
                *known = length;
            }
            let name = char::from_u32(label)
                .filter(char::is_ascii_alphabetic)
                .map_or("...".to_string(), String::from);
            assert!(
                *known == length || length == 1,
                "einsum: lengths of {name} differ: \"{equation}\", operand {i} {shape} ({known} ≠ {length})"
            );
            let twin = term[..axis].iter().position(|&other| other == label);
            let same = twin.is_none_or(|twin| shape[twin] == length);
            assert!(
                same,
                "einsum: {name} stands twice for unequal axes: \"{equation}\", operand {i} {shape}"
            );
        }
    }
    out
}

#[track_caller]
fn result(equation: &str, text: &str, hidden: usize, known: &BTreeMap<Label, usize>) -> Vec<Label> {
    let term = term(equation, text);
    for (i, &letter) in term.letters.iter().enumerate() {
        let is_known = known.contains_key(&Label::from(letter));
        assert!(is_known, "einsum: the result's {letter} stands in no term: \"{equation}\"");
        let twice = term.letters[..i].contains(&letter);
        assert!(!twice, "einsum: the result names {letter} twice: \"{equation}\"");
    }
    term.labels(hidden)
}

/// The ellipsis' axes, then the letters that stand once, sorted.
fn implicit(terms: &[Vec<Label>], hidden: usize) -> Vec<Label> {
    let mut counts: BTreeMap<Label, usize> = BTreeMap::new();
    for &label in terms.iter().flatten().filter(|&&label| label < ELLIPSIS) {
        *counts.entry(label).or_default() += 1;
    }
    let ellipsis = (0..hidden).rev().map(|i| ELLIPSIS + i as Label);
    ellipsis.chain(counts.into_iter().filter(|&(_, count)| count == 1).map(|(label, _)| label)).collect()
}
