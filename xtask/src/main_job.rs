//! The README's main job: a model learns real digits, and the run folder proves it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::Result;
use crate::cargo::Cargo;
use crate::package::Scratch;
use crate::workspace::Workspace;

/// What the README promises on the test split with the default seed.
const TEST_ACCURACY: f64 = 0.985;

/// Files that every run leaves.
const LEFT: &[&str] = &["config.toml", "metrics.jsonl", "model.safetensors", "report.html", "summary.json"];

/// Runs the README's command as it stands there, and reads what the new run folder holds; the folder is then removed.
///
/// # Errors
/// If the command fails, a file is missing, or the model is worse than promised.
pub(crate) fn run(workspace: &Workspace) -> Result<()> {
    let before = runs(&workspace.root);
    let cargo = Cargo::new("run --release");
    cargo.run(&workspace.root)?;
    let new = runs(&workspace.root).into_iter().find(|run| !before.contains(run));
    let out = Scratch(new.ok_or_else(|| format!("`{cargo}` left no new folder under runs/"))?);
    for name in LEFT {
        if !fs::metadata(out.0.join(name)).is_ok_and(|file| file.len() > 0) {
            return Err(format!("`{cargo}` left no {name}"));
        }
    }
    let accuracy = test_accuracy(&out.0.join("summary.json"))?;
    if accuracy < TEST_ACCURACY {
        return Err(format!("`{cargo}` ended with test accuracy {accuracy}, less than {TEST_ACCURACY}"));
    }
    println!("test accuracy {accuracy} (promised: {TEST_ACCURACY})");
    Ok(())
}

/// The run folders that stand in the workspace.
fn runs(root: &Path) -> BTreeSet<PathBuf> {
    let folder = fs::read_dir(root.join("runs"));
    folder.map(|entries| entries.flatten().map(|entry| entry.path()).collect()).unwrap_or_default()
}

fn test_accuracy(summary: &Path) -> Result<f64> {
    let text = fs::read_to_string(summary).map_err(|error| format!("{}: {error}", summary.display()))?;
    let json: Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", summary.display()))?;
    let accuracy = json["test"]["accuracy"].as_f64();
    accuracy.ok_or_else(|| format!("{}: no number at test.accuracy", summary.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::unique;

    #[test]
    fn the_accuracy_is_read_from_the_summary() {
        let scratch = Scratch(std::env::temp_dir().join(unique("gradus-summary")));
        fs::create_dir_all(&scratch.0).unwrap();
        let path = scratch.0.join("summary.json");
        fs::write(&path, r#"{"train": {"accuracy": 1}, "test": {"loss": 0.1, "accuracy": 0.99}}"#).unwrap();
        assert_eq!(test_accuracy(&path), Ok(0.99));
        for broken in ["{}", "{", r#"{"test": {"accuracy": null}}"#] {
            fs::write(&path, broken).unwrap();
            assert!(test_accuracy(&path).unwrap_err().contains("summary.json"));
        }
    }
}
