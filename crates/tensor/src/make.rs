//! Tensors made by a rule: grids, ramps, triangles, diagonals, all pairs. Random ones live in `random.rs`.

use crate::element::Element;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// The lower triangle, noughts elsewhere: element (i, j) stays where j ≤ i + `diagonal` (PyTorch: `tril`);
    /// `[…, M, N] → […, M, N]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).tril(0), Tensor::from([[1, 0], [3, 4]]));
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).tril(-1), Tensor::from([[0, 0], [3, 0]]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn tril(&self, diagonal: isize) -> Self {
        self.triangle("tril", diagonal, false)
    }

    /// The upper triangle, noughts elsewhere: element (i, j) stays where j ≥ i + `diagonal` (PyTorch: `triu`);
    /// `[…, M, N] → […, M, N]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([[1, 2], [3, 4]]).triu(0), Tensor::from([[1, 2], [0, 4]]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes.
    #[must_use]
    #[track_caller]
    pub fn triu(&self, diagonal: isize) -> Self {
        self.triangle("triu", diagonal, true)
    }

    #[track_caller]
    fn triangle(&self, op: &str, diagonal: isize, upper: bool) -> Self {
        let shape = *self.shape();
        assert!(shape.len() >= 2, "{op}: not a matrix: {shape} ([…, M, N])");
        let (m, n) = (shape[shape.len() - 2], shape[shape.len() - 1]);
        let mut out = self.clone();
        for (row, values) in out.make_mut().chunks_exact_mut(n.max(1)).enumerate() {
            // Columns before `edge` lie below the diagonal.
            let edge = (row % m) as isize + diagonal + isize::from(!upper);
            let (below, above) = values.split_at_mut(edge.clamp(0, n as isize) as usize);
            if upper { below } else { above }.fill(T::ZERO);
        }
        out
    }
}
