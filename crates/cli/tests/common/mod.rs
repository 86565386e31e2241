//! What all tests of the program share: running it in a folder of its own, and one small model trained once.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(clippy::expect_used, reason = "a test that cannot go on stops")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Settings with which a training takes a moment; not to learn anything.
pub(crate) const TINY: [&str; 6] = ["--set", "epochs=2", "--set", "channels=[2,4]", "--set", "hidden=8"];

/// How the program ended and what it said.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("UTF-8");
        Self { code: output.status.code(), out: text(&output.stdout), err: text(&output.stderr) }
    }
}

impl Ran {
    /// It ended with `code`, said nothing on standard output, and one sentence that holds all of `parts`.
    #[track_caller]
    pub(crate) fn refused(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.out, "", "{self:?}");
        let sentence = self.err.trim_end();
        assert!(sentence.starts_with("error: ") && !sentence.contains('\n'), "{self:?}");
        for part in parts {
            assert!(sentence.contains(part), "{part:?} is missing in: {sentence}");
        }
    }

    /// It ended well.
    #[track_caller]
    pub(crate) fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }
}

/// An empty folder of that name, below cargo's own folder for such things.
pub(crate) fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&path);
    fs::create_dir_all(&path).expect("a folder for the test");
    path
}

/// The program, to be run in `folder`.
pub(crate) fn gradus(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gradus"));
    command.current_dir(folder);
    command
}

/// Runs the program in `folder`.
pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Ran {
    gradus(folder).args(arguments).output().expect("the program starts").into()
}

/// Trains [`TINY`] in `folder` with more arguments.
pub(crate) fn train(folder: &Path, arguments: &[&str]) -> Ran {
    let all: Vec<&str> = ["train"].iter().chain(&TINY).chain(arguments).copied().collect();
    run(folder, &all)
}

/// A small run, trained once per test file. Not to be changed.
pub(crate) fn trained(name: &'static str) -> &'static Path {
    static RUN: OnceLock<PathBuf> = OnceLock::new();
    RUN.get_or_init(|| {
        let folder = folder(name);
        train(&folder, &["--out", "run"]).done();
        folder.join("run")
    })
}

/// The files of a folder with their bytes, by name.
pub(crate) fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut files: Vec<(String, Vec<u8>)> = entries
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file())
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy().into_owned();
            (name, fs::read(&path).expect("a file"))
        })
        .collect();
    files.sort();
    files
}

/// A value of a run's summary.json.
pub(crate) fn summary(run: &Path) -> serde_json::Value {
    let text = fs::read_to_string(run.join("summary.json")).expect("summary.json");
    serde_json::from_str(&text).expect("JSON")
}

/// A copy of a run that a test may spoil.
pub(crate) fn copy(run: &Path, name: &str) -> PathBuf {
    let path = folder(name);
    for (file, bytes) in contents(run) {
        fs::write(path.join(file), bytes).expect("a copy");
    }
    path
}

/// A grey PNG image.
pub(crate) fn png(width: u32, height: u32, pixels: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.set_depth(png::BitDepth::Eight);
    let mut writer = encoder.write_header().expect("a header");
    writer.write_image_data(pixels).expect("pixels");
    writer.finish().expect("an end");
    bytes
}
