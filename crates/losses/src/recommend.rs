//! Ranking losses of recommenders: pairs (BPR), sampled ranks (WARP), whole lists (ListNet).

use gradus_autodiff::Var;
use gradus_tensor::{Element, Float, Rng, Tensor};

use crate::check::{place, same_shape};
use crate::cross_entropy::cross_entropy_soft;
use crate::reduction::Reduction;

/// Bayesian personalised ranking (Rendle et al. 2009): ℓ = −ln σ(s⁺ − s⁻) of the scores of an item that was chosen and one
/// that was not, `[…], […] → []`.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, bpr};
/// let losses = bpr(&Var::leaf([1.0_f32, 0.0]), &Var::leaf([1.0, 500.0]), Reduction::None);
/// assert_eq!(losses.value().to_vec(), [2.0_f32.ln(), 500.0]);
/// ```
///
/// # Panics
/// If the shapes differ.
#[must_use]
#[track_caller]
pub fn bpr<T: Float>(chosen: &Var<T>, other: &Var<T>, reduction: Reduction) -> Var<T> {
    same_shape("bpr", chosen.shape(), other.shape());
    reduction.apply((other - chosen).softplus())
}

/// ListNet's top-one loss (Cao et al. 2007): ℓ = −Σ softmax(relevance)·ln softmax(scores) of each list, `[N, L], [N, L] → []`,
/// or `[N]` for [`Reduction::None`]. Where lists are of several lengths, give what is not there the relevance −∞.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, listnet};
/// use gradus_tensor::Tensor;
/// let loss = listnet(&Var::leaf([[0.0_f64, 0.0]]), &Tensor::from([[3.0, 1.0]]), Reduction::Mean);
/// assert!((loss.item() - 2.0_f64.ln()).abs() < 1e-15);
/// ```
///
/// # Panics
/// If the shapes differ or are not `[N, L]`.
#[must_use]
#[track_caller]
pub fn listnet<T: Float>(scores: &Var<T>, relevance: &Tensor<T>, reduction: Reduction) -> Var<T> {
    same_shape("listnet", scores.shape(), relevance.shape());
    assert!(
        scores.rank() == 2,
        "listnet: scores are not [N, L]: {} ({} axes)",
        scores.shape(),
        scores.rank()
    );
    cross_entropy_soft(scores, relevance.softmax(1), reduction)
}

/// WARP, weighted approximate-rank pairwise loss (Weston, Bengio & Usunier 2011): negatives are drawn until one comes within
/// the margin of the chosen item; after k draws of C − 1 candidates the rank is taken as ⌊(C − 1)/k⌋, and
/// ℓ = Σ_{i ≤ rank} 1/i · max(0, m − s⁺ + s⁻). Items found by luck are ranked low, and count more.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::Warp;
/// use gradus_tensor::{Rng, Tensor};
/// let scores = Var::leaf([[0.0_f64, 5.0, 0.5]]); // item 0 was chosen
/// let loss = Warp::new().loss(&scores, &Tensor::from([0_i64]), None, &mut Rng::seed(1));
/// assert!(loss.item() > 0.0);
/// let strict = Warp::new().margin(10.0).most_draws(50).reduction(gradus_losses::Reduction::Sum);
/// assert!(strict.loss(&scores, &Tensor::from([1_i64]), None, &mut Rng::seed(1)).item() > 0.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Warp {
    margin: f64,
    most_draws: usize,
    reduction: Reduction,
}

impl Default for Warp {
    fn default() -> Self {
        Self { margin: 1.0, most_draws: 100, reduction: Reduction::Mean }
    }
}

impl Warp {
    /// m = 1, at most 100 draws, reduced to the mean.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// m.
    #[must_use]
    pub fn margin(mut self, margin: f64) -> Self {
        self.margin = margin;
        self
    }

    /// After how many draws an item counts as well ranked, with loss 0.
    #[must_use]
    pub fn most_draws(mut self, draws: usize) -> Self {
        self.most_draws = draws;
        self
    }

    /// What is made of the single losses.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss of scores `[N, C]` and chosen items `[N]`: `[]`, or `[N]` for [`Reduction::None`]. `known`, `[N, C]`, marks
    /// further items that were chosen and are never drawn.
    ///
    /// # Panics
    /// If the shapes do not fit, or an item does not exist.
    #[must_use]
    #[track_caller]
    pub fn loss<T: Float>(
        &self,
        scores: &Var<T>,
        chosen: &Tensor<i64>,
        known: Option<&Tensor<bool>>,
        rng: &mut Rng,
    ) -> Var<T> {
        let (pairs, weights) = self.draw(scores.value(), chosen, known, rng);
        let n = chosen.len();
        let column = |items: Vec<i64>| scores.gather(1, &Tensor::new([n, 1], &items)).reshape([n]);
        let (own, rivals): (Vec<i64>, Vec<i64>) = pairs.into_iter().unzip();
        let short = (column(rivals) - column(own) + self.margin).relu();
        self.reduction.apply(short * Var::constant(Tensor::new([n], &weights)))
    }

    /// Per row the chosen item and a rival within the margin, and the weight: 0 where none was found.
    #[track_caller]
    fn draw<T: Float>(
        &self,
        scores: &Tensor<T>,
        chosen: &Tensor<i64>,
        known: Option<&Tensor<bool>>,
        rng: &mut Rng,
    ) -> (Vec<(i64, i64)>, Vec<T>) {
        let shape = *scores.shape();
        assert!(shape.len() == 2, "warp: scores are not [N, C]: {shape} ({} axes)", shape.len());
        let [n, items] = [shape[0], shape[1]];
        assert!(chosen.shape()[..] == [n], "warp: not one item per row: {shape} and {}", chosen.shape());
        if let Some(known) = known {
            same_shape("warp", &shape, known.shape());
        }
        let (values, known) = (scores.to_vec(), known.map(Tensor::to_vec).unwrap_or_default());
        let (mut pairs, mut weights) = (Vec::with_capacity(n), Vec::with_capacity(n));
        for (row, item) in chosen.to_vec().into_iter().enumerate() {
            let Some(own) = usize::try_from(item).ok().filter(|&own| own < items) else {
                panic!(
                    "warp: no such item: {shape} and item {item} at {:?} (items are 0 .. {items})",
                    place(chosen.shape(), row)
                );
            };
            let at = row * items;
            let own_score = values[at + own].as_f64();
            let (mut rival, mut weight) = (own, 0.0);
            for draw in 1..=self.most_draws {
                let candidate = rng.below(items);
                let is_known = candidate == own || known.get(at + candidate).is_some_and(|&known| known);
                if !is_known && values[at + candidate].as_f64() > own_score - self.margin {
                    let rank = ((items - 1) / draw).max(1);
                    (rival, weight) = (candidate, (1..=rank).map(|i| 1.0 / i as f64).sum());
                    break;
                }
            }
            pairs.push((own as i64, rival as i64));
            weights.push(if weight == 0.0 { <T as Element>::ZERO } else { T::of(weight) });
        }
        (pairs, weights)
    }
}
