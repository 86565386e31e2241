//! Determinants.

use gradus_tensor::{Float, LogDet, Tensor};

use super::solve::undefined;
use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

struct Det;

impl<T: Float> Op<T> for Det {
    fn name(&self) -> &'static str {
        "det"
    }

    fn saves(&self) -> Save {
        Save::input(0).and(Save::OUTPUT)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].det()
    }

    /// dA = d·det(A)·A⁻ᵀ, the cofactors, which a singular A has too.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let a = saved.input(0);
        let cofactors = match a.inverse() {
            Ok(inverse) if !is_ill_conditioned(&a, &inverse) => {
                saved.output().unsqueeze(-1).unsqueeze(-1) * inverse.t()
            }
            _ => cofactors(&a),
        };
        vec![Some(g.unsqueeze(-1).unsqueeze(-1) * cofactors)]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![batch.leading(g.shape(), 0, &saved.shape(0))?])
    }
}

/// Whether, in a matrix of the batch, half of the digits are lost: derivatives of the product det(A)·A⁻ᵀ lose all then.
fn is_ill_conditioned<T: Float>(a: &Var<T>, inverse: &Var<T>) -> bool {
    if a.is_empty() {
        return false;
    }
    let size = |x: &Var<T>| x.value().square().sum_axes(&[-2, -1], false).sqrt();
    let condition = size(a) * &size(inverse);
    !condition.less(&Tensor::scalar(T::of(T::EPS.sqrt().recip()))).all()
}

/// det(U)·det(V)·U·diag(∏ of the other singular values)·Vᵀ, for matrices of which some are singular.
fn cofactors<T: Float>(a: &Var<T>) -> Var<T> {
    let Ok((u, s, vt)) = a.svd() else { return undefined(a) };
    let sign = u.value().det() * &vt.value().det();
    let sign = sign.map(|x| x.signum()).unsqueeze(-1).unsqueeze(-1);
    let n = s.dim(-1);
    let product_without = |skip: usize| {
        let others = (0..n).filter(|&j| j != skip).map(|j| s.narrow(-1, j, 1));
        let one = || Var::constant(Tensor::ones(s.shape().with(s.rank() - 1, 1)));
        others.reduce(|a, b| a * b).unwrap_or_else(one)
    };
    let products: Vec<Var<T>> = (0..n).map(product_without).collect();
    let products = Var::cat(&products.iter().collect::<Vec<_>>(), -1);
    (u * products.unsqueeze(-2)).matmul(&vt) * Var::constant(sign)
}

struct LogDeterminant<T: Float>(Option<Tensor<T>>);

impl<T: Float> Op<T> for LogDeterminant<T> {
    fn name(&self) -> &'static str {
        "slogdet"
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.0.take().unwrap_or_default()
    }

    /// dA = d·A⁻ᵀ.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let a = saved.input(0);
        let inverse = a.inverse().unwrap_or_else(|_| undefined(&a));
        vec![Some(g.unsqueeze(-1).unsqueeze(-1) * inverse.t())]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![batch.leading(g.shape(), 0, &saved.shape(0))?])
    }
}

impl<T: Float> Var<T> {
    /// det A: `[…, N, N] → […]` (PyTorch: `linalg.det`). Its gradient, the cofactors, is there for singular A too; a gradient of
    /// higher order there only if no two singular values are equal.
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[1.0_f64, 2.0], [2.0, 4.0]]); // singular
    /// let cofactors = a.det().backward().of(&a).unwrap().to_vec();
    /// assert!(cofactors.iter().zip([4.0, -2.0, -2.0, 1.0]).all(|(a, b)| (a - b).abs() < 1e-12));
    /// ```
    ///
    /// # Panics
    /// If A is not square.
    #[must_use]
    #[track_caller]
    pub fn det(&self) -> Self {
        apply(Det, &[self])
    }

    /// Sign and logarithm of |det A|: `[…, N, N] → […]` each (PyTorch: `linalg.slogdet`). The gradient of the logarithm
    /// is NaN where A is singular (of all matrices in the batch then).
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[0.0_f64, 2.0], [4.0, 0.0]]);
    /// let (sign, log_abs) = a.slogdet();
    /// assert!(sign.item() == -1.0 && (log_abs.item() - 8.0_f64.ln()).abs() < 1e-12);
    /// assert_eq!(log_abs.backward().of(&a).map(|g| g.to_vec()), Some(vec![0.0, 0.5, 0.25, 0.0])); // A⁻ᵀ
    /// ```
    ///
    /// # Panics
    /// If A is not square.
    #[must_use]
    #[track_caller]
    pub fn slogdet(&self) -> (Tensor<T>, Self) {
        let LogDet { sign, log_abs } = self.value().slogdet();
        (sign, apply(LogDeterminant(Some(log_abs)), &[self]))
    }
}
