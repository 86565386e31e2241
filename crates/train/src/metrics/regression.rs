//! How far predicted numbers are from true ones: R², explained variance, absolute, squared and relative errors. It must
//! never know what the numbers are of.

use gradus_tensor::{Float, Tensor};

use super::inputs::same_shape;

/// What a relative error is divided by at least, so that it stays finite (scikit-learn: the machine epsilon).
const LEAST: f64 = f64::EPSILON;

/// Running mean and Σ (x − mean)², by Welford's update, which does not cancel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Spread {
    mean: f64,
    squares: f64,
}

impl Spread {
    /// Adds the number that makes them `count`.
    fn update(&mut self, x: f64, count: u64) {
        let deviation = x - self.mean;
        self.mean += deviation / count as f64;
        self.squares += deviation * (x - self.mean);
    }

    /// Adds what another has seen (Chan, Golub and LeVeque 1983).
    fn merge(&mut self, own: u64, other: &Self, others: u64) {
        if others == 0 {
            return;
        }
        let (own, others) = (own as f64, others as f64);
        let (all, apart) = (own + others, other.mean - self.mean);
        self.mean += apart * others / all;
        self.squares += other.squares + apart * apart * own * others / all;
    }
}

/// Running sums of one output column.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Column {
    count: u64,
    targets: Spread,
    errors: Spread,
    squared: f64,
    absolute: f64,
    relative: f64,
    largest: f64,
}

impl Column {
    fn update(&mut self, prediction: f64, target: f64) {
        let error = target - prediction;
        self.count += 1;
        self.targets.update(target, self.count);
        self.errors.update(error, self.count);
        self.squared += error.powi(2);
        self.absolute += error.abs();
        self.relative += error.abs() / target.abs().max(LEAST);
        self.largest = larger(self.largest, error.abs());
    }

    fn merge(&mut self, other: &Self) {
        self.targets.merge(self.count, &other.targets, other.count);
        self.errors.merge(self.count, &other.errors, other.count);
        self.count += other.count;
        self.squared += other.squared;
        self.absolute += other.absolute;
        self.relative += other.relative;
        self.largest = larger(self.largest, other.largest);
    }

    /// 1 − left/spread, as scikit-learn has it where the spread is 0.
    fn explained(&self, left: f64) -> f64 {
        match (self.targets.squares == 0.0, left == 0.0) {
            (false, _) => 1.0 - left / self.targets.squares,
            (true, true) => 1.0,
            (true, false) => 0.0,
        }
    }
}

/// The larger of two, NaN if one is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || a > b { a } else { b }
}

/// Errors of predictions `[N]` or `[N, D]`, streamed.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Regression;
/// let mut errors = Regression::default();
/// errors.update(&Tensor::from([2.5_f64, 0.0, 2.0, 8.0]), &Tensor::from([3.0, -0.5, 2.0, 7.0]));
/// assert_eq!(errors.mae(), Some(0.5));
/// assert!((errors.r2().unwrap() - 0.9486).abs() < 1e-4);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Regression {
    columns: Vec<Column>,
}

impl Regression {
    /// Adds a batch of predictions and targets, both `[N]` or both `[N, D]`.
    ///
    /// # Panics
    /// If the shapes differ, there are other than one or two axes, or D changes between batches.
    #[track_caller]
    pub fn update<T: Float>(&mut self, predictions: &Tensor<T>, targets: &Tensor<T>) {
        let a = predictions.shape();
        same_shape("regression", a, targets.shape());
        assert!(matches!(a.len(), 1 | 2), "regression: not [N] or [N, D]: {a} ({} axes)", a.len());
        let width = if a.len() == 2 { a[1] } else { 1 };
        if self.columns.is_empty() {
            self.columns = vec![Column::default(); width];
        }
        let have = self.columns.len();
        assert!(have == width, "regression: number of outputs changed: {a} after {have} ({have} ≠ {width})");
        for (i, (p, t)) in predictions.to_vec().into_iter().zip(targets.to_vec()).enumerate() {
            self.columns[i % width].update(p.as_f64(), t.as_f64());
        }
    }

    /// Adds what another measure has seen.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Regression;
    /// let (mut one, mut other) = (Regression::default(), Regression::default());
    /// one.update(&Tensor::from([1.0_f64, 2.0]), &Tensor::from([1.0, 3.0]));
    /// other.update(&Tensor::from([4.0_f64]), &Tensor::from([5.0]));
    /// one.merge(&other);
    /// assert_eq!((one.mae(), one.r2()), (Some(2.0 / 3.0), Some(0.75)));
    /// ```
    ///
    /// # Panics
    /// If it has another number of outputs.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        if other.columns.is_empty() {
            return;
        }
        if self.columns.is_empty() {
            self.columns = vec![Column::default(); other.columns.len()];
        }
        let (a, b) = (self.columns.len(), other.columns.len());
        assert!(a == b, "regression: merge: number of outputs differs: {a} and {b}");
        self.columns.iter_mut().zip(&other.columns).for_each(|(own, other)| own.merge(other));
    }

    fn mean(&self, f: impl Fn(&Column) -> f64) -> Option<f64> {
        let full = self.columns.first().is_some_and(|c| c.count > 0);
        full.then(|| self.columns.iter().map(f).sum::<f64>() / self.columns.len() as f64)
    }

    /// R² = 1 − Σ(t − p)² / Σ(t − t̄)², averaged over the D outputs (scikit-learn: `r2_score`). Targets that are all
    /// alike give 1 if met exactly, else 0. `None` of nothing.
    #[must_use]
    pub fn r2(&self) -> Option<f64> {
        self.mean(|c| c.explained(c.squared))
    }

    /// Mean absolute error (scikit-learn: `mean_absolute_error`). `None` of nothing.
    #[must_use]
    pub fn mae(&self) -> Option<f64> {
        self.mean(|c| c.absolute / c.count as f64)
    }

    /// Mean squared error (scikit-learn: `mean_squared_error`). `None` of nothing.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Regression;
    /// let mut errors = Regression::default();
    /// errors.update(&Tensor::from([1.0_f32, 2.0]), &Tensor::from([1.0, 6.0]));
    /// assert_eq!((errors.mse(), errors.rmse(), errors.count()), (Some(8.0), Some(8.0_f64.sqrt()), 2));
    /// ```
    #[must_use]
    pub fn mse(&self) -> Option<f64> {
        self.mean(|c| c.squared / c.count as f64)
    }

    /// The root of [`Regression::mse`], taken over all outputs together. `None` of nothing.
    #[must_use]
    pub fn rmse(&self) -> Option<f64> {
        self.mse().map(f64::sqrt)
    }

    /// 1 − Var(t − p) / Var(t), averaged over the D outputs: R² but for a constant offset (scikit-learn:
    /// `explained_variance_score`). Targets that are all alike give 1 if the errors are too, else 0. `None` of nothing.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Regression;
    /// let mut errors = Regression::default();
    /// errors.update(&Tensor::from([2.0_f64, 3.0, 6.0]), &Tensor::from([1.0, 2.0, 5.0]));
    /// assert_eq!((errors.explained_variance(), errors.mape(), errors.largest()), (Some(1.0), Some(1.7 / 3.0), Some(1.0)));
    /// ```
    #[must_use]
    pub fn explained_variance(&self) -> Option<f64> {
        self.mean(|c| c.explained(c.errors.squares))
    }

    /// Mean absolute relative error, |t − p| / max(|t|, ε) with the machine epsilon of `f64`: 0.1 for 10 %
    /// (scikit-learn: `mean_absolute_percentage_error`). Huge where a target is 0. `None` of nothing.
    #[must_use]
    pub fn mape(&self) -> Option<f64> {
        self.mean(|c| c.relative / c.count as f64)
    }

    /// The largest absolute error of an output, averaged over the D outputs (scikit-learn: `max_error`). `None` of
    /// nothing.
    #[must_use]
    pub fn largest(&self) -> Option<f64> {
        self.mean(|c| c.largest)
    }

    /// The number of examples.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.columns.first().map_or(0, |c| c.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(predictions: Tensor<f64>, targets: Tensor<f64>) -> Regression {
        let mut errors = Regression::default();
        errors.update(&predictions, &targets);
        errors
    }

    #[test]
    fn agrees_with_scikit_learn() {
        // The examples of scikit-learn's own documentation of r2_score, mean_absolute_error, mean_squared_error.
        let errors = of([2.5, 0.0, 2.0, 8.0].into(), [3.0, -0.5, 2.0, 7.0].into());
        assert!((errors.r2().unwrap() - 0.948_608_137_044_967).abs() < 1e-12);
        assert_eq!((errors.mae(), errors.mse()), (Some(0.5), Some(0.375)));
        assert_eq!(errors.rmse(), Some(0.375_f64.sqrt()));
        let errors =
            of([[0.0, 2.0], [-1.0, 2.0], [8.0, -5.0]].into(), [[0.5, 1.0], [-1.0, 1.0], [7.0, -6.0]].into());
        assert!((errors.r2().unwrap() - 0.936_800_526_662_278_3).abs() < 1e-12);
        assert_eq!(errors.mae(), Some(0.75));
        assert!((errors.mse().unwrap() - 0.708_333_333_333_333_3).abs() < 1e-15);
    }

    #[test]
    fn batches_give_what_one_batch_gives_also_far_from_nought() {
        let targets: Vec<f64> = (0..100).map(|i| 1e9 + f64::from(i % 7)).collect();
        let predictions: Vec<f64> =
            targets.iter().enumerate().map(|(i, t)| t + (i % 3) as f64 * 0.5).collect();
        let mean = targets.iter().map(|t| t - 1e9).sum::<f64>() / 100.0;
        let total: f64 = targets.iter().map(|t| (t - 1e9 - mean).powi(2)).sum();
        let left: f64 = targets.iter().zip(&predictions).map(|(t, p)| (t - p).powi(2)).sum();
        let mut errors = Regression::default();
        for (p, t) in predictions.chunks(30).zip(targets.chunks(30)) {
            errors.update(&Tensor::from(p), &Tensor::from(t));
        }
        assert_eq!(errors.count(), 100);
        assert!((errors.r2().unwrap() - (1.0 - left / total)).abs() < 1e-6);
    }

    #[test]
    fn constant_targets_and_nothing() {
        assert_eq!(Regression::default().r2(), None);
        assert_eq!(of([2.0, 2.0].into(), [2.0, 2.0].into()).r2(), Some(1.0));
        assert_eq!(of([2.0, 3.0].into(), [2.0, 2.0].into()).r2(), Some(0.0));
    }

    #[test]
    #[should_panic(expected = "regression: shapes differ: [2] and [2, 1]")]
    fn refuses_silent_broadcasting() {
        Regression::default().update(&Tensor::<f32>::zeros([2]), &Tensor::<f32>::zeros([2, 1]));
    }
}
