//! The forward pass: for each block of keys, packed once, all queries of the task.

use super::bias::{self, MOST_KEYS, Tile};
use super::pack::{pack, pack_transposed};
use super::places::{Places, Rows, Soon};
use super::{Bias, Heads, KEYS, QUERIES, Sizes, dense, product, transposed};
use crate::isa::Isa;
use crate::kernels::matmul::Tables;
use crate::parallel;
use crate::storage::Storage;

/// Up to so many queries keys and values stay where they are: packing would cost more than it saves.
const FEW_QUERIES: usize = 8;
/// Most queries of a task; they share what is packed.
const TASK_QUERIES: usize = 512;
/// Tasks that are enough for any machine.
const TASKS: usize = 32;

/// Operands and results of the forward pass.
#[derive(Debug)]
pub struct Forward<'a, T> {
    /// How many of everything.
    pub sizes: Sizes,
    /// Queries, one matrix `[L, E]` for each query head.
    pub q: Heads<'a, T>,
    /// Keys, one matrix `[S, E]` for each key head.
    pub k: Heads<'a, T>,
    /// Values, one matrix `[S, Ev]` for each key head.
    pub v: Heads<'a, T>,
    /// Products of queries and keys are multiplied by this.
    pub scale: T,
    /// Everything else that scores go through.
    pub bias: Bias<'a, T>,
    /// The results' buffer.
    pub out: &'a mut [T],
    /// Where row (h, i) of the results goes: one for each query, Ev wide.
    pub places: Places,
    /// ln Σ e^score of each query, `[batch · heads, L]`; ∞ where a query sees nothing.
    pub log_sums: &'a mut [T],
}

/// What all tasks share.
struct Pass<'a, T> {
    isa: Isa,
    sizes: Sizes,
    q: Heads<'a, T>,
    k: Heads<'a, T>,
    v: Heads<'a, T>,
    scale: T,
    bias: Bias<'a, T>,
    out: Rows<'a, T>,
    log_sums: Rows<'a, T>,
}

/// See [`super::forward`].
pub(in crate::kernels) fn run<T: Tables>(isa: Isa, call: Forward<'_, T>) {
    let Forward { sizes, q, k, v, scale, bias, out, places, log_sums } = call;
    let heads = sizes.batch * sizes.heads;
    if heads == 0 || sizes.queries == 0 {
        return;
    }
    let wanted = (heads * sizes.queries).div_ceil(TASKS).next_multiple_of(QUERIES).min(TASK_QUERIES);
    let parts = sizes.queries.div_ceil(wanted);
    let lines = Places::apart(sizes.batch, sizes.heads, sizes.queries, 1);
    let (out, log_sums) = (Rows::new(out, places), Rows::new(log_sums, lines));
    let pass = Pass { isa, sizes, q, k, v, scale, bias, out, log_sums };
    parallel::for_each(heads * parts, sizes.cost(1), |task| {
        let (head, part) = (task / parts, task % parts);
        let (first, next) = (part * wanted, task + 1);
        let next = (next < heads * parts).then(|| (next / parts, next % parts * wanted));
        pass.run(head, (first, wanted.min(sizes.queries - first)), next);
    });
}

impl<T: Tables> Pass<'_, T> {
    /// What a task that begins at some query of a head reads.
    fn soon(&self, (head, first): (usize, usize)) -> [Soon<'_, T>; 3] {
        let Sizes { queries, keys, width, value_width, .. } = self.sizes;
        let key_head = self.sizes.key_head(head);
        [
            Soon { x: &self.q, head, first, end: queries, width },
            Soon { x: &self.k, head: key_head, first: 0, end: keys, width },
            Soon { x: &self.v, head: key_head, first: 0, end: keys, width: value_width },
        ]
    }

    /// Some queries of a head; meanwhile what the `next` task wants comes nearer.
    fn run(&self, head: usize, (first, count): (usize, usize), next: Option<(usize, usize)>) {
        let Sizes { keys, width, value_width, .. } = self.sizes;
        let few = count <= FEW_QUERIES;
        let step = if few { MOST_KEYS } else { KEYS };
        let tile_rows = count.min(QUERIES);
        let (packed_k, packed_v) = if few { (0, 0) } else { (width * step, value_width * step) };
        let lengths = [count * width, count * value_width, tile_rows * step, packed_k, packed_v];
        let mut room = Storage::<T>::stale(lengths.iter().sum());
        let (q, room) = room.as_mut_slice().split_at_mut(lengths[0]);
        let (results, room) = room.split_at_mut(lengths[1]);
        let (scores, room) = room.split_at_mut(lengths[2]);
        let (k, v) = room.split_at_mut(lengths[3]);
        pack(self.isa, &self.q, head, (first, count), (width, self.scale), q);
        let mut running = vec![[T::LOWEST, T::ZERO]; count];
        let key_head = self.sizes.key_head(head);
        let limit = self.bias.limit(first + count - 1, keys);
        let soon = next.map(|next| self.soon(next));
        for key in (0..limit).step_by(step) {
            let block = (key, step.min(limit - key));
            if !few {
                pack_transposed(self.isa, &self.k, key_head, block, width, (k, step));
                pack(self.isa, &self.v, key_head, block, (value_width, T::ONE), v);
            }
            for row in (0..count).step_by(QUERIES) {
                let rows = QUERIES.min(count - row);
                let seen =
                    self.bias.limit(first + row + rows - 1, keys).min(key + block.1).saturating_sub(key);
                if seen == 0 {
                    continue;
                }
                let (k, v) = if few {
                    (transposed(self.k.rows(key_head, key)), self.v.rows(key_head, key))
                } else {
                    (dense(k, step), dense(v, value_width))
                };
                product([rows, seen, width], dense(&q[row * width..], width), k, (scores, step), false);
                let results = &mut results[row * value_width..][..rows * value_width];
                let queries = (first + row, rows);
                let tile = self.tile(head, queries, (key, seen));
                let body = bias::Forward {
                    tile,
                    scores: &mut scores[..rows * step],
                    row: step,
                    running: &mut running[row..row + rows],
                    results: (key > 0).then_some((&mut *results, value_width)),
                    meanwhile: |i: usize| {
                        if key == 0 {
                            soon.iter().flatten().for_each(|soon| soon.fetch(row + i));
                        }
                        self.out.fetch(head, first + row + i);
                    },
                };
                bias::pass(self.isa, body);
                product([rows, value_width, seen], dense(scores, step), v, (results, value_width), key > 0);
            }
        }
        self.finish(head, first, results, &running);
    }

    fn tile(&self, head: usize, queries: (usize, usize), keys: (usize, usize)) -> Tile<'_, T> {
        let Sizes { heads, queries: all, keys: all_keys, .. } = self.sizes;
        Tile { bias: &self.bias, head, heads, all: [all, all_keys], queries, keys }
    }

    /// Divides by the sums and writes.
    fn finish(&self, head: usize, first: usize, results: &mut [T], running: &[[T; 2]]) {
        let width = self.sizes.value_width;
        for (i, &[largest, sum]) in running.iter().enumerate() {
            let results = &mut results[i * width..][..width];
            let blank = sum == T::ZERO;
            if blank {
                results.fill(T::ZERO);
            } else {
                let inverse = T::ONE / sum;
                results.iter_mut().for_each(|result| *result = *result * inverse);
            }
            let log_sum = if blank { T::HIGHEST } else { largest + sum.ln() };
            // SAFETY: these queries of this head belong to this task alone.
            unsafe {
                self.out.write(head, first + i, results);
                self.log_sums.write(head, first + i, &[log_sum]);
            }
        }
    }
}
