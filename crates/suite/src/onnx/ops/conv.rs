//! Convolutions, transposed ones, and columns put back together. It must never know layers.

use gradus_autodiff::Var;
use gradus_tensor::{Conv2dFinish, ConvSpec, ConvTransposeSpec, Float, PatchSpec, Tensor};

use super::Mapping;
use super::binary::like;
use super::join::padded;
use super::shape::lengths;
use super::window::Window;
use crate::call::{Answer, Call, one};
use crate::value::{Array, Result, failed, on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] =
    &[("Col2Im", col2im), ("Conv", conv), ("ConvTranspose", conv_transpose)];

fn conv(call: &Call) -> Answer {
    let (x, w) = (call.array(0)?, call.array(1)?);
    let window = Window::read(call, &x.shape()[2..], w.shape()[2..].to_vec())?;
    let groups = call.int("group", 1) as usize;
    on_floats!(x, |t| one(x.with(&convolved(t, &like(t, w), call.tensor(2).as_ref(), &window, groups)?)))
}

/// `[N, C, …]` by `[O, C/groups, …]`.
pub(super) fn convolved<T: Float>(
    x: &Tensor<T>,
    weight: &Tensor<T>,
    bias: Option<&Tensor<T>>,
    window: &Window,
    groups: usize,
) -> Result<Tensor<T>> {
    if !window.is_even(|_| usize::MAX) {
        return convolved(&window.padded(x, T::ZERO), weight, bias, &window.bare(), groups);
    }
    match window.kernel.len() {
        1 => {
            let (x, weight) = (x.unsqueeze(2), weight.unsqueeze(2));
            Ok(convolved(&x, &weight, bias, &window.widened(), groups)?.squeeze(2))
        }
        2 => Ok(x.conv2d_then(weight, Conv2dFinish { bias, relu: false }, spec(window, groups)?)),
        3 => Ok(x.conv3d_then(weight, Conv2dFinish { bias, relu: false }, spec(window, groups)?)),
        axes => unmapped(format!("convolution over {axes} axes")),
    }
}

/// The library's specification of a window whose padding is even.
fn spec<const D: usize>(window: &Window, groups: usize) -> Result<ConvSpec<D>> {
    Ok(ConvSpec {
        stride: sized(&window.stride)?,
        padding: sized(&window.pads.iter().map(|pad| pad.0).collect::<Vec<_>>())?,
        dilation: sized(&window.dilation)?,
        groups,
    })
}

/// A list as an array.
pub(super) fn sized<const D: usize>(list: &[usize]) -> Result<[usize; D]> {
    list.try_into().or_else(|_| failed(format!("{list:?} for {D} axes")))
}

fn conv_transpose(call: &Call) -> Answer {
    let (x, w) = (call.array(0)?, call.array(1)?);
    let mut window = Window::read(call, &x.shape()[2..], w.shape()[2..].to_vec())?;
    let groups = call.int("group", 1) as usize;
    let axes = window.kernel.len();
    let more = call.sizes("output_padding", axes, 0)?;
    let wanted = output_lengths(call, x, &window)?;
    let mut widths = vec![(0, 0); 2 + axes];
    for axis in 0..axes {
        let full = (x.shape()[2 + axis] - 1) * window.stride[axis] + window.reach(axis) + more[axis];
        let (mut before, mut after) = (window.pads[axis].0 as i64, window.pads[axis].1 as i64);
        if let Some(wanted) = wanted.get(axis) {
            let total = full as i64 - *wanted as i64;
            let (less, rest) = (total / 2, total - total / 2);
            (before, after) =
                if call.text("auto_pad", "") == "SAME_UPPER" { (less, rest) } else { (rest, less) };
            if total < 0 {
                (before, after) = (0, total);
            }
        }
        widths[2 + axis] = (-before, more[axis] as i64 - after);
    }
    window.pads = vec![(0, 0); axes];
    on_floats!(x, |t| {
        let full = transposed(t, &like(t, w), &window, groups)?;
        let mut y = padded(&full, &widths, "constant", 0.0)?;
        if let Some(bias) = call.tensor(2) {
            let mut shape = vec![1; y.rank()];
            shape[1] = bias.len();
            y += &bias.reshape(shape);
        }
        one(x.with(&y))
    })
}

/// The lengths that the result shall have, if the node says so.
fn output_lengths(call: &Call, x: &Array, window: &Window) -> Result<Vec<usize>> {
    if let Some(shape) = call.ints("output_shape") {
        let skip = shape.len().saturating_sub(window.kernel.len());
        return lengths(&shape[skip..]);
    }
    let same = call.text("auto_pad", "NOTSET").starts_with("SAME");
    let length = |axis: usize| x.shape()[2 + axis] * window.stride[axis];
    Ok(if same { (0..window.kernel.len()).map(length).collect() } else { Vec::new() })
}

/// `[N, C, …]` spread by `[C, O/groups, …]`, nothing cut off.
fn transposed<T: Float>(x: &Tensor<T>, w: &Tensor<T>, window: &Window, groups: usize) -> Result<Tensor<T>> {
    fn spec<const D: usize>(window: &Window, groups: usize) -> Result<ConvTransposeSpec<D>> {
        let (stride, dilation) = (sized(&window.stride)?, sized(&window.dilation)?);
        Ok(ConvTransposeSpec { stride, dilation, groups, ..ConvTransposeSpec::default() })
    }
    let (x, w) = (Var::from(x), Var::from(w));
    Ok(match window.kernel.len() {
        1 => x.conv_transpose1d(&w, None, spec(window, groups)?),
        2 => x.conv_transpose2d(&w, None, spec(window, groups)?),
        3 => x.conv_transpose3d(&w, None, spec(window, groups)?),
        axes => return unmapped(format!("transposed convolution over {axes} axes")),
    }
    .into_value())
}

/// Whole numbers around their zero points, exactly: 64-bit floats hold the sums.
pub(super) fn conv_integer(call: &Call) -> Answer {
    let (x, w) = (call.array(0)?, call.array(1)?);
    let window = Window::read(call, &x.shape()[2..], w.shape()[2..].to_vec())?;
    let point = |i: usize| call.tensor::<f64>(i).unwrap_or_default();
    let x = x.cast::<f64>() - &point(2);
    let mut zero = point(3);
    if zero.rank() == 1 && zero.len() > 1 {
        // One per output channel.
        let mut shape = vec![1; w.rank()];
        shape[0] = zero.len();
        zero = zero.reshape(shape);
    }
    let w = w.cast::<f64>() - &zero.reshape(if zero.len() == 1 { vec![] } else { zero.shape().to_vec() });
    let y = convolved(&x, &w, None, &window, call.int("group", 1) as usize)?;
    one(y.cast::<i32>())
}

fn col2im(call: &Call) -> Answer {
    let (x, image, block) =
        (call.array(0)?, lengths(&call.array(1)?.ints())?, lengths(&call.array(2)?.ints())?);
    if image.len() != 2 {
        return unmapped(format!("Col2Im over {} axes", image.len()));
    }
    let window = Window::read(call, &image, block)?;
    // The image with its padding, which is cut off again.
    let whole: Vec<usize> =
        image.iter().zip(&window.pads).map(|(length, pad)| length + pad.0 + pad.1).collect();
    let spec = PatchSpec {
        stride: sized(&window.stride)?,
        dilation: sized(&window.dilation)?,
        ..PatchSpec::new(sized(&window.kernel)?)
    };
    let sides = sized(&whole)?;
    on_floats!(x, |t| {
        let y = t.col2im(sides, spec);
        let inner = |y: Tensor<_>, axis: usize| y.narrow(2 + axis as isize, window.pads[axis].0, image[axis]);
        one(x.with(&inner(inner(y, 0), 1)))
    })
}
