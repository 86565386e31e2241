//! `kill -9` at random moments, in the middle of writing checkpoints too: a run that is resumed each time ends byte for byte as one
//! that nobody killed. The killed process is this very program, told by a variable what to do.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use gradus_optimizers::Adam;
use gradus_tensor::Rng;
use gradus_train::{Averaging, BestCheckpoint, Goal, MetricsFile, Trainer};

use crate::models::Cnn;
use crate::{checkpoint, loader, loss, soak};

const FOLDER: &str = "GRADUS_OVERNIGHT_FOLDER";
const EPOCHS: usize = 30;

/// Kills of the short form; with the soak's factor of 20 they are 200.
const KILLS: usize = 10;

/// Trains in `folder`, from the last checkpoint if there is one; a checkpoint after every step.
fn train(folder: &Path) {
    let path = checkpoint(folder);
    let mut trainer = Trainer::new(Cnn::new(), Adam::new(3e-3))
        .epochs(EPOCHS)
        .rng(Rng::seed(9))
        .averaging(Averaging::exponential(0.9))
        .validate(loader(0), loss)
        .callback(BestCheckpoint::new(folder.join("best.safetensors"), "validation_loss", Goal::Min))
        .callback(MetricsFile::new(folder.join("metrics.jsonl")))
        .checkpoint(&path)
        .keep(3)
        .checkpoint_every(1);
    if path.exists() {
        let resumed = trainer.resume(&path).unwrap();
        // Nothing tears a file that is renamed into its place: the newest is always whole.
        assert_eq!(resumed.warning, None);
    }
    trainer.fit(&mut loader(3), loss).unwrap();
    gradus_io::save(trainer.model(), folder.join("model.safetensors")).unwrap();
}

/// What a killed process runs.
#[test]
fn child() {
    if let Some(folder) = std::env::var_os(FOLDER) {
        train(Path::new(&folder));
    }
}

fn start(folder: &Path) -> std::process::Child {
    let program = std::env::current_exe().unwrap();
    let arguments = ["kills::child", "--exact", "--nocapture"];
    let mut command = Command::new(program);
    command.args(arguments).env(FOLDER, folder).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// What must be equal in the end; a line of metrics but for its seconds.
fn remains(folder: &Path) -> (Vec<u8>, Vec<u8>, Vec<String>) {
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let metrics = String::from_utf8(read("metrics.jsonl")).unwrap();
    let lines = metrics.lines().map(|line| line.split(",\"seconds\"").next().unwrap().to_owned());
    (read("model.safetensors"), read("best.safetensors"), lines.collect())
}

#[test]
fn killed_again_and_again_it_ends_as_if_nobody_had() {
    let (quiet, night) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let began = std::time::Instant::now();
    assert!(start(quiet.path()).wait().unwrap().success());
    let whole = began.elapsed();
    let kills = KILLS * soak();
    let mut rng = Rng::seed(std::process::id().into());
    let (mut killed, mut ended) = (0, 0);
    while killed < kills {
        let mut child = start(night.path());
        // Somewhere in the first three fifths of the time that a whole run takes.
        let share = rng.next_u64() as f64 / u64::MAX as f64;
        std::thread::sleep(Duration::from_secs_f64(whole.as_secs_f64() * share * 0.6));
        match child.try_wait().unwrap() {
            None => {
                child.kill().unwrap();
                _ = child.wait();
                killed += 1;
            }
            Some(status) => {
                let output = child.wait_with_output().unwrap();
                assert!(status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                assert!(remains(night.path()) == remains(quiet.path()), "run {ended} after {killed} kills");
                ended += 1;
                fs::remove_dir_all(night.path()).unwrap();
                fs::create_dir(night.path()).unwrap();
            }
        }
    }
    let output = start(night.path()).wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(remains(night.path()) == remains(quiet.path()), "after {killed} kills");
    println!("{killed} kills, {} runs ended byte for byte as the quiet one", ended + 1);
}
