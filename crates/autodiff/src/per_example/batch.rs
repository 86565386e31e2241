//! Where the examples of a batch lie in a tensor, and the few ways to look at a tensor example by example. It knows shapes, no
//! operation.

use gradus_tensor::{Float, MAX_RANK, Precision, Shape, Tensor};

use super::Flow;

/// Where N examples lie in a tensor: read in row-major order it is `[outer, N, …]`, and example n is the part `[.., n, ..]`. So a
/// batch along any axis can be described, also one that is merged with others (rows of all examples, `[N·T, C]`), and a reshape
/// changes nothing.
///
/// ```
/// use gradus_autodiff::{Batch, Cotangents, Flow, Op, Place, Save, Saved, Var, apply, per_example_gradients};
/// use gradus_tensor::Tensor;
///
/// /// x·w, w shared by all rows; then the transpose.
/// struct ScaleAndTurn;
/// impl Op<f32> for ScaleAndTurn {
///     fn name(&self) -> &'static str { "scale_and_turn" }
///     fn saves(&self) -> Save { Save::INPUTS }
///     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor { (inputs[0] * inputs[1]).t() }
///     fn vjp(&self, saved: &Saved<Var>, g: &Var) -> Cotangents<Var> {
///         let ([x, w], g) = (saved.inputs(), g.t());
///         vec![Some(&g * &w), Some(&g * &x)]
///     }
///     fn per_example(&self, saved: &Saved<Tensor>, g: &Tensor, batch: Batch) -> Option<Vec<Flow<f32>>> {
///         let place: Place = batch.place(g.shape())?; // the columns, here
///         let rows = batch.moved(place, &saved.shape(0), 1 - place.axis);
///         let slopes = rows.sum_to(&(g.t() * &saved.input(0)), &saved.shape(1))?;
///         assert_eq!((batch.count(), slopes.dims()), (2, [2, 3])); // one for each example
///         Some(vec![Flow::Along(rows), Flow::Each(slopes)])
///     }
/// }
/// let x = Var::constant([[1.0_f32, 2.0, 3.0], [4.0, 5.0, 6.0]]);
/// let w = Var::leaf([1.0_f32, 1.0, 1.0]);
/// let losses = apply(ScaleAndTurn, &[&x, &w]).sum_axes(&[0], false); // a loss for each row of x
/// assert_eq!(per_example_gradients(&losses, &[&w])[0].to_vec(), x.value().to_vec());
/// ```
///
/// ```
/// use gradus_autodiff::{Batch, Flow, Place};
/// use gradus_tensor::{Precision, Shape, Tensor};
/// let (batch, shape) = (Batch::new(3, 1), Shape::new(&[6, 2])); // 3 examples, two rows each
/// let place = Place { axis: 0, before: 1, after: 2 };
/// assert_eq!((batch.count(), batch.place(&shape)), (3, Some(place)));
/// assert_eq!(batch.moved(place, &Shape::new(&[4, 6]), 1), Batch::new(3, 4));
/// assert_eq!(batch.aligned(&shape, &Shape::new(&[5, 6, 2])), Some(Batch::new(3, 5)));
/// assert!(matches!(batch.leading::<f64>(&shape, 1, &shape), Some(Flow::Along(_))));
///
/// let x = Tensor::<f64>::ones(shape);
/// assert_eq!(batch.rows(&x).unwrap().dims(), [3, 2, 2]);
/// assert_eq!(batch.sum_to(&x, &Shape::new(&[2])).unwrap(), Tensor::full([3, 2], 2.0));
/// assert_eq!(batch.products(&x, &x, Precision::Full).unwrap(), Tensor::full([3, 2, 2], 2.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    pub(crate) count: usize,
    pub(crate) outer: usize,
}

/// The examples along one axis of length before·N·after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which axis.
    pub axis: usize,
    /// How often the whole batch repeats along it.
    pub before: usize,
    /// How many neighbours belong to one example.
    pub after: usize,
}

fn prefix(shape: &Shape, axis: usize) -> usize {
    shape[..axis].iter().product()
}

impl Batch {
    /// `count` examples, the whole batch `outer` times.
    #[must_use]
    pub const fn new(count: usize, outer: usize) -> Self {
        Self { count, outer }
    }

    /// The number of examples, N, which is at least 2 when an operation is asked.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count
    }

    /// The axis of `shape` along which the examples lie; `None` if they are spread over several.
    #[must_use]
    pub fn place(&self, shape: &Shape) -> Option<Place> {
        (0..shape.len()).find_map(|axis| {
            let step = prefix(shape, axis);
            if step == 0 || !self.outer.is_multiple_of(step) {
                return None;
            }
            let before = self.outer / step;
            let block = before * self.count;
            let fits = block > 0 && shape[axis] > 0 && shape[axis].is_multiple_of(block);
            fits.then(|| Place { axis, before, after: shape[axis] / block })
        })
    }

    /// The same examples along axis `axis` of a tensor of another shape, whose axis is cut as `place` says.
    #[must_use]
    pub fn moved(&self, place: Place, shape: &Shape, axis: usize) -> Self {
        Self { outer: prefix(shape, axis) * place.before, ..*self }
    }

    /// The same for two shapes that are aligned at their last axes, as broadcasting does; `None` if the examples' axis is not in
    /// `to` or has another length there.
    #[must_use]
    pub fn aligned(&self, from: &Shape, to: &Shape) -> Option<Self> {
        let place = self.place(from)?;
        let axis = (place.axis + to.len()).checked_sub(from.len())?;
        (to[axis] == from[place.axis]).then(|| self.moved(place, to, axis))
    }

    /// Rows by example: `[…, C] → [N, R, C]`, where R rows belong to each example; `None` if the examples lie along the last axis.
    ///
    /// ```
    /// use gradus_autodiff::{Batch, Cotangents, Flow, Op, Save, Saved, Var, apply, per_example_gradients};
    /// use gradus_tensor::Tensor;
    ///
    /// struct Linear; // x·Wᵀ
    /// impl Op<f32> for Linear {
    ///     fn name(&self) -> &'static str { "linear" }
    ///     fn saves(&self) -> Save { Save::INPUTS }
    ///     fn forward(&mut self, inputs: &[&Tensor]) -> Tensor { inputs[0].matmul(&inputs[1].t()) }
    ///     fn vjp(&self, saved: &Saved<Var>, g: &Var) -> Cotangents<Var> {
    ///         let [x, w] = saved.inputs();
    ///         vec![Some(g.matmul(&w)), Some(g.t().matmul(&x))]
    ///     }
    ///     fn per_example(&self, saved: &Saved<Tensor>, g: &Tensor, batch: Batch) -> Option<Vec<Flow<f32>>> {
    ///         let (g_rows, x_rows) = (batch.rows(g)?, batch.rows(&saved.input(0))?); // [N, R, O] and [N, R, I]
    ///         let of_x = batch.aligned(g.shape(), &saved.shape(0))?;
    ///         Some(vec![Flow::Along(of_x), Flow::Each(g_rows.t().matmul(&x_rows))])
    ///     }
    /// }
    /// let (x, w) = (Var::constant([[1.0_f32, 2.0], [3.0, 4.0]]), Var::leaf([[1.0, 1.0]]));
    /// let losses = apply(Linear, &[&x, &w]).sum_axes(&[1], false);
    /// assert_eq!(per_example_gradients(&losses, &[&w])[0].to_vec(), [1.0, 2.0, 3.0, 4.0]);
    /// ```
    #[must_use]
    pub fn rows<T: Float>(&self, x: &Tensor<T>) -> Option<Tensor<T>> {
        let width = *x.shape().last()?;
        let part = self.outer * self.count * width;
        if part == 0 || !x.len().is_multiple_of(part) {
            return None;
        }
        let (n, after) = (self.count, x.len() / part);
        let apart = x.reshape([self.outer, n, after, width]).permute(&[1, 0, 2, 3]);
        Some(apart.reshape([n, self.outer * after, width]))
    }

    /// The sum of aᵀ·b over the rows of each example: `[…, A], […, B] → [N, A, B]`; `None` as for [`Batch::rows`].
    #[must_use]
    pub fn products<T: Float>(
        &self,
        a: &Tensor<T>,
        b: &Tensor<T>,
        precision: Precision,
    ) -> Option<Tensor<T>> {
        let (a, b) = (self.rows(a)?, self.rows(b)?);
        // Of one row each there is nothing to sum.
        let is_plain = a.dim(1) == 1 && precision == Precision::Full;
        Some(if is_plain { a.t() * &b } else { a.t().matmul_in(&b, None, precision) })
    }

    /// What an input `[…, R, C]` of an op on matrices gets, whose output has the same leading axes and holds the examples there.
    #[must_use]
    pub fn leading<T: Float>(&self, output: &Shape, axes: usize, input: &Shape) -> Option<Flow<T>> {
        let place = self.place(output)?;
        (place.axis + axes < output.len()).then(|| Flow::Along(self.moved(place, input, place.axis)))
    }

    /// What a broadcast input of shape `to` gets from each example: `x` of the output's shape is summed over the axes that were
    /// stretched, but not over the examples: `[N, …to]`. `None` if it is a matter of more than 8 axes.
    #[must_use]
    pub fn sum_to<T: Float>(&self, x: &Tensor<T>, to: &Shape) -> Option<Tensor<T>> {
        let (shape, place) = (x.shape(), self.place(x.shape())?);
        let rank = shape.len();
        if rank + 2 > MAX_RANK || to.len() + 1 > MAX_RANK {
            return None;
        }
        let cut = [&shape[..place.axis], &[place.before, self.count, place.after], &shape[place.axis + 1..]];
        let order: Vec<usize> =
            std::iter::once(place.axis + 1).chain((0..rank + 2).filter(|&a| a != place.axis + 1)).collect();
        // Axis `place.axis` of `to` has length 1 or is not there: so have the two that are left of it here.
        let mut target = vec![1; rank + 2];
        target[0] = self.count;
        for (axis, &length) in to.iter().enumerate() {
            let at = axis + rank - to.len();
            target[at + 1 + usize::from(at >= place.axis)] = length;
        }
        let summed = x.reshape(Shape::new(&cut.concat())).permute(&order).sum_to(&Shape::new(&target));
        Some(summed.reshape(to.insert(0, self.count)))
    }

    /// Example `n` of `x`, with noughts in place of the others.
    pub(crate) fn alone<T: Float>(&self, x: &Tensor<T>, n: usize) -> Tensor<T> {
        let inner = x.len() / (self.outer * self.count).max(1);
        let apart = x.reshape([self.outer, self.count, inner]);
        let others = [(0, 0), (n, self.count - 1 - n), (0, 0)];
        apart.narrow(1, n, 1).pad(&others, T::ZERO).reshape(*x.shape())
    }

    /// All examples as in [`Batch::alone`], one after the other: `[N, …x]`.
    pub(crate) fn apart<T: Float>(&self, x: &Tensor<T>) -> Tensor<T> {
        let (n, inner) = (self.count, x.len() / (self.outer * self.count).max(1));
        let own = Tensor::<T>::eye(n).map(|own| own != T::ZERO).reshape([n, 1, n, 1]);
        let apart = own.choose(&x.reshape([1, self.outer, n, inner]), &Tensor::scalar(T::ZERO));
        apart.reshape(x.shape().insert(0, n))
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, Place};
    use gradus_tensor::{Shape, Tensor};

    #[test]
    fn examples_are_found_along_the_axis_that_counts_them() {
        let place = |outer, shape: &[usize]| Batch { count: 3, outer }.place(&Shape::new(shape));
        assert_eq!(place(1, &[3, 5]), Some(Place { axis: 0, before: 1, after: 1 }));
        assert_eq!(place(1, &[12, 5]), Some(Place { axis: 0, before: 1, after: 4 }));
        assert_eq!(place(5, &[15]), Some(Place { axis: 0, before: 5, after: 1 }));
        assert_eq!(place(5, &[5, 6]), Some(Place { axis: 1, before: 1, after: 2 }));
        assert_eq!(place(1, &[1, 3]), Some(Place { axis: 1, before: 1, after: 1 }));
        assert_eq!(place(2, &[4, 5]), None);
        assert_eq!(place(0, &[0, 3]), None);
    }

    #[test]
    fn sums_by_example_are_those_of_its_part() {
        // [5, 2·3·2, 4]: three examples in the middle of the middle axis.
        let batch = Batch { count: 3, outer: 10 };
        let x = Tensor::<f64>::from_fn([5, 12, 4], |i| (i[0] * 48 + i[1] * 4 + i[2]) as f64);
        for to in [&[4][..], &[1, 4], &[1, 1], &[5, 1, 4], &[5, 1, 1], &[]] {
            let to = Shape::new(to);
            let got = batch.sum_to(&x, &to).expect("few axes");
            for n in 0..3 {
                assert_eq!(got.select(0, n).to_vec(), batch.alone(&x, n).sum_to(&to).to_vec(), "{to} {n}");
            }
        }
        let apart = batch.apart(&x);
        (0..3).for_each(|n| assert_eq!(apart.select(0, n).to_vec(), batch.alone(&x, n).to_vec()));
        assert_eq!(batch.alone(&x, 1).to_vec().iter().filter(|&&x| x != 0.0).count(), 5 * 4 * 4);
    }
}
