//! Products that are no plain matrix product: einsum, tensordot, outer, Kronecker and bilinear products. They are written once
//! in the few operations of [`Contract`], which numbers and differentiable variables both have; the work is done by matrix
//! products. They must never know elements.

mod einsum;
mod equation;
mod pair;
mod products;

pub use einsum::einsum;
pub use products::{bilinear, check_cross, dot, kron, outer, tensordot};

use crate::element::Float;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// What a contraction is made of.
#[doc(hidden)]
pub trait Contract: Clone {
    /// The axis lengths.
    fn lengths(&self) -> &Shape;
    /// Axes in a new order.
    fn ordered(&self, order: &[usize]) -> Self;
    /// Another shape of the same elements.
    fn shaped(&self, shape: Shape) -> Self;
    /// Element by element, with broadcasting.
    fn times(&self, other: &Self) -> Self;
    /// The matrix product of the last two axes.
    fn product(&self, other: &Self) -> Self;
    /// Without some axes, summed.
    fn summed(&self, axes: &[isize]) -> Self;
    /// The diagonal of two axes as a new last one.
    fn diagonal_of(&self, first: usize, second: usize) -> Self;
}

impl<T: Float> Contract for Tensor<T> {
    fn lengths(&self) -> &Shape {
        self.shape()
    }
    fn ordered(&self, order: &[usize]) -> Self {
        self.permute(order)
    }
    fn shaped(&self, shape: Shape) -> Self {
        self.reshape(shape)
    }
    fn times(&self, other: &Self) -> Self {
        self * other
    }
    fn product(&self, other: &Self) -> Self {
        self.matmul(other)
    }
    fn summed(&self, axes: &[isize]) -> Self {
        self.sum_axes(axes, false)
    }
    fn diagonal_of(&self, first: usize, second: usize) -> Self {
        self.diagonal(0, first as isize, second as isize)
    }
}

impl<T: Float> Tensor<T> {
    /// Einstein's sum (PyTorch: `einsum`). Each operand's term names its axes by letters; axes of one letter run together,
    /// letters that the result does not name are summed over: `"bij,bjk->bik"` is a batched matrix product, `"ii->i"` a
    /// diagonal, `"ij->ji"` a transpose, `"i,j->ij"` an outer product.
    ///
    /// `...` stands for any further axes, which broadcast. Without `->` the result has those, then the letters that stand
    /// once, in order of the alphabet (capitals first). An axis of length 1 goes with any other length. Blanks mean nothing.
    ///
    /// The work is done by matrix products of two operands at a time; with three or more, the pair whose product saves
    /// most elements comes next.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]), Tensor::from([1.0_f32, 10.0]));
    /// assert_eq!(Tensor::einsum("ij,j->i", &[&a, &b]).to_vec(), [21.0, 43.0]);
    /// assert_eq!(Tensor::einsum("ii", &[&a]).item(), 5.0);
    /// assert_eq!(Tensor::einsum("...j->...", &[&a]).to_vec(), [3.0, 7.0]);
    /// ```
    ///
    /// # Panics
    /// If the equation is none, or does not fit the operands; the message says where.
    #[must_use]
    #[track_caller]
    pub fn einsum(equation: &str, operands: &[&Self]) -> Self {
        einsum(equation, operands)
    }

    /// Σᵢ xᵢ·yᵢ of two vectors: `[N], [N] → []` (PyTorch: `dot`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0_f32, 2.0]).dot(&Tensor::from([3.0, 4.0])).item(), 11.0);
    /// ```
    ///
    /// # Panics
    /// If the operands are not vectors of one length.
    #[must_use]
    #[track_caller]
    pub fn dot(&self, other: &Self) -> Self {
        dot(self, other)
    }

    /// xᵢ·yⱼ of two vectors: `[M], [N] → [M, N]` (PyTorch: `outer`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let table = Tensor::from([1.0_f32, 2.0]).outer(&Tensor::from([3.0, 4.0, 5.0]));
    /// assert_eq!(table, Tensor::from([[3.0, 4.0, 5.0], [6.0, 8.0, 10.0]]));
    /// ```
    ///
    /// # Panics
    /// If the operands are not vectors.
    #[must_use]
    #[track_caller]
    pub fn outer(&self, other: &Self) -> Self {
        outer(self, other)
    }

    /// The sum over pairs of axes, `axes[k]` of this and `other_axes[k]` of the other; what is left of this, then of the
    /// other, are the axes of the result (PyTorch: `tensordot`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::<f32>::ones([2, 3, 4]), Tensor::<f32>::ones([4, 5, 3]));
    /// let c = a.tensordot(&b, &[1, 2], &[2, 0]);
    /// assert_eq!((c.dims(), c.at(&[0, 0])), ([2, 5], 12.0));
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or the lengths of a pair differ.
    #[must_use]
    #[track_caller]
    pub fn tensordot(&self, other: &Self, axes: &[isize], other_axes: &[isize]) -> Self {
        tensordot(self, other, axes, other_axes)
    }

    /// The Kronecker product: each element of this times all of the other, `[M, N], [P, Q] → [M·P, N·Q]` and so for any
    /// number of axes up to 4, missing ones in front (PyTorch: `kron`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let k = Tensor::from([[1.0_f32, 2.0]]).kron(&Tensor::from([[1.0], [10.0]]));
    /// assert_eq!(k, Tensor::from([[1.0, 2.0], [10.0, 20.0]]));
    /// ```
    ///
    /// # Panics
    /// If an operand has more than 4 axes.
    #[must_use]
    #[track_caller]
    pub fn kron(&self, other: &Self) -> Self {
        kron(self, other)
    }

    /// yₒ = x₁ᵀ·Wₒ·x₂ (+ bₒ) with W = self: `[O, I, J], x₁ […, I], x₂ […, J], b [O] → […, O]` (PyTorch:
    /// `functional.bilinear`, which names x₁ and x₂ first).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let w = Tensor::from([[[1.0_f32, 0.0], [0.0, 2.0]]]);
    /// let (x, y) = (Tensor::from([1.0, 2.0]), Tensor::from([3.0, 4.0]));
    /// assert_eq!(w.bilinear(&x, &y, None).to_vec(), [19.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn bilinear(&self, first: &Self, second: &Self, bias: Option<&Self>) -> Self {
        let y = bilinear(self, first, second, bias.map(Tensor::shape));
        match bias {
            Some(bias) => y + bias,
            None => y,
        }
    }

    /// The vector product of the last axis, of length 3: `[…, 3], […, 3] → […, 3]` (PyTorch: `linalg.cross`). Leading axes
    /// broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let z = Tensor::from([1.0_f32, 0.0, 0.0]).cross(&Tensor::from([0.0, 1.0, 0.0]));
    /// assert_eq!(z.to_vec(), [0.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If a last axis is not of length 3, or the others do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn cross(&self, other: &Self) -> Self {
        products::check_cross(self.shape(), other.shape());
        self.roll(-1, -1) * &other.roll(-2, -1) - &(self.roll(-2, -1) * &other.roll(-1, -1))
    }
}
