//! Affine maps of images: rotation, shifting, scaling, shearing. Each pixel of the result is read where an inverse map says.

use gradus_tensor::{Rng, SamplingMode, Tensor};

use super::{Augment, draw, range, sizes};
use crate::error::DataError;

/// An affine map around the middle of an image (torchvision: the arguments of `functional.affine`). Angles are degrees.
///
/// ```
/// use gradus_data::augment::{Affine, affine};
/// use gradus_tensor::{SamplingMode, Tensor};
/// let image = Tensor::from([[[1.0_f32, 2.0, 3.0]]]);
/// let right = Affine { translate: [1.0, 0.0], ..Affine::default() };
/// assert_eq!(affine(&image, right, SamplingMode::Nearest, 0.0).to_vec(), [0.0, 1.0, 2.0]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Affine {
    /// Clockwise.
    pub angle: f64,
    /// To the right and down, in pixels.
    pub translate: [f64; 2],
    /// How many times larger.
    pub scale: f64,
    /// Along x and along y.
    pub shear: [f64; 2],
    /// The point that stays, from the upper left corner to the right and down; the middle if none.
    pub center: Option<[f64; 2]>,
}

impl Default for Affine {
    fn default() -> Self {
        Self { angle: 0.0, translate: [0.0; 2], scale: 1.0, shear: [0.0; 2], center: None }
    }
}

impl Affine {
    /// Where a place of the result is read, both from the middle of an image of this size: (x, y) ↦
    /// (m₀·x + m₁·y + m₂, m₃·x + m₄·y + m₅).
    fn inverse(self, height: usize, width: usize) -> [f64; 6] {
        let rotation = self.angle.to_radians();
        let [sx, sy] = self.shear.map(f64::to_radians);
        let [tx, ty] = self.translate;
        let [cx, cy] =
            self.center.map_or([0.0; 2], |[x, y]| [x - width as f64 / 2.0, y - height as f64 / 2.0]);
        // The forward map is [a b; c d] = rotation · shear along y · shear along x.
        let (cos, sin) = ((rotation - sy).cos() / sy.cos(), (rotation - sy).sin() / sy.cos());
        let (a, b) = (cos, -cos * sx.tan() - rotation.sin());
        let (c, d) = (sin, -sin * sx.tan() + rotation.cos());
        let [m0, m1, m3, m4] = [d, -b, -c, a].map(|m| m / self.scale);
        let (x, y) = (-cx - tx, -cy - ty);
        [m0, m1, m0 * x + m1 * y + cx, m3, m4, m3 * x + m4 * y + cy]
    }
}

/// An image under an affine map: `[…, C, H, W] → […, C, H, W]` (torchvision: `functional.affine`). What comes from outside
/// is `fill`; where a linear sample is partly outside, the part that is outside counts as `fill` (torchvision, given a
/// fill, weights the inner part twice there).
///
/// ```
/// use gradus_data::augment::{Affine, affine};
/// use gradus_tensor::{SamplingMode, Tensor};
/// let image = Tensor::<f32>::arange(9).reshape([1, 3, 3]);
/// let turned = affine(&image, Affine { angle: 90.0, ..Affine::default() }, SamplingMode::Nearest, 0.0);
/// assert_eq!(turned.to_vec(), [6.0, 3.0, 0.0, 7.0, 4.0, 1.0, 8.0, 5.0, 2.0]);
/// ```
///
/// # Panics
/// If this is no image, or the mode is cubic.
#[must_use]
#[track_caller]
pub fn affine(image: &Tensor<f32>, map: Affine, mode: SamplingMode, fill: f32) -> Tensor<f32> {
    let [_, h, w] = sizes("affine", image);
    sampled("affine", image, map.inverse(h, w), [h, w], mode, fill)
}

/// An image turned counter-clockwise by so many degrees (torchvision: `functional.rotate`). With `expand` the result is
/// large enough for the whole turned image (as in torchvision, up to a pixel larger where the sizes' parities differ).
///
/// ```
/// use gradus_data::augment::rotate;
/// use gradus_tensor::{SamplingMode, Tensor};
/// let image = Tensor::<f32>::arange(8).reshape([1, 2, 4]);
/// let turned = rotate(&image, 90.0, SamplingMode::Nearest, true, 0.0);
/// assert_eq!((turned.dims(), turned.to_vec()), ([1, 4, 2], vec![3.0, 7.0, 2.0, 6.0, 1.0, 5.0, 0.0, 4.0]));
/// ```
///
/// # Panics
/// If this is no image, or the mode is cubic.
#[must_use]
#[track_caller]
pub fn rotate(image: &Tensor<f32>, angle: f64, mode: SamplingMode, expand: bool, fill: f32) -> Tensor<f32> {
    let [_, h, w] = sizes("rotate", image);
    let map = Affine { angle: -angle, ..Affine::default() }.inverse(h, w);
    let size = if expand { expanded(map, h, w) } else { [h, w] };
    sampled("rotate", image, map, size, mode, fill)
}

/// The height and width that hold all corners of a turned image.
fn expanded(map: [f64; 6], h: usize, w: usize) -> [usize; 2] {
    // Corners that lie on a border but for rounding do not need another pixel. In single precision, in which 30,000
    // times the slack is 3.
    const SLACK: f32 = 1e-4;
    let (half_h, half_w) = (h as f64 / 2.0, w as f64 / 2.0);
    let corners = [(-1.0, -1.0), (-1.0, 1.0), (1.0, 1.0), (1.0, -1.0)].map(|(x, y)| (x * half_w, y * half_h));
    let side = |[mx, my]: [f64; 2], half: f64| {
        let places = corners.map(|(x, y)| (mx * x + my * y + half) as f32);
        let cut = |value: f32| (value / SLACK).trunc() * SLACK;
        let high = cut(places.iter().copied().fold(f32::MIN, f32::max)).ceil();
        let low = cut(places.iter().copied().fold(f32::MAX, f32::min)).floor();
        (high - low) as usize
    };
    [side([map[3], map[4]], half_h), side([map[0], map[1]], half_w)]
}

/// The places that a pixel of the result reads along one axis, −1 outside, with their weights.
fn taps(at: f64, length: usize, mode: SamplingMode) -> [(i64, f32); 2] {
    let inside = |place: f64| if place >= 0.0 && place < length as f64 { place as i64 } else { -1 };
    match mode {
        SamplingMode::Nearest => [(inside(at.round_ties_even()), 1.0), (-1, 0.0)],
        _ => {
            let floor = at.floor();
            let part = (at - floor) as f32;
            [(inside(floor), 1.0 - part), (inside(floor + 1.0), part)]
        }
    }
}

#[track_caller]
fn sampled(
    op: &str,
    image: &Tensor<f32>,
    map: [f64; 6],
    [height, width]: [usize; 2],
    mode: SamplingMode,
    fill: f32,
) -> Tensor<f32> {
    assert!(mode != SamplingMode::Cubic, "{op}: images are sampled nearest or linearly, not cubic");
    let [_, h, w] = sizes(op, image);
    let each = if mode == SamplingMode::Nearest { 1 } else { 2 };
    let (mut index, mut weight) = (Vec::new(), Vec::new());
    // What of each pixel lies outside.
    let mut outside = Vec::with_capacity(height * width);
    for row in 0..height {
        let y = row as f64 - (height as f64 - 1.0) / 2.0;
        for column in 0..width {
            let x = column as f64 - (width as f64 - 1.0) / 2.0;
            let at_x = map[0] * x + map[1] * y + map[2] + (w as f64 - 1.0) / 2.0;
            let at_y = map[3] * x + map[4] * y + map[5] + (h as f64 - 1.0) / 2.0;
            let (down, right) = (taps(at_y, h, mode), taps(at_x, w, mode));
            let mut inside = 0.0;
            for &(i, weight_i) in &down[..each] {
                for &(j, weight_j) in &right[..each] {
                    let is_inside = i >= 0 && j >= 0;
                    index.push(if is_inside { i * w as i64 + j } else { -1 });
                    weight.push(weight_i * weight_j);
                    inside += if is_inside { weight_i * weight_j } else { 0.0 };
                }
            }
            outside.push((1.0 - inside) * fill);
        }
    }
    let shape = [1, height * width, each * each];
    let (index, weight) = (Tensor::new(shape, &index), Tensor::new(shape, &weight));
    let planes = image.len() / (h * w).max(1);
    let out = image.reshape([1, planes, h * w]).sample(&index, &weight);
    let out = if fill == 0.0 { out } else { out + Tensor::new([height * width], &outside) };
    let last = image.rank() - 1;
    out.reshape(image.shape().with(last - 1, height).with(last, width))
}

/// A rotation by a uniform angle (torchvision: `RandomRotation`).
///
/// ```
/// use gradus_data::augment::{Augment, RandomRotation};
/// use gradus_tensor::{Rng, SamplingMode, Tensor};
/// let how = RandomRotation::new(-30.0, 30.0)?.mode(SamplingMode::Linear).fill(0.5);
/// assert_eq!(how.apply(&Tensor::ones([3, 9, 9]), &mut Rng::seed(0)).dims(), [3, 9, 9]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomRotation {
    degrees: (f64, f64),
    mode: SamplingMode,
    expand: bool,
    fill: f32,
}

impl RandomRotation {
    /// By an angle of this range in degrees, counter-clockwise; nearest pixels, the same size, noughts outside.
    ///
    /// # Errors
    /// If it is no range.
    pub fn new(low: f64, high: f64) -> Result<Self, DataError> {
        range("random_rotation", "degrees", (low, high), (f64::MIN, f64::MAX))?;
        Ok(Self { degrees: (low, high), mode: SamplingMode::Nearest, expand: false, fill: 0.0 })
    }

    /// Nearest or linear.
    #[must_use]
    pub fn mode(mut self, mode: SamplingMode) -> Self {
        self.mode = mode;
        self
    }

    /// Lets the result grow to hold all of the turned image.
    ///
    /// ```
    /// use gradus_data::augment::{Augment, RandomRotation};
    /// use gradus_tensor::{Rng, Tensor};
    /// let how = RandomRotation::new(90.0, 90.0)?.expand();
    /// assert_eq!(how.apply(&Tensor::ones([3, 2, 8]), &mut Rng::seed(0)).dims(), [3, 8, 2]);
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn expand(mut self) -> Self {
        self.expand = true;
        self
    }

    /// The value of what comes from outside; 0 unless set.
    #[must_use]
    pub fn fill(mut self, value: f32) -> Self {
        self.fill = value;
        self
    }
}

impl Augment for RandomRotation {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        rotate(image, draw(self.degrees, rng), self.mode, self.expand, self.fill)
    }
}

/// A rotation, shift, scaling and shearing, each uniform in its range (torchvision: `RandomAffine`).
///
/// ```
/// use gradus_data::augment::{Augment, RandomAffine};
/// use gradus_tensor::{Rng, Tensor};
/// let how = RandomAffine::new(-10.0, 10.0)?.translate(0.1, 0.1)?.scale(0.9, 1.1)?.shear(-5.0, 5.0)?;
/// assert_eq!(how.apply(&Tensor::ones([3, 9, 9]), &mut Rng::seed(0)).dims(), [3, 9, 9]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RandomAffine {
    degrees: (f64, f64),
    translate: [f64; 2],
    scale: (f64, f64),
    shear: (f64, f64),
    mode: SamplingMode,
    fill: f32,
}

impl RandomAffine {
    /// A rotation by an angle of this range in degrees, clockwise, and nothing else; nearest pixels, noughts outside.
    ///
    /// # Errors
    /// If it is no range.
    pub fn new(low: f64, high: f64) -> Result<Self, DataError> {
        range("random_affine", "degrees", (low, high), (f64::MIN, f64::MAX))?;
        let mode = SamplingMode::Nearest;
        Ok(Self {
            degrees: (low, high),
            translate: [0.0; 2],
            scale: (1.0, 1.0),
            shear: (0.0, 0.0),
            mode,
            fill: 0.0,
        })
    }

    /// A shift by up to these shares of width and height, either way, to whole pixels.
    ///
    /// # Errors
    /// If they are no shares.
    pub fn translate(mut self, width: f64, height: f64) -> Result<Self, DataError> {
        range("random_affine", "translate", (width.min(height), width.max(height)), (0.0, 1.0))?;
        self.translate = [width, height];
        Ok(self)
    }

    /// How many times larger.
    ///
    /// # Errors
    /// If it is no range of positive numbers.
    pub fn scale(mut self, low: f64, high: f64) -> Result<Self, DataError> {
        range("random_affine", "scale", (low, high), (f64::MIN_POSITIVE, f64::MAX))?;
        self.scale = (low, high);
        Ok(self)
    }

    /// A shear along x in degrees.
    ///
    /// # Errors
    /// If it is no range of less than a right angle.
    pub fn shear(mut self, low: f64, high: f64) -> Result<Self, DataError> {
        range("random_affine", "shear", (low, high), (-89.0, 89.0))?;
        self.shear = (low, high);
        Ok(self)
    }

    /// Nearest or linear.
    ///
    /// ```
    /// use gradus_data::augment::{Augment, RandomAffine};
    /// use gradus_tensor::{Rng, SamplingMode, Tensor};
    /// let how = RandomAffine::new(45.0, 45.0)?.mode(SamplingMode::Linear).fill(1.0);
    /// let white = how.apply(&Tensor::ones([1, 5, 5]), &mut Rng::seed(0));
    /// assert!(white.to_vec().iter().all(|value| (value - 1.0).abs() < 1e-6));
    /// # Ok::<(), gradus_data::DataError>(())
    /// ```
    #[must_use]
    pub fn mode(mut self, mode: SamplingMode) -> Self {
        self.mode = mode;
        self
    }

    /// The value of what comes from outside; 0 unless set.
    #[must_use]
    pub fn fill(mut self, value: f32) -> Self {
        self.fill = value;
        self
    }
}

impl Augment for RandomAffine {
    #[track_caller]
    fn apply(&self, image: &Tensor<f32>, rng: &mut Rng) -> Tensor<f32> {
        let [_, h, w] = sizes("random_affine", image);
        let angle = draw(self.degrees, rng);
        let reach = [self.translate[0] * w as f64, self.translate[1] * h as f64];
        let translate = reach.map(|reach| draw((-reach, reach), rng).round_ties_even());
        let (scale, shear) = (draw(self.scale, rng), [draw(self.shear, rng), 0.0]);
        affine(image, Affine { angle, translate, scale, shear, center: None }, self.mode, self.fill)
    }
}
