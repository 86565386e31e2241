//! What all recurrent layers are: weights per layer and direction under PyTorch's names, and the way of a batch through
//! them. Which cell it is, and what its state looks like outside, belongs to `rnn`, `lstm` and `gru`.

use gradus_autodiff::Var;
use gradus_module::{Context, Module, Param, Path, Visitor, VisitorMut};
use gradus_tensor::{BatchSizes, Float, Recurrence, Rng, RnnOperands, RnnSpec, Shape, Tensor};

use crate::dropout::dropped;
use crate::error::LayerError;
use crate::init::fan_uniform;

/// The parameters of one direction of one layer. G is the number of gates: 1, for LSTM 4 (i, f, g, o), for GRU 3 (r, z, n).
///
/// ```
/// use gradus_layers::{Gru, RnnWeights};
/// use gradus_tensor::Rng;
/// let layer = Gru::builder(3, 8).bidirectional().build::<f32>(&mut Rng::seed(0))?;
/// let RnnWeights { weight_ih, weight_hh, .. } = layer.weights(0, true); // backwards
/// assert_eq!((weight_ih.dims(), weight_hh.dims()), ([24, 3], [24, 8]));
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct RnnWeights<T: Float = f32> {
    /// `[G·H, I]`.
    pub weight_ih: Param<T>,
    /// `[G·H, P]`.
    pub weight_hh: Param<T>,
    /// `[G·H]`.
    pub bias_ih: Option<Param<T>>,
    /// `[G·H]`.
    pub bias_hh: Option<Param<T>>,
    /// LSTM's projection, `[P, H]`.
    pub weight_hr: Option<Param<T>>,
}

impl<T: Float> RnnWeights<T> {
    /// Evenly distributed in ±1/√H.
    pub(crate) fn new(
        cell: Recurrence,
        [inputs, hidden, output]: [usize; 3],
        bias: bool,
        rng: &mut Rng,
    ) -> Self {
        let rows = cell.gates() * hidden;
        let mut draw = |shape: &[usize]| Param::new(fan_uniform(Shape::new(shape), hidden, rng));
        Self {
            weight_ih: draw(&[rows, inputs]),
            weight_hh: draw(&[rows, output]),
            bias_ih: bias.then(|| draw(&[rows])),
            bias_hh: bias.then(|| draw(&[rows])),
            weight_hr: (output < hidden).then(|| draw(&[output, hidden])),
        }
    }

    /// With an input and first states.
    pub(crate) fn operands<'a>(
        &'a self,
        x: &'a Var<T>,
        h0: Option<&'a Var<T>>,
        c0: Option<&'a Var<T>>,
    ) -> RnnOperands<&'a Var<T>> {
        RnnOperands {
            b_ih: self.bias_ih.as_deref(),
            b_hh: self.bias_hh.as_deref(),
            w_hr: self.weight_hr.as_deref(),
            h0,
            c0,
            ..RnnOperands::new(x, &*self.weight_ih, &*self.weight_hh)
        }
    }
}

/// What a builder collects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) layer: &'static str,
    pub(crate) cell: Recurrence,
    pub(crate) inputs: usize,
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) bias: bool,
    pub(crate) batch_first: bool,
    pub(crate) dropout: f64,
    pub(crate) bidirectional: bool,
    pub(crate) projection: Option<usize>,
}

impl Settings {
    pub(crate) const fn new(layer: &'static str, cell: Recurrence, inputs: usize, hidden: usize) -> Self {
        Self {
            layer,
            cell,
            inputs,
            hidden,
            layers: 1,
            bias: true,
            batch_first: false,
            dropout: 0.0,
            bidirectional: false,
            projection: None,
        }
    }

    fn directions(&self) -> usize {
        1 + usize::from(self.bidirectional)
    }

    /// Numbers of a hidden state.
    fn output(&self) -> usize {
        self.projection.unwrap_or(self.hidden)
    }

    pub(crate) fn build<T: Float>(self, rng: &mut Rng) -> Result<Stack<T>, LayerError> {
        let Self { layer, hidden, layers, dropout, .. } = self;
        let counts = [("inputs", self.inputs), ("hidden size", hidden), ("layers", layers)];
        for (name, count) in counts {
            LayerError::check(count > 0, layer, name, count, "at least 1")?;
        }
        LayerError::check(
            (0.0..=1.0).contains(&dropout),
            layer,
            "dropout",
            dropout,
            "a probability (0 ≤ p ≤ 1)",
        )?;
        LayerError::check(
            dropout == 0.0 || layers > 1,
            layer,
            "dropout",
            dropout,
            "0 with one layer: it lies between layers",
        )?;
        if let Some(p) = self.projection {
            let range = format_args!("at least 1 and less than the hidden size, {hidden}");
            LayerError::check(p > 0 && p < hidden, layer, "projection", p, range)?;
        }
        let width = self.directions() * self.output();
        let inputs = |number: usize| if number < self.directions() { self.inputs } else { width };
        let weights = (0..layers * self.directions())
            .map(|number| RnnWeights::new(self.cell, [inputs(number), hidden, self.output()], self.bias, rng))
            .collect();
        Ok(Stack { settings: self, weights })
    }
}

/// Layers of recurrent cells.
#[derive(Clone, Debug)]
pub(crate) struct Stack<T: Float> {
    pub(crate) settings: Settings,
    /// Layer by layer, direction by direction.
    weights: Vec<RnnWeights<T>>,
}

/// The name of a parameter, as in `weight_ih_l0_reverse`.
fn name(of: &str, number: usize, directions: usize) -> String {
    let reverse = if number % directions == 1 { "_reverse" } else { "" };
    format!("{of}_l{}{reverse}", number / directions)
}

impl<T: Float> Module for Stack<T> {
    fn visit<'a>(&'a self, path: &mut Path, f: &mut Visitor<'_, 'a>) {
        for (i, w) in self.weights.iter().enumerate() {
            let name = |of| name(of, i, self.settings.directions());
            path.enter(&name("weight_ih"), |path| w.weight_ih.visit(path, f));
            path.enter(&name("weight_hh"), |path| w.weight_hh.visit(path, f));
            path.enter(&name("bias_ih"), |path| w.bias_ih.visit(path, f));
            path.enter(&name("bias_hh"), |path| w.bias_hh.visit(path, f));
            path.enter(&name("weight_hr"), |path| w.weight_hr.visit(path, f));
        }
    }

    fn visit_mut(&mut self, path: &mut Path, f: &mut VisitorMut<'_>) {
        let directions = self.settings.directions();
        for (i, w) in self.weights.iter_mut().enumerate() {
            let name = |of| name(of, i, directions);
            path.enter(&name("weight_ih"), |path| w.weight_ih.visit_mut(path, f));
            path.enter(&name("weight_hh"), |path| w.weight_hh.visit_mut(path, f));
            path.enter(&name("bias_ih"), |path| w.bias_ih.visit_mut(path, f));
            path.enter(&name("bias_hh"), |path| w.bias_hh.visit_mut(path, f));
            path.enter(&name("weight_hr"), |path| w.weight_hr.visit_mut(path, f));
        }
    }
}

/// Hidden and, for LSTM, cell states, each `[layers · directions, B, …]`.
pub(crate) type States<T> = (Var<T>, Option<Var<T>>);

impl<T: Float> Stack<T> {
    #[track_caller]
    pub(crate) fn weights(&self, layer: usize, reverse: bool) -> &RnnWeights<T> {
        let directions = self.settings.directions();
        assert!(
            layer < self.settings.layers && (!reverse || directions == 2),
            "{}: no such weights: layer {layer}{} ({} layers, {directions} directions)",
            self.settings.layer,
            if reverse { " in reverse" } else { "" },
            self.settings.layers
        );
        &self.weights[layer * directions + usize::from(reverse)]
    }

    /// x `[T, B, I]`, with `batch_first` `[B, T, I]`, or one sequence `[T, I]`, and states `[layers · directions, B, …]`, for
    /// one sequence without B. The last states only if they are asked for.
    #[track_caller]
    pub(crate) fn forward(
        &self,
        x: &Var<T>,
        states: Option<(&Var<T>, Option<&Var<T>>)>,
        wants_states: bool,
        cx: &mut Context<'_>,
    ) -> (Var<T>, Option<States<T>>) {
        let Settings { layer, inputs, batch_first, .. } = self.settings;
        let shape = *x.shape();
        // No sequences are fine, sequences without steps are not.
        let steps = if shape.len() == 3 && batch_first { 1 } else { 0 };
        let fits = matches!(shape.len(), 2 | 3) && shape[shape.len() - 1] == inputs && shape[steps] > 0;
        let form = if batch_first { "[B, T, I]" } else { "[T, B, I]" };
        assert!(fits, "{layer}: input is not {form} or [T, I] with I = {inputs}: {shape}");
        let single = shape.len() == 2;
        let x = match (single, batch_first) {
            (true, _) => x.unsqueeze(1),
            (false, true) => x.transpose(0, 1),
            (false, false) => x.clone(),
        };
        let [t, b, _] = x.dims();
        if b == 0 {
            return self.nothing(shape, wants_states);
        }
        let states = states.map(|(h, c)| match single {
            true => (h.unsqueeze(1), c.map(|c| c.unsqueeze(1))),
            false => (h.clone(), c.cloned()),
        });
        let steps = BatchSizes::even(t, b);
        let (rows, last) = self.run(&x.reshape([t * b, inputs]), &steps, states.as_ref(), wants_states, cx);
        let width = rows.dim(1);
        let y = match (single, batch_first) {
            (true, _) => rows,
            (false, true) => rows.reshape([t, b, width]).transpose(0, 1),
            (false, false) => rows.reshape([t, b, width]),
        };
        let last = last.map(|(h, c)| match single {
            true => (h.squeeze(1), c.map(|c| c.squeeze(1))),
            false => (h, c),
        });
        self.record(&steps, &y, cx);
        (y, last)
    }

    /// Output and last states of no sequences.
    fn nothing(&self, input: Shape, wants_states: bool) -> (Var<T>, Option<States<T>>) {
        let settings = &self.settings;
        let zeros = |shape: Shape| Var::constant(Tensor::zeros(shape));
        let state = |width| zeros(Shape::new(&[self.weights.len(), 0, width]));
        let cells = (settings.cell == Recurrence::Lstm).then(|| state(settings.hidden));
        let y = zeros(input.with(2, settings.directions() * settings.output()));
        (y, wants_states.then(|| (state(settings.output()), cells)))
    }

    pub(crate) fn record(&self, steps: &BatchSizes, y: &Var<T>, cx: &mut Context<'_>) {
        let work = |w: &RnnWeights<T>| {
            w.weight_ih.len() + w.weight_hh.len() + w.weight_hr.as_ref().map_or(0, |w| w.len())
        };
        let each: usize = self.weights.iter().map(work).sum();
        cx.record(
            self.settings.layer,
            self.weights.first().map(|w| &*w.weight_ih),
            y,
            (each * steps.rows()) as u64,
        );
    }

    /// Rows of all steps `[N, I]` → `[N, directions · P]`.
    #[track_caller]
    pub(crate) fn run(
        &self,
        x: &Var<T>,
        steps: &BatchSizes,
        states: Option<&States<T>>,
        wants_states: bool,
        cx: &mut Context<'_>,
    ) -> (Var<T>, Option<States<T>>) {
        let settings = &self.settings;
        if let Some((h, c)) = states {
            self.check_state("hidden state", h, steps.batch(), settings.output());
            c.iter().for_each(|c| self.check_state("cell state", c, steps.batch(), settings.hidden));
        }
        let (mut x, mut last_h, mut last_c) = (x.clone(), Vec::new(), Vec::new());
        for (number, weights) in self.weights.chunks_exact(settings.directions()).enumerate() {
            let mut directions = Vec::with_capacity(2);
            for (direction, weights) in weights.iter().enumerate() {
                let at = number * settings.directions() + direction;
                let spec = RnnSpec { cell: settings.cell, steps: steps.clone(), reverse: direction == 1 };
                let h0 = states.map(|(h, _)| h.select(0, at));
                let c0 = states.and_then(|(_, c)| c.as_ref()).map(|c| c.select(0, at));
                let operands = weights.operands(&x, h0.as_ref(), c0.as_ref());
                let y = if wants_states && settings.cell == Recurrence::Lstm {
                    let (y, c) = Var::rnn_with_cells(&spec, &operands);
                    last_c.push(c);
                    y
                } else {
                    Var::rnn(&spec, &operands)
                };
                if wants_states {
                    last_h.push(last_rows(&y, steps, spec.reverse));
                }
                directions.push(y);
            }
            x = match &directions[..] {
                [one] => one.clone(),
                both => Var::cat(&both.iter().collect::<Vec<_>>(), 1),
            };
            if number + 1 < settings.layers {
                let shape = *x.shape();
                x = dropped(&x, settings.dropout, shape, cx);
            }
        }
        let stack = |parts: &[Var<T>]| Var::stack(&parts.iter().collect::<Vec<_>>(), 0);
        let states = wants_states.then(|| (stack(&last_h), (!last_c.is_empty()).then(|| stack(&last_c))));
        (x, states)
    }

    #[track_caller]
    fn check_state(&self, name: &str, state: &Var<T>, batch: usize, width: usize) {
        let want = Shape::new(&[self.weights.len(), batch, width]);
        let layer = self.settings.layer;
        assert!(*state.shape() == want, "{layer}: {name} does not fit: {} (needs {want})", state.shape());
    }
}

/// The rows of each sequence's last step: `[N, P] → [B, P]`.
fn last_rows<T: Float>(y: &Var<T>, steps: &BatchSizes, reverse: bool) -> Var<T> {
    let batch = steps.batch();
    if reverse || steps.is_even() {
        return y.narrow(0, if reverse { 0 } else { steps.rows() - batch }, batch);
    }
    let rows: Vec<i64> = steps.last_rows(reverse).into_iter().map(|row| row as i64).collect();
    y.index_select(0, &Tensor::new([batch], &rows))
}
