//! Where a recipe speaks: a sink of lines that knows whether somebody watches. Why not `println!`: that panics when
//! the reader of a pipe leaves, and a training must outlive its audience. It must never know what it is told.

use std::cell::RefCell;
use std::fmt::Display;
use std::io::{self, IsTerminal, Write};
use std::rc::Rc;

/// A sink of lines. Once the reader has gone, the rest is dropped without a word.
///
/// ```
/// use gradus_recipes::Console;
/// use std::io::Write;
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("log.txt");
/// let mut console = Console::to(std::fs::File::create(&path)?); // or `Console::stdout()`, or `Console::silent()`
/// console.step(1, "prepare", "1,797 digits");
/// console.line("done");
/// writeln!(console.writer(), "bye")?;
/// assert_eq!(std::fs::read_to_string(&path)?, "\n1 prepare     1,797 digits\ndone\nbye\n");
/// assert!(!console.is_live());
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Console {
    sink: Sink,
    live: bool,
}

/// A console's end that can be lent out as a writer. It never fails.
#[derive(Clone)]
struct Sink {
    out: Rc<RefCell<Option<Box<dyn Write>>>>,
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut out = self.out.borrow_mut();
        if out.as_mut().is_some_and(|out| out.write_all(bytes).is_err()) {
            *out = None;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut out = self.out.borrow_mut();
        if out.as_mut().is_some_and(|out| out.flush().is_err()) {
            *out = None;
        }
        Ok(())
    }
}

impl Console {
    fn of(out: Option<Box<dyn Write>>, live: bool) -> Self {
        Self { sink: Sink { out: Rc::new(RefCell::new(out)) }, live }
    }

    /// Standard output; live if it and standard error are a terminal.
    ///
    /// ```
    /// gradus_recipes::Console::stdout().line("epoch 1");
    /// ```
    #[must_use]
    pub fn stdout() -> Self {
        Self::of(Some(Box::new(io::stdout())), io::stdout().is_terminal() && io::stderr().is_terminal())
    }

    /// Any writer, never live.
    #[must_use]
    pub fn to(out: impl Write + 'static) -> Self {
        Self::of(Some(Box::new(out)), false)
    }

    /// Says nothing.
    ///
    /// ```
    /// let mut console = gradus_recipes::Console::silent();
    /// console.line("unheard");
    /// assert!(!console.is_live());
    /// ```
    #[must_use]
    pub fn silent() -> Self {
        Self::of(None, false)
    }

    /// Whether somebody watches, so that a bar may move.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// The console as a writer for others.
    #[must_use]
    pub fn writer(&self) -> impl Write + 'static {
        self.sink.clone()
    }

    /// One line, or several.
    pub fn line(&mut self, text: impl Display) {
        // The sink never fails; each line is seen at once.
        let _ = writeln!(self.sink, "{text}").and_then(|()| self.sink.flush());
    }

    /// A step's headline: `1 prepare   …`.
    pub fn step(&mut self, number: usize, name: &str, what: impl Display) {
        self.line(format_args!("\n{number} {name:<11} {what}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes one write, then its reader has gone.
    struct Leaves(Rc<RefCell<Vec<u8>>>);

    impl Write for Leaves {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0.borrow().contains(&b'\n') {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            self.0.borrow_mut().extend(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_reader_that_left_is_no_failure() {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let mut console = Console::to(Leaves(Rc::clone(&seen)));
        console.line("one");
        console.step(2, "define", "two");
        assert!(console.writer().write_all(b"three").is_ok());
        assert_eq!(*seen.borrow(), b"one\n");
    }
}
