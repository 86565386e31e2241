//! Sorting and selecting along rows. An element becomes a whole number in the elements' order, packed with its place, so
//! that one non-generic sort serves all types, ties keep their order, and NaNs come last. Knows no `Tensor`.

use crate::element::{DType, Element};
use crate::parallel::{self, Cost};

/// A number that grows as the element does; the noughts are equal, all NaNs are equal and largest.
fn ordinal<T: Element>(x: T) -> u64 {
    const SIGN: u64 = 1 << 63;
    match (T::DTYPE, x.as_i64()) {
        (DType::I64, Some(x)) => x as u64 ^ SIGN,
        (_, Some(x)) => (x + (1 << 31)) as u64,
        (DType::F32, None) => {
            let (value, bits) = (x.as_f64() as f32 + 0.0, (x.as_f64() as f32 + 0.0).to_bits());
            let key = if value.is_sign_negative() { !bits } else { bits | 1 << 31 };
            u64::from(if value.is_nan() { u32::MAX } else { key })
        }
        (_, None) => {
            let (value, bits) = (x.as_f64() + 0.0, (x.as_f64() + 0.0).to_bits());
            let key = if value.is_sign_negative() { !bits } else { bits | SIGN };
            if value.is_nan() { u64::MAX } else { key }
        }
    }
}

/// The elements of a row in an order that changes.
pub trait Keys {
    /// Brings them into order.
    fn sort(&mut self);
    /// Brings what belongs at `nth` there, among those from `from` on, less before and more after it.
    fn select(&mut self, from: usize, nth: usize);
    /// Where the element that is now at `i` comes from.
    fn place(&self, i: usize) -> usize;
    /// Forgets all that come after the first `count`.
    fn cut(&mut self, count: usize);
}

/// Longer rows are sorted in parts on several threads, and then merged.
const PART: usize = 1 << 16;

macro_rules! keys {
    ($name:ident $key:ty, $bits:literal) => {
        struct $name(Vec<$key>);

        impl Keys for $name {
            fn sort(&mut self) {
                let keys = &mut self.0;
                let cost = Cost::flops(64 * keys.len());
                if keys.len() <= 2 * PART || !parallel::is_parallel(cost) {
                    return keys.sort_unstable();
                }
                parallel::chunks_mut(keys, PART, cost, |_, part| part.sort_unstable());
                keys.sort(); // finds the sorted parts and merges them
            }

            fn select(&mut self, from: usize, nth: usize) {
                self.0[from..].select_nth_unstable(nth - from);
            }

            fn place(&self, i: usize) -> usize {
                (self.0[i] & ((1 << $bits) - 1)) as usize
            }

            fn cut(&mut self, count: usize) {
                self.0.truncate(count);
            }
        }

        impl $name {
            fn fill<T: Element>(&mut self, row: &[T], descending: bool) {
                let flip = if descending { <$key>::MAX << $bits } else { 0 };
                let key = |(i, &x): (usize, &T)| (<$key>::from(ordinal(x)) << $bits ^ flip) | i as $key;
                self.0.clear();
                self.0.extend(row.iter().enumerate().map(key));
            }
        }
    };
}
keys!(Short u64, 32);
keys!(Long u128, 64);

/// What is done with each row: its elements, their keys, and where the places of the chosen ones go.
pub type Choose<'a, T> = &'a (dyn Fn(&[T], &mut dyn Keys, &mut [i64]) + Sync);

/// For each row of `n` elements of `x`, `m` chosen ones: their values and places in the row.
pub fn choose<T: Element>(
    x: &[T],
    (n, m): (usize, usize),
    descending: bool,
    (values, places): (&mut [T], &mut [i64]),
    f: Choose<'_, T>,
) {
    if places.is_empty() {
        return;
    }
    let rows = (PART / 4 / n).max(1);
    let cost = Cost::flops(x.len() * 16 * (1 + n.ilog2() as usize));
    let row = |keys: (&mut Short, &mut Long), i: usize, values: &mut [T], places: &mut [i64]| {
        let row = &x[i * n..][..n];
        if size_of::<T>() <= 4 && n <= u32::MAX as usize {
            keys.0.fill(row, descending);
            f(row, keys.0, places);
        } else {
            keys.1.fill(row, descending);
            f(row, keys.1, places);
        }
        values.iter_mut().zip(places).for_each(|(value, place)| *value = row[*place as usize]);
    };
    if x.len() == n {
        // One row alone may use the threads for itself.
        return row((&mut Short(Vec::new()), &mut Long(Vec::new())), 0, values, places);
    }
    parallel::chunks_mut2((values, rows * m), (places, rows * m), cost, |part, values, places| {
        let (mut short, mut long) = (Short(Vec::new()), Long(Vec::new()));
        for (i, (values, places)) in values.chunks_mut(m).zip(places.chunks_mut(m)).enumerate() {
            row((&mut short, &mut long), part * rows + i, values, places);
        }
    });
}

/// The places of all elements in ascending order.
pub fn sorted_places<T: Element>(x: &[T]) -> Vec<usize> {
    let mut places = vec![0; x.len()];
    let mut values = x.to_vec();
    let sort: Choose<'_, T> = &|_, keys, places| {
        keys.sort();
        places.iter_mut().enumerate().for_each(|(i, place)| *place = keys.place(i) as i64);
    };
    choose(x, (x.len().max(1), x.len()), false, (&mut values, &mut places), sort);
    places.into_iter().map(|place| place as usize).collect()
}
