//! Pooling: the largest, the mean, the norm of each window, and the way back from the largest. It must never know layers.

use gradus_autodiff::Var;
use gradus_tensor::{Float, PoolSpec, Tensor};

use super::Mapping;
use super::conv::{convolved, sized};
use super::shape::lengths;
use super::window::Window;
use crate::call::{Answer, Call, all, one};
use crate::value::{Array, Result, Value, on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("AveragePool", average_pool),
    ("GlobalAveragePool", |c| global(c, false)),
    ("GlobalMaxPool", |c| global(c, true)),
    ("LpPool", lp_pool),
    ("MaxPool", max_pool),
    ("MaxUnpool", max_unpool),
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

/// The library's specification of a window.
fn spec<const D: usize>(window: &Window) -> Result<PoolSpec<D>> {
    Ok(PoolSpec {
        stride: sized(&window.stride)?,
        padding: sized(&window.pads.iter().map(|pad| pad.0).collect::<Vec<_>>())?,
        dilation: sized(&window.dilation)?,
        ceil_mode: window.ceil,
        ..PoolSpec::new(sized(&window.kernel)?)
    })
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
    let is_even = window.is_even(|k| k / 2);
    let (input, bare) =
        if is_even { (x.clone(), window.clone()) } else { (window.padded(x, T::LOWEST), window.bare()) };
    let (y, places) = match window.kernel.len() {
        1 => input.max_pool_with_indices(spec::<1>(&bare)?),
        2 => input.max_pool_with_indices(spec::<2>(&bare)?),
        3 => input.max_pool_with_indices(spec::<3>(&bare)?),
        axes => return unmapped(format!("pooling over {axes} axes")),
    };
    let (own, padded) = (x.shape()[2..].to_vec(), input.shape()[2..].to_vec());
    let before: Vec<usize> = window.pads.iter().map(|pad| if is_even { 0 } else { pad.0 }).collect();
    let size: usize = own.iter().product();
    // From a place of the padded input to one of the input itself, in the order that the node asks for.
    let within = places.map(|place| {
        let (mut rest, mut at, mut step) = (place as usize, 0, size);
        let mut backwards = 1;
        for axis in 0..own.len() {
            let inner: usize = padded[axis + 1..].iter().product();
            let index = rest / inner - before[axis];
            rest %= inner;
            step /= own[axis];
            at += index * if columns_first { backwards } else { step };
            backwards *= own[axis];
        }
        at as i64
    });
    let mut lead = vec![1; x.rank()];
    lead[..2].copy_from_slice(&x.shape()[..2]);
    let planes = Tensor::<i64>::arange(lead[0] * lead[1]).reshape(lead) * size as i64;
    Ok((y, within + &planes))
}

fn max_unpool(call: &Call) -> Answer {
    let (x, places) = (call.array(0)?, call.array(1)?.cast::<i64>());
    let window = window(call, x)?;
    let side = |axis: usize| {
        let (before, after) = window.pads[axis];
        (x.shape()[2 + axis] - 1) * window.stride[axis] + window.kernel[axis] - before - after
    };
    let sides: Vec<usize> = (0..window.kernel.len()).map(side).collect();
    let plane = sides.iter().product::<usize>() as i64;
    let places = places.map(move |place| place % plane);
    on_floats!(x, |t| {
        let t = Var::from(t);
        let y = match sides.len() {
            1 => t.max_unpool(&places, sized::<1>(&sides)?),
            2 => t.max_unpool(&places, sized::<2>(&sides)?),
            3 => t.max_unpool(&places, sized::<3>(&sides)?),
            axes => return unmapped(format!("pooling over {axes} axes")),
        };
        let wanted = call.maybe(2).map_or_else(|| Ok(y.shape().to_vec()), |shape| lengths(&shape.ints()))?;
        let widths: Vec<_> =
            wanted.iter().zip(y.shape().iter()).map(|(want, have)| (0, want - have)).collect();
        one(x.with(&y.value().pad(&widths, 0.0)))
    })
}

fn average_pool(call: &Call) -> Answer {
    let x = call.array(0)?;
    let window = window(call, x)?;
    let counts_pads = call.flag("count_include_pad", false);
    on_floats!(x, |t| one(x.with(&averages(t, &window, counts_pads)?)))
}

fn averages<T: Float>(x: &Tensor<T>, window: &Window, counts_pads: bool) -> Result<Tensor<T>> {
    if window.is_dense() && window.is_even(|k| k / 2) {
        fn counting<const D: usize>(window: &Window, counts_pads: bool) -> Result<PoolSpec<D>> {
            Ok(PoolSpec { count_include_pad: counts_pads, ..spec(window)? })
        }
        let x = Var::from(x);
        return Ok(match window.kernel.len() {
            1 => x.avg_pool1d(counting(window, counts_pads)?),
            2 => x.avg_pool2d(counting(window, counts_pads)?),
            3 => x.avg_pool3d(counting(window, counts_pads)?),
            axes => return unmapped(format!("pooling over {axes} axes")),
        }
        .into_value());
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
        let size = Var::from(t.abs());
        let y = match window.kernel.len() {
            1 if window.is_bare() => size.lp_pool1d(p, spec(&window)?),
            2 if window.is_bare() => size.lp_pool2d(p, spec(&window)?),
            3 if window.is_bare() => size.lp_pool3d(p, spec(&window)?),
            _ => Var::from(window_sums(&t.abs().powf(p), &window, false)?.powf(1.0 / p)),
        };
        one(x.with(y.value()))
    })
}
