//! A model to a file and back: a thin layer between `Module` and `State` files. It must never know the file's format.

use std::collections::BTreeMap;
use std::path::Path;

use gradus_module::Module;

use crate::error::IoError;
use crate::safetensors::{load_state, save_state};

/// Writes all parameters, buffers and counters of `model` as a safetensors file (PyTorch:
/// `safetensors.torch.save_model`). The old file, if any, is replaced only once the new one is complete.
///
/// # Errors
/// If the file cannot be written; what stood there is then untouched.
pub fn save<M: Module + ?Sized>(model: &M, path: impl AsRef<Path>) -> Result<(), IoError> {
    save_state(&model.state(), &BTreeMap::new(), path)
}

/// Sets all parameters, buffers and counters of `model` from a safetensors file, by name (PyTorch:
/// `safetensors.torch.load_model(strict=True)`). Element types are converted to the model's.
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
