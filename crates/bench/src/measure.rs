//! Repeats a workload and says how long a repetition took.

use std::time::{Duration, Instant};

use crate::memory::peak_megabytes;
use crate::workload::{Failure, Work, Workload};

/// Repetitions are kept up to this number; more tell nothing new.
const MOST: usize = 100_000;

/// What repeating a workload showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// The median of all repetitions.
    pub median: Duration,
    /// The quickest.
    pub minimum: Duration,
    /// How many were timed.
    pub repetitions: usize,
    /// The work of each.
    pub work: Work,
}

/// A warm-up (one repetition, or a tenth of the time), then as many repetitions as fit into `time`, at least one.
///
/// # Errors
/// Those of the workload.
pub fn measure(workload: &mut dyn Workload, time: Duration) -> Result<Measurement, Failure> {
    let start = Instant::now();
    loop {
        workload.prepare();
        workload.run()?;
        if start.elapsed() >= time / 10 {
            break;
        }
    }
    let start = Instant::now();
    let mut times = Vec::new();
    while times.is_empty() || (start.elapsed() < time && times.len() < MOST) {
        workload.prepare();
        let begin = Instant::now();
        workload.run()?;
        times.push(begin.elapsed());
    }
    Ok(Measurement::of(&mut times, workload.work()))
}

impl Measurement {
    /// `times` in any order; at least one.
    fn of(times: &mut [Duration], work: Work) -> Self {
        times.sort_unstable();
        let (middle, odd) = (times.len() / 2, times.len() % 2 == 1);
        let median = if odd { times[middle] } else { (times[middle - 1] + times[middle]) / 2 };
        Self { median, minimum: times[0], repetitions: times.len(), work }
    }

    /// The line that every runner answers: `workload<TAB>median<TAB>minimum<TAB>extra`, times in milliseconds, extra
    /// facts as `key=value`, parted by spaces.
    #[must_use]
    pub fn line(&self, name: &str) -> String {
        let milliseconds = |time: Duration| 1e3 * time.as_secs_f64();
        let mut extra = format!("n={}", self.repetitions);
        let seconds = self.median.as_secs_f64();
        match self.work {
            Work::Step => {}
            Work::Flops(flops) => extra += &format!(" gflops={:.1}", 1e-9 * flops / seconds),
            Work::Bytes(bytes) => extra += &format!(" gbs={:.1}", 1e-9 * bytes / seconds),
        }
        if let Some(peak) = peak_megabytes() {
            extra += &format!(" peak_mb={peak:.1}");
        }
        format!("{name}\t{:.6}\t{:.6}\t{extra}", milliseconds(self.median), milliseconds(self.minimum))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Repeat;

    #[test]
    fn a_workload_runs_once_more_than_it_is_timed() {
        let runs = std::rc::Rc::new(std::cell::Cell::new(0));
        let count = runs.clone();
        let mut workload = Repeat::new(Work::Step, move || count.set(count.get() + 1));
        assert_eq!(measure(&mut workload, Duration::ZERO).unwrap().repetitions, 1);
        assert_eq!(runs.get(), 2);
    }

    #[test]
    fn the_line_holds_median_minimum_and_rate() {
        let mut times = [4, 1, 2, 3].map(Duration::from_millis);
        let line = Measurement::of(&mut times, Work::Flops(5e6)).line("product");
        assert!(line.starts_with("product\t2.500000\t1.000000\tn=4 gflops=2.0"), "{line}");
        let mut times = [3, 1, 2].map(Duration::from_millis);
        let line = Measurement::of(&mut times, Work::Bytes(4e6)).line("sum");
        assert!(line.starts_with("sum\t2.000000\t1.000000\tn=3 gbs=2.0"), "{line}");
    }
}
