//! Vectors by number.

use gradus_autodiff::{Var, choose};
use gradus_module::{Context, Module, Param};
use gradus_tensor::{Float, Rng, Shape, Tensor};

use crate::error::LayerError;

/// Row `i` of a table for each index `i`: indices `[…] → […, D]` (PyTorch: `Embedding`).
///
/// `weight` `[V, D]` starts Gaussian with variance 1. Its input are numbers, not variables, so it is no
/// [`Layer`](gradus_module::Layer); it has the same `forward`.
///
/// ```
/// use gradus_layers::Embedding;
/// use gradus_module::Context;
/// use gradus_tensor::{Rng, Tensor};
/// let layer: Embedding = Embedding::new(100, 8, &mut Rng::seed(0));
/// let tokens = Tensor::from([[3_i64, 1, 4], [1, 5, 9]]);
/// assert_eq!(layer.forward(&tokens, &mut Context::eval()).dims(), [2, 3, 8]);
/// ```
#[derive(Clone, Debug, Module)]
pub struct Embedding<T: Float = f32> {
    /// `[V, D]`.
    pub weight: Param<T>,
    #[module(skip)]
    padding: Option<usize>,
}

impl<T: Float> Embedding<T> {
    /// A table of `vocabulary` vectors of `size` numbers.
    #[must_use]
    pub fn new(vocabulary: usize, size: usize, rng: &mut Rng) -> Self {
        Self::from_weight(Param::new(Tensor::normal([vocabulary, size], 0.0, 1.0, rng)))
    }

    /// The table `[V, D]` as it is (PyTorch: `from_pretrained(freeze=False)`).
    ///
    /// # Panics
    /// If the weight has not two axes.
    #[must_use]
    #[track_caller]
    pub fn from_weight(weight: Param<T>) -> Self {
        assert!(weight.rank() == 2, "Embedding: the weight has not two axes: {}", weight.shape());
        Self { weight, padding: None }
    }

    /// Index `padding` stands for nothing: its vector becomes 0 and is not trained (PyTorch: `padding_idx`).
    ///
    /// # Errors
    /// If the vocabulary has no such index.
    pub fn padding(mut self, padding: usize) -> Result<Self, LayerError> {
        let [vocabulary, size] = self.weight.dims();
        LayerError::check(
            padding < vocabulary,
            "Embedding",
            "padding",
            padding,
            format_args!("an index of the vocabulary 0 .. {vocabulary}"),
        )?;
        self.weight.value_mut().make_mut()[padding * size..(padding + 1) * size].fill(T::ZERO);
        self.padding = Some(padding);
        Ok(self)
    }

    /// The vectors of `indices`: `[…] → […, D]`.
    ///
    /// # Panics
    /// If an index lies outside the vocabulary; the message says which, where, and how large the vocabulary is.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, indices: &Tensor<i64>, cx: &mut Context<'_>) -> Var<T> {
        let [vocabulary, size] = self.weight.dims();
        let flat = indices.reshape([indices.len()]);
        let outside = |&i: &i64| usize::try_from(i).map_or(true, |i| i >= vocabulary);
        if let Some(at) = flat.to_vec().iter().position(outside) {
            let (place, index) = (place(indices.shape(), at), flat.at(&[at]));
            panic!(
                "Embedding: no such index: {index} at {place} of {} (vocabulary 0 .. {vocabulary})",
                indices.shape()
            );
        }
        let mut rows = self.weight.index_select(0, &flat);
        if let Some(padding) = self.padding {
            let is_padding = flat.map(move |i| i as usize == padding).unsqueeze(-1);
            rows = choose(&is_padding, &rows.detach(), &rows);
        }
        let mut shape = indices.shape().to_vec();
        shape.push(size);
        let y = rows.reshape(Shape::new(&shape));
        cx.record("Embedding", Some(&self.weight), &y, 0);
        y
    }
}

/// The index of element number `at` in row-major order, as `[i, j, …]`.
fn place(shape: &Shape, at: usize) -> Shape {
    let mut index = shape.to_vec();
    let mut rest = at;
    for (axis, &length) in shape.iter().enumerate().rev() {
        index[axis] = rest % length;
        rest /= length;
    }
    Shape::new(&index)
}
