//! States as safetensors files: eight bytes with the header's length, a JSON header, the tensors' bytes. What is
//! public of the format stands here; the parts below check a header, read what it names, and write. They must never
//! know a model.

mod element;
mod header;
mod json;
mod read;
mod write;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use gradus_module::State;

use crate::atomic::write_atomically;
use crate::error::IoError;

/// The header's longest length, as the format's reference has it.
const LONGEST_HEADER: u64 = 100_000_000;
/// The key of a header that is no tensor's name.
const METADATA: &str = "__metadata__";
/// Bytes that are converted at a time.
const CHUNK: usize = 32 * 1024;
/// What to do about a file whose claims contradict it.
const DAMAGED: &str = "the file is damaged, save or fetch it again";
/// How errors name bytes that came without a file.
const BYTES: &str = "the given bytes";

/// A state as a safetensors file, with a map of texts (PyTorch: `safetensors.torch.save`). The same state gives the
/// same bytes; an empty map is left out.
///
/// ```
/// use std::collections::BTreeMap;
/// use gradus_io::{state_from_bytes, state_to_bytes};
/// use gradus_module::State;
/// use gradus_tensor::Tensor;
///
/// let mut state = State::default();
/// state.push("steps", Tensor::scalar(7_i64));
/// let bytes = state_to_bytes(&state, &BTreeMap::from([("format".into(), "pt".into())]))?;
/// let (again, metadata) = state_from_bytes(&bytes)?;
/// assert_eq!(again.get("steps"), state.get("steps"));
/// assert_eq!(metadata["format"], "pt");
/// # Ok::<(), gradus_io::IoError>(())
/// ```
///
/// # Errors
/// If an entry is named `__metadata__`, which the format keeps for itself, or the names make a header of more than
/// 100 MB.
pub fn state_to_bytes(state: &State, metadata: &BTreeMap<String, String>) -> Result<Vec<u8>, IoError> {
    let plan = write::Plan::new(BYTES, state, metadata)?;
    let mut bytes = Vec::with_capacity(plan.length());
    plan.write(&mut bytes).map_err(IoError::system(Path::new(BYTES), "write"))?;
    Ok(bytes)
}

/// The state and the map of texts that a safetensors file holds, from its bytes; tensors in the order of their bytes.
///
/// ```
/// let error = gradus_io::state_from_bytes(b"no safetensors file").unwrap_err();
/// assert!(error.to_string().starts_with("the given bytes: "));
/// ```
///
/// # Errors
/// If anything about the bytes is not as the format demands, or a tensor has an element type that Gradus lacks. No
/// more is allocated than in proportion to `bytes`.
pub fn state_from_bytes(mut bytes: &[u8]) -> Result<(State, BTreeMap<String, String>), IoError> {
    let length = bytes.len() as u64;
    read::read(&mut bytes, length, Path::new(BYTES))
}

/// Writes a state and a map of texts as a safetensors file (PyTorch: `safetensors.torch.save_file`), all or nothing.
///
/// ```
/// use gradus_io::{load_state, save_state};
/// use gradus_module::State;
/// use gradus_tensor::Tensor;
/// use std::collections::BTreeMap;
/// # let path = std::env::temp_dir().join(format!("gradus-state-{}.safetensors", std::process::id()));
/// let mut state = State::default();
/// state.push("weight", Tensor::from([1.0_f32, 2.0]));
/// save_state(&state, &BTreeMap::from([("epoch".into(), "3".into())]), &path)?;
/// let (again, metadata) = load_state(&path)?;
/// assert_eq!((again.get("weight"), metadata["epoch"].as_str()), (state.get("weight"), "3"));
/// # std::fs::remove_file(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`state_to_bytes`], or if the file cannot be written; what stood there is then untouched.
pub fn save_state(
    state: &State,
    metadata: &BTreeMap<String, String>,
    path: impl AsRef<Path>,
) -> Result<(), IoError> {
    let path = path.as_ref();
    let plan = write::Plan::new(&path.display().to_string(), state, metadata)?;
    write_atomically(path, |out| plan.write(out))
}

/// Reads a safetensors file (PyTorch: `safetensors.torch.load_file`): the state and the map of texts.
///
/// # Errors
/// As [`state_from_bytes`], or if the file cannot be read.
pub fn load_state(path: impl AsRef<Path>) -> Result<(State, BTreeMap<String, String>), IoError> {
    let path = path.as_ref();
    let file = File::open(path).map_err(IoError::system(path, "open"))?;
    let meta = file.metadata().map_err(IoError::system(path, "look at"))?;
    if !meta.is_file() {
        let (what, mend) = ("is a folder, device or pipe", "name a file");
        return Err(IoError::Path { file: path.display().to_string(), what, mend });
    }
    read::read(&mut BufReader::with_capacity(CHUNK, file), meta.len(), path)
}
