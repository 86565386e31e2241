//! The file that TensorBoard reads: opened at the first event, written through with each, so that what a killed run wrote
//! is readable. It must never know a trainer.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use gradus_tensor::AnyTensor;

use super::events::{self, HParam};
use super::histogram::Histogram;
use super::message::Message;
use super::record::framed;
use crate::errors::TrainError;
use crate::files;
use crate::report::Picture;

/// TensorBoard takes every file for its own that has this in its name, in the order of their names.
const PREFIX: &str = "events.out.tfevents.";

/// Writes a run for TensorBoard (PyTorch: `torch.utils.tensorboard.SummaryWriter`), with or without a trainer.
///
/// Clones write to the same file. `step` is the axis along which TensorBoard draws. Scalars are stored as `f32`, as
/// TensorBoard's own.
///
/// ```
/// use gradus_train::report::Picture;
/// use gradus_train::tensor::Tensor;
/// use gradus_train::tensorboard::EventWriter;
/// # let folder = std::env::temp_dir().join(format!("gradus-events-{}", std::process::id()));
/// let events = EventWriter::new(&folder);
/// events.hparams(&[("learning_rate", 0.1.into()), ("optimizer", "adam".into())], &["loss"])?;
/// for step in 1..=3 {
///     events.scalar("loss", 1.0 / step as f64, step)?;
/// }
/// events.scalars(&[("accuracy", 0.5), ("recall", 0.25)], 3)?;
/// events.histogram("activations", Tensor::from([0.1_f32, 0.2, 0.4]), 3)?;
/// events.image("input", &Picture::new(vec![vec![0.0, 1.0]], ""), 3)?;
/// events.text("note", "as **Markdown**", 3)?;
/// assert!(events.path().is_some_and(|path| path.starts_with(&folder)));
/// # std::fs::remove_dir_all(&folder)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct EventWriter {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    folder: PathBuf,
    open: Option<(PathBuf, File)>,
    /// Seconds since 1970.
    clock: fn() -> f64,
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

/// The number in a name of [`PREFIX`].
fn number(name: &str) -> Option<u64> {
    let digits = name.strip_prefix(PREFIX)?.split('.').next()?;
    digits.parse().ok()
}

impl Inner {
    /// A new file whose name comes after those of all that are there, also when the clock was set back in between.
    fn create(&self) -> Result<(PathBuf, File), TrainError> {
        let failed = |cause| files::system(&self.folder, "write events into", cause);
        fs::create_dir_all(&self.folder).map_err(failed)?;
        let names = fs::read_dir(&self.folder).map_err(failed)?.flatten().map(|entry| entry.file_name());
        let last = names.filter_map(|name| number(&name.to_string_lossy())).max();
        let mut next = ((self.clock)() as u64).max(last.map_or(0, |last| last + 1));
        loop {
            let path = self.folder.join(format!("{PREFIX}{next:010}.gradus"));
            match OpenOptions::new().append(true).create_new(true).open(&path) {
                Ok(file) => return Ok((path, file)),
                // Another process was quicker.
                Err(error) if error.kind() == ErrorKind::AlreadyExists => next += 1,
                Err(cause) => return Err(files::system(&path, "create", cause)),
            }
        }
    }

    fn put(&mut self, event: Message) -> Result<(), TrainError> {
        let mut bytes = Vec::new();
        if self.open.is_none() {
            bytes = framed(&events::version((self.clock)()).into_bytes());
        }
        bytes.extend(framed(&event.into_bytes()));
        let (path, mut file) = match self.open.take() {
            Some(open) => open,
            None => self.create()?,
        };
        // One call of the system for one event: a run that is killed leaves whole records.
        file.write_all(&bytes).map_err(|cause| files::system(&path, "append to", cause))?;
        self.open = Some((path, file));
        Ok(())
    }

    fn put_values(&mut self, step: u64, values: &[Message]) -> Result<(), TrainError> {
        let time = (self.clock)();
        if values.is_empty() { Ok(()) } else { self.put(events::summary(time, step, values)) }
    }
}

impl EventWriter {
    /// Writes into `folder`, which is made if it is missing, from the first event on.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self::with_clock(folder, now)
    }

    pub(super) fn with_clock(folder: impl Into<PathBuf>, clock: fn() -> f64) -> Self {
        Self { inner: Arc::new(Mutex::new(Inner { folder: folder.into(), open: None, clock })) }
    }

    /// A panic elsewhere in the middle of an event leaves nothing half done: the file is put back whole or not at all.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The file, once there is one.
    #[must_use]
    pub fn path(&self) -> Option<PathBuf> {
        self.lock().open.as_ref().map(|(path, _)| path.clone())
    }

    /// Tells readers that a run begins or goes on at `step`: what earlier files of the folder hold of this step and later
    /// is void (PyTorch: `purge_step`).
    ///
    /// ```
    /// use gradus_train::tensorboard::EventWriter;
    /// # let folder = std::env::temp_dir().join(format!("gradus-events-restart-{}", std::process::id()));
    /// # for step in 1..=9 { EventWriter::new(&folder).scalar("loss", 0.5, step)?; }
    /// let events = EventWriter::new(&folder); // an earlier run wrote 9 steps, its last checkpoint is of step 5
    /// events.restart(6)?;
    /// events.scalar("loss", 0.5, 6)?; // the only step 6 that TensorBoard shows
    /// # std::fs::remove_dir_all(&folder)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn restart(&self, step: u64) -> Result<(), TrainError> {
        let mut inner = self.lock();
        let time = (inner.clock)();
        inner.put(events::start(time, step))
    }

    pub(super) fn values(&self, step: u64, values: &[Message]) -> Result<(), TrainError> {
        self.lock().put_values(step, values)
    }

    /// A number.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalar(&self, tag: &str, value: f64, step: u64) -> Result<(), TrainError> {
        self.scalars(&[(tag, value)], step)
    }

    /// Several numbers of one step, in one event.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn scalars(&self, values: &[(&str, f64)], step: u64) -> Result<(), TrainError> {
        let values: Vec<Message> = values.iter().map(|(tag, value)| events::scalar(tag, *value)).collect();
        self.values(step, &values)
    }

    /// How a tensor's elements are spread. What is not finite is left out; nothing is written if nothing is left.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn histogram(&self, tag: &str, values: impl Into<AnyTensor>, step: u64) -> Result<(), TrainError> {
        self.values(step, &histogram(tag, &values.into()).into_iter().collect::<Vec<_>>())
    }

    /// A picture; its caption is not part of the format.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn image(&self, tag: &str, picture: &Picture, step: u64) -> Result<(), TrainError> {
        self.values(step, &[events::image(tag, picture)])
    }

    /// A text, which TensorBoard reads as Markdown.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn text(&self, tag: &str, text: &str, step: u64) -> Result<(), TrainError> {
        self.values(step, &[events::text(tag, text)])
    }

    /// This run's row in the table of runs: its hyperparameters, and the scalars by which runs are compared.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn hparams(&self, settings: &[(&str, HParam)], metrics: &[&str]) -> Result<(), TrainError> {
        let mut inner = self.lock();
        let time = (inner.clock)();
        inner.put_values(0, &events::hparams(time, settings, metrics))
    }

    pub(super) fn folder(&self) -> PathBuf {
        Path::new(&self.lock().folder).to_owned()
    }
}

/// A tensor's histogram as a value of an event.
pub(super) fn histogram(tag: &str, values: &AnyTensor) -> Option<Message> {
    Histogram::of(&values.cast::<f64>().to_vec()).map(|own| events::histogram(tag, &own))
}
