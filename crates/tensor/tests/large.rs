//! Results that are written past the caches are those that small pieces of the work get, bit by bit.

use gradus_tensor::{Isa, Rng, Shape, Tensor, with_isa, with_threads};

/// Rows so that [rows, n] is more than 16 MiB of `f32`.
fn large(n: usize) -> Tensor {
    Tensor::normal([(16 << 20) / 4 / n + 3, n], 0.0, 2.0, &mut Rng::seed(n as u64))
}

#[track_caller]
fn check(name: &str, f: &dyn Fn(&Tensor) -> Tensor, x: &Tensor, by: isize) {
    for isa in Isa::available() {
        with_isa(isa, || {
            let whole = with_threads(2, || f(x));
            for start in (0..x.dim(by)).step_by(977) {
                let count = 16.min(x.dim(by) - start);
                let piece = f(&x.narrow(by, start, count).contiguous());
                let at = if name == "turned" { 1 - by } else { by };
                assert!(whole.narrow(at, start, count).to_vec() == piece.to_vec(), "{name} {isa} {start}");
            }
        });
    }
}

#[test]
fn rows_and_functions_are_those_of_small_pieces() {
    for n in [1024, 1000, 1021, 5000] {
        let x = large(n);
        let (w, b) = (Tensor::normal([n], 1.0, 0.1, &mut Rng::seed(1)), Tensor::full([n], 0.5));
        let norm = |x: &Tensor| x.norm_rows(n, 1e-5, true, Some(&w), Some(&b)).0;
        check("norm", &norm, &x, 0);
        check("softmax", &|x| x.softmax(-1), &x, 0);
        check("gelu", &|x| x.gelu(), &x, 0);
        check("x + row", &|x| x + &b, &x, 0);
    }
}

#[test]
fn turned_copies_are_those_of_small_pieces() {
    for (rows, columns) in [(4096, 1040), (1040, 4096), (2050, 2080), (2080, 2050), (2111, 2113)] {
        let x = Tensor::normal([rows, columns], 0.0, 1.0, &mut Rng::seed(3));
        check("turned", &|x| x.t().contiguous(), &x, 0);
        check("turned", &|x| x.t().contiguous(), &x, 1);
        let y = x.t().contiguous();
        assert!(y.shape() == &Shape::new(&[columns, rows]) && y.t().contiguous().to_vec() == x.to_vec());
    }
}

#[test]
fn an_update_of_a_large_tensor_in_place_reads_what_was_there() {
    let x = large(1024);
    let mut y = &x + &x;
    y += &x;
    assert!(y.to_vec() == (&x * 3.0).to_vec());
}
