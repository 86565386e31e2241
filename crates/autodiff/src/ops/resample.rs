//! Sparse linear maps along an axis, and what they are for: resizing. The adjoint is
//! the transposed map, which adds up what several places read.

use std::sync::Arc;

use gradus_tensor::{AxisMap, Element, Float, Interpolation, Resize, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

struct AlongAxis {
    name: &'static str,
    axis: isize,
    map: Arc<AxisMap>,
}

impl<T: Float> Op<T> for AlongAxis {
    fn name(&self) -> &'static str {
        self.name
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].map_axis(self.axis, &self.map)
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let map = Arc::new(self.map.transposed());
        vec![Some(apply(AlongAxis { name: self.name, axis: self.axis, map }, &[g]))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let (shape, place) = (saved.shape(0), batch.place(g.shape())?);
        let apart = place.axis != shape.axis(self.name, self.axis);
        apart.then(|| vec![Flow::Along(batch.moved(place, &shape, place.axis))])
    }
}

impl<T: Float> Var<T> {
    #[track_caller]
    fn mapped(&self, name: &'static str, maps: Vec<(usize, AxisMap)>) -> Self {
        maps.into_iter().fold(self.clone(), |x, (axis, map)| {
            apply(AlongAxis { name, axis: axis as isize, map: Arc::new(map) }, &[&x])
        })
    }

    /// `map` applied along `axis`: out\[…, j, …\] = Σ weight·self\[…, place, …\] over the taps of j
    /// `[…, inputs, …] → […, outputs, …]`.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::AxisMap;
    /// let x = Var::leaf([1.0_f32, 3.0, 7.0]);
    /// let y = x.map_axis(0, &AxisMap::new(3, [[(0, 0.5), (1, 0.5)], [(1, 0.5), (2, 0.5)]]));
    /// assert_eq!(y.value().to_vec(), [2.0, 5.0]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [0.5, 1.0, 0.5]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, or its length is not what the map reads.
    #[must_use]
    #[track_caller]
    pub fn map_axis(&self, axis: isize, map: &AxisMap) -> Self {
        apply(AlongAxis { name: "map_axis", axis, map: Arc::new(map.clone()) }, &[self])
    }

    /// Resized along all axes behind the first two: `[N, C, H, W] → [N, C, OH, OW]`, and likewise for sequences and
    /// volumes (PyTorch: `functional.interpolate`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{Interpolation, InterpolationMode, Resize};
    /// let x = Var::leaf([[[1.0_f32, 3.0]]]);
    /// let y = x.interpolate(Resize::Factors(&[2.0]), Interpolation::new(InterpolationMode::Linear));
    /// assert_eq!(y.value().to_vec(), [1.0, 1.5, 2.5, 3.0]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [2.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If there is not one size or positive factor per axis behind the first two, an axis is or becomes empty, or a flag
    /// is set that the mode has no use for.
    #[must_use]
    #[track_caller]
    pub fn interpolate(&self, to: Resize<'_>, how: Interpolation) -> Self {
        self.mapped("interpolate", how.axis_maps(self.shape(), to, <T as Element>::DTYPE))
    }
}
