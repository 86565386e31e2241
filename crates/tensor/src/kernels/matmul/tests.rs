//! The product against a naive one in f64, over sizes, strides, instruction sets and thread counts.

use super::{
    Gemm, GemmBatch, GemmPacked, MatRef, PackedB, batched, gemm, gemm_here, gemm_packed, gemm_packed_here,
};
use crate::{Float, Isa, with_isa, with_threads};

/// Numbers in [−1, 1) from a small linear congruential generator.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f64 / (1_u64 << 23) as f64 - 1.0
    }

    fn vec<T: Float>(&mut self, length: usize) -> Vec<T> {
        (0..length).map(|_| T::of(self.next())).collect()
    }
}

/// How a matrix lies in its buffer.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Storage {
    Rows,
    Columns,
    PaddedRows,
    PaddedColumns,
    ReversedRows,
    ReversedColumns,
    EveryOther,
    OneRow,
    OneColumn,
    OneElement,
}

const STORAGES: [Storage; 10] = [
    Storage::Rows,
    Storage::Columns,
    Storage::PaddedRows,
    Storage::PaddedColumns,
    Storage::ReversedRows,
    Storage::ReversedColumns,
    Storage::EveryOther,
    Storage::OneRow,
    Storage::OneColumn,
    Storage::OneElement,
];

/// A matrix in a buffer of NaN that holds numbers only where the matrix lies.
struct Matrix<T> {
    data: Vec<T>,
    offset: usize,
    strides: [isize; 2],
}

impl<T: Float> Matrix<T> {
    fn new([rows, columns]: [usize; 2], storage: Storage, numbers: &mut Numbers) -> Self {
        let (r, c) = (rows as isize, columns as isize);
        let strides = match storage {
            Storage::Rows => [c, 1],
            Storage::Columns => [1, r],
            Storage::PaddedRows => [c + 3, 1],
            Storage::PaddedColumns => [1, r + 5],
            Storage::ReversedRows => [-c, 1],
            Storage::ReversedColumns => [c, -1],
            Storage::EveryOther => [2 * c + 1, 2],
            Storage::OneRow => [0, 1],
            Storage::OneColumn => [1, 0],
            Storage::OneElement => [0, 0],
        };
        if rows == 0 || columns == 0 {
            return Self { data: Vec::new(), offset: 0, strides };
        }
        let reach = |size: usize, stride: isize| (size as isize - 1) * stride;
        let reaches = [reach(rows, strides[0]), reach(columns, strides[1])];
        let offset = 7 - reaches.iter().filter(|&&x| x < 0).sum::<isize>();
        let end = offset + reaches.iter().filter(|&&x| x > 0).sum::<isize>() + 1;
        let mut data = vec![T::nan(); end as usize + if storage == Storage::Rows { 0 } else { 2 }];
        for i in 0..r {
            for j in 0..c {
                data[(offset + i * strides[0] + j * strides[1]) as usize] = T::of(numbers.next());
            }
        }
        Self { data, offset: offset as usize, strides }
    }

    fn view(&self) -> MatRef<'_, T> {
        let [row_stride, column_stride] = self.strides;
        MatRef { data: &self.data, offset: self.offset, row_stride, column_stride }
    }

    fn at(&self, i: usize, j: usize) -> f64 {
        let at = self.offset as isize + i as isize * self.strides[0] + j as isize * self.strides[1];
        self.data[at as usize].as_f64()
    }
}

/// What one product is tried with.
#[derive(Clone, Copy, Debug)]
struct Case {
    m: usize,
    n: usize,
    k: usize,
    storages: [Storage; 2],
    padding: usize,
    accumulate: bool,
    bias: bool,
}

/// A door to the product.
#[derive(Clone, Copy, Debug)]
enum Door {
    Plain,
    Here,
    Packed,
    PackedHere,
}

/// Calls through a door.
fn call<T: Float>(door: Door, call: Gemm<'_, T>) {
    let Gemm { m, n, k, a, b, c_stride, accumulate, bias, .. } = call;
    let mut packed = |b: &PackedB<T>, run: fn(GemmPacked<'_, T>)| {
        run(GemmPacked { m, a, b, c: call.c, c_stride, accumulate, bias });
    };
    match door {
        Door::Plain => gemm(call),
        Door::Here => gemm_here(call),
        Door::Packed => packed(&PackedB::new(b, [k, n]), gemm_packed),
        Door::PackedHere => packed(&PackedB::new(b, [k, n]), gemm_packed_here),
    }
}

/// Runs the case through every door and compares every element of C's buffer, also those that must stay as they were.
fn check<T: Float>(case: Case) {
    let Case { m, n, k, storages, padding, accumulate, bias } = case;
    let mut numbers = Numbers((m * 7919 + n * 104_729 + k * 31) as u64 + 1);
    let a = Matrix::<T>::new([m, k], storages[0], &mut numbers);
    let b = Matrix::<T>::new([k, n], storages[1], &mut numbers);
    let bias = bias.then(|| numbers.vec::<T>(n));
    let (c_stride, canary) = (n + padding, T::of(12345.0));
    let mut old = vec![canary; m * c_stride + 3];
    for i in 0..m {
        for x in &mut old[i * c_stride..][..n] {
            *x = if accumulate { T::of(numbers.next()) } else { T::nan() };
        }
    }
    let bias = bias.as_deref();
    let results = [Door::Plain, Door::Here, Door::Packed, Door::PackedHere].map(|door| {
        let mut c = old.clone();
        let product = Gemm { m, n, k, a: a.view(), b: b.view(), c: &mut c, c_stride, accumulate, bias };
        call(door, product);
        (door, c)
    });
    for at in 0..old.len() {
        let (i, j) = (at / c_stride.max(1), at % c_stride.max(1));
        if i >= m || j >= n {
            results.iter().for_each(|(door, c)| {
                assert_eq!(c[at], canary, "{case:?} {door:?}: wrote outside C at ({i}, {j})");
            });
            continue;
        }
        let terms = (0..k).map(|p| a.at(i, p) * b.at(p, j));
        let (sum, size) = terms.fold((0.0, 0.0), |(sum, size), x| (sum + x, size + x.abs()));
        let old = if accumulate { old[at].as_f64() } else { 0.0 };
        let bias = bias.map_or(0.0, |bias| bias[j].as_f64());
        let want = sum + old + bias;
        let tolerance = T::EPS * (k as f64 + 4.0) * (size + old.abs() + bias.abs());
        for (door, c) in &results {
            let got = c[at].as_f64();
            assert!(
                (got - want).abs() <= tolerance,
                "{case:?} {door:?} at ({i}, {j}): {got} instead of {want}"
            );
        }
    }
    let [plain, here, packed, packed_here] = results.map(|(_, c)| bits(&c));
    assert!(plain == here && packed == packed_here, "{case:?}: other bits on the calling thread");
}

/// Runs `f` on every instruction set of this machine.
fn on_each(f: impl Fn()) {
    Isa::available().into_iter().for_each(|isa| with_isa(isa, &f));
}

const PLAIN: Case =
    Case { m: 1, n: 1, k: 1, storages: [Storage::Rows; 2], padding: 0, accumulate: false, bias: false };
const SIZES: [usize; 18] = [0, 1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 33, 48, 63, 64, 65, 100, 129];

#[test]
fn every_size() {
    on_each(|| {
        for (x, m) in SIZES.into_iter().enumerate() {
            for (y, n) in SIZES.into_iter().enumerate() {
                for (z, k) in SIZES.into_iter().enumerate() {
                    // Storages and flags rotate: the sum visits each of them at each size of each dimension.
                    let (i, j) = ((x + 3 * y + 5 * z) % 10, (3 * x + y + 7 * z) % 10);
                    let (accumulate, bias) = ((x + y + z) % 3 == 0, (x + y * z) % 2 == 0);
                    let storages = [STORAGES[i], STORAGES[j]];
                    let case = Case { m, n, k, storages, padding: (x + z) % 4, accumulate, bias };
                    if (x + y + z) % 4 == 0 { check::<f64>(case) } else { check::<f32>(case) }
                }
            }
        }
    });
}

#[test]
fn every_layout_on_every_path() {
    // Few rows, few columns, small, packed, packed in several depth blocks.
    let sizes =
        [[1, 70, 90], [6, 65, 300], [70, 1, 90], [90, 3, 64], [17, 40, 20], [70, 90, 80], [61, 77, 1100]];
    on_each(|| {
        for [m, n, k] in sizes {
            for a in STORAGES {
                for b in STORAGES {
                    let case = Case { m, n, k, storages: [a, b], padding: 1, accumulate: false, bias: true };
                    check::<f32>(case);
                    check::<f64>(Case { accumulate: true, bias: false, ..case });
                }
            }
        }
    });
}

#[test]
fn larger_sizes() {
    use Storage::{Columns, Rows};
    on_each(|| {
        for [m, n, k] in
            [[257, 301, 211], [300, 520, 330], [193, 67, 1030], [1, 4099, 300], [5, 700, 1025], [600, 2, 333]]
        {
            for storages in [[Rows, Rows], [Rows, Columns], [Columns, Rows], [Columns, Columns]] {
                for accumulate in [false, true] {
                    let case = Case { m, n, k, storages, padding: 2, accumulate, bias: accumulate };
                    check::<f32>(case);
                }
                check::<f64>(Case { m, n, k, storages, ..PLAIN });
            }
        }
    });
}

#[test]
fn more_blocks_than_are_packed_at_a_time() {
    use Storage::{Columns, Rows};
    on_each(|| {
        check::<f32>(Case { m: 17_000, n: 40, k: 20, storages: [Columns, Columns], ..PLAIN });
        check::<f32>(Case { m: 17_000, n: 20, k: 300, storages: [Columns, Rows], ..PLAIN });
        check::<f32>(Case { m: 200, n: 4_500, k: 17, storages: [Columns, Rows], accumulate: true, ..PLAIN });
    });
}

/// C of a product of row-major or column-major operands.
fn product<T: Float>([m, n, k]: [usize; 3], storages: [Storage; 2], door: Door) -> Vec<T> {
    let mut numbers = Numbers(11);
    let a = Matrix::<T>::new([m, k], storages[0], &mut numbers);
    let b = Matrix::<T>::new([k, n], storages[1], &mut numbers);
    let mut c = vec![T::nan(); m * n];
    let (a, b) = (a.view(), b.view());
    call(door, Gemm { m, n, k, a, b, c: &mut c, c_stride: n, accumulate: false, bias: None });
    c
}

fn bits<T: Float>(x: &[T]) -> Vec<u64> {
    x.iter().map(|x| x.as_f64().to_bits()).collect()
}

#[test]
fn same_bits_at_any_thread_count() {
    use Storage::{Columns, Rows};
    let sizes = [
        [300, 300, 300],
        [520, 1100, 700],
        [64, 512, 784],
        [1, 3000, 900],
        [4, 2000, 700],
        [3000, 2, 600],
        [9, 11, 60_000],
    ];
    on_each(|| {
        for size in sizes {
            for storages in [[Rows, Rows], [Rows, Columns], [Columns, Rows], [Columns, Columns]] {
                for door in [Door::Plain, Door::Packed] {
                    let bits = || bits(&product::<f32>(size, storages, door));
                    let one = with_threads(1, bits);
                    for threads in [2, 3, 5] {
                        let many = with_threads(threads, bits);
                        assert!(one == many, "{size:?} {storages:?} {door:?} at {threads} threads");
                    }
                }
            }
        }
    });
}

#[test]
fn batch_equals_single_products() {
    on_each(|| {
        for [batch, m, n, k] in [
            [1, 5, 6, 7],
            [7, 3, 5, 4],
            [40, 17, 33, 20],
            [12, 64, 70, 130],
            [3, 1, 300, 90],
            [3, 2, 3, 0],
            [2, 9, 11, 20_000],
            [2, 1, 4000, 300],
        ] {
            let a: Vec<f32> = Numbers(5).vec(batch * m * k + 9);
            let b: Vec<f32> = Numbers(6).vec(batch * k * n + 9);
            // The last product's operands come first.
            let offsets: Vec<_> = (0..batch).rev().map(|x| (x * m * k, x * k * n)).collect();
            let a = MatRef { data: &a, offset: 9, row_stride: k as isize, column_stride: 1 };
            let b = MatRef { data: &b, offset: 9, row_stride: 1, column_stride: k as isize };
            let old: Vec<f32> = Numbers(8).vec(batch * m * n);
            for accumulate in [false, true] {
                let bias: Vec<f32> = Numbers(9).vec(n);
                let bias = Some(&bias[..]);
                let (mut all, mut each) = (old.clone(), old.clone());
                batched(GemmBatch { m, n, k, a, b, offsets: &offsets, c: &mut all, accumulate, bias });
                for (c, &(x, y)) in each.chunks_mut(m * n).zip(&offsets) {
                    let (a, b) = (MatRef { offset: 9 + x, ..a }, MatRef { offset: 9 + y, ..b });
                    gemm(Gemm { m, n, k, a, b, c, c_stride: n, accumulate, bias });
                }
                assert_eq!(bits(&all), bits(&each), "{batch} · [{m}, {n}, {k}]");
            }
        }
    });
}

#[test]
fn an_empty_batch_is_nothing() {
    let view = MatRef::<f32> { data: &[], offset: 0, row_stride: 1, column_stride: 1 };
    let (a, b) = (view, view);
    batched(GemmBatch { m: 3, n: 3, k: 3, a, b, offsets: &[], c: &mut [], accumulate: false, bias: None });
}

/// Two products of 2 × 2 matrices with one thing wrong.
fn wrong(a: usize, b: MatRef<'_, f32>, c: usize, c_stride: usize, bias: usize) {
    let data = vec![0.0; a];
    let a = MatRef { data: &data, offset: 0, row_stride: 2, column_stride: 1 };
    let (mut c, bias) = (vec![0.0; c], vec![0.0; bias]);
    gemm(Gemm { m: 2, n: 2, k: 2, a, b, c: &mut c, c_stride, accumulate: false, bias: Some(&bias) });
}

const B: MatRef<'static, f32> = MatRef { data: &[0.0; 4], offset: 0, row_stride: 2, column_stride: 1 };

#[test]
#[should_panic(expected = "gemm: A reaches outside its 3 elements")]
fn refuses_a_short_operand() {
    wrong(3, B, 4, 2, 2);
}

#[test]
#[should_panic(expected = "gemm: B reaches outside its 4 elements")]
fn refuses_a_negative_start() {
    wrong(4, MatRef { offset: 2, row_stride: -2, column_stride: -1, ..B }, 4, 2, 2);
}

#[test]
#[should_panic(expected = "gemm: B reaches outside its 4 elements")]
fn refuses_strides_that_overflow() {
    wrong(4, MatRef { row_stride: isize::MAX, column_stride: isize::MAX, ..B }, 4, 2, 2);
}

#[test]
#[should_panic(expected = "gemm: C is too short")]
fn refuses_a_short_result() {
    wrong(4, B, 4, 3, 2);
}

#[test]
#[should_panic(expected = "gemm: C's rows overlap")]
fn refuses_overlapping_rows() {
    wrong(4, B, 4, 1, 2);
}

#[test]
#[should_panic(expected = "gemm: the bias has 3 elements for 2 columns")]
fn refuses_a_wrong_bias() {
    wrong(4, B, 4, 2, 3);
}
