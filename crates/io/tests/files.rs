//! Files are replaced whole or not at all, and a model that cannot be loaded stays as it was.

#![allow(clippy::unwrap_used)] // helpers outside #[test] are test code too

use std::fs;
use std::io::{Error, ErrorKind};
use std::path::Path;

use gradus_io::{IoError, load, save, write_atomically, write_bytes_atomically};
use gradus_module::{Buffer, Counter, Module, Param};
use gradus_tensor::{Rng, Tensor};

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_failing_writer_leaves_the_old_file_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    write_bytes_atomically(&path, b"old").unwrap();
    let error = write_atomically(&path, |out| {
        out.write_all(&[b'n'; 100_000])?;
        Err(Error::new(ErrorKind::StorageFull, "no space left"))
    })
    .unwrap_err();
    assert_eq!(error.to_string(), format!("{}: cannot write: no space left", path.display()));
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(names(folder.path()), ["a.txt"]);

    let panics = std::panic::catch_unwind(|| write_atomically(&path, |_| panic!("in the writer")));
    assert!(panics.is_err());
    assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"old".to_vec(), vec!["a.txt".to_owned()]));

    let fresh = folder.path().join("b.txt");
    assert!(write_atomically(&fresh, |_| Err(Error::other("no"))).is_err());
    assert_eq!(names(folder.path()), ["a.txt"]);

    write_bytes_atomically(&path, b"new").unwrap();
    assert_eq!((fs::read(&path).unwrap(), names(folder.path())), (b"new".to_vec(), vec!["a.txt".to_owned()]));
}

#[test]
fn the_final_name_is_not_touched_before_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.txt");
    write_atomically(&path, |out| {
        out.write_all(&[1; 50_000])?;
        out.flush()?;
        assert!(!path.exists());
        // Somebody else may write the same file meanwhile.
        write_bytes_atomically(&path, b"other").unwrap();
        out.write_all(&[1; 50_000])
    })
    .unwrap();
    assert_eq!(fs::read(&path).unwrap(), [1; 100_000]);
    assert_eq!(names(folder.path()), ["a.txt"]);
}

#[test]
fn what_is_no_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let words = |path: &Path| write_bytes_atomically(path, b"x").unwrap_err().to_string();
    assert!(words(folder.path()).ends_with("is a folder; name a file in it"));
    let missing = folder.path().join("none/a.txt");
    assert!(words(&missing).contains("none/a.txt: cannot make a file beside it: "), "{}", words(&missing));
    assert!(words(&folder.path().join("..")).contains("is a folder"));
    let protected = folder.path().join("p.txt");
    fs::write(&protected, "mine").unwrap();
    let mut permissions = fs::metadata(&protected).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&protected, permissions).unwrap();
    assert!(words(&protected).contains("is write-protected"));
    assert_eq!(names(folder.path()), ["p.txt"]);
}

#[cfg(unix)]
#[test]
fn links_stay_links_devices_devices_and_permissions_stay() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let folder = tempfile::tempdir().unwrap();
    let (target, link) = (folder.path().join("target"), folder.path().join("link"));
    fs::write(&target, "old").unwrap();
    fs::set_permissions(&target, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&target, &link).unwrap();
    write_bytes_atomically(&link, b"new").unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    let error = write_bytes_atomically("/dev/null", b"x").unwrap_err();
    assert!(matches!(&error, IoError::Path { .. }), "{error}");
    symlink(folder.path().join("nowhere"), folder.path().join("dangling")).unwrap();
    assert!(write_bytes_atomically(folder.path().join("dangling"), b"x").is_err());
}

#[derive(Module)]
struct Model {
    weight: Param,
    layers: Vec<Param<f64>>,
    mean: Buffer,
    steps: Counter,
}

impl Model {
    fn new(seed: u64) -> Self {
        let mut rng = Rng::seed(seed);
        Self {
            weight: Param::new(Tensor::normal([4, 3], 0.0, 1.0, &mut rng)),
            layers: (1..4).map(|n| Param::new(Tensor::normal([n], 0.0, 1.0, &mut rng))).collect(),
            mean: Buffer::new(Tensor::normal([3], 0.0, 1.0, &mut rng)),
            steps: Counter::new(seed),
        }
    }

    fn values(&self) -> Vec<(String, Vec<f64>)> {
        self.state().iter().map(|(name, value)| (name.to_owned(), value.cast().to_vec())).collect()
    }
}

#[test]
fn a_model_returns_bit_by_bit() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let (first, mut second) = (Model::new(1), Model::new(2));
    save(&first, &path).unwrap();
    assert_ne!(first.values(), second.values());
    load(&mut second, &path).unwrap();
    assert_eq!(first.values(), second.values());
    let bytes = fs::read(&path).unwrap();
    save(&second, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
    let boxed: Box<dyn Module> = Box::new(second);
    save(&*boxed, &path).unwrap();
    assert_eq!(fs::read(&path).unwrap(), bytes);
}

#[test]
fn a_file_for_another_model_changes_nothing_and_names_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.safetensors");
    let mut model = Model::new(1);
    model.layers.pop();
    model.layers.push(Param::new(Tensor::zeros([7])));
    model.layers.push(Param::new(Tensor::zeros([1])));
    save(&model, &path).unwrap();
    let mut other = Model::new(2);
    other.layers.push(Param::new(Tensor::zeros([1])));
    other.layers.push(Param::new(Tensor::zeros([1])));
    let before = other.values();
    let error = load(&mut other, &path).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with(&format!("{}: ", path.display())), "{text}");
    assert!(
        text.contains("missing layers.4") && text.contains("layers.2 is [3] in the model and [7]"),
        "{text}"
    );
    assert!(matches!(error, IoError::Load { .. }));
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 1]).unwrap();
    assert!(load(&mut other, &path).is_err());
    assert_eq!(other.values(), before);
}
