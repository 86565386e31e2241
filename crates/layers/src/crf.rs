//! Linear-chain conditional random fields: scores for tags and for pairs of neighbouring tags, normalised over all sequences of tags. The
//! sums over paths are in `crf_chain`.

use gradus_autodiff::{Var, apply};
use gradus_module::{Context, Module, Param};
use gradus_tensor::{Float, Rng, Tensor};

use crate::crf_chain::{Chain, LogPartition};
use crate::error::LayerError;

const NAME: &str = "Crf";

/// A linear-chain conditional random field over K tags (Lafferty et al. 2001; Lample et al. 2016; pytorch-crf: `CRF`):
/// ln p(y | x) = score(x, y) − ln Σ_y′ e^score(x, y′), where
/// `score = start[y₁] + Σ xₜ[yₜ] + Σ transitions[yₜ₋₁, yₜ] + end[y_T]`.
///
/// Emissions x are `[T, B, K]`, tags and masks `[T, B]`; with [`Crf::batch_first`] `[B, T, K]` and `[B, T]`. A mask is true where a token
/// counts: sequences may end early, but each has at least one token and no holes. Parameters start evenly distributed in ±0.1.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Crf;
/// use gradus_module::Context;
/// use gradus_tensor::{Rng, Tensor};
/// let crf: Crf = Crf::new(3, &mut Rng::seed(0))?.batch_first();
/// let x = Var::leaf(Tensor::normal([2, 4, 3], 0.0, 1.0, &mut Rng::seed(1)));
/// let tags = Tensor::from([[0_i64, 1, 2, 0], [2, 2, 0, 0]]);
/// let mask = Tensor::from([[true; 4], [true, true, false, false]]);
/// let loss = -crf.log_likelihood(&x, &tags, Some(&mask), &mut Context::eval()).mean();
/// assert!(loss.item() > 0.0);
/// let best = crf.decode(x.value(), Some(&mask));
/// assert_eq!([best[0].len(), best[1].len()], [4, 2]);
/// // Probabilities of the tags of each token that counts sum to 1, and are the gradient of the sum over paths.
/// let p = crf.marginals(x.value(), Some(&mask));
/// assert!((p.sum().item() - 6.0).abs() < 1e-5);
/// let g = crf.log_partition(&x, Some(&mask)).sum().backward();
/// assert!((g.of(&x).unwrap() - &p).abs().sum().item() < 1e-5);
/// assert_eq!(crf.tags(), 3);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Crf<T: Float = f32> {
    /// The score of beginning with a tag, `[K]`.
    pub start_transitions: Param<T>,
    /// The score of ending with a tag, `[K]`.
    pub end_transitions: Param<T>,
    /// The score of a tag (first axis) before another, `[K, K]`.
    pub transitions: Param<T>,
    #[module(skip)]
    batch_first: bool,
}

impl<T: Float> Crf<T> {
    /// A field over `tags` tags.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(tags: usize, rng: &mut Rng) -> Result<Self, LayerError> {
        LayerError::check(tags > 0, NAME, "tags", tags, "at least 1")?;
        let mut draw = |shape: &[usize]| Param::new(Tensor::uniform(shape, -0.1, 0.1, rng));
        Ok(Self {
            start_transitions: draw(&[tags]),
            end_transitions: draw(&[tags]),
            transitions: draw(&[tags, tags]),
            batch_first: false,
        })
    }

    /// Emissions are `[B, T, K]`, tags and masks `[B, T]`.
    #[must_use]
    pub fn batch_first(self) -> Self {
        Self { batch_first: true, ..self }
    }

    /// K.
    #[must_use]
    pub fn tags(&self) -> usize {
        self.start_transitions.len()
    }

    /// ln p(tags | x) of each sequence, `[T, B, K], [T, B] → [B]`. Its negative mean is the loss to train with.
    ///
    /// # Panics
    /// If shapes do not fit, a mask has holes or hides a first token, or a tag that counts is not in `0 .. K`; the message says which,
    /// where, and how many tags there are.
    #[must_use]
    #[track_caller]
    pub fn log_likelihood(
        &self,
        x: &Var<T>,
        tags: &Tensor<i64>,
        mask: Option<&Tensor<bool>>,
        cx: &mut Context<'_>,
    ) -> Var<T> {
        let (rows, lengths) = self.prepare(x, mask);
        let score = self.score(&rows, tags, &lengths);
        let y = score - self.partition(&rows, lengths);
        cx.record(NAME, Some(&self.start_transitions), &y, (x.len() * self.tags()) as u64);
        y
    }

    /// ln Σ e^score over all sequences of tags, `[T, B, K] → [B]`.
    ///
    /// # Panics
    /// If shapes do not fit, or a mask has holes or hides a first token.
    #[must_use]
    #[track_caller]
    pub fn log_partition(&self, x: &Var<T>, mask: Option<&Tensor<bool>>) -> Var<T> {
        let (rows, lengths) = self.prepare(x, mask);
        self.partition(&rows, lengths)
    }

    /// The most probable tags of each sequence (Viterbi 1967); of equally probable ones the smaller. As many as the sequence has tokens.
    ///
    /// # Panics
    /// If shapes do not fit, or a mask has holes or hides a first token.
    #[must_use]
    #[track_caller]
    pub fn decode(&self, x: &Tensor<T>, mask: Option<&Tensor<bool>>) -> Vec<Vec<usize>> {
        let (rows, lengths) = self.prepare(&Var::constant(x.clone()), mask);
        let chain = self.chain();
        chain.each(rows.value(), &lengths, |x| chain.viterbi(x))
    }

    /// The probability of each tag for each token, `[T, B, K] → [T, B, K]`; 0 behind the end of a sequence.
    ///
    /// # Panics
    /// If shapes do not fit, or a mask has holes or hides a first token.
    #[must_use]
    #[track_caller]
    pub fn marginals(&self, x: &Tensor<T>, mask: Option<&Tensor<bool>>) -> Tensor<T> {
        let (rows, lengths) = self.prepare(&Var::constant(x.clone()), mask);
        let (chain, [batch, steps, tags]) = (self.chain(), rows.dims());
        let each = chain.each(rows.value(), &lengths, |x| chain.expectations(x).0);
        let mut out = vec![T::ZERO; batch * steps * tags];
        for (row, values) in each.iter().enumerate() {
            let to = &mut out[row * steps * tags..][..values.len()];
            to.iter_mut().zip(values).for_each(|(to, &p)| *to = T::of(p));
        }
        let p = Tensor::new([batch, steps, tags], &out);
        if self.batch_first { p } else { p.transpose(0, 1) }
    }

    fn chain(&self) -> Chain {
        let [start, end, pairs] = [&self.start_transitions, &self.end_transitions, &self.transitions];
        Chain::new(start.value(), end.value(), pairs.value())
    }

    /// Emissions `[B, T, K]` and the length of each sequence.
    #[track_caller]
    fn prepare(&self, x: &Var<T>, mask: Option<&Tensor<bool>>) -> (Var<T>, Vec<usize>) {
        let (shape, tags) = (*x.shape(), self.tags());
        let form = if self.batch_first { "[B, T, K]" } else { "[T, B, K]" };
        let fits = shape.len() == 3 && shape[2] == tags && shape[usize::from(self.batch_first)] > 0;
        assert!(fits, "{NAME}: emissions are not {form} with K = {tags} and T > 0: {shape}");
        let turn = |mask: &Tensor<bool>| if self.batch_first { mask.clone() } else { mask.transpose(0, 1) };
        let rows = if self.batch_first { x.clone() } else { x.transpose(0, 1) };
        let [batch, steps, _] = rows.dims();
        let Some(mask) = mask else { return (rows, vec![steps; batch]) };
        let (have, want) = (mask.shape(), shape.remove(2));
        assert!(
            *have == want,
            "{NAME}: the mask does not fit the emissions: {have} and {shape} (needs {want})"
        );
        let length = |(sequence, row): (usize, &[bool])| {
            let length = row.iter().take_while(|&&counts| counts).count();
            assert!(length > 0, "{NAME}: the mask hides the first token of sequence {sequence}");
            let hole = row[length..].iter().position(|&counts| counts).map(|at| at + length);
            assert!(
                hole.is_none(),
                "{NAME}: the mask has a hole: sequence {sequence} ends after {length} tokens, but token {} counts",
                hole.unwrap_or(0)
            );
            length
        };
        let lengths = turn(mask).to_vec().chunks(steps).enumerate().map(length).collect();
        (rows, lengths)
    }

    fn partition(&self, rows: &Var<T>, lengths: Vec<usize>) -> Var<T> {
        let op = LogPartition::new(lengths);
        apply(op, &[rows, &self.start_transitions, &self.end_transitions, &self.transitions])
    }

    /// The scores of given tags.
    #[track_caller]
    fn score(&self, rows: &Var<T>, tags: &Tensor<i64>, lengths: &[usize]) -> Var<T> {
        let ([batch, steps, count], shape) = (rows.dims(), tags.shape());
        let want = if self.batch_first { [batch, steps] } else { [steps, batch] };
        assert!(shape[..] == want, "{NAME}: tags do not fit the emissions: {shape} (needs {want:?})");
        let turned = if self.batch_first { tags.clone() } else { tags.transpose(0, 1) };
        let values = turned.to_vec();
        let (mut sequence, mut emission, mut pair, mut pair_of) = (vec![], vec![], vec![], vec![]);
        let (mut first, mut last) = (vec![], vec![]);
        for (row, &length) in lengths.iter().enumerate() {
            let tags = &values[row * steps..][..length];
            for (step, &tag) in tags.iter().enumerate() {
                let place = if self.batch_first { [row, step] } else { [step, row] };
                let known = usize::try_from(tag).is_ok_and(|tag| tag < count);
                assert!(known, "{NAME}: no such tag: {tag} at {place:?} of {shape} (tags 0 .. {count})");
                sequence.push(row as i64);
                emission.push(((row * steps + step) * count) as i64 + tag);
            }
            for two in tags.windows(2) {
                pair_of.push(row as i64);
                pair.push(two[0] * count as i64 + two[1]);
            }
            first.push(tags[0]);
            last.push(tags[length - 1]);
        }
        let vector = |values: &[i64]| Tensor::new([values.len()], values);
        let emitted = rows.reshape([rows.len()]).index_select(0, &vector(&emission));
        let passed = self.transitions.reshape([count * count]).index_select(0, &vector(&pair));
        let ends = self.start_transitions.index_select(0, &vector(&first))
            + self.end_transitions.index_select(0, &vector(&last));
        ends.index_add(0, &vector(&sequence), &emitted).index_add(0, &vector(&pair_of), &passed)
    }
}
