//! Pooling along one and three axes, to a given size, of powers, with places and back.

use gradus_tensor::PoolSpec;
use gradus_testkit::Dense;
use proptest::prelude::*;

use super::each::each;
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

/// All rows. Numbers 0 and 1 are windows and steps, 2 the padding, 3 dilation, 4 the overhang, 5 how means divide.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("max_pool1d", inputs(1), |x, p| x[0].max_pool1d(spec(p, true)) => pooled(&x[0], spec::<1>(p, true), largest)).large(LINES).large_picks(3),
        row!("max_pool3d", inputs(3), |x, p| x[0].max_pool3d(spec(p, true)) => pooled(&x[0], spec::<3>(p, true), largest)).large(VOLUMES).large_picks(3),
        row!("max_pool_with_indices", inputs(3), |x, p| x[0].max_pool_with_indices::<3>(spec(p, true)).0 => pooled(&x[0], spec::<3>(p, true), largest)).large(VOLUMES),
        row!("max_pool_with_indices", inputs(2), |x, p| x[0].max_pool_with_indices::<2>(spec(p, true)).0 => pooled(&x[0], spec::<2>(p, true), largest)).large(PLANES),
        row!("avg_pool1d", inputs(1), |x, p| x[0].avg_pool1d(spec(p, false)) => pooled(&x[0], spec::<1>(p, false), mean)).law(LinearIn(&[0])).large(LINES).large_picks(3),
        row!("avg_pool2d", inputs(2), |x, p| x[0].avg_pool2d(spec(p, false)) => pooled(&x[0], spec::<2>(p, false), mean)).law(LinearIn(&[0])).large(PLANES),
        row!("avg_pool3d", inputs(3), |x, p| x[0].avg_pool3d(spec(p, false)) => pooled(&x[0], spec::<3>(p, false), mean)).law(LinearIn(&[0])).large(VOLUMES).large_picks(3),
        row!("lp_pool1d", inputs(1), |x, p| x[0].lp_pool1d(exponent(p), plain(p)) => powers::<1>(&x[0], p)).domain(0.3..2.0).large(LINES).rounds_by_isa(),
        row!("lp_pool2d", inputs(2), |x, p| x[0].lp_pool2d(exponent(p), plain(p)) => powers::<2>(&x[0], p)).domain(0.3..2.0).large(PLANES).rounds_by_isa(),
        row!("lp_pool3d", inputs(3), |x, p| x[0].lp_pool3d(exponent(p), plain(p)) => powers::<3>(&x[0], p)).domain(0.3..2.0).large(VOLUMES).rounds_by_isa(),
        row!("adaptive_avg_pool1d", inputs(1), |x, p| x[0].adaptive_avg_pool1d(size(p)) => adaptive(&x[0], size::<1>(p), |x| x.iter().sum::<f64>() / x.len() as f64)).law(LinearIn(&[0])).large(LINES),
        row!("adaptive_avg_pool3d", inputs(3), |x, p| x[0].adaptive_avg_pool3d(size(p)) => adaptive(&x[0], size::<3>(p), |x| x.iter().sum::<f64>() / x.len() as f64)).law(LinearIn(&[0])).large(VOLUMES),
        row!("adaptive_max_pool1d", inputs(1), |x, p| x[0].adaptive_max_pool1d(size(p)) => adaptive(&x[0], size::<1>(p), most)).large(LINES),
        row!("adaptive_max_pool2d", inputs(2), |x, p| x[0].adaptive_max_pool2d(size(p)) => adaptive(&x[0], size::<2>(p), most)).large(PLANES),
        row!("adaptive_max_pool3d", inputs(3), |x, p| x[0].adaptive_max_pool3d(size(p)) => adaptive(&x[0], size::<3>(p), most)).large(VOLUMES),
        row!("adaptive_max_pool_with_indices", inputs(2), |x, p| x[0].adaptive_max_pool_with_indices::<2>(size(p)).0 => adaptive(&x[0], size::<2>(p), most)).large(PLANES),
        row!("max_unpool", inputs(2), |x, p| x[0].max_unpool(&p.index_tensor(0, x[0].shape(), 81), [9, 9]) => unpooled(&x[0], &p.index_tensor(0, x[0].shape(), 81).to_vec())).law(LinearIn(&[0])).large(&[&[&[30, 30, 9, 9]]]),
    ]
}

const LINES: &[&[&[usize]]] = &[&[&[7, 5, 2100]]];
const PLANES: &[&[&[usize]]] = &[&[&[5, 3, 66, 70]]];
const VOLUMES: &[&[&[usize]]] = &[&[&[3, 2, 9, 35, 37]]];

/// `[N, C, …]` on which every window of [`spec`] fits.
fn inputs(axes: usize) -> Shapes {
    let longest = if axes == 3 { 5 } else { 8_usize };
    (0..=2_usize, 1..=2_usize, prop::collection::vec(5..=longest, axes))
        .prop_map(|(n, c, sides)| vec![[&[n, if sides.len() == 3 { 1 } else { c }], &sides[..]].concat()])
        .boxed()
}

fn spec<const D: usize>(p: &Draw, dilated: bool) -> PoolSpec<D> {
    let kernel: [usize; D] = std::array::from_fn(|a| 1 + p.below(a % 2, 3));
    PoolSpec {
        kernel,
        stride: std::array::from_fn(|a| 1 + p.below((a + 1) % 2, 3)),
        padding: kernel.map(|k| p.below(2, 1 + k / 2)),
        dilation: std::array::from_fn(|a| if dilated && a == 0 { 1 + p.below(3, 2) } else { 1 }),
        ceil_mode: p.flag(4),
        count_include_pad: p.flag(5),
        divisor: (!dilated && p.below(5, 3) == 2).then_some(5),
    }
}

/// Windows without a border.
fn plain<const D: usize>(p: &Draw) -> PoolSpec<D> {
    PoolSpec { padding: [0; D], divisor: None, ..spec(p, false) }
}

fn exponent(p: &Draw) -> f64 {
    [2.0, 3.0, 1.0][p.below(2, 3)]
}

fn size<const D: usize>(p: &Draw) -> [usize; D] {
    std::array::from_fn(|a| 1 + p.below(a, 6))
}

fn largest(inside: &[f64], _: f64) -> f64 {
    most(inside)
}

fn most(inside: &[f64]) -> f64 {
    inside.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn mean(inside: &[f64], count: f64) -> f64 {
    inside.iter().sum::<f64>() / count
}

/// `f` of the elements of each window that lie inside, and of what means divide by.
fn pooled<const D: usize>(x: &Dense, spec: PoolSpec<D>, f: impl Fn(&[f64], f64) -> f64) -> Dense {
    let sides: [usize; D] = std::array::from_fn(|a| x.shape()[2 + a]);
    let places = |a: usize| {
        let free = sides[a] + 2 * spec.padding[a] - spec.dilation[a] * (spec.kernel[a] - 1) - 1;
        let places = if spec.ceil_mode { free.div_ceil(spec.stride[a]) } else { free / spec.stride[a] } + 1;
        // PyTorch: the last window must begin inside the input or the border before it.
        if (places - 1) * spec.stride[a] >= sides[a] + spec.padding[a] { places - 1 } else { places }
    };
    let shape = [x.shape()[..2].to_vec(), (0..D).map(places).collect()].concat();
    let taps = each(&spec.kernel);
    Dense::from_fn(&shape, |i| {
        let at = |tap: &Vec<usize>, a: usize| i[2 + a] * spec.stride[a] + tap[a] * spec.dilation[a];
        let inside = |tap: &Vec<usize>| {
            let place = |a: usize| at(tap, a).checked_sub(spec.padding[a]).filter(|&place| place < sides[a]);
            let place: Option<Vec<usize>> = (0..D).map(place).collect();
            Some(x.at(&[&i[..2], &place?[..]].concat()))
        };
        let values: Vec<f64> = taps.iter().filter_map(inside).collect();
        let in_border = |tap: &&Vec<usize>| (0..D).all(|a| at(tap, a) < sides[a] + 2 * spec.padding[a]);
        let count = match spec.divisor {
            Some(divisor) => divisor,
            None if spec.count_include_pad => taps.iter().filter(in_border).count(),
            None => values.len(),
        };
        f(&values, count as f64)
    })
}

/// The p-th root of the sum of powers; of a window that hangs over, the sum in proportion.
fn powers<const D: usize>(x: &Dense, p: &Draw) -> Dense {
    let (spec, exponent) = (plain::<D>(p), exponent(p));
    let whole: usize = spec.kernel.iter().product();
    pooled(x, spec, |inside, _| {
        let sum = inside.iter().map(|x| x.powf(exponent)).sum::<f64>();
        (sum / inside.len() as f64 * whole as f64).powf(1.0 / exponent)
    })
}

/// `f` of each region.
fn adaptive<const D: usize>(x: &Dense, size: [usize; D], f: impl Fn(&[f64]) -> f64) -> Dense {
    let shape = [&x.shape()[..2], &size].concat();
    Dense::from_fn(&shape, |i| {
        let region = |a: usize| {
            let (length, count, i) = (x.shape()[2 + a], size[a], i[2 + a]);
            let first = (i as f64 * length as f64 / count as f64).floor() as usize;
            let end = ((i + 1) as f64 * length as f64 / count as f64).ceil() as usize;
            (first, end - first)
        };
        let regions: Vec<_> = (0..D).map(region).collect();
        let offsets = each(&regions.iter().map(|(_, count)| *count).collect::<Vec<_>>());
        let place = |offset: &Vec<usize>| {
            let at = offset.iter().zip(&regions).map(|(offset, (first, _))| first + offset);
            x.at(&[&i[..2], &at.collect::<Vec<_>>()[..]].concat())
        };
        f(&offsets.iter().map(place).collect::<Vec<_>>())
    })
}

/// Planes of 9 × 9 in which the last writer is seen.
fn unpooled(x: &Dense, index: &[i64]) -> Dense {
    let [n, c, h, w] = [0, 1, 2, 3].map(|a| x.shape()[a]);
    Dense::from_fn(&[n, c, 9, 9], |i| {
        let plane = (i[0] * c + i[1]) * h * w;
        let place = (i[2] * 9 + i[3]) as i64;
        let mut writers = (plane..plane + h * w).filter(|&at| index[at] == place);
        writers.next_back().map_or(0.0, |at| x.data()[at])
    })
}
