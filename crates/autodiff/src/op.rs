//! `Op`: a forward and, beside it, the rule that carries a cotangent back. Implement it to add an operation of your own.

use gradus_tensor::{Float, Shape, Tensor};

use crate::gradients::Update;
use crate::per_example::{Batch, Flow};
use crate::var::Var;

/// What a rule wants to see again; the rest is freed after the forward pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Save {
    inputs: u32,
    output: bool,
}

impl Save {
    /// Nothing: the derivative is constant.
    pub const NOTHING: Save = Save { inputs: 0, output: false };
    /// The result.
    pub const OUTPUT: Save = Save { inputs: 0, output: true };
    /// All inputs.
    pub const INPUTS: Save = Save { inputs: u32::MAX, output: false };

    /// Input number `i`.
    #[must_use]
    pub const fn input(i: usize) -> Save {
        Save { inputs: 1 << i, output: false }
    }

    /// The first `n` inputs, at most 32.
    pub(crate) const fn first(n: usize) -> Save {
        Save { inputs: ((1_u64 << n) - 1) as u32, output: false }
    }

    /// Both.
    ///
    /// ```
    /// use gradus_autodiff::{Cotangents, Op, Save, Saved, Var, apply, check_grads};
    /// use gradus_tensor::{Float, Tensor};
    ///
    /// /// √(x² + y²), whose derivatives read both inputs and the result.
    /// struct Hypot;
    /// impl<T: Float> Op<T> for Hypot {
    ///     fn name(&self) -> &'static str { "hypot" }
    ///     fn saves(&self) -> Save { Save::INPUTS.and(Save::OUTPUT) }
    ///     fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
    ///         (inputs[0].square() + &inputs[1].square()).sqrt()
    ///     }
    ///     fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
    ///         let slope = |i| g * saved.input(i) / saved.output();
    ///         (0..saved.count()).map(|i| saved.wants(i).then(|| slope(i))).collect()
    ///     }
    /// }
    /// let (x, y) = (Tensor::from([3.0_f64, 1.0]), Tensor::from([4.0, -2.0]));
    /// check_grads(|v| apply(Hypot, &[&v[0], &v[1]]), &[x, y], 2)?;
    /// # Ok::<(), gradus_autodiff::GradCheckError>(())
    /// ```
    #[must_use]
    pub const fn and(self, other: Save) -> Save {
        Save { inputs: self.inputs | other.inputs, output: self.output | other.output }
    }

    pub(crate) fn has_input(self, i: usize) -> bool {
        self.inputs >> i & 1 == 1
    }

    pub(crate) fn has_output(self) -> bool {
        self.output
    }
}

/// One cotangent per input, in order; `None` where the input has none.
pub type Cotangents<V> = Vec<Option<V>>;

/// What a rule may look at: what the op said it saves, the inputs' shapes, and who wants a cotangent.
pub struct Saved<V> {
    pub(crate) inputs: Vec<Option<V>>,
    pub(crate) output: Option<V>,
    pub(crate) shapes: Vec<Shape>,
    pub(crate) wanted: u32,
}

impl<V: Clone> Saved<V> {
    /// Input number `i`.
    ///
    /// # Panics
    /// If the op's `saves` does not name it, or it was taken.
    #[must_use]
    #[track_caller]
    pub fn input(&self, i: usize) -> V {
        match &self.inputs[i] {
            Some(input) => input.clone(),
            None => panic!("vjp: the op does not save its input {i}"),
        }
    }

    /// All inputs by name: `let [x, weight] = saved.inputs();`
    ///
    /// ```
    /// use gradus_autodiff::{Cotangents, Op, Save, Saved, Var, apply};
    /// use gradus_tensor::Tensor;
    ///
    /// struct Product;
    /// impl Op<f32> for Product {
    ///     fn name(&self) -> &'static str { "product" }
    ///     fn saves(&self) -> Save { Save::INPUTS }
    ///     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor { inputs[0] * inputs[1] }
    ///     fn vjp(&self, saved: &Saved<Var>, g: &Var) -> Cotangents<Var> {
    ///         let [x, y] = saved.inputs();
    ///         vec![Some(g * &y), Some(g * &x)]
    ///     }
    /// }
    /// let (x, y) = (Var::leaf([3.0_f32]), Var::leaf([4.0_f32]));
    /// assert_eq!(apply(Product, &[&x, &y]).backward().of(&x).map(|g| g.item()), Some(4.0));
    /// ```
    ///
    /// # Panics
    /// If there are not `N`, or the op's `saves` does not name all of them.
    #[must_use]
    #[track_caller]
    pub fn inputs<const N: usize>(&self) -> [V; N] {
        let count = self.count();
        assert!(count == N, "vjp: the op has another number of inputs: {count} ({count} ≠ {N})");
        std::array::from_fn(|i| self.input(i))
    }

    /// Input number `i`, to keep: in [`Op::vjp_fused`] its buffer can be written where nobody else holds it.
    ///
    /// ```
    /// use gradus_autodiff::{Cotangents, Op, Save, Saved, Var, apply};
    /// use gradus_tensor::Tensor;
    ///
    /// struct Square;
    /// impl Op<f32> for Square {
    ///     fn name(&self) -> &'static str { "square" }
    ///     fn saves(&self) -> Save { Save::input(0) }
    ///     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor { inputs[0] * inputs[0] }
    ///     fn vjp(&self, saved: &Saved<Var>, g: &Var) -> Cotangents<Var> { vec![Some(g * saved.input(0) * 2.0)] }
    ///     fn vjp_fused(&self, saved: &mut Saved<Tensor>, g: Tensor) -> Result<Cotangents<Tensor>, Tensor> {
    ///         let mut slope = saved.take_input(0); // its buffer may take the product
    ///         slope *= &g;
    ///         slope *= 2.0;
    ///         Ok(vec![Some(slope)])
    ///     }
    /// }
    /// let x = Var::leaf([3.0_f32]);
    /// assert_eq!(apply(Square, &[&x]).backward().of(&x).map(|g| g.item()), Some(6.0));
    /// ```
    ///
    /// # Panics
    /// If the op's `saves` does not name it, or it was taken.
    #[must_use]
    #[track_caller]
    pub fn take_input(&mut self, i: usize) -> V {
        match self.inputs[i].take() {
            Some(input) => input,
            None => panic!("vjp: the op does not save its input {i}"),
        }
    }

    /// The result.
    ///
    /// # Panics
    /// If the op's `saves` does not name it, or it was taken.
    #[must_use]
    #[track_caller]
    pub fn output(&self) -> V {
        match &self.output {
            Some(output) => output.clone(),
            None => panic!("vjp: the op does not save its output"),
        }
    }

    /// The result, to keep, as [`Saved::take_input`].
    ///
    /// ```
    /// use gradus_autodiff::{Cotangents, Op, Save, Saved, Var, apply};
    /// use gradus_tensor::Tensor;
    ///
    /// struct Exp;
    /// impl Op<f32> for Exp {
    ///     fn name(&self) -> &'static str { "exp" }
    ///     fn saves(&self) -> Save { Save::OUTPUT }
    ///     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor { inputs[0].exp() }
    ///     fn vjp(&self, saved: &Saved<Var>, g: &Var) -> Cotangents<Var> { vec![Some(g * saved.output())] }
    ///     fn vjp_fused(&self, saved: &mut Saved<Tensor>, g: Tensor) -> Result<Cotangents<Tensor>, Tensor> {
    ///         assert_eq!(saved.shape(0)[..], [1]);
    ///         Ok(vec![Some(saved.take_output() * &g)])
    ///     }
    /// }
    /// let x = Var::leaf([0.0_f32]);
    /// assert_eq!(apply(Exp, &[&x]).backward().of(&x).map(|g| g.item()), Some(1.0));
    /// ```
    ///
    /// # Panics
    /// If the op's `saves` does not name it, or it was taken.
    #[must_use]
    #[track_caller]
    pub fn take_output(&mut self) -> V {
        match self.output.take() {
            Some(output) => output,
            None => panic!("vjp: the op does not save its output"),
        }
    }

    /// How many inputs there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.shapes.len()
    }

    /// The shape of input number `i`.
    #[must_use]
    pub fn shape(&self, i: usize) -> Shape {
        self.shapes[i]
    }

    /// Whether input number `i` wants a cotangent; a costly one that nobody wants need not be computed.
    #[must_use]
    pub fn wants(&self, i: usize) -> bool {
        self.wanted >> i & 1 == 1
    }
}

/// A differentiable operation.
///
/// ```
/// use gradus_autodiff::{Cotangents, Op, Save, Saved, Var, apply, check_grads};
/// use gradus_tensor::{Float, Tensor};
///
/// struct Cube;
/// impl<T: Float> Op<T> for Cube {
///     fn name(&self) -> &'static str { "cube" }
///     fn saves(&self) -> Save { Save::input(0) }
///     fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> { inputs[0].powf(3.0) }
///     fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
///         vec![Some(g * saved.input(0).square() * 3.0)]
///     }
/// }
/// let x = Var::leaf([1.0_f64, -2.0]);
/// check_grads(|x| apply(Cube, &[&x[0]]), &[x.value().clone()], 2).unwrap();
/// ```
pub trait Op<T: Float>: Send + Sync + 'static {
    /// The name that messages and graphs show.
    fn name(&self) -> &'static str;

    /// What [`Op::vjp`] reads. Asked after [`Op::forward`].
    fn saves(&self) -> Save;

    /// The value. What the rule needs beside inputs and output (indices, masks) the op keeps in itself.
    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T>;

    /// The cotangents of the inputs from that of the output, written in differentiable operations, so that gradients
    /// of any order follow. A cotangent may have the broadcast shape of its input: the engine sums it back.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>>;

    /// A faster form of the same for first-order gradients, on plain tensors; where there is no such form, `Err` gives the
    /// cotangent back.
    ///
    /// The cotangent is the rule's own, and so is what it takes out of `saved`: where nobody else holds their buffers (writing
    /// to a tensor finds that out), results can be written into them.
    ///
    /// # Errors
    /// If there is no such form.
    #[allow(clippy::result_large_err)] // no error: the cotangent, handed back once per op
    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        let _ = saved;
        Err(g)
    }

    /// The tangent of the output from those of the inputs (`None`: nought), in place of the one that follows from [`Op::vjp`]: forward
    /// mode transposes the rule, which is linear in the cotangent. For a rule that is not, because it is made to differ from the
    /// derivative (a straight-through estimator, a clipped cotangent), this says what goes forward. All inputs want one.
    fn jvp(&self, saved: &Saved<Var<T>>, tangents: &[Option<Var<T>>]) -> Option<Var<T>> {
        let _ = (saved, tangents);
        None
    }

    /// How each input goes with the examples of a batch, for [`per_example_gradients`](crate::per_example_gradients): `batch` says
    /// where they lie in the output's cotangent `g`. `None` if the op mixes them or does not know; then it costs a pass for each
    /// example. Inputs that want no cotangent may get any answer.
    fn per_example(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>, batch: Batch) -> Option<Vec<Flow<T>>> {
        let _ = (saved, g, batch);
        None
    }

    /// The rule for many cotangents at once: `[N, …output]` → `[N, …input]` for each input. Worth writing where a parameter goes
    /// through the op before the examples meet it; `None` costs a pass for each example.
    fn vjp_each(&self, saved: &Saved<Tensor<T>>, g: &Tensor<T>) -> Option<Cotangents<Tensor<T>>> {
        let _ = (saved, g);
        None
    }

    /// Whether the value is cheap to compute again from what the op saves. Operations that want to see it in their backward pass
    /// then keep no copy of it, but have it computed again by [`Op::recompute`] (large ones only).
    fn is_cheap(&self) -> bool {
        false
    }

    /// The value once more, for an op that [is cheap](Op::is_cheap): the same bits as [`Op::forward`] gave.
    fn recompute(&self, saved: &Saved<Tensor<T>>) -> Option<Tensor<T>> {
        let _ = saved;
        None
    }

    /// Changes of buffers that `backward` hands out with the gradients (running statistics, for instance).
    fn updates(&self) -> &[Update<T>] {
        &[]
    }
}
