//! Text files, read and written with errors that name them: the reports' and the metrics'. It must never know what a line
//! means.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use gradus_io::IoError;
use serde_json::Value;

use crate::errors::TrainError;

pub(crate) fn system(path: &Path, action: &'static str, cause: std::io::Error) -> TrainError {
    IoError::System { file: path.display().to_string(), action, cause }.into()
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    Ok(gradus_io::write_atomically(path, |out| out.write_all(bytes))?)
}

pub(crate) fn read_text(path: &Path) -> Result<String, TrainError> {
    std::fs::read_to_string(path).map_err(|cause| system(path, "read", cause))
}

/// Reads each line of a file of JSON lines. Empty lines do not count, nor does a last one without an end that is no JSON:
/// it is being written, or was when the power failed.
///
/// # Errors
/// If the file cannot be read or `parse` does not take a line; the error names it.
pub(crate) fn read_lines<R>(
    path: &Path,
    parse: impl Fn(Value) -> Result<R, String>,
) -> Result<Vec<R>, TrainError> {
    let text = read_text(path)?;
    let mut out = Vec::new();
    for (i, line) in text.split_inclusive('\n').enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |what| TrainError::MetricsLine { path: path.to_owned(), line: i + 1, what };
        match serde_json::from_str(line) {
            Ok(value) => out.push(parse(value).map_err(wrong)?),
            Err(_) if !line.ends_with('\n') => {}
            Err(error) => return Err(wrong(error.to_string())),
        }
    }
    Ok(out)
}

/// A file of JSON lines that grows by a line at a time and is cut back when a run goes on from before its end.
#[derive(Debug)]
pub(crate) struct Lines {
    path: PathBuf,
    file: Option<File>,
}

impl Lines {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), file: None }
    }

    /// Opens the file, which is made if it is missing, and cuts it before the first line that is torn or that `is_kept`
    /// refuses. What is kept is not written anew: a file of millions of steps stays where it is.
    pub(crate) fn cut(&mut self, is_kept: impl Fn(&Value) -> bool) -> Result<(), TrainError> {
        let open = || {
            let mut file =
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&self.path)?;
            let (mut end, mut ended, mut line) = (0, true, Vec::new());
            let mut reader = BufReader::new(&file);
            while reader.read_until(b'\n', &mut line)? > 0 {
                if !serde_json::from_slice(&line).is_ok_and(|value| is_kept(&value)) {
                    break;
                }
                end += line.len() as u64;
                ended = line.ends_with(b"\n");
                line.clear();
            }
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end))?;
            if !ended {
                file.write_all(b"\n")?;
            }
            Ok(file)
        };
        self.file = Some(open().map_err(|cause| system(&self.path, "open", cause))?);
        Ok(())
    }

    /// Adds a line, in one call of the system, so that a run that is killed leaves whole lines.
    pub(crate) fn add(&mut self, line: &str) -> Result<(), TrainError> {
        if self.file.is_none() {
            self.cut(|_| true)?;
        }
        let text = format!("{line}\n");
        match &mut self.file {
            Some(file) => {
                file.write_all(text.as_bytes()).map_err(|cause| system(&self.path, "append to", cause))
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(value: &Value) -> u64 {
        value["n"].as_u64().unwrap_or(u64::MAX)
    }

    #[test]
    fn lines_are_cut_where_a_run_goes_on_and_where_they_are_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        let cases = [
            ("", 2, ""),
            ("{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n", 2, "{\"n\":1}\n{\"n\":2}\n"),
            ("{\"n\":1}\n{\"n\":2}", 2, "{\"n\":1}\n{\"n\":2}\n"),
            ("{\"n\":1}\n{\"n\":2", 2, "{\"n\":1}\n"),
            ("{\"n\":1}\n\u{0}\u{0}\n{\"n\":2}\n", 2, "{\"n\":1}\n"),
            ("{\"n\":1}\n", 0, ""),
        ];
        for (before, kept, after) in cases {
            std::fs::write(&path, before).unwrap();
            let mut lines = Lines::new(&path);
            lines.cut(|value| number(value) <= kept).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), after, "{before:?}");
            lines.add("{\"n\":9}").unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), format!("{after}{{\"n\":9}}\n"));
        }
        let error = Lines::new(folder.path().join("none/lines.jsonl")).cut(|_| true).unwrap_err().to_string();
        assert!(error.contains("lines.jsonl"), "{error}");
    }

    #[test]
    fn a_line_that_is_being_written_is_not_there_yet() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines.jsonl");
        let read = || read_lines(&path, |value| Ok(number(&value)));
        std::fs::write(&path, "{\"n\":1}\n\n{\"n\":2}\n{\"n\":").unwrap();
        assert_eq!(read().unwrap(), [1, 2]);
        std::fs::write(&path, "{\"n\":1}\n{\"n\":\n{\"n\":3}\n").unwrap();
        let error = read().unwrap_err().to_string();
        assert!(error.contains("lines.jsonl:2: ") && error.ends_with("; remove the line"), "{error}");
    }
}
