//! Connectionist temporal classification (Graves et al. 2006): the likelihood of a label sequence under all its alignments
//! to frames, where each label may last for several frames and blanks stand between.

mod lattice;

use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply, grad_with};
use gradus_tensor::parallel::{self, Cost};
use gradus_tensor::{Element, Float, Tensor};

use crate::check::place;
use crate::reduction::Reduction;
use lattice::{Lattice, Sample};

const OP: &str = "ctc";

/// The negative log-likelihood of label sequences given log-probabilities of frames (PyTorch: `CTCLoss`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::Ctc;
/// use gradus_tensor::Tensor;
/// // Two frames, one sequence, blank and one label, all alike: of the four paths three read as the label.
/// let frames = Var::leaf(Tensor::full([2, 1, 2], 0.5_f64.ln()));
/// let loss = Ctc::new().loss(&frames, &Tensor::from([[1_i64]]), &[2], &[1]);
/// assert!((loss.item() + 0.75_f64.ln()).abs() < 1e-12);
/// let last = Ctc::new().blank(1).zero_infinity(true).reduction(gradus_losses::Reduction::Sum);
/// assert_eq!(last.loss(&frames, &Tensor::from([[0_i64, 0]]), &[2], &[2]).item(), 0.0); // two alike need a blank between
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ctc {
    blank: usize,
    zero_infinity: bool,
    reduction: Reduction,
}

impl Ctc {
    /// Class 0 is the blank, infinite losses stay, reduced to the mean: PyTorch's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The class of the blank.
    #[must_use]
    pub fn blank(mut self, blank: usize) -> Self {
        self.blank = blank;
        self
    }

    /// Whether the infinite loss of a sequence that no alignment reads (too few frames) counts as 0, with a gradient of 0;
    /// else that gradient is NaN.
    #[must_use]
    pub fn zero_infinity(mut self, zero_infinity: bool) -> Self {
        self.zero_infinity = zero_infinity;
        self
    }

    /// What is made of the single losses. The mean divides each by the number of its labels (1 at least) first, as
    /// PyTorch's.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.reduction = reduction;
        self
    }

    /// The loss of log-probabilities `[T, N, C]` (or `[T, C]`) and labels `[N, S]`, or all sequences' labels one after the
    /// other, with the lengths of both: `[]`, or `[N]` for [`Reduction::None`]. Frames and labels beyond the lengths are not
    /// looked at.
    ///
    /// # Panics
    /// If the shapes do not fit, a length is too large, the blank is no class, or a label is no class or the blank.
    #[must_use]
    #[track_caller]
    pub fn loss<T: Float>(
        &self,
        log_probabilities: &Var<T>,
        labels: &Tensor<i64>,
        frame_counts: &[usize],
        label_counts: &[usize],
    ) -> Var<T> {
        let shape = *log_probabilities.shape();
        assert!(
            matches!(shape.len(), 2 | 3),
            "{OP}: log-probabilities are not [T, N, C] or [T, C]: {shape} ({} axes)",
            shape.len()
        );
        let x = if shape.len() == 2 { log_probabilities.unsqueeze(1) } else { log_probabilities.clone() };
        let [frames, n, classes] = x.dims();
        for (what, counts) in [("frame counts", frame_counts), ("label counts", label_counts)] {
            assert!(
                counts.len() == n,
                "{OP}: not one of the {what} per sequence: {shape} and {} ({n} wanted)",
                counts.len()
            );
        }
        assert!(
            self.blank < classes,
            "{OP}: the blank is no class: {} (classes are 0 .. {classes})",
            self.blank
        );
        if let Some(at) = frame_counts.iter().position(|&count| count > frames) {
            panic!("{OP}: more frames than there are: {} at [{at}] ({frames} in {shape})", frame_counts[at]);
        }
        let sequences = self.sequences(labels, label_counts, classes);
        let samples = sequences.into_iter().zip(frame_counts);
        let samples: Vec<Sample> =
            samples.map(|(labels, &count)| Sample::new(&labels, self.blank, count)).collect();
        let op = CtcOp { samples, lattices: Vec::new(), zero_infinity: self.zero_infinity };
        let losses = apply(op, &[&x]);
        match self.reduction {
            Reduction::Mean | Reduction::HalfMean => {
                let counts: Tensor<T> =
                    label_counts.iter().map(|&count| T::of(count.max(1) as f64)).collect();
                self.reduction.apply(losses / Var::constant(counts))
            }
            reduction => reduction.apply(losses),
        }
    }

    /// Each sequence's labels, checked.
    #[track_caller]
    fn sequences(&self, labels: &Tensor<i64>, counts: &[usize], classes: usize) -> Vec<Vec<usize>> {
        let (shape, n) = (*labels.shape(), counts.len());
        let total: usize = counts.iter().sum();
        let is_padded = shape.len() == 2 && shape[0] == n;
        assert!(
            is_padded || (shape.len() == 1 && shape[0] == total),
            "{OP}: labels do not fit their counts: {shape} ([{n}, S], or [{total}] for all in a row)"
        );
        let values = labels.to_vec();
        let mut start = 0;
        let mut sequences = Vec::with_capacity(n);
        for (row, &count) in counts.iter().enumerate() {
            let from = if is_padded { row * shape[1] } else { start };
            assert!(
                !is_padded || count <= shape[1],
                "{OP}: more labels than there are: {count} at [{row}] ({shape})"
            );
            let check = |at: usize| {
                let label = usize::try_from(values[at]).ok().filter(|&c| c < classes && c != self.blank);
                label.unwrap_or_else(|| {
                    panic!(
                        "{OP}: no such label: {} at {:?} (labels are 0 .. {classes} without the blank, {})",
                        values[at],
                        place(&shape, at),
                        self.blank
                    )
                })
            };
            sequences.push((from..from + count).map(check).collect());
            start += count;
        }
        sequences
    }
}

/// Log-probabilities `[T, N, C]` → losses `[N]`.
struct CtcOp {
    samples: Vec<Sample>,
    lattices: Vec<Lattice>,
    zero_infinity: bool,
}

impl CtcOp {
    /// What an infinite loss and its gradient become.
    fn of_infinite(&self) -> (f64, f64) {
        if self.zero_infinity { (0.0, 0.0) } else { (f64::INFINITY, f64::NAN) }
    }

    fn cost(&self) -> Cost {
        const FLOPS_PER_CELL: usize = 60;
        Cost::flops(self.samples.iter().map(|sample| sample.cells() * FLOPS_PER_CELL).sum())
    }
}

impl<T: Float> Op<T> for CtcOp {
    fn name(&self) -> &'static str {
        OP
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let x = inputs[0].contiguous();
        let ([_, n, classes], values) = (x.dims(), x.as_slice().unwrap_or(&[]));
        let samples = &self.samples;
        self.lattices = parallel::map(n, self.cost(), |i| {
            let at = |t: usize, class: usize| values[(t * n + i) * classes + class].as_f64();
            Lattice::new(&samples[i], at)
        });
        let (infinite, _) = self.of_infinite();
        let loss =
            |lattice: &Lattice| if lattice.loss() == f64::INFINITY { infinite } else { lattice.loss() };
        self.lattices.iter().map(|lattice| T::of(loss(lattice))).collect()
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        // The gradient of the forward recursion written in variables.
        let x = saved.input(0);
        let infinite = self.lattices.iter().map(|lattice| lattice.loss() == f64::INFINITY);
        let (mut losses, mut factors) = (Vec::with_capacity(self.samples.len()), Vec::new());
        for (i, (sample, infinite)) in self.samples.iter().zip(infinite).enumerate() {
            let possible = !infinite && sample.frames > 0;
            losses.push(if possible { sample.differentiable(&x, i) } else { x.sum() * 0.0 });
            factors.push(if infinite { T::of(self.of_infinite().1) } else { <T as Element>::ONE });
        }
        if losses.is_empty() {
            return vec![Some(x * 0.0)];
        }
        let losses = Var::stack(&losses.iter().collect::<Vec<_>>(), 0);
        let seed = g * Var::constant(Tensor::from(factors));
        vec![grad_with(&losses, &seed, &[&x]).pop()]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let x = saved.input(0).contiguous();
        let ([frames, n, classes], values) = (x.dims(), x.as_slice().unwrap_or(&[]));
        let g = g.to_vec();
        let of_infinite = self.of_infinite().1;
        let parts = parallel::map(n, self.cost(), |i| {
            let (sample, lattice) = (&self.samples[i], &self.lattices[i]);
            if lattice.loss() == f64::INFINITY {
                return vec![of_infinite; sample.frames * classes];
            }
            let at = |t: usize, class: usize| values[(t * n + i) * classes + class].as_f64();
            let mut slopes = vec![0.0; sample.frames * classes];
            lattice.occupancies(sample, at, |t, class, p| slopes[t * classes + class] -= p);
            slopes
        });
        let mut out = vec![<T as Element>::ZERO; frames * n * classes];
        for (i, slopes) in parts.iter().enumerate() {
            for (t, row) in slopes.chunks_exact(classes.max(1)).enumerate() {
                let start = (t * n + i) * classes;
                for (out, &slope) in out[start..start + classes].iter_mut().zip(row) {
                    *out = g[i] * T::of(slope);
                }
            }
        }
        Ok(vec![Some(Tensor::new(*x.shape(), &out))])
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch.moved(batch.place(g.shape())?, &saved.shape(0), 1))])
    }
}

impl Sample {
    /// The loss as variables, from log-probabilities `[T, N, C]`. Log-probabilities of what cannot be are very low instead
    /// of −∞, whose differences are no numbers.
    fn differentiable<T: Float>(&self, x: &Var<T>, row: usize) -> Var<T> {
        const IMPOSSIBLE: f64 = -1e30;
        let states = self.states.len();
        let classes: Tensor<i64> = self.states.iter().map(|&class| class as i64).collect();
        let emissions = x.narrow(0, 0, self.frames).select(1, row).index_select(1, &classes);
        let low = |count: usize| Var::constant(Tensor::full([count], T::of(IMPOSSIBLE)));
        let barred = |is_open: &dyn Fn(usize) -> bool| {
            let value = |s: usize| if is_open(s) { <T as Element>::ZERO } else { T::of(IMPOSSIBLE) };
            Var::constant((0..states).map(value).collect::<Tensor<T>>())
        };
        let (starts, skips) = (barred(&|s| s < 2), barred(&|s| self.may_skip(s)));
        let mut alpha = emissions.select(0, 0) + starts;
        for t in 1..self.frames {
            let shifted = |by: usize| {
                let by = by.min(states);
                Var::cat(&[&low(by), &alpha.narrow(0, 0, states - by)], 0)
            };
            let ways = Var::stack(&[&alpha, &shifted(1), &(shifted(2) + &skips)], 0);
            alpha = ways.logsumexp(0, false) + emissions.select(0, t);
        }
        let ends = states.min(2);
        -alpha.narrow(0, states - ends, ends).logsumexp(0, false)
    }
}
