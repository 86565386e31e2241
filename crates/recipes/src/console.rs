//! Where a recipe speaks: a sink of lines that knows whether somebody watches. Why not `println!`: that panics when
//! the reader of a pipe leaves, and a training must outlive its audience. It must never know what it is told.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

/// A sink of lines. Once the reader has gone, the rest is dropped without a word.
pub struct Console {
    out: Option<Box<dyn Write>>,
    live: bool,
}

impl Console {
    /// Standard output; live if it is a terminal.
    #[must_use]
    pub fn stdout() -> Self {
        Self { out: Some(Box::new(io::stdout())), live: io::stdout().is_terminal() }
    }

    /// Any writer, never live.
    #[must_use]
    pub fn to(out: impl Write + 'static) -> Self {
        Self { out: Some(Box::new(out)), live: false }
    }

    /// Says nothing.
    #[must_use]
    pub fn silent() -> Self {
        Self { out: None, live: false }
    }

    /// Whether somebody watches, so that a bar may move.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live && self.out.is_some()
    }

    /// One line, or several.
    pub fn line(&mut self, text: impl Display) {
        if let Some(out) = &mut self.out
            && writeln!(out, "{text}").and_then(|()| out.flush()).is_err()
        {
            self.out = None;
        }
    }

    /// A step's headline: `1 prepare   …`.
    pub fn step(&mut self, number: usize, name: &str, what: impl Display) {
        self.line(format_args!("\n{number} {name:<11}{what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Gone;

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let mut console = Console::to(Gone);
        console.line("one");
        console.step(2, "define", "two");
        assert!(!console.is_live());
    }
}
