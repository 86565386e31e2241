//! Two-dimensional convolution and its two adjoints. The three are bilinear and each is the others' derivative, so
//! gradients of any order stay within them.

use gradus_tensor::{Conv2dFinish, Conv2dSpec, Float, Shape, Tensor, Unary};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow, Place};
use crate::var::{Var, apply};

/// (x, w) or (x, w, b) ↦ y, or the largest of y and 0.
struct Conv2d {
    spec: Conv2dSpec,
    relu: bool,
}

/// (g, w) ↦ x's cotangent.
struct InputGrad(Conv2dSpec, Shape);

/// (x, g) ↦ w's cotangent.
struct WeightGrad(Conv2dSpec, Shape);

impl Conv2d {
    const fn plain(spec: Conv2dSpec) -> Self {
        Self { spec, relu: false }
    }
}

impl<T: Float> Op<T> for Conv2d {
    fn name(&self) -> &'static str {
        if self.relu { "conv2d_relu" } else { "conv2d" }
    }

    fn saves(&self) -> Save {
        let operands = Save::input(0).and(Save::input(1));
        if self.relu { operands.and(Save::OUTPUT) } else { operands }
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let finish = Conv2dFinish { bias: inputs.get(2).copied(), relu: self.relu };
        inputs[0].conv2d_then(inputs[1], finish, self.spec)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let g = if self.relu { &Unary::Relu {}.derivative(g.clone(), saved.output()) } else { g };
        let spec = self.spec;
        vec![
            saved.wants(0).then(|| apply(InputGrad(spec, saved.shape(0)), &[g, &saved.input(1)])),
            saved.wants(1).then(|| apply(WeightGrad(spec, saved.shape(1)), &[&saved.input(0), g])),
            saved.wants(2).then(|| g.sum_axes(&[0, 2, 3], false)),
        ]
    }

    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        mut g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        if self.relu {
            g.unary_derivative_assign(Unary::relu(), Some(&saved.take_output()));
        }
        Ok(vec![
            saved.wants(0).then(|| g.conv2d_input_grad(&saved.input(1), saved.shape(0), self.spec)),
            saved.wants(1).then(|| saved.input(0).conv2d_weight_grad(&g, saved.shape(1), self.spec)),
            saved.wants(2).then(|| g.sum_axes(&[0, 2, 3], false)),
        ])
    }

    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let place = batch.place(g.shape()).filter(|place| place.axis == 0)?;
        let mut g = g.clone();
        if self.relu {
            g.unary_derivative_assign(Unary::relu(), Some(&saved.output()));
        }
        let of_weight = if saved.wants(1) {
            weights_each(&saved.input(0), &g, saved.shape(1), self.spec, (place, batch))
        } else {
            Tensor::zeros([0])
        };
        let of_bias = if saved.wants(2) {
            batch.sum_to(&g, &Shape::new(&[g.dim(1), 1, 1]))?
        } else {
            Tensor::zeros([0])
        };
        let of_bias = of_bias.reshape([of_bias.dim(0), of_bias.len() / of_bias.dim(0).max(1)]);
        Some(vec![Flow::Along(batch), Flow::Each(of_weight), Flow::Each(of_bias)])
    }
}

/// The weight's cotangent for each example, `[N, …weight]`: one convolution in which every example is a group of its own.
fn weights_each<T: Float>(
    x: &Tensor<T>,
    g: &Tensor<T>,
    weight: Shape,
    spec: Conv2dSpec,
    (place, batch): (Place, Batch),
) -> Tensor<T> {
    let n = batch.count();
    let by_group = |x: &Tensor<T>| {
        let [_, c, h, w] = x.dims();
        let apart = x.reshape([place.before, n, place.after, c, h, w]).permute(&[0, 2, 1, 3, 4, 5]);
        apart.reshape([place.before * place.after, n * c, h, w])
    };
    let spec = Conv2dSpec { groups: n * spec.groups, ..spec };
    let all = by_group(x).conv2d_weight_grad(&by_group(g), weight.with(0, n * weight[0]), spec);
    all.reshape(weight.insert(0, n))
}

impl<T: Float> Op<T> for InputGrad {
    fn name(&self) -> &'static str {
        "conv2d_input_grad"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].conv2d_input_grad(inputs[1], self.1, self.0)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, h: &Var<T>) -> Cotangents<Var<T>> {
        vec![
            saved.wants(0).then(|| apply(Conv2d::plain(self.0), &[h, &saved.input(1)])),
            saved.wants(1).then(|| apply(WeightGrad(self.0, saved.shape(1)), &[h, &saved.input(0)])),
        ]
    }
}

impl<T: Float> Op<T> for WeightGrad {
    fn name(&self) -> &'static str {
        "conv2d_weight_grad"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].conv2d_weight_grad(inputs[1], self.1, self.0)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, h: &Var<T>) -> Cotangents<Var<T>> {
        vec![
            saved.wants(0).then(|| apply(InputGrad(self.0, saved.shape(0)), &[&saved.input(1), h])),
            saved.wants(1).then(|| apply(Conv2d::plain(self.0), &[&saved.input(0), h])),
        ]
    }
}

impl<T: Float> Var<T> {
    /// Cross-correlation with a bank of filters: `[N, C, H, W], [O, C/groups, KH, KW], [O] → [N, O, OH, OW]` with
    /// OH = ⌊(H + 2·padding − dilation·(KH − 1) − 1) / stride⌋ + 1 (PyTorch: `functional.conv2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{Conv2dSpec, Tensor};
    /// let x = Var::leaf(Tensor::<f32>::ones([1, 1, 3, 3]));
    /// let w = Var::leaf(Tensor::<f32>::ones([1, 1, 2, 2]));
    /// let y = x.conv2d(&w, None, Conv2dSpec::default());
    /// assert_eq!(y.value().to_vec(), [4.0; 4]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [1.0, 2.0, 1.0, 2.0, 4.0, 2.0, 1.0, 2.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit each other and the specification.
    #[must_use]
    #[track_caller]
    pub fn conv2d(&self, weight: &Self, bias: Option<&Self>, spec: Conv2dSpec) -> Self {
        self.convolved(weight, bias, Conv2d::plain(spec))
    }

    /// [`Var::conv2d`], then relu, in one pass: `[N, C, H, W], [O, C/groups, KH, KW], [O] → [N, O, OH, OW]`
    /// (PyTorch: `functional.relu(functional.conv2d(…))`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{Conv2dSpec, Tensor};
    /// let (x, w) = (Var::leaf(Tensor::<f32>::ones([1, 1, 3, 3])), Var::leaf(Tensor::ones([2, 1, 3, 3])));
    /// let y = x.conv2d_relu(&w, Some(&Var::leaf([1.0, -10.0])), Conv2dSpec::default());
    /// assert_eq!(y.value().to_vec(), [10.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// As `conv2d`.
    #[must_use]
    #[track_caller]
    pub fn conv2d_relu(&self, weight: &Self, bias: Option<&Self>, spec: Conv2dSpec) -> Self {
        self.convolved(weight, bias, Conv2d { spec, relu: true })
    }

    #[track_caller]
    fn convolved(&self, weight: &Self, bias: Option<&Self>, op: Conv2d) -> Self {
        match bias {
            Some(bias) => apply(op, &[self, weight, bias]),
            None => apply(op, &[self, weight]),
        }
    }
}
