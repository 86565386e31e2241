//! Decompositions with several results: QR, symmetric eigenvalues, singular values. One operation computes all parts, packed
//! into one array; they are views of it, so that one rule sees all of their cotangents.

use gradus_tensor::{Float, LinalgError, Qr, Shape, Tensor, Triangle};

use super::choose;
use super::solve::{Computed, undefined};
use crate::op::{Cotangents, Op, Save, Saved};
use crate::var::{Var, apply};

/// A's cotangent from A, the parts and their cotangents.
type Rule<T> = fn(&Var<T>, &[Var<T>], &[Var<T>]) -> Var<T>;

struct Decompose<T: Float> {
    name: &'static str,
    value: Computed<T>,
    /// The parts' shapes.
    shapes: Vec<Shape>,
    rule: Rule<T>,
}

impl<T: Float> Op<T> for Decompose<T> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn saves(&self) -> Save {
        Save::input(0).and(Save::OUTPUT)
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.value.take()
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (parts, cotangents) = (unpack(&saved.output(), &self.shapes), unpack(g, &self.shapes));
        vec![Some((self.rule)(&saved.input(0), &parts, &cotangents))]
    }
}

#[track_caller]
fn decompose<T: Float, const N: usize>(
    name: &'static str,
    a: &Var<T>,
    parts: &[&Tensor<T>; N],
    rule: Rule<T>,
) -> [Var<T>; N] {
    let shapes: Vec<Shape> = parts.iter().map(|part| *part.shape()).collect();
    let flat: Vec<Tensor<T>> = parts.iter().map(|part| part.reshape([part.len()])).collect();
    let value = Computed::new(Tensor::cat(&flat.iter().collect::<Vec<_>>(), 0));
    let packed = apply(Decompose { name, value, shapes: shapes.clone(), rule }, &[a]);
    let mut parts = unpack(&packed, &shapes).into_iter();
    std::array::from_fn(|_| parts.next().unwrap_or_else(|| undefined(a))) // never short: a part per shape
}

fn unpack<T: Float>(packed: &Var<T>, shapes: &[Shape]) -> Vec<Var<T>> {
    let mut start = 0;
    let part = |shape: &Shape| {
        start += shape.count();
        packed.narrow(0, start - shape.count(), shape.count()).reshape(*shape)
    };
    shapes.iter().map(part).collect()
}

/// Q, R of A (Walter, Lehmann & Lamour 2012, *On evaluating higher-order derivatives of the QR decomposition*; for more
/// columns than rows, R's further ones are Qᵀ times A's).
fn of_qr<T: Float>(a: &Var<T>, parts: &[Var<T>], g: &[Var<T>]) -> Var<T> {
    let [q, r] = parts else { return undefined(a) };
    let [gq, gr] = g else { return undefined(a) };
    let (m, n) = (a.dim(-2), a.dim(-1));
    if m >= n {
        return of_tall_qr(q, r, gq, gr);
    }
    let (left, more) = (r.narrow(-1, 0, m), gr.narrow(-1, m, n - m));
    let gq = gq + a.narrow(-1, m, n - m).matmul(&more.t());
    Var::cat(&[&of_tall_qr(q, &left, &gq, &gr.narrow(-1, 0, m)), &q.matmul(&more)], -1)
}

fn of_tall_qr<T: Float>(q: &Var<T>, r: &Var<T>, gq: &Var<T>, gr: &Var<T>) -> Var<T> {
    let inner = r.matmul(&gr.triu(0).t()) - gq.t().matmul(q);
    let symmetric = inner.tril(0) + inner.tril(-1).t();
    let right = gq + q.matmul(&symmetric);
    match r.solve_triangular(&right.t(), Triangle::upper()) {
        Ok(x) => x.t(),
        Err(_) => undefined(gq), // columns depend on each other
    }
}

/// 1 / (xⱼ − xᵢ) at (i, j); 0 where they are equal.
fn inverse_gaps<T: Float>(x: &Var<T>) -> Var<T> {
    let gaps = x.unsqueeze(-2) - x.unsqueeze(-1);
    let equal = gaps.value().map(|gap| gap == T::ZERO);
    let number = |x: f64| Var::constant(Tensor::scalar(T::of(x)));
    choose(&equal, &number(0.0), &choose(&equal, &number(1.0), &gaps).reciprocal())
}

/// x as the diagonal of a matrix.
fn diagonal<T: Float>(x: &Var<T>) -> Var<T> {
    x.unsqueeze(-1) * Var::constant(Tensor::eye(x.dim(-1)))
}

/// w, V of a symmetric A: dA = V·(diag(dw) + F∘(Vᵀ·dV))·Vᵀ, made symmetric (Giles 2008, *An extended collection of matrix
/// derivative results*, 3.1).
fn of_eigh<T: Float>(a: &Var<T>, parts: &[Var<T>], g: &[Var<T>]) -> Var<T> {
    let [w, v] = parts else { return undefined(a) };
    let [gw, gv] = g else { return undefined(a) };
    let inner = diagonal(gw) + inverse_gaps(w) * v.t().matmul(gv);
    let all = v.matmul(&inner).matmul(&v.t());
    (&all + all.t()) * 0.5
}

/// U, s, Vᵀ of A (Townsend 2016, *Differentiating the singular value decomposition*).
fn of_svd<T: Float>(a: &Var<T>, parts: &[Var<T>], g: &[Var<T>]) -> Var<T> {
    let [u, s, vt] = parts else { return undefined(a) };
    let [gu, gs, gvt] = g else { return undefined(a) };
    let (m, n, k) = (a.dim(-2), a.dim(-1), s.dim(-1));
    let gaps = inverse_gaps(&s.square());
    let skew = |x: Var<T>| (&x - x.t()) * &gaps;
    let (columns, rows) = (s.unsqueeze(-2), s.unsqueeze(-1));
    let inner = skew(u.t().matmul(gu)) * &columns + skew(vt.matmul(&gvt.t())) * &rows + diagonal(gs);
    let mut out = u.matmul(&inner).matmul(vt);
    // What leaves the space that the reduced vectors span; nothing where s is 0.
    let zero = s.value().map(|s| s == T::ZERO);
    let number = |x: f64| Var::constant(Tensor::scalar(T::of(x)));
    let inverse = choose(&zero, &number(0.0), &choose(&zero, &number(1.0), s).reciprocal());
    if m > k {
        let outside = gu - u.matmul(&u.t().matmul(gu));
        out = out + (outside * inverse.unsqueeze(-2)).matmul(vt);
    }
    if n > k {
        let outside = gvt - gvt.matmul(&vt.t()).matmul(vt);
        out = out + (u * inverse.unsqueeze(-2)).matmul(&outside);
    }
    out
}

impl<T: Float> Var<T> {
    /// A = Q·R, reduced: `[…, M, N] → Q […, M, K], R […, K, N]`, K = min(M, N) (PyTorch: `linalg.qr`). The gradient asks that
    /// the first K columns be independent, and is NaN where they are not.
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[3.0_f64], [4.0]]);
    /// let (q, r) = a.qr()?;
    /// assert!((q.value().at(&[0, 0]) * r.item() - 3.0).abs() < 1e-12);
    /// let slope = (r.clone() * r).sum().backward(); // R² = ‖a‖²
    /// assert!(slope.of(&a).is_some_and(|g| (g.at(&[1, 0]) - 8.0).abs() < 1e-12));
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn qr(&self) -> Result<(Self, Self), LinalgError> {
        Ok(self.record_qr(&self.value().qr()?))
    }

    /// [`Var::qr`], or nothing where columns depend on each other.
    #[track_caller]
    pub(super) fn qr_of_full_rank(&self) -> Result<Option<(Self, Self)>, LinalgError> {
        let qr = self.value().qr()?;
        Ok(qr.has_full_rank().then(|| self.record_qr(&qr)))
    }

    #[track_caller]
    fn record_qr(&self, qr: &Qr<T>) -> (Self, Self) {
        decompose("qr", self, &[&qr.q, &qr.r], of_qr).into()
    }

    /// A = V·diag(w)·Vᵀ for a symmetric A: `[…, N, N] → w […, N], V […, N, N]`, w ascending (PyTorch: `linalg.eigh`).
    /// Only the lower triangle of A is read; the gradient is symmetric. Vectors of equal values have no derivative: what they
    /// give each other counts as 0, which is right for all that does not depend on their choice.
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[2.0_f64, 0.0], [0.0, 5.0]]);
    /// let (w, _) = a.eigh()?;
    /// assert_eq!(w.select(0, 1).backward().of(&a).unwrap().to_vec(), [0.0, 0.0, 0.0, 1.0]);
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If the lower triangle holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn eigh(&self) -> Result<(Self, Self), LinalgError> {
        let eigh = self.value().eigh()?;
        Ok(decompose("eigh", self, &[&eigh.values, &eigh.vectors], of_eigh).into())
    }

    /// The eigenvalues of a symmetric A, ascending: `[…, N, N] → […, N]` (PyTorch: `linalg.eigvalsh`).
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[2.0_f64, 0.0], [0.0, 5.0]]);
    /// let w = a.eigvalsh()?;
    /// assert_eq!(w.value().to_vec(), [2.0, 5.0]);
    /// assert_eq!(w.sum().backward().of(&a).map(|g| g.to_vec()), Some(vec![1.0, 0.0, 0.0, 1.0])); // that of the trace
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If the lower triangle holds NaN or an infinity.
    ///
    /// # Panics
    /// If A is not square.
    #[track_caller]
    pub fn eigvalsh(&self) -> Result<Self, LinalgError> {
        Ok(self.eigh()?.0)
    }

    /// A = U·diag(s)·Vᵀ, reduced, s descending: `[…, M, N] → U […, M, K], s […, K], Vᵀ […, K, N]`, K = min(M, N)
    /// (PyTorch: `linalg.svd(full_matrices=False)`). Vectors of equal values have no derivative: what they give each other
    /// counts as 0, and so does what vectors of value 0 give to the rest of the space.
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[0.0_f64, 2.0], [3.0, 0.0]]);
    /// let (u, s, vt) = a.svd()?;
    /// let whole = (&u * &s).matmul(&vt);
    /// assert!((whole - &a).abs().max_axes(&[], false).item() < 1e-12);
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn svd(&self) -> Result<(Self, Self, Self), LinalgError> {
        let svd = self.value().svd()?;
        Ok(decompose("svd", self, &[&svd.u, &svd.s, &svd.vt], of_svd).into())
    }

    /// The singular values, descending: `[…, M, N] → […, K]`, K = min(M, N) (PyTorch: `linalg.svdvals`). Their sum is the
    /// nuclear norm, the first one the spectral norm.
    ///
    /// ```
    /// let a = gradus_autodiff::Var::leaf([[2.0_f64, 0.0], [0.0, 3.0]]);
    /// let largest = a.svdvals()?.select(0, 0);
    /// assert!((largest.item() - 3.0).abs() < 1e-12);
    /// assert!(largest.backward().of(&a).is_some_and(|g| (g.at(&[1, 1]) - 1.0).abs() < 1e-12));
    /// # Ok::<(), gradus_autodiff::tensor::LinalgError>(())
    /// ```
    ///
    /// # Errors
    /// If A holds NaN or an infinity.
    ///
    /// # Panics
    /// If A has fewer than two axes.
    #[track_caller]
    pub fn svdvals(&self) -> Result<Self, LinalgError> {
        Ok(self.svd()?.1)
    }
}
