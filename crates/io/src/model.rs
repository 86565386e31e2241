//! A model to a file and back: a thin layer between `Module` and `State` files. It must never know the file's format.

use std::collections::BTreeMap;
use std::path::Path;

use gradus_module::Module;

use crate::error::IoError;
use crate::safetensors::{load_state, save_state};

/// Writes all parameters, buffers and counters of `model` as a safetensors file (PyTorch:
/// `safetensors.torch.save_model`). The old file, if any, is replaced only once the new one is complete.
///
/// ```
/// use gradus_io::{load, save};
/// use gradus_module::Param;
/// # let path = std::env::temp_dir().join(format!("gradus-save-{}.safetensors", std::process::id()));
/// let model = vec![Param::new([1.0_f32, 2.0])];
/// save(&model, &path)?;
/// let mut other = vec![Param::new([0.0_f32, 0.0])];
/// load(&mut other, &path)?;
/// assert_eq!(other[0].value(), model[0].value());
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be written; what stood there is then untouched.
pub fn save<M: Module + ?Sized>(model: &M, path: impl AsRef<Path>) -> Result<(), IoError> {
    save_state(&model.state(), &BTreeMap::new(), path)
}

/// Sets all parameters, buffers and counters of `model` from a safetensors file, by name (PyTorch:
/// `safetensors.torch.load_model(strict=True)`). Element types are converted to the model's.
///
/// ```
/// use gradus_io::{IoError, load, save};
/// use gradus_module::Param;
/// # let path = std::env::temp_dir().join(format!("gradus-load-{}.safetensors", std::process::id()));
/// save(&vec![Param::new([1.0_f32, 2.0])], &path)?;
/// let mut larger = vec![Param::new([1.0_f32, 2.0, 3.0])];
/// let error = load(&mut larger, &path).unwrap_err(); // 0 is [3] in the model and [2] in the state
/// assert!(matches!(error, IoError::Load { .. }));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If the file cannot be read or is damaged, or with all names that are missing, unexpected or of another shape; the
/// model is then as it was.
pub fn load<M: Module + ?Sized>(model: &mut M, path: impl AsRef<Path>) -> Result<(), IoError> {
    let path = path.as_ref();
    let (state, _) = load_state(path)?;
    model
        .load(&state)
        .map_err(|cause| IoError::Load { file: path.display().to_string(), cause: Box::new(cause) })
}
