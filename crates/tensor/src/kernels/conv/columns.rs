//! Convolution as matrix products over gathered windows (im2col), and its two adjoints.
//!
//! The way for double precision and for whatever the direct tiles do not suit (channels on their own go another, see
//! `depthwise`). Work is cut by image and group (the
//! weights' gradient by a fixed number of runs of images), never by threads. Knows no `Tensor`.

use super::{Conv, Finish, Geometry, depthwise};
use crate::element::Float;
use crate::isa::{Body, Isa, dispatch, with_isa};
use crate::kernels::matmul::{Gemm, MatRef};
use crate::parallel::{self, Cost};
use crate::storage::Storage;

/// Elements of the column buffer: half of a second-level cache of `f32`.
const COLUMNS: usize = 128 * 1024;
/// The fewest positions gathered at a time, so that packing the weights pays.
const STRIP: usize = 256;
/// Into how many runs of images the gradient of the weights is cut, unless their copies grew too large.
const PARTS: usize = 8;
/// Elements that all copies of the weights' gradient may have.
const COPIES: usize = 8 * 1024 * 1024;

impl Geometry {
    /// Positions per strip, all strips being nearly equal.
    fn strip(&self) -> usize {
        let positions = self.window.positions();
        let most = (COLUMNS / self.depth().max(1)).max(STRIP);
        positions.div_ceil(positions.div_ceil(most)).next_multiple_of(16).min(positions)
    }
}

/// Runs one convolution.
pub(super) fn convolve<T: Float>(isa: Isa, geometry: &Geometry, call: Conv<'_, T>) {
    let (x_block, y_block) = geometry.blocks();
    let cost = geometry.cost::<T>();
    match call {
        Conv::Forward { .. } | Conv::InputGrad { .. } | Conv::WeightGrad { .. }
            if depthwise::suits(geometry) =>
        {
            depthwise::convolve(isa, geometry, call)
        }
        Conv::Forward { x, weight, bias, finish, out, .. } => {
            finish.check(out.len());
            parallel::chunks_mut(out, y_block, cost, |image, out| {
                let group = image % geometry.groups;
                let job = Job { isa, geometry, group, x: &x[image * x_block..][..x_block] };
                with_isa(isa, || job.forward(weight, out));
                let bias = bias.map(|bias| &bias[group * geometry.outputs..][..geometry.outputs]);
                let residual = finish.residual.map(|residual| &residual[image * y_block..][..y_block]);
                let finish = Finish { residual, ..finish };
                dispatch(isa, Ending { bias, finish, plane: geometry.window.positions(), out });
            })
        }
        Conv::InputGrad { g, weight, out } => parallel::chunks_mut(out, x_block, cost, |job, out| {
            let g = &g[job * y_block..][..y_block];
            let job = Job { isa, geometry, group: job % geometry.groups, x: &[] };
            with_isa(isa, || job.input_grad(g, weight, out));
        }),
        Conv::WeightGrad { x, g, out } => weight_grad(isa, geometry, x, g, out),
        Conv::Gather { x, out } => {
            let (count, cost) = (geometry.window.positions(), Cost::bytes(2 * size_of_val(out)));
            parallel::chunks_mut(out, geometry.depth() * count, cost, |image, columns| {
                let x = &x[image * x_block..][..x_block];
                dispatch(isa, Gather { geometry, x, first: 0, count, columns });
            });
        }
        Conv::Scatter { g, out } => {
            let (count, cost) = (geometry.window.positions(), Cost::bytes(2 * size_of_val(g)));
            let block = geometry.depth() * count;
            parallel::chunks_mut(out, x_block, cost, |image, out| {
                out.fill(T::ZERO);
                let columns = &g[image * block..][..block];
                dispatch(isa, Scatter { geometry, out, first: 0, count, columns });
            });
        }
    }
}

/// Each part sums over its images into its own copy; the copies are added in a tree.
fn weight_grad<T: Float>(isa: Isa, geometry: &Geometry, x: &[T], g: &[T], out: &mut [T]) {
    let (x_block, y_block) = geometry.blocks();
    let Geometry { batch, groups, .. } = *geometry;
    let copies = (COPIES / out.len().max(1)).clamp(1, PARTS);
    let images = batch.div_ceil(copies).max(1);
    let sums = parallel::map(batch.div_ceil(images), geometry.cost::<T>(), |part| {
        let mut sum = Storage::<T>::stale(out.len());
        let first = part * images;
        for image in first..(first + images).min(batch) {
            let blocks = sum.as_mut_slice().chunks_mut((out.len() / groups).max(1));
            for (group, sum) in blocks.enumerate() {
                let at = image * groups + group;
                let job = Job { isa, geometry, group, x: &x[at * x_block..][..x_block] };
                let g = &g[at * y_block..][..y_block];
                with_isa(isa, || job.weight_grad(g, sum, image > first));
            }
        }
        sum
    });
    let sum = parallel::tree(sums, |mut a, b| {
        a.as_mut_slice().iter_mut().zip(b.as_slice()).for_each(|(a, &b)| *a = *a + b);
        a
    });
    match sum {
        Some(sum) => out.copy_from_slice(sum.as_slice()),
        None => out.fill(T::ZERO),
    }
}

/// One group of one image.
struct Job<'a, T> {
    isa: Isa,
    geometry: &'a Geometry,
    group: usize,
    x: &'a [T],
}

/// A row-major matrix, or its transpose.
fn matrix<T>(data: &[T], offset: usize, stride: usize) -> MatRef<'_, T> {
    MatRef { data, offset, row_stride: stride as isize, column_stride: 1 }
}

fn transposed<T>(data: &[T], offset: usize, stride: usize) -> MatRef<'_, T> {
    MatRef { data, offset, row_stride: 1, column_stride: stride as isize }
}

impl<T: Float> Job<'_, T> {
    /// The group's weights as `[outputs, depth]`.
    fn weights<'w>(&self, weight: &'w [T]) -> &'w [T] {
        let length = self.geometry.outputs * self.geometry.depth();
        &weight[self.group * length..][..length]
    }

    /// Calls `f(first position, count)` for each strip.
    fn strips(&self, mut f: impl FnMut(usize, usize)) {
        let (positions, strip) = (self.geometry.window.positions(), self.geometry.strip());
        (0..positions).step_by(strip).for_each(|first| f(first, strip.min(positions - first)));
    }

    /// A buffer for the columns of one strip.
    fn buffer(&self) -> Storage<T> {
        Storage::stale(self.geometry.depth() * self.geometry.strip())
    }

    fn gather(&self, first: usize, count: usize, columns: &mut [T]) {
        dispatch(self.isa, Gather { geometry: self.geometry, x: self.x, first, count, columns });
    }

    /// out ← W·columns.
    fn forward(&self, weight: &[T], out: &mut [T]) {
        let (k, positions) = (self.geometry.depth(), self.geometry.window.positions());
        let a = matrix(self.weights(weight), 0, k);
        let mut product = |first: usize, n: usize, b: MatRef<'_, T>| {
            let (m, c) = (self.geometry.outputs, &mut out[first..]);
            T::gemm(Gemm { m, n, k, a, b, c, c_stride: positions, accumulate: false, bias: None });
        };
        if self.geometry.window.is_pointwise() {
            return product(0, positions, matrix(self.x, 0, positions));
        }
        let mut buffer = self.buffer();
        self.strips(|first, count| {
            let columns = &mut buffer.as_mut_slice()[..k * count];
            self.gather(first, count, columns);
            product(first, count, matrix(columns, 0, count));
        });
    }

    /// columns ← Wᵀ·g, added back to where they were gathered.
    fn input_grad(&self, g: &[T], weight: &[T], out: &mut [T]) {
        let (m, positions) = (self.geometry.depth(), self.geometry.window.positions());
        let (a, k) = (transposed(self.weights(weight), 0, m), self.geometry.outputs);
        let product = |first: usize, n: usize, c: &mut [T]| {
            let b = matrix(g, first, positions);
            T::gemm(Gemm { m, n, k, a, b, c, c_stride: n, accumulate: false, bias: None });
        };
        if self.geometry.window.is_pointwise() {
            return product(0, positions, out);
        }
        out.fill(T::ZERO);
        let mut buffer = self.buffer();
        self.strips(|first, count| {
            let columns = &mut buffer.as_mut_slice()[..m * count];
            product(first, count, columns);
            dispatch(self.isa, Scatter { geometry: self.geometry, out, first, count, columns });
        });
    }

    /// sum ← g·columnsᵀ (+ sum).
    fn weight_grad(&self, g: &[T], sum: &mut [T], accumulate: bool) {
        let (n, positions) = (self.geometry.depth(), self.geometry.window.positions());
        let mut product = |first: usize, k: usize, b: MatRef<'_, T>| {
            let (m, a) = (self.geometry.outputs, matrix(g, first, positions));
            let accumulate = accumulate || first > 0;
            T::gemm(Gemm { m, n, k, a, b, c: sum, c_stride: n, accumulate, bias: None });
        };
        if self.geometry.window.is_pointwise() {
            return product(0, positions, transposed(self.x, 0, positions));
        }
        let mut buffer = self.buffer();
        self.strips(|first, count| {
            let columns = &mut buffer.as_mut_slice()[..n * count];
            self.gather(first, count, columns);
            product(first, count, transposed(columns, 0, count));
        });
    }
}

/// columns `[depth, count]` ← what the kernel's elements see at positions `first ..`, 0 in the padding.
struct Gather<'a, T> {
    geometry: &'a Geometry,
    x: &'a [T],
    first: usize,
    count: usize,
    columns: &'a mut [T],
}

impl<T: Float> Body for Gather<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let window = &self.geometry.window;
        let step = window.stride[1];
        let rows = self.columns.chunks_exact_mut(self.count).zip(window.taps(self.geometry.inputs));
        for (row, (channel, tap)) in rows {
            let plane = &self.x[channel * window.plane()..][..window.plane()];
            window.runs(tap, self.first, self.count, |range, place| {
                let row = &mut row[range];
                match place {
                    None => row.fill(T::ZERO),
                    Some(at) if step == 1 => row.copy_from_slice(&plane[at..at + row.len()]),
                    Some(at) => {
                        row.iter_mut().zip(plane[at..].iter().step_by(step)).for_each(|(r, &x)| *r = x)
                    }
                }
            });
        }
    }
}

/// The adjoint of [`Gather`]: columns are added to where they came from.
struct Scatter<'a, T> {
    geometry: &'a Geometry,
    out: &'a mut [T],
    first: usize,
    count: usize,
    columns: &'a [T],
}

impl<T: Float> Body for Scatter<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let window = &self.geometry.window;
        let step = window.stride[1];
        let rows = self.columns.chunks_exact(self.count).zip(window.taps(self.geometry.inputs));
        for (row, (channel, tap)) in rows {
            let plane = &mut self.out[channel * window.plane()..][..window.plane()];
            window.runs(tap, self.first, self.count, |range, place| {
                let (row, Some(at)) = (&row[range], place) else { return };
                if step == 1 {
                    plane[at..at + row.len()].iter_mut().zip(row).for_each(|(p, &r)| *p = *p + r);
                } else {
                    plane[at..].iter_mut().step_by(step).zip(row).for_each(|(p, &r)| *p = *p + r);
                }
            });
        }
    }
}

/// Adds a bias to each plane, then does what `finish` says.
pub(super) struct Ending<'a, T> {
    pub(super) bias: Option<&'a [T]>,
    pub(super) finish: Finish<'a, T>,
    pub(super) plane: usize,
    pub(super) out: &'a mut [T],
}

impl<T: Float> Body for Ending<'_, T> {
    type Output = ();
    #[inline(always)]
    fn run(self) {
        let Self { bias, finish, plane, out } = self;
        if let Some(bias) = bias {
            for (plane, &bias) in out.chunks_exact_mut(plane.max(1)).zip(bias) {
                plane.iter_mut().for_each(|y| *y = *y + bias);
            }
        }
        if let Some(residual) = finish.residual {
            out.iter_mut().zip(residual).for_each(|(y, &r)| *y = *y + r);
        }
        if finish.relu {
            out.iter_mut().for_each(|y| *y = if *y < T::ZERO { T::ZERO } else { *y });
        }
    }
}
