//! Which query sees which key, in the forms that PyTorch's layers take, and the slopes of ALiBi.

use gradus_tensor::{Float, Tensor};

/// The slopes of ALiBi for each of `heads` heads, `[H]`: 2^(−8·i/H) for i = 1 … H if H is a power of two; else those of the
/// power of two below, then every other one of the power of two above (Press et al. 2022, "Train short, test long", and the
/// authors' `get_slopes`).
///
/// ```
/// let slopes = gradus_layers::alibi_slopes::<f64>(8);
/// assert_eq!(slopes.at(&[0]), 0.5);
/// assert_eq!(slopes.at(&[7]), 1.0 / 256.0);
/// ```
#[must_use]
pub fn alibi_slopes<T: Float>(heads: usize) -> Tensor<T> {
    let of_power = |heads: usize, i: usize| (-8.0 * (i + 1) as f64 / heads as f64).exp2();
    let below = if heads == 0 { 0 } else { 1 << heads.ilog2() };
    Tensor::from_fn([heads], |at| {
        T::of(if at[0] < below { of_power(below, at[0]) } else { of_power(2 * below, 2 * (at[0] - below)) })
    })
}

/// Which keys count, `[B, S]` → `[B, 1, 1, S]`, for [`AttentionOptions::mask`](gradus_tensor::AttentionOptions::mask); `ignored` is
/// true where a key is padding (PyTorch: `key_padding_mask`).
///
/// ```
/// use gradus_layers::key_padding_mask;
/// use gradus_tensor::Tensor;
/// let keep = key_padding_mask(&Tensor::from([[false, true]]));
/// assert_eq!((keep.dims(), keep.to_vec()), ([1, 1, 1, 2], vec![true, false]));
/// ```
///
/// # Panics
/// If there are not two axes.
#[must_use]
#[track_caller]
pub fn key_padding_mask(ignored: &Tensor<bool>) -> Tensor<bool> {
    let [batch, keys] = ignored.dims();
    ignored.map(|ignored| !ignored).reshape([batch, 1, 1, keys])
}

/// Which query sees which key, `[L, S]` and `[B, S]` → `[B, 1, L, S]`, for
/// [`AttentionOptions::mask`](gradus_tensor::AttentionOptions::mask): `blocked` is true where a query must not see a key, `ignored`
/// where a key is padding (PyTorch: a boolean `attn_mask` together with `key_padding_mask`).
///
/// ```
/// use gradus_layers::{attention_mask, subsequent_mask};
/// use gradus_tensor::Tensor;
/// let keep = attention_mask(&subsequent_mask(2), &Tensor::from([[false, false], [true, false]]));
/// assert_eq!(keep.to_vec(), [true, false, true, true, false, false, false, true]);
/// ```
///
/// # Panics
/// If there are not two axes each, or they differ in S.
#[must_use]
#[track_caller]
pub fn attention_mask(blocked: &Tensor<bool>, ignored: &Tensor<bool>) -> Tensor<bool> {
    let ([queries, keys], [batch, also]) = (blocked.dims(), ignored.dims());
    assert!(
        keys == also,
        "attention_mask: keys differ: {} and {} ({keys} ≠ {also})",
        blocked.shape(),
        ignored.shape()
    );
    let blocked = blocked.reshape([1, 1, queries, keys]);
    blocked.zip(&ignored.reshape([batch, 1, 1, keys]), |blocked, ignored| !(blocked || ignored))
}

/// True where key j comes after query i, `[T, T]` (PyTorch: `Transformer.generate_square_subsequent_mask`, as a boolean).
#[must_use]
pub fn subsequent_mask(length: usize) -> Tensor<bool> {
    Tensor::from_fn([length, length], |at| at[1] > at[0])
}
