//! Shapes to draw from: rank 0 to 5, axes that are empty, single, small and odd. They shrink to the smallest shape.

use std::ops::RangeInclusive;

use proptest::prelude::*;

/// The most elements of a drawn shape: large enough for every edge of a loop, small enough for finite differences.
const MOST: usize = 200;

/// An axis length: now and then 0, often 1, mostly small, odd ones included.
pub fn axis_length() -> BoxedStrategy<usize> {
    prop_oneof![1 => Just(0), 3 => Just(1), 12 => 2..=5_usize, 2 => Just(7)].boxed()
}

/// Axes behind which the shape would have too many elements become 1.
fn limited(mut dims: Vec<usize>) -> Vec<usize> {
    let mut count = 1;
    for length in &mut dims {
        if count * *length > MOST {
            *length = 1;
        }
        count *= (*length).max(1);
    }
    dims
}

/// A shape of one of the `ranks`.
pub fn shape(ranks: RangeInclusive<usize>) -> BoxedStrategy<Vec<usize>> {
    prop::collection::vec(axis_length(), ranks).prop_map(limited).boxed()
}

/// A shape without an empty axis.
pub fn filled_shape(ranks: RangeInclusive<usize>) -> BoxedStrategy<Vec<usize>> {
    let length = prop_oneof![3 => Just(1), 12 => 2..=5_usize, 2 => Just(7)];
    prop::collection::vec(length, ranks).prop_map(limited).boxed()
}

/// Two shapes that broadcast to a common one: leading axes missing, axes of length 1 in either.
pub fn broadcastable() -> BoxedStrategy<[Vec<usize>; 2]> {
    let one = (0..=2_usize, prop::collection::vec(prop::bool::weighted(0.25), 5));
    let shorten = |shape: &[usize], (missing, single): (usize, Vec<bool>)| {
        let dims = shape.iter().zip(single).map(|(&length, single)| if single { 1 } else { length });
        dims.skip(missing.min(shape.len())).collect::<Vec<_>>()
    };
    (shape(0..=5), one.clone(), one, any::<bool>())
        .prop_map(move |(shape, a, b, both)| {
            let a = if both { shorten(&shape, a) } else { shape.clone() };
            [a, shorten(&shape, b)]
        })
        .boxed()
}
