//! The matrix product of tensors, with broadcasting batches.

use crate::element::{Element, Float};
use crate::kernels::matmul::{Gemm, GemmBatch, MatRef};
use crate::layout::Layout;
use crate::shape::Shape;
use crate::tensor::Tensor;

fn mat<'a, T: Float>(x: &'a Tensor<T>, layout: &Layout, offset: usize) -> MatRef<'a, T> {
    let rank = layout.shape().len();
    let strides = layout.strides();
    MatRef { data: x.storage(), offset, row_stride: strides[rank - 2], column_stride: strides[rank - 1] }
}

impl<T: Float> Tensor<T> {
    /// The matrix product: `[…, M, K] · […, K, N] → […, M, N]`; leading axes broadcast. A vector on the left is one row,
    /// on the right one column, and the axis added for it is dropped (PyTorch: `matmul`).
    ///
    /// ```
    /// let x = gradus_tensor::Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.matmul(&x).to_vec(), [7.0, 10.0, 15.0, 22.0]);
    /// ```
    ///
    /// # Panics
    /// If an operand has no axes, the inner lengths differ, or the leading axes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn matmul(&self, other: &Self) -> Self {
        self.matmul_bias(other, None)
    }

    /// [`Tensor::matmul`] with `bias` `[N]` added to every row, in the same pass over the result.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// let y = x.matmul_bias(&Tensor::eye(2), Some(&Tensor::from([10.0, 20.0])));
    /// assert_eq!(y.to_vec(), [11.0, 22.0, 13.0, 24.0]);
    /// ```
    ///
    /// # Panics
    /// As `matmul`, or if `bias` is not `[N]`.
    #[must_use]
    #[track_caller]
    pub fn matmul_bias(&self, other: &Self, bias: Option<&Self>) -> Self {
        let (a, b) = (self.shape(), other.shape());
        assert!(!a.is_empty() && !b.is_empty(), "matmul: an operand has no axes: {a} · {b}");
        if a.len() == 1 || b.len() == 1 {
            let left = if a.len() == 1 { self.unsqueeze(0) } else { self.clone() };
            let right = if b.len() == 1 { other.unsqueeze(-1) } else { other.clone() };
            let mut out = left.matmul_bias(&right, bias);
            if b.len() == 1 {
                out = out.squeeze(-1);
            }
            return if a.len() == 1 { out.squeeze(if b.len() == 1 { -1 } else { -2 }) } else { out };
        }
        let (m, k, n) = (a[a.len() - 2], a[a.len() - 1], b[b.len() - 1]);
        let inner = b[b.len() - 2];
        assert!(k == inner, "matmul: inner dimensions differ: {a} · {b} ({k} ≠ {inner})");
        let (lead_a, lead_b) = (Shape::new(&a[..a.len() - 2]), Shape::new(&b[..b.len() - 2]));
        let Some(batch) = lead_a.broadcast(&lead_b) else {
            panic!("matmul: leading axes do not broadcast: {a} · {b} (each equal, or 1)");
        };
        let full = |rows: usize, columns: usize| {
            let mut dims = batch.to_vec();
            dims.extend([rows, columns]);
            Shape::new(&dims)
        };
        let bias = bias.map(|bias| {
            assert!(
                bias.shape()[..] == [n],
                "matmul: bias does not fit: {a} · {b} + {} ([{n}])",
                bias.shape()
            );
            bias.contiguous()
        });
        let bias = bias.as_ref().and_then(Tensor::as_slice);
        if batch.count() > 1 && lead_b.count() == 1 {
            // All rows of A against one matrix: a single tall product, if A's rows lie evenly.
            if let Some(rows) =
                self.layout().reshape(Shape::new(&[batch.count() * m, k])).filter(|_| lead_a == batch)
            {
                let right = other.layout().reshape(Shape::new(&[k, n])).unwrap_or(*other.layout());
                return Self::build(full(m, n), |c| {
                    let (a, b) = (mat(self, &rows, rows.offset()), mat(other, &right, right.offset()));
                    T::gemm(Gemm {
                        m: batch.count() * m,
                        n,
                        k,
                        a,
                        b,
                        c,
                        c_stride: n,
                        accumulate: false,
                        bias,
                    });
                });
            }
        }
        let (left, right) = (self.expand(full(m, k)), other.expand(full(k, n)));
        Self::build(full(m, n), |c| batched(&left, &right, [m, n, k], bias, c))
    }
}

/// Where the matrices of the last two axes start, in the order of the leading axes.
pub(crate) fn matrix_starts<T: Element>(x: &Tensor<T>) -> Vec<usize> {
    let rank = x.rank();
    let lead = x.layout().without(rank - 1).without(rank - 2);
    let mut out = Vec::with_capacity(lead.count());
    lead.collapse().runs(0, lead.count(), |first, stride, count| {
        out.extend((0..count).map(|i| first.wrapping_add_signed(i as isize * stride)));
    });
    out
}

/// One product per combination of leading axes.
fn batched<T: Float>(a: &Tensor<T>, b: &Tensor<T>, [m, n, k]: [usize; 3], bias: Option<&[T]>, c: &mut [T]) {
    let (starts_a, starts_b) = (matrix_starts(a), matrix_starts(b));
    // Offsets count from the lowest start: with negative strides a matrix reaches down from there.
    let lowest = |starts: &[usize]| starts.iter().copied().min().unwrap_or(0);
    let (low_a, low_b) = (lowest(&starts_a), lowest(&starts_b));
    let offsets: Vec<(usize, usize)> =
        starts_a.into_iter().zip(starts_b).map(|(a, b)| (a - low_a, b - low_b)).collect();
    let (a, b) = (mat(a, a.layout(), low_a), mat(b, b.layout(), low_b));
    T::gemm_batched(GemmBatch { m, n, k, a, b, offsets: &offsets, c, accumulate: false, bias });
}
