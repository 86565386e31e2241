//! What a convolution puts around its input before the kernel sees it. Noughts that are as many before as behind are left
//! to the kernel, which reads them from nowhere; every other border is a copy. Knows no weights.

use gradus_autodiff::Var;
use gradus_tensor::{Float, PadMode};

/// A border along each of `D` axes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Border<const D: usize> {
    /// (before, after).
    widths: [(usize, usize); D],
    mode: PadMode,
}

impl<const D: usize> Border<D> {
    pub(crate) fn new(widths: [(usize, usize); D], mode: PadMode) -> Self {
        Self { widths, mode }
    }

    fn is_even(&self) -> bool {
        self.mode == PadMode::Zeros && self.widths.iter().all(|(before, after)| before == after)
    }

    /// The noughts that the kernel adds itself.
    pub(crate) fn left_to_the_kernel(&self) -> [usize; D] {
        if self.is_even() { self.widths.map(|(before, _)| before) } else { [0; D] }
    }

    /// `[N, C, …]` with all else around it.
    #[track_caller]
    pub(crate) fn put_around<T: Float>(&self, x: &Var<T>) -> Var<T> {
        if self.is_even() {
            return x.clone();
        }
        let widths = [&[(0, 0); 2], &self.widths[..]].concat();
        x.pad_with(&widths, self.mode)
    }
}
