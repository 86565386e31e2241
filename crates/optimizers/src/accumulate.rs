//! Accumulation: one step from the gradients of several batches. It knows no optimizer.

use gradus_autodiff::Gradients;
use gradus_tensor::Float;

/// Collects gradients and hands out their mean when there are enough: a large batch in the memory of a small one.
/// Buffer updates ride on, all of them.
///
/// ```
/// use gradus_module::Param;
/// use gradus_optimizers::{Accumulator, Sgd};
/// let mut model = Param::new([1.0_f64]);
/// let (mut optimizer, mut accumulator) = (Sgd::new(0.25), Accumulator::new(2));
/// for slope in [1.0, 3.0] {
///     if let Some(mean) = accumulator.push((&*model * slope).sum().backward()) {
///         optimizer.step(&mut model, &mean)?;
///     }
/// }
/// assert_eq!(model.value().item(), 0.5);
/// let _ = accumulator.push((&*model * 4.0).sum().backward());
/// assert_eq!(accumulator.count(), 1);
/// assert!(accumulator.finish().is_some()); // what is left at the end of an epoch
/// # Ok::<(), gradus_optimizers::OptimizerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Accumulator<T: Float = f32> {
    size: usize,
    count: usize,
    sum: Gradients<T>,
}

impl<T: Float> Accumulator<T> {
    /// Hands out the mean of every `size` gradients.
    ///
    /// # Panics
    /// If `size` is 0.
    #[must_use]
    #[track_caller]
    pub fn new(size: usize) -> Self {
        assert!(size > 0, "accumulator: size is not above 0: {size}");
        Self { size, count: 0, sum: Gradients::default() }
    }

    /// Adds one batch's gradients; the mean, if that makes the number full.
    ///
    /// # Panics
    /// If a leaf's shapes differ.
    #[track_caller]
    pub fn push(&mut self, gradients: Gradients<T>) -> Option<Gradients<T>> {
        self.sum.merge(gradients);
        self.count += 1;
        if self.count == self.size { self.finish() } else { None }
    }

    /// The mean of what there is, if there is anything: for the end of an epoch.
    pub fn finish(&mut self) -> Option<Gradients<T>> {
        let count = std::mem::take(&mut self.count);
        let mut mean = std::mem::take(&mut self.sum);
        if count > 1 {
            mean.scale(1.0 / count as f64);
        }
        (count > 0).then_some(mean)
    }

    /// How many gradients wait.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }
}
