//! The operation under all normalising layers: y = (x − mean)/√(variance + ε)·w + b over some axes. One op, so that its
//! backward pass reads the input once more instead of keeping what lies between; and so that a batch's statistics can
//! ride with the gradients to the buffers that average them. It knows axes, no layers.

use gradus_autodiff::{Batch, BufferId, Cotangents, Flow, Op, Save, Saved, Update, Var, apply};
use gradus_tensor::{Float, Shape, Tensor};

/// Where a batch's statistics go when the gradients are applied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tracking {
    pub(crate) mean: BufferId,
    /// Takes the unbiased variance.
    pub(crate) variance: BufferId,
    /// None: nobody counts.
    pub(crate) count: Option<BufferId>,
    pub(crate) momentum: f64,
}

/// What is normalised, and how.
pub(crate) struct Normalise<T: Float> {
    /// Over which axes statistics are taken.
    axes: Vec<isize>,
    eps: f64,
    /// Whether the mean is taken out; if not, the variance is the mean square.
    centred: bool,
    tracking: Option<Tracking>,
    /// From the forward pass: the mean if it is taken out, and 1/√(variance + ε).
    statistics: Option<(Option<Tensor<T>>, Tensor<T>)>,
    /// From the forward pass, if it went row by row: the rows' shape, and mean and scale of each.
    of_rows: Option<(Shape, Tensor<T>)>,
    /// From the forward pass: 1 for x alone, 2 with a weight, 3 with a bias.
    inputs: usize,
    updates: Vec<Update<T>>,
}

impl<T: Float> Normalise<T> {
    /// With mean 0 and variance 1 over `axes`.
    pub(crate) fn standard(axes: Vec<isize>, eps: f64) -> Self {
        Self {
            axes,
            eps,
            centred: true,
            tracking: None,
            statistics: None,
            of_rows: None,
            inputs: 0,
            updates: Vec::new(),
        }
    }

    /// With mean square 1 over `axes`.
    pub(crate) fn root_mean_square(axes: Vec<isize>, eps: f64) -> Self {
        Self { centred: false, ..Self::standard(axes, eps) }
    }

    /// Hands the statistics out with the gradients.
    pub(crate) fn tracked(self, tracking: Option<Tracking>) -> Self {
        Self { tracking, ..self }
    }

    /// y for x; `weight` and `bias` broadcast to its shape, and there is no bias without a weight.
    #[track_caller]
    pub(crate) fn run(self, x: &Var<T>, weight: Option<&Var<T>>, bias: Option<&Var<T>>) -> Var<T> {
        match (weight, bias) {
            (None, _) => apply(self, &[x]),
            (Some(weight), None) => apply(self, &[x, weight]),
            (Some(weight), Some(bias)) => apply(self, &[x, weight, bias]),
        }
    }

    /// The last axes, if it is these that are normalised, weight and bias (if any) have just them, and nobody tracks the
    /// statistics: then a kernel does it row by row.
    fn rows(&self, inputs: &[&Tensor<T>]) -> Option<Shape> {
        let shape = inputs[0].shape();
        let lead = shape.len().checked_sub(self.axes.len())?;
        let is_last = self.axes.iter().all(|&axis| axis < 0 && axis.unsigned_abs() <= self.axes.len());
        let row = Shape::new(&shape[lead..]);
        let fits = inputs[1..].iter().all(|affine| *affine.shape() == row);
        (is_last && fits && self.tracking.is_none() && row.count() > 0).then_some(row)
    }

    /// The updates that carry these statistics, of `count` numbers each, to the buffers.
    fn report(&mut self, mean: &Tensor<T>, variance: &Tensor<T>, count: usize) {
        if let Some(Tracking { mean: to_mean, variance: to_variance, count: counter, momentum }) =
            self.tracking
        {
            let unbiased = variance * T::of(count as f64 / (count as f64 - 1.0));
            // Where each sample has its own statistics, the buffers average over the samples.
            let flat = |x: &Tensor<T>| {
                let x = if x.dim(0) == 1 { x.clone() } else { x.mean_axes(&[0], true) };
                x.reshape([x.len()])
            };
            self.updates = vec![
                Update::Average { target: to_mean, value: flat(mean), momentum },
                Update::Average { target: to_variance, value: flat(&unbiased), momentum },
            ];
            self.updates.extend(counter.map(|target| Update::Count { target }));
        }
    }
}

impl<T: Float> Op<T> for Normalise<T> {
    fn name(&self) -> &'static str {
        "normalise"
    }

    fn saves(&self) -> Save {
        // The bias (no copy: it is a parameter) for `recompute` alone.
        Save::input(0).and(Save::input(1)).and(Save::input(2))
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let x = inputs[0];
        self.inputs = inputs.len();
        if let Some(row) = self.rows(inputs) {
            let (weight, bias) = (inputs.get(1).copied(), inputs.get(2).copied());
            let (y, statistics) = x.norm_rows(row.count(), self.eps, self.centred, weight, bias);
            self.of_rows = Some((row, statistics));
            return y;
        }
        let mean = self.centred.then(|| x.mean_axes(&self.axes, true));
        let centred = mean.as_ref().map_or_else(|| x.clone(), |mean| x - mean);
        let variance = centred.square().mean_axes(&self.axes, true);
        if let Some(mean) = &mean {
            self.report(mean, &variance, x.len() / mean.len().max(1));
        }
        let scale = (variance + T::of(self.eps)).rsqrt();
        let mut y = centred * &scale;
        self.statistics = Some((mean, scale));
        for (i, &affine) in inputs[1..].iter().enumerate() {
            y = if i == 0 { y * affine } else { y + affine };
        }
        y
    }

    /// With n = (x − mean)·scale and h = g·w: dx = scale·(h − mean h − n·mean(h·n)), dw = g·n, db = g.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (x, axes) = (saved.input(0), &self.axes);
        let centred = if self.centred { &x - x.mean_axes(axes, true) } else { x };
        let scale = (centred.square().mean_axes(axes, true) + self.eps).rsqrt();
        let normal = centred * &scale;
        let h = if self.inputs > 1 { g * saved.input(1) } else { g.clone() };
        let along = &normal * (&h * &normal).mean_axes(axes, true);
        let across = if self.centred { &h - h.mean_axes(axes, true) } else { h };
        let mut out = vec![Some((across - along) * scale), Some(g * normal), Some(g.clone())];
        out.truncate(self.inputs);
        out
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        if let Some((row, statistics)) = &self.of_rows {
            let weight = (self.inputs > 1).then(|| saved.input(1));
            let affine = saved.wants(1) || saved.wants(2);
            let (dx, affine) =
                saved.input(0).norm_rows_grad(&g, (row, self.centred), statistics, weight.as_ref(), affine);
            let (dw, db) = affine.unzip();
            let mut out = vec![Some(dx), dw, db];
            out.truncate(self.inputs);
            return Ok(out);
        }
        let Some((mean, scale)) = &self.statistics else { return Err(g) };
        let (x, axes) = (saved.input(0), &self.axes);
        let normal = mean.as_ref().map_or_else(|| &x * scale, |mean| (&x - mean) * scale);
        let dx = saved.wants(0).then(|| {
            let h = if self.inputs > 1 { &g * &saved.input(1) } else { g.clone() };
            let along = &normal * &(&h * &normal).mean_axes(axes, true);
            let h = if self.centred { &h - &h.mean_axes(axes, true) } else { h };
            (h - &along) * scale
        });
        let mut out = vec![dx, saved.wants(1).then(|| &g * &normal), Some(g)];
        out.truncate(self.inputs);
        Ok(out)
    }

    /// Statistics of one example each keep examples apart; those of the batch do not.
    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let mut flows = match &self.of_rows {
            Some((row, _)) => {
                let rows = |x: &Tensor<T>| batch.rows(&x.reshape([x.len() / row.count(), row.count()]));
                let sums = |x: Tensor<T>| x.sum_axes(&[1], false).reshape(row.insert(0, batch.count()));
                let by_row = rows(g)?;
                let of_weight = match saved.wants(1) {
                    true => {
                        let x = saved.input(0).norm_rows(row.count(), self.eps, self.centred, None, None).0;
                        sums(&by_row * &rows(&x)?)
                    }
                    false => Tensor::zeros([0]),
                };
                let of_bias = if saved.wants(2) { sums(by_row) } else { Tensor::zeros([0]) };
                vec![Flow::Along(batch), Flow::Each(of_weight), Flow::Each(of_bias)]
            }
            None => {
                let axis = batch.place(g.shape())?.axis;
                let is_mixed = self.axes.iter().any(|&a| g.shape().axis("normalise", a) == axis);
                if is_mixed || self.axes.is_empty() {
                    return None;
                }
                vec![Flow::Along(batch), Flow::Broadcast, Flow::Broadcast]
            }
        };
        flows.truncate(self.inputs);
        Some(flows)
    }

    fn is_cheap(&self) -> bool {
        self.of_rows.is_some()
    }

    fn recompute(&self, saved: &Saved<Tensor<T>>) -> Option<Tensor<T>> {
        let (row, _) = self.of_rows.as_ref()?;
        let affine = |i: usize| (i < self.inputs).then(|| saved.input(i));
        let (weight, bias) = (affine(1), affine(2));
        let (y, _) =
            saved.input(0).norm_rows(row.count(), self.eps, self.centred, weight.as_ref(), bias.as_ref());
        Some(y)
    }

    fn updates(&self) -> &[Update<T>] {
        &self.updates
    }
}
