//! Executable conventions: what the house agreed on and the compiler does not check.
//!
//! One file per rule, each a function from sources or crates to findings; what is allowed lies in [`tables`].

mod examples;
mod finding;
mod headers;
mod layering;
mod length;
mod panics;
mod papers;
mod tables;
mod text;
mod unsafety;

use crate::Result;
use crate::source::Source;
use crate::workspace::{TextFile, Workspace};
use finding::Finding;

/// Prints every finding.
///
/// # Errors
/// If there is one.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let files = workspace.files()?;
    let findings = check(workspace, &files);
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => println!("tidy: {} files, no findings", files.len()),
        1 => return Err(format!("tidy: {} files, 1 finding", files.len())),
        count => return Err(format!("tidy: {} files, {count} findings", files.len())),
    }
    Ok(())
}

/// All findings, by place.
fn check(workspace: &Workspace, files: &[TextFile]) -> Vec<Finding> {
    let sources = Source::all(files);
    let mut findings = layering::edges(&workspace.crates, tables::ALLOWED, tables::ALLOWED_IN_TESTS);
    findings.extend(length::exceptions(&sources, tables::LONGER));
    findings.extend(unsafety::forbidden(&workspace.crates, &sources));
    findings.extend(papers::crates(&workspace.crates, files));
    findings.extend(examples::examples(&workspace.crates, &sources, tables::EXAMPLES_MISSING));
    for source in &sources {
        findings.extend(layering::threads(source));
        findings.extend(length::lengths(source, tables::LONGER));
        findings.extend(headers::header(source));
        findings.extend(unsafety::unsafe_code(source, tables::UNSAFE_FILES));
        findings.extend(panics::panics(source));
    }
    for file in files {
        findings.extend(text::lines(file));
        findings.extend(text::machine_paths(file, sources.iter().find(|source| source.path == file.path)));
    }
    findings.sort();
    findings
}
