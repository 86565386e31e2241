//! Packaging: every published crate is packed as for the registry and built from what its package holds.

use std::fs;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Result;
use crate::cargo::Cargo;
use crate::workspace::Workspace;

/// A folder that is gone when this value is.
#[derive(Debug)]
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What can't be removed lies in a build or temporary folder, where it harms nobody.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A name that no other run has.
pub(crate) fn unique(prefix: &str) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    format!("{prefix}-{now}-{}", std::process::id())
}

/// Packs and builds.
///
/// Cargo unpacks the packages that it has just made under a name that follows from the build folder, and keeps what it
/// finds there from an earlier run, even if the source has changed since. So each run has a build folder of its own.
///
/// # Errors
/// If a crate does not pack, or does not build from its package.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let scratch = Scratch(workspace.target.join(unique("package")));
    let folder = scratch.0.strip_prefix(&workspace.root).unwrap_or(&scratch.0);
    command(workspace).argument("--target-dir").argument(folder.to_string_lossy()).run(&workspace.root)
}

fn command(workspace: &Workspace) -> Cargo {
    let kept = workspace.crates.iter().filter(|krate| !krate.published);
    kept.fold(Cargo::new("package --workspace --allow-dirty"), |cargo, krate| {
        cargo.argument("--exclude").argument(&krate.name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::Crate;

    #[test]
    fn what_is_not_published_is_not_packed() {
        let krate = |name: &str, published| Crate { name: name.into(), published, ..Crate::default() };
        let crates = vec![krate("a", true), krate("suite", false), krate("xtask", false)];
        let workspace = Workspace { root: PathBuf::new(), target: PathBuf::new(), crates };
        let expected = "cargo package --workspace --allow-dirty --exclude suite --exclude xtask";
        assert_eq!(command(&workspace).to_string(), expected);
    }

    #[test]
    fn a_scratch_folder_goes_with_its_value() {
        let path = std::env::temp_dir().join(unique("gradus-scratch"));
        fs::create_dir_all(path.join("inner")).unwrap();
        drop(Scratch(path.clone()));
        assert!(!path.exists());
    }
}
