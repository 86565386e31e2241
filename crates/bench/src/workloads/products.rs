//! Matrix products in single precision: square ones, those of a small network, of decoding, of attention.
//!
//! `nt`: the second operand is stored transposed, as PyTorch stores weights; `tn`: the first one is, as in a weight's
//! gradient.

use gradus::prelude::*;

use crate::workload::{Entry, Repeat, Started, Work};

/// Which operand is stored transposed.
#[derive(Clone, Copy)]
enum Stored {
    Nn,
    Nt,
    Tn,
}

/// C = A·B, [M, K]·[K, N] → [M, N].
fn product([m, k, n]: [usize; 3], stored: Stored) -> Started {
    let mut rng = Rng::seed(1);
    let mut draw = |rows, columns| Tensor::<f32>::uniform([rows, columns], -1.0, 1.0, &mut rng);
    let work = Work::Flops(2.0 * (m * k * n) as f64);
    match stored {
        Stored::Nn => {
            let (a, b) = (draw(m, k), draw(k, n));
            Repeat::start(work, move || a.matmul(&b))
        }
        Stored::Nt => {
            let (a, b) = (draw(m, k), draw(n, k));
            Repeat::start(work, move || a.matmul(&b.t()))
        }
        Stored::Tn => {
            let (a, b) = (draw(k, m), draw(k, n));
            Repeat::start(work, move || a.t().matmul(&b))
        }
    }
}

pub(super) const ENTRIES: &[Entry] = &[
    Entry { name: "sgemm_128", start: || product([128; 3], Stored::Nn) },
    Entry { name: "sgemm_256", start: || product([256; 3], Stored::Nn) },
    Entry { name: "sgemm_512", start: || product([512; 3], Stored::Nn) },
    Entry { name: "sgemm_512_nt", start: || product([512; 3], Stored::Nt) },
    Entry { name: "sgemm_512_tn", start: || product([512; 3], Stored::Tn) },
    Entry { name: "sgemm_1024", start: || product([1024; 3], Stored::Nn) },
    Entry { name: "sgemm_2048", start: || product([2048; 3], Stored::Nn) },
    Entry { name: "sgemm_64x784x512", start: || product([64, 784, 512], Stored::Nn) },
    Entry { name: "sgemm_1x4096x4096", start: || product([1, 4096, 4096], Stored::Nn) },
    Entry { name: "sgemm_1x4096x4096_nt", start: || product([1, 4096, 4096], Stored::Nt) },
    Entry { name: "sgemm_1024x64x1024", start: || product([1024, 64, 1024], Stored::Nn) },
];
