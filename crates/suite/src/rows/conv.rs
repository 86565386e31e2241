//! Convolution with every mixture of stride, padding, dilation and groups.

use gradus_tensor::Conv2dSpec;
use gradus_testkit::Dense;
use proptest::prelude::*;

use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

/// All rows. Numbers 0 and 1 are strides, 2 and 3 paddings, 4 and 5 dilations.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("conv2d", images_and_filters(), |x, p| x[0].conv2d(&x[1], None, spec(p)) + &x[2].sum() * 0.0 => conv2d(x, p))
            .law(LinearIn(&[0]))
            .law(LinearIn(&[1]))
            .large(&[&[&[4, 4, 65, 70], &[6, 4, 3, 3], &[6]], &[&[3, 6, 50, 75], &[4, 3, 5, 3], &[4]]])
            .large_picks(2)
            .single_tolerance(10.0)
            .rounds_by_isa(),
        row!("conv2d", images_and_filters(), |x, p| x[0].conv2d(&x[1], Some(&x[2]), spec(p)) => with_bias(&conv2d(x, p), &x[2]))
            .law(LinearIn(&[1, 2]))
            .large(&[&[&[4, 4, 65, 70], &[6, 4, 1, 1], &[6]]])
            .single_tolerance(10.0)
            .rounds_by_isa(),
        row!("conv2d_relu", images_and_filters(), |x, p| x[0].conv2d_relu(&x[1], Some(&x[2]), spec(p)) => with_bias(&conv2d(x, p), &x[2]).map(|y| y.max(0.0)))
            // A step of the inputs moves a sum of up to 24 products.
            .clearance(|x, p| with_bias(&conv2d(x, p), &x[2]).data().iter().fold(f64::INFINITY, |least, y| least.min(y.abs())) / 10.0)
            .large(&[&[&[4, 4, 65, 70], &[6, 4, 3, 3], &[6]]])
            .single_tolerance(10.0)
            .rounds_by_isa(),
    ]
}

/// `[N, C, H, W]`, `[O, C/groups, KH, KW]`, `[O]`; the image is as large as a kernel of dilation 2, or a little larger.
fn images_and_filters() -> Shapes {
    let channels = (1..=2_usize, 1..=2_usize, 1..=2_usize);
    (0..=2_usize, channels, [1..=3_usize, 1..=3], [0..=3_usize, 0..=3])
        .prop_map(|(n, (groups, cg, og), [kh, kw], [h, w])| {
            let image = vec![n, groups * cg, 2 * kh - 1 + h, 2 * kw - 1 + w];
            vec![image, vec![groups * og, cg, kh, kw], vec![groups * og]]
        })
        .boxed()
}

fn spec(p: &Draw) -> Conv2dSpec {
    Conv2dSpec {
        stride: [1 + p.below(0, 2), 1 + p.below(1, 3)],
        padding: [p.below(2, 2), p.below(3, 3)],
        dilation: [1 + p.below(4, 2), 1 + p.below(5, 2)],
        groups: p.shapes[0][1] / p.shapes[1][1],
    }
}

/// By the definition, a loop per axis.
fn conv2d(x: &[Dense], p: &Draw) -> Dense {
    let Conv2dSpec { stride, padding, dilation, groups } = spec(p);
    let (image, filters) = (x[0].shape(), x[1].shape());
    let (outputs, inputs) = (filters[0], filters[1]);
    let side =
        |a: usize| (image[2 + a] + 2 * padding[a] - dilation[a] * (filters[2 + a] - 1) - 1) / stride[a] + 1;
    Dense::from_fn(&[image[0], outputs, side(0), side(1)], |i| {
        let first = i[1] / (outputs / groups) * inputs;
        let mut sum = 0.0;
        for c in 0..inputs {
            for ky in 0..filters[2] {
                for kx in 0..filters[3] {
                    let y = (i[2] * stride[0] + ky * dilation[0])
                        .checked_sub(padding[0])
                        .filter(|&y| y < image[2]);
                    let z = (i[3] * stride[1] + kx * dilation[1])
                        .checked_sub(padding[1])
                        .filter(|&z| z < image[3]);
                    if let (Some(y), Some(z)) = (y, z) {
                        sum += x[0].at(&[i[0], first + c, y, z]) * x[1].at(&[i[1], c, ky, kx]);
                    }
                }
            }
        }
        sum
    })
}

fn with_bias(y: &Dense, bias: &Dense) -> Dense {
    Dense::from_fn(y.shape(), |i| y.at(i) + bias.at(&[i[1]]))
}
