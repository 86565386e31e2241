//! Initialisers: the tensors that parameters start from (PyTorch: `torch.nn.init`). Weights are `[outputs, inputs]` or
//! `[outputs, inputs, kernel…]`; what is random takes a generator. They know shapes, no layers.

use gradus_tensor::{Float, Rng, Shape, Tensor};

/// Which side of a layer keeps its variance: Kaiming's initialisers divide by this many terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fan {
    /// Terms that each output sums: the forward pass keeps its variance (PyTorch: `fan_in`, the default).
    In,
    /// Terms that each input goes into: the backward pass keeps its variance (PyTorch: `fan_out`).
    Out,
}

/// What follows the layer that is initialised, see [`gain`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Nonlinearity {
    /// Nothing.
    Linear,
    /// 1/(1 + e^(−x)).
    Sigmoid,
    /// Hyperbolic tangent.
    Tanh,
    /// max(x, 0).
    Relu,
    /// x for x > 0, else slope·x.
    LeakyRelu(f64),
    /// λ(x or α(eˣ − 1)).
    Selu,
}

/// By how much weights before a nonlinearity are enlarged to make up for what it takes (PyTorch: `calculate_gain`):
/// linear and sigmoid 1, tanh 5/3, relu √2, leaky relu √(2/(1 + slope²)), selu 3/4.
///
/// ```
/// use gradus_layers::init::{Nonlinearity, gain};
/// assert_eq!((gain(Nonlinearity::Tanh), gain(Nonlinearity::Relu)), (5.0 / 3.0, 2.0_f64.sqrt()));
/// ```
#[must_use]
pub fn gain(nonlinearity: Nonlinearity) -> f64 {
    match nonlinearity {
        Nonlinearity::Linear | Nonlinearity::Sigmoid => 1.0,
        Nonlinearity::Tanh => 5.0 / 3.0,
        Nonlinearity::Relu => std::f64::consts::SQRT_2,
        Nonlinearity::LeakyRelu(slope) => (2.0 / (1.0 + slope * slope)).sqrt(),
        Nonlinearity::Selu => 0.75,
    }
}

/// The terms that each output sums and that each input goes into: `[O, I, K…]` has fans (I·ΠK, O·ΠK).
///
/// ```
/// use gradus_layers::init::fans;
/// use gradus_tensor::Shape;
/// assert_eq!(fans(&Shape::new(&[20, 10])), (10, 20)); // of `Linear::new(10, 20, …)`
/// assert_eq!(fans(&Shape::new(&[16, 3, 5, 5])), (75, 400));
/// ```
///
/// # Panics
/// If there are fewer than two axes.
#[must_use]
#[track_caller]
pub fn fans(shape: &Shape) -> (usize, usize) {
    assert!(shape.len() >= 2, "fans: fewer than two axes: {shape} ({} < 2)", shape.len());
    let field: usize = shape[2..].iter().product();
    (shape[1] * field, shape[0] * field)
}

/// √(1/terms), and 0 where there are none.
fn shrink(terms: f64) -> f64 {
    if terms > 0.0 { terms.sqrt().recip() } else { 0.0 }
}

/// Even in [low, high) (PyTorch: `uniform_`).
///
/// ```
/// use gradus_layers::init::uniform;
/// use gradus_tensor::Rng;
/// let weight = uniform::<f32>([20, 30], -0.5, 0.5, &mut Rng::seed(1));
/// assert!(weight.to_vec().iter().all(|w| (-0.5..0.5).contains(w)));
/// ```
///
/// # Panics
/// If not low ≤ high, or a bound is not finite.
#[must_use]
#[track_caller]
pub fn uniform<T: Float>(shape: impl Into<Shape>, low: f64, high: f64, rng: &mut Rng) -> Tensor<T> {
    Tensor::uniform(shape, low, high, rng)
}

/// Gaussian (PyTorch: `normal_`).
///
/// ```
/// use gradus_layers::init::normal;
/// use gradus_tensor::Rng;
/// let weight = normal::<f64>([100, 100], 0.0, 0.02, &mut Rng::seed(1));
/// assert!((weight.var_axes(&[], 1.0, false).item().sqrt() - 0.02).abs() < 1e-3);
/// ```
///
/// # Panics
/// If `std` is negative or NaN.
#[must_use]
#[track_caller]
pub fn normal<T: Float>(shape: impl Into<Shape>, mean: f64, std: f64, rng: &mut Rng) -> Tensor<T> {
    Tensor::normal(shape, mean, std, rng)
}

/// Gaussian under the condition low ≤ x ≤ high (PyTorch: `trunc_normal_`).
///
/// ```
/// use gradus_layers::init::truncated_normal;
/// use gradus_tensor::Rng;
/// let weight = truncated_normal::<f32>([20, 30], 0.0, 0.02, -0.04, 0.04, &mut Rng::seed(1));
/// assert!(weight.to_vec().iter().all(|w| w.abs() <= 0.04));
/// ```
///
/// # Panics
/// If `std` is not positive or not low < high.
#[must_use]
#[track_caller]
pub fn truncated_normal<T: Float>(
    shape: impl Into<Shape>,
    mean: f64,
    std: f64,
    low: f64,
    high: f64,
    rng: &mut Rng,
) -> Tensor<T> {
    Tensor::truncated_normal(shape, mean, std, low, high, rng)
}

/// One value everywhere (PyTorch: `constant_`).
///
/// ```
/// use gradus_layers::init::constant;
/// assert_eq!(constant::<f32>([2, 2], 0.1).to_vec(), [0.1; 4]);
/// ```
#[must_use]
pub fn constant<T: Float>(shape: impl Into<Shape>, value: f64) -> Tensor<T> {
    Tensor::full(shape, T::of(value))
}

/// Ones on the diagonal of `[rows, columns]`, noughts elsewhere: as many inputs as possible pass (PyTorch: `eye_`).
///
/// ```
/// use gradus_layers::init::eye;
/// assert_eq!(eye::<f32>(2, 3).to_vec(), [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// ```
#[must_use]
pub fn eye<T: Float>(rows: usize, columns: usize) -> Tensor<T> {
    Tensor::from_fn([rows, columns], |i| if i[0] == i[1] { T::ONE } else { T::ZERO })
}

/// Convolution weights `[O, I, K…]` that pass channel c of each group to its output c: 1 at the kernel's middle
/// (PyTorch: `dirac_`).
///
/// ```
/// use gradus_layers::init::dirac;
/// let weight = dirac::<f32>([2, 2, 3], 1);
/// assert_eq!(weight.to_vec(), [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
/// ```
///
/// # Panics
/// If there are fewer than three axes or `groups` does not divide the outputs.
#[must_use]
#[track_caller]
pub fn dirac<T: Float>(shape: impl Into<Shape>, groups: usize) -> Tensor<T> {
    let shape = shape.into();
    assert!(shape.len() >= 3, "dirac: fewer than three axes: {shape} ({} < 3)", shape.len());
    let even = groups > 0 && shape[0].is_multiple_of(groups);
    assert!(even, "dirac: groups do not divide the outputs: {shape} ({} outputs, {groups} groups)", shape[0]);
    let per_group = shape[0] / groups;
    Tensor::from_fn(shape, |i| {
        let middle = i[2..].iter().zip(&shape[2..]).all(|(&at, &length)| at == length / 2);
        if middle && i[0] % per_group == i[1] { T::ONE } else { T::ZERO }
    })
}

/// Even in ±gain·√(6/(fan in + fan out)) (Glorot & Bengio 2010; PyTorch: `xavier_uniform_`).
///
/// ```
/// use gradus_layers::init::xavier_uniform;
/// use gradus_tensor::Rng;
/// let weight = xavier_uniform::<f32>([20, 30], 1.0, &mut Rng::seed(1));
/// let bound = (6.0_f32 / 50.0).sqrt();
/// assert!(weight.to_vec().iter().all(|w| w.abs() <= bound));
/// ```
///
/// # Panics
/// If there are fewer than two axes.
#[must_use]
#[track_caller]
pub fn xavier_uniform<T: Float>(shape: impl Into<Shape>, gain: f64, rng: &mut Rng) -> Tensor<T> {
    let shape = shape.into();
    let (fan_in, fan_out) = fans(&shape);
    let bound = gain * 6.0_f64.sqrt() * shrink((fan_in + fan_out) as f64);
    Tensor::uniform(shape, -bound, bound, rng)
}

/// Gaussian with standard deviation gain·√(2/(fan in + fan out)) (Glorot & Bengio 2010; PyTorch: `xavier_normal_`).
///
/// ```
/// use gradus_layers::init::xavier_normal;
/// use gradus_tensor::Rng;
/// let weight = xavier_normal::<f64>([100, 300], 1.0, &mut Rng::seed(1));
/// assert!((weight.var_axes(&[], 1.0, false).item() - 2.0 / 400.0).abs() < 2e-4);
/// ```
///
/// # Panics
/// If there are fewer than two axes.
#[must_use]
#[track_caller]
pub fn xavier_normal<T: Float>(shape: impl Into<Shape>, gain: f64, rng: &mut Rng) -> Tensor<T> {
    let shape = shape.into();
    let (fan_in, fan_out) = fans(&shape);
    Tensor::normal(shape, 0.0, gain * 2.0_f64.sqrt() * shrink((fan_in + fan_out) as f64), rng)
}

/// gain/√fan, the standard deviation of Kaiming's initialisers.
#[track_caller]
fn kaiming(shape: &Shape, fan: Fan, nonlinearity: Nonlinearity) -> f64 {
    let (fan_in, fan_out) = fans(shape);
    let terms = if fan == Fan::In { fan_in } else { fan_out };
    gain(nonlinearity) * shrink(terms as f64)
}

/// Even in ±gain·√(3/fan) (He et al. 2015; PyTorch: `kaiming_uniform_`).
///
/// ```
/// use gradus_layers::init::{Fan, Nonlinearity, kaiming_uniform};
/// use gradus_tensor::Rng;
/// let weight = kaiming_uniform::<f32>([20, 24], Fan::In, Nonlinearity::Relu, &mut Rng::seed(1));
/// assert!(weight.to_vec().iter().all(|w| w.abs() <= 0.5)); // √2·√(3/24)
/// ```
///
/// # Panics
/// If there are fewer than two axes.
#[must_use]
#[track_caller]
pub fn kaiming_uniform<T: Float>(
    shape: impl Into<Shape>,
    fan: Fan,
    nonlinearity: Nonlinearity,
    rng: &mut Rng,
) -> Tensor<T> {
    let shape = shape.into();
    let bound = 3.0_f64.sqrt() * kaiming(&shape, fan, nonlinearity);
    Tensor::uniform(shape, -bound, bound, rng)
}

/// Gaussian with standard deviation gain/√fan (He et al. 2015; PyTorch: `kaiming_normal_`).
///
/// ```
/// use gradus_layers::init::{Fan, Nonlinearity, kaiming_normal};
/// use gradus_tensor::Rng;
/// let weight = kaiming_normal::<f64>([300, 100], Fan::In, Nonlinearity::Relu, &mut Rng::seed(1));
/// assert!((weight.var_axes(&[], 1.0, false).item() - 2.0 / 100.0).abs() < 1e-3);
/// ```
///
/// # Panics
/// If there are fewer than two axes.
#[must_use]
#[track_caller]
pub fn kaiming_normal<T: Float>(
    shape: impl Into<Shape>,
    fan: Fan,
    nonlinearity: Nonlinearity,
    rng: &mut Rng,
) -> Tensor<T> {
    let shape = shape.into();
    let std = kaiming(&shape, fan, nonlinearity);
    Tensor::normal(shape, 0.0, std, rng)
}

/// Even in ±√(3/fan in): variance 1/fan in (LeCun et al. 1998).
///
/// ```
/// use gradus_layers::init::lecun_uniform;
/// use gradus_tensor::Rng;
/// let weight = lecun_uniform::<f32>([20, 12], &mut Rng::seed(1));
/// assert!(weight.to_vec().iter().all(|w| w.abs() <= 0.5)); // √(3/12)
/// ```
///
/// # Panics
/// If there are fewer than two axes.
#[must_use]
#[track_caller]
pub fn lecun_uniform<T: Float>(shape: impl Into<Shape>, rng: &mut Rng) -> Tensor<T> {
    kaiming_uniform(shape, Fan::In, Nonlinearity::Linear, rng)
}

/// Gaussian with variance 1/fan in (LeCun et al. 1998); what self-normalising networks want.
///
/// ```
/// use gradus_layers::init::lecun_normal;
/// use gradus_tensor::Rng;
/// let weight = lecun_normal::<f64>([300, 100], &mut Rng::seed(1));
/// assert!((weight.var_axes(&[], 1.0, false).item() - 1.0 / 100.0).abs() < 1e-3);
/// ```
///
/// # Panics
/// If there are fewer than two axes.
#[must_use]
#[track_caller]
pub fn lecun_normal<T: Float>(shape: impl Into<Shape>, rng: &mut Rng) -> Tensor<T> {
    kaiming_normal(shape, Fan::In, Nonlinearity::Linear, rng)
}

/// The layers' own default: even in ±1/√fan (PyTorch: `kaiming_uniform_(a=√5)`).
pub(crate) fn fan_uniform<T: Float>(shape: impl Into<Shape>, fan: usize, rng: &mut Rng) -> Tensor<T> {
    let bound = shrink(fan as f64);
    Tensor::uniform(shape, -bound, bound, rng)
}

/// Gaussian columns of standard deviation `std`, in each of which ⌈sparsity·rows⌉ entries, chosen at random, are 0:
/// `[rows, columns]` (Martens 2010; PyTorch: `sparse_`).
///
/// ```
/// use gradus_layers::init::sparse;
/// use gradus_tensor::Rng;
/// let weight = sparse::<f32>(10, 4, 0.3, 0.01, &mut Rng::seed(1));
/// assert_eq!(weight.to_vec().iter().filter(|&&w| w == 0.0).count(), 3 * 4);
/// ```
///
/// # Panics
/// If `sparsity` lies outside 0 ..= 1 or `std` is negative.
#[must_use]
#[track_caller]
pub fn sparse<T: Float>(rows: usize, columns: usize, sparsity: f64, std: f64, rng: &mut Rng) -> Tensor<T> {
    assert!((0.0..=1.0).contains(&sparsity), "sparse: not a fraction: {sparsity} (0 ≤ sparsity ≤ 1)");
    let mut values = Tensor::<T>::normal([columns, rows], 0.0, std, rng);
    let zeros = (sparsity * rows as f64).ceil() as usize;
    for column in values.make_mut().chunks_mut(rows.max(1)) {
        for &row in &rng.permutation(rows)[..zeros] {
            column[row] = T::ZERO;
        }
    }
    values.t().contiguous()
}

/// Rows per step of [`orthogonal`]: what is done between steps is a matrix product.
const BLOCK: usize = 32;

/// `gain` times a random matrix with orthonormal rows (or columns, where there are fewer of them), evenly distributed
/// over all such matrices; axes from the second on count as columns (Saxe et al. 2014; PyTorch: `orthogonal_`).
///
/// ```
/// use gradus_layers::init::orthogonal;
/// use gradus_tensor::{Rng, Tensor};
/// let weight = orthogonal::<f64>([3, 5], 1.0, &mut Rng::seed(1));
/// let error = weight.matmul(&weight.t()) - &Tensor::eye(3);
/// assert!(error.abs().max_axes(&[], false).item() < 1e-12);
/// ```
///
/// # Panics
/// If there are fewer than two axes.
#[must_use]
#[track_caller]
pub fn orthogonal<T: Float>(shape: impl Into<Shape>, gain: f64, rng: &mut Rng) -> Tensor<T> {
    let shape = shape.into();
    assert!(shape.len() >= 2, "orthogonal: fewer than two axes: {shape} ({} < 2)", shape.len());
    let (rows, columns) = (shape[0], shape[1..].iter().product::<usize>());
    let (few, many) = (rows.min(columns), rows.max(columns));
    let mut basis = Tensor::<f64>::normal([few, many], 0.0, 1.0, rng);
    for start in (0..few).step_by(BLOCK) {
        let count = BLOCK.min(few - start);
        let mut block = basis.narrow(0, start, count).contiguous();
        // Twice: the first pass leaves an error of the size of the matrix's condition, the second that of rounding.
        for _ in 0..2 {
            let done = basis.narrow(0, 0, start);
            block = &block - &block.matmul(&done.t()).matmul(&done);
            orthonormalise(block.make_mut(), many);
        }
        basis.make_mut()[start * many..(start + count) * many].copy_from_slice(block.make_mut());
    }
    let basis = if rows <= columns { basis } else { basis.t() };
    (basis * gain).cast::<T>().reshape(shape)
}

/// Gram–Schmidt over the rows, each of `length` numbers. Its triangular factor has a positive diagonal, which makes
/// the result of Gaussian rows evenly distributed.
fn orthonormalise(rows: &mut [f64], length: usize) {
    let count = rows.len() / length.max(1);
    for i in 0..count {
        let (done, rest) = rows.split_at_mut(i * length);
        let row = &mut rest[..length];
        for earlier in done.chunks(length) {
            let along: f64 = row.iter().zip(earlier).map(|(a, b)| a * b).sum();
            row.iter_mut().zip(earlier).for_each(|(a, b)| *a -= along * b);
        }
        let norm = row.iter().map(|a| a * a).sum::<f64>().sqrt();
        row.iter_mut().for_each(|a| *a /= norm);
    }
}
