//! Random programs of views, see `gradus_suite::views`. `GRADUS_FUZZ_SECONDS=600 cargo test -p gradus-suite --test views`
//! goes on for so long, from a seed that it prints.

use std::time::{Duration, Instant, SystemTime};

use gradus_suite::views::run;
use gradus_tensor::Rng;

/// Runs one program and says which it was if it fails.
fn try_program(seed: u64) {
    let mut rng = Rng::seed(seed);
    let length = 4 + (rng.next_u64() % 60) as usize;
    let program: Vec<u8> = (0..length).map(|_| (rng.next_u64() >> 56) as u8).collect();
    if let Err(panic) = std::panic::catch_unwind(|| run(&program)) {
        eprintln!("the program of seed {seed} fails: {program:?}");
        std::panic::resume_unwind(panic);
    }
}

#[test]
fn programs_of_views_show_what_the_model_shows() {
    (0..3000).for_each(try_program);
    let seconds =
        std::env::var("GRADUS_FUZZ_SECONDS").ok().map(|text| text.parse().expect("a number of seconds"));
    let Some(limit) = seconds.map(Duration::from_secs) else { return };
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock past 1970");
    let first = now.as_secs() << 24;
    eprintln!("programs from seed {first} on");
    let (start, mut seed) = (Instant::now(), first);
    while start.elapsed() < limit {
        (seed..seed + 100).for_each(try_program);
        seed += 100;
    }
    eprintln!("{} programs", seed - first);
}
