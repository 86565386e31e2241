//! What was seen to hold: for each mark of the op matrix (a property, an instruction set, a recorded result) the ops that
//! have it. Tests write it, `cargo xtask op-matrix` reads it; nobody fills in that page by hand.
//!
//! Nothing is written unless the environment variable `GRADUS_OP_MATRIX` names a folder.

use std::collections::BTreeSet;
use std::path::Path;

/// The folder that the record goes to.
const FOLDER: &str = "GRADUS_OP_MATRIX";

/// The ops that a property was checked on and holds for.
#[derive(Clone, Debug, Default)]
#[must_use = "say which mark the ops earned: `.mark(…)`"]
pub struct Seen {
    /// All of them.
    pub ops: BTreeSet<&'static str>,
    /// Those that were run on an empty array among others.
    pub empty: BTreeSet<&'static str>,
    /// Whether some ops were left out on purpose, so that the record would be short of them.
    pub partial: bool,
}

impl Seen {
    /// Records that these ops have the mark.
    pub fn mark(self, mark: &str) -> Self {
        if !self.partial {
            write(mark, &self.ops);
        }
        self
    }

    /// Records `mark` for those that were run on an empty array.
    pub fn mark_empty(self, mark: &str) -> Self {
        if !self.partial {
            write(mark, &self.empty);
        }
        self
    }

    /// The end of a chain of marks.
    pub fn done(self) {}
}

/// Records that `ops` have the mark `mark`, in place of what an earlier run recorded of it.
///
/// # Panics
/// If the file can't be written: a record that is out of date is worse than none.
pub fn write(mark: &str, ops: &BTreeSet<&str>) {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let text: String = ops.iter().map(|op| format!("{op}\n")).collect();
    let (path, fresh) =
        (folder.join(format!("{mark}.txt")), folder.join(format!(".{mark}.{}", std::process::id())));
    let written = std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&fresh, text))
        .and_then(|()| std::fs::rename(&fresh, &path));
    if let Err(error) = written {
        panic!("{}: {error}", path.display());
    }
}
