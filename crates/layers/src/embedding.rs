//! Vectors by number.

use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply, choose};
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
/// let mut layer = layer.padding(9)?.max_norm(1.0, 2.0)?;
/// assert_eq!(layer.forward(&tokens, &mut Context::eval()).value().at(&[1, 2, 0]), 0.0);
/// layer.shorten(&tokens);
/// assert!(layer.weight.value().select(0, 3).square().sum().item() < 1.001);
/// assert_eq!(Embedding::from_weight(layer.weight).weight.dims(), [100, 8]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Debug, Module)]
pub struct Embedding<T: Float = f32> {
    /// `[V, D]`.
    pub weight: Param<T>,
    #[module(skip)]
    padding: Option<usize>,
    #[module(skip)]
    limit: Option<NormLimit>,
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
        Self { weight, padding: None, limit: None }
    }

    /// Index `padding` stands for nothing: its vector becomes 0 and is not trained (PyTorch: `padding_idx`).
    ///
    /// # Errors
    /// If the vocabulary has no such index.
    pub fn padding(mut self, padding: usize) -> Result<Self, LayerError> {
        clear_row("Embedding", &mut self.weight, padding)?;
        self.padding = Some(padding);
        Ok(self)
    }

    /// Vectors whose `p`-norm exceeds `max_norm` are shortened to it (PyTorch: `max_norm`, `norm_type`, whose default is 2).
    ///
    /// A forward pass changes no parameter here: it computes with the shortened vectors, and gradients pass as if the table held
    /// them. [`Embedding::shorten`] writes them to the table, which PyTorch's forward pass does by itself.
    ///
    /// # Errors
    /// If `max_norm` is negative or NaN, or `p` is not positive.
    pub fn max_norm(self, max_norm: f64, p: f64) -> Result<Self, LayerError> {
        Ok(Self { limit: Some(NormLimit::new("Embedding", max_norm, p)?), ..self })
    }

    /// Writes to the table what [`Embedding::max_norm`] makes of the vectors of `indices`: before a forward pass in training, it
    /// is PyTorch's.
    ///
    /// # Panics
    /// If an index lies outside the vocabulary.
    #[track_caller]
    pub fn shorten(&mut self, indices: &Tensor<i64>) {
        let flat = checked("Embedding", indices, self.weight.dim(0));
        if let Some(limit) = self.limit {
            limit.apply_to(&mut self.weight, &flat);
        }
    }

    /// The vectors of `indices`: `[…] → […, D]`.
    ///
    /// # Panics
    /// If an index lies outside the vocabulary; the message says which, where, and how large the vocabulary is.
    #[must_use]
    #[track_caller]
    pub fn forward(&self, indices: &Tensor<i64>, cx: &mut Context<'_>) -> Var<T> {
        let [vocabulary, size] = self.weight.dims();
        let flat = checked("Embedding", indices, vocabulary);
        let mut rows = self.weight.index_select(0, &flat);
        if let Some(limit) = self.limit {
            rows = limit.shortened(&rows);
        }
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

/// The indices in one row.
///
/// # Panics
/// If one lies outside `0 .. vocabulary`.
#[track_caller]
pub(crate) fn checked(layer: &str, indices: &Tensor<i64>, vocabulary: usize) -> Tensor<i64> {
    let flat = indices.reshape([indices.len()]);
    let outside = |&i: &i64| usize::try_from(i).map_or(true, |i| i >= vocabulary);
    if let Some(at) = flat.to_vec().iter().position(outside) {
        let (place, index) = (place(indices.shape(), at), flat.at(&[at]));
        panic!(
            "{layer}: no such index: {index} at {place} of {} (vocabulary 0 .. {vocabulary})",
            indices.shape()
        );
    }
    flat
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

/// Noughts in row `padding` of a table.
pub(crate) fn clear_row<T: Float>(
    layer: &'static str,
    weight: &mut Param<T>,
    padding: usize,
) -> Result<(), LayerError> {
    let [vocabulary, size] = weight.dims();
    let range = format_args!("an index of the vocabulary 0 .. {vocabulary}");
    LayerError::check(padding < vocabulary, layer, "padding", padding, range)?;
    weight.value_mut().make_mut()[padding * size..(padding + 1) * size].fill(T::ZERO);
    Ok(())
}

/// How long a vector may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NormLimit {
    max: f64,
    p: f64,
}

/// What PyTorch adds to a norm before it divides by it.
const NORM_GUARD: f64 = 1e-7;

impl NormLimit {
    pub(crate) fn new(layer: &'static str, max: f64, p: f64) -> Result<Self, LayerError> {
        LayerError::check(max >= 0.0, layer, "max_norm", max, "≥ 0")?;
        LayerError::check(p > 0.0, layer, "p", p, "> 0, or infinite")?;
        Ok(Self { max, p })
    }

    /// By what a vector is multiplied.
    fn factor<T: Float>(self, row: &[T]) -> f64 {
        let sizes = row.iter().map(|x| x.as_f64().abs());
        let norm = if self.p == f64::INFINITY {
            sizes.fold(0.0, f64::max)
        } else if self.p == 2.0 {
            sizes.map(|x| x * x).sum::<f64>().sqrt()
        } else {
            sizes.map(|x| x.powf(self.p)).sum::<f64>().powf(self.p.recip())
        };
        if norm > self.max { self.max / (norm + NORM_GUARD) } else { 1.0 }
    }

    /// Rows `[N, D]`, none of them too long; gradients pass as they are.
    pub(crate) fn shortened<T: Float>(self, rows: &Var<T>) -> Var<T> {
        let (values, width) = (rows.value().contiguous(), rows.dim(-1).max(1));
        let values = values.as_slice().unwrap_or(&[]);
        let factors: Vec<T> = values.chunks(width).map(|row| T::of(self.factor(row))).collect();
        if factors.iter().all(|&factor| factor == T::ONE) {
            return rows.clone();
        }
        let factors = Tensor::new([factors.len(), 1], &factors);
        apply(InPlaceOf(rows.value() * &factors), &[rows])
    }

    /// Shortens rows `indices` of a table where they are.
    pub(crate) fn apply_to<T: Float>(self, weight: &mut Param<T>, indices: &Tensor<i64>) {
        let size = weight.dim(1);
        let mut done = vec![false; weight.dim(0)];
        let values = weight.value_mut().make_mut();
        for index in indices.to_vec() {
            let index = index as usize;
            if !std::mem::replace(&mut done[index], true) {
                let row = &mut values[index * size..(index + 1) * size];
                let factor = T::of(self.factor(row));
                row.iter_mut().for_each(|x| *x = *x * factor);
            }
        }
    }
}

/// Another value for the same variable: gradients pass as if nothing had happened.
struct InPlaceOf<T: Float>(Tensor<T>);

impl<T: Float> Op<T> for InPlaceOf<T> {
    fn name(&self) -> &'static str {
        "shortened"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.0.clone()
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g.clone())]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch)])
    }
}
