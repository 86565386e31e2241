//! Pooling with every mixture of window, stride, padding and overhang, and what is put around or moved.

use gradus_tensor::Pool2dSpec;
use gradus_testkit::Dense;
use proptest::prelude::*;

use super::any;
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

const PLANES: &[&[&[usize]]] = &[&[&[3, 5, 70, 75]]];

/// All rows. Of pooling, numbers 0 and 1 are window and stride, 2 the padding, 3 dilation, 4 and 5 flags.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("max_pool2d", planes(), |x, p| x[0].max_pool2d(spec(p, true)) => pooled(&x[0], spec(p, true), largest))
            .large(PLANES)
            .large_picks(3),
        row!("avg_pool2d", planes(), |x, p| x[0].avg_pool2d(spec(p, false)) => pooled(&x[0], spec(p, false), mean))
            .law(LinearIn(&[0]))
            .large(PLANES)
            .large_picks(3),
        row!("adaptive_avg_pool2d", planes(), |x, p| x[0].adaptive_avg_pool2d([1 + p.below(0, 5), 1 + p.below(1, 4)]) => adaptive(&x[0], p))
            .law(LinearIn(&[0]))
            .large(PLANES)
            .large_picks(3),
        row!("pad", any(1, 0), |x, p| x[0].pad(&widths(p), 0.0) => padded(&x[0], p, 0.0)).law(LinearIn(&[0])).large_picks(2),
        row!("pad", any(1, 0), |x, p| x[0].pad(&widths(p), -1.5) => padded(&x[0], p, -1.5)),
        row!("roll", any(1, 1), |x, p| x[0].roll(p.below(1, 9) as isize - 4, p.axis(0, x[0].rank())) => rolled(&x[0], p))
            .law(LinearIn(&[0]))
            .large_picks(3),
    ]
}

/// `[N, C, H, W]` on which every window of [`spec`] fits.
fn planes() -> Shapes {
    (0..=2_usize, 1..=2_usize, 5..=7_usize, 5..=8_usize)
        .prop_map(|(n, c, h, w)| vec![vec![n, c, h, w]])
        .boxed()
}

fn spec(p: &Draw, dilated: bool) -> Pool2dSpec {
    let kernel = [1 + p.below(0, 3), 1 + p.below(1, 3)];
    Pool2dSpec {
        kernel,
        stride: [1 + p.below(1, 3), 1 + p.below(0, 2)],
        padding: [p.below(2, 1 + kernel[0] / 2), p.below(2, 1 + kernel[1] / 2)],
        dilation: if dilated { [1 + p.below(3, 2), 1] } else { [1, 1] },
        ceil_mode: p.flag(4),
        count_include_pad: p.flag(5),
        divisor: None,
    }
}

/// `f` of the elements of each window that lie in the plane, and of how many lie in the plane and its border.
fn pooled(x: &Dense, spec: Pool2dSpec, f: impl Fn(&[f64], f64) -> f64) -> Dense {
    let [n, c, h, w] = [0, 1, 2, 3].map(|a| x.shape()[a]);
    let side = [h, w];
    let places = [0, 1].map(|a| {
        let free = side[a] + 2 * spec.padding[a] - spec.dilation[a] * (spec.kernel[a] - 1) - 1;
        let places = if spec.ceil_mode { free.div_ceil(spec.stride[a]) } else { free / spec.stride[a] } + 1;
        // PyTorch: the last window must begin inside the plane or the border before it.
        if (places - 1) * spec.stride[a] >= side[a] + spec.padding[a] { places - 1 } else { places }
    });
    Dense::from_fn(&[n, c, places[0], places[1]], |i| {
        let along =
            |a: usize| (0..spec.kernel[a]).map(move |k| i[2 + a] * spec.stride[a] + k * spec.dilation[a]);
        let in_border = |a: usize| along(a).filter(|&at| at < side[a] + 2 * spec.padding[a]).count();
        let inside = |a: usize| {
            along(a)
                .filter_map(|at| at.checked_sub(spec.padding[a]))
                .filter(|&at| at < side[a])
                .collect::<Vec<_>>()
        };
        let (rows, columns) = (inside(0), inside(1));
        let values: Vec<f64> = rows
            .iter()
            .flat_map(|&y| columns.iter().map(move |&z| (y, z)))
            .map(|(y, z)| x.at(&[i[0], i[1], y, z]))
            .collect();
        let count = if spec.count_include_pad { in_border(0) * in_border(1) } else { values.len() };
        f(&values, count as f64)
    })
}

fn largest(values: &[f64], _: f64) -> f64 {
    values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

fn mean(values: &[f64], count: f64) -> f64 {
    values.iter().sum::<f64>() / count
}

fn adaptive(x: &Dense, p: &Draw) -> Dense {
    let [n, c, h, w] = [0, 1, 2, 3].map(|a| x.shape()[a]);
    let size = [1 + p.below(0, 5), 1 + p.below(1, 4)];
    let cell = |i: usize, length: usize, cells: usize| i * length / cells..((i + 1) * length).div_ceil(cells);
    Dense::from_fn(&[n, c, size[0], size[1]], |i| {
        let (rows, columns) = (cell(i[2], h, size[0]), cell(i[3], w, size[1]));
        let count = rows.len() * columns.len();
        let row = |y: usize| columns.clone().map(|z| x.at(&[i[0], i[1], y, z])).sum::<f64>();
        rows.map(row).sum::<f64>() / count as f64
    })
}

/// (before, after) for each axis.
fn widths(p: &Draw) -> Vec<(usize, usize)> {
    (0..p.shapes[0].len()).map(|axis| (p.below(axis, 3), p.below(axis + 1, 2))).collect()
}

fn padded(x: &Dense, p: &Draw, value: f64) -> Dense {
    let widths = widths(p);
    let shape: Vec<usize> =
        x.shape().iter().zip(&widths).map(|(d, (before, after))| before + d + after).collect();
    Dense::from_fn(&shape, |i| {
        let source: Option<Vec<usize>> =
            i.iter().zip(&widths).map(|(&i, &(before, _))| i.checked_sub(before)).collect();
        match source.filter(|source| source.iter().zip(x.shape()).all(|(i, d)| i < d)) {
            Some(source) => x.at(&source),
            None => value,
        }
    })
}

fn rolled(x: &Dense, p: &Draw) -> Dense {
    let (axis, shift) = (p.at(0, x.rank()), p.below(1, 9) as isize - 4);
    Dense::from_fn(x.shape(), |i| {
        let mut i = i.to_vec();
        i[axis] = (i[axis] as isize - shift).rem_euclid(x.shape()[axis] as isize) as usize;
        x.at(&i)
    })
}
