//! The strided-loop engine: applies a function of one, two or three elements to operands of any layout.
//!
//! The result is always dense. It is cut into parts (for threads) and blocks (for the cache); for each block an
//! operand hands out a dense slice, its own memory where it is dense there and a gathered copy where it is not. So
//! each function is compiled for dense slices only, once per instruction set. Knows no `Tensor`.

use std::marker::PhantomData;

use super::transpose::Turned;
use crate::element::{Element, Float};
use crate::isa::{Body, Isa, Kernel, MulAdd, dispatch, dispatch_kernel};
use crate::layout::{Collapsed, Layout};
use crate::pack::Pack;
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

    /// Whether every block can be handed out without a copy.
    fn is_dense(&self) -> bool {
        matches!(self, Operand::Buffer(_, layout) if matches!(layout.axes(), [(_, 1)]))
    }

    /// What must be in `scratch` before the first block: a single value is repeated there once and for all.
    fn prepare(&self) -> [A; BLOCK] {
        match self {
            Operand::Buffer(data, layout) if layout.axes().is_empty() => {
                [data.get(layout.offset()).copied().unwrap_or(A::ZERO); BLOCK]
            }
            _ => [A::ZERO; BLOCK],
        }
    }

    /// The dense block of `len` elements from `start` on; `result` is that block of the result.
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
    if let Some(turned) = Turned::of(&layout) {
        return turned.copy(out, data, cost);
    }
    parallel::chunks_mut(out, PART, cost, |i, part| gather(data, &layout, i * PART, part));
}

/// Whether a function's loops are compiled for each instruction set or for the portable one alone.
pub trait Width {
    /// For each instruction set.
    const WIDE: bool;
}

/// For each instruction set.
#[derive(Debug)]
pub struct Wide;
impl Width for Wide {
    const WIDE: bool = true;
}

/// For the portable one alone. So are the table's functions in double precision: most of them are calls of the standard
/// library, which gain nothing, and they were half of the time that compiling this crate took.
#[derive(Debug)]
pub struct Narrow;
impl Width for Narrow {
    const WIDE: bool = false;
}

/// A function of one number in the form that the table's loops want.
pub(crate) trait Formula1<T>: Sync {
    /// Its value; must be `#[inline(always)]`.
    fn at<const K: usize, M: MulAdd>(&self, x: Pack<T, K, M>) -> Pack<T, K, M>;
}

/// A function of two numbers in the form that the table's loops want.
pub(crate) trait Formula2<T>: Sync {
    /// Its value; must be `#[inline(always)]`.
    fn at<const K: usize, M: MulAdd>(&self, x: Pack<T, K, M>, y: Pack<T, K, M>) -> Pack<T, K, M>;
}

/// Numbers of a pack, and how far apart they lie.
const K: usize = 4;
const APART: usize = 16;

macro_rules! table {
    ($(#[$doc:meta])* $name:ident $body:ident $Formula:ident $blocks:ident $chunk:ident ($($x:ident),+)) => {
        struct $body<'p, T, F> {
            out: &'p mut [T],
            f: &'p F,
            $($x: &'p [T],)+
        }

        /// `K` × `APART` elements. In a function of its own so that the compiler knows the slices apart.
        #[inline(always)]
        fn $chunk<T: Float, M: MulAdd>(
            f: &impl $Formula<T>,
            $($x: &[[T; APART]; K],)+
            out: &mut [[T; APART]; K],
        ) {
            for i in 0..APART {
                $(
                    let mut pack = Pack::<T, K, M>::all(T::ZERO);
                    let mut k = 0;
                    while k < K {
                        pack.0[k] = $x[k][i];
                        k += 1;
                    }
                    let $x = pack;
                )+
                let y = f.at($($x),+);
                let mut k = 0;
                while k < K {
                    out[k][i] = y.0[k];
                    k += 1;
                }
            }
        }

        impl<T: Float, F: $Formula<T>> Kernel for $body<'_, T, F> {
            type Output = ();
            const WIDE: bool = <T::TableWidth as Width>::WIDE;
            #[inline(always)]
            fn run<M: MulAdd>(self) {
                let len = self.out.len();
                let whole = len / (K * APART);
                let (out, rest) = self.out.split_at_mut(whole * K * APART);
                let out = out.as_chunks_mut().0.as_chunks_mut::<K>().0;
                $(let ($x, last) = self.$x[..len].split_at(whole * K * APART);
                  let mut padded = [[T::ZERO; APART]; K];
                  padded.as_flattened_mut()[..last.len()].copy_from_slice(last);
                  let $x = ($x.as_chunks().0.as_chunks::<K>().0, padded);)+
                let mut end = [[T::ZERO; APART]; K];
                // The padded rest goes through the same loop as all: the function is compiled once.
                for i in 0..whole + usize::from(!rest.is_empty()) {
                    $(let $x = $x.0.get(i).unwrap_or(&$x.1);)+
                    $chunk::<T, M>(self.f, $($x,)+ out.get_mut(i).unwrap_or(&mut end));
                }
                let end = end.as_flattened();
                rest.copy_from_slice(&end[..rest.len()]);
            }
        }

        $(#[$doc])*
        pub(crate) fn $name<T: Float>(isa: Isa, out: &mut [T], $($x: Operand<'_, T, T>,)+ f: &impl $Formula<T>) {
            let bytes = (1 + [$(stringify!($x)),+].len()) * size_of::<T>();
            let cost = Cost { bytes: out.len() * bytes, flops: out.len() * FLOPS };
            $blocks(out, $($x,)+ cost, &|$($x,)+ out| dispatch_kernel(isa, $body { out, f, $($x),+ }));
        }
    };
}

/// What a function of the table costs, more or less.
const FLOPS: usize = 8;

table!(
    /// `out[i] ← f(x[i])`.
    table1 Table1 Formula1 blocks1 chunk1 (x)
);
table!(
    /// `out[i] ← f(x[i], y[i])`.
    table2 Table2 Formula2 blocks2 chunk2 (x, y)
);

macro_rules! engine {
    ($(#[$doc:meta])* $name:ident $name_as:ident $blocks:ident $body:ident ($($x:ident : $A:ident),+)) => {
        /// One dense block, the only thing that is compiled per function and instruction set.
        struct $body<'p, O, F, W, $($A),+> {
            out: &'p mut [O],
            f: &'p F,
            width: PhantomData<W>,
            $($x: &'p [$A],)+
        }

        impl<O: Element, W: Width, $($A: Element,)+ F: Fn($($A),+) -> O> Body for $body<'_, O, F, W, $($A),+> {
            type Output = ();
            const WIDE: bool = W::WIDE;
            #[inline(always)]
            fn run(self) {
                let len = self.out.len();
                $(let $x = &self.$x[..len];)+
                for (i, out) in self.out.iter_mut().enumerate() {
                    *out = (self.f)($($x[i]),+);
                }
            }
        }

        /// Walks the blocks of the result; compiled once per combination of element types.
        fn $blocks<O: Element, $($A: Element),+>(
            out: &mut [O],
            $($x: Operand<'_, $A, O>,)+
            cost: Cost,
            kernel: &(dyn Fn($(&[$A],)+ &mut [O]) + Sync),
        ) {
            let dense = true $(&& $x.is_dense())+;
            let step = if dense { PART } else { BLOCK };
            parallel::chunks_mut(out, PART, cost, |part, out| {
                $(let mut $x = (if dense { [$A::ZERO; BLOCK] } else { $x.prepare() }, &$x);)+
                for (i, block) in out.chunks_mut(step).enumerate() {
                    let start = part * PART + i * step;
                    $(let $x = $x.1.block(start, block.len(), block, &mut $x.0);)+
                    kernel($($x,)+ block);
                }
            });
        }

        $(#[$doc])*
        pub fn $name<O: Element, $($A: Element),+>(
            isa: Isa,
            out: &mut [O],
            $($x: Operand<'_, $A, O>,)+
            flops: usize,
            f: impl Fn($($A),+) -> O + Sync + Send,
        ) {
            $name_as::<Wide, O, $($A),+>(isa, out, $($x,)+ flops, f);
        }

        pub(crate) fn $name_as<W: Width, O: Element, $($A: Element),+>(
            isa: Isa,
            out: &mut [O],
            $($x: Operand<'_, $A, O>,)+
            flops: usize,
            f: impl Fn($($A),+) -> O + Sync + Send,
        ) {
            let bytes = size_of::<O>() $(+ size_of::<$A>())+;
            let cost = Cost { bytes: out.len() * bytes, flops: out.len() * flops };
            $blocks(out, $($x,)+ cost, &|$($x,)+ out| {
                dispatch(isa, $body { out, f: &f, width: PhantomData::<W>, $($x),+ });
            });
        }
    };
}

engine!(
    /// `out[i] ← f(a[i])`; `flops` is what one call of `f` costs.
    map1 map1_as blocks1 Dense1 (a: A)
);
engine!(
    /// `out[i] ← f(a[i], b[i])`.
    map2 map2_as blocks2 Dense2 (a: A, b: B)
);
engine!(
    /// `out[i] ← f(a[i], b[i], c[i])`.
    map3 map3_as blocks3 Dense3 (a: A, b: B, c: C)
);
