//! Tensors made by a rule: grids, ramps, triangles, diagonals, all pairs. Random ones live in `random.rs`.

use crate::element::{Element, Float};
use crate::layout::Layout;
use crate::shape::Shape;
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

impl<T: Element> Tensor<T> {
    /// Noughts of this shape (PyTorch: `zeros_like`).
    ///
    /// ```
    /// assert_eq!(gradus_tensor::Tensor::from([1, 2]).zeros_like().to_vec(), [0, 0]);
    /// ```
    #[must_use]
    pub fn zeros_like(&self) -> Self {
        Self::zeros(*self.shape())
    }

    /// Ones of this shape (PyTorch: `ones_like`).
    ///
    /// ```
    /// assert_eq!(gradus_tensor::Tensor::from([3, 2]).ones_like().to_vec(), [1, 1]);
    /// ```
    #[must_use]
    pub fn ones_like(&self) -> Self {
        Self::ones(*self.shape())
    }

    /// `value` in this shape (PyTorch: `full_like`).
    ///
    /// ```
    /// assert_eq!(gradus_tensor::Tensor::from([3, 2]).full_like(7).to_vec(), [7, 7]);
    /// ```
    #[must_use]
    pub fn full_like(&self, value: T) -> Self {
        Self::full(*self.shape(), value)
    }

    /// start, start + step, … before `end`, for a positive or negative step: ⌈(end − start)/step⌉ elements, none if the step
    /// leads away (PyTorch: `arange(start, end, step)`). Element i is start + i·step, not a running sum.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f64>::arange_by(1.0, 2.0, 0.25).to_vec(), [1.0, 1.25, 1.5, 1.75]);
    /// assert_eq!(Tensor::<i64>::arange_by(5.0, 0.0, -2.0).to_vec(), [5, 3, 1]);
    /// ```
    ///
    /// # Panics
    /// If the step is 0 or a number is not finite.
    #[must_use]
    #[track_caller]
    pub fn arange_by(start: f64, end: f64, step: f64) -> Self {
        let finite = start.is_finite() && end.is_finite() && step.is_finite();
        assert!(finite && step != 0.0, "arange: no steps: {start} .. {end} by {step} (finite, step ≠ 0)");
        let count = ((end - start) / step).ceil().max(0.0) as usize;
        (0..count).map(|i| T::of_f64(start + i as f64 * step)).collect()
    }

    /// Ones on the diagonal number `offset` of `[m, n]`, noughts elsewhere (NumPy: `eye(m, n, k)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::eye_of(2, 3, 1), Tensor::from([[0, 1, 0], [0, 0, 1]]));
    /// ```
    #[must_use]
    pub fn eye_of(m: usize, n: usize, offset: isize) -> Self {
        Self::from_fn([m, n], |i| if i[1] as isize - i[0] as isize == offset { T::ONE } else { T::ZERO })
    }

    /// The vectors of the last axis as diagonals number `offset` of matrices, noughts elsewhere (PyTorch: `diag_embed`; of one
    /// vector `diag`): `[…, N] → […, N + |offset|, N + |offset|]`. The way back is [`Tensor::diagonal`].
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1, 2]).diag_embed(0), Tensor::from([[1, 0], [0, 2]]));
    /// assert_eq!(Tensor::from([5]).diag_embed(-1), Tensor::from([[0, 0], [5, 0]]));
    /// ```
    ///
    /// # Panics
    /// If there is no axis.
    #[must_use]
    #[track_caller]
    pub fn diag_embed(&self, offset: isize) -> Self {
        let shape = *self.shape();
        assert!(!shape.is_empty(), "diag_embed: no axis: {shape} ([…, N])");
        let side = shape[shape.len() - 1] + offset.unsigned_abs();
        let whole = shape.with(shape.len() - 1, side).insert(shape.len(), side);
        let (rank, values) = (whole.len(), self.to_vec());
        let places = Layout::row_major(whole).diagonal(offset, rank - 2, rank - 1);
        Self::build(whole, |out| {
            out.fill(T::ZERO);
            let mut left = values.iter();
            places.collapse().runs(0, values.len(), |position, stride, length| {
                for (i, &value) in left.by_ref().take(length).enumerate() {
                    out[position.wrapping_add_signed(i as isize * stride)] = value;
                }
            });
        })
    }

    /// The coordinates of a grid: for vectors of N₀, N₁, … elements as many tensors `[N₀, N₁, …]`, of which number k varies along
    /// axis k alone (PyTorch: `meshgrid(indexing="ij")`). They are views. `indexing="xy"` is `transpose(0, 1)` of each.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let grid = Tensor::meshgrid(&[&Tensor::from([1, 2]), &Tensor::from([3, 4, 5])]);
    /// assert_eq!(grid[0], Tensor::from([[1, 1, 1], [2, 2, 2]]));
    /// assert_eq!(grid[1], Tensor::from([[3, 4, 5], [3, 4, 5]]));
    /// ```
    ///
    /// # Panics
    /// If one is not a vector or a scalar, or there are more than 8.
    #[must_use]
    #[track_caller]
    pub fn meshgrid(vectors: &[&Self]) -> Vec<Self> {
        let lengths: Vec<usize> = vectors
            .iter()
            .map(|x| {
                assert!(x.rank() <= 1, "meshgrid: not a vector: {} ([N])", x.shape());
                x.len()
            })
            .collect();
        let whole = Shape::new(&lengths);
        let along = |(axis, x): (usize, &&Self)| {
            let mut dims = vec![1; vectors.len()];
            dims[axis] = x.len();
            x.reshape(dims).expand(whole)
        };
        vectors.iter().enumerate().map(along).collect()
    }

    /// All combinations of one element from each vector, the last one running fastest (PyTorch: `cartesian_prod`):
    /// K vectors of N₀, N₁, … elements → `[N₀·N₁·…, K]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let pairs = Tensor::cartesian_prod(&[&Tensor::from([1, 2]), &Tensor::from([3, 4])]);
    /// assert_eq!(pairs, Tensor::from([[1, 3], [1, 4], [2, 3], [2, 4]]));
    /// ```
    ///
    /// # Panics
    /// If there is none, one is not a vector, or there are more than 7.
    #[must_use]
    #[track_caller]
    pub fn cartesian_prod(vectors: &[&Self]) -> Self {
        let grid = Self::meshgrid(vectors);
        let (rank, parts) = (grid.len(), grid.iter().collect::<Vec<_>>());
        let all = Self::stack(&parts, -1);
        let count = all.shape()[..rank].iter().product();
        all.reshape([count, rank])
    }

    /// All choices of `size` elements of a vector, in its order (PyTorch: `combinations`): `[N] → [C, size]`; with
    /// `replacement` each may come again.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1, 2, 3]);
    /// assert_eq!(x.combinations(2, false), Tensor::from([[1, 2], [1, 3], [2, 3]]));
    /// assert_eq!(x.combinations(2, true).dim(0), 6);
    /// ```
    ///
    /// # Panics
    /// If this is not a vector.
    #[must_use]
    #[track_caller]
    pub fn combinations(&self, size: usize, replacement: bool) -> Self {
        assert!(self.rank() == 1, "combinations: not a vector: {} ([N])", self.shape());
        let (n, values) = (self.len(), self.to_vec());
        let step = usize::from(!replacement);
        let mut picks: Vec<usize> = (0..size).map(|i| i * step).collect();
        let mut out = Vec::new();
        let mut count = 0;
        // The last place that may still move on, and all behind it as low as they may be.
        while picks.last().is_none_or(|&last| last < n) {
            out.extend(picks.iter().map(|&i| values[i]));
            count += 1;
            let limit = |place: usize| n - 1 - (size - 1 - place) * step;
            let Some(place) = (0..size).rev().find(|&place| picks[place] < limit(place)) else { break };
            let first = picks[place] + 1;
            (place..size).for_each(|i| picks[i] = first + (i - place) * step);
        }
        Self::new([count, size], &out)
    }
}

impl<T: Float> Tensor<T> {
    /// `count` numbers from `start` to `end`, both included, evenly apart (PyTorch: `linspace`). Each half counts from its end,
    /// so that both ends are exact; one number is `start`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f32>::linspace(0.0, 1.0, 5).to_vec(), [0.0, 0.25, 0.5, 0.75, 1.0]);
    /// ```
    #[must_use]
    pub fn linspace(start: f64, end: f64, count: usize) -> Self {
        (0..count).map(|i| T::of(spaced(start, end, count, i))).collect()
    }

    /// `base` to the powers that [`Tensor::linspace`] gives (PyTorch: `logspace`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::<f64>::logspace(-1.0, 2.0, 4, 10.0).to_vec(), [0.1, 1.0, 10.0, 100.0]);
    /// ```
    #[must_use]
    pub fn logspace(start: f64, end: f64, count: usize, base: f64) -> Self {
        (0..count).map(|i| T::of(base.powf(spaced(start, end, count, i)))).collect()
    }
}

fn spaced(start: f64, end: f64, count: usize, i: usize) -> f64 {
    if count < 2 {
        return start;
    }
    let step = (end - start) / (count - 1) as f64;
    if i < count / 2 { start + step * i as f64 } else { end - step * (count - 1 - i) as f64 }
}

impl<T: Element, const A: usize, const B: usize, const C: usize, const D: usize> From<[[[[T; D]; C]; B]; A]>
    for Tensor<T>
{
    fn from(values: [[[[T; D]; C]; B]; A]) -> Self {
        Self::new([A, B, C, D], values.as_flattened().as_flattened().as_flattened())
    }
}
