//! A line search for the strong Wolfe conditions (Nocedal & Wright 2006, algorithms 3.5 and 3.6), in PyTorch's order of
//! evaluations. It knows functions of one number, no model.

/// A point on the line: where, the loss, its gradient, its slope along the line.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) t: f64,
    pub(super) loss: f64,
    pub(super) gradient: Vec<f64>,
    pub(super) slope: f64,
}

/// c₁: which part of the slope's promise the loss must keep.
const DECREASE: f64 = 1e-4;
/// c₂: how much of the slope may be left.
const CURVATURE: f64 = 0.9;

/// Finds t > 0 with f(t) ≤ f(0) + c₁·t·f′(0) and |f′(t)| ≤ −c₂·f′(0); answers the best point and the number of evaluations
/// when that many more than one are used up, or the bracket times `size`, the direction's largest element, is shorter than
/// `tolerance`.
pub(super) fn strong_wolfe(
    at: &mut dyn FnMut(f64) -> Point,
    start: Point,
    t: f64,
    size: f64,
    tolerance: f64,
    limit: usize,
) -> (Point, usize) {
    let slope = start.slope;
    let is_good = |point: &Point| point.slope.abs() <= -CURVATURE * slope;
    let promised = start.loss;
    let is_high = move |point: &Point| point.loss > promised + DECREASE * point.t * slope;
    let (mut count, mut before, mut here) = (0, start.clone(), at(t));
    while count < limit {
        if is_high(&here) || (count > 1 && here.loss >= before.loss) {
            return zoom(at, [before, here], (&is_high, &is_good), (size, tolerance), (count, limit));
        }
        if is_good(&here) {
            return (here, count + 1);
        }
        if here.slope >= 0.0 {
            return zoom(at, [before, here], (&is_high, &is_good), (size, tolerance), (count, limit));
        }
        let bounds = (here.t + 0.01 * (here.t - before.t), here.t * 10.0);
        let next = at(cubic(&before, &here, bounds));
        before = std::mem::replace(&mut here, next);
        count += 1;
    }
    (if start.loss <= here.loss { start } else { here }, count + 1)
}

/// What a point may be.
type Test<'t> = &'t dyn Fn(&Point) -> bool;

/// Narrows a bracket until a point is good.
fn zoom(
    at: &mut dyn FnMut(f64) -> Point,
    [first, second]: [Point; 2],
    (is_high, is_good): (Test<'_>, Test<'_>),
    (size, tolerance): (f64, f64),
    (mut count, limit): (usize, usize),
) -> (Point, usize) {
    let ordered = |a: Point, b: Point| if a.loss <= b.loss { (a, b) } else { (b, a) };
    let (mut low, mut high) = ordered(first, second);
    let mut is_slow = false;
    while count < limit && (high.t - low.t).abs() * size >= tolerance {
        let (least, most) = (low.t.min(high.t), low.t.max(high.t));
        let mut t = cubic(&low, &high, (least, most));
        // Too near to an end: the second time in a row, a tenth is cut off there.
        let margin = 0.1 * (most - least);
        if (most - t).min(t - least) < margin {
            if is_slow || t >= most || t <= least {
                t = if (t - most).abs() < (t - least).abs() { most - margin } else { least + margin };
                is_slow = false;
            } else {
                is_slow = true;
            }
        } else {
            is_slow = false;
        }
        let here = at(t);
        count += 1;
        if is_high(&here) || here.loss >= low.loss {
            (low, high) = ordered(low, here);
        } else {
            if is_good(&here) {
                return (here, count + 1);
            }
            if here.slope * (high.t - low.t) >= 0.0 {
                high = low;
            }
            low = here;
        }
    }
    (low, count + 1)
}

/// The minimum of the cubic through two points with their slopes, within bounds (ibid., eq. 3.59).
fn cubic(a: &Point, b: &Point, (least, most): (f64, f64)) -> f64 {
    let (a, b) = if a.t <= b.t { (a, b) } else { (b, a) };
    let mean = a.slope + b.slope - 3.0 * (a.loss - b.loss) / (a.t - b.t);
    let square = mean * mean - a.slope * b.slope;
    if square.is_nan() || square < 0.0 {
        return f64::midpoint(least, most);
    }
    let root = square.sqrt();
    let t = b.t - (b.t - a.t) * ((b.slope + root - mean) / (b.slope - a.slope + 2.0 * root));
    t.max(least).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On functions of one number both conditions hold at the end, checked from their definition.
    #[test]
    fn the_conditions_hold() {
        let functions: [fn(f64) -> (f64, f64); 3] = [
            |t| ((t - 3.0).powi(2), 2.0 * (t - 3.0)),
            |t| (-t / (t * t + 2.0), (t * t - 2.0) / (t * t + 2.0).powi(2)),
            |t| ((t - 0.01).powi(4), 4.0 * (t - 0.01).powi(3)),
        ];
        for (i, f) in functions.into_iter().enumerate() {
            for first in [1e-3, 0.1, 1.0, 50.0] {
                let mut at = |t: f64| Point { t, loss: f(t).0, gradient: vec![f(t).1], slope: f(t).1 };
                let start = at(0.0);
                let (end, count) = strong_wolfe(&mut at, start.clone(), first, 1.0, 1e-12, 40);
                assert!(count < 40, "{i} {first}");
                assert!(end.loss <= start.loss + 1e-4 * end.t * start.slope, "{i} {first}: {end:?}");
                assert!(end.slope.abs() <= 0.9 * start.slope.abs(), "{i} {first}: {end:?}");
            }
        }
    }
}
