//! What the reports of all recipes share: curves and norms first, settings and environment last. It must never know a
//! recipe.

use std::collections::BTreeMap;

use gradus_train::report::{Report, environment};
use gradus_train::{History, Norms};

use crate::error::Error;
use crate::run::Run;

/// Writes down where the run is trained. Done when it begins, for a report may be drawn elsewhere.
pub(crate) fn note_environment(run: &Run) -> Result<(), Error> {
    let facts: BTreeMap<&str, String> = environment().into_iter().collect();
    let text = serde_json::to_string_pretty(&facts).unwrap_or_default();
    run.write(Run::ENVIRONMENT, &(text + "\n"))
}

/// Where the run was trained; nothing if it does not say.
pub(crate) fn environment_of(run: &Run) -> Result<BTreeMap<String, String>, Error> {
    if !run.has(Run::ENVIRONMENT) {
        return Ok(BTreeMap::new());
    }
    let text = run.read(Run::ENVIRONMENT)?;
    serde_json::from_str(&text)
        .map_err(|cause| Error::Unreadable { path: run.file(Run::ENVIRONMENT), problem: cause.to_string() })
}

/// The curves of loss and metrics, the learning rate, and the norms by layer, as far as the run wrote them.
pub(crate) fn curves(page: Report, run: &Run) -> Result<Report, Error> {
    let page = page.history(&History::read_jsonl(run.file(Run::METRICS))?);
    if !run.has(Run::NORMS) {
        return Ok(page);
    }
    Ok(page.norms(&Norms::read_jsonl(run.file(Run::NORMS))?))
}

/// The settings, and where it was trained.
pub(crate) fn circumstances(page: Report, run: &Run) -> Result<Report, Error> {
    let page = page.text("Settings", run.read(Run::CONFIG)?.trim_end());
    let facts = environment_of(run)?;
    Ok(if facts.is_empty() { page } else { page.facts("Environment", facts) })
}
