//! The one error of this crate. Each message is a sentence that names the place and the mend.

use thiserror::Error;

/// Why data could not be read, parted or scaled.
///
/// ```
/// use gradus_data::{DataError, Pairs};
/// use gradus_tensor::Tensor;
/// let error = Pairs::new(Tensor::<f32>::ones([3, 2]), Tensor::<f32>::ones([4])).unwrap_err();
/// assert!(matches!(error, DataError::Unfit { .. }));
/// ```
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DataError {
    /// The system refused.
    #[error("{file}: cannot {action}: {cause}")]
    System {
        /// The file.
        file: String,
        /// What was tried.
        action: &'static str,
        /// What the system answered.
        cause: std::io::Error,
    },
    /// A file is not what it should be.
    #[error("{file}: {what}; {mend}")]
    File {
        /// The file.
        file: String,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: &'static str,
    },
    /// A place in a table is not what it should be.
    #[error("{file}: line {line}{}: {what}; {mend}", in_column(*column, name))]
    Cell {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
        /// The column, from 1; none if the whole line is meant.
        column: Option<usize>,
        /// The column's name, quoted; empty if it has none.
        name: String,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: &'static str,
    },
    /// Data or numbers that do not fit together.
    #[error("{op}: {what}; {mend}")]
    Unfit {
        /// What was to be done.
        op: &'static str,
        /// What is wrong.
        what: String,
        /// What to do.
        mend: &'static str,
    },
}

fn in_column(column: Option<usize>, name: &str) -> String {
    match column {
        Some(column) if name.is_empty() => format!(", column {column}"),
        Some(column) => format!(", column {column} ({name})"),
        None => String::new(),
    }
}

impl DataError {
    pub(crate) fn unfit(op: &'static str, what: String, mend: &'static str) -> Self {
        Self::Unfit { op, what, mend }
    }

    pub(crate) fn file(file: &str, what: String, mend: &'static str) -> Self {
        Self::File { file: file.to_owned(), what, mend }
    }

    /// A place in a text: its line, and where it is known the column.
    pub(crate) fn line(
        file: &str,
        line: u64,
        column: Option<usize>,
        what: String,
        mend: &'static str,
    ) -> Self {
        Self::Cell { file: file.to_owned(), line, column, name: String::new(), what, mend }
    }

    pub(crate) fn system(file: &str, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |cause| Self::System { file: file.to_owned(), action, cause }
    }
}

/// A text out of a file, quoted and escaped, so that it can neither break the sentence nor fill the screen.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 40;
    let cut: String = text.chars().take(LONGEST).collect();
    if cut.len() < text.len() { format!("{cut:?}…") } else { format!("{cut:?}") }
}

/// The first letters of a name, for a list in a sentence.
#[cfg(any(feature = "csv", feature = "jsonl"))]
pub(crate) fn cut(name: &str) -> &str {
    const LONGEST: usize = 40;
    name.char_indices().nth(LONGEST).map_or(name, |(end, _)| &name[..end])
}
