//! `cargo xtask catalogue`: whether all that docs/coming-from-pytorch.md names is there, and whether it names all that a
//! catalogue asks for.
//!
//! The page's tables are the one list of what Gradus has. This command knows how to read them, the sources and a catalogue in
//! prose; it keeps no list of its own.

mod entries;
mod page;
mod public;

use std::path::Path;

use crate::Result;
use crate::workspace::Workspace;

/// The page.
const PAGE: &str = "docs/coming-from-pytorch.md";

/// Checks the page against the sources and, if there is one, against a catalogue.
///
/// # Errors
/// With every name that no crate has, and every entry of the catalogue that the page lacks.
pub(crate) fn run(workspace: &Workspace, against: Option<&Path>) -> Result<()> {
    let files = workspace.files()?;
    let text = files.iter().find(|file| file.path == PAGE).ok_or_else(|| format!("{PAGE} is missing"))?;
    let rows = page::rows(&text.text);
    let public = public::Items::read(&files);
    let mut findings = Vec::new();
    for row in &rows {
        for name in row.names.iter().filter(|name| !public.has(name)) {
            findings.push(format!("{PAGE}:{}: `{name}` is public in no crate", row.line));
        }
        if row.names.is_empty() {
            findings.push(format!("{PAGE}:{}: {} has no name in Gradus", row.line, row.entry));
        }
    }
    let mut wanted = 0;
    if let Some(path) = against {
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        let entries = entries::entries(&std::fs::read_to_string(path).map_err(told)?);
        wanted = entries.len();
        let has = |entry: &entries::Entry| rows.iter().any(|row| row.is(entry));
        let missing = entries.iter().filter(|entry| !has(entry));
        findings.extend(missing.map(|entry| format!("{PAGE} has no row for {entry}")));
    }
    if !findings.is_empty() {
        findings.iter().for_each(|finding| println!("{finding}"));
        return Err(format!("the catalogue has {} findings", findings.len()));
    }
    let names: usize = rows.iter().map(|row| row.names.len()).sum();
    println!(
        "{} rows, {names} names, all there; {wanted} entries of the catalogue, none missing",
        rows.len()
    );
    Ok(())
}
