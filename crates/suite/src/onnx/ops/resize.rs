//! Resizing: ONNX's many ways to say which places of an axis one of the result sees, as sparse maps along the axes that the
//! library applies. It must never know images.

use gradus_tensor::{AxisMap, Float, Tensor};

use super::Mapping;
use crate::call::{Answer, Call, one};
use crate::value::{Array, Result, failed, on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[("Resize", resize), ("Upsample", upsample)];

/// One axis that is resized.
struct Axis {
    axis: usize,
    input: usize,
    output: usize,
    scale: f64,
    /// Of the region that is cut out, as parts of the axis.
    region: (f64, f64),
}

/// How values between places are found.
struct Kernel {
    /// Places on each side: 1 linear, 2 cubic, 0 the nearest.
    reach: i64,
    cubic: f64,
    nearest: String,
    coordinates: String,
    antialias: bool,
    exclude_outside: bool,
}

impl Kernel {
    /// Where place `i` of the result lies among those of the input.
    fn source(&self, axis: &Axis, i: usize) -> Result<f64> {
        let Axis { input, output, scale, region: (start, end), .. } = *axis;
        let (i, last, length) = (i as f64, input as f64 - 1.0, scale * input as f64);
        let half = (i + 0.5) / scale - 0.5;
        Ok(match self.coordinates.as_str() {
            "half_pixel" => half,
            "pytorch_half_pixel" => {
                if output > 1 {
                    half
                } else {
                    -0.5
                }
            }
            "half_pixel_symmetric" => input as f64 / 2.0 * (1.0 - output as f64 / length) + half,
            "asymmetric" => i / scale,
            "align_corners" if length == 1.0 => 0.0,
            "align_corners" => i * last / (length - 1.0),
            "tf_crop_and_resize" if output > 1 => {
                start * last + i * (end - start) * last / (output as f64 - 1.0)
            }
            "tf_crop_and_resize" => 0.5 * (start + end) * last,
            other => return unmapped(format!("Resize by {other}")),
        })
    }

    fn weight(&self, x: f64) -> f64 {
        let (x, a) = (x.abs(), self.cubic);
        match self.reach {
            1 => (1.0 - x).max(0.0),
            _ if x <= 1.0 => ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0,
            _ if x < 2.0 => (((x - 5.0) * x + 8.0) * x - 4.0) * a,
            _ => 0.0,
        }
    }

    /// The places that one at `at` sees, and their weights.
    fn taps(&self, axis: &Axis, at: f64) -> Result<Vec<(usize, f64)>> {
        let last = axis.input as i64 - 1;
        if self.reach == 0 {
            let place = match self.nearest.as_str() {
                "floor" => at.floor(),
                "ceil" => at.ceil(),
                "round_prefer_ceil" => (at + 0.5).floor(),
                "round_prefer_floor" => (at - 0.5).ceil(),
                other => return unmapped(format!("Resize to the nearest by {other}")),
            };
            return Ok(vec![((place as i64).clamp(0, last) as usize, 1.0)]);
        }
        let narrow = if self.antialias { axis.scale.min(1.0) } else { 1.0 };
        let first = (-self.reach as f64 / narrow).floor() as i64 + 1;
        let (place, part) = (at.floor() as i64, at - at.floor());
        let mut taps = Vec::new();
        for tap in first..2 - first {
            let outside = !(0..=last).contains(&(place + tap));
            if !(outside && self.exclude_outside) {
                let weight = self.weight((tap as f64 - part) * narrow);
                taps.push(((place + tap).clamp(0, last) as usize, weight));
            }
        }
        let total: f64 = taps.iter().map(|tap| tap.1).sum();
        taps.iter_mut().for_each(|tap| tap.1 /= total);
        Ok(taps)
    }
}

/// The axes resized, and `extrapolation` where a place lies outside a cut region.
fn resized<T: Float>(x: &Tensor<T>, axes: &[Axis], kernel: &Kernel, extrapolation: f64) -> Result<Tensor<T>> {
    let mut y = x.clone();
    let mut inside = Tensor::<bool>::full([], true);
    for axis in axes {
        let sources = (0..axis.output).map(|i| kernel.source(axis, i)).collect::<Result<Vec<f64>>>()?;
        let rows = sources.iter().map(|&at| kernel.taps(axis, at)).collect::<Result<Vec<_>>>()?;
        y = y.map_axis(axis.axis as isize, &AxisMap::new(axis.input, rows));
        let last = axis.input as f64 - 1.0;
        if kernel.coordinates == "tf_crop_and_resize" {
            let within: Tensor<bool> = sources.iter().map(|at| (0.0..=last).contains(at)).collect();
            let mut shape = vec![1; x.rank()];
            shape[axis.axis] = axis.output;
            inside = inside.zip(&within.reshape(shape), |a, b| a && b);
        }
    }
    Ok(inside.choose(&y, &Tensor::scalar(T::of(extrapolation))))
}

/// Lengths and scales of the axes, from scales or sizes.
fn axes(call: &Call, x: &Array) -> Result<Vec<Axis>> {
    let named: Vec<usize> = match call.ints("axes") {
        Some(axes) => axes.iter().map(|&axis| x.axis(axis)).collect::<Result<_>>()?,
        None => (0..x.rank()).collect(),
    };
    let list = |i: usize| call.maybe(i).filter(|list| list.len() > 0);
    let regions = list(1)
        .map_or_else(|| [vec![0.0; named.len()], vec![1.0; named.len()]].concat(), |roi| roi.cast().to_vec());
    let region = |k: usize| (regions[k], regions[named.len() + k]);
    let length = |k: usize| x.shape()[named[k]];
    if let Some(scales) = list(2) {
        let axis = |(k, &scale): (usize, &f64)| {
            let output = (length(k) as f64 * scale).floor() as usize;
            Axis { axis: named[k], input: length(k), output, scale, region: region(k) }
        };
        return Ok(scales.cast::<f64>().to_vec().iter().enumerate().map(axis).collect());
    }
    let Some(sizes) = list(3) else { return failed("Resize: neither scales nor sizes") };
    let sizes = sizes.ints();
    let each = sizes.iter().enumerate().map(|(k, &size)| size as f64 / length(k) as f64);
    let common = match call.text("keep_aspect_ratio_policy", "stretch").as_str() {
        "not_larger" => each.clone().reduce(f64::min),
        "not_smaller" => each.clone().reduce(f64::max),
        _ => None,
    };
    let axis = |(k, scale): (usize, f64)| {
        let output = common.map_or(sizes[k] as usize, |scale| (length(k) as f64 * scale).round() as usize);
        Axis { axis: named[k], input: length(k), output, scale: common.unwrap_or(scale), region: region(k) }
    };
    Ok(each.enumerate().map(axis).collect())
}

fn resize(call: &Call) -> Answer {
    let x = call.array(0)?;
    let kernel = Kernel {
        reach: match call.text("mode", "nearest").as_str() {
            "nearest" => 0,
            "linear" => 1,
            _ => 2,
        },
        cubic: call.float("cubic_coeff_a", -0.75),
        nearest: call.text("nearest_mode", "round_prefer_floor"),
        coordinates: call.text("coordinate_transformation_mode", "half_pixel"),
        antialias: call.flag("antialias", false),
        exclude_outside: call.flag("exclude_outside", false),
    };
    let axes = axes(call, x)?;
    on_floats!(x, |t| one(x.with(&resized(t, &axes, &kernel, call.float("extrapolation_value", 0.0))?)))
}

/// The older operator: places are divided by the scale.
fn upsample(call: &Call) -> Answer {
    let x = call.array(0)?;
    let scales = match call.floats("scales") {
        Some(scales) => scales,
        None => call.array(1)?.cast::<f64>().to_vec(),
    };
    let kernel = Kernel {
        reach: i64::from(call.text("mode", "nearest") != "nearest"),
        cubic: 0.0,
        nearest: "floor".into(),
        coordinates: "asymmetric".into(),
        antialias: false,
        exclude_outside: false,
    };
    let axis = |(axis, &scale): (usize, &f64)| {
        let input = x.shape()[axis];
        Axis { axis, input, output: (input as f64 * scale).floor() as usize, scale, region: (0.0, 1.0) }
    };
    let axes: Vec<Axis> = scales.iter().enumerate().map(axis).collect();
    on_floats!(x, |t| one(x.with(&resized(t, &axes, &kernel, 0.0)?)))
}
