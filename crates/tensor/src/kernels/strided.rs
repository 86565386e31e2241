//! The strided-loop engine: applies a function of one, two or three elements to operands of any layout.
//!
//! The result is always dense. It is cut into parts (for threads) and blocks (for the cache); for each block an
//! operand hands out a dense slice, its own memory where it is dense there and a gathered copy where it is not. So
//! each function is compiled for dense slices only, once per instruction set. Knows no `Tensor`.

use crate::element::Element;
use crate::isa::{Body, Isa, dispatch};
use crate::layout::{Collapsed, Layout};
use crate::parallel::{self, Cost};

/// Elements a thread takes at a time.
pub const PART: usize = 64 * 1024;
/// Elements gathered at a time: three operands of `f64` stay in half of the first-level cache.
pub const BLOCK: usize = 512;

/// An operand: a buffer and the layout in which the result's elements read it.
#[derive(Clone, Copy)]
pub enum Operand<'a, A, O> {
    /// Elements in a buffer.
    Buffer(&'a [A], Collapsed),
    /// The result buffer itself, before it is overwritten; the function copies it block by block.
    Result(fn(&[O], &mut [A])),
}

impl<'a, A: Element, O> Operand<'a, A, O> {
    /// The elements that `layout` finds in `data`.
    #[must_use]
    pub fn new(data: &'a [A], layout: &Layout) -> Self {
        Operand::Buffer(data, layout.collapse())
    }

    /// What must be in `scratch` before the first block: a single value is repeated there once and for all.
    #[inline(always)]
    fn prepare(&self) -> [A; BLOCK] {
        match self {
            Operand::Buffer(data, layout) if layout.axes().is_empty() => {
                [data.get(layout.offset()).copied().unwrap_or(A::ZERO); BLOCK]
            }
            _ => [A::ZERO; BLOCK],
        }
    }

    /// The dense block of `len` elements from `start` on; `result` is that block of the result.
    #[inline(always)]
    fn block<'b>(&'b self, start: usize, len: usize, result: &[O], scratch: &'b mut [A; BLOCK]) -> &'b [A] {
        match self {
            Operand::Result(copy) => {
                copy(result, &mut scratch[..len]);
                &scratch[..len]
            }
            Operand::Buffer(data, layout) => match layout.axes() {
                [] => &scratch[..len], // filled by `prepare`
                [(_, 1)] => &data[layout.offset() + start..][..len],
                [.., (inner, 1)] if start % inner + len <= *inner => {
                    let mut at = 0;
                    layout.runs(start, len, |position, _, _| at = position);
                    &data[at..][..len]
                }
                _ => {
                    gather(data, layout, start, &mut scratch[..len]);
                    &scratch[..len]
                }
            },
        }
    }
}

/// Copies elements `start ..` of `layout` into `out`.
pub fn gather<A: Element>(data: &[A], layout: &Collapsed, start: usize, out: &mut [A]) {
    let mut done = 0;
    layout.runs(start, out.len(), |position, stride, length| {
        let part = &mut out[done..done + length];
        match stride {
            1 => part.copy_from_slice(&data[position..position + length]),
            0 => part.fill(data[position]),
            _ => {
                let mut at = position as isize;
                for value in part {
                    *value = data[at as usize];
                    at += stride;
                }
            }
        }
        done += length;
    });
}

/// `out ← layout` of `data`: a dense copy.
pub fn copy<A: Element>(out: &mut [A], data: &[A], layout: &Layout) {
    let layout = layout.collapse();
    let cost = Cost::bytes(2 * size_of_val(out));
    parallel::chunks_mut(out, PART, cost, |i, part| gather(data, &layout, i * PART, part));
}

macro_rules! engine {
    ($(#[$doc:meta])* $name:ident $body:ident ($($x:ident : $A:ident),+)) => {
        struct $body<'p, 'a, O, F, $($A),+> {
            first: usize,
            out: &'p mut [O],
            f: &'p F,
            $($x: &'p Operand<'a, $A, O>,)+
        }

        impl<O: Element, $($A: Element,)+ F: Fn($($A),+) -> O> Body for $body<'_, '_, O, F, $($A),+> {
            type Output = ();
            #[inline(always)]
            fn run(self) {
                $(let mut $x = (self.$x.prepare(), self.$x);)+
                for (i, block) in self.out.chunks_mut(BLOCK).enumerate() {
                    let start = self.first + i * BLOCK;
                    let len = block.len();
                    $(let $x = $x.1.block(start, len, block, &mut $x.0);)+
                    for i in 0..len {
                        block[i] = (self.f)($($x[i]),+);
                    }
                }
            }
        }

        $(#[$doc])*
        pub fn $name<O: Element, $($A: Element),+>(
            isa: Isa,
            out: &mut [O],
            $($x: Operand<'_, $A, O>,)+
            flops: usize,
            f: impl Fn($($A),+) -> O + Sync + Send,
        ) {
            let bytes = size_of::<O>() $(+ size_of::<$A>())+;
            let cost = Cost { bytes: out.len() * bytes, flops: out.len() * flops };
            parallel::chunks_mut(out, PART, cost, |part, out| {
                dispatch(isa, $body { first: part * PART, out, f: &f, $($x: &$x),+ });
            });
        }
    };
}

engine!(
    /// `out[i] ← f(a[i])`; `flops` is what one call of `f` costs.
    map1 Map1 (a: A)
);
engine!(
    /// `out[i] ← f(a[i], b[i])`.
    map2 Map2 (a: A, b: B)
);
engine!(
    /// `out[i] ← f(a[i], b[i], c[i])`.
    map3 Map3 (a: A, b: B, c: C)
);
