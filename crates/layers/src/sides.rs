//! Sizes along the axes of a window, which convolutions and pools share. They know no layers.

/// The sides of a kernel, steps or borders: one number for all axes, or one for each.
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

/// Sides along one axis or two, as those of an image; a sequence is an image of height 1.
pub(crate) fn planar<const D: usize>(sides: [usize; D], height: usize) -> [usize; 2] {
    let mut out = [height; 2];
    out[2 - D..].copy_from_slice(&sides);
    out
}

/// Sizes as PyTorch writes them: `[3, 3]`.
pub(crate) fn list(sides: &[usize]) -> String {
    format!("{sides:?}")
}
