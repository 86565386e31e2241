//! The tree as the checks see it: the crates from `cargo metadata`, the files from git.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::Result;

/// The repository.
#[derive(Debug)]
pub(crate) struct Workspace {
    /// Its top folder.
    pub(crate) root: PathBuf,
    /// Where cargo builds.
    pub(crate) target: PathBuf,
    /// Its crates, by name.
    pub(crate) crates: Vec<Crate>,
}

/// One crate of the workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Crate {
    /// Its package name.
    pub(crate) name: String,
    /// Its folder, relative to the top.
    pub(crate) folder: String,
    /// The text of its Cargo.toml.
    pub(crate) manifest: String,
    /// Whether it may go to a registry.
    pub(crate) published: bool,
    /// Its line for the registry.
    pub(crate) description: Option<String>,
    /// Its licence expression.
    pub(crate) license: Option<String>,
    /// What its manifest depends on.
    pub(crate) dependencies: Vec<Dependency>,
    /// The root files of its library and binaries, relative to the top.
    pub(crate) roots: Vec<String>,
}

/// One line under `[dependencies]` or its sisters.
#[derive(Clone, Debug, Default)]
pub(crate) struct Dependency {
    /// The package's name.
    pub(crate) name: String,
    /// Whether only tests, benches and examples see it.
    pub(crate) dev: bool,
    /// Whether it comes with a feature only.
    pub(crate) optional: bool,
}

/// One file of the tree that is text.
#[derive(Clone, Debug)]
pub(crate) struct TextFile {
    /// Relative to the top, with `/`.
    pub(crate) path: String,
    /// What it holds.
    pub(crate) text: String,
}

impl Workspace {
    /// Asks cargo.
    ///
    /// # Errors
    /// If a manifest is broken.
    pub(crate) fn read() -> Result<Self> {
        let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
        let mut command = Command::new(program);
        command.args(["metadata", "--format-version", "1", "--no-deps", "--manifest-path"]).arg(&manifest);
        let json = output(&mut command, "cargo metadata")?;
        let json: Value = serde_json::from_str(&json).map_err(|error| format!("cargo metadata: {error}"))?;
        let root = PathBuf::from(text(&json, "workspace_root")?);
        let target = PathBuf::from(text(&json, "target_directory")?);
        let mut crates = Vec::new();
        for package in json["packages"].as_array().into_iter().flatten() {
            crates.push(Crate::parse(package, &root)?);
        }
        crates.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { root, target, crates })
    }

    /// Every text file that git tracks, or would if it were added, sorted by path. Files that are no UTF-8 are left out.
    ///
    /// # Errors
    /// If git is missing or this is no repository.
    pub(crate) fn files(&self) -> Result<Vec<TextFile>> {
        let mut command = Command::new("git");
        // A clone made by another user (a container's mount) may be listed too.
        command.args([
            "-c",
            "safe.directory=*",
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
        let list = output(command.current_dir(&self.root), "git ls-files")?;
        let mut paths: Vec<_> = list.split('\0').filter(|path| !path.is_empty()).collect();
        paths.sort_unstable();
        paths.dedup();
        // A path that can't be read as text was deleted but not yet committed, or is a link or binary data.
        let read = |path: &str| {
            let text = fs::read_to_string(self.root.join(path)).ok()?;
            Some(TextFile { path: path.into(), text })
        };
        Ok(paths.into_iter().filter_map(read).collect())
    }
}

impl Crate {
    fn parse(package: &Value, root: &Path) -> Result<Self> {
        let manifest_path = PathBuf::from(text(package, "manifest_path")?);
        let relative = |path: &Path| {
            path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
        };
        let optional = |field: &str| package[field].as_str().map(Into::into);
        let is_root = |target: &&Value| {
            let kinds = target["kind"].as_array().into_iter().flatten().filter_map(Value::as_str);
            kinds.into_iter().any(|kind| ["lib", "proc-macro", "bin"].contains(&kind))
        };
        let list = |field: &str| package[field].as_array().cloned().unwrap_or_default();
        Ok(Self {
            name: text(package, "name")?,
            folder: manifest_path.parent().map(relative).unwrap_or_default(),
            manifest: fs::read_to_string(&manifest_path)
                .map_err(|error| format!("{}: {error}", manifest_path.display()))?,
            published: package["publish"].as_array().is_none_or(|registries| !registries.is_empty()),
            description: optional("description"),
            license: optional("license"),
            dependencies: list("dependencies").iter().map(Dependency::parse).collect::<Result<_>>()?,
            roots: list("targets")
                .iter()
                .filter(is_root)
                .map(|target| Ok(relative(Path::new(&text(target, "src_path")?))))
                .collect::<Result<_>>()?,
        })
    }

    /// The crate's Cargo.toml, relative to the top.
    pub(crate) fn manifest_path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    /// The line of the manifest, from 1, that names a dependency; 1 if none does.
    pub(crate) fn manifest_line(&self, dependency: &str) -> usize {
        let names =
            |line: &str| line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with(['.', ' ', '=']));
        self.manifest.lines().position(|line| names(line.trim_start())).map_or(1, |index| index + 1)
    }
}

impl Dependency {
    fn parse(json: &Value) -> Result<Self> {
        Ok(Self { name: text(json, "name")?, dev: json["kind"] == "dev", optional: json["optional"] == true })
    }
}

fn text(json: &Value, field: &str) -> Result<String> {
    let found = json[field].as_str().map(Into::into);
    found.ok_or_else(|| format!("cargo metadata: no text in field `{field}`"))
}

fn output(command: &mut Command, what: &str) -> Result<String> {
    let output = command.output().map_err(|error| format!("{what} does not start: {error}"))?;
    if !output.status.success() {
        return Err(format!("{what} failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_package_is_read_from_metadata() {
        let workspace = Workspace::read().unwrap();
        let tensor = workspace.crates.iter().find(|krate| krate.name == "gradus-tensor").unwrap();
        assert_eq!(tensor.folder, "crates/tensor");
        assert!(tensor.published && tensor.description.is_some());
        assert_eq!(tensor.roots, ["crates/tensor/src/lib.rs"]);
        assert!(
            tensor.dependencies.iter().any(|dependency| dependency.name == "num-traits" && !dependency.dev)
        );
        let suite = workspace.crates.iter().find(|krate| krate.name == "gradus-suite").unwrap();
        assert!(!suite.published);
    }

    #[test]
    fn a_dependency_is_found_in_its_manifest() {
        let manifest = "[dependencies]\nserde_json = \"1\"\nserde.workspace = true\n".into();
        let krate = Crate { manifest, ..Crate::default() };
        assert_eq!(krate.manifest_line("serde_json"), 2);
        assert_eq!(krate.manifest_line("serde"), 3);
        assert_eq!(krate.manifest_line("num-traits"), 1);
    }

    #[test]
    fn the_files_are_those_of_git() {
        let files = Workspace::read().unwrap().files().unwrap();
        assert!(files.iter().any(|file| file.path == "xtask/src/workspace.rs"));
        assert!(files.iter().all(|file| !file.path.starts_with("target/")));
    }
}
