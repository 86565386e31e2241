//! The backward pass: for each block of keys, packed once, all queries that look at it; five products for each tile, with the
//! probabilities computed again from the saved log-sum-exp.
//!
//! A task is one key head, or some of its keys where there are few heads. Then each task has a share of the queries' gradients
//! of its own, and the shares are added in the order of the keys.

use super::bias::{self, CHUNK, Tile};
use super::pack::{dots, pack, pack_transposed};
use super::places::{Places, Rows, Soon};
use super::{Bias, Heads, KEYS, QUERIES, Sizes, dense, product, transposed};
use crate::isa::Isa;
use crate::kernels::matmul::Tables;
use crate::parallel::{self, Cost};
use crate::storage::Storage;

/// Tasks that are enough for any machine.
const TASKS: usize = 16;
/// Keys of a task at least.
const TASK_KEYS: usize = 2 * KEYS;

/// Operands and results of the backward pass.
#[derive(Debug)]
pub struct Backward<'a, T> {
    /// How many of everything.
    pub sizes: Sizes,
    /// Queries, keys and values, as in the forward pass.
    pub q: Heads<'a, T>,
    /// See `q`.
    pub k: Heads<'a, T>,
    /// See `q`.
    pub v: Heads<'a, T>,
    /// The forward pass's results, one matrix `[L, Ev]` for each query head.
    pub out: Heads<'a, T>,
    /// ln Σ e^score of each query, from the forward pass.
    pub log_sums: &'a [T],
    /// Cotangents of the results, as `out`.
    pub g: Heads<'a, T>,
    /// As in the forward pass.
    pub scale: T,
    /// As in the forward pass.
    pub bias: Bias<'a, T>,
}

/// One buffer for the gradients of q, k and v, or one for each.
#[derive(Debug)]
pub enum Gradients<'a, T> {
    /// All in one, at three places.
    Fused(&'a mut [T], [Places; 3]),
    /// Each in its own.
    Apart([(&'a mut [T], Places); 3]),
}

/// What all tasks share.
struct Pass<'a, T> {
    isa: Isa,
    call: &'a Backward<'a, T>,
    /// Parts that the keys of a head are cut into, and the keys of each.
    parts: (usize, usize),
    /// The gradients of q, `parts.0` shares of them one after the other if there are several.
    q: Rows<'a, T>,
    k: Rows<'a, T>,
    v: Rows<'a, T>,
}

/// See [`super::backward`].
pub(in crate::kernels) fn run<T: Tables>(isa: Isa, call: &Backward<'_, T>, into: Gradients<'_, T>) {
    let [q, k, v] = match into {
        Gradients::Fused(buffer, places) => Rows::several(buffer, places),
        Gradients::Apart(each) => each.map(|(buffer, places)| Rows::new(buffer, places)),
    };
    let Sizes { batch, heads, key_heads, queries, keys, width, .. } = call.sizes;
    let units = batch * key_heads;
    let wanted = TASKS.checked_div(units).unwrap_or(1).max(1);
    let part = keys.div_ceil(wanted).next_multiple_of(KEYS).max(TASK_KEYS);
    let parts = (keys.div_ceil(part).max(1), part);
    if parts.0 == 1 {
        return Pass { isa, call, parts, q, k, v }.run(units);
    }
    let share = batch * heads * queries * width;
    let mut shares = Storage::<T>::stale(parts.0 * share);
    let places = Places::apart(parts.0 * batch, heads, queries, width);
    Pass { isa, call, parts, q: Rows::new(shares.as_mut_slice(), places), k, v }.run(units);
    add_shares(call, shares.as_slice(), parts.0, &q);
}

/// Row by row, the sum of all shares.
fn add_shares<T: Tables>(call: &Backward<'_, T>, shares: &[T], parts: usize, q: &Rows<'_, T>) {
    let Sizes { batch, heads, queries, width, .. } = call.sizes;
    let share = batch * heads * queries * width;
    parallel::for_each(batch * heads, Cost::bytes(size_of_val(shares)), |head| {
        let mut sum = vec![T::ZERO; width];
        for i in 0..queries {
            let at = (head * queries + i) * width;
            sum.copy_from_slice(&shares[at..at + width]);
            for part in 1..parts {
                let more = &shares[part * share + at..][..width];
                sum.iter_mut().zip(more).for_each(|(sum, &more)| *sum = *sum + more);
            }
            // SAFETY: the rows of this head belong to this task alone.
            unsafe { q.write(head, i, &sum) };
        }
    });
}

/// The room of one task.
struct Room<'a, T> {
    /// Queries times the scale, and cotangents, of one tile.
    q: &'a mut [T],
    g: &'a mut [T],
    /// Scores and cotangents of one tile.
    scores: &'a mut [T],
    cotangents: &'a mut [T],
    /// Keys times the scale by rows, keys and values by columns.
    k: &'a mut [T],
    k_columns: &'a mut [T],
    v_columns: &'a mut [T],
    /// Gradients of one block of keys.
    k_sum: &'a mut [T],
    v_sum: &'a mut [T],
    /// Gradients of all queries of the task.
    q_sum: &'a mut [T],
}

impl<T: Tables> Pass<'_, T> {
    fn run(&self, units: usize) {
        let parts = self.parts.0;
        parallel::for_each(units * parts, self.call.sizes.cost(3), |task| {
            self.task(task / parts, task % parts);
        });
    }

    /// Some keys of a key head and all queries that look at them.
    fn task(&self, key_head: usize, part: usize) {
        let Sizes { heads, key_heads, queries, keys, width, value_width, .. } = self.call.sizes;
        let group = heads / key_heads;
        let (rows, block) = (queries.min(QUERIES), keys.min(KEYS));
        let row = block.next_multiple_of(CHUNK);
        let lengths = [
            rows * width,
            rows * value_width,
            rows * row,
            rows * row,
            block * width,
            block * width,
            block * value_width,
            block * width,
            block * value_width,
            group * queries * width,
        ];
        let mut storage = Storage::<T>::stale(lengths.iter().sum());
        let mut rest = storage.as_mut_slice();
        let [q, g, scores, cotangents, k, k_columns, v_columns, k_sum, v_sum, q_sum] =
            lengths.map(|length| {
                let (piece, behind) = std::mem::take(&mut rest).split_at_mut(length);
                rest = behind;
                piece
            });
        q_sum.fill(T::ZERO);
        let room = &mut Room { q, g, scores, cotangents, k, k_columns, v_columns, k_sum, v_sum, q_sum };
        let first_head = key_head * group; // heads of a group are neighbours, also through the batch
        let saved = self.saved(first_head, group);
        let first_key = part * self.parts.1;
        let last_key = keys.min(first_key + self.parts.1);
        for key in (first_key..last_key).step_by(KEYS) {
            self.keys(key_head, (key, KEYS.min(last_key - key)), &saved, room);
        }
        let shift = self.share(part);
        for (row, sum) in room.q_sum.chunks_exact(width.max(1)).enumerate() {
            // SAFETY: these heads, or this task's share of them, belong to this task alone.
            unsafe { self.q.write(shift + first_head + row / queries, row % queries, sum) };
        }
    }

    /// ln Σ e^score and Σ out·g of each query of some heads.
    fn saved(&self, first: usize, count: usize) -> Vec<[T; 2]> {
        let Sizes { queries, value_width, .. } = self.call.sizes;
        let (out, g) = (&self.call.out, &self.call.g);
        let log_sums = self.call.log_sums[first * queries..(first + count) * queries].iter();
        let mut saved: Vec<[T; 2]> = log_sums.map(|&log_sum| [log_sum, T::ZERO]).collect();
        for (member, saved) in saved.chunks_exact_mut(queries.max(1)).enumerate() {
            dots(self.isa, [out, g], first + member, value_width, saved);
        }
        saved
    }

    /// The gradients of q are written to the heads of this share of them.
    fn share(&self, part: usize) -> usize {
        if self.parts.0 > 1 { part * self.call.sizes.batch * self.call.sizes.heads } else { 0 }
    }

    /// Brings nearer, while row `i` of a query head meets keys from `key` on, what is read and written next: this head's gradients
    /// of queries, this block's of keys, and the same rows of the next task's operands.
    #[inline(always)]
    fn fetch(&self, key_head: usize, head: usize, (key, count): (usize, usize), i: usize) {
        let Backward { sizes, q, k, v, out, g, .. } = self.call;
        let Sizes { batch, heads, key_heads, queries, keys, width, value_width } = *sizes;
        if i < count {
            self.k.fetch(key_head, key + i);
            self.v.fetch(key_head, key + i);
        }
        if key % self.parts.1 != 0 {
            return;
        }
        self.q.fetch(self.share(key / self.parts.1) + head, i);
        if key_head + 1 < batch * key_heads && self.parts.0 == 1 {
            let (head, key_head) = (head + heads / key_heads, key_head + 1);
            let soon = |x, head, end, width| Soon { x, head, first: 0, end, width }.fetch(i);
            soon(q, head, queries, width);
            soon(g, head, queries, value_width);
            soon(out, head, queries, value_width);
            soon(k, key_head, keys, width);
            soon(v, key_head, keys, value_width);
        }
    }

    /// One block of keys.
    fn keys(&self, key_head: usize, block: (usize, usize), saved: &[[T; 2]], room: &mut Room<'_, T>) {
        let Backward { sizes, k, v, scale, bias, .. } = self.call;
        let Sizes { heads, key_heads, queries, width, value_width, .. } = *sizes;
        let (key, count) = block;
        let group = heads / key_heads;
        pack(self.isa, k, key_head, block, (width, *scale), room.k);
        pack_transposed(self.isa, k, key_head, block, width, (room.k_columns, count));
        pack_transposed(self.isa, v, key_head, block, value_width, (room.v_columns, count));
        let mut is_first = true;
        for member in 0..group {
            for row in (0..queries).step_by(QUERIES) {
                let rows = QUERIES.min(queries - row);
                if bias.limit(row + rows - 1, key + count) > key {
                    let saved = &saved[member * queries + row..][..rows];
                    self.tile(
                        (key_head * group + member, member),
                        (row, rows),
                        (block, is_first),
                        saved,
                        room,
                    );
                    is_first = false;
                }
            }
        }
        if is_first {
            room.k_sum.fill(T::ZERO);
            room.v_sum.fill(T::ZERO);
        }
        for i in 0..count {
            // SAFETY: these keys of this head belong to this task alone.
            unsafe {
                self.k.write(key_head, key + i, &room.k_sum[i * width..][..width]);
                self.v.write(key_head, key + i, &room.v_sum[i * value_width..][..value_width]);
            }
        }
    }

    /// One tile; `head` is counted through the batch and within the task.
    fn tile(
        &self,
        head: (usize, usize),
        (row, rows): (usize, usize),
        ((key, all), is_first): ((usize, usize), bool),
        saved: &[[T; 2]],
        room: &mut Room<'_, T>,
    ) {
        let Backward { sizes, q, g, scale, bias, .. } = self.call;
        let Sizes { heads, queries, keys, width, value_width, .. } = *sizes;
        // Keys that no query of the tile sees are left out, unless their gradients are still unwritten.
        let seen = bias.limit(row + rows - 1, key + all) - key;
        let count = if is_first { all } else { seen };
        pack(self.isa, q, head.0, (row, rows), (width, *scale), room.q);
        pack(self.isa, g, head.0, (row, rows), (value_width, T::ONE), room.g);
        let stride = count.next_multiple_of(CHUNK);
        product(
            [rows, count, width],
            dense(room.q, width),
            dense(room.k_columns, all),
            (room.scores, stride),
            false,
        );
        product(
            [rows, count, value_width],
            dense(room.g, value_width),
            dense(room.v_columns, all),
            (room.cotangents, stride),
            false,
        );
        let tile = Tile {
            bias,
            head: head.0,
            heads,
            all: [queries, keys],
            queries: (row, rows),
            keys: (key, count),
        };
        let (scores, cotangents) = (&mut room.scores[..rows * stride], &mut room.cotangents[..rows * stride]);
        let key_head = sizes.key_head(head.0);
        let meanwhile = |i: usize| self.fetch(key_head, head.0, (key, all), row + i);
        bias::pass(self.isa, bias::Backward { tile, scores, cotangents, row: stride, saved, meanwhile });
        let (p, ds) = (dense(room.scores, stride), dense(room.cotangents, stride));
        let sum = !is_first;
        product(
            [count, value_width, rows],
            transposed(p),
            dense(room.g, value_width),
            (room.v_sum, value_width),
            sum,
        );
        product([count, width, rows], transposed(ds), dense(room.q, width), (room.k_sum, width), sum);
        let q_sum = &mut room.q_sum[(head.1 * queries + row) * width..];
        product([rows, width, count], ds, dense(room.k, width), (q_sum, width), true);
    }
}
