//! `limits N`: what the machine can do at most, on one thread and on N: fused multiply-adds and memory traffic.
//!
//! It exists so that a rate is set against the limit of the machine and the run that it was measured in. It is built with
//! `-C target-cpu=native`, so that its plain loops use what the machine has. It must never know Gradus.

mod arithmetic;
mod memory;
mod threads;

use threads::best;

/// Bytes of each of the three arrays of a triad: within the second-level cache, within the third, beyond both.
const SIZES: [(&str, usize); 3] = [("l2", 256 << 10), ("l3", 6 << 20), ("dram", 192 << 20)];

fn main() {
    let most = std::env::args().nth(1).and_then(|n| n.parse().ok()).filter(|&n| n > 0).unwrap_or(1);
    let counts = if most == 1 { vec![1] } else { vec![1, most] };
    for &n in &counts {
        println!("fma_f32_{n}\t{:.1}\tGFLOP/s", best(n, || (), |(), rounds| arithmetic::f32(rounds)));
        if arithmetic::bf16(1).is_some() {
            let bf16 = best(n, || (), |(), rounds| arithmetic::bf16(rounds).unwrap_or_default());
            println!("fma_bf16_{n}\t{bf16:.1}\tGFLOP/s");
        }
    }
    for (name, bytes) in SIZES {
        for &n in &counts {
            // What all threads touch together has that size, except in the cache that each has for itself.
            let share = if name == "l2" { bytes } else { bytes / n };
            let triad = best(n, || memory::Arrays::new(share), memory::Arrays::triad);
            let read = best(n, || memory::Arrays::new(share), memory::Arrays::read);
            println!("triad_{name}_{n}\t{triad:.1}\tGB/s\nread_{name}_{n}\t{read:.1}\tGB/s");
        }
    }
}
