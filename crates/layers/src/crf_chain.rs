//! Sums and maxima over all paths of a linear chain, in double precision: the forward and the backward algorithm, Viterbi's, and the
//! operation that is the logarithm of the sum. They know scores, no layers.

use gradus_autodiff::{Cotangents, Op, Save, Saved, Var, choose, grad_with, is_recording};
use gradus_tensor::parallel::{Cost, map, tree};
use gradus_tensor::{Float, Tensor};

/// Scores of beginnings, ends and pairs of K tags.
pub(crate) struct Chain {
    tags: usize,
    start: Vec<f64>,
    end: Vec<f64>,
    /// From the first tag (rows) to the second.
    forth: Pairs,
    /// From the second tag (rows) to the first.
    back: Pairs,
}

/// A matrix of scores, and e^(score − top) of each.
struct Pairs {
    scores: Vec<f64>,
    powers: Vec<f64>,
    top: f64,
}

/// What a sum of e^… must reach so that what was lost to underflow cannot matter; below it is summed in the careful way.
const SAFE: f64 = 1e-250;

impl Pairs {
    fn new(scores: Vec<f64>) -> Self {
        let top = scores.iter().copied().filter(|s| s.is_finite()).fold(f64::NEG_INFINITY, f64::max);
        let top = if top.is_finite() { top } else { 0.0 };
        Self { powers: scores.iter().map(|s| (s - top).exp()).collect(), scores, top }
    }

    /// ln Σᵢ e^(from[i] + score[i][j]) for each j.
    fn log_sums(&self, from: &[f64], out: &mut [f64], powers: &mut [f64]) {
        let tags = from.len();
        let most = from.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        out.fill(0.0);
        powers.iter_mut().zip(from).for_each(|(power, &x)| *power = (x - most).exp());
        for (&power, row) in powers.iter().zip(self.powers.chunks(tags)) {
            out.iter_mut().zip(row).for_each(|(sum, &pair)| *sum += power * pair);
        }
        for (j, sum) in out.iter_mut().enumerate() {
            *sum = if *sum > SAFE && sum.is_finite() {
                most + self.top + sum.ln()
            } else {
                log_sum(from.iter().enumerate().map(|(i, &x)| x + self.scores[i * tags + j]))
            };
        }
    }
}

/// ln Σ e^x; −∞ of nothing.
fn log_sum(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most =
        values.clone().fold(f64::NEG_INFINITY, |most, x| if x > most || x.is_nan() { x } else { most });
    if most == f64::NEG_INFINITY { most } else { most + values.map(|x| (x - most).exp()).sum::<f64>().ln() }
}

/// Expectations of one sequence: of tags `[T·K]`, and of pairs `[K·K]`.
type Expectations = (Vec<f64>, Vec<f64>);

impl Chain {
    pub(crate) fn new<T: Float>(start: &Tensor<T>, end: &Tensor<T>, pairs: &Tensor<T>) -> Self {
        let wide = |x: &Tensor<T>| -> Vec<f64> { x.to_vec().into_iter().map(|x| x.as_f64()).collect() };
        let (forth, back) = (Pairs::new(wide(pairs)), Pairs::new(wide(&pairs.t())));
        Self { tags: start.len(), start: wide(start), end: wide(end), forth, back }
    }

    /// `f` of the scores `[length·K]` of each sequence of `[B, T, K]`.
    pub(crate) fn each<T: Float, R: Send>(
        &self,
        x: &Tensor<T>,
        lengths: &[usize],
        f: impl Fn(&[f64]) -> R + Sync + Send,
    ) -> Vec<R> {
        let x = x.contiguous();
        let (values, stride) = (x.as_slice().unwrap_or(&[]), x.dim(1) * self.tags);
        let cost = Cost::flops(values.len() * self.tags * 16);
        map(lengths.len(), cost, |row| {
            let own = &values[row * stride..][..lengths[row] * self.tags];
            f(&own.iter().map(|x| x.as_f64()).collect::<Vec<_>>())
        })
    }

    /// ln Σ e^score of all paths that end at each tag of each step.
    fn forward(&self, x: &[f64]) -> Vec<f64> {
        let tags = self.tags;
        let mut sums = x.to_vec();
        sums.iter_mut().zip(&self.start).for_each(|(sum, start)| *sum += start);
        let mut powers = vec![0.0; tags];
        for step in 1..x.len() / tags {
            let (done, rest) = sums.split_at_mut(step * tags);
            let next = &mut rest[..tags];
            self.forth.log_sums(&done[(step - 1) * tags..], next, &mut powers);
            next.iter_mut().zip(&x[step * tags..]).for_each(|(sum, x)| *sum += x);
        }
        sums
    }

    /// ln Σ e^score of all paths that leave each tag of each step, what stands there left out.
    fn backward(&self, x: &[f64]) -> Vec<f64> {
        let (tags, steps) = (self.tags, x.len() / self.tags);
        let mut sums = vec![0.0; x.len()];
        sums[(steps - 1) * tags..].copy_from_slice(&self.end);
        let (mut powers, mut from) = (vec![0.0; tags], vec![0.0; tags]);
        for step in (0..steps - 1).rev() {
            let (rest, done) = sums.split_at_mut((step + 1) * tags);
            for (from, (x, sum)) in from.iter_mut().zip(x[(step + 1) * tags..].iter().zip(done.iter())) {
                *from = x + sum;
            }
            self.back.log_sums(&from, &mut rest[step * tags..], &mut powers);
        }
        sums
    }

    /// ln Σ e^score of all paths, from the sums of [`Chain::forward`].
    fn total(&self, forward: &[f64]) -> f64 {
        log_sum(forward[forward.len() - self.tags..].iter().zip(&self.end).map(|(sum, end)| sum + end))
    }

    pub(crate) fn log_partition(&self, x: &[f64]) -> f64 {
        self.total(&self.forward(x))
    }

    /// How probable each tag is at each step, and how often each pair is to be expected.
    pub(crate) fn expectations(&self, x: &[f64]) -> Expectations {
        let tags = self.tags;
        let (forward, backward) = (self.forward(x), self.backward(x));
        let total = self.total(&forward);
        let singles = forward.iter().zip(&backward).map(|(a, b)| (a + b - total).exp()).collect();
        let mut pairs = vec![0.0; tags * tags];
        for step in 1..x.len() / tags {
            let after = step * tags..(step + 1) * tags;
            let next: Vec<f64> =
                x[after.clone()].iter().zip(&backward[after]).map(|(x, b)| x + b - total).collect();
            let before = &forward[(step - 1) * tags..step * tags];
            for (i, &before) in before.iter().enumerate() {
                let (row, scores) = (&mut pairs[i * tags..][..tags], &self.forth.scores[i * tags..]);
                for ((sum, &score), &next) in row.iter_mut().zip(scores).zip(&next) {
                    *sum += (before + score + next).exp();
                }
            }
        }
        (singles, pairs)
    }

    /// The path of the largest score.
    pub(crate) fn viterbi(&self, x: &[f64]) -> Vec<usize> {
        let (tags, steps) = (self.tags, x.len() / self.tags);
        let mut best: Vec<f64> = x[..tags].iter().zip(&self.start).map(|(x, start)| x + start).collect();
        let mut came_from = Vec::with_capacity(x.len());
        for step in 1..steps {
            let choice =
                |j: usize| largest(best.iter().enumerate().map(|(i, b)| b + self.forth.scores[i * tags + j]));
            let choices: Vec<(usize, f64)> = (0..tags).map(choice).collect();
            best = choices.iter().zip(&x[step * tags..]).map(|((_, score), x)| score + x).collect();
            came_from.extend(choices.into_iter().map(|(i, _)| i));
        }
        let (last, _) = largest(best.iter().zip(&self.end).map(|(score, end)| score + end));
        let mut path = vec![last; steps];
        for step in (1..steps).rev() {
            path[step - 1] = came_from[(step - 1) * tags + path[step]];
        }
        path
    }
}

/// The place and value of the largest number, the first of equals.
fn largest(values: impl Iterator<Item = f64>) -> (usize, f64) {
    let first = (0, f64::NEG_INFINITY);
    values.enumerate().fold(first, |best, (i, value)| if value > best.1 { (i, value) } else { best })
}

/// ln Σ e^score over all paths: emissions `[B, T, K]`, starts and ends `[K]`, pairs `[K, K]` → `[B]`.
pub(crate) struct LogPartition {
    lengths: Vec<usize>,
}

impl LogPartition {
    pub(crate) fn new(lengths: Vec<usize>) -> Self {
        Self { lengths }
    }

    /// The gradient is an expectation: how probable tags, first tags, last tags and pairs are.
    fn gradient<T: Float>(
        &self,
        [x, start, end, pairs]: [&Tensor<T>; 4],
        g: &Tensor<T>,
    ) -> Cotangents<Tensor<T>> {
        let (chain, g) = (Chain::new(start, end, pairs), g.to_vec());
        let ([batch, steps, tags], each) =
            (x.dims(), chain.each(x, &self.lengths, |x| chain.expectations(x)));
        let mut dx = vec![T::ZERO; batch * steps * tags];
        let (mut starts, mut ends) = (vec![0.0; tags], vec![0.0; tags]);
        for (row, (singles, _)) in each.iter().enumerate() {
            let g = g[row].as_f64();
            let to = &mut dx[row * steps * tags..][..singles.len()];
            to.iter_mut().zip(singles).for_each(|(to, &p)| *to = T::of(g * p));
            starts.iter_mut().zip(singles).for_each(|(sum, &p)| *sum += g * p);
            let last = &singles[singles.len() - tags..];
            ends.iter_mut().zip(last).for_each(|(sum, &p)| *sum += g * p);
        }
        let weighed = each.into_iter().zip(g).map(|((_, mut pairs), g)| {
            pairs.iter_mut().for_each(|p| *p *= g.as_f64());
            pairs
        });
        let sum = tree(weighed.collect(), |mut a: Vec<f64>, b| {
            a.iter_mut().zip(b).for_each(|(a, b)| *a += b);
            a
        });
        let narrow = |values: Vec<f64>| -> Vec<T> { values.into_iter().map(T::of).collect() };
        let pairs = narrow(sum.unwrap_or_else(|| vec![0.0; tags * tags]));
        vec![
            Some(Tensor::new([batch, steps, tags], &dx)),
            Some(Tensor::new([tags], &narrow(starts))),
            Some(Tensor::new([tags], &narrow(ends))),
            Some(Tensor::new([tags, tags], &pairs)),
        ]
    }

    /// The same sum in differentiable operations.
    fn composite<T: Float>(&self, [x, start, end, pairs]: [&Var<T>; 4]) -> Var<T> {
        let [batch, steps, _] = x.dims();
        let mut sums = x.select(1, 0) + start;
        for step in 1..steps {
            let counts: Vec<bool> = self.lengths.iter().map(|&length| step < length).collect();
            let next = (sums.unsqueeze(2) + pairs).logsumexp(1, false) + x.select(1, step);
            sums = choose(&Tensor::new([batch, 1], &counts), &next, &sums);
        }
        (sums + end).logsumexp(1, false)
    }
}

impl<T: Float> Op<T> for LogPartition {
    fn name(&self) -> &'static str {
        "crf_log_partition"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let chain = Chain::new(inputs[1], inputs[2], inputs[3]);
        let totals = chain.each(inputs[0], &self.lengths, |x| T::of(chain.log_partition(x)));
        Tensor::new([totals.len()], &totals)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let inputs = [0, 1, 2, 3].map(|i| saved.input(i));
        if !is_recording() {
            let gradient = self.gradient(inputs.each_ref().map(Var::value), g.value());
            return gradient.into_iter().map(|g| g.map(Var::constant)).collect();
        }
        // Variables of their own: how the inputs depend on each other is not this rule's matter.
        let inputs = inputs.map(|x| x * 1.0);
        let inputs = inputs.each_ref();
        grad_with(&self.composite(inputs), g, &inputs).into_iter().map(Some).collect()
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let inputs = [0, 1, 2, 3].map(|i| saved.input(i));
        Ok(self.gradient(inputs.each_ref(), &g))
    }
}
