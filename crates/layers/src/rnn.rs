//! The plain recurrent layer.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer};
use gradus_tensor::Recurrence;

use crate::rnn_builder::{plain_state, recurrent_layer};
use crate::rnn_packed::PackedSequence;

recurrent_layer! {
    /// Layers of h = tanh(W_ih·x + b_ih + W_hh·h′ + b_hh), h′ the state before: `[T, B, I] → [T, B, H]` (Elman 1990; PyTorch:
    /// `RNN`).
    ///
    /// One sequence may come without a batch, `[T, I] → [T, H]`; with two directions the outputs are 2H wide. Parameters are
    /// `weight_ih_l0` `[H, I]`, `weight_hh_l0` `[H, H]`, `bias_ih_l0` and `bias_hh_l0` `[H]`, and so on for each layer, with
    /// `_reverse` for the second direction.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Rnn;
    /// use gradus_module::{Context, Layer};
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer = Rnn::builder(3, 8).layers(2).relu().build::<f32>(&mut Rng::seed(0))?;
    /// let y = layer.forward(&Var::constant(Tensor::ones([5, 4, 3])), &mut Context::eval());
    /// assert_eq!(y.dims(), [5, 4, 8]);
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    Rnn, RnnBuilder, Recurrence::Tanh
}
plain_state!(Rnn);

impl RnnBuilder {
    /// max(x, 0) instead of tanh (PyTorch: `nonlinearity="relu"`).
    pub fn relu(mut self) -> Self {
        self.0.cell = Recurrence::Relu;
        self
    }
}
