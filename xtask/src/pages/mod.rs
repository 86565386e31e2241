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

/// A file of houses and their prices, as a user of the recipe `table` may have one.
fn houses() -> String {
    let mut state = 7_u64;
    let mut random = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f64 / (1_u64 << 31) as f64
    };
    let mut text = String::from("area,rooms,town,price\n");
    for _ in 0..400 {
        let (area, town) = (40.0 + 160.0 * random(), ["Rom", "Oslo", "Graz"][(3.0 * random()) as usize]);
        let rooms = (area / 30.0 + 2.0 * random()).round();
        let factor = if town == "Oslo" { 5.0 } else { 3.0 };
        let price = area * factor + 20.0 * rooms + 40.0 * random();
        text += &format!("{area:.1},{rooms},{town},{price:.1}\n");
    }
    text
}

/// Makes room for a run at `out`.
fn cleared(out: PathBuf) -> Result<PathBuf> {
    if out.exists() {
        fs::remove_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    }
    Ok(out)
}

/// One page of each kind: the report of made-up numbers, which has every section; those of the recipes; two runs compared.
fn make(workspace: &Workspace, folder: &Path) -> Result<Vec<PathBuf>> {
    let example = folder.join("example.html");
    let cargo = Cargo::new("run --quiet --package gradus-train --example report --");
    cargo.argument(example.to_string_lossy()).run(&workspace.root)?;
    let program = || Cargo::new("run --quiet --package gradus-cli --");
    let mut pages = vec![example];
    for (name, more) in [("run", "seed=0"), ("other-run", "learning_rate=0.01")] {
        let out = cleared(folder.join(name))?;
        let train = QUICK.iter().fold(program().argument("train"), |cargo, word| cargo.argument(*word));
        let train = train.argument("--set").argument(more).argument("--out").argument(out.to_string_lossy());
        train.run(&workspace.root)?;
        pages.push(out.join("report.html"));
    }
    // The second one is seen compared with the first.
    pages.pop();
    let (csv, out) = (folder.join("houses.csv"), cleared(folder.join("houses"))?);
    fs::write(&csv, houses()).map_err(|error| format!("{}: {error}", csv.display()))?;
    let train =
        program().argument("train").argument("table").argument("--data").argument(csv.to_string_lossy());
    let train =
        train.argument("--target").argument("price").argument("--out").argument(out.to_string_lossy());
    train.run(&workspace.root)?;
    pages.push(out.join("report.html"));
    let compared = folder.join("compared.html");
    let compare = program().argument("compare").argument(folder.join("run").to_string_lossy());
    let compare = compare.argument(folder.join("other-run").to_string_lossy());
    compare.argument("--out").argument(compared.to_string_lossy()).run(&workspace.root)?;
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
