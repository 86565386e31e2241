//! Plain text: whole, by lines, by paragraphs. UTF-8 that is none is named by line and byte. It must never know a language.

use std::io::Read;
use std::path::Path;

use crate::error::DataError;
use crate::positioned::Positioned;

/// What some programs write in front of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads a text file whole, without a byte order mark.
///
/// ```
/// use gradus_data::{paragraphs, read_text};
/// # let path = std::env::temp_dir().join(format!("gradus-text-{}", std::process::id()));
/// std::fs::write(&path, "To be\nor not\n\nThat is\r\n \r\n\r\nthe question")?;
/// let text = read_text(&path)?;
/// assert_eq!(text.lines().count(), 7);
/// assert_eq!(paragraphs(&text).collect::<Vec<_>>(), ["To be\nor not", "That is", "the question"]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read or is not UTF-8.
pub fn read_text(path: impl AsRef<Path>) -> Result<String, DataError> {
    let content = Positioned::open(path.as_ref())?;
    let mut bytes = Vec::new();
    let read = content.reader(0, u64::MAX).read_to_end(&mut bytes);
    read.map_err(DataError::system(content.name(), "read"))?;
    if bytes.starts_with(BYTE_ORDER_MARK) {
        bytes.drain(..BYTE_ORDER_MARK.len());
        return String::from_utf8(bytes).map_err(|error| {
            not_utf8(content.name(), error.as_bytes(), error.utf8_error(), BYTE_ORDER_MARK.len())
        });
    }
    String::from_utf8(bytes)
        .map_err(|error| not_utf8(content.name(), error.as_bytes(), error.utf8_error(), 0))
}

/// [`read_text`] for bytes at hand, without a copy; errors call them `name`.
///
/// ```
/// let error = gradus_data::text_from_bytes(b"a\nb\xFF", "x.txt").unwrap_err().to_string();
/// assert_eq!(error, "x.txt: line 2: byte 3 of the file (0xff) is not UTF-8; save the file as UTF-8");
/// ```
///
/// # Errors
/// If they are not UTF-8.
pub fn text_from_bytes<'a>(bytes: &'a [u8], name: &str) -> Result<&'a str, DataError> {
    let (text, before) = match bytes.strip_prefix(BYTE_ORDER_MARK) {
        Some(text) => (text, BYTE_ORDER_MARK.len()),
        None => (bytes, 0),
    };
    std::str::from_utf8(text).map_err(|error| not_utf8(name, text, error, before))
}

fn not_utf8(name: &str, text: &[u8], error: std::str::Utf8Error, before: usize) -> DataError {
    let at = error.valid_up_to();
    let line = 1 + text[..at].iter().filter(|&&byte| byte == b'\n').count() as u64;
    let what = match text.get(at) {
        Some(byte) if error.error_len().is_some() => {
            format!("byte {} of the file ({byte:#04x}) is not UTF-8", before + at)
        }
        _ => format!("the character at byte {} of the file is cut off", before + at),
    };
    DataError::line(name, line, None, what, "save the file as UTF-8")
}

/// The paragraphs of a text: what stands between lines that are empty or blank, without white space around it.
pub fn paragraphs(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        rest = rest.trim_start();
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        for line in rest.split_inclusive('\n') {
            if line.trim().is_empty() {
                break;
            }
            end += line.len();
        }
        let (paragraph, later) = rest.split_at(end);
        rest = later;
        Some(paragraph.trim_end())
    })
}
