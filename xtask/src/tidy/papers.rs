//! Each crate says what it is: README, description, licence, and what a registry shows.

use super::finding::Finding;
use crate::workspace::{Crate, TextFile};

/// A finding per paper that a crate lacks. (That its root file opens with `//!` is the rule of headers.)
pub(super) fn crates(crates: &[Crate], files: &[TextFile]) -> Vec<Finding> {
    crates.iter().flat_map(|krate| missing(krate, files)).collect()
}

fn missing(krate: &Crate, files: &[TextFile]) -> Vec<Finding> {
    let readme = format!("{}/README.md", krate.folder);
    let has_readme = files.iter().any(|file| file.path == readme && !file.text.trim().is_empty());
    let filled = |field: &Option<String>| field.as_ref().is_some_and(|text| !text.trim().is_empty());
    let manifest = krate.manifest_path();
    let mut findings = Vec::new();
    let mut demand = |holds: bool, path: &str, what: &str, mend: &str| {
        if !holds {
            findings.push(Finding::new(path, 1, format!("{} has no {what}", krate.name), mend));
        }
    };
    demand(has_readme, &readme, "README.md", "write it: what the crate is for, and an example that runs");
    demand(filled(&krate.description), &manifest, "description", "add `description` under [package]");
    demand(filled(&krate.license), &manifest, "licence", "add `license.workspace = true` under [package]");
    let readme_listed = !krate.published || krate.manifest.lines().any(|line| line.starts_with("readme"));
    demand(readme_listed, &manifest, "`readme`", "add `readme = \"README.md\"` under [package]");
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Crate {
        Crate {
            name: "a".into(),
            folder: "crates/a".into(),
            manifest: "[package]\nreadme = \"README.md\"\n".into(),
            published: true,
            description: Some("A crate".into()),
            license: Some("MIT OR Apache-2.0".into()),
            ..Crate::default()
        }
    }

    fn found(krate: Crate, readme: &str) -> Vec<String> {
        let files = [TextFile { path: "crates/a/README.md".into(), text: readme.into() }];
        crates(&[krate], &files).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_crate_with_all_papers_passes() {
        assert_eq!(found(good(), "# a\n"), [""; 0]);
        let kept = Crate { published: false, manifest: "[package]\n".into(), ..good() };
        assert_eq!(found(kept, "# a\n"), [""; 0]);
    }

    #[test]
    fn each_missing_paper_is_found() {
        assert_eq!(found(good(), " \n"), ["a has no README.md"]);
        assert_eq!(found(Crate { folder: "crates/b".into(), ..good() }, "# a\n"), ["a has no README.md"]);
        assert_eq!(found(Crate { description: None, ..good() }, "# a\n"), ["a has no description"]);
        assert_eq!(found(Crate { license: Some(String::new()), ..good() }, "# a\n"), ["a has no licence"]);
        assert_eq!(found(Crate { manifest: "[package]\n".into(), ..good() }, "# a\n"), ["a has no `readme`"]);
    }
}
