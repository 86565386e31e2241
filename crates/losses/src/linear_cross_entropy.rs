//! The last layer and its cross-entropy in one: logits exist for a few rows at a time, forward and backward, never for all.
//! With vocabularies of 50,000 words the logits are by far the largest thing in a language model's training step.

use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply, grad_with};
use gradus_tensor::kernels::matmul::{Gemm, MatRef, gemm};
use gradus_tensor::{Element, Float, Precision, Tensor};

use crate::check::place;
use crate::reduction::Reduction;
use crate::targets::ClassOptions;

const OP: &str = "linear_cross_entropy";

/// The number of logits that exist at once, unless the rows of a chunk are set.
const LOGITS: usize = 1 << 22;
/// But never fewer rows: a product of few rows reads the weight too often.
const ROWS: usize = 128;

/// Cross-entropy of x·Wᵀ + b without the logits: x `[N, D]` or `[…, D]`, W `[C, D]`, b `[C]`, classes `[N]` or `[…]`, `→ []`
/// (PyTorch: `linear_cross_entropy`; the idea: Wijmans et al. 2024, "Cut Your Losses"). The same numbers as
/// [`CrossEntropy`](crate::CrossEntropy) of the logits. Gradients of higher order work, but hold the logits.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{LinearCrossEntropy, Reduction, cross_entropy};
/// use gradus_tensor::{Rng, Tensor};
/// let rng = &mut Rng::seed(1);
/// let (x, w) = (Tensor::<f64>::normal([6, 4], 0.0, 1.0, rng), Tensor::normal([9, 4], 0.0, 1.0, rng));
/// let (x, w, targets) = (Var::leaf(x), Var::leaf(w), Tensor::from([0_i64, 8, 3, 3, 1, 7]));
/// let loss = LinearCrossEntropy::new().chunk(2).loss(&x, &w, None, &targets);
/// let whole = cross_entropy(&x.linear(&w, None), &targets, Reduction::Mean);
/// assert!((loss.item() - whole.item()).abs() < 1e-12);
/// let more = LinearCrossEntropy::new().class_weights(vec![0.5; 9]).label_smoothing(0.1).ignore_index(3);
/// assert!(more.reduction(Reduction::Sum).loss(&x, &w, None, &targets).item() > 0.0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct LinearCrossEntropy<T: Float = f32> {
    options: ClassOptions<T>,
    label_smoothing: f64,
    chunk: Option<usize>,
}

impl<T: Float> LinearCrossEntropy<T> {
    /// Unweighted, not smoothed, ignoring targets of −100, reduced to the mean, chunks of 4 million logits or
    /// 128 rows.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A weight w per class, `[C]`. The mean divides by the sum of the targets' weights.
    #[must_use]
    pub fn class_weights(mut self, weights: impl Into<Tensor<T>>) -> Self {
        self.options.weights = Some(weights.into());
        self
    }

    /// The target that does not count; −100 unless set. Its rows are left out before anything is computed.
    #[must_use]
    pub fn ignore_index(mut self, target: i64) -> Self {
        self.options.ignore_index = target;
        self
    }

    /// Mixes the target with the uniform distribution: q ← (1 − ε)·q + ε/C.
    ///
    /// # Panics
    /// If ε lies outside 0 ..= 1.
    #[must_use]
    #[track_caller]
    pub fn label_smoothing(mut self, epsilon: f64) -> Self {
        assert!((0.0..=1.0).contains(&epsilon), "{OP}: label_smoothing lies outside 0 ..= 1: {epsilon}");
        self.label_smoothing = epsilon;
        self
    }

    /// What is made of the single losses.
    #[must_use]
    pub fn reduction(mut self, reduction: Reduction) -> Self {
        self.options.reduction = reduction;
        self
    }

    /// How many rows' logits exist at once.
    ///
    /// # Panics
    /// If it is 0.
    #[must_use]
    #[track_caller]
    pub fn chunk(mut self, rows: usize) -> Self {
        assert!(rows > 0, "{OP}: chunk is not above 0: {rows}");
        self.chunk = Some(rows);
        self
    }

    /// The loss: `[]`, or the targets' shape for [`Reduction::None`]. The mean of nothing is NaN.
    ///
    /// # Panics
    /// If the shapes do not fit, or a target is neither a class nor the ignored index.
    #[must_use]
    #[track_caller]
    pub fn loss(&self, x: &Var<T>, weight: &Var<T>, bias: Option<&Var<T>>, targets: &Tensor<i64>) -> Var<T> {
        let (shape, of_weight) = (*x.shape(), *weight.shape());
        let fits = of_weight.len() == 2 && shape.last() == Some(&of_weight[1]);
        assert!(fits, "{OP}: features do not fit the weight: {shape} · {of_weight} ([…, D] and [C, D])");
        let (classes, width) = (of_weight[0], of_weight[1]);
        if let Some(bias) = bias {
            assert!(
                bias.shape()[..] == [classes],
                "{OP}: bias is not one per class: {of_weight} and {}",
                bias.shape()
            );
        }
        let (kept, labels) = self.kept(targets, &shape.remove(shape.len() - 1), classes);
        let mut rows = x.reshape([targets.len(), width]);
        if kept.len() < targets.len() {
            rows = rows.index_select(0, &Tensor::from(kept.clone()));
        }
        let weights = self.options.class_weights(OP, &[1, classes][..].into());
        let count = self.count(&labels, weights.as_deref());
        let op = LinearCrossEntropyOp {
            blend: Blend::new(labels, classes, weights, self.label_smoothing),
            chunk: self.chunk.unwrap_or((LOGITS / classes.max(1)).max(ROWS)),
        };
        let losses = match bias {
            Some(bias) => apply(op, &[&rows, weight, bias]),
            None => apply(op, &[&rows, weight]),
        };
        match self.options.reduction {
            Reduction::None if kept.len() < targets.len() => {
                let noughts = Tensor::full([targets.len()], <T as Element>::ZERO);
                Var::constant(noughts).index_add(0, &Tensor::from(kept), &losses).reshape(*targets.shape())
            }
            Reduction::None => losses.reshape(*targets.shape()),
            reduction => reduction.over(losses, count),
        }
    }

    /// The positions that count, and their classes.
    #[track_caller]
    fn kept(
        &self,
        targets: &Tensor<i64>,
        wanted: &gradus_tensor::Shape,
        classes: usize,
    ) -> (Vec<i64>, Vec<usize>) {
        let shape = targets.shape();
        assert!(shape == wanted, "{OP}: targets do not fit the features: {shape} (targets {wanted} wanted)");
        let (mut kept, mut labels) = (Vec::with_capacity(targets.len()), Vec::with_capacity(targets.len()));
        for (at, target) in targets.to_vec().into_iter().enumerate() {
            if target == self.options.ignore_index {
                continue;
            }
            match usize::try_from(target).ok().filter(|&class| class < classes) {
                Some(class) => labels.push(class),
                None => panic!(
                    "{OP}: no such class: target {target} at {:?} (classes are 0 .. {classes})",
                    place(shape, at)
                ),
            }
            kept.push(at as i64);
        }
        (kept, labels)
    }

    /// What the mean divides by.
    fn count(&self, labels: &[usize], weights: Option<&[T]>) -> f64 {
        match weights {
            None => labels.len() as f64,
            Some(weights) => labels.iter().map(|&class| weights[class].as_f64()).sum(),
        }
    }
}

/// The loss of a row as A·lse(x) − B·x_y − u·x, with u = ε/C·w, B = (1 − ε)·w_y, A = B + Σu.
struct Blend<T: Float> {
    labels: Vec<usize>,
    /// w, if there are weights.
    weights: Option<Vec<T>>,
    /// u, if there is smoothing.
    uniform: Option<Tensor<T>>,
    /// Σu.
    total: f64,
    /// 1 − ε.
    rest: f64,
}

impl<T: Float> Blend<T> {
    fn new(labels: Vec<usize>, classes: usize, weights: Option<Vec<T>>, smoothing: f64) -> Self {
        let share = smoothing / classes as f64;
        let all = weights.clone().unwrap_or_else(|| vec![T::ONE; classes]);
        let uniform: Tensor<T> = all.iter().map(|&w| w * T::of(share)).collect();
        let total = all.iter().map(|w| w.as_f64() * share).sum();
        let uniform = (smoothing > 0.0).then_some(uniform);
        Self { labels, weights, uniform, total, rest: 1.0 - smoothing }
    }

    /// B of the labels.
    fn own(&self, labels: &[usize]) -> Tensor<T> {
        let weight = |class: usize| self.weights.as_ref().map_or(T::ONE, |weights| weights[class]);
        labels.iter().map(|&class| weight(class) * T::of(self.rest)).collect()
    }

    /// The losses of a chunk's logits.
    fn losses(&self, logits: &Tensor<T>, labels: &[usize]) -> Tensor<T> {
        let (plain, sums) = logits.cross_entropy_rows(labels);
        let weighted = plain * &self.own(labels);
        match &self.uniform {
            None => weighted,
            Some(uniform) => {
                weighted + &(sums * T::of(self.total)) - (logits * uniform).sum_axes(&[1], false)
            }
        }
    }

    /// The logits' cotangent, given the losses' `[R]`: g·(A·softmax − B·one-hot − u).
    fn cotangent(&self, logits: &Tensor<T>, labels: &[usize], g: &Tensor<T>) -> Tensor<T> {
        let own = self.own(labels);
        let Some(uniform) = &self.uniform else { return logits.cross_entropy_rows_grad(labels, &(own * g)) };
        // A·(softmax − one-hot) is too much by Σu at the label.
        let total = T::of(self.total);
        let mut out = logits.cross_entropy_rows_grad(labels, &((own + total) * g));
        let (classes, g_values) = (logits.dim(1), g.to_vec());
        let values = out.make_mut();
        for (row, (&label, &g)) in labels.iter().zip(&g_values).enumerate() {
            let at = row * classes + label;
            values[at] = values[at] + total * g;
        }
        out - &(g.unsqueeze(1) * uniform)
    }
}

/// x `[N, D]`, W `[C, D]`, perhaps b `[C]` → the losses `[N]`.
struct LinearCrossEntropyOp<T: Float> {
    blend: Blend<T>,
    chunk: usize,
}

impl<T: Float> LinearCrossEntropyOp<T> {
    /// Calls `f` with each chunk's first row, its labels and its logits.
    fn each_chunk(
        &self,
        x: &Tensor<T>,
        weight: &Tensor<T>,
        bias: Option<&Tensor<T>>,
        mut f: impl FnMut(usize, &[usize], &Tensor<T>),
    ) {
        let transposed = weight.t();
        for (i, labels) in self.blend.labels.chunks(self.chunk).enumerate() {
            let start = i * self.chunk;
            let logits = x.narrow(0, start, labels.len()).matmul_bias(&transposed, bias);
            f(start, labels, &logits);
        }
    }
}

impl<T: Float> Op<T> for LinearCrossEntropyOp<T> {
    fn name(&self) -> &'static str {
        OP
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let mut losses = Vec::with_capacity(self.blend.labels.len());
        self.each_chunk(inputs[0], inputs[1], inputs.get(2).copied(), |_, labels, logits| {
            losses.extend(self.blend.losses(logits, labels).to_vec());
        });
        Tensor::new([losses.len()], &losses)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        // The gradient of the composite, at nodes of its own: what the inputs were made of stays out of it.
        let inputs: Vec<Var<T>> = (0..saved.count()).map(|i| own_node(&saved.input(i))).collect();
        let logits = inputs[0].linear(&inputs[1], inputs.get(2));
        let labels: Tensor<i64> = self.blend.labels.iter().map(|&label| label as i64).collect();
        let own = Var::constant(self.blend.own(&self.blend.labels));
        let sums = logits.logsumexp(1, false);
        let picked = logits.gather(1, &labels.reshape([labels.len(), 1])).reshape([labels.len()]);
        let mut losses = (&own + self.blend.total) * sums - own * picked;
        if let Some(uniform) = &self.blend.uniform {
            losses = losses - (logits * Var::from(uniform)).sum_axes(&[1], false);
        }
        let wanted: Vec<&Var<T>> = inputs.iter().collect();
        let cotangents = grad_with(&losses, g, &wanted).into_iter().enumerate();
        cotangents.map(|(i, cotangent)| saved.wants(i).then_some(cotangent)).collect()
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let (x, weight) = (saved.input(0).contiguous(), saved.input(1).contiguous());
        let bias = (saved.count() > 2).then(|| saved.input(2));
        // Each is written in place, chunk by chunk: dx row by row, dW and db as running sums.
        let room = |i: usize| {
            let wanted = i < saved.count() && saved.wants(i);
            wanted.then(|| Tensor::full(saved.shape(i), <T as Element>::ZERO))
        };
        let (mut of_x, mut of_weight, mut of_bias) = (room(0), room(1), room(2));
        let [classes, width] = weight.dims();
        self.each_chunk(&x, &weight, bias.as_ref(), |start, labels, logits| {
            let rows = labels.len();
            let g = g.narrow(0, start, rows).contiguous();
            let slopes = self.blend.cotangent(logits, labels, &g);
            if let Some(of_x) = &mut of_x {
                let c = &mut of_x.make_mut()[start * width..][..rows * width];
                product([rows, width, classes], &slopes, false, (&weight, 0), c);
            }
            if let Some(of_weight) = &mut of_weight {
                product([classes, width, rows], &slopes, true, (&x, start * width), of_weight.make_mut());
            }
            if let Some(of_bias) = &mut of_bias {
                *of_bias += &slopes.sum_axes(&[0], false);
            }
        });
        Ok([of_x, of_weight, of_bias].into_iter().take(saved.count()).collect())
    }

    /// The answer `[N, C, D]` is larger than all logits, so these may be there for once.
    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let (x, bias) = (saved.input(0).contiguous(), (saved.count() > 2).then(|| saved.input(2)));
        let mut slopes = Vec::new();
        self.each_chunk(&x, &saved.input(1), bias.as_ref(), |start, labels, logits| {
            let g = g.narrow(0, start, labels.len()).contiguous();
            slopes.push(self.blend.cotangent(logits, labels, &g));
        });
        let slopes = Tensor::cat(&slopes.iter().collect::<Vec<_>>(), 0);
        let of_weight = Flow::Each(batch.products(&slopes, &x, Precision::Full)?);
        let of_bias = Flow::Each(batch.rows(&slopes)?.sum_axes(&[1], false));
        let mut flows = vec![Flow::Along(batch), of_weight, of_bias];
        flows.truncate(saved.count());
        Some(flows)
    }
}

/// C += A·B with A `[m, k]` = slopes or their transpose, and B `[k, n]` the rows of a dense matrix from an offset on.
fn product<T: Float>(
    [m, n, k]: [usize; 3],
    slopes: &Tensor<T>,
    is_transposed: bool,
    (b, offset): (&Tensor<T>, usize),
    c: &mut [T],
) {
    let slopes = slopes.contiguous();
    let strides = if is_transposed { (1, m as isize) } else { (k as isize, 1) };
    gemm(Gemm {
        m,
        n,
        k,
        a: MatRef {
            data: slopes.as_slice().unwrap_or(&[]),
            offset: 0,
            row_stride: strides.0,
            column_stride: strides.1,
        },
        b: MatRef { data: b.as_slice().unwrap_or(&[]), offset, row_stride: n as isize, column_stride: 1 },
        c,
        c_stride: n,
        accumulate: true,
        bias: None,
    });
}

/// The same variable at a node of its own: a view that changes nothing.
fn own_node<T: Float>(x: &Var<T>) -> Var<T> {
    x.permute(&(0..x.rank()).collect::<Vec<_>>())
}
