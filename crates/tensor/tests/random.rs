//! Random tensors: their distributions, their bits, how far they advance the generator.

use gradus_tensor::{Isa, Rng, Tensor, with_isa, with_threads};

fn moments(x: &Tensor<f64>) -> (f64, f64) {
    (x.mean().item(), x.var_axes(&[], 0.0, false).item())
}

/// Largest distance between the empirical distribution and `cdf`, times √n (Kolmogorov–Smirnov).
fn ks(values: &Tensor<f64>, cdf: impl Fn(f64) -> f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let gap = |(i, &x): (usize, &f64)| (cdf(x) - i as f64 / n).abs().max(((i + 1) as f64 / n - cdf(x)).abs());
    sorted.iter().enumerate().map(gap).fold(0.0, f64::max) * n.sqrt()
}

fn normal_cdf(x: f64) -> f64 {
    0.5 * Tensor::scalar(-x / 2.0_f64.sqrt()).erfc().item()
}

#[test]
fn distributions_are_what_they_say() {
    // √n·D exceeds 1.95 once in a thousand.
    let rng = &mut Rng::seed(2024);
    let n = 20_000;
    assert!(ks(&Tensor::uniform([n], -2.0, 3.0, rng), |x| (x + 2.0) / 5.0) < 1.95);
    assert!(ks(&Tensor::<f32>::uniform([n], 0.0, 1.0, rng).cast(), |x| x) < 1.95);
    assert!(ks(&Tensor::normal([n], 1.0, 2.0, rng), |x| normal_cdf((x - 1.0) / 2.0)) < 1.95);
    assert!(ks(&Tensor::<f32>::normal([n], 0.0, 1.0, rng).cast(), normal_cdf) < 1.95);
    let (a, b) = (normal_cdf(-0.5), normal_cdf(2.0));
    let cut = Tensor::truncated_normal([n], 1.0, 2.0, 0.0, 5.0, rng);
    assert!(ks(&cut, |x| (normal_cdf((x - 1.0) / 2.0) - a) / (b - a)) < 1.95);
    // Far in the upper tail x − 8 is almost exponential with rate 8 + 1/8.
    let tail = Tensor::<f64>::truncated_normal([n], 0.0, 1.0, 8.0, 40.0, rng);
    let upper = |x: f64| Tensor::scalar(x / 2.0_f64.sqrt()).erfc().item();
    assert!(ks(&tail, |x| 1.0 - upper(x) / upper(8.0)) < 1.95);
    let mut normal = Tensor::<f64>::normal([200_001], 0.0, 1.0, rng);
    let (mean, variance) = moments(&normal);
    assert!(mean.abs() < 0.01 && (variance - 1.0).abs() < 0.015, "{mean} {variance}");
    normal *= &normal.clone();
    assert!((moments(&normal).1 - 2.0).abs() < 0.1); // kurtosis 3
}

#[test]
fn neighbours_are_uncorrelated() {
    let x = Tensor::<f64>::normal([100_000], 0.0, 1.0, &mut Rng::seed(8));
    for lag in [1, 2, 3, 4, 64] {
        let correlation = (&x.narrow(0, 0, 99_000) * &x.narrow(0, lag, 99_000)).mean().item();
        assert!(correlation.abs() < 4.0 / 99_000.0_f64.sqrt(), "{lag}: {correlation}");
    }
}

#[test]
fn the_counter_advances_as_documented_and_resumes() {
    fn check(what: &str, words: u64, draw: impl Fn(&mut Rng) -> Vec<f64>) {
        for skip in [0, 1, 6] {
            let mut rng = Rng::seed(99).fork(1);
            rng.advance(skip);
            let before = rng.state();
            let first = draw(&mut rng);
            assert_eq!(rng.state().counter - before.counter, words, "{what}");
            assert_eq!(first, draw(&mut Rng::from_state(before)), "{what}");
            let mut ahead = Rng::from_state(before);
            ahead.advance(words);
            assert_eq!(ahead.next_u64(), rng.next_u64(), "{what}");
        }
    }
    let f = |x: Tensor<f32>| x.cast::<f64>().to_vec();
    check("uniform f32", 15, |rng| f(Tensor::uniform([3, 5], 0.0, 1.0, rng)));
    check("uniform f64", 30, |rng| Tensor::uniform([3, 5], 0.0, 1.0, rng).to_vec());
    check("normal f32", 16, |rng| f(Tensor::normal([3, 5], 0.0, 1.0, rng)));
    check("normal f64", 32, |rng| Tensor::normal([3, 5], 0.0, 1.0, rng).to_vec());
    check("truncated", 15, |rng| f(Tensor::truncated_normal([3, 5], 0.0, 1.0, -1.0, 1.0, rng)));
    check("bernoulli", 15, |rng| Tensor::bernoulli([3, 5], 0.5, rng).cast().to_vec());
    check("randint", 30, |rng| Tensor::randint([3, 5], -4, 9, rng).cast().to_vec());
    check("nothing", 0, |rng| f(Tensor::normal([3, 0], 0.0, 1.0, rng)));
    let weights = Tensor::from([[1.0_f32, 2.0, 3.0, 0.0]; 2]);
    check("multinomial with", 20, |rng| weights.multinomial(5, true, rng).cast().to_vec());
    check("multinomial without", 16, |rng| weights.multinomial(2, false, rng).cast().to_vec());
}

#[test]
fn the_bits_depend_on_neither_threads_nor_instruction_set() {
    let draw = || {
        let rng = &mut Rng::seed(5);
        rng.next_u32();
        let n = 200_003;
        let bits = |x: Tensor<f32>| x.to_vec().into_iter().map(f32::to_bits).collect::<Vec<_>>();
        let bits64 = |x: Tensor<f64>| x.to_vec().into_iter().map(f64::to_bits).collect::<Vec<_>>();
        (
            bits(Tensor::uniform([n], -1.0, 1.0, rng)),
            bits64(Tensor::uniform([n], -1.0, 1.0, rng)),
            bits(Tensor::normal([n], 0.0, 1.0, rng)),
            bits64(Tensor::normal([n], 0.0, 1.0, rng)),
            Tensor::bernoulli([n], 0.3, rng).to_vec(),
            Tensor::randint([n], -5, 1 << 40, rng).to_vec(),
        )
    };
    let want = with_isa(Isa::Portable, || with_threads(1, draw));
    for isa in Isa::available() {
        for threads in [1, 2, 3] {
            assert!(with_isa(isa, || with_threads(threads, draw)) == want, "{isa} with {threads} threads");
        }
    }
}

#[test]
fn a_fill_equals_single_draws() {
    let mut rng = Rng::seed(4);
    let mut twin = rng.clone();
    let fill = Tensor::<f32>::uniform([5000], 0.0, 1.0, &mut rng);
    assert!(fill.to_vec().into_iter().all(|x| x == twin.uniform01::<f32>()));
    let fill = Tensor::<f64>::uniform([5000], 0.0, 1.0, &mut rng);
    assert!(fill.to_vec().into_iter().all(|x| x == twin.uniform01::<f64>()));
    assert_eq!(rng.state(), twin.state());
}

#[test]
fn bounds_hold() {
    let rng = &mut Rng::seed(6);
    let narrow = Tensor::<f32>::uniform([100_000], 1.0, 1.000_001, rng).to_vec();
    assert!(narrow.iter().all(|&x| (1.0..1.000_001).contains(&f64::from(x))));
    assert_eq!(Tensor::<f32>::uniform([3], 2.0, 2.0, rng).to_vec(), [2.0; 3]);
    assert_eq!(Tensor::<f64>::normal([3], 2.0, 0.0, rng).to_vec(), [2.0; 3]);
    assert!(Tensor::bernoulli([1000], 1.0, rng).all() && !Tensor::bernoulli([1000], 0.0, rng).any());
    let hits = Tensor::bernoulli([100_000], 0.2, rng).count_true() as f64;
    assert!((hits - 20_000.0).abs() < 4.0 * (100_000.0_f64 * 0.2 * 0.8).sqrt());
    let dice = Tensor::randint([60_000], 1, 7, rng).to_vec();
    for face in 1..7 {
        let count = dice.iter().filter(|&&d| d == face).count() as f64;
        assert!((count - 10_000.0).abs() < 4.0 * (60_000.0_f64 * 5.0 / 36.0).sqrt(), "{face}: {count}");
    }
    assert!(dice.iter().all(|d| (1..7).contains(d)));
    let whole = Tensor::randint([1000], i64::MIN, i64::MAX, rng).to_vec();
    assert!(whole.iter().any(|&x| x < 0) && whole.iter().any(|&x| x > 0));
    let mut order = Tensor::permutation(100, rng).to_vec();
    assert_ne!(order, Vec::from_iter(0..100));
    order.sort_unstable();
    assert_eq!(order, Vec::from_iter(0..100));
}

#[test]
fn multinomial_follows_the_weights() {
    let rng = &mut Rng::seed(12);
    let weights = Tensor::from([[1.0_f64, 0.0, 2.0, 5.0], [0.0, 0.0, 0.0, 1e-30]]);
    let picks = weights.multinomial(80_000, true, rng);
    let first = picks.select(0, 0).to_vec();
    for (i, p) in [0.125, 0.0, 0.25, 0.625].into_iter().enumerate() {
        let count = first.iter().filter(|&&x| x == i as i64).count() as f64;
        assert!((count - 80_000.0 * p).abs() <= 4.0 * (80_000.0 * p * (1.0 - p)).sqrt(), "{i}: {count}");
    }
    assert!(picks.select(0, 1).to_vec().iter().all(|&x| x == 3));
    // Without replacement: first 3 then 2 has probability 5/8 · 2/3.
    let row = weights.select(0, 0);
    let hits = (0..20_000).filter(|_| row.multinomial(2, false, rng).to_vec() == [3, 2]).count() as f64;
    let p = 5.0 / 8.0 * 2.0 / 3.0;
    assert!((hits - 20_000.0 * p).abs() < 4.0 * (20_000.0 * p * (1.0 - p)).sqrt(), "{hits}");
}

#[test]
#[should_panic(expected = "multinomial: too few positive weights: [3] row 0 (2 < 3)")]
fn multinomial_names_what_is_missing() {
    let _ = Tensor::from([1.0_f32, 0.0, 2.0]).multinomial(3, false, &mut Rng::seed(0));
}

#[test]
#[should_panic(expected = "uniform: not an interval: from 1 to 0 (low ≤ high, finite)")]
fn uniform_checks_its_bounds() {
    let _ = Tensor::<f32>::uniform([3], 1.0, 0.0, &mut Rng::seed(0));
}
