//! The run folder: what a training leaves, under fixed names. It must never know which recipe filled it.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::error::Error;
use crate::saved::VERSION;
use crate::settings::{Settings, Source, read_file, resolve, to_text};

/// A folder with the results of one training.
///
/// ```
/// use gradus_recipes::Run;
/// use gradus_recipes::digits::DigitsSettings;
/// # let folder = tempfile::tempdir()?;
/// let run = Run::create(Some(folder.path()), "digits")?;
/// run.write_config("digits", &DigitsSettings { epochs: 3, ..DigitsSettings::default() })?;
/// assert!(run.has(Run::CONFIG) && run.read(Run::CONFIG)?.contains("epochs = 3"));
/// let again = Run::open(run.folder(), Run::CONFIG)?;
/// assert_eq!(again.read_config::<DigitsSettings>()?.epochs, 3);
/// run.remove(Run::CONFIG)?;
/// assert!(!run.file(Run::CONFIG).exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    folder: PathBuf,
    /// Whether this value made the folder.
    is_new: bool,
}

impl Run {
    /// The model: weights, and as metadata the recipe, its settings and the version.
    pub const MODEL: &'static str = "model.safetensors";
    /// All that is needed to repeat the run.
    pub const CONFIG: &'static str = "config.toml";
    /// One JSON object per epoch.
    pub const METRICS: &'static str = "metrics.jsonl";
    /// One JSON object per epoch with the norms of each layer's weights and gradients.
    pub const NORMS: &'static str = "norms.jsonl";
    /// Where it was trained.
    pub const ENVIRONMENT: &'static str = "environment.json";
    /// The results in numbers.
    pub const SUMMARY: &'static str = "summary.json";
    /// The results in pictures.
    pub const REPORT: &'static str = "report.html";
    /// While it trains: all that is needed to go on.
    pub const CHECKPOINT: &'static str = "checkpoint.safetensors";
    /// The checkpoint before that.
    pub const PREVIOUS_CHECKPOINT: &'static str = "checkpoint.previous.safetensors";

    /// A new run folder: `out`, or `runs/<recipe>-<time>`.
    ///
    /// # Errors
    /// If it exists and is not empty, or can't be made.
    pub fn create(out: Option<&Path>, recipe: &str) -> Result<Self, Error> {
        let folder = match out {
            Some(out) => out.to_owned(),
            None => unused(&Path::new("runs").join(format!("{recipe}-{}", timestamp(SystemTime::now())))),
        };
        match fs::read_dir(&folder).map(|mut entries| entries.next()) {
            Ok(None) => return Ok(Self { folder, is_new: false }),
            Ok(Some(_)) => return Err(Error::OutputExists { path: folder }),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(cause) => return Err(Error::system(&folder, "use it as output folder")(cause)),
        }
        fs::create_dir_all(&folder).map_err(Error::system(&folder, "make the output folder"))?;
        Ok(Self { folder, is_new: true })
    }

    /// The run folder at `path`, in which `file` must exist.
    ///
    /// # Errors
    /// If it is no folder or has no such file.
    pub fn open(path: &Path, file: &'static str) -> Result<Self, Error> {
        let run = Self { folder: path.to_owned(), is_new: false };
        let no_run = |problem| Err(Error::NoRun { path: path.to_owned(), problem, file });
        match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => no_run("does not exist"),
            Err(cause) => Err(Error::system(path, "look at")(cause)),
            Ok(meta) if !meta.is_dir() => no_run("is no folder"),
            Ok(_) if run.has(file) => Ok(run),
            Ok(_) if run.has(Self::CHECKPOINT) => Err(Error::Unfinished { path: path.to_owned() }),
            Ok(_) => no_run("is no run folder"),
        }
    }

    /// Where the folder is.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// A file in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Whether the file is there.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.file(name).is_file()
    }

    /// Reads a text file of the run.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn read(&self, name: &str) -> Result<String, Error> {
        let path = self.file(name);
        fs::read_to_string(&path).map_err(Error::system(&path, "read"))
    }

    /// Writes a text file of the run, whole or not at all.
    ///
    /// ```
    /// use gradus_recipes::Run;
    /// # let folder = tempfile::tempdir()?;
    /// let run = Run::create(Some(folder.path()), "digits")?;
    /// run.write("notes.txt", "seed 7 is the best")?;
    /// assert_eq!(run.read("notes.txt")?, "seed 7 is the best");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), Error> {
        Ok(gradus_io::write_bytes_atomically(self.file(name), text.as_bytes())?)
    }

    /// Writes `config.toml`.
    ///
    /// # Errors
    /// If it can't be written.
    pub fn write_config<S: Settings>(&self, recipe: &str, settings: &S) -> Result<(), Error> {
        let head = format!("# Gradus {VERSION}. To repeat this run: gradus train --config {}", Self::CONFIG);
        let text = to_text(settings);
        self.write(Self::CONFIG, &format!("{head}\nrecipe = {recipe:?}\n{text}"))
    }

    /// Reads the settings from `config.toml`.
    ///
    /// # Errors
    /// If the file can't be read or holds something else.
    pub fn read_config<S: Settings>(&self) -> Result<S, Error> {
        let path = self.file(Self::CONFIG);
        let (_, table) = read_file(&path)?;
        Ok(resolve(Some((Source::File(path), &table)), &[])?)
    }

    /// Removes a file of the run if it is there.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn remove(&self, name: &str) -> Result<(), Error> {
        let path = self.file(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::system(&path, "remove")(error)),
            _ => Ok(()),
        }
    }

    /// Takes back a folder that was made and into which nothing could be written.
    pub(crate) fn take_back(&self) {
        if self.is_new {
            // The system removes no folder that holds something, which is what is wanted here.
            let _: io::Result<()> = fs::remove_dir(&self.folder);
        }
    }
}

/// `path`, or with `-2`, `-3` … behind it, whichever does not exist.
fn unused(path: &Path) -> PathBuf {
    let numbered = |n: u32| PathBuf::from(format!("{}-{n}", path.display()));
    let mut names = std::iter::once(path.to_owned()).chain((2..).map(numbered));
    names.find(|name| !name.exists()).unwrap_or_else(|| path.to_owned())
}

/// A time as `20250131-142530`, in UTC, so that names sort by time everywhere.
fn timestamp(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Howard Hinnant's civil_from_days: years begin in March, so that the leap day is a year's last.
    let day = days + 719_468;
    let (era, day_of_era) = (day / 146_097, day % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn timestamps_know_the_calendar() {
        // From `date -u -d @N +%Y%m%d-%H%M%S`.
        let cases = [
            (0, "19700101-000000"),
            (951_782_399, "20000228-235959"),
            (951_782_400, "20000229-000000"),
            (1_709_251_199, "20240229-235959"),
            (1_735_689_599, "20241231-235959"),
            (4_107_542_400, "21000301-000000"),
        ];
        for (seconds, text) in cases {
            assert_eq!(timestamp(UNIX_EPOCH + Duration::from_secs(seconds)), text);
        }
    }
}
