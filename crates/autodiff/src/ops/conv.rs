//! Convolution and its two adjoints, over images and volumes. The three are bilinear and each is the others' derivative,
//! so gradients of any order stay within them. A sequence is an image of height 1; a transposed convolution is the adjoint
//! in the input.

use gradus_tensor::{
    Conv1dSpec, Conv2dFinish, Conv2dSpec, Conv3dSpec, ConvSpec, ConvTransposeSpec, Float, Shape, Tensor,
    Unary,
};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::per_example::{Batch, Flow, Place};
use crate::var::{Var, apply};

/// A convolution and its adjoints on tensors.
trait Trio: Copy + Send + Sync + 'static {
    /// Of the convolution, of it with relu, of the adjoints in the input and in the weights.
    const NAMES: [&'static str; 4];
    /// The axes that a bias is the same along.
    const SHARED: &'static [isize];
    /// The same with so many groups where there was one.
    fn in_groups(self, times: usize) -> Self;
    fn forward<T: Float>(self, x: &Tensor<T>, w: &Tensor<T>, finish: Conv2dFinish<'_, T>) -> Tensor<T>;
    fn input_grad<T: Float>(self, g: &Tensor<T>, w: &Tensor<T>, input: Shape) -> Tensor<T>;
    fn weight_grad<T: Float>(self, x: &Tensor<T>, g: &Tensor<T>, weight: Shape) -> Tensor<T>;
}

macro_rules! trio {
    ($Spec:ty, $forward:ident, $input:ident, $weight:ident, $name:literal, $shared:expr) => {
        impl Trio for $Spec {
            const NAMES: [&'static str; 4] =
                [$name, concat!($name, "_relu"), stringify!($input), stringify!($weight)];
            const SHARED: &'static [isize] = $shared;
            fn in_groups(self, times: usize) -> Self {
                Self { groups: self.groups * times, ..self }
            }
            fn forward<T: Float>(
                self,
                x: &Tensor<T>,
                w: &Tensor<T>,
                finish: Conv2dFinish<'_, T>,
            ) -> Tensor<T> {
                x.$forward(w, finish, self)
            }
            fn input_grad<T: Float>(self, g: &Tensor<T>, w: &Tensor<T>, input: Shape) -> Tensor<T> {
                g.$input(w, input, self)
            }
            fn weight_grad<T: Float>(self, x: &Tensor<T>, g: &Tensor<T>, weight: Shape) -> Tensor<T> {
                x.$weight(g, weight, self)
            }
        }
    };
}
trio!(Conv2dSpec, conv2d_then, conv2d_input_grad, conv2d_weight_grad, "conv2d", &[0, 2, 3]);
trio!(Conv3dSpec, conv3d_then, conv3d_input_grad, conv3d_weight_grad, "conv3d", &[0, 2, 3, 4]);

/// (x, w) or (x, w, b) ↦ y, or the largest of y and 0.
struct Conv<S> {
    spec: S,
    relu: bool,
}

/// (g, w) ↦ x's cotangent.
struct InputGrad<S>(S, Shape);

/// (x, g) ↦ w's cotangent.
struct WeightGrad<S>(S, Shape);

impl<S> Conv<S> {
    const fn plain(spec: S) -> Self {
        Self { spec, relu: false }
    }
}

impl<T: Float, S: Trio> Op<T> for Conv<S> {
    fn name(&self) -> &'static str {
        S::NAMES[usize::from(self.relu)]
    }

    fn saves(&self) -> Save {
        let operands = Save::input(0).and(Save::input(1));
        if self.relu { operands.and(Save::OUTPUT) } else { operands }
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let finish = Conv2dFinish { bias: inputs.get(2).copied(), relu: self.relu };
        self.spec.forward(inputs[0], inputs[1], finish)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let g = if self.relu { &Unary::Relu {}.derivative(g.clone(), saved.output()) } else { g };
        let spec = self.spec;
        vec![
            saved.wants(0).then(|| apply(InputGrad(spec, saved.shape(0)), &[g, &saved.input(1)])),
            saved.wants(1).then(|| apply(WeightGrad(spec, saved.shape(1)), &[&saved.input(0), g])),
            saved.wants(2).then(|| g.sum_axes(S::SHARED, false)),
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
            saved.wants(0).then(|| self.spec.input_grad(&g, &saved.input(1), saved.shape(0))),
            saved.wants(1).then(|| self.spec.weight_grad(&saved.input(0), &g, saved.shape(1))),
            saved.wants(2).then(|| g.sum_axes(S::SHARED, false)),
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
            {
                let ones = vec![1; g.rank() - 2];
                batch.sum_to(&g, &Shape::new(&[&[g.dim(1)], &ones[..]].concat()))?
            }
        } else {
            Tensor::zeros([0])
        };
        let of_bias = of_bias.reshape([of_bias.dim(0), of_bias.len() / of_bias.dim(0).max(1)]);
        Some(vec![Flow::Along(batch), Flow::Each(of_weight), Flow::Each(of_bias)])
    }
}

/// The weight's cotangent for each example, `[N, …weight]`: one convolution in which every example is a group of its own.
fn weights_each<T: Float, S: Trio>(
    x: &Tensor<T>,
    g: &Tensor<T>,
    weight: Shape,
    spec: S,
    (place, batch): (Place, Batch),
) -> Tensor<T> {
    let n = batch.count();
    let by_group = |x: &Tensor<T>| {
        let (c, sides) = (x.dim(1), &x.shape()[2..]);
        let plane = sides.iter().product();
        let apart = x.reshape([place.before, n, place.after, c, plane]).permute(&[0, 2, 1, 3, 4]);
        apart.reshape([&[place.before * place.after, n * c], sides].concat())
    };
    let (x, g) = (by_group(x), by_group(g));
    let all = spec.in_groups(n).weight_grad(&x, &g, weight.with(0, n * weight[0]));
    all.reshape(weight.insert(0, n))
}

impl<T: Float, S: Trio> Op<T> for InputGrad<S> {
    fn name(&self) -> &'static str {
        S::NAMES[2]
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        self.0.input_grad(inputs[0], inputs[1], self.1)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, h: &Var<T>) -> Cotangents<Var<T>> {
        vec![
            saved.wants(0).then(|| apply(Conv::plain(self.0), &[h, &saved.input(1)])),
            saved.wants(1).then(|| apply(WeightGrad(self.0, saved.shape(1)), &[h, &saved.input(0)])),
        ]
    }
}

impl<T: Float, S: Trio> Op<T> for WeightGrad<S> {
    fn name(&self) -> &'static str {
        S::NAMES[3]
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        self.0.weight_grad(inputs[0], inputs[1], self.1)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, h: &Var<T>) -> Cotangents<Var<T>> {
        vec![
            saved.wants(0).then(|| apply(InputGrad(self.0, saved.shape(0)), &[&saved.input(1), h])),
            saved.wants(1).then(|| apply(Conv::plain(self.0), &[&saved.input(0), h])),
        ]
    }
}

/// `op` with or without a bias.
#[track_caller]
fn convolved<T: Float, S: Trio>(x: &Var<T>, weight: &Var<T>, bias: Option<&Var<T>>, op: Conv<S>) -> Var<T> {
    match bias {
        Some(bias) => apply(op, &[x, weight, bias]),
        None => apply(op, &[x, weight]),
    }
}

impl<T: Float> Var<T> {
    /// Cross-correlation of sequences with a bank of filters: `[N, C, L], [O, C/groups, K], [O] → [N, O, OL]` with
    /// OL = ⌊(L + 2·padding − dilation·(K − 1) − 1) / stride⌋ + 1 (PyTorch: `functional.conv1d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Conv1dSpec;
    /// let x = Var::constant([[[1.0_f32, 2.0, 4.0, 8.0]]]);
    /// let w = Var::constant([[[1.0, -1.0]]]);
    /// let y = x.conv1d(&w, None, Conv1dSpec { dilation: [2], ..Conv1dSpec::default() });
    /// assert_eq!(y.value().to_vec(), [-3.0, -6.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit each other and the specification.
    #[must_use]
    #[track_caller]
    pub fn conv1d(&self, weight: &Self, bias: Option<&Self>, spec: Conv1dSpec) -> Self {
        let _ = spec.output_shape(self.shape(), weight.shape()); // so that a refusal speaks of sequences
        self.unsqueeze(2).conv2d(&weight.unsqueeze(2), bias, spec.as_image()).squeeze(2)
    }

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
        convolved(self, weight, bias, Conv::plain(spec))
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
        convolved(self, weight, bias, Conv { spec, relu: true })
    }

    /// Cross-correlation of volumes with a bank of filters:
    /// `[N, C, D, H, W], [O, C/groups, KD, KH, KW], [O] → [N, O, OD, OH, OW]`, sizes as in [`Var::conv2d`]
    /// (PyTorch: `functional.conv3d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{Conv3dSpec, Tensor};
    /// let x = Var::leaf(Tensor::<f32>::ones([1, 2, 3, 3, 3]));
    /// let w = Var::leaf(Tensor::<f32>::ones([4, 2, 3, 3, 3]));
    /// let y = x.conv3d(&w, None, Conv3dSpec::default());
    /// assert_eq!((y.dims(), y.value().to_vec()), ([1, 4, 1, 1, 1], vec![54.0; 4]));
    /// assert_eq!(x.conv3d_relu(&w, None, Conv3dSpec::default()).value(), y.value()); // nothing is below 0
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit each other and the specification.
    #[must_use]
    #[track_caller]
    pub fn conv3d(&self, weight: &Self, bias: Option<&Self>, spec: Conv3dSpec) -> Self {
        convolved(self, weight, bias, Conv::plain(spec))
    }

    /// [`Var::conv3d`], then relu, in one pass (PyTorch: `functional.relu(functional.conv3d(…))`).
    ///
    /// # Panics
    /// As `conv3d`.
    #[must_use]
    #[track_caller]
    pub fn conv3d_relu(&self, weight: &Self, bias: Option<&Self>, spec: Conv3dSpec) -> Self {
        convolved(self, weight, bias, Conv { spec, relu: true })
    }

    /// Each input element spreads a filter over the result: `[N, C, L], [C, O/groups, K], [O] → [N, O, OL]` with
    /// OL = (L − 1)·stride − 2·padding + dilation·(K − 1) + output_padding + 1, the adjoint of [`Var::conv1d`] in its
    /// input (PyTorch: `functional.conv_transpose1d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::ConvTransposeSpec;
    /// let x = Var::constant([[[1.0_f32, 10.0]]]);
    /// let w = Var::constant([[[1.0, 2.0, 3.0]]]);
    /// let y = x.conv_transpose1d(&w, None, ConvTransposeSpec { stride: [2], ..ConvTransposeSpec::default() });
    /// assert_eq!(y.value().to_vec(), [1.0, 2.0, 13.0, 20.0, 30.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit each other and the specification.
    #[must_use]
    #[track_caller]
    pub fn conv_transpose1d(&self, weight: &Self, bias: Option<&Self>, spec: ConvTransposeSpec<1>) -> Self {
        let _ = spec.output_shape(self.shape(), weight.shape()); // so that a refusal speaks of sequences
        let ConvSpec { stride, padding, dilation, groups } = spec.adjoint().as_image();
        let output_padding = [0, spec.output_padding[0]];
        let spec = ConvTransposeSpec { stride, padding, output_padding, dilation, groups };
        self.unsqueeze(2).conv_transpose2d(&weight.unsqueeze(2), bias, spec).squeeze(2)
    }

    /// Each input element spreads a filter over the result: `[N, C, H, W], [C, O/groups, KH, KW], [O] → [N, O, OH, OW]`
    /// with OH = (H − 1)·stride − 2·padding + dilation·(KH − 1) + output_padding + 1, the adjoint of [`Var::conv2d`] in
    /// its input (PyTorch: `functional.conv_transpose2d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{ConvTransposeSpec, Tensor};
    /// let x = Var::constant(Tensor::<f32>::ones([1, 3, 4, 4]));
    /// let w = Var::constant(Tensor::ones([3, 2, 2, 2]));
    /// let spec = ConvTransposeSpec { stride: [2, 2], ..ConvTransposeSpec::default() };
    /// let y = x.conv_transpose2d(&w, None, spec);
    /// assert_eq!((y.dims(), y.value().at(&[0, 0, 0, 0])), ([1, 2, 8, 8], 3.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit each other and the specification.
    #[must_use]
    #[track_caller]
    pub fn conv_transpose2d(&self, weight: &Self, bias: Option<&Self>, spec: ConvTransposeSpec<2>) -> Self {
        self.spread(weight, bias, spec)
    }

    /// Each input element spreads a filter over the result:
    /// `[N, C, D, H, W], [C, O/groups, KD, KH, KW], [O] → [N, O, OD, OH, OW]`, sizes as in [`Var::conv_transpose2d`]
    /// (PyTorch: `functional.conv_transpose3d`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{ConvTransposeSpec, Tensor};
    /// let (x, w) = (Var::leaf(Tensor::<f32>::ones([1, 2, 1, 1, 1])), Var::leaf(Tensor::ones([2, 3, 2, 2, 2])));
    /// let y = x.conv_transpose3d(&w, None, ConvTransposeSpec::default());
    /// assert_eq!((y.dims(), y.value().at(&[0, 2, 1, 1, 1])), ([1, 3, 2, 2, 2], 2.0));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit each other and the specification.
    #[must_use]
    #[track_caller]
    pub fn conv_transpose3d(&self, weight: &Self, bias: Option<&Self>, spec: ConvTransposeSpec<3>) -> Self {
        self.spread(weight, bias, spec)
    }

    #[track_caller]
    fn spread<const D: usize>(&self, weight: &Self, bias: Option<&Self>, spec: ConvTransposeSpec<D>) -> Self
    where
        ConvSpec<D>: Trio,
    {
        let shape = spec.output_shape(self.shape(), weight.shape());
        // An output padding of whole strides is what inputs of 0 behind the last would be spread to.
        let behind = |axis: usize| spec.output_padding[axis] / spec.stride[axis];
        let x = if (0..D).all(|axis| behind(axis) == 0) {
            self.clone()
        } else {
            let widths: Vec<_> = (0..D + 2).map(|a| (0, a.checked_sub(2).map_or(0, behind))).collect();
            self.pad(&widths, 0.0)
        };
        let y = apply(InputGrad(spec.adjoint(), shape), &[&x, weight]);
        let Some(bias) = bias else { return y };
        assert!(
            bias.shape()[..] == [shape[1]],
            "conv_transpose{D}d: bias does not fit the weight: {} and {} ([{}])",
            bias.shape(),
            weight.shape(),
            shape[1]
        );
        let mut channels = vec![1; D + 1];
        channels[0] = shape[1];
        y + bias.reshape(channels)
    }
}
