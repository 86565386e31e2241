//! First things a tensor must do: layouts, sharing, arithmetic, reductions, products.

use gradus_tensor::{Tensor, with_threads};

#[test]
fn writing_copies_only_what_is_shared() {
    let mut a = Tensor::from([1.0_f32, 2.0, 3.0]);
    let before = a.storage().as_ptr();
    a += 1.0;
    assert_eq!(a.storage().as_ptr(), before);
    let b = a.clone();
    a += 1.0;
    assert_eq!((a.to_vec(), b.to_vec()), (vec![3.0, 4.0, 5.0], vec![2.0, 3.0, 4.0]));
}

#[test]
fn arithmetic_broadcasts_over_any_layout() {
    let x = Tensor::from_fn([3, 4], |i| (i[0] * 4 + i[1]) as f64);
    let y = x.t().flip(0) + &Tensor::from([10.0, 20.0, 30.0]);
    assert_eq!(y.to_vec(), [13.0, 27.0, 41.0, 12.0, 26.0, 40.0, 11.0, 25.0, 39.0, 10.0, 24.0, 38.0]);
    let big = Tensor::from_fn([700, 300], |i| (i[0] * 300 + i[1]) as f64);
    let sum = &big.t() + &Tensor::from_fn([300, 1], |i| i[0] as f64);
    for (r, c) in [(0, 0), (299, 699), (17, 511), (150, 3)] {
        assert_eq!(sum.at(&[r, c]), (c * 300 + 2 * r) as f64);
    }
}

#[test]
fn sums_agree_with_closed_forms_over_every_axis() {
    for dims in [[1, 1, 1], [5, 3, 2], [40, 33, 17], [3, 2000, 9], [2, 3, 70_000], [2000, 3, 40]] {
        let [a, b, c] = dims;
        let x = Tensor::from_fn(dims, |i| (i[0] + 10 * i[1] + 100 * i[2]) as f64);
        let tri = |n: usize| (n * (n - 1) / 2) as f64;
        let (fa, fb, fc) = (a as f64, b as f64, c as f64);
        let total = tri(a) * fb * fc + 10.0 * tri(b) * fa * fc + 100.0 * tri(c) * fa * fb;
        assert_eq!(x.sum().item(), total);
        assert_eq!(x.permute(&[2, 0, 1]).sum().item(), total);
        let over_a = x.sum_axes(&[0], false);
        assert_eq!(over_a.at(&[b - 1, c - 1]), tri(a) + fa * (10.0 * (fb - 1.0) + 100.0 * (fc - 1.0)));
        let over_bc = x.sum_axes(&[1, 2], false);
        assert_eq!(over_bc.at(&[a - 1]), (fa - 1.0) * fb * fc + 10.0 * tri(b) * fc + 100.0 * tri(c) * fb);
        let over_b = x.sum_axes(&[1], true);
        assert_eq!(over_b.at(&[0, 0, c - 1]), 10.0 * tri(b) + 100.0 * (fc - 1.0) * fb);
        assert_eq!(
            x.max_axes(&[0, 2], false).at(&[b - 1]),
            fa - 1.0 + 10.0 * (fb - 1.0) + 100.0 * (fc - 1.0)
        );
    }
}

#[test]
fn a_long_sum_is_accurate_and_the_same_at_any_thread_count() {
    let x = Tensor::full([10_000_000], 0.1_f32);
    let sum = x.sum().item();
    assert!((f64::from(sum) / (1e7 * f64::from(0.1_f32)) - 1.0).abs() < 1e-6, "{sum}");
    let y = Tensor::from_fn([3000, 700], |i| ((i[0] * 7919 + i[1] * 104_729) % 1000) as f32 * 0.37);
    let all = |n| {
        with_threads(n, || {
            (y.sum().item(), y.sum_axes(&[0], false).to_vec(), y.sum_axes(&[1], false).to_vec())
        })
    };
    assert_eq!(all(1), all(2));
    assert_eq!(all(1), all(3));
}

#[test]
fn products_broadcast_and_take_vectors() {
    let a = Tensor::from_fn([2, 1, 3, 4], |i| (i[0] * 12 + i[2] * 4 + i[3]) as f64);
    let b = Tensor::from_fn([5, 4, 2], |i| (i[0] + i[1] * 2 + i[2]) as f64);
    let c = a.matmul(&b);
    assert_eq!(c.dims(), [2, 5, 3, 2]);
    let want: f64 = (0..4).map(|k| a.at(&[1, 0, 2, k]) * b.at(&[3, k, 1])).sum();
    assert_eq!(c.at(&[1, 3, 2, 1]), want);
    let v = Tensor::from([1.0, 2.0, 3.0]);
    assert_eq!(v.matmul(&v).item(), 14.0);
    let m = Tensor::from_fn([3, 2], |i| (i[0] * 2 + i[1]) as f64);
    assert_eq!(v.matmul(&m).to_vec(), [16.0, 22.0]);
    assert_eq!(m.t().matmul(&v).to_vec(), [16.0, 22.0]);
    assert_eq!(b.matmul(&Tensor::from([1.0, 1.0])).dims(), [5, 4]);
}

#[test]
#[should_panic(expected = "matmul: inner dimensions differ: [32, 784] · [128, 10] (784 ≠ 128)")]
fn a_wrong_product_names_both_shapes() {
    let _ = Tensor::<f32>::zeros([32, 784]).matmul(&Tensor::zeros([128, 10]));
}
