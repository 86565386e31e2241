//! Reductions with rules of their own or made of others: products, variance and deviation, norms, log-sum-exp over several
//! axes.

use gradus_tensor::{Element, Float, Shape, Tensor};

use super::functions::number;
use super::reduce::{kept, reduced};
use crate::choose;
use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

/// The order of axes that puts the reduced ones last, with the shape of the others and one for the reduced ones together.
#[track_caller]
fn rows(shape: &Shape, axes: &[isize]) -> (Vec<usize>, Shape) {
    let reduced: Vec<usize> = if axes.is_empty() {
        (0..shape.len()).collect()
    } else {
        axes.iter().map(|&axis| shape.axis("reduce", axis)).collect()
    };
    let (last, mut order): (Vec<usize>, Vec<usize>) =
        (0..shape.len()).partition(|axis| reduced.contains(axis));
    let twice = !axes.is_empty() && last.len() < axes.len();
    assert!(!twice, "reduce: an axis is named twice: {shape} over {axes:?}");
    let mut dims: Vec<usize> = order.iter().map(|&axis| shape[axis]).collect();
    dims.push(last.iter().map(|&axis| shape[axis]).product());
    order.extend(last);
    (order, dims.into())
}

struct Prod {
    axes: Vec<isize>,
    keep: bool,
}

impl<T: Float> Op<T> for Prod {
    fn name(&self) -> &'static str {
        "prod"
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].prod_axes(&self.axes, self.keep)
    }

    /// For each factor the product of those before it and of those behind it: nothing is divided by.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (order, shape) = rows(&saved.shape(0), &self.axes);
        let permuted = saved.input(0).permute(&order);
        let (x, n) = (permuted.reshape(shape), shape[shape.len() - 1]);
        if x.is_empty() {
            return vec![Some(saved.input(0) * 0.0)];
        }
        let one = Var::constant(Tensor::full(shape.with(shape.len() - 1, 1), T::of(1.0)));
        let before = Var::cat(&[&one, &x.narrow(-1, 0, n - 1).cumprod(-1, false)], -1);
        let behind = Var::cat(&[&x.narrow(-1, 1, n - 1).cumprod(-1, true), &one], -1);
        let others = (before * behind).reshape(*permuted.shape());
        let mut back = vec![0; order.len()];
        order.iter().enumerate().for_each(|(to, &from)| back[from] = to);
        vec![Some(g.reshape(kept(&saved.shape(0), &self.axes)) * others.permute(&back))]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        reduced(&saved.shape(0), &self.axes, batch)
    }
}

struct Variance {
    axes: Vec<isize>,
    correction: f64,
    keep: bool,
}

impl<T: Float> Op<T> for Variance {
    fn name(&self) -> &'static str {
        "var"
    }

    fn saves(&self) -> Save {
        Save::input(0)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].var_axes(&self.axes, self.correction, self.keep)
    }

    /// 2(x − mean)/(n − correction).
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (x, kept) = (saved.input(0), kept(&saved.shape(0), &self.axes));
        let count = x.len() as f64 / kept.count().max(1) as f64;
        let per = g.reshape(kept) * (2.0 / (count - self.correction).max(0.0));
        vec![Some((&x - x.mean_axes(&self.axes, true)) * per)]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        reduced(&saved.shape(0), &self.axes, batch)
    }
}

/// p other than 0, 1, ±∞.
struct Norm {
    p: f64,
    axes: Vec<isize>,
    keep: bool,
}

impl<T: Float> Op<T> for Norm {
    fn name(&self) -> &'static str {
        "norm"
    }

    fn saves(&self) -> Save {
        Save::input(0).and(Save::OUTPUT)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].norm_axes(self.p, &self.axes, self.keep)
    }

    /// sign x·(|x|/norm)^(p − 1), and 0 where x or the norm is 0.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (x, kept) = (saved.input(0), kept(&saved.shape(0), &self.axes));
        let norm = saved.output().reshape(kept);
        let nought = norm.value().equal_scalar(<T as Element>::ZERO);
        let per = x / choose(&nought, &number(1.0), &norm);
        let slope = if self.p == 2.0 {
            per
        } else {
            let still = per.value().zip(&nought, |x, nought| nought || x == <T as Element>::ZERO);
            let moving = choose(&still, &number(1.0), &per);
            let slope = moving.sign() * moving.abs().powf(self.p - 1.0);
            choose(&still, &number(0.0), &slope)
        };
        vec![Some(g.reshape(kept) * slope)]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        reduced(&saved.shape(0), &self.axes, batch)
    }
}

impl<T: Float> Var<T> {
    /// The product of all elements; 1 of nothing.
    #[must_use]
    #[track_caller]
    pub fn prod(&self) -> Self {
        self.prod_axes(&[], false)
    }

    /// Products over `axes` (an empty list: all); 1 of nothing (PyTorch: `prod`). The gradient divides by nothing, so it is
    /// right where factors are 0, to any order.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([2.0_f32, 0.0, 3.0]);
    /// assert_eq!(x.prod().backward().of(&x).unwrap().to_vec(), [0.0, 6.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn prod_axes(&self, axes: &[isize], keep: bool) -> Self {
        apply(Prod { axes: axes.to_vec(), keep }, &[self])
    }

    /// Variances over `axes` (an empty list: all): Σ (x − mean)² / (n − correction) (PyTorch: `var`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([1.0_f64, 3.0]);
    /// let y = x.var_axes(&[], 0.0, false);
    /// assert_eq!((y.item(), y.backward().of(&x).unwrap().to_vec()), (1.0, vec![-1.0, 1.0]));
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn var_axes(&self, axes: &[isize], correction: f64, keep: bool) -> Self {
        apply(Variance { axes: axes.to_vec(), correction, keep }, &[self])
    }

    /// Standard deviations over `axes`: the roots of [`Var::var_axes`]; no gradient where they are 0 (PyTorch: `std`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([2.0_f32, 2.0]);
    /// assert_eq!(x.std_axes(&[], 1.0, false).backward().of(&x).unwrap().to_vec(), [0.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn std_axes(&self, axes: &[isize], correction: f64, keep: bool) -> Self {
        let variance = self.var_axes(axes, correction, keep);
        let nought = variance.value().equal_scalar(<T as Element>::ZERO);
        choose(&nought, &number(0.0), &choose(&nought, &number(1.0), &variance).sqrt())
    }

    /// The p-norm over `axes` (an empty list: all): (Σ |x|ᵖ)^(1/p); for p = ∞ and −∞ the largest and the smallest |x|, whose
    /// equals share the gradient; for p = 0 how many are not 0, without a gradient (PyTorch: `linalg.vector_norm`). The
    /// gradient is 0 where x or the norm is 0. Neither overflows nor underflows on the way.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([3.0_f32, -4.0, 0.0]);
    /// let y = x.norm_axes(2.0, &[], false);
    /// assert_eq!(y.item(), 5.0);
    /// assert_eq!(y.backward().of(&x).unwrap().to_vec(), [0.6, -0.8, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice, p is NaN, or p < 0 (or p = ∞) and there is nothing to choose from.
    #[must_use]
    #[track_caller]
    pub fn norm_axes(&self, p: f64, axes: &[isize], keep: bool) -> Self {
        if p == 0.0 {
            Var::constant(self.value().norm_axes(p, axes, keep))
        } else if p == 1.0 {
            self.abs().sum_axes(axes, keep)
        } else if p == f64::INFINITY {
            self.abs().max_axes(axes, keep)
        } else if p == f64::NEG_INFINITY {
            self.abs().min_axes(axes, keep)
        } else {
            apply(Norm { p, axes: axes.to_vec(), keep }, &[self])
        }
    }

    /// ln Σ eˣ over `axes` (an empty list: all), without overflow (PyTorch: `logsumexp`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let x = Var::leaf([[0.0_f64, 0.0], [0.0, 0.0]]);
    /// let slope = x.logsumexp_axes(&[0, 1], false).backward();
    /// assert_eq!(slope.of(&x).unwrap().to_vec(), [0.25; 4]);
    /// ```
    ///
    /// # Panics
    /// If an axis does not exist or is named twice.
    #[must_use]
    #[track_caller]
    pub fn logsumexp_axes(&self, axes: &[isize], keep: bool) -> Self {
        let (order, dims) = rows(self.shape(), axes);
        let y = self.permute(&order).reshape(dims).logsumexp(-1, false);
        if keep { y.reshape(kept(self.shape(), axes)) } else { y }
    }
}
