//! Gated recurrent units.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer};
use gradus_tensor::Recurrence;

use crate::rnn_builder::{plain_state, recurrent_layer};
use crate::rnn_packed::PackedSequence;

recurrent_layer! {
    /// Layers of gated units: `[T, B, I] → [T, B, H]` (Cho et al. 2014; PyTorch: `GRU`). With h′ the state before,
    /// r = σ(W_ir·x + b_ir + W_hr·h′ + b_hr), z likewise, n = tanh(W_in·x + b_in + r·(W_hn·h′ + b_hn)),
    /// h = (1 − z)·n + z·h′.
    ///
    /// One sequence may come without a batch, `[T, I] → [T, H]`; with two directions the outputs are 2H wide. Parameters are
    /// `weight_ih_l0` `[3H, I]` (r, z, n), `weight_hh_l0` `[3H, H]`, `bias_ih_l0` and `bias_hh_l0` `[3H]`, and so on for each
    /// layer, with `_reverse` for the second direction.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Gru;
    /// use gradus_module::Context;
    /// use gradus_tensor::{Rng, Tensor};
    /// let layer = Gru::builder(3, 8).bidirectional().build::<f32>(&mut Rng::seed(0))?;
    /// let (y, h) = layer.forward_from(&Var::constant(Tensor::ones([5, 4, 3])), None, &mut Context::eval());
    /// assert_eq!((y.dims(), h.dims()), ([5, 4, 16], [2, 4, 8]));
    /// # Ok::<(), gradus_layers::LayerError>(())
    /// ```
    Gru, GruBuilder, Recurrence::Gru
}
plain_state!(Gru);
