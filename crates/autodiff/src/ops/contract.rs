//! Products that are no plain matrix product: the tensor crate's compositions, read as differentiable operations.

use gradus_tensor::contract::{self, Contract};
use gradus_tensor::{Float, Shape};

use crate::var::Var;

impl<T: Float> Contract for Var<T> {
    fn lengths(&self) -> &Shape {
        self.shape()
    }
    fn ordered(&self, order: &[usize]) -> Self {
        if order.is_sorted() { self.clone() } else { self.permute(order) }
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

impl<T: Float> Var<T> {
    /// Einstein's sum, as [`Tensor::einsum`](gradus_tensor::Tensor::einsum) (PyTorch: `einsum`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (x, w) = (Var::constant([[1.0_f32, 2.0]]), Var::leaf([[3.0], [4.0]]));
    /// let y = Var::einsum("bi,io->bo", &[&x, &w]);
    /// assert_eq!(y.item(), 11.0);
    /// assert_eq!(y.sum().backward().of(&w).unwrap().to_vec(), [1.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If the equation is none, or does not fit the operands; the message says where.
    #[must_use]
    #[track_caller]
    pub fn einsum(equation: &str, operands: &[&Self]) -> Self {
        contract::einsum(equation, operands)
    }

    /// Σᵢ xᵢ·yᵢ of two vectors: `[N], [N] → []` (PyTorch: `dot`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f32, 2.0]);
    /// assert_eq!(x.dot(&x).backward().of(&x).unwrap().to_vec(), [2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the operands are not vectors of one length.
    #[must_use]
    #[track_caller]
    pub fn dot(&self, other: &Self) -> Self {
        contract::dot(self, other)
    }

    /// xᵢ·yⱼ of two vectors: `[M], [N] → [M, N]` (PyTorch: `outer`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let table = Var::constant([1.0_f32, 2.0]).outer(&Var::constant([3.0, 4.0]));
    /// assert_eq!(table.value().to_vec(), [3.0, 4.0, 6.0, 8.0]);
    /// ```
    ///
    /// # Panics
    /// If the operands are not vectors.
    #[must_use]
    #[track_caller]
    pub fn outer(&self, other: &Self) -> Self {
        contract::outer(self, other)
    }

    /// The sum over pairs of axes, `axes[k]` of this and `other_axes[k]` of the other (PyTorch: `tensordot`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::constant([[1.0_f32, 2.0]]), Var::constant([[3.0, 4.0]]));
    /// assert_eq!(a.tensordot(&b, &[1], &[1]).item(), 11.0);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, or the lengths of a pair differ.
    #[must_use]
    #[track_caller]
    pub fn tensordot(&self, other: &Self, axes: &[isize], other_axes: &[isize]) -> Self {
        contract::tensordot(self, other, axes, other_axes)
    }

    /// The Kronecker product: `[M, N], [P, Q] → [M·P, N·Q]`, and so for any number of axes up to 4 (PyTorch: `kron`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let k = Var::constant([[1.0_f32, 2.0]]).kron(&Var::constant([[1.0, 10.0]]));
    /// assert_eq!(k.value().to_vec(), [1.0, 10.0, 2.0, 20.0]);
    /// ```
    ///
    /// # Panics
    /// If an operand has more than 4 axes.
    #[must_use]
    #[track_caller]
    pub fn kron(&self, other: &Self) -> Self {
        contract::kron(self, other)
    }

    /// yₒ = x₁ᵀ·Wₒ·x₂ (+ bₒ) with W = self: `[O, I, J], x₁ […, I], x₂ […, J], b [O] → […, O]` (PyTorch:
    /// `functional.bilinear`, which names x₁ and x₂ first).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let w = Var::leaf([[[1.0_f32, 0.0], [0.0, 2.0]]]);
    /// let (x, y) = (Var::constant([1.0, 2.0]), Var::constant([3.0, 4.0]));
    /// assert_eq!(w.bilinear(&x, &y, None).value().to_vec(), [19.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn bilinear(&self, first: &Self, second: &Self, bias: Option<&Self>) -> Self {
        let y = contract::bilinear(self, first, second, bias.map(Var::shape));
        match bias {
            Some(bias) => y + bias,
            None => y,
        }
    }

    /// The vector product of the last axis, of length 3: `[…, 3], […, 3] → […, 3]` (PyTorch: `linalg.cross`). Leading axes
    /// broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let z = Var::constant([1.0_f32, 0.0, 0.0]).cross(&Var::constant([0.0, 1.0, 0.0]));
    /// assert_eq!(z.value().to_vec(), [0.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If a last axis is not of length 3, or the others do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn cross(&self, other: &Self) -> Self {
        contract::check_cross(self.shape(), other.shape());
        self.roll(-1, -1) * other.roll(-2, -1) - self.roll(-2, -1) * other.roll(-1, -1)
    }
}
