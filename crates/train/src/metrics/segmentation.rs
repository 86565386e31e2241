//! Segmentation: mean intersection over union and Dice's coefficient of labelled pixels. It must never know an image.

use gradus_tensor::{Float, Tensor};

use super::ConfusionMatrix;
use super::inputs::same_shape;

/// The overlap of predicted and true areas, class by class, counted over all pixels of all images (torchmetrics:
/// `JaccardIndex`). Pixels of the ignored label count nowhere.
///
/// ```
/// use gradus_tensor::Tensor;
/// use gradus_train::metrics::Segmentation;
/// let mut areas = Segmentation::new(2).ignore(255);
/// // One image of 2×2 pixels, two classes: logits [N, C, H, W].
/// let logits = Tensor::from([[[[1.0_f32, 0.0], [0.0, 0.0]], [[0.0, 1.0], [1.0, 1.0]]]]);
/// areas.update(&logits, &Tensor::from([[[0_i64, 0], [1, 255]]]));
/// assert_eq!((areas.matrix().iou(0), areas.matrix().iou(1)), (Some(0.5), Some(0.5)));
/// assert_eq!((areas.mean_iou(), areas.mean_dice()), (Some(0.5), Some(2.0 / 3.0)));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segmentation {
    matrix: ConfusionMatrix,
    ignored: Option<i64>,
}

impl Segmentation {
    /// An empty measure over `classes` classes.
    #[must_use]
    pub fn new(classes: usize) -> Self {
        Self { matrix: ConfusionMatrix::of_classes(classes), ignored: None }
    }

    /// Pixels whose target is `label` are left out (PyTorch: `ignore_index`).
    #[must_use]
    pub fn ignore(mut self, label: i64) -> Self {
        self.ignored = Some(label);
        self
    }

    /// Adds a batch: logits or probabilities `[N, C, …]`, class numbers `[N, …]`.
    ///
    /// # Panics
    /// If the shapes do not fit, or a class number lies outside.
    #[track_caller]
    pub fn update<T: Float>(&mut self, logits: &Tensor<T>, targets: &Tensor<i64>) {
        let (a, b) = (logits.shape(), targets.shape());
        let fits = a.len() >= 2 && a.len() == b.len() + 1 && a[0] == b[0] && a[2..] == b[1..];
        assert!(
            fits,
            "segmentation: logits and targets differ: {a} and {b} (logits are [N, C, …], targets [N, …])"
        );
        self.update_classes(&logits.argmax(1), targets);
    }

    /// Adds a batch of predicted class numbers `[…]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// use gradus_train::metrics::Segmentation;
    /// let (mut one, mut other) = (Segmentation::new(2), Segmentation::new(2));
    /// one.update_classes(&Tensor::from([0_i64, 1]), &Tensor::from([0_i64, 0]));
    /// other.update_classes(&Tensor::from([0_i64, 1]), &Tensor::from([0_i64, 1]));
    /// one.merge(&other);
    /// assert_eq!(one.mean_iou(), Some((2.0 / 3.0 + 0.5) / 2.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes differ, or a class number lies outside.
    #[track_caller]
    pub fn update_classes(&mut self, predictions: &Tensor<i64>, targets: &Tensor<i64>) {
        same_shape("segmentation", predictions.shape(), targets.shape());
        let Some(ignored) = self.ignored else { return self.matrix.update_classes(predictions, targets) };
        let pairs = predictions.to_vec().into_iter().zip(targets.to_vec());
        let (predictions, targets): (Vec<i64>, Vec<i64>) =
            pairs.filter(|&(_, target)| target != ignored).unzip();
        self.matrix.update_classes(&Tensor::from(predictions), &Tensor::from(targets));
    }

    /// Adds what another measure has seen.
    ///
    /// # Panics
    /// If it has another number of classes.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        self.matrix.merge(&other.matrix);
    }

    /// The counts, pixel by pixel.
    #[must_use]
    pub fn matrix(&self) -> &ConfusionMatrix {
        &self.matrix
    }

    /// See [`ConfusionMatrix::mean_iou`].
    #[must_use]
    pub fn mean_iou(&self) -> Option<f64> {
        self.matrix.mean_iou()
    }

    /// See [`ConfusionMatrix::mean_dice`].
    #[must_use]
    pub fn mean_dice(&self) -> Option<f64> {
        self.matrix.mean_dice()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_of_ignored_pixels_alone_is_nothing() {
        let mut areas = Segmentation::new(2).ignore(-1);
        areas.update_classes(&Tensor::from([[0_i64, 1]]), &Tensor::from([[-1_i64, -1]]));
        assert_eq!((areas.mean_iou(), areas.matrix().total()), (None, 0));
    }

    #[test]
    #[should_panic(
        expected = "segmentation: logits and targets differ: [1, 2, 3, 3] and [1, 3, 2] (logits are [N, C, …], targets [N, …])"
    )]
    fn refuses_other_pixels() {
        Segmentation::new(2).update(&Tensor::<f32>::zeros([1, 2, 3, 3]), &Tensor::<i64>::zeros([1, 3, 2]));
    }
}
