//! Sampling at the places of a grid, against sums over the whole image; patches and their way back; what trades channels
//! for pixels.

use gradus_tensor::{GridSampling, PatchSpec, SamplingMode, SamplingPadding};
use gradus_testkit::Dense;
use proptest::prelude::*;

use super::each::each;
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

/// All rows. Of sampling, number 0 is the mode, 1 the padding, 2 whether corners are aligned. Of patches, 0 to 5 are
/// strides, paddings and dilations.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("grid_sample", images_and_grids(2), |x, p| x[0].grid_sample(&x[1], how(p, 2)) + &x[1].sum() * 0.0 => sampled(&x[0], &x[1], how(p, 2)))
            .domains(&[-3.0..3.0, -1.4..1.4])
            .law(LinearIn(&[0]))
            .clearance(|x, p| from_a_half(x, how(p, 2)))
            .large(&[&[&[2, 9, 61, 65], &[2, 50, 73, 2]]])
            .large_picks(3)
            .single_tolerance(30.0),
        row!("grid_sample", images_and_grids(3), |x, p| x[0].grid_sample(&x[1], how(p, 3)) + &x[1].sum() * 0.0 => sampled(&x[0], &x[1], how(p, 3)))
            .domains(&[-3.0..3.0, -1.4..1.4])
            .law(LinearIn(&[0]))
            .clearance(|x, p| from_a_half(x, how(p, 3)))
            .large(&[&[&[1, 9, 6, 35, 36], &[1, 3, 50, 53, 3]]])
            .single_tolerance(30.0),
        row!("affine_grid", Just(vec![vec![2, 2, 3]]).boxed(), |x, p| x[0].affine_grid([x[0].dim(0), 1, side(p, 0), side(p, 1)], p.flag(2)) => grid(&x[0], &[side(p, 0), side(p, 1)], p.flag(2)))
            .law(LinearIn(&[0]))
            .large(&[&[&[700, 2, 3]]])
            .rounds_by_isa(),
        row!("affine_grid", Just(vec![vec![1, 3, 4]]).boxed(), |x, p| x[0].affine_grid([1, 1, side(p, 0), side(p, 1), 2], p.flag(2)) => grid(&x[0], &[side(p, 0), side(p, 1), 2], p.flag(2)))
            .law(LinearIn(&[0]))
            .rounds_by_isa()
            .large(&[&[&[1, 3, 4]]]),
        row!("im2col", images(), |x, p| x[0].im2col(patches(p)) => columns(&x[0], patches(p))).law(LinearIn(&[0])).large(&[&[&[5, 2, 90, 95]]]).large_picks(3),
        row!("col2im", images().prop_map(|shapes| vec![column_shape(&shapes[0])]).boxed(), |x, p| x[0].col2im(SIDES, patches(p)) => folded(&x[0], patches(p)))
            .fit(|draw| draw.shapes[0][2] = places(patches(draw)).iter().product())
            .law(LinearIn(&[0]))
            .large(&[&[&[700, 12, 16]]]),
        row!("pixel_shuffle", whole(&[4, 2, 3]), |x, _p| x[0].pixel_shuffle(2) => shuffled(&x[0], 2)).law(LinearIn(&[0])).large(&[&[&[9, 12, 30, 31]]]),
        row!("pixel_unshuffle", whole(&[2, 6, 3]), |x, _p| x[0].pixel_unshuffle(3) => unshuffled(&x[0], 3)).law(LinearIn(&[0])).large(&[&[&[9, 12, 30, 33]]]),
        row!("channel_shuffle", whole(&[6, 2]), |x, p| x[0].channel_shuffle([2, 3][p.below(0, 2)]) => dealt(&x[0], [2, 3][p.below(0, 2)])).law(LinearIn(&[0])).large(&[&[&[9, 12, 900]]]),
    ]
}

/// `[N, …]` with the given rest.
fn whole(rest: &'static [usize]) -> Shapes {
    (0..=2_usize).prop_map(move |n| vec![[&[n], rest].concat()]).boxed()
}

fn side(p: &Draw, k: usize) -> usize {
    if p.shapes[0][0] > 2 { 10 } else { 1 + p.below(k, 4) }
}

fn images_and_grids(axes: usize) -> Shapes {
    let sides = |most: usize| prop::collection::vec(1..=most, axes);
    (0..=2_usize, 1..=2_usize, sides(4), sides(2))
        .prop_map(move |(n, c, image, out)| {
            vec![[&[n, c], &image[..]].concat(), [&[n], &out[..], &[axes]].concat()]
        })
        .boxed()
}

fn how(p: &Draw, axes: usize) -> GridSampling {
    let modes = [SamplingMode::Linear, SamplingMode::Cubic, SamplingMode::Nearest];
    let mode = modes[p.below(0, 3)];
    let mode = if axes == 3 && mode == SamplingMode::Cubic { SamplingMode::Linear } else { mode };
    let paddings = [SamplingPadding::Zeros, SamplingPadding::Border, SamplingPadding::Reflection];
    GridSampling { mode, padding: paddings[p.below(1, 3)], align_corners: p.flag(2) }
}

/// A place brought inside, by mirroring again and again.
fn inside(mut at: f64, length: usize, how: GridSampling) -> f64 {
    let last = length as f64 - 1.0;
    match how.padding {
        SamplingPadding::Zeros => return at,
        SamplingPadding::Border => {}
        SamplingPadding::Reflection if how.align_corners && length == 1 => at = 0.0,
        SamplingPadding::Reflection => {
            let (low, high) = if how.align_corners { (0.0, last) } else { (-0.5, last + 0.5) };
            while at < low || at > high {
                at = if at < low { 2.0 * low - at } else { 2.0 * high - at };
            }
        }
    }
    at.max(0.0).min(last)
}

/// A coordinate in −1 … 1 as a place on an axis.
fn place(x: f64, length: usize, how: GridSampling) -> f64 {
    let n = length as f64;
    if how.align_corners { (x + 1.0) / 2.0 * (n - 1.0) } else { ((x + 1.0) * n - 1.0) / 2.0 }
}

/// How far the coordinates are from whole places, between which samples are straight, and from the halves, where the
/// nearest sample changes and mirrors stand.
fn from_a_half(x: &[Dense], how: GridSampling) -> f64 {
    let axes = x[0].rank() - 2;
    let coordinates = x[1].data().iter().enumerate();
    let distances = coordinates.map(|(i, &coordinate)| {
        let length = x[0].shape()[2 + axes - 1 - i % axes];
        let halves = 2.0 * place(coordinate, length, how);
        if how.align_corners && length == 1 { f64::INFINITY } else { (halves - halves.round()).abs() / 2.0 }
    });
    distances.fold(f64::INFINITY, f64::min)
}

/// The weight of each place of an axis for a coordinate.
fn weights(x: f64, length: usize, how: GridSampling) -> Vec<f64> {
    let n = length as f64;
    let at = place(x, length, how);
    let mut sums = vec![0.0; length];
    let mut add = |at: f64, weight: f64| {
        if at >= 0.0 && at < n {
            sums[at as usize] += weight;
        }
    };
    let a = -0.75;
    match how.mode {
        SamplingMode::Nearest => add(inside(at, length, how).round_ties_even(), 1.0),
        SamplingMode::Linear => {
            let at = inside(at, length, how);
            (0..length).for_each(|j| add(j as f64, (1.0 - (at - j as f64).abs()).max(0.0)));
        }
        SamplingMode::Cubic => {
            for tap in -2..=2_i32 {
                let tap = at.floor() + f64::from(tap);
                let u = (at - tap).abs();
                let weight = match u {
                    u if u < 1.0 => (a + 2.0) * u.powi(3) - (a + 3.0) * u.powi(2) + 1.0,
                    u if u < 2.0 => a * u.powi(3) - 5.0 * a * u.powi(2) + 8.0 * a * u - 4.0 * a,
                    _ => 0.0,
                };
                add(inside(tap, length, how), weight);
            }
        }
    }
    sums
}

fn sampled(x: &Dense, grid: &Dense, how: GridSampling) -> Dense {
    let axes = x.rank() - 2;
    let shape = [&x.shape()[..2], &grid.shape()[1..=axes]].concat();
    Dense::from_fn(&shape, |i| {
        let along = |a: usize| {
            let at = [&i[..1], &i[2..], &[axes - 1 - a]].concat();
            let all = weights(grid.at(&at), x.shape()[2 + a], how);
            all.into_iter().enumerate().filter(|(_, w)| *w != 0.0).collect::<Vec<_>>()
        };
        let near: Vec<Vec<(usize, f64)>> = (0..axes).map(along).collect();
        let term = |k: Vec<usize>| {
            let chosen: Vec<(usize, f64)> = k.iter().zip(&near).map(|(&k, near)| near[k]).collect();
            let at: Vec<usize> = chosen.iter().map(|(place, _)| *place).collect();
            chosen.iter().map(|(_, w)| w).product::<f64>() * x.at(&[&i[..2], &at[..]].concat())
        };
        each(&near.iter().map(Vec::len).collect::<Vec<_>>()).into_iter().map(term).sum()
    })
}

fn grid(theta: &Dense, sides: &[usize], align_corners: bool) -> Dense {
    let axes = sides.len();
    Dense::from_fn(&[&[theta.shape()[0]], sides, &[axes]].concat(), |i| {
        let coordinate = |a: usize| {
            let (at, n) = (i[1 + a] as f64, sides[a] as f64);
            match align_corners {
                true if n == 1.0 => 0.0,
                true => -1.0 + 2.0 * at / (n - 1.0),
                false => -1.0 + (2.0 * at + 1.0) / n,
            }
        };
        let row = |k: usize| theta.at(&[i[0], i[1 + axes], k]);
        row(axes) + (0..axes).map(|k| row(k) * coordinate(axes - 1 - k)).sum::<f64>()
    })
}

fn images() -> Shapes {
    (0..=2_usize, 1..=2_usize).prop_map(|(n, c)| vec![vec![n, c, SIDES[0], SIDES[1]]]).boxed()
}

const SIDES: [usize; 2] = [5, 6];

/// The columns of an image of 2 × 3 patches; the last axis is mended to the places.
fn column_shape(image: &[usize]) -> Vec<usize> {
    vec![image[0], image[1] * 6, 1]
}

fn patches(p: &Draw) -> PatchSpec {
    PatchSpec {
        kernel: [2, 3],
        stride: [1 + p.below(0, 3), 1 + p.below(1, 2)],
        padding: [p.below(2, 2), p.below(3, 3)],
        dilation: [1 + p.below(4, 2), 1 + p.below(5, 2)],
    }
}

fn places_in(spec: PatchSpec, sides: [usize; 2]) -> [usize; 2] {
    [0, 1].map(|a| {
        (sides[a] + 2 * spec.padding[a] - spec.dilation[a] * (spec.kernel[a] - 1) - 1) / spec.stride[a] + 1
    })
}

fn places(spec: PatchSpec) -> [usize; 2] {
    places_in(spec, SIDES)
}

/// Where row `row` of the columns sees a channel at place `at`.
fn seen(spec: PatchSpec, sides: [usize; 2], row: usize, at: usize) -> Option<[usize; 2]> {
    let (p, q) = (row / 3 % 2, row % 3);
    let width = places_in(spec, sides)[1];
    let y = (at / width * spec.stride[0] + p * spec.dilation[0]).checked_sub(spec.padding[0])?;
    let x = (at % width * spec.stride[1] + q * spec.dilation[1]).checked_sub(spec.padding[1])?;
    (y < sides[0] && x < sides[1]).then_some([y, x])
}

fn columns(x: &Dense, spec: PatchSpec) -> Dense {
    let [n, c, h, w] = [0, 1, 2, 3].map(|a| x.shape()[a]);
    let count = places_in(spec, [h, w]).iter().product();
    Dense::from_fn(&[n, c * 6, count], |i| {
        seen(spec, [h, w], i[1], i[2]).map_or(0.0, |[y, z]| x.at(&[i[0], i[1] / 6, y, z]))
    })
}

fn folded(x: &Dense, spec: PatchSpec) -> Dense {
    let [n, rows, count] = [0, 1, 2].map(|a| x.shape()[a]);
    Dense::from_fn(&[n, rows / 6, SIDES[0], SIDES[1]], |i| {
        let mut sum = 0.0;
        for row in i[1] * 6..i[1] * 6 + 6 {
            for at in (0..count).filter(|&at| seen(spec, SIDES, row, at) == Some([i[2], i[3]])) {
                sum += x.at(&[i[0], row, at]);
            }
        }
        sum
    })
}

fn shuffled(x: &Dense, r: usize) -> Dense {
    let [n, c, h, w] = [0, 1, 2, 3].map(|a| x.shape()[a]);
    Dense::from_fn(&[n, c / (r * r), h * r, w * r], |i| {
        x.at(&[i[0], (i[1] * r + i[2] % r) * r + i[3] % r, i[2] / r, i[3] / r])
    })
}

fn unshuffled(x: &Dense, r: usize) -> Dense {
    let [n, c, h, w] = [0, 1, 2, 3].map(|a| x.shape()[a]);
    Dense::from_fn(&[n, c * r * r, h / r, w / r], |i| {
        x.at(&[i[0], i[1] / (r * r), i[2] * r + i[1] / r % r, i[3] * r + i[1] % r])
    })
}

fn dealt(x: &Dense, groups: usize) -> Dense {
    let each = x.shape()[1] / groups;
    Dense::from_fn(x.shape(), |i| {
        let mut at = i.to_vec();
        at[1] = i[1] % groups * each + i[1] / groups;
        x.at(&at)
    })
}
