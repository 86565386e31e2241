//! Augmentations that mix the samples of a batch or blank parts of them: mixup, CutMix, Cutout. They act on tensors alone and
//! must never know where a batch came from or what it is for.

use gradus_tensor::{Float, Rng, Tensor};

use crate::error::DataError;

/// Pairs of samples and of their targets, mixed in one proportion per batch: with λ ~ Beta(α, α) and a permutation π,
/// x′ᵢ = λ·xᵢ + (1 − λ)·xπ₍ᵢ₎ and y′ᵢ likewise; `[N, …]`, `[N, …]` → the same shapes (Zhang et al. 2018, "mixup: Beyond Empirical
/// Risk Minimization"). Targets are probabilities or numbers, so one-hot encode classes first. α = 0 mixes nothing.
///
/// ```
/// use gradus_data::mixup;
/// use gradus_tensor::{Rng, Tensor};
/// let (x, y) = (Tensor::from([[0.0_f32], [1.0]]), Tensor::from([[1.0_f32, 0.0], [0.0, 1.0]]));
/// let (x, y) = mixup(&x, &y, 0.4, &mut Rng::seed(3))?;
/// assert_eq!(x.at(&[0, 0]), y.at(&[0, 1])); // the share of the second sample, in both
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If `alpha` is not 0 or more, or `x` and `y` have not equally many samples.
pub fn mixup<T: Float>(
    x: &Tensor<T>,
    y: &Tensor<T>,
    alpha: f64,
    rng: &mut Rng,
) -> Result<(Tensor<T>, Tensor<T>), DataError> {
    let samples = check("mixup", x, y, alpha)?;
    let share = beta(alpha, rng);
    let other = Tensor::<i64>::permutation(samples, rng);
    Ok((blend(x, &other, share), blend(y, &other, share)))
}

/// A box of each image replaced by the same box of another one: with λ ~ Beta(α, α) the box has sides H·√(1 − λ), W·√(1 − λ) around
/// a uniform centre, cut off at the border; targets are mixed in proportion to the areas that remain; `[N, C, H, W]`,
/// `[N, …]` → the same shapes (Yun et al. 2019, "CutMix"). α = 0 mixes nothing.
///
/// ```
/// use gradus_data::cutmix;
/// use gradus_tensor::{Rng, Tensor};
/// let x = Tensor::from_fn([2, 1, 8, 8], |i| i[0] as f32);
/// let y = Tensor::from([[1.0_f32, 0.0], [0.0, 1.0]]);
/// let (x, y) = cutmix(&x, &y, 1.0, &mut Rng::seed(1))?;
/// let replaced = x.select(0, 0).mean().item();
/// assert!((replaced - y.at(&[0, 1])).abs() < 1e-6);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If `alpha` is not 0 or more, `x` is not `[N, C, H, W]`, or `x` and `y` have not equally many samples.
pub fn cutmix<T: Float>(
    x: &Tensor<T>,
    y: &Tensor<T>,
    alpha: f64,
    rng: &mut Rng,
) -> Result<(Tensor<T>, Tensor<T>), DataError> {
    let samples = check("cutmix", x, y, alpha)?;
    let [_, _, height, width] = image_sizes("cutmix", x)?;
    let side = (1.0 - beta(alpha, rng)).sqrt();
    let (rows, columns) = (strip(height, side, rng), strip(width, side, rng));
    let other = Tensor::<i64>::permutation(samples, rng);
    let inside = boxes(x, |_| (rows, columns));
    let area = (rows.1 - rows.0) * (columns.1 - columns.0);
    let share = 1.0 - area as f64 / (height * width).max(1) as f64;
    let mixed = inside.choose(&x.index_select(0, &other), x);
    Ok((mixed, blend(y, &other, share)))
}

/// A square of each image blanked with noughts, around a centre that is uniform over the image, cut off at the border;
/// `[N, C, H, W] → [N, C, H, W]` (DeVries & Taylor 2017, "Improved Regularization of Convolutional Neural Networks with Cutout").
/// Images should be normalised before, so that 0 is the mean.
///
/// ```
/// use gradus_data::cutout;
/// use gradus_tensor::{Rng, Tensor};
/// let x = cutout(&Tensor::<f32>::ones([1, 3, 8, 8]), 4, &mut Rng::seed(2))?;
/// let blank = (1.0 - x.mean().item()) * 64.0;
/// assert!((4.0..=16.0).contains(&blank));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If `x` is not `[N, C, H, W]`.
pub fn cutout<T: Float>(x: &Tensor<T>, side: usize, rng: &mut Rng) -> Result<Tensor<T>, DataError> {
    let [samples, _, height, width] = image_sizes("cutout", x)?;
    let square = |length: usize, rng: &mut Rng| around(rng.below(length), side, length);
    let places: Vec<_> = (0..samples).map(|_| (square(height, rng), square(width, rng))).collect();
    let inside = boxes(x, |sample| places[sample]);
    Ok(inside.choose(&Tensor::zeros(*x.shape()), x))
}

/// λ·x + (1 − λ)·x[other].
fn blend<T: Float>(x: &Tensor<T>, other: &Tensor<i64>, share: f64) -> Tensor<T> {
    let (share, rest) = (T::of(share), T::of(1.0 - share));
    x.zip(&x.index_select(0, other), move |a, b| a * share + b * rest)
}

/// The part of 0 .. `length` that a strip of a share `side` of it covers around a uniform centre.
fn strip(length: usize, side: f64, rng: &mut Rng) -> (usize, usize) {
    around(rng.below(length), (side * length as f64) as usize, length)
}

/// The part of 0 .. `length` that `side` cells around `centre` cover.
fn around(centre: usize, side: usize, length: usize) -> (usize, usize) {
    (centre.saturating_sub(side / 2), (centre + side.div_ceil(2)).min(length))
}

/// Where an image's box is: `[N, 1, H, W]`, from the rows and columns of each sample.
fn boxes<T: Float>(x: &Tensor<T>, place: impl Fn(usize) -> ((usize, usize), (usize, usize))) -> Tensor<bool> {
    let [samples, _, height, width] = x.dims();
    Tensor::from_fn([samples, 1, height, width], |i| {
        let (rows, columns) = place(i[0]);
        (rows.0..rows.1).contains(&i[2]) && (columns.0..columns.1).contains(&i[3])
    })
}

fn check<T: Float>(op: &'static str, x: &Tensor<T>, y: &Tensor<T>, alpha: f64) -> Result<usize, DataError> {
    if !(alpha >= 0.0 && alpha.is_finite()) {
        return Err(DataError::unfit(op, format!("alpha is {alpha}"), "give a finite number, 0 or more"));
    }
    match (x.shape().first(), y.shape().first()) {
        (Some(&samples), Some(&targets)) if samples == targets => Ok(samples),
        _ => {
            let what = format!("samples {} and targets {} are not equally many", x.shape(), y.shape());
            Err(DataError::unfit(op, what, "give one target for each sample, [N, …] and [N, …]"))
        }
    }
}

fn image_sizes<T: Float>(op: &'static str, x: &Tensor<T>) -> Result<[usize; 4], DataError> {
    <[usize; 4]>::try_from(&x.shape()[..]).map_err(|_| {
        DataError::unfit(op, format!("{} is no batch of images", x.shape()), "give [N, C, H, W]")
    })
}

/// A draw of Beta(α, α); 1 for α = 0, whose draws are 0 or 1.
fn beta(alpha: f64, rng: &mut Rng) -> f64 {
    if alpha == 0.0 {
        return 1.0;
    }
    let (a, b) = (ln_gamma_draw(alpha, rng), ln_gamma_draw(alpha, rng));
    1.0 / (1.0 + (b - a).exp())
}

/// The logarithm of a draw of Gamma(α, 1) (Marsaglia & Tsang 2000); of Gamma(α + 1, 1)·U^(1/α) for α < 1, in logarithms because
/// that product underflows for small α.
fn ln_gamma_draw(alpha: f64, rng: &mut Rng) -> f64 {
    if alpha < 1.0 {
        let uniform: f64 = 1.0 - rng.uniform01::<f64>();
        return ln_gamma_draw(alpha + 1.0, rng) + uniform.ln() / alpha;
    }
    let d = alpha - 1.0 / 3.0;
    let c = (9.0 * d).sqrt().recip();
    loop {
        let z: f64 = Tensor::<f64>::normal([], 0.0, 1.0, rng).item();
        let v = (1.0 + c * z).powi(3);
        let uniform: f64 = 1.0 - rng.uniform01::<f64>();
        if v > 0.0 && uniform.ln() < 0.5 * z * z + d - d * v + d * v.ln() {
            return (d * v).ln();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Mean 1/2 and variance 1/(4(2α + 1)) of Beta(α, α).
    #[test]
    fn proportions_are_beta_distributed() {
        for alpha in [0.2, 1.0, 3.0] {
            let rng = &mut Rng::seed(11);
            let draws: Vec<f64> = (0..20_000).map(|_| beta(alpha, rng)).collect();
            let mean = draws.iter().sum::<f64>() / 2e4;
            let variance = draws.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 2e4;
            assert!((mean - 0.5).abs() < 0.01, "{alpha}: mean {mean}");
            let wanted = 0.25 / (2.0 * alpha + 1.0);
            assert!((variance / wanted - 1.0).abs() < 0.05, "{alpha}: variance {variance}, not {wanted}");
        }
        let rng = &mut Rng::seed(1);
        assert!((0..2000).map(|_| beta(1e-3, rng)).all(|share| (0.0..=1.0).contains(&share)));
        assert_eq!(beta(0.0, rng), 1.0);
    }

    #[test]
    fn strips_are_cut_off_at_the_border() {
        assert_eq!([around(0, 4, 8), around(4, 3, 8), around(7, 4, 8)], [(0, 2), (3, 6), (5, 8)]);
        assert_eq!(around(0, 100, 8), (0, 8));
    }
}
