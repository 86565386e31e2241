//! Convolution along one and three axes, and transposed convolution, with every mixture of stride, padding, dilation and
//! groups.

use gradus_tensor::{ConvSpec, ConvTransposeSpec};
use gradus_testkit::Dense;
use proptest::prelude::*;

use super::each::each;
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

/// All rows. Numbers 0 and 1 are strides, 2 and 3 paddings, 4 and 5 dilations; a third axis has those of the first.
pub(super) fn rows() -> Vec<Row> {
    let products = |row: Row| row.single_tolerance(10.0).rounds_by_isa();
    vec![
        row!("conv1d", operands(1), |x, p| x[0].conv1d(&x[1], Some(&x[2]), spec(p)) => conv(x, spec::<1>(p)))
            .law(LinearIn(&[1, 2]))
            .large(&[&[&[4, 4, 4500], &[6, 4, 3], &[6]]]),
        row!("conv3d", operands(3), |x, p| x[0].conv3d(&x[1], Some(&x[2]), spec(p)) => conv(x, spec::<3>(p)))
            .law(LinearIn(&[1, 2]))
            .large(&[&[&[2, 2, 6, 30, 32], &[20, 2, 2, 3, 3], &[20]]]),
        row!("conv3d_relu", operands(3), |x, p| x[0].conv3d_relu(&x[1], Some(&x[2]), spec(p)) => conv(x, spec::<3>(p)).map(|y| y.max(0.0)))
            .large(&[&[&[2, 2, 6, 30, 32], &[20, 2, 2, 3, 3], &[20]]]),
        row!("conv_transpose1d", spread(1), |x, p| x[0].conv_transpose1d(&x[1], Some(&x[2]), back(p)) => transposed(x, back::<1>(p)))
            .law(LinearIn(&[0, 2]))
            .large(&[&[&[4, 6, 4500], &[6, 4, 3], &[4]]]),
        row!("conv_transpose2d", spread(2), |x, p| x[0].conv_transpose2d(&x[1], Some(&x[2]), back(p)) => transposed(x, back::<2>(p)))
            .law(LinearIn(&[1, 2]))
            .large(&[&[&[4, 6, 65, 70], &[6, 4, 3, 3], &[4]]])
            .large_picks(2),
        row!("conv_transpose3d", spread(3), |x, p| x[0].conv_transpose3d(&x[1], Some(&x[2]), back(p)) => transposed(x, back::<3>(p)))
            .law(LinearIn(&[0, 2]))
            .large(&[&[&[2, 20, 6, 30, 32], &[20, 2, 2, 3, 3], &[2]]]),
    ]
    .into_iter()
    .map(products)
    .collect()
}

/// `[N, C, …]`, `[O, C/groups, …]`, `[O]`; the input is as large as a kernel of dilation 2, or a little larger.
fn operands(axes: usize) -> Shapes {
    let channels = (1..=2_usize, 1..=2_usize, 1..=2_usize);
    let sides = (
        prop::collection::vec(1..=if axes == 3 { 2_usize } else { 3 }, axes),
        prop::collection::vec(0..=1_usize, axes),
    );
    (0..=2_usize, channels, sides)
        .prop_map(|(n, (groups, cg, og), (kernel, more))| {
            let input: Vec<usize> = kernel.iter().zip(&more).map(|(k, more)| 2 * k - 1 + more).collect();
            vec![
                [&[n, groups * cg], &input[..]].concat(),
                [&[groups * og, cg], &kernel[..]].concat(),
                vec![groups * og],
            ]
        })
        .boxed()
}

/// `[N, C, …]`, `[C, O/groups, …]`, `[O]`, the kernel of 2 or 3 so that no padding cuts all away.
fn spread(axes: usize) -> Shapes {
    let channels = (1..=2_usize, 1..=2_usize, 1..=2_usize);
    let sides = (
        prop::collection::vec(2..=3_usize, axes),
        prop::collection::vec(1..=if axes == 3 { 2_usize } else { 3 }, axes),
    );
    (0..=2_usize, channels, sides)
        .prop_map(|(n, (groups, cg, og), (kernel, input))| {
            vec![
                [&[n, groups * cg], &input[..]].concat(),
                [&[groups * cg, og], &kernel[..]].concat(),
                vec![groups * og],
            ]
        })
        .boxed()
}

fn spec<const D: usize>(p: &Draw) -> ConvSpec<D> {
    ConvSpec {
        stride: std::array::from_fn(|a| 1 + p.below(a % 2, 2 + a % 2)),
        padding: std::array::from_fn(|a| p.below(2 + a % 2, 2 + a % 2)),
        dilation: std::array::from_fn(|a| 1 + p.below(4 + a % 2, 2)),
        groups: p.shapes[0][1] / p.shapes[1][1],
    }
}

fn back<const D: usize>(p: &Draw) -> ConvTransposeSpec<D> {
    let stride = std::array::from_fn(|a| 1 + p.below(a % 2, 2 + a % 2));
    let dilation = std::array::from_fn(|a| 1 + p.below(4 + a % 2, 2));
    ConvTransposeSpec {
        stride,
        padding: std::array::from_fn(|a| p.below(2 + a % 2, 2).min(p.shapes[1][2 + a] - 2)),
        output_padding: std::array::from_fn(|a| p.below(3 + a % 2, stride[a].max(dilation[a]))),
        dilation,
        groups: p.shapes[2][0] / p.shapes[1][1],
    }
}

/// By the definition, a loop per axis.
fn conv<const D: usize>(x: &[Dense], spec: ConvSpec<D>) -> Dense {
    let ConvSpec { stride, padding, dilation, groups } = spec;
    let (input, filters) = (x[0].shape(), x[1].shape());
    let (outputs, inputs) = (filters[0], filters[1]);
    let side =
        |a: usize| (input[2 + a] + 2 * padding[a] - dilation[a] * (filters[2 + a] - 1) - 1) / stride[a] + 1;
    let shape = [vec![input[0], outputs], (0..D).map(side).collect()].concat();
    let taps = each(&filters[1..]);
    Dense::from_fn(&shape, |i| {
        let first = i[1] / (outputs / groups) * inputs;
        let seen = |tap: &Vec<usize>| {
            let mut at = vec![i[0], first + tap[0]];
            for a in 0..D {
                let place = (i[2 + a] * stride[a] + tap[1 + a] * dilation[a]).checked_sub(padding[a])?;
                at.push(Some(place).filter(|&place| place < input[2 + a])?);
            }
            Some(x[0].at(&at) * x[1].at(&[&[i[1]], &tap[..]].concat()))
        };
        x[2].at(&[i[1]]) + taps.iter().filter_map(seen).sum::<f64>()
    })
}

/// What each element spreads, found from where it lands.
fn transposed<const D: usize>(x: &[Dense], spec: ConvTransposeSpec<D>) -> Dense {
    let ConvTransposeSpec { stride, padding, output_padding, dilation, groups } = spec;
    let (input, filters) = (x[0].shape(), x[1].shape());
    let (inputs, outputs) = (filters[0] / groups, filters[1]);
    let side = |a: usize| {
        (input[2 + a] - 1) * stride[a] + dilation[a] * (filters[2 + a] - 1) + output_padding[a] + 1
            - 2 * padding[a]
    };
    let shape = [vec![input[0], outputs * groups], (0..D).map(side).collect()].concat();
    let taps = each(&[&[inputs], &filters[2..]].concat());
    Dense::from_fn(&shape, |i| {
        let group = i[1] / outputs;
        let landed = |tap: &Vec<usize>| {
            let channel = group * inputs + tap[0];
            let mut at = vec![i[0], channel];
            for a in 0..D {
                let place = (i[2 + a] + padding[a]).checked_sub(tap[1 + a] * dilation[a])?;
                let from = (place % stride[a] == 0).then_some(place / stride[a])?;
                at.push(Some(from).filter(|&from| from < input[2 + a])?);
            }
            Some(x[0].at(&at) * x[1].at(&[&[channel, i[1] % outputs], &tap[1..]].concat()))
        };
        x[2].at(&[i[1]]) + taps.iter().filter_map(landed).sum::<f64>()
    })
}
