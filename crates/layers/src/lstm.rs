//! Long short-term memory.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer};
use gradus_tensor::{Float, Recurrence};

use crate::rnn_builder::recurrent_layer;
use crate::rnn_packed::PackedSequence;
use crate::rnn_stack::States;

recurrent_layer! {
    /// Layers of long short-term memory: `[T, B, I] → [T, B, H]` (Hochreiter & Schmidhuber 1997; PyTorch: `LSTM`). With h′
    /// and c′ the states before, i = σ(W_ii·x + b_ii + W_hi·h′ + b_hi), f and o likewise, g with tanh for σ,
    /// c = f·c′ + i·g, h = o·tanh c, and with a projection h = W_hr·(o·tanh c).
    ///
    /// One sequence may come without a batch, `[T, I] → [T, H]`; with two directions the outputs are 2H wide. Parameters are
    /// `weight_ih_l0` `[4H, I]` (i, f, g, o), `weight_hh_l0` `[4H, H]`, `bias_ih_l0` and `bias_hh_l0` `[4H]`, with a projection
    /// `weight_hr_l0` `[P, H]`, and so on for each layer, with `_reverse` for the second direction.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Lstm;
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer = Lstm::builder(3, 8).layers(2).batch_first().build::<f32>(&mut Rng::seed(0))?;
    /// let (y, state) = layer.forward_from(&Var::constant(Tensor::ones([4, 5, 3])), None, &mut Context::eval());
    /// assert_eq!((y.dims(), state.cell.dims()), ([4, 5, 8], [2, 4, 8]));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    Lstm, LstmBuilder, Recurrence::Lstm
}

/// What an LSTM carries from step to step (PyTorch: `(h_n, c_n)`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::{Lstm, LstmState};
/// use gradus_module::Context;
/// use gradus_tensor::{Rng, Tensor};
/// let layer = Lstm::builder(3, 8).projection(5).build::<f32>(&mut Rng::seed(0))?;
/// let zeros = |size: usize| Var::constant(Tensor::zeros([1, 4, size]));
/// let first = LstmState { hidden: zeros(5), cell: zeros(8) };
/// let x = Var::constant(Tensor::ones([7, 4, 3]));
/// let (y, last) = layer.forward_from(&x, Some(&first), &mut Context::eval());
/// assert_eq!((y.dims(), last.hidden.dims(), last.cell.dims()), ([7, 4, 5], [1, 4, 5], [1, 4, 8]));
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LstmState<T: Float = f32> {
    /// Hidden states: `[layers · directions, B, P]` of a layer, `[B, P]` of a cell.
    pub hidden: Var<T>,
    /// Cell states: `[layers · directions, B, H]` of a layer, `[B, H]` of a cell.
    pub cell: Var<T>,
}

impl LstmBuilder {
    /// Hidden states are projected to `size` < hidden size (Sak et al. 2014; PyTorch: `proj_size`).
    pub fn projection(mut self, size: usize) -> Self {
        self.0.projection = Some(size);
        self
    }
}

impl<T: Float> LstmState<T> {
    fn of(states: Option<States<T>>, y: &Var<T>) -> Self {
        let (hidden, cell) = states.unwrap_or_else(|| (y.clone(), None));
        Self { cell: cell.unwrap_or_else(|| hidden.clone()), hidden }
    }
}

impl<T: Float> Lstm<T> {
    /// Output and last states from first states; none: noughts.
    ///
    /// # Panics
    /// If the input or the states do not fit.
    #[must_use]
    #[track_caller]
    pub fn forward_from(
        &self,
        x: &Var<T>,
        state: Option<&LstmState<T>>,
        cx: &mut Context<'_>,
    ) -> (Var<T>, LstmState<T>) {
        let (y, last) = self.stack.forward(x, state.map(|s| (&s.hidden, Some(&s.cell))), true, cx);
        let state = LstmState::of(last, &y);
        (y, state)
    }

    /// [`Lstm::forward_from`] of sequences of several lengths: nothing is computed for padding, and the last states are
    /// those of each sequence's own end.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::{Lstm, PackedSequence};
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer = Lstm::builder(3, 8).build::<f32>(&mut Rng::seed(0))?;
    /// let (long, short) = (Var::constant(Tensor::ones([7, 3])), Var::constant(Tensor::ones([2, 3])));
    /// let packed = PackedSequence::pack(&[&long, &short]);
    /// let (y, state) = layer.forward_packed(&packed, None, &mut Context::eval());
    /// assert_eq!((y.lengths(), state.hidden.dims()), (vec![7, 2], [1, 2, 8]));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    ///
    /// # Panics
    /// If the input or the states do not fit.
    #[must_use]
    #[track_caller]
    pub fn forward_packed(
        &self,
        x: &PackedSequence<T>,
        state: Option<&LstmState<T>>,
        cx: &mut Context<'_>,
    ) -> (PackedSequence<T>, LstmState<T>) {
        let states = state.map(|s| (x.reorder(&s.hidden, false), Some(x.reorder(&s.cell, false))));
        let (y, last) = self.stack.run(&x.data, &x.batch_sizes, states.as_ref(), true, cx);
        self.stack.record(&x.batch_sizes, &y, cx);
        let LstmState { hidden, cell } = LstmState::of(last, &y);
        (x.with_data(y), LstmState { hidden: x.reorder(&hidden, true), cell: x.reorder(&cell, true) })
    }
}

impl<T: Float> Layer<T> for Lstm<T> {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        self.stack.forward(x, None, false, cx).0
    }
}
