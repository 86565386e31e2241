//! Linear systems, inverses, the Cholesky factor, powers and the exponential of matrices. What may fail is computed before
//! the operation is recorded; rules read the factors that the forward pass made.

use std::sync::Arc;

use gradus_tensor::{Float, LinalgError, Lu, Tensor, Triangle};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

/// A value that was there before its operation, since computing it may fail.
pub(super) struct Computed<T: Float>(Option<Tensor<T>>);

impl<T: Float> Computed<T> {
    pub(super) fn new(value: Tensor<T>) -> Self {
        Self(Some(value))
    }

    /// The value, once.
    pub(super) fn take(&mut self) -> Tensor<T> {
        self.0.take().unwrap_or_default()
    }
}

/// NaN of a shape: the derivative where there is none.
pub(super) fn undefined<T: Float>(like: &Var<T>) -> Var<T> {
    Var::constant(Tensor::full(*like.shape(), T::nan()))
}

/// X = A⁻¹·B, or A⁻ᵀ·B, from A's factors.
struct Solve<T: Float> {
    lu: Arc<Lu<T>>,
    transposed: bool,
    value: Computed<T>,
}

#[track_caller]
fn solve_by<T: Float>(
    lu: &Arc<Lu<T>>,
    a: &Var<T>,
    b: &Var<T>,
    transposed: bool,
) -> Result<Var<T>, LinalgError> {
    let value = if transposed { lu.solve_transposed(b.value())? } else { lu.solve(b.value())? };
    Ok(apply(Solve { lu: Arc::clone(lu), transposed, value: Computed::new(value) }, &[a, b]))
}

impl<T: Float> Op<T> for Solve<T> {
    fn name(&self) -> &'static str {
        "solve"
    }

    fn saves(&self) -> Save {
        Save::input(0).and(Save::OUTPUT)
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.value.take()
    }

    /// A·X = B: dB = A⁻ᵀ·dX, dA = −dB·Xᵀ.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let right = solve_by(&self.lu, &saved.input(0), g, !self.transposed);
        let right = right.unwrap_or_else(|_| undefined(g)); // never: the forward pass asked whether it is singular
        let left = saved.wants(0).then(|| match self.transposed {
            false => -right.matmul(&saved.output().t()),
            true => -saved.output().matmul(&right.t()),
        });
        vec![left, Some(right)]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        // Leading axes broadcast.
        batch.leading::<T>(g.shape(), 2, g.shape())?;
        Some(vec![Flow::Broadcast, Flow::Broadcast])
    }
}

struct Substitute<T: Float> {
    which: Triangle,
    value: Computed<T>,
}

impl<T: Float> Op<T> for Substitute<T> {
    fn name(&self) -> &'static str {
        "solve_triangular"
    }

    fn saves(&self) -> Save {
        Save::input(0).and(Save::OUTPUT)
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.value.take()
    }

    /// As of [`Solve`]; A's other triangle, and a unit diagonal, are not read.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let right = saved.input(0).t().solve_triangular(g, self.which.flipped());
        let right = right.unwrap_or_else(|_| undefined(g)); // never, as above
        let left = saved.wants(0).then(|| {
            let all = -right.matmul(&saved.output().t());
            let inner = isize::from(self.which.has_unit_diagonal());
            if self.which.is_upper() { all.triu(inner) } else { all.tril(-inner) }
        });
        vec![left, Some(right)]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        // Leading axes broadcast.
        batch.leading::<T>(g.shape(), 2, g.shape())?;
        Some(vec![Flow::Broadcast, Flow::Broadcast])
    }
}

struct Inverse<T: Float>(Computed<T>);

impl<T: Float> Op<T> for Inverse<T> {
    fn name(&self) -> &'static str {
        "inverse"
    }

    fn saves(&self) -> Save {
        Save::OUTPUT
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.0.take()
    }

    /// dA = −A⁻ᵀ·dY·A⁻ᵀ.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let inverse = saved.output().t();
        vec![Some(-inverse.matmul(g).matmul(&inverse))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![batch.leading(g.shape(), 2, &saved.shape(0))?])
    }
}

struct Cholesky<T: Float>(Computed<T>);

impl<T: Float> Op<T> for Cholesky<T> {
    fn name(&self) -> &'static str {
        "cholesky"
    }

    fn saves(&self) -> Save {
        Save::OUTPUT
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.0.take()
    }

    /// dA = sym(L⁻ᵀ·Φ(Lᵀ·dL)·L⁻¹), where Φ takes the lower triangle and half of the diagonal (Murray 2016,
    /// *Differentiation of the Cholesky decomposition*).
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let upper = saved.output().t();
        let product = upper.matmul(&g.tril(0));
        let half = (product.tril(0) + product.tril(-1)) * 0.5;
        let both = |x: &Var<T>| upper.solve_triangular(x, Triangle::upper());
        let outer = both(&half).and_then(|x| both(&x.t()));
        let outer = outer.unwrap_or_else(|_| undefined(g)); // never: L's diagonal is positive
        vec![Some((&outer + outer.t()) * 0.5)]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![batch.leading(g.shape(), 2, &saved.shape(0))?])
    }
}

struct Exponential<T: Float>(Computed<T>);

impl<T: Float> Op<T> for Exponential<T> {
    fn name(&self) -> &'static str {
        "matrix_exp"
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.0.take()
    }

    /// dA is the upper right block of exp [[Aᵀ, dY], [0, Aᵀ]] (Najfeld & Havel 1995, *Derivatives of the matrix exponential*).
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let a = saved.input(0).t();
        let (n, zeros) = (a.dim(-1), Var::constant(Tensor::zeros(*a.shape())));
        let top = Var::cat(&[&a, g], -1);
        let bottom = Var::cat(&[&zeros, &a], -1);
        let large = Var::cat(&[&top, &bottom], -2).matrix_exp();
        vec![Some(match large {
            Ok(large) => large.narrow(-2, 0, n).narrow(-1, n, n),
            Err(_) => undefined(g), // the cotangent is not finite
        })]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![batch.leading(g.shape(), 2, &saved.shape(0))?])
    }
}

impl<T: Float> Var<T> {
    /// The X with A·X = B for a square A: `[…, N, N], […, N, K] → […, N, K]`, or for vectors `[…, N, N], […, N] → […, N]`
    /// (PyTorch: `linalg.solve`). Leading axes broadcast. A is factored once, for the gradients too.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::leaf([[2.0_f64, 0.0], [0.0, 4.0]]), Var::leaf([1.0, 2.0]));
    /// let x = a.solve(&b)?;
    /// assert_eq!(x.value().to_vec(), [0.5, 0.5]);
    /// assert_eq!(x.sum().backward().of(&b).unwrap().to_vec(), [0.5, 0.25]);
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A is singular or holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square or the shapes do not fit.
    #[track_caller]
    pub fn solve(&self, b: &Self) -> Result<Self, LinalgError> {
        let (a, right) = (self.shape(), b.shape());
        if a.len() >= 2 && (right.len() == 1 || right[..] == a[..a.len() - 1]) {
            return Ok(self.solve(&b.unsqueeze(-1))?.squeeze(-1));
        }
        let (lu, value) = self.value().solve_and_factors(b.value())?;
        Ok(apply(Solve { lu: Arc::new(lu), transposed: false, value: Computed::new(value) }, &[self, b]))
    }

    /// The X with A·X = B for a triangular A: `[…, N, N], […, N, K] → […, N, K]` (PyTorch:
    /// `linalg.solve_triangular`). The other triangle of A is not read and gets no gradient; leading axes broadcast.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Triangle;
    /// let (a, b) = (Var::leaf([[2.0_f64, 9.0], [1.0, 4.0]]), Var::leaf([[2.0], [5.0]])); // the 9 is not read
    /// let x = a.solve_triangular(&b, Triangle::lower())?;
    /// assert_eq!(x.value().to_vec(), [1.0, 1.0]);
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If an element of the diagonal is 0 or NaN.
    ///
    /// # Panics
    /// If A is not square or the shapes do not fit.
    #[track_caller]
    pub fn solve_triangular(&self, b: &Self, which: Triangle) -> Result<Self, LinalgError> {
        let value = Computed::new(self.value().solve_triangular(b.value(), which)?);
        Ok(apply(Substitute { which, value }, &[self, b]))
    }

    /// A⁻¹: `[…, N, N] → […, N, N]` (PyTorch: `linalg.inv`).
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[2.0_f64, 0.0], [0.0, 4.0]]);
    /// let inverse = a.inverse()?;
    /// assert_eq!(inverse.value().to_vec(), [0.5, 0.0, 0.0, 0.25]);
    /// assert_eq!(inverse.sum().backward().of(&a).map(|g| g.at(&[0, 0])), Some(-0.25));
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A is singular or holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn inverse(&self) -> Result<Self, LinalgError> {
        Ok(apply(Inverse(Computed::new(self.value().inverse()?)), &[self]))
    }

    /// The lower triangular L with A = L·Lᵀ for symmetric positive definite A: `[…, N, N] → […, N, N]` (PyTorch:
    /// `linalg.cholesky`). Only the lower triangle of A is read; the gradient is symmetric, as PyTorch's.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let a = Var::leaf([[4.0_f64, 2.0], [2.0, 5.0]]);
    /// let l = a.cholesky()?;
    /// assert_eq!(l.value().to_vec(), [2.0, 0.0, 1.0, 2.0]);
    /// let x = l.cholesky_solve(&Var::constant([[8.0], [12.0]]))?; // A·x = b
    /// assert_eq!(x.value().to_vec(), [1.0, 2.0]);
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A is not positive definite or holds NaN.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn cholesky(&self) -> Result<Self, LinalgError> {
        Ok(apply(Cholesky(Computed::new(self.value().cholesky()?)), &[self]))
    }

    /// The X with A·X = B from the Cholesky factor L = self of A: `[…, N, N], […, N, K] → […, N, K]` (PyTorch:
    /// `cholesky_solve`, which names B first).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::leaf([[4.0_f64, 2.0], [2.0, 5.0]]), Var::constant([[8.0], [12.0]]));
    /// assert_eq!(a.cholesky()?.cholesky_solve(&b)?.value().to_vec(), [1.0, 2.0]);
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If an element of L's diagonal is 0 or NaN.
    ///
    /// # Panics
    /// If L is not square or the shapes do not fit.
    #[track_caller]
    pub fn cholesky_solve(&self, b: &Self) -> Result<Self, LinalgError> {
        let y = self.solve_triangular(b, Triangle::lower())?;
        self.t().solve_triangular(&y, Triangle::upper())
    }

    /// Aᵏ by repeated squaring: `[…, N, N] → […, N, N]` (PyTorch: `linalg.matrix_power`). Negative powers are those of the
    /// inverse, power 0 is the identity.
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[1.0_f64, 1.0], [0.0, 1.0]]);
    /// assert_eq!(a.matrix_power(3)?.value().to_vec(), [1.0, 3.0, 0.0, 1.0]);
    /// assert_eq!(a.matrix_power(-1)?.value().to_vec(), [1.0, -1.0, 0.0, 1.0]);
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If the power is negative and A is singular or holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn matrix_power(&self, power: i32) -> Result<Self, LinalgError> {
        if power == 0 {
            return Ok(Self::constant(self.value().matrix_power(0)?));
        }
        let shape = self.shape();
        let square = shape.len() >= 2 && shape[shape.len() - 2] == shape[shape.len() - 1];
        assert!(square, "matrix_power: not square: {shape} ([…, N, N])");
        let mut base = if power < 0 { self.inverse()? } else { self.clone() };
        let (mut left, mut out) = (power.unsigned_abs(), None::<Self>);
        while left > 0 {
            if left % 2 == 1 {
                out = Some(out.map_or_else(|| base.clone(), |out| out.matmul(&base)));
            }
            left /= 2;
            if left > 0 {
                base = base.matmul(&base);
            }
        }
        Ok(out.unwrap_or(base))
    }

    /// e^A = Σ Aᵏ/k!: `[…, N, N] → […, N, N]` (PyTorch: `linalg.matrix_exp`).
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[0.0_f64, 1.0], [0.0, 0.0]]);
    /// let e = a.matrix_exp()?; // 1 + A, as A² = 0
    /// assert!((e.value().at(&[0, 1]) - 1.0).abs() < 1e-12 && (e.value().at(&[1, 1]) - 1.0).abs() < 1e-12);
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn matrix_exp(&self) -> Result<Self, LinalgError> {
        Ok(apply(Exponential(Computed::new(self.value().matrix_exp()?)), &[self]))
    }
}
