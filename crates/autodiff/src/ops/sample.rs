//! Sampling at places that a grid of coordinates names. Where the places are is piecewise constant in the coordinates;
//! what differentiates is how the neighbours are weighted. Sampling with given weights is bilinear, and its two adjoints
//! are the others' derivatives, so gradients of any order stay within the three.

use gradus_tensor::{Float, GridSampling, SamplingMode, SamplingPadding, Shape, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::var::{Var, apply};

/// (x, w) ↦ y.
struct Sample(Tensor<i64>);

/// (g, w) ↦ x's cotangent, of so many places.
struct InputGrad(Tensor<i64>, usize);

/// (x, g) ↦ w's cotangent.
struct WeightGrad(Tensor<i64>);

impl<T: Float> Op<T> for Sample {
    fn name(&self) -> &'static str {
        "sample"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].sample(&self.0, inputs[1])
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let back = InputGrad(self.0.clone(), saved.shape(0)[2]);
        vec![
            saved.wants(0).then(|| apply(back, &[g, &saved.input(1)])),
            saved.wants(1).then(|| apply(WeightGrad(self.0.clone()), &[&saved.input(0), g])),
        ]
    }
}

impl<T: Float> Op<T> for InputGrad {
    fn name(&self) -> &'static str {
        "sample_input_grad"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].sample_input_grad(&self.0, inputs[1], self.1)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, h: &Var<T>) -> Cotangents<Var<T>> {
        vec![
            saved.wants(0).then(|| apply(Sample(self.0.clone()), &[h, &saved.input(1)])),
            saved.wants(1).then(|| apply(WeightGrad(self.0.clone()), &[h, &saved.input(0)])),
        ]
    }
}

impl<T: Float> Op<T> for WeightGrad {
    fn name(&self) -> &'static str {
        "sample_weight_grad"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].sample_weight_grad(&self.0, inputs[1])
    }

    fn vjp(&self, saved: &Saved<Var<T>>, h: &Var<T>) -> Cotangents<Var<T>> {
        let back = InputGrad(self.0.clone(), saved.shape(0)[2]);
        vec![
            saved.wants(0).then(|| apply(back, &[&saved.input(1), h])),
            saved.wants(1).then(|| apply(Sample(self.0.clone()), &[&saved.input(0), h])),
        ]
    }
}

/// A piecewise linear function of its input, whose values and slopes were found beforehand.
struct Piecewise<T: Float> {
    value: Tensor<T>,
    slope: Tensor<T>,
}

impl<T: Float> Op<T> for Piecewise<T> {
    fn name(&self) -> &'static str {
        "coordinates"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, _: &[&Tensor<T>]) -> Tensor<T> {
        self.value.clone()
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![Some(g * &Var::constant(self.slope.clone()))]
    }
}

/// One axis of an image under a grid.
struct Axis {
    length: usize,
    how: GridSampling,
}

/// Far outside: where coordinates that are no number lie.
const NOWHERE: f64 = -100.0;

impl Axis {
    fn last<T: Float>(&self) -> T {
        T::of(self.length as f64 - 1.0)
    }

    /// A coordinate of −1 to 1 in places, and its slope. A NaN is read as −1, as in PyTorch.
    fn scaled<T: Float>(&self, x: T) -> (T, T) {
        let (one, half) = (T::ONE, T::of(0.5));
        let (x, slope) = if x.is_nan() { (-one, T::ZERO) } else { (x, half) };
        if self.how.align_corners {
            ((x + one) * half * self.last(), slope * self.last())
        } else {
            let length = T::of(self.length as f64);
            (((x + one) * length - one) * half, slope * length)
        }
    }

    /// A place brought inside as the padding says, and the slope of doing so.
    fn inside<T: Float>(&self, at: T) -> (T, T) {
        let (at, slope) = match self.how.padding {
            SamplingPadding::Zeros => return (at, T::ONE),
            SamplingPadding::Border => (at, T::ONE),
            SamplingPadding::Reflection => self.reflected(at),
        };
        // The gradient stops at the border itself, as in PyTorch.
        if at <= T::ZERO {
            (T::ZERO, T::ZERO)
        } else if at >= self.last() {
            (self.last(), T::ZERO)
        } else {
            (at, slope)
        }
    }

    fn reflected<T: Float>(&self, at: T) -> (T, T) {
        let (low, span) = match self.how.align_corners {
            true => (T::ZERO, self.last()),
            false => (T::of(-0.5), T::of(self.length as f64)),
        };
        if span == T::ZERO {
            return (T::ZERO, T::ZERO);
        }
        let sign = if at < low { -T::ONE } else { T::ONE };
        let off = (at - low).abs();
        let (rest, flips) = (off % span, (off / span).floor());
        let is_even = flips % T::of(2.0) == T::ZERO;
        if is_even { (rest + low, sign) } else { (span - rest + low, -sign) }
    }

    /// Places and slopes of all coordinates.
    fn places<T: Float>(&self, x: &Tensor<T>) -> (Tensor<T>, Tensor<T>) {
        let place = |x: T| {
            let (at, slope) = self.scaled(x);
            let (at, inside) = match self.how.mode {
                SamplingMode::Cubic => (at, T::ONE), // its taps are brought inside instead
                _ => self.inside(at),
            };
            if at.is_finite() { (at, slope * inside) } else { (T::of(NOWHERE), T::ZERO) }
        };
        (x.map(move |x| place(x).0), x.map(move |x| place(x).1))
    }

    /// How many places a coordinate reads.
    fn taps_each(&self) -> usize {
        match self.how.mode {
            SamplingMode::Nearest => 1,
            SamplingMode::Linear => 2,
            SamplingMode::Cubic => 4,
        }
    }

    /// The place that each tap reads, none outside: the first taps of a coordinate first.
    fn taps<T: Float>(&self, at: T, out: &mut Vec<Option<usize>>) {
        out.clear();
        let first = match self.how.mode {
            SamplingMode::Nearest => even(at),
            SamplingMode::Linear => at.floor(),
            SamplingMode::Cubic => at.floor() - T::ONE,
        };
        for k in 0..self.taps_each() {
            let at = first + T::of(k as f64);
            let at = if self.how.mode == SamplingMode::Cubic { self.inside(at).0 } else { at };
            let is_inside = at >= T::ZERO && at <= self.last();
            out.push(is_inside.then(|| at.as_f64() as usize));
        }
    }
}

/// The nearest whole number, of two the even one.
fn even<T: Float>(x: T) -> T {
    let below = x.floor();
    let part = x - below;
    let is_odd = below % T::of(2.0) != T::ZERO;
    let up = part > T::of(0.5) || part == T::of(0.5) && is_odd;
    if up { below + T::ONE } else { below }
}

/// The weights of the taps along one axis, `[…, taps]`, from how far a place lies behind the one below.
fn weights<T: Float>(mode: SamplingMode, part: &Var<T>) -> Var<T> {
    const A: f64 = -0.75;
    let near = |x: &Var<T>| (x * (A + 2.0) - (A + 3.0)) * x * x + 1.0;
    let far = |x: &Var<T>| ((x * A - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
    let rest = -part + 1.0;
    match mode {
        SamplingMode::Nearest => Var::constant(Tensor::ones(part.shape().insert(part.rank(), 1))),
        SamplingMode::Linear => Var::stack(&[&rest, part], -1),
        SamplingMode::Cubic => {
            Var::stack(&[&far(&(part + 1.0)), &near(part), &near(&rest), &far(&(&rest + 1.0))], -1)
        }
    }
}

/// For each sample the places of all its taps, counted row by row, −1 outside: `[N, P, taps]`. `axes` and `places` have
/// the last axis first.
fn index<T: Float>(axes: &[Axis], places: &[Tensor<T>], shape: [usize; 2]) -> Tensor<i64> {
    let places: Vec<Vec<T>> = places.iter().map(Tensor::to_vec).collect();
    let mut taps = vec![Vec::new(); axes.len()];
    let mut all = Vec::new();
    for sample in 0..shape[0] * shape[1] {
        for ((axis, places), taps) in axes.iter().zip(&places).zip(&mut taps) {
            axis.taps(places[sample], taps);
        }
        let start = all.len();
        all.push(Some(0));
        for (axis, taps) in axes.iter().zip(&taps).rev() {
            let so_far = all.split_off(start);
            let each =
                so_far.into_iter().flat_map(|at: Option<usize>| taps.iter().map(move |tap| (at, *tap)));
            all.extend(each.map(|(at, tap)| Some(at? * axis.length + tap?)));
        }
    }
    let count = axes.iter().map(|axis| axis.taps_each()).product();
    let all: Vec<i64> = all.into_iter().map(|at| at.map_or(-1, |at| at as i64)).collect();
    Tensor::new([shape[0], shape[1], count], &all)
}

impl<T: Float> Var<T> {
    /// Reads an image at the places of a grid: `[N, C, H, W], [N, OH, OW, 2] → [N, C, OH, OW]`, and likewise volumes
    /// `[N, C, D, H, W], [N, OD, OH, OW, 3] → [N, C, OD, OH, OW]`. The grid holds (x, y) or (x, y, z) from −1 to 1, x along
    /// the last axis; a NaN in it is read as −1 (PyTorch: `functional.grid_sample`; M. Jaderberg et al., "Spatial
    /// transformer networks", 2015). Gradients flow to the image and, but for the nearest place, to the grid.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{GridSampling, Tensor};
    /// let x = Var::leaf(Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]).reshape([1, 1, 2, 2]));
    /// let grid = Var::leaf(Tensor::from([0.0_f32, 0.0]).reshape([1, 1, 1, 2]));
    /// let y = x.grid_sample(&grid, GridSampling::default());
    /// assert_eq!(y.item(), 2.5);
    /// assert_eq!(y.sum().backward().of(&grid).unwrap().to_vec(), [1.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit each other, an axis of the image is empty, or a volume is sampled with `Cubic` (as in
    /// PyTorch, four neighbours are for images).
    #[must_use]
    #[track_caller]
    pub fn grid_sample(&self, grid: &Self, how: GridSampling) -> Self {
        let (shape, at) = (*self.shape(), *grid.shape());
        let axes = shape.len().saturating_sub(2);
        let fits =
            (2..=3).contains(&axes) && at.len() == axes + 2 && at[0] == shape[0] && at[axes + 1] == axes;
        assert!(
            fits,
            "grid_sample: operands are not [N, C, H, W] and [N, OH, OW, 2] (or [N, C, D, H, W] and [N, OD, OH, OW, 3]): \
             {shape} and {at}"
        );
        assert!(!shape[1..].contains(&0), "grid_sample: nothing to sample: {shape}");
        assert!(how.mode != SamplingMode::Cubic || axes == 2, "grid_sample: cubic is for images: {shape}");
        let count = at[1..=axes].iter().product::<usize>();
        let flat = grid.reshape([at[0], count, axes]);
        let sides: Vec<Axis> = shape[2..].iter().rev().map(|&length| Axis { length, how }).collect();
        let (mut all, mut product) = (Vec::new(), None::<Self>);
        for (k, side) in sides.iter().enumerate() {
            let x = flat.select(-1, k);
            let (value, slope) = side.places(x.value());
            let floor = Self::constant(value.floor());
            all.push(value.clone());
            let along = weights(how.mode, &(apply(Piecewise { value, slope }, &[&x]) - floor));
            let taps = along.dim(-1);
            product = Some(match product {
                None => along,
                Some(inner) => {
                    let both = along.unsqueeze(-1) * inner.unsqueeze(-2);
                    both.reshape([at[0], count, taps * inner.dim(-1)])
                }
            });
        }
        let Some(weight) = product else { return self.clone() };
        let index = index(&sides, &all, [at[0], count]);
        let x = self.reshape([shape[0], shape[1], shape[2..].iter().product()]);
        let out = Shape::new(&[&shape[..2], &at[1..=axes]].concat());
        apply(Sample(index), &[&x, &weight]).reshape(out)
    }

    /// The grid of an affine map for [`Var::grid_sample`]: `[N, 2, 3] → [N, H, W, 2]` for `size` = [N, C, H, W], or
    /// `[N, 3, 4] → [N, D, H, W, 3]` for [N, C, D, H, W]; place (y, x) of the result is read at θ·(x, y, 1)
    /// (PyTorch: `functional.affine_grid`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let theta = Var::constant([[[1.0_f32, 0.0, 0.0], [0.0, 1.0, 0.5]]]);
    /// let grid = theta.affine_grid([1, 1, 1, 2], true);
    /// assert_eq!(grid.value().to_vec(), [-1.0, 0.5, 1.0, 0.5]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit each other.
    #[must_use]
    #[track_caller]
    pub fn affine_grid(&self, size: impl Into<Shape>, align_corners: bool) -> Self {
        let (size, shape) = (size.into(), self.shape());
        let axes = size.len().saturating_sub(2);
        let fits = (2..=3).contains(&axes) && shape[..] == [size[0], axes, axes + 1];
        assert!(
            fits,
            "affine_grid: θ is not [N, 2, 3] for [N, C, H, W], or [N, 3, 4] for [N, C, D, H, W]: {shape} for {size}"
        );
        let coordinate = |i: usize, length: usize| match (align_corners, length) {
            (true, 1) => 0.0,
            (true, _) => 2.0 * i as f64 / (length - 1) as f64 - 1.0,
            (false, _) => (2 * i + 1) as f64 / length as f64 - 1.0,
        };
        let sides = &size[2..];
        let base = Tensor::from_fn(Shape::new(&[sides, &[axes + 1]].concat()), |i| match i.split_last() {
            Some((&k, at)) if k < axes => T::of(coordinate(at[axes - 1 - k], sides[axes - 1 - k])),
            _ => T::ONE,
        });
        let base = Self::constant(base.reshape([sides.iter().product(), axes + 1]));
        base.matmul(&self.t()).reshape([&size[..1], sides, &[axes]].concat())
    }
}
