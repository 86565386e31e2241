//! Methods that PyTorch lacks, and wrappers, against their papers' equations written out for two small vectors in f64.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::{Gradients, Var};
use gradus_module::Param;
use gradus_optimizers::*;
use gradus_tensor::{Rng, Tensor};

type Model = [Param<f64>; 2];

fn model() -> Model {
    [Param::new([-0.5, 1.25]), Param::new([2.0])]
}

/// (1 − w₀)² + 3(w₁ − w₀²)² + (b·w₀ − 0.3)²/2.
fn loss(model: &Model) -> Var<f64> {
    let (w, b) = (&*model[0], &*model[1]);
    let (first, second) = (w.narrow(0, 0, 1), w.narrow(0, 1, 1));
    let valley = (&second - first.square()).square() * 3.0;
    ((1.0 - &first).square() + valley + (b * &first - 0.3).square() * 0.5).sum()
}

type Vectors = [Vec<f64>; 2];

/// Its gradient by hand.
fn slopes(w: &Vectors) -> Vectors {
    let ([x, y], b) = ([w[0][0], w[0][1]], w[1][0]);
    let (valley, fit) = (y - x * x, b * x - 0.3);
    [vec![-2.0 * (1.0 - x) - 12.0 * x * valley + b * fit, 6.0 * valley], vec![x * fit]]
}

fn start() -> Vectors {
    [vec![-0.5, 1.25], vec![2.0]]
}

fn close(model: &Model, w: &Vectors, what: &str) {
    let here = [model[0].value().to_vec(), model[1].value().to_vec()].concat();
    for (a, b) in here.iter().zip(w.concat()) {
        assert!((a - b).abs() <= 1e-10 * (1.0 + b.abs()), "{what}: {a} {b}");
    }
}

fn norm(x: &[f64]) -> f64 {
    x.iter().map(|x| x * x).sum::<f64>().sqrt()
}

/// A naive optimizer: t, one vector, its gradient, four vectors of memory that start from 0.
type Naive = fn(f64, &mut [f64], &[f64], &mut [Vec<f64>; 4]);

fn memory() -> [[Vec<f64>; 4]; 2] {
    [2, 1].map(|n| [0; 4].map(|_| vec![0.0; n]))
}

fn check<R: Rule>(name: &str, mut optimizer: Optimizer<R>, naive: Naive) {
    let (mut model, mut w, mut memory) = (model(), start(), memory());
    for step in 1..=50 {
        let gradients = loss(&model).backward();
        optimizer.step(&mut model, &gradients).unwrap();
        let g = slopes(&w);
        for i in 0..2 {
            naive(f64::from(step), &mut w[i], &g[i], &mut memory[i]);
        }
        close(&model, &w, &format!("{name}, step {step}"));
    }
}

#[test]
fn lion() {
    check("lion", Lion::new(0.02).betas(0.8, 0.95).weight_decay(0.3), |_, w, g, [m, ..]| {
        for i in 0..w.len() {
            let u = 0.8 * m[i] + 0.2 * g[i];
            let sign = if u == 0.0 { 0.0 } else { u.signum() };
            w[i] -= 0.02 * (sign + 0.3 * w[i]);
            m[i] = 0.95 * m[i] + 0.05 * g[i];
        }
    });
}

#[test]
fn lamb() {
    check("lamb", Lamb::new(0.05).betas(0.8, 0.9).eps(1e-3).weight_decay(0.1), |t, w, g, [m, v, r, _]| {
        for i in 0..w.len() {
            m[i] = 0.8 * m[i] + 0.2 * g[i];
            v[i] = 0.9 * v[i] + 0.1 * g[i] * g[i];
            let (mean, square) = (m[i] / (1.0 - 0.8_f64.powf(t)), v[i] / (1.0 - 0.9_f64.powf(t)));
            r[i] = mean / (square.sqrt() + 1e-3) + 0.1 * w[i];
        }
        let ratio = norm(w) / norm(r);
        w.iter_mut().zip(r).for_each(|(w, r)| *w -= 0.05 * ratio * *r);
    });
}

#[test]
fn lars() {
    let lars = Lars::new(0.5).momentum(0.7).trust(0.02).eps(1e-3).weight_decay(0.1);
    check("lars", lars, |_, w, g, [v, ..]| {
        let ratio = 0.02 * norm(w) / (norm(g) + 0.1 * norm(w) + 1e-3);
        for i in 0..w.len() {
            v[i] = 0.7 * v[i] + 0.5 * ratio * (g[i] + 0.1 * w[i]);
            w[i] -= v[i];
        }
    });
    // Parameters of norm 0 still move.
    let mut zero = Param::new([0.0_f64]);
    let gradients = (&*zero * 2.0).sum().backward();
    Lars::new(0.5).step(&mut zero, &gradients).unwrap();
    assert_eq!(zero.value().item(), -1.0);
}

#[test]
fn schedule_free() {
    let optimizer = ScheduleFree::new(0.05).betas(0.8, 0.9).eps(1e-3).warmup(10).power(0.5);
    // Memory: v, z, x, and [Σ weights, largest rate] in the fourth as far as it is long enough.
    fn naive(t: f64, y: &mut [f64], g: &[f64], [v, z, x, sums]: &mut [Vec<f64>; 4]) {
        sums.resize(2, 0.0);
        if t == 1.0 {
            z.copy_from_slice(y);
            x.copy_from_slice(y);
        }
        let rate = 0.05 * (t / 10.0).min(1.0);
        sums[1] = sums[1].max(rate);
        let weight = t.sqrt() * sums[1] * sums[1];
        sums[0] += weight;
        let c = weight / sums[0];
        for i in 0..y.len() {
            v[i] = 0.9 * v[i] + 0.1 * g[i] * g[i];
            let u = g[i] / ((v[i] / (1.0 - 0.9_f64.powf(t))).sqrt() + 1e-3) + 0.1 * y[i];
            z[i] -= rate * u;
            // The paper's x and y, from the new z and the old y's x.
            x[i] = (1.0 - c) * x[i] + c * z[i];
            y[i] = 0.8 * x[i] + 0.2 * z[i];
        }
    }
    check("schedule_free", optimizer.clone().weight_decay(0.1), naive);
    // The average is x, and the way back is exact to rounding.
    let (mut model, mut w, mut memory) = (model(), start(), memory());
    let mut optimizer = optimizer.weight_decay(0.1);
    for step in 1..=20 {
        let gradients = loss(&model).backward();
        optimizer.step(&mut model, &gradients).unwrap();
        let g = slopes(&w);
        (0..2).for_each(|i| naive(f64::from(step), &mut w[i], &g[i], &mut memory[i]));
    }
    optimizer.to_average(&mut model);
    optimizer.to_average(&mut model);
    close(&model, &[memory[0][2].clone(), memory[1][2].clone()], "average");
    let gradients = loss(&model).backward();
    let text = optimizer.step(&mut model, &gradients).unwrap_err().to_string();
    assert_eq!(text, "is_average is 1: it must be 0: call `to_training` before a step");
    let mut resumed = ScheduleFree::new(0.05).betas(0.8, 0.9); // hyper-parameters are the program's
    resumed.load_state(&optimizer.state()).unwrap();
    assert!(resumed.step(&mut model, &gradients).is_err());
    resumed.to_training(&mut model);
    close(&model, &w, "back");
}

/// With estimates that the test makes up, every fifth step.
#[test]
fn sophia() {
    let (mut model, mut w, mut memory) = (model(), start(), memory());
    let mut optimizer = Sophia::new(0.03).betas(0.8, 0.9).gamma(0.5).eps(1e-6).weight_decay(0.2);
    for step in 0..50 {
        let g = slopes(&w);
        if step % 5 == 0 {
            let mut estimates = loss(&model).backward();
            estimates.iter_mut().for_each(|(_, g)| *g = g.square() * 4.0);
            optimizer.update_hessian(&model, &estimates);
            for i in 0..2 {
                memory[i][1].iter_mut().zip(&g[i]).for_each(|(h, g)| *h = 0.9 * *h + 0.1 * 4.0 * g * g);
            }
        }
        let gradients = loss(&model).backward();
        optimizer.step(&mut model, &gradients).unwrap();
        for i in 0..2 {
            let [m, h, ..] = &mut memory[i];
            for j in 0..w[i].len() {
                m[j] = 0.8 * m[j] + 0.2 * g[i][j];
                let ratio = (m[j] / (0.5 * h[j]).max(1e-6)).clamp(-1.0, 1.0);
                w[i][j] -= 0.03 * (0.2 * w[i][j] + ratio);
            }
        }
        close(&model, &w, &format!("sophia, step {step}"));
    }
}

/// Of Σ a·w²/2 the estimate is a·u², with u the numbers that the generator gives.
#[test]
fn hutchinson_s_estimate() {
    let model = Param::new([1.0_f64, -2.0, 0.5]);
    let a = Tensor::from([3.0, 0.5, -2.0]);
    let loss = (model.square() * Var::from(&a) * 0.5).sum();
    let u = Tensor::<f64>::normal([3], 0.0, 1.0, &mut Rng::seed(4));
    let got = hutchinson(&loss, &model, &mut Rng::seed(4));
    let want = (u.square() * &a).to_vec();
    for (a, b) in got.of(&model).unwrap().to_vec().iter().zip(want) {
        assert!((a - b).abs() < 1e-13, "{a} {b}");
    }
}

/// A^(−1/p) of a symmetric 2 × 2 matrix [a b; b d] by its eigenvectors.
fn root([a, b, d]: [f64; 3], p: f64) -> [f64; 3] {
    let (mean, half) = ((a + d) / 2.0, (a - d) / 2.0);
    let radius = half.hypot(b);
    let (angle, big, small) =
        (0.5 * b.atan2(half), (mean + radius).powf(-1.0 / p), (mean - radius).powf(-1.0 / p));
    let (c, s) = (angle.cos(), angle.sin());
    [big * c * c + small * s * s, (big - small) * c * s, big * s * s + small * c * c]
}

fn product(x: [f64; 4], y: [f64; 4]) -> [f64; 4] {
    let at = |i: usize, j: usize| x[2 * i] * y[j] + x[2 * i + 1] * y[2 + j];
    [at(0, 0), at(0, 1), at(1, 0), at(1, 1)]
}

#[test]
fn shampoo() {
    let (mut model, mut optimizer) =
        (Param::new([[0.5, -1.0], [2.0, 0.25]]), Shampoo::new(0.2).momentum(0.5).eps(1e-2));
    let scale = [1.0, 3.0, 0.5, 2.0];
    let (mut w, mut buffer) = ([0.5, -1.0, 2.0, 0.25], [0.0; 4]);
    let (mut left, mut right) = ([1e-2, 0.0, 1e-2], [1e-2, 0.0, 1e-2]);
    for step in 0..50 {
        // Σ s·w² + (Σ w)²/2: neither diagonal nor of rank one.
        let factors = Var::constant([[1.0, 3.0], [0.5, 2.0]]);
        let loss = (model.square() * factors).sum() + model.sum().square() * 0.5;
        optimizer.step(&mut model, &loss.backward()).unwrap();
        let sum: f64 = w.iter().sum();
        let g: [f64; 4] = std::array::from_fn(|i| 2.0 * scale[i] * w[i] + sum);
        let of_rows = [g[0] * g[0] + g[1] * g[1], g[0] * g[2] + g[1] * g[3], g[2] * g[2] + g[3] * g[3]];
        let of_columns = [g[0] * g[0] + g[2] * g[2], g[0] * g[1] + g[2] * g[3], g[1] * g[1] + g[3] * g[3]];
        (0..3).for_each(|i| (left[i] += of_rows[i], right[i] += of_columns[i]).0);
        let ([a, b, d], [e, f, h]) = (root(left, 4.0), root(right, 4.0));
        let direction = product(product([a, b, b, d], g), [e, f, f, h]);
        for i in 0..4 {
            buffer[i] = 0.5 * buffer[i] + direction[i];
            w[i] -= 0.2 * buffer[i];
        }
        for (got, want) in model.value().to_vec().iter().zip(w) {
            assert!((got - want).abs() < 1e-8, "step {step}: {got} {want}");
        }
    }
}

#[test]
fn shampoo_of_vectors_and_long_sides() {
    // A vector: Adagrad. A side without a matrix: the other's inverse square root.
    let mut model = [Param::new([3.0_f64, -1.0]), Param::new([[3.0, 0.0, 4.0]])];
    let mut optimizer = Shampoo::new(0.1).eps(1e-12).largest_side(2);
    let gradients = ((model[0].square().sum() + model[1].square().sum()) * 0.5).backward();
    optimizer.step(&mut model, &gradients).unwrap();
    let close = |got: Vec<f64>, want: &[f64]| {
        assert!(got.iter().zip(want).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?} {want:?}");
    };
    close(model[0].value().to_vec(), &[2.9, -0.9]);
    close(model[1].value().to_vec(), &[2.94, 0.0, 3.92]); // g/‖g‖
}

#[test]
fn lookahead() {
    let (mut model, mut w, mut memory) = (model(), start(), memory());
    let mut optimizer = Lookahead::new(Sgd::new(0.02).momentum(0.6)).every(3).alpha(0.3);
    let mut slow = w.clone();
    for step in 1..=50 {
        let gradients = loss(&model).backward();
        optimizer.step(&mut model, &gradients).unwrap();
        let g = slopes(&w);
        for i in 0..2 {
            for j in 0..w[i].len() {
                let v = &mut memory[i][0][j];
                *v = 0.6 * *v + g[i][j];
                w[i][j] -= 0.02 * *v;
                if step % 3 == 0 {
                    slow[i][j] += 0.3 * (w[i][j] - slow[i][j]);
                    w[i][j] = slow[i][j];
                }
            }
        }
        close(&model, &w, &format!("lookahead, step {step}"));
    }
}

/// Upwards on the negative loss is the same way.
#[test]
fn sharpness_aware_ascent() {
    let (mut up, mut down) = (model(), model());
    let mut climbing = Sam::new(Sgd::new(0.02).maximize(true)).rho(0.1);
    let mut falling = Sam::new(Sgd::new(0.02)).rho(0.1);
    for _ in 0..5 {
        climbing.step(&mut up, |model| -loss(model)).unwrap();
        falling.step(&mut down, loss).unwrap();
    }
    assert_eq!(up[0].value().to_vec(), down[0].value().to_vec());
}

#[test]
fn sharpness_aware() {
    for adaptive in [false, true] {
        let (mut model, mut w) = (model(), start());
        let mut optimizer = Sam::new(Sgd::new(0.02)).rho(0.1).adaptive(adaptive);
        for step in 1..=50 {
            optimizer.step(&mut model, loss).unwrap();
            let g = slopes(&w);
            let size = |i: usize, j: usize| if adaptive { w[i][j].abs() } else { 1.0 };
            let mut there = w.clone();
            let scaled: Vec<f64> = [(0, 0), (0, 1), (1, 0)].map(|(i, j)| size(i, j) * g[i][j]).to_vec();
            for (i, j) in [(0, 0), (0, 1), (1, 0)] {
                there[i][j] += 0.1 * size(i, j).powi(2) * g[i][j] / norm(&scaled);
            }
            let g = slopes(&there);
            (0..2).for_each(|i| (0..w[i].len()).for_each(|j| w[i][j] -= 0.02 * g[i][j]));
            close(&model, &w, &format!("sam, step {step}"));
        }
    }
}

#[test]
fn averages() {
    let mut model = model();
    let (mut mean, mut fading) = (Average::equal(), Average::exponential(0.9));
    let mut optimizer = Sgd::new(0.02);
    let mut seen: Vec<Vec<f64>> = Vec::new();
    for _ in 0..50 {
        let gradients = loss(&model).backward();
        optimizer.step(&mut model, &gradients).unwrap();
        mean.update(&model).unwrap();
        fading.update(&model).unwrap();
        seen.push([model[0].value().to_vec(), model[1].value().to_vec()].concat());
    }
    let mut check = |average: &mut Average, weights: &dyn Fn(usize) -> f64| {
        let total = |j: usize| seen.iter().enumerate().map(|(t, w)| weights(t) * w[j]).sum::<f64>();
        let before = [model[0].value().to_vec(), model[1].value().to_vec()].concat();
        average.swap(&mut model).unwrap();
        close(&model, &[vec![total(0), total(1)], vec![total(2)]], "average");
        average.swap(&mut model).unwrap();
        assert_eq!([model[0].value().to_vec(), model[1].value().to_vec()].concat(), before);
    };
    check(&mut mean, &|_| 1.0 / 50.0);
    check(&mut fading, &|t| if t == 0 { 0.9_f64.powi(49) } else { 0.1 * 0.9_f64.powi(49 - t as i32) });
}

#[test]
fn centralised_gradients_have_rows_of_mean_nought() {
    let mut model = (Param::new([[1.0_f64, 2.0, 6.0], [0.0, 0.0, 3.0]]), Param::new([5.0]));
    let gradients = ((model.0.square().sum() + model.1.square().sum()) * 0.5).backward();
    Sgd::new(1.0).centralise(true).step(&mut model, &gradients).unwrap();
    assert_eq!(model.0.value().to_vec(), [3.0, 3.0, 3.0, 1.0, 1.0, 1.0]);
    assert_eq!(model.1.value().item(), 0.0);
}

#[test]
fn accumulated_gradients_are_the_mean() {
    let model = Param::new([1.0_f64, 2.0]);
    let gradient = |factor: f64| (&*model * factor).sum().backward();
    let mut accumulator = Accumulator::new(3);
    assert!(accumulator.push(gradient(1.0)).is_none() && accumulator.push(gradient(2.0)).is_none());
    let mean: Gradients<f64> = accumulator.push(gradient(6.0)).unwrap();
    assert_eq!(mean.of(&model).unwrap().to_vec(), [3.0, 3.0]);
    assert!(accumulator.finish().is_none());
    let _ = accumulator.push(gradient(5.0));
    assert_eq!(accumulator.count(), 1);
    assert_eq!(accumulator.finish().unwrap().of(&model).unwrap().to_vec(), [5.0, 5.0]);
}
