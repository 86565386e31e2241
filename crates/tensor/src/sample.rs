//! Sampling: each place of a result is a weighted sum of few places of an input, which differ from image to image. The
//! three functions are bilinear and each is the others' derivative. Where the places come from is no matter of the
//! functions; [`GridSampling`] says how a grid of coordinates names them.

use crate::conv::dense;
use crate::element::Float;
use crate::parallel::{self, Cost};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How values between places are found.
///
/// ```
/// use gradus_tensor::{GridSampling, SamplingMode};
/// let how = GridSampling { mode: SamplingMode::Nearest, ..GridSampling::default() };
/// assert_eq!((how.mode, GridSampling::default().mode), (SamplingMode::Nearest, SamplingMode::Linear));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SamplingMode {
    /// Two neighbours along each axis (PyTorch: `bilinear`).
    #[default]
    Linear,
    /// The nearest place, of two equally near the even one (PyTorch: `nearest`).
    Nearest,
    /// Four neighbours along each axis, by Keys' kernel with a = −0.75 (PyTorch: `bicubic`).
    Cubic,
}

/// What stands outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SamplingPadding {
    /// Noughts.
    #[default]
    Zeros,
    /// The outermost element.
    Border,
    /// The inside mirrored, at the centres of the outermost places with `align_corners`, else at their edges.
    Reflection,
}

/// How a grid of coordinates from −1 to 1 reads an image (PyTorch: the options of `grid_sample`). With `align_corners` −1
/// and 1 are the centres of the first and last places, without it their outer edges.
///
/// ```
/// use gradus_tensor::{GridSampling, SamplingPadding};
/// let how = GridSampling { padding: SamplingPadding::Border, ..GridSampling::default() };
/// assert!(!how.align_corners);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct GridSampling {
    /// How values between places are found.
    pub mode: SamplingMode,
    /// What stands outside.
    pub padding: SamplingPadding,
    /// Whether −1 and 1 are centres.
    pub align_corners: bool,
}

/// The lengths of `[N, C, S]` and `[N, P, K]`.
struct Sizes {
    batch: usize,
    channels: usize,
    places: usize,
    samples: usize,
    taps: usize,
}

impl Sizes {
    #[track_caller]
    fn new(op: &str, input: &Shape, index: &Tensor<i64>) -> Self {
        let at = index.shape();
        let fits = input.len() == 3 && at.len() == 3 && input[0] == at[0];
        assert!(fits, "{op}: operands are not [N, C, S] and [N, P, K]: {input} and {at}");
        Self { batch: input[0], channels: input[1], places: input[2], samples: at[1], taps: at[2] }
    }

    fn cost<T>(&self) -> Cost {
        let work = self.batch * self.channels * self.samples * self.taps;
        Cost { bytes: work * (size_of::<T>() + size_of::<i64>()), flops: 2 * work }
    }
}

/// The places as numbers below `limit`; what is negative is `limit`, which no place is.
#[track_caller]
fn checked(op: &str, index: &Tensor<i64>, limit: usize) -> Vec<usize> {
    let mut out = Vec::with_capacity(index.len());
    for (position, place) in index.to_vec().into_iter().enumerate() {
        let inside = place < limit as i64;
        assert!(inside, "{op}: index {place} at position {position} lies outside 0 .. {limit}");
        out.push(usize::try_from(place).unwrap_or(limit));
    }
    out
}

#[track_caller]
fn check_shape<T: Float>(op: &str, what: &str, have: &Tensor<T>, want: [usize; 3]) {
    assert!(have.shape()[..] == want, "{op}: {what} does not fit: {} (needs {want:?})", have.shape());
}

impl<T: Float> Tensor<T> {
    /// out\[n, c, p\] = Σ_k weight\[n, p, k\]·self\[n, c, index\[n, p, k\]\]: `[N, C, S], [N, P, K], [N, P, K] → [N, C, P]`.
    /// A negative index stands for nothing, whatever its weight.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[[1.0_f32, 2.0, 4.0]]]);
    /// let y = x.sample(&Tensor::from([[[0_i64, 2], [1, -1]]]), &Tensor::from([[[0.5, 0.5], [3.0, 9.0]]]));
    /// assert_eq!(y.to_vec(), [2.5, 6.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index is S or more.
    #[must_use]
    #[track_caller]
    pub fn sample(&self, index: &Tensor<i64>, weight: &Self) -> Self {
        let op = "sample";
        let sizes = Sizes::new(op, self.shape(), index);
        let Sizes { batch, channels, places, samples, taps } = sizes;
        check_shape(op, "weight", weight, [batch, samples, taps]);
        let index = checked(op, index, places);
        let (x, weight) = (self.contiguous(), weight.contiguous());
        let (x, weight) = (dense(&x), dense(&weight));
        Self::build(Shape::new(&[batch, channels, samples]), |out| {
            parallel::chunks_mut(out, samples, sizes.cost::<T>(), |row, out| {
                let (x, first) = (&x[row * places..][..places], row / channels * samples * taps);
                let of = first..first + samples * taps;
                let each = index[of.clone()].chunks(taps.max(1)).zip(weight[of].chunks(taps.max(1)));
                out.fill(T::ZERO);
                for (out, (index, weight)) in out.iter_mut().zip(each) {
                    for (&place, &weight) in index.iter().zip(weight) {
                        if let Some(&x) = x.get(place) {
                            *out = *out + weight * x;
                        }
                    }
                }
            });
        })
    }

    /// The adjoint of [`Tensor::sample`] in its input of `places` places: self is the result's cotangent `[N, C, P]`, the
    /// answer `[N, C, S]`; what several samples read adds up.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (index, weight) = (Tensor::from([[[0_i64, 1]]]), Tensor::from([[[0.75_f32, 0.25]]])); // one sample of two places
    /// let g = Tensor::from([[[8.0_f32]]]);
    /// assert_eq!(g.sample_input_grad(&index, &weight, 3).to_vec(), [6.0, 2.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index is `places` or more.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn sample_input_grad(&self, index: &Tensor<i64>, weight: &Self, places: usize) -> Self {
        let op = "sample_input_grad";
        let sizes = Sizes::new(op, self.shape(), index);
        let Sizes { batch, channels, samples, taps, .. } = sizes;
        check_shape(op, "cotangent", self, [batch, channels, samples]);
        check_shape(op, "weight", weight, [batch, samples, taps]);
        let index = checked(op, index, places);
        let (g, weight) = (self.contiguous(), weight.contiguous());
        let (g, weight) = (dense(&g), dense(&weight));
        Self::build(Shape::new(&[batch, channels, places]), |out| {
            parallel::chunks_mut(out, places, sizes.cost::<T>(), |row, out| {
                let (g, first) = (&g[row * samples..][..samples], row / channels * samples * taps);
                let of = first..first + samples * taps;
                let each = index[of.clone()].chunks(taps.max(1)).zip(weight[of].chunks(taps.max(1)));
                out.fill(T::ZERO);
                for (&g, (index, weight)) in g.iter().zip(each) {
                    for (&place, &weight) in index.iter().zip(weight) {
                        if let Some(sum) = out.get_mut(place) {
                            *sum = *sum + weight * g;
                        }
                    }
                }
            });
        })
    }

    /// The adjoint of [`Tensor::sample`] in its weights: self is the input `[N, C, S]`, `g` the result's cotangent
    /// `[N, C, P]`, the answer `[N, P, K]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (x, index) = (Tensor::from([[[3.0_f32, 5.0]]]), Tensor::from([[[0_i64, 1]]]));
    /// assert_eq!(x.sample_weight_grad(&index, &Tensor::from([[[2.0]]])).to_vec(), [6.0, 10.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index is S or more.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn sample_weight_grad(&self, index: &Tensor<i64>, g: &Self) -> Self {
        let op = "sample_weight_grad";
        let sizes = Sizes::new(op, self.shape(), index);
        let Sizes { batch, channels, places, samples, taps } = sizes;
        check_shape(op, "cotangent", g, [batch, channels, samples]);
        let index = checked(op, index, places);
        let (x, g) = (self.contiguous(), g.contiguous());
        let (x, g) = (dense(&x), dense(&g));
        // Some samples at a time, so that their sums stay near while the channels pass.
        const SAMPLES: usize = 512;
        let runs = samples.div_ceil(SAMPLES).max(1);
        let sums = parallel::map(batch * runs, sizes.cost::<T>(), |task| {
            let (image, first) = (task / runs, task % runs * SAMPLES);
            let count = SAMPLES.min(samples - first);
            let at = &index[(image * samples + first) * taps..][..count * taps];
            let mut sums = vec![T::ZERO; count * taps];
            for channel in image * channels..(image + 1) * channels {
                let (x, g) = (&x[channel * places..][..places], &g[channel * samples + first..][..count]);
                let each = sums.chunks_mut(taps.max(1)).zip(at.chunks(taps.max(1))).zip(g);
                for ((sums, at), &g) in each {
                    for (sum, &place) in sums.iter_mut().zip(at) {
                        if let Some(&x) = x.get(place) {
                            *sum = *sum + x * g;
                        }
                    }
                }
            }
            sums
        });
        Self::new([batch, samples, taps], &sums.concat())
    }
}
