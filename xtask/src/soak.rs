//! `cargo xtask soak`: the nights of the suite at full length.

use crate::Result;
use crate::cargo::Cargo;
use crate::workspace::Workspace;

/// How many times longer than in an ordinary run: 200 kills, 40,000 steps.
const FACTOR: &str = "20";

/// Runs them and shows what they count.
///
/// # Errors
/// If one fails.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    Cargo::new("test -p gradus-suite --test overnight -- --nocapture --test-threads 1")
        .variable("GRADUS_SOAK", FACTOR)
        .run(&workspace.root)
}
