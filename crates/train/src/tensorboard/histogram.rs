//! Histograms as TensorBoard stores them: counts between limits that grow by a tenth each, on both sides of zero, so that
//! values of any size keep their shape. It must never know what the values are of.

use std::sync::OnceLock;

use super::message::Message;

/// The smallest limit above zero, and the first that is too large.
const LIMITS: (f64, f64) = (1e-12, 1e20);
/// How much larger each limit is than the one before.
const GROWTH: f64 = 1.1;

/// All upper limits, from −(largest double) over 0 to the largest double (TensorFlow: `InitDefaultBucketsInner`).
fn limits() -> &'static [f64] {
    static ALL: OnceLock<Vec<f64>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut above: Vec<f64> = std::iter::successors(Some(LIMITS.0), |x| Some(x * GROWTH))
            .take_while(|x| *x < LIMITS.1)
            .collect();
        above.push(f64::MAX);
        above.iter().rev().map(|x| -x).chain([0.0]).chain(above.iter().copied()).collect()
    })
}

/// What is known of a set of numbers without keeping them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Histogram {
    low: f64,
    high: f64,
    count: u64,
    sum: f64,
    squares: f64,
    buckets: Vec<u64>,
}

impl Histogram {
    /// Of the finite values among these; `None` if there are none.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut own = Self {
            low: f64::INFINITY,
            high: f64::NEG_INFINITY,
            count: 0,
            sum: 0.0,
            squares: 0.0,
            buckets: vec![0; limits().len()],
        };
        for &x in values.iter().filter(|x| x.is_finite()) {
            own.low = own.low.min(x);
            own.high = own.high.max(x);
            own.count += 1;
            own.sum += x;
            own.squares += x * x;
            // A limit belongs to the bucket above it; the last one takes what is as large as it.
            let place = limits().partition_point(|limit| *limit <= x);
            own.buckets[place.min(limits().len() - 1)] += 1;
        }
        (own.count > 0).then_some(own)
    }

    /// TensorFlow's `HistogramProto`. Empty buckets in a row become one.
    pub(super) fn to_message(&self) -> Message {
        let (mut ends, mut counts): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        for (&end, &count) in limits().iter().zip(&self.buckets) {
            match (counts.last(), ends.last_mut()) {
                (Some(&before), Some(last)) if before == 0.0 && count == 0 => *last = end,
                _ => {
                    ends.push(end);
                    counts.push(count as f64);
                }
            }
        }
        Message::new()
            .double(1, self.low)
            .double(2, self.high)
            .double(3, self.count as f64)
            .double(4, self.sum)
            .double(5, self.squares)
            .doubles(6, &ends)
            .doubles(7, &counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_rise_and_are_the_same_on_both_sides() {
        let limits = limits();
        assert!(limits.windows(2).all(|pair| pair[0] < pair[1]));
        assert!(limits.iter().zip(limits.iter().rev()).all(|(a, b)| *a == -b));
        assert_eq!((limits[limits.len() / 2], limits[limits.len() / 2 + 1]), (0.0, 1e-12));
        assert_eq!(limits.len(), 1549 + 2); // PyTorch's count, which has no largest doubles at its ends
    }

    #[test]
    fn every_finite_value_is_between_its_limits() {
        let values = [0.0, -0.0, 1.0, -1.0, 1e-13, -1e-13, 1e30, -1e30, f64::MAX, -f64::MAX, 1e-12, 0.3];
        for x in values {
            let own = Histogram::of(&[x]).unwrap();
            let place = own.buckets.iter().position(|&count| count == 1).unwrap();
            let below = place.checked_sub(1).map_or(f64::NEG_INFINITY, |i| limits()[i]);
            assert!(below <= x && x <= limits()[place], "{x}: {below} to {}", limits()[place]);
        }
    }

    #[test]
    fn what_is_not_finite_is_left_out() {
        let own = Histogram::of(&[f64::NAN, 2.0, f64::INFINITY, 1.0, f64::NEG_INFINITY]).unwrap();
        assert_eq!((own.low, own.high, own.count, own.sum, own.squares), (1.0, 2.0, 2, 3.0, 5.0));
        assert_eq!((Histogram::of(&[]), Histogram::of(&[f64::NAN])), (None, None));
    }
}
