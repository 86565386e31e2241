//! Products with packed right operands against naive sums, in any strides, on every instruction set.

use gradus_tensor::{Float, Isa, Rng, Tensor, with_isa, with_threads};

/// x·B + bias, for rows of x.
fn naive(x: &Tensor<f64>, b: &Tensor<f64>, bias: Option<&Tensor<f64>>) -> Vec<f64> {
    let [k, n] = b.dims();
    let mut out = Vec::new();
    for row in x.to_vec().chunks(k.max(1)).take(x.len() / k.max(1)) {
        for j in 0..n {
            let sum: f64 = row.iter().enumerate().map(|(p, x)| x * b.at(&[p, j])).sum();
            out.push(sum + bias.map_or(0.0, |bias| bias.at(&[j])));
        }
    }
    out
}

fn check<T: Float>(tolerance: f64) {
    let rng = &mut Rng::seed(1);
    for (lead, k, n) in [
        (vec![], 5, 3),
        (vec![1], 1, 1),
        (vec![17], 33, 65),
        (vec![3, 50], 20, 300),
        (vec![2, 1, 9], 700, 31),
        (vec![210], 64, 257),
        (vec![0], 4, 4),
    ] {
        let shape = [&lead[..], &[k]].concat();
        let x = Tensor::<f64>::normal(shape, 0.0, 1.0, rng).cast::<T>();
        let weights: [Tensor<f64>; 2] =
            [Tensor::normal([n, k], 0.0, 1.0, rng).t(), Tensor::normal([k, n], 0.0, 1.0, rng).flip(1)];
        for weight in weights {
            let (weight, bias) = (weight.cast::<T>(), Tensor::<f64>::normal([n], 0.0, 1.0, rng).cast::<T>());
            let packed = weight.packed();
            assert_eq!(packed.dims(), [k, n]);
            assert!(packed.fits_here());
            for bias in [None, Some(&bias)] {
                let exact = bias.map(|bias| bias.cast::<f64>());
                let want = naive(&x.cast(), &weight.cast(), exact.as_ref());
                let got = x.matmul_packed(&packed, bias);
                assert_eq!(got.shape()[..], [&lead[..], &[n]].concat());
                for (got, want) in got.cast::<f64>().to_vec().iter().zip(&want) {
                    assert!(
                        (got - want).abs() <= tolerance * (k as f64).sqrt() * (1.0 + want.abs()),
                        "{got} {want}"
                    );
                }
                with_threads(3, || assert_eq!(x.matmul_packed(&packed, bias), got));
            }
        }
    }
}

#[test]
fn both_types_agree_with_the_naive_twin_on_every_instruction_set() {
    for isa in Isa::available() {
        with_isa(isa, || {
            check::<f32>(1e-5);
            check::<f64>(1e-13);
        });
    }
}

#[test]
fn views_as_left_operands_and_matrices_of_another_instruction_set() {
    let rng = &mut Rng::seed(2);
    let (x, b) = (Tensor::<f32>::normal([40, 6, 90], 0.0, 1.0, rng), Tensor::normal([40, 30], 0.0, 1.0, rng));
    let view = x.transpose(0, 2).narrow(0, 3, 20);
    let want = view.matmul(&b);
    for isa in Isa::available() {
        let packed = with_isa(isa, || b.packed());
        let got = view.matmul_packed(&packed, None);
        assert_eq!(got.shape(), want.shape());
        let far = got.to_vec().iter().zip(want.to_vec()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(far < 1e-4, "{isa}: {far}");
        with_isa(isa, || assert!(packed.fits_here()));
    }
}

#[test]
#[should_panic(expected = "matmul_packed: inner dimensions differ: [2, 3] · [4, 5] (3 ≠ 4)")]
fn inner_lengths_must_agree() {
    let _ = Tensor::<f32>::ones([2, 3]).matmul_packed(&Tensor::ones([4, 5]).packed(), None);
}

#[test]
#[should_panic(expected = "packed: not a matrix [K, N]: [2, 3, 4] (3 axes)")]
fn only_matrices_are_packed() {
    let _ = Tensor::<f32>::ones([2, 3, 4]).packed();
}
