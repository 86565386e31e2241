//! Traffic: a triad (two arrays read, one written) and a sum (one read).

use std::hint::black_box;

/// Sums that are kept beside each other, so that adding is never what takes the time.
const LANES: usize = 64;

/// Three arrays of one length.
pub struct Arrays {
    out: Vec<f32>,
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Arrays {
    /// `bytes` in each.
    pub fn new(bytes: usize) -> Self {
        let length = (bytes / size_of::<f32>()).next_multiple_of(LANES);
        Self { out: vec![0.0; length], left: vec![1.0; length], right: vec![2.0; length] }
    }

    /// out = left + 3·right so many times; answers the bytes that were read and written.
    pub fn triad(&mut self, rounds: usize) -> f64 {
        for _ in 0..rounds {
            for ((out, left), right) in self.out.iter_mut().zip(&self.left).zip(&self.right) {
                *out = right.mul_add(3.0, *left);
            }
            black_box(&mut self.out);
        }
        (rounds * 3 * self.out.len() * size_of::<f32>()) as f64
    }

    /// The sum of one array so many times; answers the bytes that were read.
    pub fn read(&mut self, rounds: usize) -> f64 {
        for _ in 0..rounds {
            let mut sums = [0.0_f32; LANES];
            for block in self.left.as_chunks::<LANES>().0 {
                for (sum, x) in sums.iter_mut().zip(block) {
                    *sum += x;
                }
            }
            black_box(sums);
            black_box(&mut self.left);
        }
        (rounds * self.left.len() * size_of::<f32>()) as f64
    }
}
