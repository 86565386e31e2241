//! Right operands of matrix products that are packed once, for weights that many inputs meet and that don't change. The packed
//! form belongs to an instruction set and lives in memory only. This file knows no parameters: who packs also knows until when
//! the packed form is right.

use std::fmt;

use crate::element::Float;
use crate::isa::{Isa, current_isa};
use crate::kernels::matmul::{GemmPacked, MatRef, PackedB, gemm_packed};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// A matrix `[K, N]` in the form in which products read their right operand: see [`Tensor::packed`].
///
/// ```
/// use gradus_tensor::{PackedMatrix, Tensor};
/// let right: PackedMatrix<f32> = Tensor::ones([3, 2]).packed();
/// assert_eq!((right.dims(), right.fits_here()), ([3, 2], true));
/// ```
pub struct PackedMatrix<T: Float = f32> {
    matrix: PackedB<T>,
    isa: Isa,
}

impl<T: Float> PackedMatrix<T> {
    /// `[K, N]`.
    #[must_use]
    pub fn dims(&self) -> [usize; 2] {
        self.matrix.dims()
    }

    /// Whether it was packed for the instruction set that products use here and now. If not, they are as right, but may differ
    /// in the last bits from those of this instruction set.
    #[must_use]
    pub fn fits_here(&self) -> bool {
        self.isa == current_isa()
    }
}

impl<T: Float> fmt::Debug for PackedMatrix<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PackedMatrix").field("dims", &self.dims()).field("isa", &self.isa).finish()
    }
}

/// Element (0, 0), and the strides.
fn matrix<T: Float>(x: &Tensor<T>) -> MatRef<'_, T> {
    let (layout, rank) = (x.layout(), x.rank());
    let strides = layout.strides();
    MatRef {
        data: x.storage(),
        offset: layout.offset(),
        row_stride: strides[rank - 2],
        column_stride: strides[rank - 1],
    }
}

impl<T: Float> Tensor<T> {
    /// This matrix `[K, N]` as the right operand of [`Tensor::matmul_packed`]. It takes the matrix's memory again, and pays where
    /// the same matrix meets several left operands of more than a few rows.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let weight = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]); // [out, in]
    /// let right = weight.t().packed();
    /// for x in [Tensor::from([[1.0, 0.0]]), Tensor::from([[0.0, 1.0]])] {
    ///     assert_eq!(x.matmul_packed(&right, None), x.matmul(&weight.t()));
    /// }
    /// ```
    ///
    /// # Panics
    /// If there are not two axes.
    #[must_use]
    #[track_caller]
    pub fn packed(&self) -> PackedMatrix<T> {
        let shape = self.shape();
        assert!(shape.len() == 2, "packed: not a matrix [K, N]: {shape} ({} axes)", shape.len());
        PackedMatrix { matrix: PackedB::new(matrix(self), [shape[0], shape[1]]), isa: current_isa() }
    }

    /// x·B (+ `bias`) with a packed B: `[…, K] · [K, N] (+ [N]) → […, N]`. As [`Tensor::matmul_bias`], up to rounding.
    ///
    /// # Panics
    /// If there are no axes, the inner lengths differ, or `bias` is not `[N]`.
    #[must_use]
    #[track_caller]
    pub fn matmul_packed(&self, right: &PackedMatrix<T>, bias: Option<&Self>) -> Self {
        let (shape, [k, n]) = (*self.shape(), right.dims());
        let inner = shape.last().copied();
        assert!(
            inner == Some(k),
            "matmul_packed: inner dimensions differ: {shape} · [{k}, {n}] ({} ≠ {k})",
            inner.map_or("no axis".to_owned(), |inner| inner.to_string())
        );
        let bias = bias.map(|bias| {
            let fits = bias.shape()[..] == [n];
            assert!(
                fits,
                "matmul_packed: bias does not fit: {shape} · [{k}, {n}] + {} ([{n}])",
                bias.shape()
            );
            bias.contiguous()
        });
        let last = shape.len() - 1;
        let m = shape[..last].iter().product();
        let rows = self.reshape(Shape::new(&[m, k]));
        Self::build(shape.with(last, n), |c| {
            gemm_packed(GemmPacked {
                m,
                a: matrix(&rows),
                b: &right.matrix,
                c,
                c_stride: n,
                accumulate: false,
                bias: bias.as_ref().and_then(Tensor::as_slice),
            });
        })
    }
}
