//! Pooling over windows of the plane. Maximum pooling remembers where each maximum stood and picks there; average
//! pooling is linear and comes with its adjoint. Sequences are planes of one row, volumes are pooled as planes and then
//! along their depth (`pool_nd`).

use gradus_tensor::{Float, Pool2dSpec, Shape, Tensor};

use super::index::put_back;
use crate::mode::is_recording;
use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

struct MaxPool2d {
    spec: Pool2dSpec,
    found: Found,
}

/// Where the maxima stood, `[N, C, OH, OW]`.
enum Found {
    /// Nobody will ask: nothing is recorded.
    Nowhere,
    /// Which tap of its window each was.
    Taps(Tensor<u8>),
    /// Places in the plane, for windows with more taps than a byte can name.
    Places(Tensor<i64>),
}

impl MaxPool2d {
    fn new(spec: Pool2dSpec, is_recorded: bool) -> Self {
        Self { spec, found: if is_recorded { Found::Taps(Tensor::default()) } else { Found::Nowhere } }
    }

    /// Places in planes of `width` columns.
    fn places(&self, width: usize) -> Tensor<i64> {
        match &self.found {
            Found::Nowhere => Tensor::default(),
            Found::Places(places) => places.clone(),
            Found::Taps(taps) => Tensor::from_fn(*taps.shape(), |i| {
                let [.., y, x] = *i else { return 0 };
                self.spec.place([y, x], usize::from(taps.at(i)), width) as i64
            }),
        }
    }
}

/// Every plane is pooled on its own, wherever its example lies.
fn in_planes<T: Float>(x: &Shape, y: &Shape, batch: Batch) -> Option<Vec<Flow<T>>> {
    let place = batch.place(y)?;
    (place.axis + 2 < x.len()).then(|| vec![Flow::Along(batch.moved(place, x, place.axis))])
}

/// The plane's two axes as one.
fn flat(shape: &Shape) -> Shape {
    let planes = shape.len() - 2;
    let mut dims = shape[..planes].to_vec();
    dims.push(shape[planes..].iter().product());
    Shape::new(&dims)
}

impl<T: Float> Op<T> for MaxPool2d {
    fn name(&self) -> &'static str {
        "max_pool2d"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        if matches!(self.found, Found::Nowhere) {
            return inputs[0].max_pool2d_values(self.spec);
        }
        if self.spec.kernel[0] * self.spec.kernel[1] <= 256 {
            let (y, taps) = inputs[0].max_pool2d_taps(self.spec);
            self.found = Found::Taps(taps);
            return y;
        }
        let (y, places) = inputs[0].max_pool2d(self.spec);
        self.found = Found::Places(places);
        y
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let shape = saved.shape(0);
        let places = self.places(shape[shape.len() - 1]);
        let index = places.reshape(flat(places.shape()));
        let g = g.reshape(*index.shape());
        vec![Some(put_back(&g, -1, &index, flat(&shape)).reshape(shape))]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let shape = saved.shape(0);
        Ok(vec![Some(match &self.found {
            Found::Nowhere => return Err(g),
            Found::Taps(taps) => g.max_pool2d_taps_grad(taps, shape, self.spec),
            Found::Places(places) => g.max_pool2d_grad(places, shape),
        })])
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        in_planes(&saved.shape(0), g.shape(), batch)
    }
}

/// Average pooling over windows, or over a fixed number of regions; both linear.
#[derive(Clone, Copy)]
enum Average {
    Windows(Pool2dSpec),
    Regions([usize; 2]),
}

struct AvgPool2d(Average);

struct AvgPool2dGrad(Average, Shape);

impl<T: Float> Op<T> for AvgPool2d {
    fn name(&self) -> &'static str {
        "avg_pool2d"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        match self.0 {
            Average::Windows(spec) => inputs[0].avg_pool2d(spec),
            Average::Regions(size) => inputs[0].adaptive_avg_pool2d(size),
        }
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(apply(AvgPool2dGrad(self.0, saved.shape(0)), &[g]))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        in_planes(&saved.shape(0), g.shape(), batch)
    }
}

impl<T: Float> Op<T> for AvgPool2dGrad {
    fn name(&self) -> &'static str {
        "avg_pool2d_grad"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        match self.0 {
            Average::Windows(spec) => inputs[0].avg_pool2d_grad(self.1, spec),
            Average::Regions(_) => inputs[0].adaptive_avg_pool2d_grad(self.1),
        }
    }

    fn vjp(&self, _: &Saved<Var<T>>, h: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(apply(AvgPool2d(self.0), &[h]))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        in_planes(&saved.shape(0), g.shape(), batch)
    }
}

impl<T: Float> Var<T> {
    /// The largest element of each window: `[…, H, W] → […, OH, OW]` with
    /// OH = ⌊(H + 2·padding − dilation·(KH − 1) − 1) / stride⌋ + 1 (see [`gradus_tensor::PoolSpec::output`]). The first of equals gets the
    /// gradient, NaN is larger than any number (PyTorch: `functional.max_pool2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{Pool2dSpec, Tensor};
    /// let x = Var::leaf(Tensor::new([1, 1, 2, 2], &[1.0_f32, 4.0, 3.0, 2.0]));
    /// let y = x.max_pool2d(Pool2dSpec::new([2, 2]));
    /// assert_eq!(y.item(), 4.0);
    /// assert_eq!(y.sum().backward().of(&x).map(|g| g.to_vec()), Some(vec![0.0, 1.0, 0.0, 0.0]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes or the window does not fit.
    #[must_use]
    #[track_caller]
    pub fn max_pool2d(&self, spec: Pool2dSpec) -> Self {
        apply(MaxPool2d::new(spec, self.has_gradient() && is_recording()), &[self])
    }

    /// The mean of each window: `[…, H, W] → […, OH, OW]` with OH = ⌊(H + 2·padding − KH) / stride⌋ + 1 (see
    /// [`gradus_tensor::PoolSpec::output`]; PyTorch: `functional.avg_pool2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{Pool2dSpec, Tensor};
    /// let x = Var::leaf(Tensor::new([1, 1, 2, 2], &[1.0_f32, 4.0, 3.0, 2.0]));
    /// let y = x.avg_pool2d(Pool2dSpec::new([2, 2]));
    /// assert_eq!(y.item(), 2.5);
    /// assert_eq!(y.sum().backward().of(&x).map(|g| g.to_vec()), Some(vec![0.25; 4]));
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes or the window does not fit.
    #[must_use]
    #[track_caller]
    pub fn avg_pool2d(&self, spec: Pool2dSpec) -> Self {
        apply(AvgPool2d(Average::Windows(spec)), &[self])
    }

    /// Means over `size[0] × size[1]` regions that cover the plane, the i-th of them from row ⌊i·H/OH⌋ up to ⌈(i + 1)·H/OH⌉:
    /// `[…, H, W] → […, OH, OW]`, where `size` is [OH, OW] (PyTorch: `functional.adaptive_avg_pool2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf(Tensor::new([1, 1, 2, 4], &[1.0_f32, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]));
    /// assert_eq!(x.adaptive_avg_pool2d([1, 2]).value().to_vec(), [2.0, 3.0]);
    /// ```
    ///
    /// # Panics
    /// If there are fewer than two axes or a size is 0.
    #[must_use]
    #[track_caller]
    pub fn adaptive_avg_pool2d(&self, size: [usize; 2]) -> Self {
        apply(AvgPool2d(Average::Regions(size)), &[self])
    }
}
