//! Bytes that are read by their place: of an open file, or at hand. Many threads may read at once, for there is no cursor. It
//! must never know what the bytes mean.
//!
//! Files are read and not mapped: see docs/ARCHITECTURE.md.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::error::DataError;

/// Content of a known length.
#[derive(Clone, Debug)]
pub(crate) struct Positioned {
    name: String,
    length: u64,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    File(Arc<File>),
    Bytes(Arc<[u8]>),
}

impl Positioned {
    pub(crate) fn open(path: &Path) -> Result<Self, DataError> {
        let name = path.display().to_string();
        let file = File::open(path).map_err(DataError::system(&name, "open"))?;
        let about = file.metadata().map_err(DataError::system(&name, "open"))?;
        if about.is_dir() {
            return Err(DataError::file(&name, "is a folder".to_owned(), "give a file"));
        }
        Ok(Self { name, length: about.len(), content: Content::File(Arc::new(file)) })
    }

    pub(crate) fn of_bytes(bytes: &[u8], name: &str) -> Self {
        Self { name: name.to_owned(), length: bytes.len() as u64, content: Content::Bytes(bytes.into()) }
    }

    /// What errors call it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// Fills `out` from byte `at` on.
    pub(crate) fn read(&self, at: u64, out: &mut [u8]) -> Result<(), DataError> {
        let result = match &self.content {
            Content::File(file) => exact(file, at, out),
            Content::Bytes(bytes) => {
                let rest = usize::try_from(at).ok().and_then(|at| bytes.get(at..));
                match rest.and_then(|rest| rest.get(..out.len())) {
                    Some(found) => {
                        out.copy_from_slice(found);
                        Ok(())
                    }
                    None => Err(io::ErrorKind::UnexpectedEof.into()),
                }
            }
        };
        result.map_err(|cause| {
            if cause.kind() == io::ErrorKind::UnexpectedEof {
                let end = at.saturating_add(out.len() as u64);
                let what = format!("it ends before byte {end}: it became shorter while it was open");
                return DataError::file(&self.name, what, "leave the file alone while it is read");
            }
            DataError::system(&self.name, "read")(cause)
        })
    }

    /// The bytes from `from` on, at most to the `to`th, one after another.
    pub(crate) fn reader(&self, from: u64, to: u64) -> Cursor<'_> {
        Cursor { content: self, at: from, end: to.min(self.length) }
    }
}

/// A place that moves on.
pub(crate) struct Cursor<'a> {
    content: &'a Positioned,
    at: u64,
    end: u64,
}

impl Read for Cursor<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = self.end.saturating_sub(self.at);
        let count = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        match &self.content.content {
            Content::File(file) => exact(file, self.at, &mut out[..count])?,
            Content::Bytes(bytes) => {
                // INVARIANT: of_bytes measured them, so places within fit.
                let at = self.at as usize;
                out[..count].copy_from_slice(&bytes[at..at + count]);
            }
        }
        self.at += count as u64;
        Ok(count)
    }
}

#[cfg(unix)]
fn exact(file: &File, at: u64, out: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, at)
}

#[cfg(windows)]
fn exact(file: &File, mut at: u64, mut out: &mut [u8]) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !out.is_empty() {
        match file.seek_read(out, at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(count) => {
                out = &mut out[count..];
                at += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Where a file has one cursor only, its readers take turns.
#[cfg(not(any(unix, windows)))]
fn exact(mut file: &File, at: u64, out: &mut [u8]) -> io::Result<()> {
    use std::io::{Seek, SeekFrom};
    use std::sync::{Mutex, PoisonError};
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(out)
}
