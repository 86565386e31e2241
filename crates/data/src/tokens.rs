//! Files of tokens, as language models train on: numbers of 16 or 32 bits, little-endian, one after another without a header.
//! Windows are read by place, so a file may be larger than memory. It must never know what a token stands for.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use gradus_tensor::Tensor;

use crate::error::DataError;
use crate::positioned::Positioned;
use crate::source::Source;

/// How wide a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenWidth {
    /// 16 bits: vocabularies of up to 65,536 tokens.
    U16,
    /// 32 bits.
    U32,
}

impl TokenWidth {
    const fn bytes(self) -> usize {
        match self {
            Self::U16 => 2,
            Self::U32 => 4,
        }
    }
}

/// Windows of T + 1 tokens of a file: the inputs are the first T of each, `[B, T]`, the targets the last T.
///
/// ```
/// use gradus_data::{Loader, TokenFile, TokenWidth, write_tokens};
/// # let path = std::env::temp_dir().join(format!("gradus-tokens-{}", std::process::id()));
/// write_tokens(&path, &[10, 11, 12, 13, 14, 15, 16], TokenWidth::U16)?;
/// let data = TokenFile::open(&path, TokenWidth::U16, 3)?.vocabulary(100);
/// assert_eq!((data.tokens(), data.windows()), (7, 2));
/// let (x, y) = data.read(&[1])?;
/// assert_eq!((x.to_vec(), y.to_vec()), (vec![13, 14, 15], vec![14, 15, 16]));
/// assert_eq!(data.stride(1).windows(), 4);
/// assert!(TokenFile::from_bytes(&[1, 0, 2], "cut off", TokenWidth::U16, 1).is_err());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct TokenFile {
    content: Positioned,
    width: TokenWidth,
    length: usize,
    stride: usize,
    vocabulary: Option<u64>,
}

impl TokenFile {
    /// Opens a file for windows of `length` inputs, one behind the other: each token is an input once.
    ///
    /// # Errors
    /// If the file cannot be read, its length is no whole number of tokens, or it is shorter than one window.
    ///
    /// # Panics
    /// If `length` is 0.
    #[track_caller]
    pub fn open(path: impl AsRef<Path>, width: TokenWidth, length: usize) -> Result<Self, DataError> {
        Self::of(Positioned::open(path.as_ref())?, width, length)
    }

    /// [`TokenFile::open`] for bytes at hand; errors call them `name`.
    ///
    /// # Errors
    /// As [`TokenFile::open`].
    ///
    /// # Panics
    /// If `length` is 0.
    #[track_caller]
    pub fn from_bytes(bytes: &[u8], name: &str, width: TokenWidth, length: usize) -> Result<Self, DataError> {
        Self::of(Positioned::of_bytes(bytes, name), width, length)
    }

    #[track_caller]
    fn of(content: Positioned, width: TokenWidth, length: usize) -> Result<Self, DataError> {
        assert!(length > 0, "tokens: a window needs tokens: length {length} (> 0)");
        let (bytes, size) = (content.length(), width.bytes() as u64);
        let wrong = |what: String, mend| Err(DataError::file(content.name(), what, mend));
        if bytes % size != 0 {
            let what = format!("{bytes} bytes are no whole number of tokens of {size} bytes");
            return wrong(what, "give the width with which it was written; if that is right, it is cut off");
        }
        if bytes / size <= length as u64 {
            let what = format!("{} tokens are fewer than one window of {length} + 1", bytes / size);
            return wrong(what, "give a longer text or a shorter window");
        }
        Ok(Self { content, width, length, stride: length, vocabulary: None })
    }

    /// Lets windows begin every `stride` tokens.
    ///
    /// # Panics
    /// If `stride` is 0.
    #[must_use]
    #[track_caller]
    pub fn stride(mut self, stride: usize) -> Self {
        assert!(stride > 0, "tokens: windows must move on: stride {stride} (> 0)");
        self.stride = stride;
        self
    }

    /// Refuses tokens of `size` and above, with their place, when a window holds one.
    #[must_use]
    pub fn vocabulary(mut self, size: usize) -> Self {
        self.vocabulary = Some(size as u64);
        self
    }

    /// The number of tokens.
    #[must_use]
    pub fn tokens(&self) -> u64 {
        self.content.length() / self.width.bytes() as u64
    }

    /// The number of windows.
    #[must_use]
    pub fn windows(&self) -> usize {
        // INVARIANT: `of` made sure of one window.
        let starts = (self.tokens() - self.length as u64 - 1) / self.stride as u64 + 1;
        usize::try_from(starts).unwrap_or(usize::MAX)
    }

    /// Inputs `[B, T]` and targets `[B, T]` of the windows of these numbers.
    ///
    /// # Errors
    /// If there is no such window, the file cannot be read or became shorter, or holds a token outside the vocabulary.
    pub fn read(&self, windows: &[usize]) -> Result<(Tensor<i64>, Tensor<i64>), DataError> {
        if let Some(bad) = windows.iter().find(|&&window| window >= self.windows()) {
            let what = format!("there is no window {bad} of {}", self.windows());
            return Err(DataError::file(self.content.name(), what, "ask for one of them"));
        }
        let size = self.width.bytes();
        let shape = [windows.len(), self.length];
        let (mut inputs, mut targets) = (Tensor::<i64>::zeros(shape), Tensor::<i64>::zeros(shape));
        let mut bytes = vec![0; (self.length + 1) * size];
        let mut tokens = vec![0_i64; self.length + 1];
        let rows = inputs.make_mut().chunks_exact_mut(self.length);
        let rows = rows.zip(targets.make_mut().chunks_exact_mut(self.length));
        for (&window, (input, target)) in windows.iter().zip(rows) {
            let start = window as u64 * self.stride as u64 * size as u64;
            self.content.read(start, &mut bytes)?;
            match self.width {
                TokenWidth::U16 => {
                    let values = bytes.as_chunks().0.iter().map(|&b| i64::from(u16::from_le_bytes(b)));
                    tokens.iter_mut().zip(values).for_each(|(token, value)| *token = value);
                }
                TokenWidth::U32 => {
                    let values = bytes.as_chunks().0.iter().map(|&b| i64::from(u32::from_le_bytes(b)));
                    tokens.iter_mut().zip(values).for_each(|(token, value)| *token = value);
                }
            }
            if let Some(size) = self.vocabulary {
                self.check(&tokens, size, start)?;
            }
            input.copy_from_slice(&tokens[..self.length]);
            target.copy_from_slice(&tokens[1..]);
        }
        Ok((inputs, targets))
    }

    fn check(&self, tokens: &[i64], size: u64, start: u64) -> Result<(), DataError> {
        let Some(place) = tokens.iter().position(|&token| token as u64 >= size) else { return Ok(()) };
        let byte = start + (place * self.width.bytes()) as u64;
        let what = format!("the token {} at byte {byte} is outside the vocabulary of {size}", tokens[place]);
        let mend = "give the vocabulary and the width with which it was written";
        Err(DataError::file(self.content.name(), what, mend))
    }
}

/// Writes a file of tokens for a [`TokenFile`].
///
/// # Errors
/// If the file cannot be written, or a token does not fit the width.
pub fn write_tokens(path: impl AsRef<Path>, tokens: &[u32], width: TokenWidth) -> Result<(), DataError> {
    let name = path.as_ref().display().to_string();
    if let (TokenWidth::U16, Some(place)) = (width, tokens.iter().position(|&t| t > u32::from(u16::MAX))) {
        let what = format!("the token {} at place {place} (from 0) does not fit 16 bits", tokens[place]);
        return Err(DataError::file(&name, what, "write 32 bits"));
    }
    let file = File::create(&path).map_err(DataError::system(&name, "create"))?;
    let mut file = BufWriter::new(file);
    let written = tokens.iter().try_for_each(|&token| match width {
        // INVARIANT: checked above.
        TokenWidth::U16 => file.write_all(&(token as u16).to_le_bytes()),
        TokenWidth::U32 => file.write_all(&token.to_le_bytes()),
    });
    written.and_then(|()| file.flush()).map_err(DataError::system(&name, "write"))
}

impl Source for TokenFile {
    type Inputs = Tensor<i64>;
    type Targets = Tensor<i64>;

    fn len(&self) -> usize {
        self.windows()
    }

    fn fetch(&self, indices: &[usize]) -> Result<(Tensor<i64>, Tensor<i64>), DataError> {
        self.read(indices)
    }
}
