//! Activations that are more than a row of the elementwise table, as functions (PyTorch: `torch.nn.functional`): those with
//! bounds or random slopes, gated ones, maxout. The others are methods of `Var` (`x.gelu()`). They know no parameters.

use gradus_autodiff::{Var, choose};
use gradus_module::Context;
use gradus_tensor::{Float, Shape, Tensor, Unary};

/// ln(1 + e^(βx))/β, and x itself where βx > `threshold`: `[…] → […]` (PyTorch: `softplus`, whose defaults are β = 1 and a
/// threshold of 20). An infinite threshold is the formula everywhere, which does not overflow.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::softplus;
/// let y = softplus(&Var::constant([0.0_f64, 30.0]), 2.0, 20.0);
/// assert_eq!(y.value().to_vec(), [2.0_f64.ln() / 2.0, 30.0]);
/// ```
#[must_use]
#[track_caller]
pub fn softplus<T: Float>(x: &Var<T>, beta: f64, threshold: f64) -> Var<T> {
    let smooth = if beta == 1.0 { x.softplus() } else { (x * beta).softplus() / beta };
    if threshold == f64::INFINITY {
        return smooth;
    }
    let (beta, threshold) = (T::of(beta), T::of(threshold));
    choose(&x.value().map(|x| x * beta > threshold), x, &smooth)
}

/// x limited to `min ..= max`: `[…] → […]` (PyTorch: `hardtanh`). Unlike [`Var::clamp`]'s, its derivative is 0 at the borders.
/// NaN stays NaN.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::hardtanh;
/// let y = hardtanh(&Var::constant([-3.0_f32, 0.5, 3.0]), 0.0, 2.0);
/// assert_eq!(y.value().to_vec(), [0.0, 0.5, 2.0]);
/// ```
#[must_use]
#[track_caller]
pub fn hardtanh<T: Float>(x: &Var<T>, min: f64, max: f64) -> Var<T> {
    if (min, max) == (-1.0, 1.0) {
        return x.hardtanh();
    }
    let (low, high) = (T::of(min), T::of(max));
    let inside = x.value().map(|x| !(x <= low || x >= high));
    choose(&inside, x, &Var::constant(x.value().clamp(min, max)))
}

/// x where x > `threshold`, else `value`: `[…] → […]` (PyTorch: `threshold`). NaN stays NaN.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::threshold;
/// let y = threshold(&Var::constant([-3.0_f32, 0.5, 3.0]), 0.5, 9.0);
/// assert_eq!(y.value().to_vec(), [9.0, 9.0, 3.0]);
/// ```
#[must_use]
#[track_caller]
pub fn threshold<T: Float>(x: &Var<T>, threshold: f64, value: f64) -> Var<T> {
    let at = T::of(threshold);
    let below = x.value().map(|x| x <= at);
    choose(&below, &Var::constant(Tensor::scalar(T::of(value))), x)
}

/// x for x > 0, else r·x: `[…] → […]`; in training each r is drawn evenly from `lower .. upper`, in evaluation it is their mean
/// (Xu et al. 2015; PyTorch: `rrelu`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::rrelu;
/// use gradus_module::Context;
/// let y = rrelu(&Var::constant([-4.0_f32, 3.0]), 0.2, 0.3, &mut Context::eval());
/// assert_eq!(y.value().to_vec(), [-1.0, 3.0]);
/// ```
///
/// # Panics
/// If not lower ≤ upper.
#[must_use]
#[track_caller]
pub fn rrelu<T: Float>(x: &Var<T>, lower: f64, upper: f64, cx: &mut Context<'_>) -> Var<T> {
    assert!(lower <= upper, "rrelu: slopes out of order: {lower} .. {upper} (needs lower ≤ upper)");
    match cx.rng() {
        None => x.leaky_relu(f64::midpoint(lower, upper)),
        Some(rng) => {
            let slopes = Tensor::<T>::uniform(*x.shape(), lower, upper, rng);
            let factors = x.value().zip(&slopes, |x, slope| if x > T::ZERO { T::ONE } else { slope });
            x * Var::constant(factors)
        }
    }
}

/// e^(−x)/Σ e^(−x) along an axis (PyTorch: `softmin`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::softmin;
/// let y = softmin(&Var::constant([0.0_f64, 3.0_f64.ln()]), -1);
/// assert!((y.value().at(&[0]) - 0.75).abs() < 1e-12);
/// ```
#[must_use]
#[track_caller]
pub fn softmin<T: Float>(x: &Var<T>, axis: isize) -> Var<T> {
    (-x).softmax(axis)
}

/// The two halves of an axis.
#[track_caller]
fn halves<T: Float>(op: &str, x: &Var<T>, axis: isize) -> [Var<T>; 2] {
    let length = x.shape()[x.shape().axis(op, axis)];
    let half = length / 2;
    assert!(length == 2 * half, "{op}: an axis of odd length: {} ({length} along axis {axis})", x.shape());
    [x.narrow(axis, 0, half), x.narrow(axis, half, half)]
}

/// a·σ(b), where a and b are the halves of an axis: `[…, 2D, …] → […, D, …]` (Dauphin et al. 2017; PyTorch: `glu`, whose default
/// axis is the last).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::glu;
/// let y = glu(&Var::constant([3.0_f64, 5.0, 0.0, 0.0]), -1);
/// assert_eq!(y.value().to_vec(), [1.5, 2.5]);
/// ```
///
/// # Panics
/// If there is no such axis, or its length is odd.
#[must_use]
#[track_caller]
pub fn glu<T: Float>(x: &Var<T>, axis: isize) -> Var<T> {
    let [a, b] = halves("glu", x, axis);
    a * b.sigmoid()
}

/// f(a)·b for a function f of the elementwise table, where a and b are the halves of an axis: `[…, 2D, …] → […, D, …]`
/// (Shazeer 2020, "GLU variants improve Transformer").
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::gated;
/// use gradus_tensor::Unary;
/// let y = gated(&Var::constant([-3.0_f32, 5.0, 2.0, 4.0]), Unary::abs(), -1);
/// assert_eq!(y.value().to_vec(), [6.0, 20.0]);
/// ```
///
/// # Panics
/// If there is no such axis, or its length is odd.
#[must_use]
#[track_caller]
pub fn gated<T: Float>(x: &Var<T>, f: Unary, axis: isize) -> Var<T> {
    let [a, b] = halves("gated", x, axis);
    a.unary(f) * b
}

/// max(a, 0)·b, see [`gated`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::reglu;
/// let y = reglu(&Var::constant([-3.0_f32, 5.0, 2.0, 4.0]), -1);
/// assert_eq!(y.value().to_vec(), [0.0, 20.0]);
/// ```
///
/// # Panics
/// If there is no such axis, or its length is odd.
#[must_use]
#[track_caller]
pub fn reglu<T: Float>(x: &Var<T>, axis: isize) -> Var<T> {
    gated(x, Unary::relu(), axis)
}

/// gelu(a)·b, see [`gated`].
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::geglu;
/// let x = Var::constant([1.0_f64, 2.0]);
/// assert_eq!(geglu(&x, -1).item(), 2.0 * x.gelu().value().at(&[0]));
/// ```
///
/// # Panics
/// If there is no such axis, or its length is odd.
#[must_use]
#[track_caller]
pub fn geglu<T: Float>(x: &Var<T>, axis: isize) -> Var<T> {
    gated(x, Unary::gelu(), axis)
}

/// silu(a)·b, see [`gated`]: the feed-forward of LLaMA, whose gate comes first.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::swiglu;
/// let x = Var::constant([[0.0_f64, 1.0, 7.0, 2.0]]);
/// let silu = 1.0 / (1.0 + (-1.0_f64).exp());
/// assert!((swiglu(&x, -1).value().at(&[0, 1]) - 2.0 * silu).abs() < 1e-15);
/// ```
///
/// # Panics
/// If there is no such axis, or its length is odd.
#[must_use]
#[track_caller]
pub fn swiglu<T: Float>(x: &Var<T>, axis: isize) -> Var<T> {
    gated(x, Unary::silu(), axis)
}

/// The largest of each `pieces` neighbours along an axis: `[…, D·pieces, …] → […, D, …]` (Goodfellow et al. 2013). Ties share the
/// gradient.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::maxout;
/// let y = maxout(&Var::constant([1.0_f32, 4.0, 3.0, -2.0]), 2, -1);
/// assert_eq!(y.value().to_vec(), [4.0, 3.0]);
/// ```
///
/// # Panics
/// If there is no such axis, or `pieces` does not divide it.
#[must_use]
#[track_caller]
pub fn maxout<T: Float>(x: &Var<T>, pieces: usize, axis: isize) -> Var<T> {
    let shape = x.shape();
    let axis = shape.axis("maxout", axis);
    let length = shape[axis];
    let fits = pieces > 0 && length.is_multiple_of(pieces);
    assert!(
        fits,
        "maxout: pieces do not divide the axis: {shape} ({length} along axis {axis}, {pieces} pieces)"
    );
    let apart = shape.with(axis, length / pieces).insert(axis + 1, pieces);
    x.reshape(apart).max_axes(&[axis as isize + 1], false)
}

/// x for x > 0, else w·x: `[N, C, …]` and slopes `[1]` or `[C]` (He et al. 2015; PyTorch: `prelu`). Without an axis of samples the
/// last one is the channels'.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::functional::prelu;
/// let x = Var::constant([[-1.0_f32, -1.0], [2.0, -4.0]]);
/// let y = prelu(&x, &Var::constant([0.5, 0.25]));
/// assert_eq!(y.value().to_vec(), [-0.5, -0.25, 2.0, -1.0]);
/// ```
///
/// # Panics
/// If there are several slopes and not as many channels.
#[must_use]
#[track_caller]
pub fn prelu<T: Float>(x: &Var<T>, weight: &Var<T>) -> Var<T> {
    let slopes = weight.len();
    let slope = if slopes == 1 {
        weight.reshape([1])
    } else {
        let shape = x.shape();
        let axis = 1.min(x.rank().saturating_sub(1));
        let channels = shape.get(axis).copied();
        assert!(
            channels == Some(slopes),
            "PRelu: channels do not fit the weight: {shape} and {} ({} ≠ {slopes})",
            weight.shape(),
            channels.map_or("no axis".to_owned(), |n| n.to_string())
        );
        let ones = vec![1; x.rank()];
        weight.reshape(Shape::new(&ones).with(axis, slopes))
    };
    choose(&x.value().map(|x| x > T::ZERO), x, &(x * slope)).reshape(*x.shape())
}
