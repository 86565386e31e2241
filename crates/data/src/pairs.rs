//! Samples in memory: inputs and targets whose first axis counts the samples, and batches of them. It must never know
//! where they came from.

use gradus_tensor::{Element, Rng, Tensor};

use crate::adapt::no_sample;
use crate::error::DataError;
use crate::source::Source;
use crate::split::{random_split, stratified_split};

/// Inputs `[N, …]` and targets `[N, …]`, one target per input (PyTorch: `TensorDataset`).
///
/// ```
/// use gradus_data::Pairs;
/// use gradus_tensor::{Rng, Tensor};
/// let data = Pairs::new(Tensor::<f32>::ones([10, 3]), Tensor::<i64>::arange(10))?;
/// let mut rng = Rng::seed(0);
/// for (x, y) in data.batches(4, &mut rng) {
///     assert_eq!(x.dims(), [y.len(), 3]); // 4, 4 and 2 samples
/// }
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Pairs<X: Element = f32, Y: Element = f32> {
    inputs: Tensor<X>,
    targets: Tensor<Y>,
}

/// A few samples and which they are.
///
/// ```
/// use gradus_data::{Batch, Loader, Pairs};
/// use gradus_tensor::Tensor;
/// let data = Pairs::new(Tensor::from([1.0_f32, 2.0, 3.0]), Tensor::from([10_i64, 20, 30]))?;
/// for batch in Loader::new(&data, 2, 7) {
///     let Batch { inputs, indices, .. } = batch?;
///     assert_eq!(inputs.at(&[0]), (indices[0] + 1) as f32);
/// }
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Batch<X, Y> {
    /// The inputs.
    pub inputs: X,
    /// The targets.
    pub targets: Y,
    /// The samples' numbers in their source.
    pub indices: Vec<usize>,
}

impl<X: Element, Y: Element> Pairs<X, Y> {
    /// The samples of two tensors with first axes of the same length.
    ///
    /// # Errors
    /// If the lengths differ or a tensor has no axes.
    pub fn new(inputs: Tensor<X>, targets: Tensor<Y>) -> Result<Self, DataError> {
        let (x, y) = (inputs.shape(), targets.shape());
        if x.first() != y.first() || x.is_empty() {
            let what =
                format!("inputs {x} and targets {y} do not count the same samples on their first axes");
            return Err(DataError::unfit("pairs", what, "give one target per input, [N, …] and [N, …]"));
        }
        // Batches are copied out of dense rows: a view would be made dense anew for each of them.
        Ok(Self { inputs: inputs.contiguous(), targets: targets.contiguous() })
    }

    /// The inputs `[N, …]`.
    ///
    /// ```
    /// use gradus_data::Pairs;
    /// use gradus_tensor::Tensor;
    /// let data = Pairs::new(Tensor::<f32>::ones([10, 3]), Tensor::<i64>::arange(10))?;
    /// assert_eq!((data.inputs().len(), data.targets().len(), data.is_empty()), (30, 10, false));
    /// let (_, targets) = data.select(&[7, 0]).into_parts();
    /// assert_eq!(targets.to_vec(), [7, 0]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn inputs(&self) -> &Tensor<X> {
        &self.inputs
    }

    /// The targets `[N, …]`.
    #[must_use]
    pub fn targets(&self) -> &Tensor<Y> {
        &self.targets
    }

    /// Inputs and targets.
    #[must_use]
    pub fn into_parts(self) -> (Tensor<X>, Tensor<Y>) {
        (self.inputs, self.targets)
    }

    /// The number of samples N.
    #[must_use]
    pub fn len(&self) -> usize {
        self.inputs.shape()[0]
    }

    /// Whether there are no samples.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The samples of these numbers, in this order (PyTorch: `Subset`, but copied).
    ///
    /// # Panics
    /// If there is no such sample.
    #[must_use]
    #[track_caller]
    pub fn select(&self, indices: &[usize]) -> Self {
        let picks: Tensor<i64> = indices.iter().map(|&index| index as i64).collect();
        Self { inputs: self.inputs.index_select(0, &picks), targets: self.targets.index_select(0, &picks) }
    }

    /// Parts of random samples in the given proportions (PyTorch: `random_split`); see [`random_split`].
    ///
    /// ```
    /// use gradus_data::Pairs;
    /// use gradus_tensor::{Rng, Tensor};
    /// let data = Pairs::new(Tensor::<f32>::ones([10, 3]), Tensor::<i64>::arange(10))?;
    /// let parts = data.random_split(&[0.8, 0.2], &mut Rng::seed(7))?;
    /// assert_eq!((parts[0].len(), parts[1].len()), (8, 2));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If the fractions are not proportions that add up to 1.
    pub fn random_split(&self, fractions: &[f64], rng: &mut Rng) -> Result<Vec<Self>, DataError> {
        Ok(self.parts(&random_split(self.len(), fractions, rng)?))
    }

    /// [`Pairs::select`] for each list of numbers.
    ///
    /// ```
    /// use gradus_data::{Pairs, k_fold};
    /// use gradus_tensor::{Rng, Tensor};
    /// let data = Pairs::new(Tensor::<f32>::ones([10, 3]), Tensor::<i64>::arange(10))?;
    /// for fold in k_fold(10, 5, &mut Rng::seed(7))? {
    ///     let parts = data.parts(&[fold.train, fold.validation]);
    ///     assert_eq!((parts[0].len(), parts[1].len()), (8, 2));
    /// }
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Panics
    /// If there is no such sample.
    #[must_use]
    #[track_caller]
    pub fn parts(&self, indices: &[Vec<usize>]) -> Vec<Self> {
        indices.iter().map(|part| self.select(part)).collect()
    }

    /// All samples once, in random order, `size` at a time; the last batch may be shorter (PyTorch:
    /// `DataLoader(shuffle=True)`). The order is drawn from `rng` at once, as [`Rng::permutation`] draws. To resume
    /// within an epoch use a [`Loader`](crate::Loader).
    ///
    /// # Panics
    /// If `size` is 0.
    #[track_caller]
    pub fn batches(&self, size: usize, rng: &mut Rng) -> Batches<'_, X, Y> {
        Batches::new("batches", self, size, Some(rng.permutation(self.len())))
    }

    /// All samples once, in their order, `size` at a time, for evaluation (PyTorch: `DataLoader`). Shares their memory.
    ///
    /// ```
    /// use gradus_data::Pairs;
    /// use gradus_tensor::Tensor;
    /// let data = Pairs::new(Tensor::<f32>::ones([5, 3]), Tensor::<i64>::arange(5))?;
    /// let targets: Vec<_> = data.in_order(2).map(|(_, y)| y.to_vec()).collect();
    /// assert_eq!(targets, [vec![0, 1], vec![2, 3], vec![4]]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Panics
    /// If `size` is 0.
    #[track_caller]
    pub fn in_order(&self, size: usize) -> Batches<'_, X, Y> {
        Batches::new("in_order", self, size, None)
    }
}

impl<X: Element> Pairs<X, i64> {
    /// The same pairs, if each target is one of so many classes and there is one to learn from: to be asked before
    /// training, because there a wrong label is a panic in a loss, or a class that nobody meant.
    ///
    /// ```
    /// use gradus_data::Pairs;
    /// use gradus_tensor::Tensor;
    /// let data = Pairs::new(Tensor::<f32>::ones([3, 2]), Tensor::from([0_i64, 1, 2]))?;
    /// assert!(data.clone().classes(3).is_ok());
    /// let error = data.classes(2).unwrap_err().to_string();
    /// assert!(error.starts_with("classes: sample 2 has the label 2, and there are 2 classes (0 to 1)"));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If there are no samples, or a label is outside `0 .. classes`; the message names the sample.
    pub fn classes(self, classes: usize) -> Result<Self, DataError> {
        const OP: &str = "classes";
        if self.is_empty() || self.targets.is_empty() {
            let what = format!(
                "the inputs {} and targets {} hold no samples",
                self.inputs.shape(),
                self.targets.shape()
            );
            return Err(DataError::unfit(OP, what, "give at least one"));
        }
        let labels = self.targets.to_vec();
        let is_class = |label: i64| usize::try_from(label).is_ok_and(|label| label < classes);
        let Some(place) = labels.iter().position(|&label| !is_class(label)) else { return Ok(self) };
        let (sample, label) = (place / (labels.len() / self.len()), labels[place]);
        let what = match classes {
            0 => format!("sample {sample} has the label {label}, and there are no classes"),
            _ => format!(
                "sample {sample} has the label {label}, and there are {classes} classes (0 to {})",
                classes - 1
            ),
        };
        Err(DataError::unfit(OP, what, "correct the label, or count the classes again"))
    }

    /// Parts in the given proportions with each class in proportion, too; see [`stratified_split`]. The targets
    /// are labels `[N]`.
    ///
    /// ```
    /// use gradus_data::Pairs;
    /// use gradus_tensor::{Rng, Tensor};
    /// let labels = Tensor::from([0_i64, 0, 0, 0, 1, 1]);
    /// let data = Pairs::new(Tensor::<f32>::ones([6, 3]), labels)?;
    /// let parts = data.stratified_split(&[0.5, 0.5], &mut Rng::seed(7))?;
    /// assert_eq!(parts[1].targets().to_vec(), [0, 0, 1]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    ///
    /// # Errors
    /// If the fractions are not proportions that add up to 1, or the targets are not one label per sample.
    pub fn stratified_split(&self, fractions: &[f64], rng: &mut Rng) -> Result<Vec<Self>, DataError> {
        if self.targets.len() != self.len() {
            let what = format!("the targets {} are not one label per sample", self.targets.shape());
            return Err(DataError::unfit("stratified_split", what, "give labels [N]"));
        }
        Ok(self.parts(&stratified_split(&self.targets.to_vec(), fractions, rng)?))
    }
}

impl<X: Element, Y: Element> Source for Pairs<X, Y> {
    type Inputs = Tensor<X>;
    type Targets = Tensor<Y>;

    fn len(&self) -> usize {
        self.len()
    }

    fn fetch(&self, indices: &[usize]) -> Result<(Tensor<X>, Tensor<Y>), DataError> {
        let samples = self.len();
        if let Some(&none) = indices.iter().find(|&&index| index >= samples) {
            return Err(no_sample(none, samples));
        }
        Ok(self.select(indices).into_parts())
    }
}

/// Batches of [`Pairs`]: an iterator of (inputs, targets).
///
/// ```
/// use gradus_data::{Batches, Pairs};
/// use gradus_tensor::{Rng, Tensor};
/// let data = Pairs::new(Tensor::<f32>::ones([5, 3]), Tensor::<i64>::arange(5))?;
/// let batches: Batches<'_, f32, i64> = data.batches(2, &mut Rng::seed(7)).drop_last();
/// assert_eq!(batches.len(), 2);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Batches<'a, X: Element, Y: Element> {
    pairs: &'a Pairs<X, Y>,
    size: usize,
    /// None: as they lie.
    order: Option<Vec<usize>>,
    next: usize,
    end: usize,
}

impl<'a, X: Element, Y: Element> Batches<'a, X, Y> {
    #[track_caller]
    fn new(op: &str, pairs: &'a Pairs<X, Y>, size: usize, order: Option<Vec<usize>>) -> Self {
        assert!(size > 0, "{op}: a batch needs samples: size {size} (> 0)");
        Self { pairs, size, order, next: 0, end: pairs.len() }
    }

    /// Leaves the last batch out if it is shorter than the others.
    #[must_use]
    pub fn drop_last(mut self) -> Self {
        self.end -= (self.end - self.next) % self.size;
        self
    }
}

impl<X: Element, Y: Element> Iterator for Batches<'_, X, Y> {
    type Item = (Tensor<X>, Tensor<Y>);

    fn next(&mut self) -> Option<Self::Item> {
        let (start, count) = (self.next, self.size.min(self.end - self.next));
        if count == 0 {
            return None;
        }
        self.next += count;
        Some(match &self.order {
            Some(order) => self.pairs.select(&order[start..self.next]).into_parts(),
            None => (self.pairs.inputs.narrow(0, start, count), self.pairs.targets.narrow(0, start, count)),
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = (self.end - self.next).div_ceil(self.size);
        (left, Some(left))
    }
}

impl<X: Element, Y: Element> ExactSizeIterator for Batches<'_, X, Y> {}
