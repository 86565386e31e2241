//! Convolutions. It must never know layers.

use gradus_tensor::{Conv2dFinish, Conv2dSpec, Float, Tensor};

use super::Mapping;
use super::binary::like;
use super::window::Window;
use crate::call::{Answer, Call, one};
use crate::value::{Result, on_floats, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[("Conv", conv)];

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
        2 => {
            let spec = Conv2dSpec {
                stride: [window.stride[0], window.stride[1]],
                padding: [window.pads[0].0, window.pads[1].0],
                dilation: [window.dilation[0], window.dilation[1]],
                groups,
            };
            Ok(x.conv2d_then(weight, Conv2dFinish { bias, relu: false }, spec))
        }
        axes => unmapped(format!("convolution over {axes} axes")),
    }
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
