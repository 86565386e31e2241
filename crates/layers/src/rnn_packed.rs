//! Sequences of several lengths in one batch, without their padding.

use gradus_autodiff::Var;
use gradus_tensor::{BatchSizes, Float, Shape, Tensor};

/// Sequences of several lengths, step by step, longest first: what is padding is not there (PyTorch:
/// `nn.utils.rnn.PackedSequence`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::PackedSequence;
/// let x = Var::constant([[[1.0_f32], [10.0]], [[2.0], [0.0]], [[3.0], [0.0]]]); // [T = 3, B = 2, I = 1]
/// let packed = PackedSequence::pack_padded(&x, &[3, 1], false);
/// assert_eq!(packed.data.value().to_vec(), [1.0, 10.0, 2.0, 3.0]);
/// assert_eq!(packed.batch_sizes.sizes(), [2, 1, 1]);
/// assert_eq!(packed.pad_packed(false).0.value(), x.value());
/// ```
#[derive(Clone, Debug)]
pub struct PackedSequence<T: Float = f32> {
    /// Rows of all steps, `[N, I]`.
    pub data: Var<T>,
    /// How many sequences take each step.
    pub batch_sizes: BatchSizes,
    /// Which sequence of the batch stands where; none if they stand as they came.
    sorted: Option<Vec<usize>>,
}

impl<T: Float> PackedSequence<T> {
    /// Sequences `[T, B, I]`, with `batch_first` `[B, T, I]`, of which only the first `lengths` steps count (PyTorch:
    /// `pack_padded_sequence(enforce_sorted=False)`).
    ///
    /// # Panics
    /// If the input has not three axes, there is not one length for each sequence, or a length is 0 or exceeds T.
    #[must_use]
    #[track_caller]
    pub fn pack_padded(x: &Var<T>, lengths: &[usize], batch_first: bool) -> Self {
        assert!(x.rank() == 3, "pack_padded: input has not three axes: {} ({} ≠ 3)", x.shape(), x.rank());
        let x = if batch_first { x.transpose(0, 1) } else { x.clone() };
        let [t, b, i] = x.dims();
        let fits = lengths.len() == b && b > 0 && lengths.iter().all(|&length| length > 0 && length <= t);
        assert!(
            fits,
            "pack_padded: lengths do not fit: {lengths:?} for {} ({b} sequences of 1 to {t} steps)",
            x.shape()
        );
        let mut order: Vec<usize> = (0..b).collect();
        order.sort_by_key(|&sequence| std::cmp::Reverse(lengths[sequence]));
        let sorted: Vec<usize> = order.iter().map(|&sequence| lengths[sequence]).collect();
        let batch_sizes = BatchSizes::of_lengths(&sorted);
        let rows: Vec<i64> = batch_sizes
            .sizes()
            .iter()
            .enumerate()
            .flat_map(|(step, &size)| order[..size].iter().map(move |&sequence| (step * b + sequence) as i64))
            .collect();
        let data = x.reshape([t * b, i]).index_select(0, &Tensor::new([rows.len()], &rows));
        let sorted = (!order.is_sorted()).then_some(order);
        Self { data, batch_sizes, sorted }
    }

    /// Sequences `[T, I]` of several lengths (PyTorch: `pack_sequence(enforce_sorted=False)`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::PackedSequence;
    /// let (short, long) = (Var::constant([[1.0_f32]]), Var::constant([[2.0_f32], [3.0]]));
    /// let packed = PackedSequence::pack(&[&short, &long]);
    /// assert_eq!(packed.data.value().to_vec(), [2.0, 1.0, 3.0]); // the longer one first, step by step
    /// assert_eq!(packed.lengths(), [1, 2]);
    /// ```
    ///
    /// # Panics
    /// If there are none, one is empty, or they differ in I.
    #[must_use]
    #[track_caller]
    pub fn pack(sequences: &[&Var<T>]) -> Self {
        assert!(!sequences.is_empty(), "pack: no sequences");
        let lengths: Vec<usize> = sequences.iter().map(|x| x.dim(0)).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let padded: Vec<Var<T>> = sequences
            .iter()
            .map(|x| {
                let [length, i] = x.dims();
                Var::cat(&[x, &Var::constant(Tensor::zeros([longest - length, i]))], 0)
            })
            .collect();
        Self::pack_padded(&Var::stack(&padded.iter().collect::<Vec<_>>(), 1), &lengths, false)
    }

    /// The length of each sequence, in the order of the batch that was packed.
    #[must_use]
    pub fn lengths(&self) -> Vec<usize> {
        let sizes = self.batch_sizes.sizes();
        let length = |place: usize| sizes.iter().filter(|&&size| size > place).count();
        (0..self.batch_sizes.batch()).map(|sequence| length(self.place(sequence))).collect()
    }

    /// Sequences `[T, B, I]`, with `batch_first` `[B, T, I]`, noughts after their end, and their lengths (PyTorch:
    /// `pad_packed_sequence`).
    #[must_use]
    #[track_caller]
    pub fn pad_packed(&self, batch_first: bool) -> (Var<T>, Vec<usize>) {
        let ([n, i], t, b) = (self.data.dims(), self.batch_sizes.steps(), self.batch_sizes.batch());
        let places: Vec<usize> = (0..b).map(|sequence| self.place(sequence)).collect();
        let mut start = 0;
        let mut rows = Vec::with_capacity(t * b);
        for &size in self.batch_sizes.sizes() {
            // Padding is the row behind all others.
            rows.extend(
                places.iter().map(|&place| if place < size { (start + place) as i64 } else { n as i64 }),
            );
            start += size;
        }
        let padded = Var::cat(&[&self.data, &Var::constant(Tensor::zeros([1, i]))], 0);
        let x = padded.index_select(0, &Tensor::new([t * b], &rows)).reshape([t, b, i]);
        (if batch_first { x.transpose(0, 1) } else { x }, self.lengths())
    }

    /// The same sequences with other rows.
    pub(crate) fn with_data(&self, data: Var<T>) -> Self {
        Self { data, batch_sizes: self.batch_sizes.clone(), sorted: self.sorted.clone() }
    }

    /// Where sequence number `sequence` of the batch stands.
    fn place(&self, sequence: usize) -> usize {
        match &self.sorted {
            Some(order) => order.iter().position(|&other| other == sequence).unwrap_or(sequence),
            None => sequence,
        }
    }

    /// States `[…, B, H]` from the batch's order to that of the packed rows, or back.
    #[track_caller]
    pub(crate) fn reorder(&self, states: &Var<T>, back: bool) -> Var<T> {
        let Some(order) = &self.sorted else { return states.clone() };
        let batch = order.len();
        let index: Vec<i64> = match back {
            true => (0..batch).map(|sequence| self.place(sequence) as i64).collect(),
            false => order.iter().map(|&sequence| sequence as i64).collect(),
        };
        let shape: &Shape = states.shape();
        let fits = shape.len() == 3 && shape[1] == batch;
        assert!(fits, "PackedSequence: state does not fit: {shape} (needs [layers, {batch}, H])");
        states.index_select(1, &Tensor::new([batch], &index))
    }
}
