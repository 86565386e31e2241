//! Two-dimensional convolution and its two adjoints. The three are bilinear and each is the others' derivative, so
//! gradients of any order stay within them.

use gradus_tensor::{Conv2dSpec, Float, Shape, Tensor};

use crate::op::{Cotangents, Op, Save, Saved};
use crate::var::{Var, apply};

/// (x, w) ↦ y.
struct Conv2d(Conv2dSpec);

/// (g, w) ↦ x's cotangent.
struct InputGrad(Conv2dSpec, Shape);

/// (x, g) ↦ w's cotangent.
struct WeightGrad(Conv2dSpec, Shape);

impl<T: Float> Op<T> for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn saves(&self) -> Save {
        Save::INPUTS
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].conv2d(inputs[1], self.0)
    }

    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        vec![
            saved.wants(0).then(|| apply(InputGrad(self.0, saved.shape(0)), &[g, &saved.input(1)])),
            saved.wants(1).then(|| apply(WeightGrad(self.0, saved.shape(1)), &[&saved.input(0), g])),
        ]
    }
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
            saved.wants(0).then(|| apply(Conv2d(self.0), &[h, &saved.input(1)])),
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
            saved.wants(1).then(|| apply(Conv2d(self.0), &[&saved.input(0), h])),
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
        let y = apply(Conv2d(spec), &[self, weight]);
        let Some(bias) = bias else { return y };
        let channels = weight.dim(0);
        let fits = bias.shape()[..] == [channels];
        assert!(
            fits,
            "conv2d: bias does not fit the weight: {} and {} ([{channels}])",
            bias.shape(),
            weight.shape()
        );
        y + bias.reshape([channels, 1, 1])
    }
}
