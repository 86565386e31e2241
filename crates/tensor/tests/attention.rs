//! Attention against a naive twin in double precision: shapes, strides, masks, ALiBi, causality, groups, dropout, instruction
//! sets, threads; and its gradients against the twin's.

use gradus_tensor::{AttentionOptions, Float, Isa, PackedHeads, Rng, Tensor, with_isa, with_threads};

/// The result and the gradients of q, k and v, by their definition.
struct Twin {
    out: Tensor<f64>,
    gradients: [Tensor<f64>; 3],
}

/// q `[B, H, L, E]`, k `[B, K, S, E]`, v `[B, K, S, Ev]`, the result's cotangent g `[B, H, L, Ev]`.
fn twin([q, k, v, g]: [&Tensor<f64>; 4], options: &AttentionOptions<f64>) -> Twin {
    let ([b, h, l, e], [_, kh, s, ev]) = (q.dims::<4>(), v.dims::<4>());
    let scores_shape = [b, h, l, s].into();
    let (add, keep) = options.terms(&scores_shape);
    let add = add.expand(scores_shape);
    let factors = options.dropout_factors(&scores_shape).unwrap_or(Tensor::ones(scores_shape));
    let mut out = vec![0.0; b * h * l * ev];
    let mut dq = vec![0.0; b * h * l * e];
    let (mut dk, mut dv) = (vec![0.0; b * kh * s * e], vec![0.0; b * kh * s * ev]);
    for (x, y, i) in (0..b * h * l).map(|at| (at / (h * l), at / l % h, at % l)) {
        let z = y / (h / kh);
        let seen: Vec<usize> = (0..s).filter(|&j| keep.at(&[x, y, i, j])).collect();
        let score = |j: usize| {
            let dot: f64 = (0..e).map(|c| q.at(&[x, y, i, c]) * k.at(&[x, z, j, c])).sum();
            dot * options.scale_of(e) + add.at(&[x, y, i, j])
        };
        let scores: Vec<f64> = seen.iter().map(|&j| score(j)).collect();
        let most = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = scores.iter().map(|s| (s - most).exp()).sum();
        let p: Vec<f64> = scores.iter().map(|s| (s - most).exp() / sum).collect();
        let row = (x * h + y) * l + i;
        let dp: Vec<f64> = seen
            .iter()
            .map(|&j| {
                let dot: f64 = (0..ev).map(|c| g.at(&[x, y, i, c]) * v.at(&[x, z, j, c])).sum();
                dot * factors.at(&[x, y, i, j])
            })
            .collect();
        let total: f64 = p.iter().zip(&dp).map(|(p, dp)| p * dp).sum();
        for ((&j, &p), &dp) in seen.iter().zip(&p).zip(&dp) {
            let (kept, ds) = (p * factors.at(&[x, y, i, j]), p * (dp - total) * options.scale_of(e));
            for c in 0..ev {
                out[row * ev + c] += kept * v.at(&[x, z, j, c]);
                dv[((x * kh + z) * s + j) * ev + c] += kept * g.at(&[x, y, i, c]);
            }
            for c in 0..e {
                dq[row * e + c] += ds * k.at(&[x, z, j, c]);
                dk[((x * kh + z) * s + j) * e + c] += ds * q.at(&[x, y, i, c]);
            }
        }
    }
    let gradients =
        [Tensor::new([b, h, l, e], &dq), Tensor::new([b, kh, s, e], &dk), Tensor::new([b, kh, s, ev], &dv)];
    Twin { out: Tensor::new([b, h, l, ev], &out), gradients }
}

fn close<T: Float>(got: &Tensor<T>, want: &Tensor<f64>, tolerance: f64, what: &str) {
    assert_eq!(got.shape(), want.shape(), "{what}");
    for (i, (a, b)) in got.to_vec().iter().zip(want.to_vec()).enumerate() {
        assert!((a.as_f64() - b).abs() <= tolerance * (1.0 + b.abs()), "{what} at {i}: {a} and {b}");
    }
}

/// One drawn case.
#[derive(Debug)]
struct Case {
    sizes: [usize; 7],
    causal: bool,
    offset: usize,
    alibi: bool,
    mask: usize,
    dropout: bool,
    layout: usize,
    seed: u64,
}

impl Case {
    fn draw(rng: &mut Rng) -> Self {
        let mut up_to = |n: usize| 1 + rng.below(n);
        let (b, kh, group) = (up_to(2), up_to(3), up_to(2));
        let long = up_to(4) == 1;
        let (l, s) = if long { (up_to(150), up_to(300)) } else { (up_to(12), up_to(40)) };
        let sizes = [b, kh * group, kh, l, s, up_to(20), up_to(20)];
        Self {
            sizes,
            causal: up_to(2) == 1,
            offset: if up_to(2) == 1 { s.saturating_sub(l) } else { up_to(4) - 1 },
            alibi: up_to(3) == 1,
            mask: up_to(6),
            dropout: up_to(3) == 1,
            layout: up_to(4),
            seed: rng.next_u64(),
        }
    }

    fn options<T: Float>(&self) -> AttentionOptions<T> {
        let [b, h, _, l, s, ..] = self.sizes;
        let rng = &mut Rng::seed(self.seed);
        let mut options = AttentionOptions::new().offset(self.offset);
        if self.causal {
            options = options.causal();
        }
        if self.alibi {
            options = options.alibi(Tensor::<f64>::uniform([h], 0.0, 0.5, rng).cast::<f32>().cast());
        }
        if self.dropout {
            options = options.dropout(0.3, rng).scale(0.125);
        }
        let infinite = |rng: &mut Rng, dims: &[usize]| {
            let bias = Tensor::<f64>::normal(dims, 0.0, 1.0, rng).cast::<f32>().cast::<T>();
            Tensor::bernoulli(dims, 0.7, rng).choose(&bias, &Tensor::full(dims, T::LOWEST))
        };
        match self.mask {
            1 => options.mask(Tensor::bernoulli([l, s], 0.6, rng)),
            2 => options.mask(Tensor::bernoulli([b, 1, 1, s], 0.6, rng)),
            3 => options.bias(infinite(rng, &[b, h, l, s])),
            4 => options.bias(infinite(rng, &[s, l]).transpose(0, 1)),
            5 => options.mask(Tensor::bernoulli([h, l, 1], 0.6, rng)),
            _ => options,
        }
    }

    /// `[b, heads, rows, width]` in one of several layouts.
    fn tensor<T: Float>(&self, [b, heads, rows, width]: [usize; 4], rng: &mut Rng) -> Tensor<T> {
        let mut draw =
            |dims: [usize; 4]| Tensor::<f64>::normal(dims, 0.0, 1.0, rng).cast::<f32>().cast::<T>();
        match self.layout {
            1 => draw([b, rows, heads, width]).transpose(1, 2),
            2 => draw([b, heads, width, rows]).t().flip(2),
            3 => draw([b, heads + 1, rows, 2 * width]).slice(3, 0, 2 * width, 2).narrow(1, 1, heads),
            _ => draw([b, heads, rows, width]),
        }
    }

    fn check<T: Float>(&self, tolerance: f64) {
        let [b, h, kh, l, s, e, ev] = self.sizes;
        let rng = &mut Rng::seed(self.seed ^ 1);
        let [q, k, v, g] = [[b, h, l, e], [b, kh, s, e], [b, kh, s, ev], [b, h, l, ev]]
            .map(|dims| self.tensor::<T>(dims, rng));
        let exact = [&q, &k, &v, &g].map(Tensor::cast::<f64>);
        let want = twin(exact.each_ref(), &self.options());
        let options = self.options::<T>();
        let (out, log_sums) = q.attention_with_log_sums(&k, &v, &options);
        close(&out, &want.out, tolerance, &format!("result of {self:?}"));
        let gradients = Tensor::attention_grad([&q, &k, &v], [&out, &log_sums], &g, &options);
        for (i, (got, want)) in gradients.iter().zip(&want.gradients).enumerate() {
            close(got, want, 8.0 * tolerance, &format!("gradient {i} of {self:?}"));
        }
    }
}

#[test]
fn random_cases_agree_with_the_naive_twin_on_every_instruction_set() {
    let rng = &mut Rng::seed(20);
    for _ in 0..60 {
        let case = Case::draw(rng);
        for isa in Isa::available() {
            with_isa(isa, || {
                case.check::<f32>(4e-6);
                case.check::<f64>(1e-13);
            });
        }
    }
}

fn bits(x: &Tensor<f32>) -> Vec<u32> {
    x.to_vec().into_iter().map(f32::to_bits).collect()
}

#[test]
fn threads_change_no_bit() {
    // Many heads, and one head whose keys are cut into parts.
    for (dims, causal) in [([3, 8, 150, 16], true), ([1, 1, 1100, 24], true), ([1, 2, 700, 8], false)] {
        let rng = &mut Rng::seed(3);
        let [q, k, v, g] = [0; 4].map(|_| Tensor::<f32>::normal(dims, 0.0, 1.0, rng));
        let mut options = AttentionOptions::new().dropout(0.1, rng).alibi(Tensor::full([dims[1]], 0.1));
        if causal {
            options = options.causal();
        }
        let run = || {
            let (out, sums) = q.attention_with_log_sums(&k, &v, &options);
            let [dq, dk, dv] = Tensor::attention_grad([&q, &k, &v], [&out, &sums], &g, &options);
            [out, sums, dq, dk, dv].map(|x| bits(&x))
        };
        let want = with_threads(1, run);
        for threads in [2, 3, 5] {
            assert!(with_threads(threads, run) == want, "{dims:?} on {threads} threads");
        }
    }
}

#[test]
fn few_heads_and_many_keys_agree_with_the_twin() {
    let rng = &mut Rng::seed(8);
    for causal in [false, true] {
        let [q, k, v, g] = [0; 4].map(|_| Tensor::<f64>::normal([1, 1, 600, 5], 0.0, 1.0, rng));
        let options = if causal { AttentionOptions::new().causal() } else { AttentionOptions::new() };
        let want = twin([&q, &k, &v, &g], &options);
        let (out, sums) = q.attention_with_log_sums(&k, &v, &options);
        close(&out, &want.out, 1e-12, "result");
        for (got, want) in
            Tensor::attention_grad([&q, &k, &v], [&out, &sums], &g, &options).iter().zip(&want.gradients)
        {
            close(got, want, 1e-11, "gradient");
        }
    }
}

#[test]
fn a_fused_projection_is_three_views_of_it() {
    let rng = &mut Rng::seed(5);
    for (h, kh) in [(4, 4), (4, 2), (3, 1)] {
        let (b, t, d) = (2, 70, 9);
        let qkv = Tensor::<f64>::normal([b, t, (h + 2 * kh) * d], 0.0, 1.0, rng);
        let g = Tensor::<f64>::normal([b, t, h * d], 0.0, 1.0, rng);
        let options = AttentionOptions::new().causal();
        let heads = PackedHeads { heads: h, key_heads: kh };
        let (out, sums) = qkv.packed_attention_with_log_sums(heads, &options);
        let split = qkv.reshape([b, t, h + 2 * kh, d]);
        let part = |first, count| split.narrow(2, first, count).transpose(1, 2);
        let (q, k, v) = (part(0, h), part(h, kh), part(h + kh, kh));
        let want = twin([&q, &k, &v, &g.reshape([b, t, h, d]).transpose(1, 2)], &options);
        close(&out, &want.out.transpose(1, 2).reshape([b, t, h * d]), 1e-12, "result");
        let dqkv = qkv.packed_attention_grad(heads, [&out, &sums], &g, &options);
        let rows = want.gradients.map(|x| x.transpose(1, 2));
        let rows = Tensor::cat(&rows.iter().collect::<Vec<_>>(), 2).reshape([b, t, (h + 2 * kh) * d]);
        close(&dqkv, &rows, 1e-11, "gradient");
    }
}

#[test]
fn a_query_that_sees_nothing_gets_nought() {
    let x = Tensor::<f32>::ones([1, 3, 4]);
    let options = AttentionOptions::new().mask(Tensor::from([
        [true, false, true],
        [false, false, false],
        [true, true, true],
    ]));
    let (out, sums) = x.attention_with_log_sums(&x, &x, &options);
    assert_eq!(out.select(1, 1).to_vec(), [0.0; 4]);
    assert_eq!(out.select(1, 0).to_vec(), [1.0; 4]);
    let gradients = Tensor::attention_grad([&x, &x, &x], [&out, &sums], &x, &options);
    assert_eq!(gradients[0].select(1, 1).to_vec(), [0.0; 4]);
    assert!(gradients.iter().all(|g| g.to_vec().iter().all(|x| x.is_finite())));
    let none = Tensor::<f32>::zeros([1, 0, 4]);
    let (out, sums) = x.attention_with_log_sums(&none, &none, &AttentionOptions::new());
    assert_eq!(out.to_vec(), [0.0; 12]);
    let gradients = Tensor::attention_grad([&x, &none, &none], [&out, &sums], &x, &AttentionOptions::new());
    assert_eq!(gradients[0].to_vec(), [0.0; 12]);
    assert_eq!(gradients[1].dims(), [1, 0, 4]);
}

#[test]
fn extremes_are_safe_and_nan_spreads() {
    let q = Tensor::full([1, 2, 2], 1e4_f32);
    let v = Tensor::from([[[1.0_f32, 2.0], [3.0, 4.0]]]);
    let out = q.scaled_dot_product_attention(&q, &v, &AttentionOptions::new());
    assert_eq!(out.to_vec(), [2.0, 3.0, 2.0, 3.0]);
    let mut spoiled = q.clone();
    spoiled.make_mut()[0] = f32::NAN;
    let out = spoiled.scaled_dot_product_attention(&q, &v, &AttentionOptions::new());
    assert!(out.at(&[0, 0, 0]).is_nan() && out.at(&[0, 1, 0]) == 2.0);
    let out = q.scaled_dot_product_attention(&spoiled, &v, &AttentionOptions::new());
    assert!(out.to_vec().iter().all(|x| x.is_nan()));
}

#[test]
fn later_tokens_change_no_bit_of_earlier_ones() {
    let rng = &mut Rng::seed(6);
    let [q, k, v] = [0; 3].map(|_| Tensor::<f32>::normal([2, 3, 200, 8], 0.0, 1.0, rng));
    let options = AttentionOptions::new().causal();
    let want = q.scaled_dot_product_attention(&k, &v, &options);
    for t in [1, 64, 100, 199] {
        let changed = |x: &Tensor<f32>| {
            let rest = Tensor::<f32>::full([2, 3, 200 - t, 8], 7.0);
            Tensor::cat(&[&x.narrow(2, 0, t), &rest], 2)
        };
        let got = changed(&q).scaled_dot_product_attention(&changed(&k), &changed(&v), &options);
        assert_eq!(bits(&got.narrow(2, 0, t)), bits(&want.narrow(2, 0, t)), "{t}");
    }
}

#[test]
fn leading_axes_broadcast() {
    let rng = &mut Rng::seed(7);
    let q = Tensor::<f64>::normal([2, 3, 2, 5, 4], 0.0, 1.0, rng);
    let k = Tensor::<f64>::normal([3, 2, 6, 4], 0.0, 1.0, rng);
    let v = Tensor::<f64>::normal([1, 1, 2, 6, 4], 0.0, 1.0, rng);
    let out = q.scaled_dot_product_attention(&k, &v, &AttentionOptions::new());
    let probabilities = (q.matmul(&k.t()) * 0.5).softmax(-1);
    close(&out, &probabilities.matmul(&v), 1e-13, "result");
}

#[test]
#[should_panic(
    expected = "scaled_dot_product_attention: queries and keys differ in width: [1, 2, 3] and [1, 2, 4] (3 ≠ 4)"
)]
fn a_wrong_width_is_named() {
    let (q, k) = (Tensor::<f32>::ones([1, 2, 3]), Tensor::<f32>::ones([1, 2, 4]));
    let _ = q.scaled_dot_product_attention(&k, &k, &AttentionOptions::new());
}

#[test]
#[should_panic(expected = "heads of the queries are no multiple of the keys'")]
fn heads_that_do_not_divide_are_named() {
    let (q, k) = (Tensor::<f32>::ones([3, 2, 3]), Tensor::<f32>::ones([2, 2, 3]));
    let _ = q.scaled_dot_product_attention(&k, &k, &AttentionOptions::new());
}
