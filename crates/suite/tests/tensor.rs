//! Methods of `Tensor` that have no differentiable twin, against naive computations, on every memory layout.

use gradus_suite::on_every_layout;
use gradus_tensor::{Element, Tensor};
use gradus_testkit::{
    Dense, Noise, Tolerance, assert_bits_equal, assert_close, compare, distinct, layout_variants,
};

#[test]
fn products_over_axes() {
    on_every_layout(0, |x, dense, p| {
        let want = dense.reduce(&p.axes_at(0, x.rank()), p.flag(1), |values| values.iter().product());
        assert_close(&x.prod_axes(&p.axes(0, x.rank()), p.flag(1)), &want);
    });
}

#[test]
fn places_of_extremes_are_the_first_of_equals() {
    on_every_layout(1, |x, dense, p| {
        let axis = p.at(0, x.rank());
        if x.shape()[axis] == 0 {
            return;
        }
        let first = |better: fn(f64, f64) -> bool| {
            dense.reduce(&[axis], false, move |v| {
                (1..v.len()).fold(0, |best, i| if better(v[i], v[best]) { i } else { best }) as f64
            })
        };
        assert_close(&x.argmax(p.axis(0, x.rank())), &first(|new, best| new > best));
        assert_close(&x.argmin(p.axis(0, x.rank())), &first(|new, best| new < best));
    });
    let x = Tensor::from([1.0, f64::NAN, 3.0, f64::NAN]);
    assert_eq!((x.argmax(0).item(), x.argmin(0).item()), (1, 1));
}

#[test]
fn comparisons_broadcast() {
    on_every_layout(1, |x, dense, _| {
        let threshold = Tensor::from([dense.data().first().copied().unwrap_or(0.0)]);
        let want = |f: fn(f64, f64) -> bool| {
            let threshold = Dense::of(&threshold);
            dense.zip(&threshold, |a, b| f64::from(u8::from(f(a, b))))
        };
        assert_close(&x.equal(&threshold), &want(|a, b| a == b));
        assert_close(&x.not_equal(&threshold), &want(|a, b| a != b));
        assert_close(&x.less(&threshold), &want(|a, b| a < b));
        assert_close(&x.less_equal(&threshold), &want(|a, b| a <= b));
        assert_close(&x.greater(&threshold), &want(|a, b| a > b));
        assert_close(&x.greater_equal(&threshold), &want(|a, b| a >= b));
        let above = x.greater(&threshold);
        let count = dense.data().iter().filter(|&&a| a > threshold.item()).count();
        assert_eq!((above.count_true(), above.any(), above.all()), (count, count > 0, count == x.len()));
    });
}

#[test]
fn closures_and_casts_see_each_element() {
    on_every_layout(0, |x, dense, _| {
        assert_close(&x.map(|x| x * 10.0 - 1.0), &dense.map(|x| x * 10.0 - 1.0));
        assert_close(&x.zip(x, |a, b| a - b * 0.5), &dense.map(|x| x * 0.5));
        assert_close(&x.map(|x| x * 10.0).cast::<i32>(), &dense.map(|x| (x * 10.0).trunc()));
        assert_close(&x.cast::<bool>(), &dense.map(|x| f64::from(u8::from(x != 0.0))));
        assert_bits_equal(&x.contiguous(), &dense.tensor());
    });
}

#[test]
fn one_hot_is_an_identity_matrix_s_rows() {
    let classes = Tensor::from([[2_i64, 0], [1, 1], [3, 2]]);
    let eye = Tensor::<f32>::eye(4);
    for variant in layout_variants(&classes) {
        let rows = variant.dense.reshape([6]);
        assert_bits_equal(&variant.laid.one_hot::<f32>(4).reshape([6, 4]), &eye.index_select(0, &rows));
    }
}

#[test]
fn a_bias_rides_with_the_product() {
    let [a, b, bias] =
        [[5, 7].as_slice(), &[7, 3], &[3]].map(|s| distinct(s, -2.0..2.0, &[], &mut Noise::new(8)));
    let want = a.matmul(&b).zip(&bias, |y, b| y + b);
    for a in layout_variants(&a.tensor::<f64>()).into_iter().filter(|a| !a.name.contains("stretched")) {
        for bias in layout_variants(&bias.tensor()).into_iter().filter(|b| !b.name.contains("stretched")) {
            assert_close(&a.laid.matmul_bias(&b.tensor(), Some(&bias.laid)), &want);
        }
    }
}

#[test]
fn repeating_is_an_index_map() {
    on_every_layout(1, |x, dense, p| {
        let axis = p.at(0, x.rank());
        let mut shape = dense.shape().to_vec();
        shape[axis] *= 3;
        let want = Dense::from_fn(&shape, |i| {
            let mut i = i.to_vec();
            i[axis] /= 3;
            dense.at(&i)
        });
        assert_close(&x.repeat_interleave(3, p.axis(0, x.rank())), &want);
        let counts: Vec<usize> = std::iter::once(2).chain((0..x.rank()).map(|a| p.below(a, 3))).collect();
        let shape: Vec<usize> =
            counts.iter().zip([&[1], dense.shape()].concat()).map(|(c, d)| c * d).collect();
        let want = Dense::from_fn(&shape, |i| {
            let i: Vec<usize> = i[1..].iter().zip(dense.shape()).map(|(i, d)| i % d).collect();
            dense.at(&i)
        });
        assert_close(&x.tile(&counts), &want);
    });
}

#[test]
fn cross_entropy_of_rows_and_its_cotangent() {
    let logits = distinct(&[5, 4], -6.0..6.0, &[], &mut Noise::new(3));
    let (targets, g) = ([3, 0, 2, 1, 1], Tensor::from([1.0, -0.5, 2.0, 0.25, 0.0]));
    let sum = |n: usize| (0..4).map(|c| logits.at(&[n, c]).exp()).sum::<f64>();
    for variant in
        layout_variants(&logits.tensor::<f64>()).into_iter().filter(|v| !v.name.contains("stretched"))
    {
        let (losses, sums) = variant.laid.cross_entropy_rows(&targets);
        assert_close(&sums, &Dense::from_fn(&[5], |n| sum(n[0]).ln()));
        assert_close(&losses, &Dense::from_fn(&[5], |n| sum(n[0]).ln() - logits.at(&[n[0], targets[n[0]]])));
        let want = Dense::from_fn(&[5, 4], |i| {
            let hit = f64::from(u8::from(targets[i[0]] == i[1]));
            g.at(&[i[0]]) * (logits.at(i).exp() / sum(i[0]) - hit)
        });
        assert_close(&variant.laid.cross_entropy_rows_grad(&targets, &g), &want);
    }
}

#[test]
fn adaptive_maximum_and_its_place() {
    let x = distinct(&[2, 5, 7], -3.0..3.0, &[], &mut Noise::new(4));
    let cell = |i: usize, length: usize, cells: usize| i * length / cells..((i + 1) * length).div_ceil(cells);
    for variant in layout_variants(&x.tensor::<f64>()).into_iter().filter(|v| !v.name.contains("stretched")) {
        let (largest, place) = variant.laid.adaptive_max_pool2d([3, 2]);
        let want = Dense::from_fn(&[2, 3, 2], |i| {
            let cells = cell(i[1], 5, 3).flat_map(|y| cell(i[2], 7, 2).map(move |z| (y, z)));
            cells.map(|(y, z)| x.at(&[i[0], y, z])).fold(f64::NEG_INFINITY, f64::max)
        });
        assert_close(&largest, &want);
        let found = Dense::from_fn(&[2, 3, 2], |i| {
            let at = place.at(i) as usize;
            x.at(&[i[0], at / 7, at % 7])
        });
        assert_close(&largest, &found);
    }
}

#[test]
fn integers_wrap_and_compare() {
    fn check<T: Element + std::fmt::Debug>(got: &Tensor<T>, want: &[f64]) {
        compare(got, &Dense::from_fn(&[want.len()], |i| want[i[0]]), Tolerance::of(T::DTYPE)).unwrap();
    }
    check(&(&Tensor::from([250_u8, 3]) + &Tensor::from([10_u8, 4])), &[4.0, 7.0]);
    check(&(&Tensor::from([i32::MAX, 3]) + &Tensor::from([1, 4])), &[f64::from(i32::MIN), 7.0]);
    check(&Tensor::from([7_i64, -7]).maximum(&Tensor::from([0_i64])), &[7.0, 0.0]);
}
