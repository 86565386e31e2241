//! Patches of images as columns and back, and the ways that trade channels for pixels.

use gradus_tensor::{Float, PatchSpec, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

/// Columns of the patches of images [H, W], or, backwards, their adjoint.
struct Patches {
    input: [usize; 2],
    spec: PatchSpec,
    back: bool,
}

impl<T: Float> Op<T> for Patches {
    fn name(&self) -> &'static str {
        if self.back { "col2im" } else { "im2col" }
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        if self.back { inputs[0].col2im(self.input, self.spec) } else { inputs[0].im2col(self.spec) }
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(apply(Patches { back: !self.back, ..*self }, &[g]))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let place = batch.place(g.shape()).filter(|place| place.axis == 0)?;
        Some(vec![Flow::Along(batch.moved(place, &saved.shape(0), 0))])
    }
}

impl<T: Float> Var<T> {
    /// Patches as columns: `[N, C, H, W] → [N, C·KH·KW, L]`, L places row by row; row (c·KH + p)·KW + q holds what
    /// element (p, q) of the patch sees in channel c, 0 in the padding (PyTorch: `functional.unfold`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{PatchSpec, Tensor};
    /// let x = Var::leaf(Tensor::<f32>::ones([1, 2, 5, 5]));
    /// let columns = x.im2col(PatchSpec::new([3, 3]));
    /// assert_eq!(columns.dims(), [1, 18, 9]);
    /// assert_eq!(columns.sum().backward().of(&x).unwrap().at(&[0, 1, 2, 2]), 9.0);
    /// ```
    ///
    /// # Panics
    /// If there are not four axes, a size is 0, or a patch exceeds the padded image.
    #[must_use]
    #[track_caller]
    pub fn im2col(&self, spec: PatchSpec) -> Self {
        let input = match self.shape()[..] {
            [_, _, h, w] => [h, w],
            _ => [0, 0], // refused by the forward pass
        };
        apply(Patches { input, spec, back: false }, &[self])
    }

    /// Columns `[N, C·KH·KW, L]` added up at the places of images `[N, C, H, W]`, `input` = [H, W]: the adjoint of
    /// [`Var::im2col`] (PyTorch: `functional.fold`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{PatchSpec, Tensor};
    /// let x = Var::leaf(Tensor::<f32>::ones([1, 1, 3, 3]));
    /// let spec = PatchSpec::new([2, 2]);
    /// let y = x.im2col(spec).col2im([3, 3], spec); // each pixel as often as a patch holds it
    /// assert_eq!(y.value().to_vec(), [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If there are not three axes, the rows are no multiple of the patch's elements, the number of columns is not that
    /// of the places, a size is 0, or a patch exceeds the padded image.
    #[must_use]
    #[track_caller]
    pub fn col2im(&self, input: [usize; 2], spec: PatchSpec) -> Self {
        apply(Patches { input, spec, back: true }, &[self])
    }

    /// Channels as pixels: `[…, C·r², H, W] → […, C, H·r, W·r]`; out\[c, y·r + p, x·r + q\] is channel (c·r + p)·r + q
    /// (PyTorch: `functional.pixel_shuffle`; W. Shi et al., "Real-time single image and video super-resolution using an
    /// efficient sub-pixel convolutional neural network", 2016).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::constant(Tensor::new([4, 1, 1], &[1.0_f32, 2.0, 3.0, 4.0]));
    /// let y = x.pixel_shuffle(2);
    /// assert_eq!(y.value(), &Tensor::from([[[1.0, 2.0], [3.0, 4.0]]]));
    /// assert_eq!(y.pixel_unshuffle(2).value(), x.value());
    /// ```
    ///
    /// # Panics
    /// If there are fewer than three axes, or r² does not divide the channels.
    #[must_use]
    #[track_caller]
    pub fn pixel_shuffle(&self, factor: usize) -> Self {
        let (lead, [c, h, w]) = self.image("pixel_shuffle");
        let block = factor * factor;
        let fits = block > 0 && c.is_multiple_of(block);
        assert!(
            fits,
            "pixel_shuffle: {factor}² does not divide the channels: {} ({c} by {block})",
            self.shape()
        );
        let (n, c) = (lead.iter().product::<usize>(), c / block);
        let y = self.reshape([n, c, factor, factor, h, w]).permute(&[0, 1, 4, 2, 5, 3]);
        y.reshape([lead, &[c, h * factor, w * factor]].concat())
    }

    /// Pixels as channels: `[…, C, H·r, W·r] → […, C·r², H, W]`, the inverse of [`Var::pixel_shuffle`] (PyTorch:
    /// `functional.pixel_unshuffle`).
    ///
    /// # Panics
    /// If there are fewer than three axes, or r does not divide the sides.
    #[must_use]
    #[track_caller]
    pub fn pixel_unshuffle(&self, factor: usize) -> Self {
        let (lead, [c, h, w]) = self.image("pixel_unshuffle");
        let fits = factor > 0 && h.is_multiple_of(factor) && w.is_multiple_of(factor);
        assert!(fits, "pixel_unshuffle: {factor} does not divide the sides: {} ([{h}, {w}])", self.shape());
        let (n, h, w) = (lead.iter().product::<usize>(), h / factor, w / factor);
        let y = self.reshape([n, c, h, factor, w, factor]).permute(&[0, 1, 3, 5, 2, 4]);
        y.reshape([lead, &[c * factor * factor, h, w]].concat())
    }

    /// Channels dealt out among the groups: `[N, C, …] → [N, C, …]`, channel k of group g becomes channel k·groups + g
    /// (PyTorch: `functional.channel_shuffle`; X. Zhang et al., "ShuffleNet", 2018).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::constant([[1.0_f32, 2.0, 3.0, 4.0]]);
    /// assert_eq!(x.channel_shuffle(2).value().to_vec(), [1.0, 3.0, 2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes, or the groups do not divide the channels.
    #[must_use]
    #[track_caller]
    pub fn channel_shuffle(&self, groups: usize) -> Self {
        let shape = *self.shape();
        assert!(shape.len() >= 2, "channel_shuffle: input is not [N, C, …]: {shape} ({} axes)", shape.len());
        let (n, c, rest) = (shape[0], shape[1], shape[2..].iter().product::<usize>());
        let fits = groups > 0 && c.is_multiple_of(groups);
        assert!(fits, "channel_shuffle: groups do not divide the channels: {shape} ({c} by {groups})");
        self.reshape([n, groups, c / groups, rest]).permute(&[0, 2, 1, 3]).reshape(shape)
    }

    /// The axes before the last three, and these.
    #[track_caller]
    fn image(&self, op: &str) -> (&[usize], [usize; 3]) {
        let shape = self.shape();
        match shape.split_last_chunk::<3>() {
            Some((lead, image)) => (lead, *image),
            None => panic!("{op}: input is not […, C, H, W]: {shape} ({} axes)", shape.len()),
        }
    }
}
