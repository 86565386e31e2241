//! Sizes along the axes of a window, which convolutions and pools share. They know no layers.

use crate::error::LayerError;

/// The sides of a kernel, steps or borders: one number for all axes, or one for each.
///
/// ```
/// use gradus_layers::Sides;
/// assert_eq!((Sides::<2>::from(3).0, Sides::from([3, 5]).0), ([3, 3], [3, 5]));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sides<const D: usize>(pub [usize; D]);

impl<const D: usize> From<usize> for Sides<D> {
    fn from(side: usize) -> Self {
        Self([side; D])
    }
}

impl<const D: usize> From<[usize; D]> for Sides<D> {
    fn from(sides: [usize; D]) -> Self {
        Self(sides)
    }
}

/// Sizes as PyTorch writes them: `[3, 3]`.
pub(crate) fn list(sides: &[usize]) -> String {
    format!("{sides:?}")
}

/// `Ok` if none of the sides of any of these arguments is 0.
pub(crate) fn check_positive(
    layer: &'static str,
    arguments: &[(&'static str, &[usize])],
) -> Result<(), LayerError> {
    arguments.iter().try_for_each(|(name, sides)| {
        LayerError::check(!sides.contains(&0), layer, name, list(sides), "at least 1")
    })
}

/// `Ok` if the groups divide inputs and outputs.
pub(crate) fn check_groups(
    layer: &'static str,
    groups: usize,
    inputs: usize,
    outputs: usize,
) -> Result<(), LayerError> {
    let even = groups > 0 && inputs.is_multiple_of(groups) && outputs.is_multiple_of(groups);
    let range = format_args!("a divisor of {inputs} inputs and {outputs} outputs");
    LayerError::check(even, layer, "groups", groups, range)
}
