//! Recurrent cells: one step, for loops that feed an output back.

use gradus_autodiff::Var;
use gradus_module::{Context, Module, Param};
use gradus_tensor::{BatchSizes, Float, Recurrence, Rng, RnnOperands, RnnSpec};

use crate::error::LayerError;
use crate::lstm::LstmState;
use crate::rnn_stack::RnnWeights;

macro_rules! cell {
    ($(#[$doc:meta])* $Name:ident, $cell:expr, $gates:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Module)]
        pub struct $Name<T: Float = f32> {
            #[doc = concat!("`[", $gates, "H, I]`.")]
            pub weight_ih: Param<T>,
            #[doc = concat!("`[", $gates, "H, H]`.")]
            pub weight_hh: Param<T>,
            #[doc = concat!("`[", $gates, "H]`.")]
            pub bias_ih: Option<Param<T>>,
            #[doc = concat!("`[", $gates, "H]`.")]
            pub bias_hh: Option<Param<T>>,
            #[module(skip)]
            cell: Recurrence,
        }

        impl<T: Float> $Name<T> {
            /// A cell from `inputs` features to states of `hidden_size`, its parameters evenly distributed in
            /// ±1/√hidden size.
            ///
            /// # Errors
            /// If a size is 0.
            pub fn new(inputs: usize, hidden_size: usize, rng: &mut Rng) -> Result<Self, LayerError> {
                for (name, size) in [("inputs", inputs), ("hidden size", hidden_size)] {
                    LayerError::check(size > 0, stringify!($Name), name, size, "at least 1")?;
                }
                let cell = $cell;
                let weights = RnnWeights::new(cell, [inputs, hidden_size, hidden_size], true, rng);
                let RnnWeights { weight_ih, weight_hh, bias_ih, bias_hh, .. } = weights;
                Ok(Self { weight_ih, weight_hh, bias_ih, bias_hh, cell })
            }

            /// The same without biases (PyTorch: `bias=False`).
            #[must_use]
            pub fn without_bias(self) -> Self {
                Self { bias_ih: None, bias_hh: None, ..self }
            }

            /// x as rows `[B, I]`, the specification of one step, and whether there was no batch.
            #[track_caller]
            fn step(&self, x: &Var<T>) -> (Var<T>, RnnSpec, bool) {
                let [_, inputs] = self.weight_ih.dims();
                let shape = *x.shape();
                let fits = matches!(shape.len(), 1 | 2) && shape[shape.len() - 1] == inputs && shape[0] > 0;
                assert!(fits, concat!(stringify!($Name), ": input is not [B, I] or [I] with I = {}: {}"), inputs, shape);
                let single = shape.len() == 1;
                let x = if single { x.unsqueeze(0) } else { x.clone() };
                let spec = RnnSpec { cell: self.cell, steps: BatchSizes::even(1, x.dim(0)), reverse: false };
                (x, spec, single)
            }

            fn operands<'a>(&'a self, x: &'a Var<T>, h0: Option<&'a Var<T>>) -> RnnOperands<&'a Var<T>> {
                let (b_ih, b_hh) = (self.bias_ih.as_deref(), self.bias_hh.as_deref());
                RnnOperands { b_ih, b_hh, h0, ..RnnOperands::new(x, &*self.weight_ih, &*self.weight_hh) }
            }

            fn record(&self, y: &Var<T>, rows: usize, cx: &mut Context<'_>) {
                let work = rows * (self.weight_ih.len() + self.weight_hh.len());
                cx.record(stringify!($Name), Some(&self.weight_ih), y, work as u64);
            }
        }
    };
    ($(#[$doc:meta])* plain $Name:ident, $cell:expr, $gates:literal) => {
        cell! { $(#[$doc])* $Name, $cell, $gates }

        impl<T: Float> $Name<T> {
            /// The state after: `[B, I], [B, H] → [B, H]`, both without B for one; no state before: noughts.
            ///
            /// # Panics
            /// If input and state do not fit.
            #[must_use]
            #[track_caller]
            pub fn forward(&self, x: &Var<T>, state: Option<&Var<T>>, cx: &mut Context<'_>) -> Var<T> {
                let (x, spec, single) = self.step(x);
                let h0 = state.map(|h| if single { h.unsqueeze(0) } else { h.clone() });
                let h = Var::rnn(&spec, &self.operands(&x, h0.as_ref()));
                self.record(&h, x.dim(0), cx);
                if single { h.squeeze(0) } else { h }
            }
        }
    };
}

cell! {
    /// h = tanh(W_ih·x + b_ih + W_hh·h′ + b_hh) (PyTorch: `RNNCell`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::RnnCell;
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let cell: RnnCell = RnnCell::new(3, 8, &mut Rng::seed(0))?;
    /// let (x, cx) = (Var::constant(Tensor::ones([4, 3])), &mut Context::eval());
    /// let first = cell.forward(&x, None, cx);
    /// assert_eq!(cell.forward(&x, Some(&first), cx).dims(), [4, 8]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    plain RnnCell, Recurrence::Tanh, ""
}
cell! {
    /// One step of a [`Gru`](crate::Gru) (PyTorch: `GRUCell`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::GruCell;
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let cell: GruCell = GruCell::new(3, 8, &mut Rng::seed(0))?;
    /// assert_eq!(cell.weight_ih.dims(), [24, 3]);
    /// let state = cell.forward(&Var::constant(Tensor::ones([4, 3])), None, &mut Context::eval());
    /// assert_eq!(state.dims(), [4, 8]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    plain GruCell, Recurrence::Gru, "3"
}
cell! {
    /// One step of an [`Lstm`](crate::Lstm) (PyTorch: `LSTMCell`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::LstmCell;
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let cell: LstmCell = LstmCell::new(3, 8, &mut Rng::seed(0))?;
    /// let (x, cx) = (Var::constant(Tensor::ones([4, 3])), &mut Context::eval());
    /// let first = cell.forward(&x, None, cx);
    /// let second = cell.forward(&x, Some(&first), cx);
    /// assert_eq!((second.hidden.dims(), second.cell.dims()), ([4, 8], [4, 8]));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    LstmCell, Recurrence::Lstm, "4"
}

impl<T: Float> RnnCell<T> {
    /// max(x, 0) instead of tanh (PyTorch: `nonlinearity="relu"`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::RnnCell;
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let cell = RnnCell::<f32>::new(3, 8, &mut Rng::seed(0))?.relu();
    /// let h = cell.forward(&Var::constant(Tensor::ones([4, 3])), None, &mut Context::eval());
    /// assert!(h.value().to_vec().iter().all(|&x| x >= 0.0));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    #[must_use]
    pub fn relu(self) -> Self {
        Self { cell: Recurrence::Relu, ..self }
    }
}

impl<T: Float> LstmCell<T> {
    /// The states after: `[B, I], ([B, H], [B, H]) → ([B, H], [B, H])`, all without B for one; no states before: noughts.
    ///
    /// # Panics
    /// If input and states do not fit.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, x: &Var<T>, state: Option<&LstmState<T>>, cx: &mut Context<'_>) -> LstmState<T> {
        let (x, spec, single) = self.step(x);
        let batched = |state: &Var<T>| if single { state.unsqueeze(0) } else { state.clone() };
        let states = state.map(|s| (batched(&s.hidden), batched(&s.cell)));
        let (h0, c0) = (states.as_ref().map(|s| &s.0), states.as_ref().map(|s| &s.1));
        let (hidden, cell) = Var::rnn_with_cells(&spec, &RnnOperands { c0, ..self.operands(&x, h0) });
        self.record(&hidden, x.dim(0), cx);
        let own = |state: Var<T>| if single { state.squeeze(0) } else { state };
        LstmState { hidden: own(hidden), cell: own(cell) }
    }
}
