//! Pooling: the largest, the mean, the norm of each window. It must never know layers.

use gradus_tensor::{Float, Pool2dSpec, Tensor};

use super::Mapping;
use super::conv::convolved;
use super::window::Window;
use crate::call::{Answer, Call, all, one};
use crate::value::{Array, Result, Value, on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("AveragePool", average_pool),
    ("GlobalAveragePool", |c| global(c, false)),
    ("GlobalMaxPool", |c| global(c, true)),
    ("LpPool", lp_pool),
    ("MaxPool", max_pool),
];

fn window(call: &Call, x: &Array) -> Result<Window> {
    let space = x.rank() - 2;
    Window::read(call, &x.shape()[2..], call.sizes("kernel_shape", space, 1)?)
}

fn global(call: &Call, largest: bool) -> Answer {
    let x = call.array(0)?;
    let axes: Vec<isize> = (2..x.rank() as isize).collect();
    on_floats!(x, |t| one(x.with(&if largest { t.max_axes(&axes, true) } else { t.mean_axes(&axes, true) })))
}

/// The library's specification of a window over two axes.
fn spec(window: &Window) -> Pool2dSpec {
    Pool2dSpec {
        stride: [window.stride[0], window.stride[1]],
        padding: [window.pads[0].0, window.pads[1].0],
        dilation: [window.dilation[0], window.dilation[1]],
        ceil_mode: window.ceil,
        ..Pool2dSpec::new([window.kernel[0], window.kernel[1]])
    }
}

fn max_pool(call: &Call) -> Answer {
    let x = call.array(0)?;
    let window = window(call, x)?;
    let columns_first = call.flag("storage_order", false);
    if !x.kind.is_float() {
        // Bytes are exact as floats.
        let (y, places) = largest(&x.cast::<f32>(), &window, columns_first)?;
        return Ok(vec![Value::Array(x.with(&y)), Value::Array(places.into())]);
    }
    on_floats!(x, |t| {
        let (y, places) = largest(t, &window, columns_first)?;
        all([x.with(&y), places.into()])
    })
}

/// The largest of each window, and where it lies in the whole tensor.
fn largest<T: Float>(
    x: &Tensor<T>,
    window: &Window,
    columns_first: bool,
) -> Result<(Tensor<T>, Tensor<i64>)> {
    if window.kernel.len() == 1 {
        let (y, places) = largest(&x.unsqueeze(2), &window.widened(), false)?;
        return Ok((y.squeeze(2), places.squeeze(2)));
    }
    if window.kernel.len() > 2 {
        return unmapped(format!("pooling over {} axes", window.kernel.len()));
    }
    let [n, c, h, w] = x.dims();
    let (y, places, pad, width) = if window.is_even(|k| k / 2) {
        let (y, places) = x.max_pool2d(spec(window));
        (y, places, (0, 0), w)
    } else {
        let padded = window.padded(x, T::LOWEST);
        let (y, places) = padded.max_pool2d(spec(&window.bare()));
        (y, places, (window.pads[0].0, window.pads[1].0), padded.dim(3))
    };
    let plane = Tensor::<i64>::arange(n * c).reshape([n, c, 1, 1]) * (h * w) as i64;
    let within = places.map(move |place| {
        let (row, column) = (place as usize / width - pad.0, place as usize % width - pad.1);
        (if columns_first { column * h + row } else { row * w + column }) as i64
    });
    Ok((y, within + &plane))
}

fn average_pool(call: &Call) -> Answer {
    let x = call.array(0)?;
    let window = window(call, x)?;
    let counts_pads = call.flag("count_include_pad", false);
    on_floats!(x, |t| one(x.with(&averages(t, &window, counts_pads)?)))
}

fn averages<T: Float>(x: &Tensor<T>, window: &Window, counts_pads: bool) -> Result<Tensor<T>> {
    if window.kernel.len() == 1 {
        return Ok(averages(&x.unsqueeze(2), &window.widened(), counts_pads)?.squeeze(2));
    }
    let dense = window.dilation.iter().all(|&d| d == 1);
    if window.kernel.len() == 2 && dense && window.is_even(|k| k / 2) {
        return Ok(x.avg_pool2d(Pool2dSpec { count_include_pad: counts_pads, ..spec(window) }));
    }
    let mut counted = Tensor::ones([&[1, 1], &x.shape()[2..]].concat());
    if counts_pads {
        counted = window.padded(&counted, T::ONE);
    }
    let counts = window_sums(&counted, window, counts_pads)?;
    Ok(window_sums(x, window, false)? / &counts)
}

/// The sum of each window: a convolution with ones, channel by channel.
fn window_sums<T: Float>(x: &Tensor<T>, window: &Window, is_padded: bool) -> Result<Tensor<T>> {
    let axes = window.kernel.len();
    let mut whole = window.clone();
    for axis in 0..axes {
        let (before, after) = window.pads[axis];
        let length = x.shape()[2 + axis] - if is_padded { before + after } else { 0 };
        let behind = window.behind(axis, length);
        // Windows that stop short of the padding's end leave it unread.
        whole.pads[axis] = if is_padded { (0, behind.saturating_sub(after)) } else { (before, behind) };
    }
    let channels = x.dim(1);
    let ones = Tensor::ones([&[channels, 1], &window.kernel[..]].concat());
    convolved(x, &ones, None, &whole, channels)
}

fn lp_pool(call: &Call) -> Answer {
    let x = call.array(0)?;
    let window = window(call, x)?;
    let p = call.int("p", 2) as f64;
    on_floats!(x, |t| {
        let sums = window_sums(&t.abs().powf(p), &window, false)?;
        one(x.with(&sums.powf(1.0 / p)))
    })
}
