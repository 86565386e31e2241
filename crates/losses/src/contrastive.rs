//! Contrastive losses: a vector's partner against all others of the batch.

use gradus_autodiff::{Var, choose};
use gradus_tensor::{Float, Tensor};

use crate::check::{positive, same_shape};
use crate::cross_entropy::cross_entropy;
use crate::reduction::Reduction;

/// The least squared length that a vector is divided by: its root is PyTorch's ε of `normalize`.
const LEAST_SQUARE: f64 = 1e-24;

/// Each row divided by its length.
fn directions<T: Float>(x: &Var<T>) -> Var<T> {
    x * x.square().sum_axes(&[1], true).clamp(LEAST_SQUARE, f64::INFINITY).rsqrt()
}

#[track_caller]
fn check<T: Float>(op: &str, first: &Var<T>, second: &Var<T>, temperature: f64) {
    same_shape(op, first.shape(), second.shape());
    assert!(first.rank() == 2, "{op}: vectors are not [N, D]: {} ({} axes)", first.shape(), first.rank());
    positive(op, "temperature", temperature);
}

/// InfoNCE (van den Oord et al. 2018): ℓᵢ = −ln(e^(sᵢᵢ/τ)/Σⱼ e^(sᵢⱼ/τ)) with the cosines sᵢⱼ of query i and key j,
/// `[N, D], [N, D] → []`, or `[N]` for [`Reduction::None`]. The other keys of the batch are the negatives. For pictures and
/// texts (Radford et al. 2021) take the mean of this and of this with both exchanged.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, info_nce};
/// let x = Var::leaf([[1.0_f64, 0.0], [0.0, 2.0]]);
/// let loss = info_nce(&x, &x, 0.5, Reduction::Mean);
/// assert!((loss.item() - (-2.0_f64).exp().ln_1p()).abs() < 1e-12);
/// ```
///
/// # Panics
/// If the shapes differ or are not `[N, D]`, or τ is not above 0.
#[must_use]
#[track_caller]
pub fn info_nce<T: Float>(queries: &Var<T>, keys: &Var<T>, temperature: f64, reduction: Reduction) -> Var<T> {
    check("info_nce", queries, keys, temperature);
    let scores = directions(queries).matmul(&directions(keys).t()) / temperature;
    cross_entropy(&scores, &Tensor::<i64>::arange(queries.dim(0)), reduction)
}

/// NT-Xent (Chen et al. 2020, "A Simple Framework for Contrastive Learning"): [`info_nce`] of 2N views, each against all
/// others of both batches, `[N, D], [N, D] → []`, or `[2N]` for [`Reduction::None`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, nt_xent};
/// let (a, b) = (Var::leaf([[1.0_f64, 0.0]]), Var::leaf([[0.0, 1.0]]));
/// assert_eq!(nt_xent(&a, &b, 0.1, Reduction::Mean).item(), 0.0); // there is no other
/// ```
///
/// # Panics
/// As [`info_nce`].
#[must_use]
#[track_caller]
pub fn nt_xent<T: Float>(first: &Var<T>, second: &Var<T>, temperature: f64, reduction: Reduction) -> Var<T> {
    check("nt_xent", first, second, temperature);
    let n = first.dim(0);
    let views = directions(&Var::cat(&[first, second], 0));
    let scores = views.matmul(&views.t()) / temperature;
    // No view is its own rival.
    let own = Tensor::<bool>::from_fn([2 * n, 2 * n], |i| i[0] == i[1]);
    let nothing = Var::constant(Tensor::scalar(T::of(f64::NEG_INFINITY)));
    let partners: Tensor<i64> = (0..2 * n as i64).map(|i| (i + n as i64) % (2 * n as i64)).collect();
    cross_entropy(&choose(&own, &nothing, &scores), &partners, reduction)
}
