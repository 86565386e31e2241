//! Tensors made longer or turned round along their axes: padding, tiling, repeating, rolling. Data movement only, for
//! any element type.

use crate::element::Element;
use crate::layout::Layout;
use crate::tensor::Tensor;

impl<T: Element> Tensor<T> {
    /// `value` put around: `widths` has (before, after) for each axis, the first axis first
    /// (NumPy: `pad`; PyTorch: `pad(mode="constant")` lists the last axis first).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1, 2], [3, 4]]).pad(&[(1, 0), (0, 2)], 9);
    /// assert_eq!(x, Tensor::from([[9, 9, 9, 9], [1, 2, 9, 9], [3, 4, 9, 9]]));
    /// ```
    ///
    /// # Panics
    /// If there is not one pair per axis.
    #[must_use]
    #[track_caller]
    pub fn pad(&self, widths: &[(usize, usize)], value: T) -> Self {
        let (pairs, axes) = (widths.len(), self.rank());
        assert!(pairs == axes, "pad: one pair per axis: {} by {widths:?} ({axes} ≠ {pairs})", self.shape());
        let mut shape = *self.shape();
        shape.iter_mut().zip(widths).for_each(|(length, (before, after))| *length += before + after);
        let mut inner = Layout::row_major(shape);
        for (axis, &(before, _)) in widths.iter().enumerate() {
            inner = inner.slice(axis, before, 1, self.shape()[axis]);
        }
        let source = self.contiguous();
        let mut rest = source.as_slice().unwrap_or(&[]);
        Self::build(shape, |out| {
            out.fill(value);
            inner.collapse().runs(0, rest.len(), |position, stride, length| {
                let (run, after) = rest.split_at(length);
                rest = after;
                if stride == 1 {
                    out[position..position + length].copy_from_slice(run);
                } else {
                    for (i, &value) in run.iter().enumerate() {
                        out[position.wrapping_add_signed(i as isize * stride)] = value;
                    }
                }
            });
        })
    }

    /// The whole tensor repeated `counts` times along each axis; missing axes are added in front
    /// (NumPy: `tile`; PyTorch: `repeat`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1, 2]).tile(&[2, 2]), Tensor::from([[1, 2, 1, 2], [1, 2, 1, 2]]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer counts than axes.
    #[must_use]
    #[track_caller]
    pub fn tile(&self, counts: &[usize]) -> Self {
        let (given, axes) = (counts.len(), self.rank());
        assert!(given >= axes, "tile: a count per axis: {} by {counts:?} ({given} < {axes})", self.shape());
        let mut out = self.clone();
        for _ in axes..given {
            out = out.unsqueeze(0);
        }
        for (axis, &count) in counts.iter().enumerate() {
            out = match count {
                0 => out.narrow(axis as isize, 0, 0),
                1 => out,
                _ => Self::cat(&vec![&out; count], axis as isize),
            };
        }
        out
    }

    /// Each element `count` times in a row along `axis` (PyTorch: `repeat_interleave`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1, 2]).repeat_interleave(3, 0).to_vec(), [1, 1, 1, 2, 2, 2]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn repeat_interleave(&self, count: usize, axis: isize) -> Self {
        let at = self.shape().axis("repeat_interleave", axis);
        let length = self.shape()[at];
        let index: Vec<i64> = (0..length * count).map(|i| (i / count) as i64).collect();
        self.index_select(at as isize, &index.into())
    }

    /// Moved along `axis` by `shift` places; what leaves one end comes back at the other (PyTorch: `roll`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1, 2, 3, 4]).roll(1, 0).to_vec(), [4, 1, 2, 3]);
    /// assert_eq!(Tensor::from([1, 2, 3, 4]).roll(-6, 0).to_vec(), [3, 4, 1, 2]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn roll(&self, shift: isize, axis: isize) -> Self {
        let length = self.shape()[self.shape().axis("roll", axis)];
        if length == 0 {
            return self.clone();
        }
        let tail = shift.rem_euclid(length as isize) as usize;
        let head = self.narrow(axis, 0, length - tail);
        Self::cat(&[&self.narrow(axis, length - tail, tail), &head], axis)
    }
}

/// What padding shows beyond an edge.
///
/// ```
/// use gradus_tensor::{PadMode, Tensor};
/// let x = Tensor::from([1, 2, 3]);
/// assert_eq!(x.pad_with(&[(1, 1)], PadMode::Zeros).to_vec(), [0, 1, 2, 3, 0]);
/// assert_eq!(x.pad_with(&[(1, 1)], PadMode::Symmetric).to_vec(), [1, 1, 2, 3, 3]);
/// assert_eq!(x.pad_with(&[(1, 1)], PadMode::Replicate).to_vec(), [1, 1, 2, 3, 3]);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum PadMode {
    /// Noughts (PyTorch: `zeros`).
    #[default]
    Zeros,
    /// The elements mirrored at the edge, which itself stands once: `c b | a b c | b a`.
    Reflect,
    /// The elements mirrored at the edge, which stands twice: `b a | a b c | c b` (NumPy: `symmetric`).
    Symmetric,
    /// The edge again and again: `a a | a b c | c c` (NumPy: `edge`).
    Replicate,
    /// From the other end: `b c | a b c | a b` (NumPy: `wrap`).
    Circular,
}

impl PadMode {
    /// Where the element shown at each place of a padded axis stands; noughts stand nowhere, so they are not asked for.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn index(self, length: usize, (before, after): (usize, usize), axis: usize) -> Tensor<i64> {
        let most = match self {
            PadMode::Reflect => length.saturating_sub(1),
            PadMode::Symmetric | PadMode::Circular => length,
            PadMode::Zeros => 0,
            PadMode::Replicate => {
                if length == 0 {
                    0
                } else {
                    usize::MAX
                }
            }
        };
        let widest = before.max(after);
        assert!(
            widest <= most,
            "pad: wider than {self:?} allows: ({before}, {after}) round axis {axis} of length {length} ({widest} > {most})"
        );
        let n = length as i64;
        let place = |i: i64| match self {
            PadMode::Reflect if i < 0 => -i,
            PadMode::Reflect if i >= n => 2 * n - 2 - i,
            PadMode::Symmetric if i < 0 => -1 - i,
            PadMode::Symmetric if i >= n => 2 * n - 1 - i,
            PadMode::Replicate => i.clamp(0, n - 1),
            PadMode::Circular => i.rem_euclid(n),
            _ => i,
        };
        (-(before as i64)..n + after as i64).map(place).collect()
    }
}

impl<T: Element> Tensor<T> {
    /// Padded by its own elements: `widths` has (before, after) for each axis, the first axis first (PyTorch: `pad` with a
    /// mode, which lists the last axis first; NumPy: `pad`).
    ///
    /// ```
    /// use gradus_tensor::{PadMode, Tensor};
    /// let x = Tensor::from([1, 2, 3]);
    /// assert_eq!(x.pad_with(&[(2, 1)], PadMode::Reflect).to_vec(), [3, 2, 1, 2, 3, 2]);
    /// assert_eq!(x.pad_with(&[(2, 1)], PadMode::Circular).to_vec(), [2, 3, 1, 2, 3, 1]);
    /// ```
    ///
    /// # Panics
    /// If there is not one pair per axis, or a width exceeds what the axis can show: its length, less 1 where it is
    /// reflected; nothing at all of an empty one.
    #[must_use]
    #[track_caller]
    pub fn pad_with(&self, widths: &[(usize, usize)], mode: PadMode) -> Self {
        if mode == PadMode::Zeros {
            return self.pad(widths, T::ZERO);
        }
        let (pairs, axes) = (widths.len(), self.rank());
        assert!(pairs == axes, "pad: one pair per axis: {} by {widths:?} ({axes} ≠ {pairs})", self.shape());
        let padded = widths.iter().enumerate().filter(|&(_, &width)| width != (0, 0));
        padded.fold(self.clone(), |x, (axis, &width)| {
            x.index_select(axis as isize, &mode.index(self.shape()[axis], width, axis))
        })
    }

    /// The tensors one beside the other: along axis 1, vectors along axis 0 (PyTorch: `hstack`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1], [2]]);
    /// assert_eq!(Tensor::hstack(&[&x, &x]), Tensor::from([[1, 1], [2, 2]]));
    /// ```
    ///
    /// # Panics
    /// If there are none, or they differ in another axis.
    #[must_use]
    #[track_caller]
    pub fn hstack(tensors: &[&Self]) -> Self {
        let lifted: Vec<Self> = tensors.iter().map(|x| at_least(x, 1)).collect();
        let axis = lifted.first().map_or(0, |x| (x.rank() > 1).into());
        Self::cat(&lifted.iter().collect::<Vec<_>>(), axis)
    }

    /// The tensors one below the other, along axis 0; vectors are rows (PyTorch: `vstack`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::vstack(&[&Tensor::from([1, 2]), &Tensor::from([3, 4])]), Tensor::from([[1, 2], [3, 4]]));
    /// ```
    ///
    /// # Panics
    /// If there are none, or they differ in another axis.
    #[must_use]
    #[track_caller]
    pub fn vstack(tensors: &[&Self]) -> Self {
        let lifted: Vec<Self> = tensors.iter().map(|x| at_least(x, 2)).collect();
        Self::cat(&lifted.iter().collect::<Vec<_>>(), 0)
    }
}

/// With leading axes of length 1 up to a rank.
fn at_least<T: Element>(x: &Tensor<T>, rank: usize) -> Tensor<T> {
    (x.rank()..rank).fold(x.clone(), |x, _| x.unsqueeze(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn padding_any_axis_of_any_view() {
        let x = Tensor::<i64>::arange(24).reshape([2, 3, 4]).transpose(0, 2);
        for widths in [[(0, 0), (1, 2), (0, 0)], [(2, 0), (0, 0), (0, 1)], [(1, 1), (1, 1), (1, 1)]] {
            let y = x.pad(&widths, -1);
            let want = Tensor::from_fn(y.shape(), |i| {
                let inside: Option<Vec<usize>> =
                    i.iter().zip(&widths).map(|(&i, &(before, _))| i.checked_sub(before)).collect();
                match inside {
                    Some(at) if at.iter().zip(x.shape().iter()).all(|(i, d)| i < d) => x.at(&at),
                    _ => -1,
                }
            });
            assert_eq!(y, want);
        }
        let column = Tensor::<i64>::arange(3).reshape([3, 1]).pad(&[(0, 0), (1, 1)], 0);
        assert_eq!(column.to_vec(), [0, 0, 0, 0, 1, 0, 0, 2, 0]);
        assert_eq!(Tensor::<f32>::zeros([0, 2]).pad(&[(1, 0), (0, 0)], 1.0).to_vec(), [1.0, 1.0]);
        assert_eq!(Tensor::scalar(3_i64).pad(&[], 0).item(), 3);
    }

    #[test]
    fn tiles_and_rolls() {
        let x = Tensor::<i64>::arange(6).reshape([2, 3]);
        let y = x.tile(&[2, 3, 2]);
        let want = Tensor::from_fn([2, 6, 6], |i| x.at(&[i[1] % 2, i[2] % 3]));
        assert_eq!(y, want);
        assert_eq!(x.tile(&[0, 1]).dims(), [0, 3]);
        for shift in -7..8_isize {
            let want =
                Tensor::from_fn([2, 3], |i| x.at(&[i[0], (i[1] as isize - shift).rem_euclid(3) as usize]));
            assert_eq!(x.roll(shift, -1), want, "{shift}");
        }
        assert_eq!(x.repeat_interleave(2, 0).select(1, 0).to_vec(), [0, 0, 3, 3]);
        assert_eq!(x.repeat_interleave(0, 0).dims(), [0, 3]);
    }

    #[test]
    #[should_panic(expected = "pad: one pair per axis: [2] by [(0, 1), (0, 0)] (1 ≠ 2)")]
    fn padding_counts_its_pairs() {
        let _ = Tensor::<f32>::zeros([2]).pad(&[(0, 1), (0, 0)], 0.0);
    }
}
