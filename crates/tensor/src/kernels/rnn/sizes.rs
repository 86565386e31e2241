//! How many sequences take each step of a batch whose sequences differ in length: index arithmetic alone.

/// Sequences of a batch, longest first, lie step by step: at step t the first `sizes[t]` of them have a row each
/// (PyTorch: `PackedSequence.batch_sizes`). The sizes never rise.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BatchSizes {
    sizes: Vec<usize>,
    rows: usize,
}

impl BatchSizes {
    /// `batch` sequences of `length` steps each.
    #[must_use]
    pub fn even(length: usize, batch: usize) -> Self {
        Self { sizes: vec![batch; length], rows: length * batch }
    }

    /// The sizes of all steps.
    ///
    /// # Panics
    /// If they rise, or one is 0.
    #[must_use]
    #[track_caller]
    pub fn new(sizes: Vec<usize>) -> Self {
        assert!(
            sizes.is_sorted_by(|a, b| a >= b) && !sizes.contains(&0),
            "batch sizes: they rise, or one is 0: {sizes:?}"
        );
        let rows = sizes.iter().sum();
        Self { sizes, rows }
    }

    /// Of sequences with these lengths, longest first.
    ///
    /// ```
    /// use gradus_tensor::BatchSizes;
    /// assert_eq!(BatchSizes::of_lengths(&[3, 1]).sizes(), [2, 1, 1]);
    /// ```
    ///
    /// # Panics
    /// If the lengths rise, or one is 0.
    #[must_use]
    #[track_caller]
    pub fn of_lengths(lengths: &[usize]) -> Self {
        assert!(
            lengths.is_sorted_by(|a, b| a >= b) && !lengths.contains(&0),
            "batch sizes: the lengths rise, or one is 0: {lengths:?}"
        );
        let longest = lengths.first().copied().unwrap_or(0);
        Self::new((0..longest).map(|t| lengths.partition_point(|&length| length > t)).collect())
    }

    /// How many sequences take each step.
    #[must_use]
    pub fn sizes(&self) -> &[usize] {
        &self.sizes
    }

    /// The number of steps of the longest sequence.
    #[must_use]
    pub fn steps(&self) -> usize {
        self.sizes.len()
    }

    /// The number of sequences.
    #[must_use]
    pub fn batch(&self) -> usize {
        self.sizes.first().copied().unwrap_or(0)
    }

    /// The number of rows, one for each step of each sequence.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Whether all sequences have one length.
    #[must_use]
    pub fn is_even(&self) -> bool {
        self.sizes.first() == self.sizes.last()
    }

    /// The row of each sequence's step before the row `i` in the order of processing, and where there is none the
    /// sequence's number: `Ok(row)` or `Err(sequence)`, for all rows in order.
    pub fn previous(&self, reverse: bool) -> impl Iterator<Item = Result<usize, usize>> + '_ {
        let mut start = 0;
        self.sizes.iter().enumerate().flat_map(move |(t, &size)| {
            let first = start;
            start += size;
            (0..size).map(move |row| {
                if reverse {
                    let more = self.sizes.get(t + 1).is_some_and(|&next| row < next);
                    if more { Ok(first + size + row) } else { Err(row) }
                } else if t > 0 {
                    Ok(first - self.sizes[t - 1] + row)
                } else {
                    Err(row)
                }
            })
        })
    }

    /// The row of each sequence's last step in the order of processing.
    #[must_use]
    pub fn last_rows(&self, reverse: bool) -> Vec<usize> {
        let mut last: Vec<usize> = (0..self.batch()).collect();
        if !reverse {
            let mut start = 0;
            for &size in &self.sizes {
                (0..size).for_each(|row| last[row] = start + row);
                start += size;
            }
        }
        last
    }
}
