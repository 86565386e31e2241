//! Resizing and borders along any axes, against the kernels that they are defined by.

use gradus_tensor::{AxisMap, Interpolation, InterpolationMode, Resize};
use gradus_testkit::Dense;
use proptest::prelude::*;

use super::any;
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

/// All rows. Numbers 0 to 2 are sizes, 3 the mode, 4 and 5 flags.
pub(super) fn rows() -> Vec<Row> {
    let resized = |row: Row| {
        row.law(LinearIn(&[0]))
            .large(&[&[&[3, 5, 70, 75]], &[&[90, 3, 4, 8, 9]], &[&[70, 100, 11]]])
            .large_picks(4)
    };
    vec![
        resized(row!("interpolate", arrays(), |x, p| x[0].interpolate(Resize::Sizes(&sizes(p)), how(p)) => by_kernel(&x[0], p, false))),
        resized(row!("interpolate", arrays(), |x, p| x[0].interpolate(Resize::Factors(&factors(p)), how(p)) => by_kernel(&x[0], p, true))),
        row!("map_axis", any(1, 1), |x, p| x[0].map_axis(p.axis(0, x[0].rank()), &map(p)) => mapped(&x[0], p)).law(LinearIn(&[0])).large_picks(3),
    ]
}

/// `[N, C, …]` with one to three axes behind.
fn arrays() -> Shapes {
    let sides = prop_oneof![
        prop::collection::vec(1..=6_usize, 1),
        prop::collection::vec(1..=5_usize, 2),
        prop::collection::vec(1..=3_usize, 3)
    ];
    (0..=2_usize, 1..=2_usize, sides).prop_map(|(n, c, sides)| vec![[&[n, c], &sides[..]].concat()]).boxed()
}

fn how(p: &Draw) -> Interpolation {
    use InterpolationMode::{Area, Cubic, Linear, Nearest, NearestExact};
    let mode = [Linear, Cubic, Nearest, NearestExact, Area, Linear, Cubic][p.below(3, 7)];
    let smooth = matches!(mode, Linear | Cubic);
    Interpolation { mode, align_corners: smooth && p.flag(4), antialias: smooth && p.flag(5) }
}

fn sizes(p: &Draw) -> Vec<usize> {
    let size = |(a, &length): (usize, &usize)| {
        if length > 50 { length / 2 + 7 * p.below(a, 9) } else { 1 + p.below(a, 8) }
    };
    p.shapes[0][2..].iter().enumerate().map(size).collect()
}

/// Such that no length comes near a whole number from below.
fn factors(p: &Draw) -> Vec<f64> {
    (2..p.shapes[0].len()).map(|a| [1.0, 2.0, 1.3137, 1.7173, 3.0][p.below(a - 2, 5)]).collect()
}

/// Keys' kernel, in the form of his paper: u³, u², u.
fn keys(u: f64, a: f64) -> f64 {
    match u.abs() {
        u if u < 1.0 => (a + 2.0) * u.powi(3) - (a + 3.0) * u.powi(2) + 1.0,
        u if u < 2.0 => a * u.powi(3) - 5.0 * a * u.powi(2) + 8.0 * a * u - 4.0 * a,
        _ => 0.0,
    }
}

/// The weight of each place of an axis for place `i` of the resized one.
fn weights(how: Interpolation, i: usize, input: usize, output: usize, factor: Option<f64>) -> Vec<f64> {
    let (n, m) = (input as f64, output as f64);
    let scale = match (how.align_corners, factor) {
        (true, _) => {
            if output > 1 {
                (n - 1.0) / (m - 1.0)
            } else {
                0.0
            }
        }
        (false, Some(factor)) => 1.0 / factor,
        (false, None) => n / m,
    };
    let i = i as f64;
    let at = if how.align_corners && !how.antialias { i * scale } else { (i + 0.5) * scale - 0.5 };
    let place = |j: usize| j as f64;
    let is = |wanted: f64| (0..input).map(|j| f64::from(place(j) == wanted.min(n - 1.0))).collect();
    match how.mode {
        InterpolationMode::Nearest => is((i * scale).floor()),
        InterpolationMode::NearestExact => is(((i + 0.5) * scale).floor()),
        InterpolationMode::Area => {
            let (first, end) = ((i * n / m).floor(), ((i + 1.0) * n / m).ceil());
            (0..input).map(|j| f64::from(place(j) >= first && place(j) < end) / (end - first)).collect()
        }
        mode if how.antialias => {
            let wide = scale.max(1.0);
            let kernel = |u: f64| {
                if mode == InterpolationMode::Linear { (1.0 - u.abs()).max(0.0) } else { keys(u, -0.5) }
            };
            let raw: Vec<f64> = (0..input).map(|j| kernel((place(j) - at) / wide)).collect();
            let total: f64 = raw.iter().sum();
            raw.iter().map(|w| w / total).collect()
        }
        InterpolationMode::Linear if input == output => is(i),
        InterpolationMode::Linear => {
            let at = at.clamp(0.0, n - 1.0);
            (0..input).map(|j| (1.0 - (at - place(j)).abs()).max(0.0)).collect()
        }
        InterpolationMode::Cubic => {
            let mut sums = vec![0.0; input];
            for tap in -3..=(input as i64 + 3) {
                sums[tap.clamp(0, input as i64 - 1) as usize] += keys(at - tap as f64, -0.75);
            }
            sums
        }
    }
}

fn by_kernel(x: &Dense, p: &Draw, by_factor: bool) -> Dense {
    let how = how(p);
    let factors: Vec<Option<f64>> =
        if by_factor { factors(p).into_iter().map(Some).collect() } else { vec![None; x.rank() - 2] };
    let sizes: Vec<usize> = match by_factor {
        true => x.shape()[2..]
            .iter()
            .zip(&factors)
            .map(|(&n, f)| (n as f64 * f.unwrap_or(1.0)).floor() as usize)
            .collect(),
        false => sizes(p),
    };
    let mut out = x.clone();
    for (a, (&size, &factor)) in sizes.iter().zip(&factors).enumerate() {
        let (axis, input) = (2 + a, x.shape()[2 + a]);
        let weights: Vec<Vec<f64>> = (0..size).map(|i| weights(how, i, input, size, factor)).collect();
        let mut shape = out.shape().to_vec();
        shape[axis] = size;
        out = Dense::from_fn(&shape, |i| {
            let mut at = i.to_vec();
            let near = weights[i[axis]].iter().enumerate().filter(|(_, w)| **w != 0.0);
            near.map(|(j, w)| {
                at[axis] = j;
                w * out.at(&at)
            })
            .sum()
        });
    }
    out
}

/// A map of the drawn axis' length with repeated places and an output without any.
fn taps(p: &Draw) -> (usize, Vec<Vec<(usize, f64)>>) {
    let shape = &p.shapes[0];
    let length = shape[p.at(0, shape.len())];
    let row = |j: usize| {
        (0..j % 3)
            .filter(|_| length > 0)
            .map(|k| ((p.below(1, 9) + j * 5 + k * 3) % length, (k as f64) - 0.5 * j as f64))
            .collect()
    };
    (length, (0..1 + p.below(2, 6)).map(row).collect())
}

fn map(p: &Draw) -> AxisMap {
    let (length, rows) = taps(p);
    AxisMap::new(length, rows)
}

fn mapped(x: &Dense, p: &Draw) -> Dense {
    let (axis, (_, rows)) = (p.at(0, x.rank()), taps(p));
    let mut shape = x.shape().to_vec();
    shape[axis] = rows.len();
    Dense::from_fn(&shape, |i| {
        let mut at = i.to_vec();
        rows[i[axis]]
            .iter()
            .map(|&(place, weight)| {
                at[axis] = place;
                weight * x.at(&at)
            })
            .sum()
    })
}
