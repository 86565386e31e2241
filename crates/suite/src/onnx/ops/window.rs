//! How a window moves over the spatial axes of `[N, C, …]`, as convolution and pooling write it, padding by name included. It
//! must never know what is done in the window.

use gradus_tensor::{Element, Tensor};

use crate::call::Call;
use crate::value::{Result, unmapped};

/// A window over as many axes as `kernel` has lengths.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) kernel: Vec<usize>,
    pub(super) stride: Vec<usize>,
    pub(super) dilation: Vec<usize>,
    /// Before and after.
    pub(super) pads: Vec<(usize, usize)>,
    /// Windows may hang over the end.
    pub(super) ceil: bool,
}

impl Window {
    /// Reads the attributes of a node that moves `kernel` over `space`.
    pub(super) fn read(call: &Call, space: &[usize], kernel: Vec<usize>) -> Result<Self> {
        let axes = kernel.len();
        let stride = call.sizes("strides", axes, 1)?;
        let dilation = call.sizes("dilations", axes, 1)?;
        let mut window =
            Self { kernel, stride, dilation, pads: vec![(0, 0); axes], ceil: call.flag("ceil_mode", false) };
        match call.text("auto_pad", "NOTSET").as_str() {
            "NOTSET" | "" => {
                let pads = call.sizes("pads", 2 * axes, 0)?;
                window.pads = (0..axes).map(|axis| (pads[axis], pads[axes + axis])).collect();
            }
            "VALID" => {}
            mode @ ("SAME_UPPER" | "SAME_LOWER") => {
                for (axis, pads) in window.pads.iter_mut().enumerate() {
                    let (step, length) = (window.stride[axis], space[axis]);
                    let reach = (window.kernel[axis] - 1) * window.dilation[axis] + 1;
                    let total = ((length.div_ceil(step) - 1) * step + reach).saturating_sub(length);
                    let (less, more) = (total / 2, total - total / 2);
                    *pads = if mode == "SAME_UPPER" { (less, more) } else { (more, less) };
                }
            }
            other => return unmapped(format!("padding by {other}")),
        }
        Ok(window)
    }

    /// How far the window reaches along an axis.
    pub(super) fn reach(&self, axis: usize) -> usize {
        (self.kernel[axis] - 1) * self.dilation[axis] + 1
    }

    /// Whether both ends of each axis are padded alike, by no more than `most` of its kernel's length.
    pub(super) fn is_even(&self, most: impl Fn(usize) -> usize) -> bool {
        self.pads.iter().zip(&self.kernel).all(|(&(before, after), &k)| before == after && before <= most(k))
    }

    /// Whether the kernel's elements are neighbours.
    pub(super) fn is_dense(&self) -> bool {
        self.dilation.iter().all(|&d| d == 1)
    }

    /// Whether there is neither padding nor dilation nor overhang.
    pub(super) fn is_bare(&self) -> bool {
        self.is_dense() && !self.ceil && self.pads.iter().all(|&pad| pad == (0, 0))
    }

    /// How often the window fits along an axis of `length`.
    pub(super) fn places(&self, axis: usize, length: usize) -> usize {
        let (before, after) = self.pads[axis];
        let rest = (length + before + after).saturating_sub(self.reach(axis));
        if !self.ceil {
            return rest / self.stride[axis] + 1;
        }
        let places = rest.div_ceil(self.stride[axis]) + 1;
        // No window begins in the padding at the end.
        places - usize::from((places - 1) * self.stride[axis] >= length + before)
    }

    /// What has to be put behind an axis of `length`, so that the last window is whole.
    pub(super) fn behind(&self, axis: usize, length: usize) -> usize {
        let whole = (self.places(axis, length) - 1) * self.stride[axis] + self.reach(axis);
        whole.saturating_sub(length + self.pads[axis].0)
    }

    /// `x` `[N, C, …]` with the padding written out.
    pub(super) fn padded<T: Element>(&self, x: &Tensor<T>, value: T) -> Tensor<T> {
        let mut widths = vec![(0, 0); x.rank() - self.pads.len()];
        widths.extend(&self.pads);
        x.pad(&widths, value)
    }

    /// The same window without padding.
    pub(super) fn bare(&self) -> Self {
        Self { pads: vec![(0, 0); self.pads.len()], ..self.clone() }
    }

    /// A window over one axis as one over two, the first of length 1.
    pub(super) fn widened(&self) -> Self {
        let put = |list: &[usize]| [&[1], list].concat();
        Self {
            kernel: put(&self.kernel),
            stride: put(&self.stride),
            dilation: put(&self.dilation),
            pads: [&[(0, 0)], &self.pads[..]].concat(),
            ceil: self.ceil,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(kernel: usize, stride: usize, dilation: usize, pads: (usize, usize), ceil: bool) -> Window {
        Window {
            kernel: vec![kernel],
            stride: vec![stride],
            dilation: vec![dilation],
            pads: vec![pads],
            ceil,
        }
    }

    #[test]
    fn places_are_counted_as_the_standard_does() {
        assert_eq!(window(3, 2, 1, (0, 0), false).places(0, 4), 1);
        assert_eq!(window(3, 2, 1, (0, 0), true).places(0, 4), 2);
        assert_eq!(window(3, 2, 1, (0, 0), true).behind(0, 4), 1);
        assert_eq!(window(2, 1, 2, (1, 1), false).places(0, 3), 3);
        // The second window would begin in the padding.
        assert_eq!(window(1, 2, 1, (0, 1), true).places(0, 2), 1);
    }
}
