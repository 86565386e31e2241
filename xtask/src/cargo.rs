//! Cargo command lines: what is printed is what is run, and what a person would type.

use std::fmt;
use std::path::Path;
use std::process::Command;

use crate::Result;

/// One call of cargo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cargo {
    environment: Vec<(&'static str, String)>,
    arguments: Vec<String>,
}

impl Cargo {
    /// `cargo` with these arguments, parted by spaces.
    pub(crate) fn new(arguments: &str) -> Self {
        Self { environment: Vec::new(), arguments: arguments.split_whitespace().map(Into::into).collect() }
    }

    /// Adds one argument, which may hold spaces.
    pub(crate) fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Sets an environment variable for this call.
    pub(crate) fn variable(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    /// Prints the command, runs it in `folder` with its output shown.
    ///
    /// # Errors
    /// If it can't start or ends with another code than 0.
    pub(crate) fn run(&self, folder: &Path) -> Result<()> {
        println!("\n$ {self}");
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(program);
        command.args(&self.arguments).current_dir(folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let status = command.status().map_err(|error| format!("`{self}` does not start: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("`{self}` failed ({status})")) }
    }
}

impl fmt::Display for Cargo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str("cargo")?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

/// `text` as a shell takes it for one word.
fn quoted(text: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_=./,:+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_reads_as_one_types_it() {
        let cargo = Cargo::new("doc --no-deps").variable("RUSTDOCFLAGS", "-D warnings").argument("it's");
        assert_eq!(cargo.to_string(), r"RUSTDOCFLAGS='-D warnings' cargo doc --no-deps 'it'\''s'");
    }

    #[test]
    fn a_failure_names_the_command() {
        let message = Cargo::new("no-such-command-here").run(Path::new(".")).unwrap_err();
        assert!(message.contains("`cargo no-such-command-here` failed"), "{message}");
    }
}
