//! Where results go: rows of many heads scattered through one buffer, so that heads come out merged and the gradients of
//! fused projections in one piece. Several tasks write at once, each its own rows; the check that rows never overlap is here.

use std::marker::PhantomData;

use super::Heads;

/// Rows in one buffer: row i of head h of sample b begins at `base + b·batch + h·head + i·row`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Where row 0 of head 0 of sample 0 begins.
    pub base: usize,
    /// Number of samples, and the distance between them.
    pub batch: (usize, usize),
    /// Number of heads, and the distance between them.
    pub heads: (usize, usize),
    /// Number of rows, and the distance between them.
    pub rows: (usize, usize),
    /// Elements of a row, contiguous.
    pub width: usize,
}

impl Places {
    /// `[batch, heads, rows, width]`, contiguous.
    #[must_use]
    pub fn apart(batch: usize, heads: usize, rows: usize, width: usize) -> Self {
        Self {
            base: 0,
            batch: (batch, heads * rows * width),
            heads: (heads, rows * width),
            rows: (rows, width),
            width,
        }
    }

    /// Heads `first .. first + heads` of `[batch, rows, slots, width]`, contiguous.
    #[must_use]
    pub fn merged(
        batch: usize,
        rows: usize,
        slots: usize,
        (first, heads): (usize, usize),
        width: usize,
    ) -> Self {
        Self {
            base: first * width,
            batch: (batch, rows * slots * width),
            heads: (heads, width),
            rows: (rows, slots * width),
            width,
        }
    }

    /// Elements from one head's first to behind another's last within a row of heads.
    fn span(&self) -> (usize, usize) {
        let behind = self.heads.0.saturating_sub(1) * self.heads.1 + self.width;
        (self.base, self.base + behind)
    }

    fn is_empty(&self) -> bool {
        self.batch.0 == 0 || self.heads.0 == 0 || self.rows.0 == 0 || self.width == 0
    }

    /// Whether no two rows share an element and all lie within `length`.
    fn fits(&self, length: usize) -> bool {
        if self.is_empty() {
            return true;
        }
        let mut axes = [self.batch, self.heads, self.rows];
        axes.sort_by_key(|axis| axis.1);
        let mut reach = Some(self.width);
        for (count, stride) in axes {
            if count > 1 {
                reach = reach.filter(|&reach| stride >= reach).and_then(|reach| {
                    (count - 1).checked_mul(stride).and_then(|moved| moved.checked_add(reach))
                });
            }
        }
        reach.and_then(|reach| reach.checked_add(self.base)).is_some_and(|end| end <= length)
    }

    /// Whether two sets of rows in one buffer share no element: heads side by side, rows and samples further apart than both.
    fn apart_from(&self, other: &Self) -> bool {
        if self.is_empty() || other.is_empty() {
            return true;
        }
        let ((a, a_end), (b, b_end)) = (self.span(), other.span());
        let (end, same) = (a_end.max(b_end), self.rows == other.rows && self.batch == other.batch);
        let rows_end = (self.rows.0 - 1) * self.rows.1 + end;
        same && (a_end <= b || b_end <= a)
            && (self.rows.0 == 1 || self.rows.1 >= end)
            && (self.batch.0 == 1 || self.batch.1 >= rows_end)
    }
}

/// Asks the processor for the lines of `count` elements from `at` on, wherever that is.
#[inline(always)]
fn fetch<T>(data: *const T, at: usize, count: usize) {
    #[cfg(target_arch = "x86_64")]
    for line in (at..at + count).step_by((64 / size_of::<T>()).max(1)) {
        // SAFETY: a prefetch never faults, whatever the address.
        unsafe {
            std::arch::x86_64::_mm_prefetch::<{ std::arch::x86_64::_MM_HINT_T0 }>(
                data.wrapping_add(line).cast(),
            );
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (data, at, count);
}

/// Rows that will be read soon: `first .. end` of a head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Soon<'a, T> {
    pub(super) x: &'a Heads<'a, T>,
    pub(super) head: usize,
    pub(super) first: usize,
    pub(super) end: usize,
    pub(super) width: usize,
}

impl<T: Copy> Soon<'_, T> {
    /// Asks for row `i` of them, if there is one and its elements lie side by side.
    #[inline(always)]
    pub(super) fn fetch(&self, i: usize) {
        let row = self.first + i;
        if row < self.end && self.x.column == 1 {
            fetch(self.x.data.as_ptr(), self.x.at(self.head, row), self.width);
        }
    }
}

/// The rows of some [`Places`], to write from several tasks.
pub(super) struct Rows<'a, T> {
    start: *mut T,
    places: Places,
    buffer: PhantomData<&'a mut [T]>,
}

// SAFETY: the rows are disjoint memory that is borrowed mutably; whoever writes a row answers for being alone (see `write`).
unsafe impl<T: Send> Sync for Rows<'_, T> {}

impl<'a, T: Copy> Rows<'a, T> {
    /// The rows of one set of places.
    pub(super) fn new(buffer: &'a mut [T], places: Places) -> Self {
        let [rows] = Self::several(buffer, [places]);
        rows
    }

    /// The rows of several sets of places in one buffer.
    ///
    /// # Panics
    /// If two rows overlap or one lies outside.
    pub(super) fn several<const N: usize>(buffer: &'a mut [T], places: [Places; N]) -> [Self; N] {
        for (i, place) in places.iter().enumerate() {
            let alone = places[..i].iter().all(|other| place.apart_from(other));
            assert!(
                alone && place.fits(buffer.len()),
                "attention: rows of a result overlap or lie outside its {} elements: {places:?}",
                buffer.len()
            );
        }
        let start = buffer.as_mut_ptr();
        places.map(|places| Self { start, places, buffer: PhantomData })
    }

    /// Asks for where row `i` of `head` will be written.
    #[inline(always)]
    pub(super) fn fetch(&self, head: usize, i: usize) {
        let Places { base, batch, heads, rows, width } = self.places;
        let (sample, head) = (head / heads.0, head % heads.0);
        fetch(self.start, base + sample * batch.1 + head * heads.1 + i * rows.1, width);
    }

    /// Writes row `i` of `head`, which is counted through the batch.
    ///
    /// # Safety
    /// No other thread writes this row at the same time.
    #[inline]
    pub(super) unsafe fn write(&self, head: usize, i: usize, values: &[T]) {
        let Places { base, batch, heads, rows, width } = self.places;
        let (sample, head) = (head / heads.0, head % heads.0);
        assert!(
            sample < batch.0 && i < rows.0 && values.len() == width,
            "attention: no such row of a result"
        );
        let at = base + sample * batch.1 + head * heads.1 + i * rows.1;
        // SAFETY: `several` has checked that all rows lie in the buffer, which is borrowed for 'a, and the caller that nobody
        // else writes this one, so nothing aliases it.
        unsafe { self.start.add(at).copy_from_nonoverlapping(values.as_ptr(), width) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_a_fused_projection_are_apart() {
        let place = |first, heads| Places::merged(2, 5, 8, (first, heads), 3);
        let mut buffer = vec![0; 2 * 5 * 8 * 3];
        let [q, k, v] = Rows::several(&mut buffer, [place(0, 4), place(4, 2), place(6, 2)]);
        for (rows, heads, mark) in [(q, 4, 100), (k, 2, 200), (v, 2, 300)] {
            for head in 0..2 * heads {
                for i in 0..5 {
                    // SAFETY: there is one thread.
                    unsafe { rows.write(head, i, &[mark + head; 3]) };
                }
            }
        }
        for (at, &value) in buffer.iter().enumerate() {
            let (sample, slot) = (at / 120, at / 3 % 8);
            let want = match slot {
                0..4 => 100 + sample * 4 + slot,
                4..6 => 200 + sample * 2 + slot - 4,
                _ => 300 + sample * 2 + slot - 6,
            };
            assert_eq!(value, want, "{at}");
        }
    }

    #[test]
    fn overlaps_and_what_lies_outside_are_refused() {
        let good = Places::merged(2, 5, 4, (0, 4), 3);
        assert!(good.fits(120) && !good.fits(119));
        assert!(Places::apart(2, 4, 5, 3).fits(120));
        assert!(!Places { heads: (4, 2), ..good }.fits(120));
        assert!(!Places { rows: (5, 11), ..good }.fits(1000));
        assert!(!Places { batch: (2, 59), ..good }.fits(1000));
        assert!(Places { batch: (0, 0), ..good }.fits(0));
        let place = |first, heads| Places::merged(2, 5, 4, (first, heads), 3);
        assert!(place(0, 2).apart_from(&place(2, 2)) && place(3, 1).apart_from(&place(0, 3)));
        assert!(!place(0, 3).apart_from(&place(2, 2)));
        assert!(!Places::apart(2, 4, 5, 3).apart_from(&Places::apart(2, 4, 5, 3)));
    }
}
