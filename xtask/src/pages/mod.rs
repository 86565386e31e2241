//! `cargo xtask pages`: makes the pages that Gradus writes, looks at each in a browser without a window as a reader would (by
//! day, by night, on a phone), keeps screenshots, and fails on what a machine can see to be wrong. Whether they are good to
//! look at is for the eye.

mod browser;

use std::fs;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::cargo::Cargo;
use crate::workspace::Workspace;

use browser::{Browser, Look};

/// How readers look.
const LOOKS: [Look; 3] = [
    Look { name: "light", width: 1100, scheme: "light" },
    Look { name: "dark", width: 1100, scheme: "dark" },
    Look { name: "phone", width: 360, scheme: "light" },
];

/// A training that takes a moment; its model is no good.
const QUICK: [&str; 6] = ["--set", "channels=[8,16]", "--set", "hidden=32", "--set", "epochs=8"];

/// Makes the pages and looks at them, or at the given files alone.
///
/// # Errors
/// If a page can't be made, there is no browser, or a page has faults; all of them are printed.
pub(crate) fn run(workspace: &Workspace, files: &[PathBuf]) -> Result<()> {
    let folder = workspace.target.join("pages");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let pages = if files.is_empty() { make(workspace, &folder)? } else { files.to_vec() };
    let mut browser = Browser::start(&folder.join("profile"))?;
    let mut faults = 0;
    for page in &pages {
        let page = page.canonicalize().map_err(|error| format!("{}: {error}", page.display()))?;
        for look in LOOKS {
            let seen = browser.look(&page, look)?;
            let shot = folder.join(format!("{}-{}.png", name(&page), look.name));
            fs::write(&shot, &seen.picture).map_err(|error| format!("{}: {error}", shot.display()))?;
            println!("{}", shot.display());
            seen.faults.iter().for_each(|fault| println!("  {fault}"));
            faults += seen.faults.len();
        }
    }
    match faults {
        0 => Ok(()),
        1 => Err("a page has a fault; it stands above".to_owned()),
        _ => Err(format!("the pages have {faults} faults; they stand above")),
    }
}

/// `report` of `…/run/report.html` is told from others by its folder.
fn name(page: &Path) -> String {
    let part = |path: Option<&std::ffi::OsStr>| path.unwrap_or_default().to_string_lossy().into_owned();
    let stem = part(page.file_stem());
    match page.parent().and_then(Path::file_name) {
        Some(folder) if folder != "pages" => format!("{}-{stem}", part(Some(folder))),
        _ => stem,
    }
}

/// One page of each kind: the report of made-up numbers, which has every section; a run's; two runs compared.
fn make(workspace: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    let example = folder.join("example.html");
    let cargo = Cargo::new("run --quiet --package gradus-train --example report --");
    cargo.argument(example.to_string_lossy()).run(&workspace.root)?;
    let program = || Cargo::new("run --quiet --package gradus-cli --");
    let mut pages = vec![example];
    for (name, more) in [("run", "seed=0"), ("other-run", "learning_rate=0.01")] {
        let out = folder.join(name);
        if out.exists() {
            fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
        }
        let train = QUICK.iter().fold(program().argument("train"), |cargo, word| cargo.argument(*word));
        let train = train.argument("--set").argument(more).argument("--out").argument(out.to_string_lossy());
        train.run(&workspace.root)?;
        pages.push(out.join("report.html"));
    }
    let compared = folder.join("compared.html");
    let compare = program().argument("compare").argument(folder.join("run").to_string_lossy());
    let compare = compare.argument(folder.join("other-run").to_string_lossy());
    compare.argument("--out").argument(compared.to_string_lossy()).run(&workspace.root)?;
    pages.pop();
    pages.push(compared);
    Ok(pages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn screenshots_are_named_after_page_and_folder() {
        assert_eq!(name(Path::new("/t/pages/compared.html")), "compared");
        assert_eq!(name(Path::new("/t/pages/run/report.html")), "run-report");
    }
}
