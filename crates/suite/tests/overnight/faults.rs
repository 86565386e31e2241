//! Disks that are full, folders that are gone or read-only, files that are torn, clocks that were set back: a clear error, nothing
//! lost, and the run goes on from its last checkpoint.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use gradus_layers::Sequential;
use gradus_optimizers::{Adam, AdamRule, Optimizer};
use gradus_train::{Callback, Flow, MetricsFile, Run, StepRecord, TrainError, Trainer};

use crate::models::perceptron;
use crate::{checkpoint, facts, loader, loss};

type Night<'a> = Trainer<'a, Sequential, Optimizer<AdamRule>>;

fn trainer<'a>(folder: &Path) -> Night<'a> {
    Trainer::new(perceptron(), Adam::new(3e-3))
        .epochs(4)
        .callback(MetricsFile::new(folder.join("metrics.jsonl")))
        .checkpoint(checkpoint(folder))
        .checkpoint_every(2)
}

/// Does something to the folder after a step.
struct After<F>(u64, F);

impl<F: FnMut()> Callback for After<F> {
    fn name(&self) -> &str {
        "after"
    }
    fn on_step(&mut self, run: &Run<'_>, _: &StepRecord) -> Result<Flow, TrainError> {
        if run.step == self.0 {
            (self.1)();
        }
        Ok(Flow::Continue)
    }
}

fn through() -> crate::Facts {
    let folder = tempfile::tempdir().unwrap();
    let mut trainer = trainer(folder.path());
    trainer.fit(&mut loader(2), loss).unwrap();
    facts(&trainer)
}

/// Resumes in `folder` and answers whether it ends as the run that nothing befell.
fn goes_on(folder: &Path) {
    let mut rest = trainer(folder);
    rest.resume(checkpoint(folder)).unwrap();
    rest.fit(&mut loader(1), loss).unwrap();
    assert!(facts(&rest) == through());
}

#[test]
fn a_folder_that_goes_away_is_named_and_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let (folder, away) = (home.path().join("run"), home.path().join("away"));
    fs::create_dir(&folder).unwrap();
    let mut night = trainer(&folder).callback(After(9, || fs::rename(&folder, &away).unwrap()));
    let error = night.fit(&mut loader(2), loss).unwrap_err().to_string();
    assert!(error.contains("checkpoint.safetensors") && error.contains("No such file"), "{error}");
    drop(night);
    fs::rename(&away, &folder).unwrap();
    goes_on(&folder);
}

#[test]
#[cfg(unix)]
fn a_folder_that_turns_read_only_is_named() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("run");
    fs::create_dir(&folder).unwrap();
    let mode = |mode| fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).unwrap();
    mode(0o555);
    // Who is root may write all the same.
    let is_root = fs::write(folder.join("probe"), "").is_ok();
    _ = fs::remove_file(folder.join("probe"));
    mode(0o755);
    if is_root {
        return;
    }
    let mut night = trainer(&folder).callback(After(9, || mode(0o555)));
    let error = night.fit(&mut loader(2), loss).unwrap_err().to_string();
    assert!(error.contains("checkpoint.safetensors") && error.contains("denied"), "{error}");
    drop(night);
    mode(0o755);
    goes_on(&folder);
}

#[test]
fn torn_checkpoints_are_never_taken_for_whole() {
    let folder = tempfile::tempdir().unwrap();
    let mut night = trainer(folder.path()).keep(4).epochs(2);
    night.fit(&mut loader(2), loss).unwrap();
    let path = checkpoint(folder.path());
    let newest = fs::read(&path).unwrap();
    // Torn, bent, and empty: each time the one before is taken, and it is told.
    fs::write(&path, &newest[..newest.len() / 2]).unwrap();
    let previous = path.with_file_name("checkpoint.previous.safetensors");
    let mut bent = fs::read(&previous).unwrap();
    let middle = bent.len() * 3 / 4;
    bent[middle] ^= 0x10;
    fs::write(&previous, bent).unwrap();
    let mut rest = trainer(folder.path());
    let resumed = rest.resume(&path).unwrap();
    assert!(resumed.path.ends_with("checkpoint.previous-2.safetensors"), "{}", resumed.path.display());
    assert!(resumed.warning.unwrap().contains("checkpoint.safetensors"));
    // What then goes wrong names the file that is good, not the torn ones beside it.
    let error =
        rest.fit(&mut loader(1), |model, batch, cx| loss(model, batch, cx).loss() * f64::NAN).unwrap_err();
    let TrainError::LossNotFinite { fault, .. } = error else { panic!("{error}") };
    assert_eq!(fault.checkpoint, Some(resumed.path));
    rest.fit(&mut loader(1), loss).unwrap();
    assert!(facts(&rest) == through());
}

#[test]
fn a_clock_that_was_set_back_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let mut night = trainer(folder.path()).epochs(2);
    night.fit(&mut loader(2), loss).unwrap();
    drop(night);
    // As after a clock that went from tomorrow to today: the files are of the future.
    let tomorrow = SystemTime::now() + Duration::from_secs(86_400);
    for entry in fs::read_dir(folder.path()).unwrap() {
        fs::File::options().write(true).open(entry.unwrap().path()).unwrap().set_modified(tomorrow).unwrap();
    }
    goes_on(folder.path());
}

#[test]
fn what_a_killed_run_left_behind_is_cleared_away() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (folder.path().join(".gradus-1-1.tmp"), folder.path().join(".gradus-1-2.tmp"));
    fs::write(&old, "half a checkpoint").unwrap();
    fs::write(&new, "half a checkpoint").unwrap();
    let hour = SystemTime::now() - Duration::from_secs(3600);
    fs::File::options().write(true).open(&old).unwrap().set_modified(hour).unwrap();
    trainer(folder.path()).epochs(1).fit(&mut loader(0), loss).unwrap();
    assert!(!old.exists() && new.exists());
}

/// A file system with too little room for a checkpoint, as a limit on the size of files gives one; a full disk fails alike, in the
/// middle of writing.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_named_and_the_checkpoint_before_stays() {
    use std::process::Command;
    let folder = tempfile::tempdir().unwrap();
    let mut night = trainer(folder.path()).epochs(2);
    night.fit(&mut loader(2), loss).unwrap();
    drop(night);
    let before = fs::read(checkpoint(folder.path())).unwrap();
    let program = std::env::current_exe().unwrap();
    // 4 blocks of 1 KiB; the signal that would kill the process is ignored, so that writing fails.
    let script = "trap '' XFSZ; ulimit -f 4; exec \"$0\" faults::child --exact --nocapture";
    let output = Command::new("bash").args(["-c", script]).arg(program).env(FOLDER, folder.path()).output();
    let output = output.unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("checkpoint.safetensors: cannot write: File too large"), "{text}");
    assert_eq!(fs::read(checkpoint(folder.path())).unwrap(), before);
    assert!(fs::read_dir(folder.path()).unwrap().all(|entry| {
        let name = entry.unwrap().file_name();
        !name.to_string_lossy().ends_with(".tmp")
    }));
    goes_on(folder.path());
}

const FOLDER: &str = "GRADUS_OVERNIGHT_FULL";

#[test]
fn child() {
    let Some(folder) = std::env::var_os(FOLDER) else { return };
    let folder = Path::new(&folder);
    let mut rest = trainer(folder);
    rest.resume(checkpoint(folder)).unwrap();
    println!("{}", rest.fit(&mut loader(1), loss).unwrap_err());
}
