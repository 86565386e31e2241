//! Pseudo-random numbers for tests, the same for the same seed on every machine, and values with room between them.

use std::ops::Range;

use crate::dense::Dense;

/// Pseudo-random numbers (splitmix64), independent of the library's own generator.
#[derive(Clone, Debug)]
pub struct Noise(u64);

impl Noise {
    /// The sequence of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ 0x5851_F42D_4C95_7F2D)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number of 0 ≤ x < 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// An integer of 0 ≤ i < `n`, 0 if `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        (self.unit() * n as f64) as usize
    }

    /// 0, 1, …, n − 1 in some order.
    pub fn order(&mut self, n: usize) -> Vec<usize> {
        let mut out: Vec<usize> = (0..n).collect();
        for i in (1..n).rev() {
            out.swap(i, self.below(i + 1));
        }
        out
    }
}

/// How near to a kink a drawn value may lie: far enough for a central difference not to step across.
const MARGIN: f64 = 0.02;

/// Values all over `domain` in no order, none near another (so that a largest element is clear of the second largest),
/// none near one of the `kinks`.
#[must_use]
pub fn distinct(shape: &[usize], domain: Range<f64>, kinks: &[f64], noise: &mut Noise) -> Dense {
    let count: usize = shape.iter().product();
    let mut cells = noise.order(count).into_iter();
    let width = (domain.end - domain.start) / count.max(1) as f64;
    Dense::from_fn(shape, |_| {
        let cell = cells.next().unwrap_or(0) as f64;
        let value = domain.start + width * (cell + 0.15 + 0.7 * noise.unit());
        kinks.iter().fold(value, |value, &kink| match value - kink {
            off if off.abs() < MARGIN => {
                kink + if off < 0.0 { -MARGIN } else { MARGIN } * (1.0 + noise.unit())
            }
            _ => value,
        })
    })
}
