//! Text files, read and written with errors that name them. The one place that touches `std::fs` for reports and
//! metrics.

use std::path::Path;

use gradus_io::IoError;

use crate::errors::TrainError;

pub(crate) fn system(path: &Path, action: &'static str, cause: std::io::Error) -> TrainError {
    IoError::System { file: path.display().to_string(), action, cause }.into()
}

pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), TrainError> {
    Ok(gradus_io::write_atomically(path, |out| out.write_all(bytes))?)
}

pub(crate) fn read_text(path: &Path) -> Result<String, TrainError> {
    std::fs::read_to_string(path).map_err(|cause| system(path, "read", cause))
}
