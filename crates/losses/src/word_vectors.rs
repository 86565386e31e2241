//! Losses of word vectors, whose vocabularies are too large for a softmax: negative sampling and hierarchical softmax
//! (Mikolov et al. 2013).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use gradus_autodiff::Var;
use gradus_tensor::{Float, Rng, Tensor};

use crate::check::place;
use crate::reduction::Reduction;

/// ℓ = −ln σ(u·v) − Σ_k ln σ(−n_k·v) of centres v `[N, D]`, contexts u `[N, D]` and negatives n `[N, K, D]`, `→ []`, or `[N]`
/// for [`Reduction::None`] (Mikolov et al. 2013). Draw negatives with a [`NegativeSampler`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, negative_sampling};
/// let zeros = |shape: &[usize]| Var::<f64>::leaf(gradus_tensor::Tensor::zeros(shape));
/// let loss = negative_sampling(&zeros(&[2, 3]), &zeros(&[2, 3]), &zeros(&[2, 5, 3]), Reduction::Mean);
/// assert!((loss.item() - 6.0 * 2.0_f64.ln()).abs() < 1e-12);
/// ```
///
/// # Panics
/// If the shapes do not fit.
#[must_use]
#[track_caller]
pub fn negative_sampling<T: Float>(
    center: &Var<T>,
    context: &Var<T>,
    negatives: &Var<T>,
    reduction: Reduction,
) -> Var<T> {
    let (c, n) = (center.shape(), negatives.shape());
    let fits = c.len() == 2 && c == context.shape() && n.len() == 3 && (n[0], n[2]) == (c[0], c[1]);
    assert!(
        fits,
        "negative_sampling: vectors do not fit: {c}, {} and {n} ([N, D], [N, D] and [N, K, D])",
        context.shape()
    );
    let near = (center * context).sum_axes(&[1], false);
    let far = negatives.matmul(&center.unsqueeze(2)).squeeze(2);
    reduction.apply((-near).softplus() + far.softplus().sum_axes(&[1], false))
}

/// Draws words in proportion to a power of their counts.
///
/// ```
/// use gradus_losses::NegativeSampler;
/// use gradus_tensor::Rng;
/// let sampler = NegativeSampler::new(&[8, 0, 1], 0.75);
/// let words = sampler.sample([4, 5], &mut Rng::seed(1));
/// assert!(words.to_vec().iter().all(|&word| word != 1));
/// ```
#[derive(Clone, Debug)]
pub struct NegativeSampler {
    /// Σ of the powers up to each word.
    sums: Vec<f64>,
}

impl NegativeSampler {
    /// From each word's count; the power is 0.75 in the paper.
    ///
    /// # Panics
    /// If all counts are 0, or the power is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(counts: &[u64], power: f64) -> Self {
        assert!(
            power >= 0.0 && power.is_finite(),
            "negative_sampler: power is not a number from 0 on: {power}"
        );
        let mut sum = 0.0;
        let add = |&count: &u64| {
            sum += if count == 0 { 0.0 } else { (count as f64).powf(power) };
            sum
        };
        let sums: Vec<f64> = counts.iter().map(add).collect();
        assert!(sum > 0.0, "negative_sampler: no word has a count above 0 ({} words)", counts.len());
        Self { sums }
    }

    /// Words, each drawn alone.
    #[must_use]
    pub fn sample(&self, shape: impl Into<gradus_tensor::Shape>, rng: &mut Rng) -> Tensor<i64> {
        let total = self.sums.last().copied().unwrap_or(0.0);
        Tensor::from_fn(shape, |_| {
            let at = rng.uniform01::<f64>() * total;
            // The first word whose sum lies above; the last one if rounding left none.
            self.sums.partition_point(|&sum| sum <= at).min(self.sums.len() - 1) as i64
        })
    }
}

/// A softmax over a Huffman tree of words: ℓ = Σ over the nodes on the word's path of −ln σ(±h·w_node), some log₂ C products
/// instead of C (Morin & Bengio 2005; Mikolov et al. 2013). The probabilities of all words sum to 1.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{HierarchicalSoftmax, Reduction};
/// use gradus_tensor::Tensor;
/// let tree = HierarchicalSoftmax::new(&[50, 30, 20]);
/// let (hidden, nodes) = (Var::leaf([[0.0_f64, 0.0]]), Var::leaf(Tensor::zeros([tree.nodes(), 2])));
/// let loss = tree.loss(&hidden, &nodes, &Tensor::from([2_i64]), Reduction::Mean);
/// assert!((loss.item() - 2.0 * 2.0_f64.ln()).abs() < 1e-15); // two turns
/// ```
#[derive(Clone, Debug)]
pub struct HierarchicalSoftmax {
    /// Per word the nodes from the root on, and at each whether to go right.
    paths: Vec<Vec<(usize, bool)>>,
}

impl HierarchicalSoftmax {
    /// The tree of words with these counts. Ties are broken by the order of the words, so the tree is always the same.
    ///
    /// # Panics
    /// If there are fewer than two words.
    #[must_use]
    #[track_caller]
    pub fn new(counts: &[u64]) -> Self {
        let words = counts.len();
        assert!(words >= 2, "hierarchical_softmax: fewer than two words: {words}");
        // Leaves are 0 .. C, inner nodes C .. 2C − 1 in the order in which they are made; the last is the root.
        let mut heap: BinaryHeap<Reverse<(u64, usize)>> =
            counts.iter().enumerate().map(|(word, &count)| Reverse((count, word))).collect();
        let mut parents = vec![(0, false); 2 * words - 1];
        for node in words..2 * words - 1 {
            let mut sum = 0_u64;
            for is_right in [false, true] {
                if let Some(Reverse((count, child))) = heap.pop() {
                    parents[child] = (node, is_right);
                    sum = sum.saturating_add(count);
                }
            }
            heap.push(Reverse((sum, node)));
        }
        let root = 2 * words - 2;
        let path = |word: usize| {
            let (mut at, mut path) = (word, Vec::new());
            while at != root {
                let (parent, is_right) = parents[at];
                path.push((parent - words, is_right));
                at = parent;
            }
            path.reverse();
            path
        };
        Self { paths: (0..words).map(path).collect() }
    }

    /// The number of inner nodes, C − 1: the rows of their weight.
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.paths.len() - 1
    }

    /// The loss of hidden vectors `[N, D]`, the nodes' vectors `[C − 1, D]` and words `[N]`, `→ []`, or `[N]` for
    /// [`Reduction::None`].
    ///
    /// # Panics
    /// If the shapes do not fit, or a word does not exist.
    #[must_use]
    #[track_caller]
    pub fn loss<T: Float>(
        &self,
        hidden: &Var<T>,
        nodes: &Var<T>,
        words: &Tensor<i64>,
        reduction: Reduction,
    ) -> Var<T> {
        const OP: &str = "hierarchical_softmax";
        let (h, w) = (hidden.shape(), nodes.shape());
        let fits = h.len() == 2 && w[..] == [self.nodes(), h[1]] && words.shape()[..] == [h[0]];
        assert!(
            fits,
            "{OP}: shapes do not fit: {h}, {w} and {} ([N, D], [{}, D] and [N])",
            words.shape(),
            self.nodes()
        );
        let (mut rows, mut turns, mut signs) = (Vec::new(), Vec::new(), Vec::new());
        for (row, word) in words.to_vec().into_iter().enumerate() {
            let Some(path) = usize::try_from(word).ok().and_then(|word| self.paths.get(word)) else {
                panic!(
                    "{OP}: no such word: word {word} at {:?} (words are 0 .. {})",
                    place(words.shape(), row),
                    self.paths.len()
                );
            };
            for &(node, is_right) in path {
                rows.push(row as i64);
                turns.push(node as i64);
                signs.push(T::of(if is_right { 1.0 } else { -1.0 }));
            }
        }
        let (rows, turns) = (Tensor::from(rows), Tensor::from(turns));
        let products = (hidden.index_select(0, &rows) * nodes.index_select(0, &turns)).sum_axes(&[1], false);
        let losses = (products * Var::constant(Tensor::from(signs))).softplus();
        let noughts = Var::constant(Tensor::zeros([h[0]]));
        reduction.apply(noughts.index_add(0, &rows, &losses))
    }
}
