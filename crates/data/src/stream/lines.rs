//! Text files as a stream of lines. It must never know what a line says.

use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind};
use std::path::{Path, PathBuf};

use super::Stream;
use crate::error::DataError;

/// The lines of text files, one shard per file, without their ends (`\n` or `\r\n`). A line may be at most 16 MiB long.
///
/// ```
/// use gradus_data::{Lines, Stream};
/// # let path = std::env::temp_dir().join(format!("gradus-lines-{}.txt", std::process::id()));
/// std::fs::write(&path, "one\ntwo\n")?;
/// let lines: Vec<String> = Lines::new([&path]).open(0)?.collect::<Result<_, _>>()?;
/// assert_eq!(lines, ["one", "two"]);
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lines {
    files: Vec<PathBuf>,
}

impl Lines {
    /// The longest line, in bytes.
    const LONGEST: u64 = 1 << 24;

    /// These files.
    #[must_use]
    pub fn new<P: AsRef<Path>>(files: impl IntoIterator<Item = P>) -> Self {
        Self { files: files.into_iter().map(|file| file.as_ref().to_owned()).collect() }
    }

    fn file(&self, shard: usize) -> Result<LinesOf, DataError> {
        let Some(path) = self.files.get(shard) else {
            let what = format!("there is no shard {shard}, the stream has {}", self.files.len());
            return Err(DataError::unfit("lines", what, "ask for shards from 0 on"));
        };
        let name = path.display().to_string();
        let file = File::open(path).map_err(DataError::system(&name, "open"))?;
        Ok(LinesOf { reader: BufReader::with_capacity(1 << 16, file), name, line: 0 })
    }
}

impl Stream for Lines {
    type Record = String;

    fn shards(&self) -> usize {
        self.files.len()
    }

    fn open(
        &self,
        shard: usize,
    ) -> Result<impl Iterator<Item = Result<String, DataError>> + 'static, DataError> {
        self.file(shard)
    }

    /// Counts line ends; what is in the lines is looked at when they are read.
    fn count(&self, shard: usize) -> Result<usize, DataError> {
        let LinesOf { mut reader, name, .. } = self.file(shard)?;
        let (mut count, mut last) = (0, b'\n');
        loop {
            let bytes = match reader.fill_buf() {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                bytes => bytes.map_err(DataError::system(&name, "read"))?,
            };
            let Some(&end) = bytes.last() else { break };
            count += bytes.iter().filter(|&&byte| byte == b'\n').count();
            last = end;
            let length = bytes.len();
            reader.consume(length);
        }
        Ok(count + usize::from(last != b'\n'))
    }
}

/// The lines of one file.
struct LinesOf {
    reader: BufReader<File>,
    name: String,
    line: u64,
}

impl LinesOf {
    fn read(&mut self) -> Result<Option<String>, DataError> {
        let mut bytes = Vec::new();
        self.line += 1;
        let mut limited = std::io::Read::take(&mut self.reader, Lines::LONGEST + 2);
        limited.read_until(b'\n', &mut bytes).map_err(DataError::system(&self.name, "read"))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        if bytes.last() == Some(&b'\n') {
            bytes.pop();
            bytes.pop_if(|last| *last == b'\r');
        }
        let wrong = |what: String, mend| DataError::Cell {
            file: self.name.clone(),
            line: self.line,
            column: None,
            name: String::new(),
            what,
            mend,
        };
        if bytes.len() as u64 > Lines::LONGEST {
            let what = format!("it is longer than {} bytes", Lines::LONGEST);
            return Err(wrong(what, "break the text into lines"));
        }
        let text = String::from_utf8(bytes);
        text.map(Some).map_err(|error| wrong(format!("it is no UTF-8: {error}"), "save the file as UTF-8"))
    }
}

impl Iterator for LinesOf {
    type Item = Result<String, DataError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}
