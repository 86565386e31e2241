//! Scratch that stays with its thread: blocks of the process-wide pool wander between cores, and then every first write
//! to a line waits for the core that had it last. Knows nothing of what is kept in it.

use std::cell::Cell;

/// Elements of a cache line.
const LINE: usize = 16;
/// Lines of the largest buffer that waits on a thread: 4 MiB.
const LARGEST: usize = 1 << 16;
/// Buffers that wait on a thread.
const KEPT: usize = 4;

/// A cache line.
#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(#[allow(dead_code)] [f32; LINE]);

thread_local! {
    static WAITING: Cell<Vec<Vec<Line>>> = const { Cell::new(Vec::new()) };
}

/// Room for some elements, whose contents are arbitrary; it goes back to its thread when it is dropped.
pub(super) struct Scratch {
    lines: Vec<Line>,
    len: usize,
}

impl Scratch {
    pub(super) fn new(len: usize) -> Self {
        let wanted = len.div_ceil(LINE);
        let mut waiting = WAITING.take();
        let fitting = waiting.iter().enumerate().filter(|(_, lines)| lines.len() >= wanted);
        let lines = match fitting.min_by_key(|(_, lines)| lines.len()).map(|(i, _)| i) {
            Some(i) => waiting.swap_remove(i),
            None => {
                // What was too small makes room for what is wanted now.
                if waiting.len() >= KEPT {
                    waiting.swap_remove(0);
                }
                vec![Line([0.0; LINE]); wanted]
            }
        };
        WAITING.set(waiting);
        Self { lines, len }
    }

    pub(super) fn as_slice(&self) -> &[f32] {
        // SAFETY: lines are plain floats without gaps between them, at least `len` of them.
        unsafe { std::slice::from_raw_parts(self.lines.as_ptr().cast(), self.len) }
    }

    pub(super) fn as_mut_slice(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { std::slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.len) }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let lines = std::mem::take(&mut self.lines);
        if lines.len() > LARGEST {
            return;
        }
        // A thread that ends keeps nothing.
        let _ = WAITING.try_with(|cell| {
            let mut waiting = cell.take();
            if waiting.len() < KEPT {
                waiting.push(lines);
            }
            cell.set(waiting);
        });
    }
}

/// A pointer that tasks share; each writes places of its own.
#[derive(Clone, Copy)]
pub(super) struct Place(pub(super) *mut f32);

// SAFETY: whoever shares it lets each task write elements of its own, and none read them before all have.
unsafe impl Sync for Place {}
// SAFETY: as above.
unsafe impl Send for Place {}

impl Place {
    pub(super) fn at(&self, i: usize) -> *mut f32 {
        self.0.wrapping_add(i)
    }
}
