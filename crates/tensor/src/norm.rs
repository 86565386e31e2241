//! Normalisation over the last axes in one pass, with its gradients. The loops are in `kernels::norm`; this file brings
//! tensors into rows. It must never know how a gradient is recorded.

use crate::element::Float;
use crate::isa::current_isa;
use crate::kernels::norm::{Backward, Forward};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// The elements of a dense tensor.
fn dense<T: Float>(x: &Tensor<T>) -> &[T] {
    x.as_slice().unwrap_or(&[])
}

impl<T: Float> Tensor<T> {
    /// (x − mean)/√(variance + ε)·w + b over the last elements, as many as `n`, of each row; the mean stays in, and the
    /// variance is the mean square, unless `centred`. Answers the result and, for [`Tensor::norm_rows_grad`], mean and
    /// scale of each row, `[rows, 2]`. PyTorch: `layer_norm`, `rms_norm`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (y, statistics) = Tensor::from([[1.0_f64, 3.0]]).norm_rows(2, 0.0, true, None, None);
    /// assert_eq!((y.to_vec(), statistics.to_vec()), (vec![-1.0, 1.0], vec![2.0, 1.0]));
    /// ```
    ///
    /// # Panics
    /// If `n` is 0 or does not divide the elements, or `weight` or `bias` have not `n` elements.
    #[must_use]
    #[track_caller]
    pub fn norm_rows(
        &self,
        n: usize,
        eps: f64,
        centred: bool,
        weight: Option<&Self>,
        bias: Option<&Self>,
    ) -> (Self, Self) {
        assert!(n > 0 && self.len().is_multiple_of(n), "norm: {} has no rows of {n}", self.shape());
        let x = self.contiguous();
        let (weight, bias) = (weight.map(Self::contiguous), bias.map(Self::contiguous));
        let mut statistics = Self::zeros([x.len() / n, 2]);
        let y = Self::build(*x.shape(), |y| {
            T::norm(
                current_isa(),
                Forward {
                    n,
                    eps,
                    centred,
                    x: dense(&x),
                    weight: weight.as_ref().map(dense),
                    bias: bias.as_ref().map(dense),
                    y,
                    statistics: statistics.make_mut(),
                },
            );
        });
        (y, statistics)
    }

    /// The gradients of [`Tensor::norm_rows`] at this x for the result's cotangent `g`: of x, and of weight and bias if
    /// `affine`, both in `shape`.
    ///
    /// ```
    /// use gradus_tensor::{Shape, Tensor};
    /// let (x, g) = (Tensor::from([[1.0_f64, 3.0]]), Tensor::from([[1.0, 0.0]]));
    /// let (_, statistics) = x.norm_rows(2, 0.0, true, None, None); // ±1, whatever x
    /// let (dx, affine) = x.norm_rows_grad(&g, (&Shape::new(&[2]), true), &statistics, None, true);
    /// assert_eq!(dx.to_vec(), [0.0, 0.0]);
    /// assert_eq!(affine.map(|(weight, bias)| (weight.to_vec(), bias.to_vec())), Some((vec![-1.0, 0.0], vec![1.0, 0.0])));
    /// ```
    ///
    /// # Panics
    /// As `norm_rows`, or if `g` has not x's shape.
    #[must_use]
    #[track_caller]
    pub fn norm_rows_grad(
        &self,
        g: &Self,
        (shape, centred): (&Shape, bool),
        statistics: &Self,
        weight: Option<&Self>,
        affine: bool,
    ) -> (Self, Option<(Self, Self)>) {
        assert!(self.shape() == g.shape(), "norm: shapes differ: {} and {}", self.shape(), g.shape());
        let n = shape.count();
        let (x, g, statistics) = (self.contiguous(), g.contiguous(), statistics.contiguous());
        let weight = weight.map(Self::contiguous);
        let mut both = Self::zeros([if affine { 2 * n } else { 0 }]);
        let dx = Self::build(*x.shape(), |dx| {
            T::norm_grad(
                current_isa(),
                Backward {
                    n,
                    centred,
                    x: dense(&x),
                    g: dense(&g),
                    statistics: dense(&statistics),
                    weight: weight.as_ref().map(dense),
                    dx,
                    affine: both.make_mut(),
                },
            );
        });
        let half = |i| both.narrow(0, i * n, n).contiguous().reshape(*shape);
        (dx, affine.then(|| (half(0), half(1))))
    }
}
