//! Least squares and the pseudo-inverse.

use gradus_tensor::{Float, LinalgError, Tensor, Triangle};

use super::solve::Computed;
use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

struct PseudoInverse<T: Float>(Computed<T>);

impl<T: Float> Op<T> for PseudoInverse<T> {
    fn name(&self) -> &'static str {
        "pinv"
    }

    fn saves(&self) -> Save {
        Save::input(0).and(Save::OUTPUT)
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.0.take()
    }

    /// With P = A⁺ and G its cotangent: dA = −Pᵀ·G·Pᵀ + (1 − A·P)·Gᵀ·P·Pᵀ + Pᵀ·P·Gᵀ·(1 − P·A), while the rank stays
    /// (Golub & Pereyra 1973, *The differentiation of pseudo-inverses*).
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (a, p) = (saved.input(0), saved.output());
        let (pt, gt) = (p.t(), g.t());
        let left = gt.matmul(&p).matmul(&pt);
        let right = pt.matmul(&p).matmul(&gt);
        let left = &left - a.matmul(&p.matmul(&left));
        let right = &right - right.matmul(&p).matmul(&a);
        vec![Some(left + right - pt.matmul(g).matmul(&pt))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![batch.leading(g.shape(), 2, &saved.shape(0))?])
    }
}

impl<T: Float> Var<T> {
    /// The Moore–Penrose inverse A⁺: `[…, M, N] → […, N, M]` (PyTorch: `linalg.pinv`). The gradient is that at constant
    /// rank.
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[2.0_f64], [0.0]]);
    /// let inverse = a.pinv()?;
    /// assert!((inverse.value().at(&[0, 0]) - 0.5).abs() < 1e-12);
    /// assert!(inverse.sum().backward().of(&a).is_some_and(|g| (g.at(&[0, 0]) + 0.25).abs() < 1e-12));
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn pinv(&self) -> Result<Self, LinalgError> {
        Ok(apply(PseudoInverse(Computed::new(self.value().pinv()?)), &[self]))
    }

    /// The X that minimises ‖A·X − B‖, of least norm where several do: `[…, M, N], […, M, K] → […, N, K]` (PyTorch:
    /// `linalg.lstsq(A, B).solution`). Leading axes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::constant([[1.0_f64], [1.0]]), Var::leaf([[1.0], [3.0]]));
    /// let mean = a.lstsq(&b)?;
    /// assert!((mean.item() - 2.0).abs() < 1e-15);
    /// assert!((mean.backward().of(&b).unwrap().at(&[0, 0]) - 0.5).abs() < 1e-15);
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If the operands are not matrices with equally many rows, or their leading axes do not broadcast.
    #[track_caller]
    pub fn lstsq(&self, b: &Self) -> Result<Self, LinalgError> {
        let (left, right) = (self.shape(), b.shape());
        let fits = left.len() >= 2 && right.len() >= 2 && left[left.len() - 2] == right[right.len() - 2];
        assert!(fits, "lstsq: rows differ: {left} and {right} ([…, M, N] and […, M, K])");
        let tall = self.dim(-2) >= self.dim(-1);
        let turned = if tall { self.clone() } else { self.t() };
        let Some((q, r)) = turned.qr_of_full_rank()? else {
            return Ok(self.pinv()?.matmul(b));
        };
        if tall {
            r.solve_triangular(&q.t().matmul(b), Triangle::upper())
        } else {
            Ok(q.matmul(&r.t().solve_triangular(b, Triangle::lower())?))
        }
    }
}
