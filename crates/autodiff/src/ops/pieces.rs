//! Pieces of an axis, moved and turned axes, diagonals, repetition: compositions of views, joins and picks.

use gradus_tensor::{Float, PadMode, Tensor, views};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::var::{Var, apply};

struct DiagEmbed(isize);

impl<T: Float> Op<T> for DiagEmbed {
    fn name(&self) -> &'static str {
        "diag_embed"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].diag_embed(self.0)
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.diagonal(self.0, -2, -1))]
    }
}

impl<T: Float> Var<T> {
    /// Axis `from` moved to place `to`, the others in their order (PyTorch: `movedim`).
    ///
    /// ```
    /// use gradus_autodiff::{Var, tensor::Tensor};
    /// assert_eq!(Var::constant(Tensor::<f32>::zeros([2, 3, 4])).movedim(0, -1).dims(), [3, 4, 2]);
    /// ```
    ///
    /// # Panics
    /// If there are no such axes.
    #[must_use]
    #[track_caller]
    pub fn movedim(&self, from: isize, to: isize) -> Self {
        self.permute(&views::moved(self.shape(), from, to))
    }

    /// Without all axes of length 1 (PyTorch: `squeeze()`).
    ///
    /// ```
    /// use gradus_autodiff::{Var, tensor::Tensor};
    /// assert_eq!(Var::constant(Tensor::<f32>::zeros([1, 3, 1])).squeeze_all().dims(), [3]);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn squeeze_all(&self) -> Self {
        self.reshape(*self.value().squeeze_all().shape())
    }

    /// `count` pieces along `axis`, the last one shorter or missing where the length is no multiple (PyTorch: `chunk`).
    ///
    /// ```
    /// let parts = gradus_autodiff::Var::constant([1.0_f32, 2.0, 3.0]).chunk(2, 0);
    /// assert_eq!((parts[0].len(), parts[1].len()), (2, 1));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or `count` is 0.
    #[must_use]
    #[track_caller]
    pub fn chunk(&self, count: usize, axis: isize) -> Vec<Self> {
        views::chunks(self.shape(), count, axis).into_iter().map(|(at, n)| self.narrow(axis, at, n)).collect()
    }

    /// Pieces of the given lengths along `axis` (PyTorch: `split` with a list).
    ///
    /// ```
    /// let parts = gradus_autodiff::Var::constant([1.0_f32, 2.0, 3.0]).split_sizes(&[1, 2], 0);
    /// assert_eq!((parts[0].len(), parts[1].len()), (1, 2));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or the lengths do not add up to its length.
    #[must_use]
    #[track_caller]
    pub fn split_sizes(&self, sizes: &[usize], axis: isize) -> Vec<Self> {
        views::pieces(self.shape(), sizes, axis).into_iter().map(|(at, n)| self.narrow(axis, at, n)).collect()
    }

    /// The pieces of `axis` between the given places (PyTorch: `tensor_split` with indices).
    ///
    /// ```
    /// let parts = gradus_autodiff::Var::constant([1.0_f32, 2.0, 3.0]).tensor_split(&[1], 0);
    /// assert_eq!((parts[0].len(), parts[1].len()), (1, 2));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn tensor_split(&self, places: &[usize], axis: isize) -> Vec<Self> {
        let length = self.shape()[self.shape().axis("tensor_split", axis)];
        views::between(length, places).into_iter().map(|(at, n)| self.narrow(axis, at, n)).collect()
    }

    /// Turned by `turns` right angles in the plane of two axes, from the first towards the second (PyTorch: `rot90`).
    ///
    /// ```
    /// let x = gradus_autodiff::Var::constant([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.rot90(1, 0, 1).value().to_vec(), [2.0, 4.0, 1.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If there are no such two different axes.
    #[must_use]
    #[track_caller]
    pub fn rot90(&self, turns: isize, first: isize, second: isize) -> Self {
        self.view("rot90", move |x| x.rot90(turns, first, second))
    }

    /// The vectors of the last axis as diagonals number `offset` of matrices, noughts elsewhere (PyTorch: `diag_embed`):
    /// `[…, N] → […, N + |offset|, N + |offset|]`.
    ///
    /// ```
    /// let x = gradus_autodiff::Var::constant([1.0_f32, 2.0]).diag_embed(0);
    /// assert_eq!(x.value().to_vec(), [1.0, 0.0, 0.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no axis.
    #[must_use]
    #[track_caller]
    pub fn diag_embed(&self, offset: isize) -> Self {
        apply(DiagEmbed(offset), &[self])
    }

    /// The whole repeated `counts` times along each axis; missing axes are added in front (NumPy: `tile`; PyTorch:
    /// `repeat`).
    ///
    /// ```
    /// let x = gradus_autodiff::Var::constant([1.0_f32, 2.0]).tile(&[2, 2]);
    /// assert_eq!(x.value().to_vec(), [1.0, 2.0, 1.0, 2.0, 1.0, 2.0, 1.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer counts than axes.
    #[must_use]
    #[track_caller]
    pub fn tile(&self, counts: &[usize]) -> Self {
        let (given, axes) = (counts.len(), self.rank());
        assert!(given >= axes, "tile: a count per axis: {} by {counts:?} ({given} < {axes})", self.shape());
        let lifted = (axes..given).fold(self.clone(), |x, _| x.unsqueeze(0));
        counts.iter().enumerate().fold(lifted, |x, (axis, &count)| match count {
            0 => x.narrow(axis as isize, 0, 0),
            1 => x,
            _ => Self::cat(&vec![&x; count], axis as isize),
        })
    }

    /// Each element `count` times in a row along `axis` (PyTorch: `repeat_interleave`).
    ///
    /// ```
    /// let x = gradus_autodiff::Var::constant([1.0_f32, 2.0]).repeat_interleave(2, 0);
    /// assert_eq!(x.value().to_vec(), [1.0, 1.0, 2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn repeat_interleave(&self, count: usize, axis: isize) -> Self {
        let length = self.shape()[self.shape().axis("repeat_interleave", axis)];
        let index: Tensor<i64> = (0..length * count).map(|i| (i / count) as i64).collect();
        self.index_select(axis, &index)
    }

    /// Padded by its own elements: `widths` has (before, after) for each axis, the first axis first (PyTorch: `pad` with a
    /// mode, which lists the last axis first). An element shown several times gathers the gradients of all.
    ///
    /// ```
    /// use gradus_autodiff::{Var, tensor::PadMode};
    /// let x = Var::leaf([1.0_f32, 2.0, 3.0]);
    /// let y = x.pad_with(&[(1, 2)], PadMode::Replicate);
    /// assert_eq!(y.value().to_vec(), [1.0, 1.0, 2.0, 3.0, 3.0, 3.0]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [2.0, 1.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If there is not one pair per axis, or a width exceeds what the axis can show.
    #[must_use]
    #[track_caller]
    pub fn pad_with(&self, widths: &[(usize, usize)], mode: PadMode) -> Self {
        if mode == PadMode::Zeros {
            return self.pad(widths, 0.0);
        }
        let (pairs, axes) = (widths.len(), self.rank());
        assert!(pairs == axes, "pad: one pair per axis: {} by {widths:?} ({axes} ≠ {pairs})", self.shape());
        let padded = widths.iter().enumerate().filter(|&(_, &width)| width != (0, 0));
        padded.fold(self.clone(), |x, (axis, &width)| {
            x.index_select(axis as isize, &mode.index(self.shape()[axis], width, axis))
        })
    }
}
