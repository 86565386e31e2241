//! Which checkpoints stand on disk: the newest at its path, some older ones beside it, and a lock that says whose they are. At any
//! moment, also in the middle of writing, one of them is whole. It must never know what is in a checkpoint.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use crate::checkpoint::Checkpoint;
use crate::errors::TrainError;

/// The checkpoint `age` writings before the newest at `path`: `run/checkpoint.safetensors` → `run/checkpoint.previous.safetensors`,
/// `run/checkpoint.previous-2.safetensors` …
pub(crate) fn older(path: &Path, age: usize) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    match age {
        0 => return path.to_owned(),
        1 => name.push(".previous"),
        age => name.push(format!(".previous-{age}")),
    }
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

/// The checkpoints at `path` and beside it, newest first.
pub(crate) fn all(path: &Path) -> impl Iterator<Item = PathBuf> {
    let is_there = |age: &usize| *age < 2 || older(path, *age).exists();
    (0..).take_while(is_there).map(|age| older(path, age))
}

/// How many checkpoints are kept unless somebody says otherwise.
pub(crate) const KEPT: usize = 2;

/// Writes a run's checkpoints to one path and keeps those before.
#[derive(Debug)]
pub(crate) struct Keeper {
    pub(crate) path: PathBuf,
    /// How many checkpoints are kept, the newest among them.
    pub(crate) kept: usize,
    /// Whether what stands at `path` is worth keeping; `None` if nobody has looked.
    pub(crate) is_whole: Option<bool>,
    /// The newest checkpoint that this run wrote or read, and so knows to be whole.
    pub(crate) good: Option<PathBuf>,
    /// Held while a run writes here; the system lets go of it when the process ends, however it ends.
    lock: Option<File>,
}

impl Keeper {
    /// Keeps [`KEPT`].
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, kept: KEPT, is_whole: None, good: None, lock: None }
    }

    /// Makes sure that no other run writes here, and clears away what killed ones left.
    pub(crate) fn lock(&mut self) -> Result<(), TrainError> {
        if self.lock.is_some() {
            return Ok(());
        }
        let path = self.lock_path();
        let file = loop {
            let opened = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
            let file = opened.map_err(|cause| crate::files::system(&path, "make the lock", cause))?;
            match file.try_lock() {
                Err(TryLockError::WouldBlock) => return Err(TrainError::Locked { path: self.path.clone() }),
                // A file system without locks: then there is no telling.
                Err(TryLockError::Error(_)) | Ok(()) => {}
            }
            // Whoever held it before has removed it between the two: then this is nobody's lock.
            if is_at(&file, &path) {
                break file;
            }
        };
        self.lock = Some(file);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        gradus_io::remove_abandoned(folder.unwrap_or(Path::new(".")))?;
        Ok(())
    }

    /// Another run may write here from now on.
    pub(crate) fn unlock(&mut self) {
        if let Some(file) = self.lock.take() {
            // Where it cannot be told which file a name means, the lock's file stays.
            if cfg!(unix) {
                _ = fs::remove_file(self.lock_path());
            }
            drop(file);
        }
    }

    fn lock_path(&self) -> PathBuf {
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".lock");
        self.path.with_file_name(name)
    }

    pub(crate) fn write(&mut self, checkpoint: &Checkpoint) -> Result<(), TrainError> {
        let is_whole = self.is_whole.unwrap_or_else(|| Checkpoint::read(&self.path, &[]).is_ok());
        if is_whole && self.kept > 1 {
            self.keep().map_err(|cause| crate::files::system(&self.path, "keep the previous", cause))?;
        }
        checkpoint.write(&self.path)?;
        self.is_whole = Some(true);
        self.good = Some(self.path.clone());
        Ok(())
    }

    /// Gives the present file a second name, so that replacing it does not remove it, and lets the oldest go.
    fn keep(&self) -> io::Result<()> {
        let present = fs::canonicalize(&self.path)?;
        for age in (1..self.kept - 1).rev() {
            match fs::rename(older(&self.path, age), older(&self.path, age + 1)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        let previous = older(&self.path, 1);
        match fs::remove_file(&previous) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        // Not every file system has hard links.
        fs::hard_link(&present, &previous).or_else(|_| fs::copy(&present, &previous).map(drop))
    }
}

/// Whether the name still means this file.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (own, named) = (file.metadata(), fs::metadata(path));
    matches!((own, named), (Ok(own), Ok(named)) if own.ino() == named.ino() && own.dev() == named.dev())
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use gradus_module::State;
    use gradus_tensor::RngState;

    use super::*;
    use crate::checkpoint::Position;

    fn checkpoint(step: u64) -> Checkpoint {
        let [model, optimizer, trainer] = std::array::from_fn(|_| State::default());
        let position = Position { step, ..Position::default() };
        let rng = RngState { seed: 1, stream: 2, counter: 3 };
        Checkpoint { model, optimizer, trainer, callbacks: Vec::new(), position, rng, config: None }
    }

    fn step(path: &Path) -> Option<u64> {
        Checkpoint::read(path, &[]).map(|checkpoint| checkpoint.position.step).ok()
    }

    #[test]
    fn the_previous_one_stays_unless_it_is_torn() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        let mut keeper = Keeper::new(path.clone());
        keeper.write(&checkpoint(1)).unwrap();
        assert_eq!((step(&path), step(&older(&path, 1))), (Some(1), None));
        keeper.write(&checkpoint(2)).unwrap();
        keeper.write(&checkpoint(3)).unwrap();
        assert_eq!((step(&path), step(&older(&path, 1)), step(&older(&path, 2))), (Some(3), Some(2), None));
        fs::write(&path, b"torn").unwrap();
        Keeper::new(path.clone()).write(&checkpoint(4)).unwrap();
        assert_eq!((step(&path), step(&older(&path, 1))), (Some(4), Some(2)));
    }

    #[test]
    fn as_many_are_kept_as_are_wanted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        let mut keeper = Keeper::new(path.clone());
        keeper.kept = 4;
        (1..=6).for_each(|step| keeper.write(&checkpoint(step)).unwrap());
        let steps: Vec<_> = all(&path).map(|path| step(&path)).collect();
        assert_eq!(steps, [Some(6), Some(5), Some(4), Some(3)]);
        keeper.kept = 1;
        keeper.write(&checkpoint(7)).unwrap();
        assert_eq!((step(&path), step(&older(&path, 1))), (Some(7), Some(5)));
    }

    #[test]
    fn two_runs_do_not_write_to_one_place() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("c.safetensors");
        let (mut first, mut second) = (Keeper::new(path.clone()), Keeper::new(path));
        first.lock().unwrap();
        first.lock().unwrap();
        let error = second.lock().unwrap_err().to_string();
        assert!(error.contains("another run is writing its checkpoints there"), "{error}");
        first.unlock();
        second.lock().unwrap();
        second.unlock();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), usize::from(!cfg!(unix)));
    }

    #[test]
    fn older_names_keep_the_extension() {
        let path = Path::new("a/b.c.safetensors");
        assert_eq!(older(path, 1), Path::new("a/b.c.previous.safetensors"));
        assert_eq!(older(path, 3), Path::new("a/b.c.previous-3.safetensors"));
        assert_eq!(older(Path::new("state"), 1), Path::new("state.previous"));
    }
}
