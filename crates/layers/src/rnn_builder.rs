//! The builders of recurrent layers, which differ in nothing but the cell.

/// A recurrent layer around a `Stack`, with its builder.
macro_rules! recurrent_layer {
    ($(#[$doc:meta])* $Name:ident, $Builder:ident, $cell:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, gradus_module::Module)]
        pub struct $Name<T: gradus_tensor::Float = f32> {
            #[module(flatten)]
            stack: crate::rnn_stack::Stack<T>,
        }

        impl $Name {
            /// Describes a layer from `inputs` features to states of `hidden_size`.
            pub const fn builder(inputs: usize, hidden_size: usize) -> $Builder {
                $Builder(crate::rnn_stack::Settings::new(stringify!($Name), $cell, inputs, hidden_size))
            }
        }

        impl<T: gradus_tensor::Float> $Name<T> {
            /// The parameters of a layer, counted from 0, in one direction.
            ///
            /// # Panics
            /// If there is no such layer or direction.
            #[must_use]
            #[track_caller]
            pub fn weights(&self, layer: usize, reverse: bool) -> &crate::RnnWeights<T> {
                self.stack.weights(layer, reverse)
            }
        }

        #[doc = concat!("Describes a [`", stringify!($Name), "`]: one layer, with biases, from the first step to the last, time before batch, unless said otherwise.")]
        #[derive(Clone, Copy, Debug)]
        #[must_use = "a description is no layer: build it"]
        pub struct $Builder(crate::rnn_stack::Settings);

        impl $Builder {
            /// Layers, each of which reads the one before (PyTorch: `num_layers`).
            pub fn layers(mut self, layers: usize) -> Self {
                self.0.layers = layers;
                self
            }

            /// Without biases (PyTorch: `bias=False`).
            pub fn without_bias(mut self) -> Self {
                self.0.bias = false;
                self
            }

            /// Input and output are `[B, T, …]`; states are not (PyTorch: `batch_first=True`).
            pub fn batch_first(mut self) -> Self {
                self.0.batch_first = true;
                self
            }

            /// In training each number between two layers is 0 with probability `p` and divided by 1 − p otherwise.
            pub fn dropout(mut self, p: f64) -> Self {
                self.0.dropout = p;
                self
            }

            /// Also from the last step to the first; outputs stand side by side (PyTorch: `bidirectional=True`).
            pub fn bidirectional(mut self) -> Self {
                self.0.bidirectional = true;
                self
            }

            /// The layer, its parameters evenly distributed in ±1/√hidden size.
            ///
            /// # Errors
            /// If a size is 0, `dropout` is no probability or without a layer to lie before, or a projection does not
            /// make states smaller.
            pub fn build<T: gradus_tensor::Float>(
                self,
                rng: &mut gradus_tensor::Rng,
            ) -> Result<$Name<T>, crate::LayerError> {
                Ok($Name { stack: self.0.build(rng)? })
            }
        }
    };
}
pub(crate) use recurrent_layer;

/// The forward passes of a layer whose state is one variable.
macro_rules! plain_state {
    ($Name:ident) => {
        impl<T: gradus_tensor::Float> $Name<T> {
            /// Output and last states `[layers · directions, B, H]` from first states of that shape; none: noughts. Without
            /// a batch, states are `[layers · directions, H]`.
            ///
            /// # Panics
            /// If the input or the states do not fit.
            #[must_use]
            #[track_caller]
            pub fn forward_from(
                &self,
                x: &Var<T>,
                state: Option<&Var<T>>,
                cx: &mut Context<'_>,
            ) -> (Var<T>, Var<T>) {
                let (y, last) = self.stack.forward(x, state.map(|h| (h, None)), true, cx);
                let h = last.map_or_else(|| y.clone(), |(h, _)| h);
                (y, h)
            }

            /// [`Self::forward_from`] of sequences of several lengths: nothing is computed for padding, and the last
            /// states are those of each sequence's own end.
            ///
            /// # Panics
            /// If the input or the states do not fit.
            #[must_use]
            #[track_caller]
            pub fn forward_packed(
                &self,
                x: &PackedSequence<T>,
                state: Option<&Var<T>>,
                cx: &mut Context<'_>,
            ) -> (PackedSequence<T>, Var<T>) {
                let states = state.map(|h| (x.reorder(h, false), None));
                let (y, last) = self.stack.run(&x.data, &x.batch_sizes, states.as_ref(), true, cx);
                self.stack.record(&x.batch_sizes, &y, cx);
                let h = last.map_or_else(|| y.clone(), |(h, _)| x.reorder(&h, true));
                (x.with_data(y), h)
            }
        }

        impl<T: gradus_tensor::Float> Layer<T> for $Name<T> {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                self.stack.forward(x, None, false, cx).0
            }
        }
    };
}
pub(crate) use plain_state;
