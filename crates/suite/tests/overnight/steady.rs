//! Thousands of steps: memory, threads and open files stay where they are after the warm-up.

use std::fs;

use gradus_optimizers::Adam;
use gradus_train::{Averaging, Callback, Flow, MetricsFile, Run, StepRecord, TrainError, Trainer};

use crate::models::Cnn;
use crate::{checkpoint, loader, loss, pictures, soak};

/// Epochs of 1,000 steps; with the soak's factor of 20 they make 40,000 steps.
const EPOCHS: usize = 2;

/// Steps between two looks.
const EVERY: u64 = 100;

/// What the process holds.
#[derive(Clone, Copy, Debug)]
struct Held {
    resident: usize,
    threads: usize,
    files: usize,
}

fn held() -> Option<Held> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let number = |name: &str| -> Option<usize> {
        let line = status.lines().find(|line| line.starts_with(name))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    let files = fs::read_dir("/proc/self/fd").ok()?.count();
    Some(Held { resident: number("VmRSS:")?, threads: number("Threads:")?, files })
}

struct Watch<'w>(&'w mut Vec<Held>);

impl Callback for Watch<'_> {
    fn name(&self) -> &str {
        "watch"
    }
    fn on_step(&mut self, run: &Run<'_>, _: &StepRecord) -> Result<Flow, TrainError> {
        if run.step.is_multiple_of(EVERY) {
            self.0.extend(held());
        }
        Ok(Flow::Continue)
    }
}

/// The training alone: other tests of this program would be measured too.
#[test]
fn child() {
    if std::env::var_os(ALONE).is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut seen = Vec::new();
    let epochs = EPOCHS * soak();
    let mut trainer = Trainer::new(Cnn::new(), Adam::new(1e-3))
        .epochs(epochs)
        .averaging(Averaging::exponential(0.99))
        .validate(loader(0), loss)
        .callback(MetricsFile::new(folder.path().join("metrics.jsonl")))
        .callback(Watch(&mut seen))
        .checkpoint(checkpoint(folder.path()));
    trainer.fit(&mut pictures(6000, 3), loss).unwrap();
    let steps = trainer.step();
    drop(trainer);
    let quarter = seen.len() / 4;
    let (Some(warm), Some(last)) = (seen.get(quarter), seen.last()) else { return };
    let most = seen[quarter..].iter().map(|held| held.resident).max().unwrap_or(0);
    println!("{steps} steps: {warm:?} after a quarter, {last:?} at the end, at most {most} KiB");
    // The short form has hardly warmed up after a quarter.
    let slack = if soak() > 1 { 1.01 } else { 1.1 };
    assert!(most as f64 <= slack * warm.resident as f64, "{warm:?} grew to {most} KiB");
    assert_eq!((last.threads, last.files), (warm.threads, warm.files));
}

const ALONE: &str = "GRADUS_OVERNIGHT_ALONE";

#[test]
fn memory_threads_and_files_stay_flat() {
    let program = std::env::current_exe().unwrap();
    let arguments = ["steady::child", "--exact", "--nocapture"];
    let output = std::process::Command::new(program).args(arguments).env(ALONE, "1").output().unwrap();
    print!("{}", String::from_utf8_lossy(&output.stdout));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
