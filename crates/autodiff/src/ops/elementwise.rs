//! The functions of the elementwise table as methods of `Var`, and choices. One op serves the whole table: its fused
//! rule is the table's derivative on numbers, its differentiable rule the same formula on variables.

use gradus_tensor::{Arith, Float, Reads, Tensor, Unary};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

struct Table(Unary);

impl<T: Float> Op<T> for Table {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn saves(&self) -> Save {
        match self.0.reads() {
            Reads::Input => Save::input(0),
            Reads::Output => Save::OUTPUT,
            Reads::Nothing => Save::NOTHING,
        }
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].unary(self.0)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let read = match self.0.reads() {
            Reads::Input => saved.input(0),
            Reads::Output => saved.output(),
            Reads::Nothing => g.clone(),
        };
        vec![Some(self.0.derivative(g.clone(), read))]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        mut g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let read = match self.0.reads() {
            Reads::Input => Some(saved.take_input(0)),
            Reads::Output => Some(saved.take_output()),
            Reads::Nothing => None,
        };
        g.unary_derivative_assign(self.0, read.as_ref());
        Ok(vec![Some(g)])
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Along(batch)])
    }

    fn is_cheap(&self) -> bool {
        self.0.reads() == Reads::Input
    }

    fn recompute(&self, saved: &Saved<Tensor<T>>) -> Option<Tensor<T>> {
        Some(saved.input(0).unary(self.0))
    }
}

impl<T: Float> Var<T> {
    /// A function of the elementwise table, chosen at run time.
    #[must_use]
    #[track_caller]
    pub fn unary(&self, op: Unary) -> Self {
        apply(Table(op), &[self])
    }
}

macro_rules! methods {
    ($($(#[$doc:meta])* $name:ident $Name:ident($($p:ident: $pt:ty),*) = |$x:ident| $value:expr; $source:ident |$g:ident, $s:ident| $derivative:expr;)*) => {
        impl<T: Float> Var<T> {
            $(
                $(#[$doc])*
                ///
                /// For each element: `[…] → […]`.
                ///
                #[doc = gradus_tensor::unary_example!(var $name)]
                #[must_use]
                #[track_caller]
                pub fn $name(&self $(, $p: $pt)*) -> Self { self.unary(Unary::$name($($p),*)) }
            )*
        }
    };
}
gradus_tensor::unary_table!(methods);

struct Choose(Tensor<bool>);

impl<T: Float> Op<T> for Choose {
    fn name(&self) -> &'static str {
        "choose"
    }

    fn saves(&self) -> Save {
        Save::NOTHING
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        self.0.choose(inputs[0], inputs[1])
    }

    fn vjp(&self, _: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let nought = Var::constant(Tensor::scalar(T::ZERO));
        vec![Some(choose(&self.0, g, &nought)), Some(choose(&self.0, &nought, g))]
    }

    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, _: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Broadcast, Flow::Broadcast])
    }
}

/// `then` where the mask is true, `otherwise` elsewhere (PyTorch: `where`). All three broadcast; no gradient flows
/// through the part that is not chosen, whatever it holds.
///
/// ```
/// use gradus_autodiff::{Var, choose};
/// use gradus_tensor::Tensor;
/// let (a, b) = (Var::leaf([1.0_f32, 2.0]), Var::leaf([3.0_f32, 4.0]));
/// let y = choose(&Tensor::from([true, false]), &a, &b);
/// assert_eq!(y.value().to_vec(), [1.0, 4.0]);
/// assert_eq!(y.sum().backward().of(&a).unwrap().to_vec(), [1.0, 0.0]);
/// ```
///
/// # Panics
/// If the shapes do not broadcast.
#[must_use]
#[track_caller]
pub fn choose<T: Float>(mask: &Tensor<bool>, then: &Var<T>, otherwise: &Var<T>) -> Var<T> {
    apply(Choose(mask.clone()), &[then, otherwise])
}

macro_rules! language {
    ($($name:ident)*) => {
        /// Formulas of the elementwise table, read as differentiable operations.
        impl<T: Float> Arith for Var<T> {
            $(fn $name(self) -> Self { Var::$name(&self) })*
            fn powf(self, exponent: f64) -> Self {
                Var::powf(&self, exponent)
            }
            fn where_gt(self, threshold: f64, then: Self, otherwise: Self) -> Self {
                let threshold = T::of(threshold);
                choose(&self.value().map(|x| x > threshold), &then, &otherwise)
            }
            fn at_least(self, bound: f64) -> Self {
                self.clamp(bound, f64::INFINITY)
            }
            fn at_most(self, bound: f64) -> Self {
                self.clamp(f64::NEG_INFINITY, bound)
            }
            fn nought(self) -> Self {
                Var::constant(Tensor::zeros(*self.shape()))
            }
            fn log1p_exp(self) -> Self {
                self.softplus()
            }
        }
    };
}
language! {
    abs sign sqrt rsqrt reciprocal exp exp2 expm1 ln log2 log10 log1p sin cos tan asin acos atan sinh cosh tanh
    asinh acosh atanh erf erfc normal_cdf gelu normal_pdf sigmoid floor ceil round trunc
}
