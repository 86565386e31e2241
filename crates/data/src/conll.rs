//! Columns of words and tags as in CoNLL's shared tasks: a token per line, a blank line behind each sentence. It must never know
//! a language or a set of tags.

use std::path::Path;
use std::sync::Arc;

use crate::error::{DataError, quoted};
use crate::text::{read_text, text_from_bytes};

/// What the first column of a line that begins a document says.
const DOCUMENT: &str = "-DOCSTART-";

/// How the columns are laid out. The default: parted by any white space, no comments.
///
/// ```
/// use gradus_data::{ConllOptions, conll_from_bytes};
/// let options = ConllOptions { tabs: true, comments: true };
/// let sentences = conll_from_bytes(b"# text = New York\n1\tNew York\tPROPN\n\n", "x.conllu", &options)?;
/// assert_eq!(sentences[0].column(1)?.collect::<Vec<_>>(), ["New York"]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConllOptions {
    /// Whether tabs alone part columns, so that words may hold spaces.
    pub tabs: bool,
    /// Whether lines that begin with `#` are comments (CoNLL-U, CoNLL-2012); elsewhere `#` is a word.
    pub comments: bool,
}

/// One sentence: tokens with equally many columns.
///
/// ```
/// use gradus_data::{ConllOptions, Sentence, conll_from_bytes};
/// let sentences: Vec<Sentence> = conll_from_bytes(b"to TO\nbe VB\n", "x.txt", &ConllOptions::default())?;
/// assert_eq!(sentences[0].column(1)?.collect::<Vec<_>>(), ["TO", "VB"]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    file: Arc<str>,
    width: usize,
    cells: Vec<String>,
    /// The line of each token.
    lines: Vec<u64>,
    document: usize,
}

/// Reads a file of columns. Lines `-DOCSTART-` begin documents and are no tokens; the number of columns may differ between sentences,
/// not within one.
///
/// ```
/// use gradus_data::{ConllOptions, TagScheme, read_conll};
/// # let path = std::env::temp_dir().join(format!("gradus-conll-{}", std::process::id()));
/// std::fs::write(&path, "-DOCSTART- -X- O\n\nEU NNP B-ORG\nrejects VBZ O\n\nPeter NNP B-PER\nBlackburn NNP I-PER\n")?;
/// let sentences = read_conll(&path, &ConllOptions::default())?;
/// assert_eq!((sentences.len(), sentences[1].len(), sentences[1].columns()), (2, 2, 3));
/// assert_eq!(sentences[0].column(0)?.collect::<Vec<_>>(), ["EU", "rejects"]);
/// assert_eq!((sentences[1].line(0), sentences[1].document(), sentences[1].is_empty()), (6, 1, false));
/// sentences.iter().try_for_each(|sentence| sentence.check_tags(2, TagScheme::Iob2))?;
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read, is not UTF-8, or a line has more or fewer columns than its sentence's first.
pub fn read_conll(path: impl AsRef<Path>, options: &ConllOptions) -> Result<Vec<Sentence>, DataError> {
    let text = read_text(path.as_ref())?;
    parse(&text, &path.as_ref().display().to_string(), options)
}

/// [`read_conll`] for bytes at hand; errors call them `name`.
///
/// # Errors
/// As [`read_conll`].
pub fn conll_from_bytes(
    bytes: &[u8],
    name: &str,
    options: &ConllOptions,
) -> Result<Vec<Sentence>, DataError> {
    parse(text_from_bytes(bytes, name)?, name, options)
}

fn parse(text: &str, name: &str, options: &ConllOptions) -> Result<Vec<Sentence>, DataError> {
    let mut sentences: Vec<Sentence> = Vec::new();
    let file: Arc<str> = name.into();
    let mut document = 0;
    let mut open = false;
    for (line, text) in (1..).zip(text.lines()) {
        let is_comment = options.comments && text.starts_with('#');
        if text.trim().is_empty() || text.starts_with(DOCUMENT) || is_comment {
            document += usize::from(text.starts_with(DOCUMENT));
            open &= is_comment;
            continue;
        }
        if !open {
            let (file, cells, lines) = (Arc::clone(&file), Vec::new(), Vec::new());
            sentences.push(Sentence { file, width: 0, cells, lines, document });
        }
        let Some(sentence) = sentences.last_mut() else { continue };
        let before = sentence.cells.len();
        if options.tabs {
            sentence.cells.extend(text.split('\t').map(|cell| cell.trim().to_owned()));
        } else {
            sentence.cells.extend(text.split_whitespace().map(str::to_owned));
        }
        let width = sentence.cells.len() - before;
        if open && width != sentence.width {
            let what = format!("{width} columns instead of the sentence's {}", sentence.width);
            let mend = "add or take out columns, or part the sentences by a blank line";
            return Err(DataError::line(name, line, None, what, mend));
        }
        sentence.width = width;
        sentence.lines.push(line);
        open = true;
    }
    Ok(sentences)
}

impl Sentence {
    /// The number of tokens.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none; never so for a sentence that was read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The number of columns.
    #[must_use]
    pub fn columns(&self) -> usize {
        self.width
    }

    /// How many documents had begun before it; 0 in a file without `-DOCSTART-`.
    #[must_use]
    pub fn document(&self) -> usize {
        self.document
    }

    /// The line of a token, from 1.
    ///
    /// # Panics
    /// If there is no such token.
    #[must_use]
    #[track_caller]
    pub fn line(&self, token: usize) -> u64 {
        assert!(token < self.len(), "line: no such token: {token} of {}", self.len());
        self.lines[token]
    }

    /// One column from top to bottom.
    ///
    /// # Errors
    /// If the sentence has fewer columns.
    pub fn column(&self, column: usize) -> Result<impl DoubleEndedIterator<Item = &str>, DataError> {
        if column >= self.width {
            let what = format!("there is no column {} in this sentence of {}", column + 1, self.width);
            let line = self.lines.first().copied().unwrap_or(1);
            return Err(DataError::line(
                &self.file,
                line,
                None,
                what,
                "name a column that all sentences have",
            ));
        }
        Ok((0..self.len()).map(move |token| self.cells[token * self.width + column].as_str()))
    }

    /// Makes sure that a column holds tags of a scheme.
    ///
    /// ```
    /// use gradus_data::{ConllOptions, TagScheme, conll_from_bytes};
    /// let sentences = conll_from_bytes(b"in O\nBad I-LOC\n", "ner.txt", &ConllOptions::default())?;
    /// let error = sentences[0].check_tags(1, TagScheme::Iob2).unwrap_err().to_string();
    /// assert!(error.starts_with("ner.txt: line 2, column 2: the tag \"I-LOC\" continues nothing, \"O\" stands before it; "));
    /// assert!(sentences[0].check_tags(1, TagScheme::Iob1).is_ok());
    /// assert_eq!(sentences[0].to_iob2(1)?, ["O", "B-LOC"]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If a tag is neither `O` nor `B-…` or `I-…` with a type, or may not stand where it does; or there is no such column.
    pub fn check_tags(&self, column: usize, scheme: TagScheme) -> Result<(), DataError> {
        let mut before = Tag::Outside;
        let mut shown = "O";
        for (token, text) in self.column(column)?.enumerate() {
            let wrong = |what, mend| {
                Err(DataError::line(&self.file, self.lines[token], Some(column + 1), what, mend))
            };
            let Some(tag) = Tag::of(text) else {
                let what = format!("{} is no tag", quoted(text));
                return wrong(what, "give O, B-TYPE or I-TYPE, or name the column of the tags");
            };
            let follows = before.kind().is_some() && before.kind() == tag.kind();
            match (scheme, tag) {
                (TagScheme::Iob2, Tag::Inside(_)) if !follows => {
                    let what = format!(
                        "the tag {} continues nothing, {} stands before it",
                        quoted(text),
                        quoted(shown)
                    );
                    return wrong(what, "let it begin with B-, or read the file as IOB1");
                }
                (TagScheme::Iob1, Tag::Begin(_)) if !follows => {
                    let what =
                        format!("the tag {} parts nothing, {} stands before it", quoted(text), quoted(shown));
                    return wrong(what, "let it begin with I-, or read the file as IOB2");
                }
                _ => {}
            }
            (before, shown) = (tag, text);
        }
        Ok(())
    }

    /// A column of tags of either scheme in IOB2, where each phrase begins with `B-`.
    ///
    /// # Errors
    /// If a tag is neither `O` nor `B-…` or `I-…` with a type; or there is no such column.
    pub fn to_iob2(&self, column: usize) -> Result<Vec<String>, DataError> {
        let mut before = None;
        let mut out = Vec::with_capacity(self.len());
        for (token, text) in self.column(column)?.enumerate() {
            let Some(tag) = Tag::of(text) else {
                let what = format!("{} is no tag", quoted(text));
                let mend = "give O, B-TYPE or I-TYPE, or name the column of the tags";
                return Err(DataError::line(&self.file, self.lines[token], Some(column + 1), what, mend));
            };
            out.push(match tag {
                Tag::Inside(kind) if before != Some(kind) => format!("B-{kind}"),
                _ => text.to_owned(),
            });
            before = tag.kind();
        }
        Ok(out)
    }
}

/// How tags mark where a phrase begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagScheme {
    /// Each phrase begins with `B-` (also called BIO).
    Iob2,
    /// A phrase begins with `I-`, and with `B-` only right behind another one of its type (CoNLL-2003 as published).
    Iob1,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Tag<'a> {
    Outside,
    Begin(&'a str),
    Inside(&'a str),
}

impl<'a> Tag<'a> {
    fn of(text: &'a str) -> Option<Self> {
        match text.split_once('-') {
            None => (text == "O").then_some(Self::Outside),
            Some((_, "")) => None,
            Some(("B", kind)) => Some(Self::Begin(kind)),
            Some(("I", kind)) => Some(Self::Inside(kind)),
            Some(_) => None,
        }
    }

    fn kind(self) -> Option<&'a str> {
        match self {
            Self::Outside => None,
            Self::Begin(kind) | Self::Inside(kind) => Some(kind),
        }
    }
}
