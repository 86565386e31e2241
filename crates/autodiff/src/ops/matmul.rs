//! Matrix products and the affine map y = x·Wᵀ + b.

use gradus_tensor::{Float, Precision, Shape, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow};
use crate::var::{Var, apply};

/// A·B, whose operands, and the cotangent where it is one, are taken in a precision.
struct MatMul(Precision);

impl<T: Float> Op<T> for MatMul {
    fn name(&self) -> &'static str {
        "matmul"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].matmul_in(inputs[1], None, self.0)
    }

    /// C = A·B: dA = dC·Bᵀ, dB = Aᵀ·dC.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![
            saved.wants(0).then(|| g.matmul_in(&saved.input(1).t(), self.0)),
            saved.wants(1).then(|| saved.input(0).t().matmul_in(g, self.0)),
        ]
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let place = batch.place(g.shape())?;
        if place.axis + 2 < g.rank() {
            return Some(vec![Flow::Broadcast, Flow::Broadcast]);
        }
        // Rows of all examples in one matrix: each example has some, and the other side is shared.
        if place.axis + 2 > g.rank() || g.rank() > 2 {
            return None;
        }
        let each = match saved.wants(1) {
            true => batch.products(&saved.input(0), g, self.0)?,
            false => Tensor::zeros([0]),
        };
        Some(vec![Flow::Along(batch.moved(place, &saved.shape(0), place.axis)), Flow::Each(each)])
    }
}

/// x `[…, I]`, weight `[O, I]` and perhaps bias `[O]`; the products in a precision.
struct Linear(Precision);

/// `[…, C] → [N, C]`.
fn rows(shape: &Shape) -> Shape {
    let lead = shape.len() - 1;
    Shape::new(&[shape[..lead].iter().product(), shape[lead]])
}

impl<T: Float> Op<T> for Linear {
    fn name(&self) -> &'static str {
        "linear"
    }

    fn saves(&self) -> Save {
        Save::input(0).and(Save::input(1))
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let (x, w) = (inputs[0], inputs[1]);
        let shape = x.shape();
        let y = x.reshape(rows(shape)).matmul_in(&w.t(), inputs.get(2).copied(), self.0);
        y.reshape(shape.with(shape.len() - 1, w.dim(0)))
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let g = g.reshape(rows(g.shape()));
        let of_weight = || g.t().matmul_in(&saved.input(0).reshape(rows(&saved.shape(0))), self.0);
        let mut out = vec![
            saved.wants(0).then(|| g.matmul_in(&saved.input(1), self.0).reshape(saved.shape(0))),
            saved.wants(1).then(of_weight),
            saved.wants(2).then(|| g.sum_axes(&[0], false)),
        ];
        out.truncate(saved.count());
        out
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let g = g.reshape(rows(g.shape()));
        let of_bias = saved.wants(2).then(|| g.sum_axes(&[0], false));
        let of_weight = saved.wants(1).then(|| {
            let x = saved.take_input(0);
            g.t().matmul_in(&x.reshape(rows(x.shape())), None, self.0)
        });
        // Last, when the input's buffer is free for the result.
        let of_input =
            saved.wants(0).then(|| g.matmul_in(&saved.take_input(1), None, self.0).reshape(saved.shape(0)));
        let mut out = vec![of_input, of_weight, of_bias];
        out.truncate(saved.count());
        Ok(out)
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let rows = batch.rows(g)?;
        let of_weight = match saved.wants(1) {
            true => batch.products(g, &saved.input(0), self.0)?,
            false => Tensor::zeros([0]),
        };
        let of_bias = if saved.wants(2) { rows.sum_axes(&[1], false) } else { Tensor::zeros([0]) };
        let mut out = vec![Flow::Along(batch), Flow::Each(of_weight), Flow::Each(of_bias)];
        out.truncate(saved.count());
        Some(out)
    }
}

impl<T: Float> Var<T> {
    /// The matrix product: `[…, M, K] · […, K, N] → […, M, N]`; leading axes broadcast, a vector on the left is one
    /// row, on the right one column (PyTorch: `matmul`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (a, b) = (Var::leaf([[1.0_f32, 2.0]]), Var::leaf([[3.0], [4.0]]));
    /// let y = a.matmul(&b);
    /// assert_eq!(y.value().to_vec(), [11.0]);
    /// assert_eq!(y.sum().backward().of(&a).map(|g| g.to_vec()), Some(vec![3.0, 4.0]));
    /// ```
    ///
    /// # Panics
    /// If an operand has no axes, the inner lengths differ, or the leading axes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn matmul(&self, other: &Self) -> Self {
        self.matmul_in(other, Precision::Full)
    }

    /// [`Var::matmul`] whose operands, here and in the gradients, are taken in `precision`; sums are full.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Precision;
    /// let (x, y) = (Var::leaf([[1.0_f32 + 1.0 / 256.0]]), Var::leaf([[3.0]]));
    /// let product = x.matmul_in(&y, Precision::Bf16);
    /// assert_eq!(product.item(), 3.0);
    /// assert_eq!(product.backward().of(&y).unwrap().item(), 1.0); // the rounded x
    /// ```
    ///
    /// # Panics
    /// As `matmul`.
    #[must_use]
    #[track_caller]
    pub fn matmul_in(&self, other: &Self, precision: Precision) -> Self {
        let (a, b) = (self.shape(), other.shape());
        if a.len() == 1 && !b.is_empty() {
            let out = self.unsqueeze(0).matmul_in(other, precision);
            return if b.len() == 1 { out.squeeze(0) } else { out.squeeze(-2) };
        }
        if b.len() == 1 && !a.is_empty() {
            return self.matmul_in(&other.unsqueeze(-1), precision).squeeze(-1);
        }
        if a.len() > 2 && b.len() == 2 && a[a.len() - 1] == b[0] {
            // One tall product, so that the right side's gradient is one product as well.
            let shape = a.with(a.len() - 1, b[1]);
            let rows = a[..a.len() - 1].iter().product();
            return self.reshape([rows, b[0]]).matmul_in(other, precision).reshape(shape);
        }
        apply(MatMul(precision), &[self, other])
    }

    /// y = x·Wᵀ + b: `[…, I], [O, I], [O] → […, O]` (PyTorch: `functional.linear`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// let (x, w, b) = (Var::leaf([[1.0_f32, 2.0]]), Var::leaf([[3.0, 4.0]]), Var::leaf([5.0]));
    /// assert_eq!(x.linear(&w, Some(&b)).value().to_vec(), [16.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit.
    #[must_use]
    #[track_caller]
    pub fn linear(&self, weight: &Self, bias: Option<&Self>) -> Self {
        self.linear_in(weight, bias, Precision::Full)
    }

    /// [`Var::linear`] whose operands, here and in the gradients, are taken in `precision`; sums and bias are full.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Precision;
    /// let (x, w) = (Var::leaf([[1.0_f32, 2.0]]), Var::leaf([[3.0, 4.0]]));
    /// assert_eq!(x.linear_in(&w, None, Precision::Full).value().to_vec(), [11.0]);
    /// ```
    ///
    /// # Panics
    /// As `linear`.
    #[must_use]
    #[track_caller]
    pub fn linear_in(&self, weight: &Self, bias: Option<&Self>, precision: Precision) -> Self {
        let (x, w) = (self.shape(), weight.shape());
        let fits = !x.is_empty() && w.len() == 2 && x[x.len() - 1] == w[1];
        assert!(fits, "linear: input does not fit the weight: {x} · {w}ᵀ ({:?} ≠ {:?})", x.last(), w.last());
        let fits = bias.is_none_or(|b| b.shape()[..] == [w[0]]);
        assert!(fits, "linear: bias does not fit the weight: {:?} and {w}", bias.map(Var::shape));
        match bias {
            Some(bias) => apply(Linear(precision), &[self, weight, bias]),
            None => apply(Linear(precision), &[self, weight]),
        }
    }
}
