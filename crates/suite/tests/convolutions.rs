//! Convolutions in single precision over random sizes: the rows of the table have few channels, but the kernels choose
//! their way by how many there are. The result and both gradients against one loop over all products, on every
//! instruction set.

use gradus_tensor::{Conv2dSpec, Isa, Tensor, with_isa};
use gradus_testkit::Noise;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

/// Sizes of one convolution.
#[derive(Clone, Debug)]
struct Case {
    x: [usize; 4],
    w: [usize; 4],
    spec: Conv2dSpec,
    seed: u64,
}

/// The most products of a case, so that the loop stays quick.
const MOST: usize = 400_000;

fn cases() -> BoxedStrategy<Case> {
    let channels = prop_oneof![
        3 => (Just(1_usize), 1..=40_usize, 1..=40_usize),
        2 => (2..=3_usize, 1..=17_usize, 1..=17_usize),
        2 => (4..=24_usize, Just(1_usize), 1..=2_usize), // depthwise
    ];
    let kernel = prop_oneof![3 => Just([3_usize, 3]), 1 => Just([1, 1]), 3 => [1..=5_usize, 1..=5]];
    let moves = ([1..=3_usize, 1..=3], [0..=3_usize, 0..=3], [1..=2_usize, 1..=2]);
    let plain = prop::bool::weighted(0.5);
    (0..=3_usize, channels, kernel, moves, plain, [0..=12_usize, 0..=20], any::<u64>())
        .prop_map(|(n, (groups, cg, og), kernel, (stride, padding, dilation), plain, more, seed)| {
            let (stride, dilation) = if plain { ([1, 1], [1, 1]) } else { (stride, dilation) };
            let side = |a: usize| {
                (dilation[a] * (kernel[a] - 1) + 1 + more[a]).saturating_sub(2 * padding[a]).max(1)
            };
            let x = [n, groups * cg, side(0), side(1)];
            let w = [groups * og, cg, kernel[0], kernel[1]];
            Case { x, w, spec: Conv2dSpec { stride, padding, dilation, groups }, seed }
        })
        .prop_filter("small", |case| {
            case.w.iter().product::<usize>() * case.x[0].max(1) * case.x[2] * case.x[3] <= MOST
        })
        .boxed()
}

fn values(count: usize, noise: &mut Noise) -> Vec<f32> {
    (0..count).map(|_| (2.0 * noise.unit() - 1.0) as f32).collect()
}

/// Calls `f(place in x, place in w, place in y)` for every product of the definition.
fn products(case: &Case, output: [usize; 2], mut f: impl FnMut(usize, usize, usize)) {
    let Case { x: [n, c, h, wide], w: [o, cg, kh, kw], spec, .. } = *case;
    let (og, [oh, ow]) = (o / spec.groups, output);
    for (image, out) in (0..n).flat_map(|image| (0..o).map(move |out| (image, out))) {
        for (i, j) in (0..oh).flat_map(|i| (0..ow).map(move |j| (i, j))) {
            let y = ((image * o + out) * oh + i) * ow + j;
            for (q, (p, r)) in (0..cg).flat_map(|q| (0..kh * kw).map(move |t| (q, (t / kw, t % kw)))) {
                let row = (i * spec.stride[0] + p * spec.dilation[0]).wrapping_sub(spec.padding[0]);
                let column = (j * spec.stride[1] + r * spec.dilation[1]).wrapping_sub(spec.padding[1]);
                if row < h && column < wide {
                    let channel = out / og * cg + q;
                    f(
                        ((image * c + channel) * h + row) * wide + column,
                        ((out * cg + q) * kh + p) * kw + r,
                        y,
                    );
                }
            }
        }
    }
}

/// Fails unless each element is near, counted by the size of what was added up for it.
fn near(what: &str, have: &Tensor<f32>, want: &[(f64, f64)]) -> Result<(), TestCaseError> {
    let have = have.to_vec();
    prop_assert_eq!(have.len(), want.len(), "{}", what);
    for (i, (&a, &(b, size))) in have.iter().zip(want).enumerate() {
        // Winograd's transforms magnify roundings some times.
        let allowed = 3e-6 * (1.0 + size);
        prop_assert!((f64::from(a) - b).abs() <= allowed, "{what} at {i}: {a} and {b} (± {allowed})");
    }
    Ok(())
}

fn check(case: &Case) -> Result<(), TestCaseError> {
    let mut noise = Noise::new(case.seed);
    let count = |shape: [usize; 4]| shape.iter().product::<usize>();
    let (x, w) = (values(count(case.x), &mut noise), values(count(case.w), &mut noise));
    let shape = case.spec.output_shape(&case.x.into(), &case.w.into());
    let g = values(shape.count(), &mut noise);
    let empty = |count: usize| vec![(0.0_f64, 0.0_f64); count];
    let (mut y, mut dx, mut dw) = (empty(g.len()), empty(x.len()), empty(w.len()));
    let add = |sum: &mut (f64, f64), a: f32, b: f32| {
        let product = f64::from(a) * f64::from(b);
        (sum.0, sum.1) = (sum.0 + product, sum.1 + product.abs());
    };
    products(case, [shape[2], shape[3]], |at, tap, to| {
        add(&mut y[to], x[at], w[tap]);
        add(&mut dx[at], g[to], w[tap]);
        add(&mut dw[tap], g[to], x[at]);
    });
    let (x, w, g) = (Tensor::new(case.x, &x), Tensor::new(case.w, &w), Tensor::new(shape, &g));
    for isa in Isa::available() {
        with_isa(isa, || {
            near(&format!("result on {isa}"), &x.conv2d(&w, case.spec), &y)?;
            near(&format!("images on {isa}"), &g.conv2d_input_grad(&w, case.x, case.spec), &dx)?;
            near(&format!("filters on {isa}"), &x.conv2d_weight_grad(&g, case.w, case.spec), &dw)
        })?;
    }
    Ok(())
}

#[test]
fn single_precision_is_the_definition_at_any_size() {
    let config = Config { cases: 120, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let result = TestRunner::new_with_rng(config, rng).run(&cases(), |case| check(&case));
    if let Err(error) = result {
        panic!("{error}");
    }
}
