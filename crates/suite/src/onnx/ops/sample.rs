//! Sampling between places: grids, regions of interest, convolutions whose taps move. All of it is the library's `grid_sample`
//! on grids made here. It must never know images.

use gradus_autodiff::Var;
use gradus_tensor::{Float, GridSampling, SamplingMode, SamplingPadding, Tensor};

use super::Mapping;
use super::binary::like;
use super::shape::lengths;
use super::window::Window;
use crate::call::{Answer, Call, one};
use crate::value::{Result, failed, on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("AffineGrid", affine_grid),
    ("DeformConv", deform_conv),
    ("GridSample", grid_sample),
    ("RoiAlign", roi_align),
];

fn affine_grid(call: &Call) -> Answer {
    let theta = call.array(0)?;
    let size = lengths(&call.array(1)?.ints())?;
    let align = call.flag("align_corners", false);
    on_floats!(theta, |t| one(theta.with(Var::from(t).affine_grid(size, align).value())))
}

fn grid_sample(call: &Call) -> Answer {
    let (x, grid) = (call.array(0)?, call.array(1)?);
    let how = GridSampling {
        mode: match call.text("mode", "linear").as_str() {
            "linear" | "bilinear" => SamplingMode::Linear,
            "nearest" => SamplingMode::Nearest,
            "cubic" | "bicubic" => SamplingMode::Cubic,
            other => return unmapped(format!("GridSample by {other}")),
        },
        padding: match call.text("padding_mode", "zeros").as_str() {
            "zeros" => SamplingPadding::Zeros,
            "border" => SamplingPadding::Border,
            "reflection" => SamplingPadding::Reflection,
            other => return unmapped(format!("GridSample with {other} outside")),
        },
        align_corners: call.flag("align_corners", false),
    };
    on_floats!(x, |t| one(x.with(&sampled(t, &like(t, grid), how))))
}

fn sampled<T: Float>(x: &Tensor<T>, grid: &Tensor<T>, how: GridSampling) -> Tensor<T> {
    Var::from(x).grid_sample(&Var::from(grid), how).into_value()
}

/// Values of `x` `[N, C, H, W]` at places counted from the centre of the first one, `[N, OH, OW]` each: `[N, C, OH, OW]`.
/// In double precision, so that a whole place stays one on its way through the grid's −1 to 1.
fn at_places<T: Float>(
    x: &Tensor<T>,
    rows: &Tensor<f64>,
    columns: &Tensor<f64>,
    padding: SamplingPadding,
) -> Tensor<T> {
    // −1 and 1 are the outer edges.
    let part = |place: &Tensor<f64>, length: usize| {
        place.mul_scalar(2.0).add_scalar(1.0).mul_scalar(1.0 / length as f64).add_scalar(-1.0)
    };
    let grid = Tensor::stack(&[&part(columns, x.dim(3)), &part(rows, x.dim(2))], -1);
    sampled(&x.cast::<f64>(), &grid, GridSampling { padding, ..GridSampling::default() }).cast()
}

/// What RoiAlign is told.
struct Regions {
    output: [usize; 2],
    samples: usize,
    scale: f64,
    shift: f64,
    least: f64,
    largest: bool,
}

fn roi_align(call: &Call) -> Answer {
    let (x, regions, images) = (call.array(0)?, call.array(1)?, call.array(2)?.cast::<i64>());
    let half =
        call.version >= 16 && call.text("coordinate_transformation_mode", "half_pixel") == "half_pixel";
    let how = Regions {
        output: [call.int("output_height", 1) as usize, call.int("output_width", 1) as usize],
        samples: call.int("sampling_ratio", 0) as usize,
        scale: call.float("spatial_scale", 1.0),
        shift: if half { 0.5 } else { 0.0 },
        least: if half { 0.0 } else { 1.0 },
        largest: call.text("mode", "avg") == "max",
    };
    if how.largest {
        // ONNX takes the largest of the four weighted neighbours, not of the interpolated values.
        return unmapped("RoiAlign by maxima of weighted neighbours");
    }
    on_floats!(x, |t| {
        let mut parts = Vec::new();
        for (i, &image) in images.to_vec().iter().enumerate() {
            let region = regions.cast::<f64>().select(0, i).to_vec();
            let image = t.narrow(0, image as usize, 1);
            parts.push(how.align(&image, &region)?);
        }
        one(x.with(&Tensor::cat(&parts.iter().collect::<Vec<_>>(), 0)))
    })
}

impl Regions {
    /// One region x₁, y₁, x₂, y₂ of one image `[1, C, H, W]`: `[1, C, OH, OW]`.
    fn align<T: Float>(&self, x: &Tensor<T>, region: &[f64]) -> Result<Tensor<T>> {
        let &[x1, y1, x2, y2] = region else { return failed(format!("a region of {region:?}")) };
        let mut counts = [0; 2];
        let mut places = [Vec::new(), Vec::new()];
        for (axis, (from, to)) in [(y1, y2), (x1, x2)].into_iter().enumerate() {
            let start = from * self.scale - self.shift;
            let length = (to * self.scale - self.shift - start).max(self.least);
            let cell = length / self.output[axis] as f64;
            counts[axis] = if self.samples > 0 { self.samples } else { cell.ceil().max(1.0) as usize };
            let step = cell / counts[axis] as f64;
            places[axis] =
                (0..self.output[axis] * counts[axis]).map(|i| start + (i as f64 + 0.5) * step).collect();
        }
        let [rows, columns] = places;
        let shape = [1, rows.len(), columns.len()];
        let row = Tensor::from_fn(shape, |i| rows[i[1]]);
        let column = Tensor::from_fn(shape, |i| columns[i[2]]);
        let values = at_places(x, &row, &column, SamplingPadding::Border);
        let inside = |at: f64, length: usize| at >= -1.0 && at <= length as f64;
        let [_, channels, h, w] = x.dims();
        let keep = Tensor::<bool>::from_fn([rows.len(), columns.len()], |i| {
            inside(rows[i[0]], h) && inside(columns[i[1]], w)
        });
        let values = keep.choose(&values, &Tensor::scalar(T::ZERO));
        let cells = values.reshape([1, channels, self.output[0], counts[0], self.output[1], counts[1]]);
        Ok(cells.mean_axes(&[3, 5], false))
    }
}

fn deform_conv(call: &Call) -> Answer {
    let (x, w) = (call.array(0)?, call.array(1)?);
    if x.rank() != 4 {
        return unmapped("DeformConv but of images");
    }
    let window = Window::read(call, &x.shape()[2..], w.shape()[2..].to_vec())?;
    let groups = call.int("group", 1) as usize;
    let offset_groups = call.int("offset_group", 1) as usize;
    on_floats!(x, |t| {
        let (w, offset) = (like(t, w), like(t, call.array(2)?));
        let columns = moved_taps(t, &offset, call.tensor(4).as_ref(), &window, offset_groups);
        let [batch, _, taps, places] = columns.dims();
        let [filters, per_group, ..] = w.dims::<4>();
        let mut parts = Vec::new();
        for group in 0..groups {
            let seen =
                columns.narrow(1, group * per_group, per_group).reshape([batch, per_group * taps, places]);
            let own = w.narrow(0, group * filters / groups, filters / groups);
            parts.push(own.reshape([filters / groups, per_group * taps]).matmul(&seen));
        }
        let mut y = Tensor::cat(&parts.iter().collect::<Vec<_>>(), 1);
        if let Some(bias) = call.tensor(3) {
            y += &bias.reshape([filters, 1]);
        }
        one(x.with(&y.reshape([batch, filters, offset.dim(2), offset.dim(3)])))
    })
}

/// What each tap of each place sees, the taps moved by `offset` and weighted by `mask`: `[N, C, taps, places]`.
fn moved_taps<T: Float>(
    x: &Tensor<T>,
    offset: &Tensor<T>,
    mask: Option<&Tensor<T>>,
    window: &Window,
    groups: usize,
) -> Tensor<T> {
    let [batch, channels, ..] = x.dims::<4>();
    let [_, _, h, w] = offset.dims();
    let taps = window.kernel[0] * window.kernel[1];
    let mut by_group = Vec::new();
    for group in 0..groups {
        let image = x.narrow(1, group * channels / groups, channels / groups);
        let mut by_tap = Vec::new();
        for tap in 0..taps {
            let at = [tap / window.kernel[1], tap % window.kernel[1]];
            let place = |axis: usize| {
                let first = (at[axis] * window.dilation[axis]) as f64 - window.pads[axis].0 as f64;
                let base = Tensor::from_fn([1, h, w], |i| first + (i[1 + axis] * window.stride[axis]) as f64);
                offset.select(1, (group * taps + tap) * 2 + axis).cast::<f64>() + &base
            };
            let mut seen = at_places(&image, &place(0), &place(1), SamplingPadding::Zeros);
            if let Some(mask) = mask {
                seen *= &mask.narrow(1, group * taps + tap, 1);
            }
            by_tap.push(seen.reshape([batch, channels / groups, h * w]));
        }
        by_group.push(Tensor::stack(&by_tap.iter().collect::<Vec<_>>(), 2));
    }
    Tensor::cat(&by_group.iter().collect::<Vec<_>>(), 1)
}
