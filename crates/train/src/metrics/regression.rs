//! How far predicted numbers are from true ones: R², mean absolute and root mean squared error.

use gradus_tensor::{Float, Tensor};

/// Running sums of one output column. The targets' spread is kept by Welford's update, which does not cancel.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Column {
    count: u64,
    mean: f64,
    spread: f64,
    squared: f64,
    absolute: f64,
}

impl Column {
    fn update(&mut self, prediction: f64, target: f64) {
        self.count += 1;
        let deviation = target - self.mean;
        self.mean += deviation / self.count as f64;
        self.spread += deviation * (target - self.mean);
        self.squared += (target - prediction).powi(2);
        self.absolute += (target - prediction).abs();
    }

    fn r2(&self) -> f64 {
        match (self.spread == 0.0, self.squared == 0.0) {
            (false, _) => 1.0 - self.squared / self.spread,
            (true, true) => 1.0,
            (true, false) => 0.0,
        }
    }
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
        let (a, b) = (predictions.shape(), targets.shape());
        assert!(a == b, "regression: shapes differ: {a} and {b}");
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

    fn mean(&self, f: impl Fn(&Column) -> f64) -> Option<f64> {
        let full = self.columns.first().is_some_and(|c| c.count > 0);
        full.then(|| self.columns.iter().map(f).sum::<f64>() / self.columns.len() as f64)
    }

    /// R² = 1 − Σ(t − p)² / Σ(t − t̄)², averaged over the D outputs (scikit-learn: `r2_score`). Targets that are all
    /// alike give 1 if met exactly, else 0. `None` of nothing.
    #[must_use]
    pub fn r2(&self) -> Option<f64> {
        self.mean(Column::r2)
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
