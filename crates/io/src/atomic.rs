//! Files that are either complete or not there: written under a temporary name, synced, renamed. Whoever reads the
//! final name, also after a crash, sees the old content or the new one, never a part. It must never know a format.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::error::IoError;

/// Numbers the temporary files of this process.
static NEXT: AtomicU64 = AtomicU64::new(0);

/// Writes a file through `write`, all or nothing: into a temporary file in the same folder, which is flushed, synced
/// and renamed to `path`; then the folder is synced. A symbolic link stays one, its target is replaced. A replaced
/// file's permissions are kept.
///
/// ```
/// use std::io::Write;
/// # let path = std::env::temp_dir().join(format!("gradus-atomic-{}.txt", std::process::id()));
/// gradus_io::write_atomically(&path, |out| writeln!(out, "loss {}", 0.25))?;
/// assert_eq!(std::fs::read_to_string(&path)?, "loss 0.25\n");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If `write` or the system fails, or `path` is a folder, a device or write-protected. The temporary file is then gone
/// and what stood at `path` is untouched (only if the very last step fails, the sync of the folder, the new file
/// stands there already).
pub fn write_atomically(
    path: impl AsRef<Path>,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<(), IoError> {
    let path = path.as_ref();
    let Target { file, folder, old } = target(path)?;
    let mut temporary = Temporary::create(&folder).map_err(IoError::system(path, "make a file beside it"))?;
    temporary
        .fill(write)
        .and_then(|()| old.map_or(Ok(()), |old| fs::set_permissions(&temporary.path, old)))
        .map_err(IoError::system(path, "write"))?;
    temporary.rename(&file).map_err(IoError::system(path, "replace"))?;
    sync_folder(&folder).map_err(IoError::system(path, "sync the folder of"))
}

/// [`write_atomically`] for content that is at hand.
///
/// ```
/// # let path = std::env::temp_dir().join(format!("gradus-bytes-{}.txt", std::process::id()));
/// gradus_io::write_bytes_atomically(&path, b"done\n")?;
/// assert_eq!(std::fs::read(&path)?, b"done\n");
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`write_atomically`].
pub fn write_bytes_atomically(path: impl AsRef<Path>, bytes: &[u8]) -> Result<(), IoError> {
    write_atomically(path, |out| out.write_all(bytes))
}

/// What temporary files are called.
const TEMPORARY: &str = ".gradus-";
const ENDING: &str = ".tmp";

/// How old a temporary file must be to count as left behind: its writer locks it a moment after it makes it.
const ABANDONED: Duration = Duration::from_secs(60);

/// Removes temporary files of [`write_atomically`] that killed processes left in a folder; answers how many. A file that is being
/// written is locked by its writer, and stays.
///
/// ```
/// # let folder = std::env::temp_dir().join(format!("gradus-abandoned-{}", std::process::id()));
/// # std::fs::create_dir_all(&folder)?;
/// assert_eq!(gradus_io::remove_abandoned(&folder)?, 0);
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the folder cannot be read.
pub fn remove_abandoned(folder: impl AsRef<Path>) -> Result<usize, IoError> {
    let folder = folder.as_ref();
    let mut removed = 0;
    for entry in fs::read_dir(folder).map_err(IoError::system(folder, "look into"))? {
        let path = entry.map_err(IoError::system(folder, "look into"))?.path();
        let name = path.file_name().and_then(OsStr::to_str).unwrap_or_default();
        if name.starts_with(TEMPORARY) && name.ends_with(ENDING) && is_abandoned(&path) {
            removed += usize::from(fs::remove_file(&path).is_ok());
        }
    }
    Ok(removed)
}

fn is_abandoned(path: &Path) -> bool {
    let Ok(file) = File::open(path) else { return false };
    // A clock that was set back makes files of the future: they wait.
    let age = file.metadata().and_then(|meta| meta.modified()).ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age >= ABANDONED) && file.try_lock().is_ok()
}

/// Where the rename goes, in which folder, and the permissions of what stands there.
struct Target {
    file: PathBuf,
    folder: PathBuf,
    old: Option<fs::Permissions>,
}

fn target(path: &Path) -> Result<Target, IoError> {
    let wrong = |what, mend| IoError::Path { file: path.display().to_string(), what, mend };
    let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
    let file = match fs::canonicalize(path) {
        Ok(file) if is_link => file,
        Err(cause) if is_link => return Err(IoError::system(path, "follow the link")(cause)),
        _ => path.to_owned(),
    };
    let old = match fs::metadata(&file) {
        Ok(meta) if meta.is_dir() => return Err(wrong("is a folder", "name a file in it")),
        Ok(meta) if !meta.is_file() => {
            return Err(wrong("is a device or pipe, which cannot be replaced", "name a file"));
        }
        Ok(meta) if meta.permissions().readonly() => {
            return Err(wrong("is write-protected", "name another file or lift the protection"));
        }
        Ok(meta) => Some(meta.permissions()),
        Err(cause) if cause.kind() == ErrorKind::NotFound => None,
        Err(cause) => return Err(IoError::system(path, "look at")(cause)),
    };
    let Some(folder) = file.parent().filter(|_| file.file_name().is_some()) else {
        return Err(wrong("is not the name of a file", "add one"));
    };
    let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder.to_owned() };
    Ok(Target { file, folder, old })
}

/// A file that is removed again unless it is renamed, also when a panic passes.
struct Temporary {
    path: PathBuf,
    file: Option<File>,
    renamed: bool,
}

impl Temporary {
    fn create(folder: &Path) -> io::Result<Self> {
        loop {
            let (process, number) = (std::process::id(), NEXT.fetch_add(1, Relaxed));
            let name = format!("{TEMPORARY}{process}-{number}{ENDING}");
            let path = folder.join(OsStr::new(&name));
            match OpenOptions::new().write(true).create_new(true).open(&path) {
                // Left by a killed process that had the same number.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                opened => {
                    let file = opened?;
                    // Says that somebody is still at it; where a file system has no locks, nothing is ever cleared away.
                    _ = file.try_lock();
                    return Ok(Self { path, file: Some(file), renamed: false });
                }
            }
        }
    }

    fn fill(&mut self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let mut out = BufWriter::new(file);
        write(&mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }

    fn rename(mut self, to: &Path) -> io::Result<()> {
        fs::rename(&self.path, to)?;
        self.renamed = true;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        // Windows removes no file that is open.
        drop(self.file.take());
        if !self.renamed {
            // A failure here would hide the one that led here.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Makes the rename survive a power cut, where the system can.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if !cfg!(unix) {
        return Ok(());
    }
    match File::open(folder).and_then(|folder| folder.sync_all()) {
        // Some file systems have no such sync, and some folders may be written but not read.
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::InvalidInput | ErrorKind::Unsupported | ErrorKind::PermissionDenied
            ) =>
        {
            Ok(())
        }
        done => done,
    }
}
