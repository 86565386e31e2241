//! Runs the same work on several threads at once and says what they did together in a second.

use std::sync::Barrier;
use std::time::{Duration, Instant};

/// How long one trial takes at least.
const TRIAL: Duration = Duration::from_millis(40);

/// The best of so many trials is the limit.
const TRIALS: usize = 5;

/// The most units of 10⁹ a second that `threads` threads reached together. Each makes its own data and calls `work` with
/// it and a number of rounds; `work` answers the units of that many.
pub fn best<D>(threads: usize, data: impl Fn() -> D + Sync, work: impl Fn(&mut D, usize) -> f64 + Sync) -> f64 {
    let rounds = calibrate(&mut data(), &work);
    let barrier = Barrier::new(threads);
    let run = || {
        let mut data = data();
        work(&mut data, 1);
        let mut rates = [0.0; TRIALS];
        for rate in &mut rates {
            barrier.wait();
            let start = Instant::now();
            let units = work(&mut data, rounds);
            // Whoever is late ends the trial for all.
            barrier.wait();
            *rate = 1e-9 * units / start.elapsed().as_secs_f64();
        }
        rates
    };
    let all: Vec<[f64; TRIALS]> = std::thread::scope(|scope| {
        let handles: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        handles.into_iter().filter_map(|handle| handle.join().ok()).collect()
    });
    (0..TRIALS).map(|trial| all.iter().map(|rates| rates[trial]).sum()).fold(0.0, f64::max)
}

/// Rounds that take a trial's time.
fn calibrate<D>(data: &mut D, work: &impl Fn(&mut D, usize) -> f64) -> usize {
    let mut rounds = 1;
    loop {
        let start = Instant::now();
        work(data, rounds);
        let time = start.elapsed();
        if time >= TRIAL / 4 {
            return (rounds as f64 * TRIAL.as_secs_f64() / time.as_secs_f64()).ceil() as usize;
        }
        rounds *= 2;
    }
}
