//! Initialisers: what has a value is PyTorch's, and of what is random, mean, spread and largest number are.

use gradus_layers::init::{self, Fan, Nonlinearity};
use gradus_tensor::{Rng, Shape, Tensor};

use super::case::Case;

fn want(case: &'static str, name: &str) -> Tensor<f64> {
    Case::new(include_str!("../golden/initialisers.csv"), case).want(name)
}

#[test]
fn gains_and_fixed_values() {
    use Nonlinearity::*;
    let gains = [
        ("linear", Linear),
        ("sigmoid", Sigmoid),
        ("tanh", Tanh),
        ("relu", Relu),
        ("leaky_relu", LeakyRelu(0.01)),
        ("leaky_relu_half", LeakyRelu(0.5)),
        ("selu", Selu),
    ];
    for (name, nonlinearity) in gains {
        assert!((init::gain(nonlinearity) - want("gain", name).item()).abs() < 1e-15, "{name}");
    }
    assert_eq!(init::dirac::<f64>([4, 2, 3, 3], 1), want("dirac", "groups1_4x2x3x3"));
    assert_eq!(init::dirac::<f64>([4, 2, 3, 3], 2), want("dirac", "groups2_4x2x3x3"));
    assert_eq!(init::dirac::<f64>([3, 4, 2], 1), want("dirac", "groups1_3x4x2"));
    assert_eq!(init::dirac::<f64>([2, 3, 1, 2, 3], 1), want("dirac", "groups1_2x3x1x2x3"));
    assert_eq!(init::eye::<f64>(2, 4), want("eye", "2x4"));
    assert_eq!(init::eye::<f64>(4, 2), want("eye", "4x2"));
}

#[test]
fn random_ones_are_spread_alike() {
    let (rng, shape) = (&mut Rng::seed(1), Shape::new(&[120, 50, 3, 3]));
    let bounded = true;
    let all = [
        ("xavier_uniform", bounded, init::xavier_uniform(shape, 2.0, rng)),
        ("xavier_normal", !bounded, init::xavier_normal(shape, 1.0, rng)),
        ("kaiming_uniform", bounded, init::kaiming_uniform(shape, Fan::In, Nonlinearity::Relu, rng)),
        (
            "kaiming_normal",
            !bounded,
            init::kaiming_normal(shape, Fan::Out, Nonlinearity::LeakyRelu(0.3), rng),
        ),
        ("trunc_normal", bounded, init::truncated_normal(shape, 0.5, 2.0, -1.0, 3.0, rng)),
        ("normal", !bounded, init::normal(shape, 1.0, 0.3, rng)),
        ("uniform", bounded, init::uniform(shape, -1.0, 4.0, rng)),
        ("orthogonal", !bounded, init::orthogonal(shape, 1.5, rng)),
    ];
    for (name, is_bounded, have) in all {
        let have: Tensor<f64> = have;
        let [mean, std, most] = want("random", name).to_vec()[..] else { panic!("three numbers") };
        let (n, values) = (have.len() as f64, have.to_vec());
        let own = values.iter().sum::<f64>() / n;
        let spread = (values.iter().map(|v| (v - own).powi(2)).sum::<f64>() / n).sqrt();
        // Both are samples: five standard errors of their difference.
        assert!((own - mean).abs() < 5.0 * std * (2.0 / n).sqrt(), "{name}: mean {own}, recorded {mean}");
        assert!((spread / std - 1.0).abs() < 5.0 / n.sqrt(), "{name}: spread {spread}, recorded {std}");
        let largest = values.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
        assert!(!is_bounded || (largest / most - 1.0).abs() < 1e-3, "{name}: {largest}, recorded {most}");
    }
    let zeros = want("random", "sparse_zeros_per_column");
    let sparse = init::sparse::<f64>(37, 200, 0.31, 0.5, rng);
    for column in 0..200 {
        let count = sparse.select(1, column).to_vec().iter().filter(|&&v| v == 0.0).count();
        assert_eq!(count as f64, zeros.at(&[0]));
    }
}
