//! How two series of numbers go together: Pearson's correlation of the numbers, Spearman's of their ranks, and the median
//! of their distance. It must never know which of the two was predicted.

use gradus_tensor::{Float, Tensor};

use super::inputs::{numbers, same_shape};

/// Pearson's correlation Σ (x − x̄)(y − ȳ) / √(Σ (x − x̄)²·Σ (y − ȳ)²), streamed (SciPy: `pearsonr`).
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Pearson;
/// let mut pearson = Pearson::default();
/// pearson.update(&Tensor::from([1.0_f64, 2.0, 3.0]), &Tensor::from([-10.0, -20.0, -30.0]));
/// assert_eq!(pearson.value(), Some(-1.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pearson {
    count: u64,
    means: [f64; 2],
    squares: [f64; 2],
    products: f64,
}

impl Pearson {
    /// Adds a batch: two tensors of one shape, all of whose elements are pairs.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn update<T: Float>(&mut self, x: &Tensor<T>, y: &Tensor<T>) {
        same_shape("pearson", x.shape(), y.shape());
        numbers(x).into_iter().zip(numbers(y)).for_each(|(x, y)| self.add(x, y));
    }

    fn add(&mut self, x: f64, y: f64) {
        self.count += 1;
        let (dx, dy) = (x - self.means[0], y - self.means[1]);
        self.means[0] += dx / self.count as f64;
        self.means[1] += dy / self.count as f64;
        self.squares[0] += dx * (x - self.means[0]);
        self.squares[1] += dy * (y - self.means[1]);
        self.products += dx * (y - self.means[1]);
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Pearson;
    /// let (mut one, mut other) = (Pearson::default(), Pearson::default());
    /// one.update(&Tensor::from([1.0_f64, 2.0]), &Tensor::from([2.0, 4.0]));
    /// other.update(&Tensor::from([3.0_f64, 4.0]), &Tensor::from([6.0, 8.0]));
    /// one.merge(&other);
    /// assert_eq!(one.value(), Some(1.0));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        if other.count == 0 {
            return;
        }
        let (own, others) = (self.count as f64, other.count as f64);
        let all = own + others;
        let apart = [0, 1].map(|i| other.means[i] - self.means[i]);
        for i in [0, 1] {
            self.means[i] += apart[i] * others / all;
            self.squares[i] += other.squares[i] + apart[i] * apart[i] * own * others / all;
        }
        self.products += other.products + apart[0] * apart[1] * own * others / all;
        self.count += other.count;
    }

    /// The correlation, −1 to 1. `None` of nothing, or if one of the series is constant.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        let [x, y] = self.squares;
        // The root of the product is exact where both are alike, but it may overflow or vanish.
        let below = if (x * y).is_normal() { (x * y).sqrt() } else { x.sqrt() * y.sqrt() };
        // Rounding must not lead beyond ±1; a NaN is neither 0 nor clamped.
        (below != 0.0).then(|| (self.products / below).clamp(-1.0, 1.0))
    }
}

/// Spearman's correlation: Pearson's of the ranks, equal numbers having the mean of their ranks (SciPy: `spearmanr`).
/// Keeps all numbers, 16 bytes a pair.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Spearman;
/// let mut spearman = Spearman::default();
/// spearman.update(&Tensor::from([1.0_f64, 2.0, 3.0]), &Tensor::from([1.0, 10.0, 1000.0]));
/// assert_eq!(spearman.value(), Some(1.0)); // any increasing function
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Spearman {
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Spearman {
    /// Adds a batch: two tensors of one shape, all of whose elements are pairs.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn update<T: Float>(&mut self, x: &Tensor<T>, y: &Tensor<T>) {
        same_shape("spearman", x.shape(), y.shape());
        self.x.extend(numbers(x));
        self.y.extend(numbers(y));
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Spearman;
    /// let (mut one, mut other) = (Spearman::default(), Spearman::default());
    /// one.update(&Tensor::from([1.0_f64]), &Tensor::from([5.0]));
    /// assert_eq!(one.value(), None); // of one pair
    /// other.update(&Tensor::from([2.0_f64]), &Tensor::from([4.0]));
    /// one.merge(&other);
    /// assert_eq!(one.value(), Some(-1.0));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        self.x.extend(&other.x);
        self.y.extend(&other.y);
    }

    /// The correlation, −1 to 1. `None` of nothing, or if one of the series is constant; NaN if a number is.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        if self.x.iter().chain(&self.y).any(|x| x.is_nan()) {
            return Some(f64::NAN);
        }
        let mut pearson = Pearson::default();
        ranks(&self.x).into_iter().zip(ranks(&self.y)).for_each(|(x, y)| pearson.add(x, y));
        pearson.value()
    }
}

/// The rank of each number, from 0, equal ones having their mean.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut out = vec![0.0; values.len()];
    let mut first = 0;
    while first < order.len() {
        let value = values[order[first]];
        // Both zeros are equal and neighbours here.
        let equal = order[first..].iter().take_while(|&&i| values[i] == value).count();
        let rank = first as f64 + (equal - 1) as f64 / 2.0;
        order[first..first + equal].iter().for_each(|&i| out[i] = rank);
        first += equal;
    }
    out
}

/// The median of |t − p| (scikit-learn: `median_absolute_error`): what outliers do not move. Keeps all distances, 8 bytes
/// each; of an even number it is the mean of the middle two.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::MedianAbsoluteError;
/// let mut median = MedianAbsoluteError::default();
/// median.update(&Tensor::from([2.5_f64, 0.0, 2.0, 8.0]), &Tensor::from([3.0, -0.5, 2.0, 700.0]));
/// assert_eq!(median.value(), Some(0.5));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MedianAbsoluteError {
    distances: Vec<f64>,
}

impl MedianAbsoluteError {
    /// Adds a batch: predictions and targets of one shape, all of whose elements are pairs.
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn update<T: Float>(&mut self, predictions: &Tensor<T>, targets: &Tensor<T>) {
        same_shape("median_absolute_error", predictions.shape(), targets.shape());
        let pairs = numbers(predictions).into_iter().zip(numbers(targets));
        self.distances.extend(pairs.map(|(p, t)| (t - p).abs()));
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::MedianAbsoluteError;
    /// let (mut one, mut other) = (MedianAbsoluteError::default(), MedianAbsoluteError::default());
    /// one.update(&Tensor::from([1.0_f64]), &Tensor::from([0.0]));
    /// other.update(&Tensor::from([2.0_f64]), &Tensor::from([0.0]));
    /// one.merge(&other);
    /// assert_eq!(one.value(), Some(1.5));
    /// ```
    pub fn merge(&mut self, other: &Self) {
        self.distances.extend(&other.distances);
    }

    /// The median; `None` of nothing, NaN if a distance is.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        if self.distances.iter().any(|distance| distance.is_nan()) {
            return Some(f64::NAN);
        }
        let mut sorted = self.distances.clone();
        let middle = sorted.len() / 2;
        let (below, upper, _) =
            (!sorted.is_empty()).then(|| sorted.select_nth_unstable_by(middle, f64::total_cmp))?;
        let lower = below.iter().copied().max_by(f64::total_cmp);
        let is_odd = self.distances.len() % 2 == 1;
        Some(lower.filter(|_| !is_odd).map_or(*upper, |lower| f64::midpoint(lower, *upper)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_constants_and_nan() {
        let x = Tensor::from([1.0_f64, 2.0, 3.0]);
        for (y, want) in [([5.0; 3], None), ([1.0, f64::NAN, 2.0], Some(()))] {
            let (mut pearson, mut spearman) = (Pearson::default(), Spearman::default());
            assert_eq!((pearson.value(), spearman.value()), (None, None));
            pearson.update(&x, &Tensor::from(y));
            spearman.update(&x, &Tensor::from(y));
            for value in [pearson.value(), spearman.value()] {
                assert_eq!(value.map(|value| assert!(value.is_nan())), want);
            }
        }
        let mut median = MedianAbsoluteError::default();
        assert_eq!(median.value(), None);
        median.update(&x, &Tensor::from([1.0, f64::NAN, f64::INFINITY]));
        assert!(median.value().unwrap().is_nan());
    }

    #[test]
    fn equal_numbers_share_their_ranks() {
        assert_eq!(ranks(&[3.0, 0.0, 3.0, -0.0, 3.0, f64::NEG_INFINITY]), [4.0, 1.5, 4.0, 1.5, 4.0, 0.0]);
    }

    #[test]
    #[should_panic(expected = "spearman: shapes differ: [2] and [2, 1]")]
    fn refuses_silent_broadcasting() {
        Spearman::default().update(&Tensor::<f32>::zeros([2]), &Tensor::<f32>::zeros([2, 1]));
    }
}
