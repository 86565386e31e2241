//! Picking and placing single elements along an axis: gather and its adjoint, scatter in its forms.

use gradus_tensor::{Float, ScatterReduce, Tensor};

use super::index::{Pick, put_back};
use crate::choose;
use crate::op::{Cotangents, Op, Save, Saved};
use crate::var::{Var, apply};

/// The largest or smallest of what meets at a place.
struct ScatterExtreme {
    axis: isize,
    index: Tensor<i64>,
    reduce: ScatterReduce,
    include_self: bool,
}

impl<T: Float> Op<T> for ScatterExtreme {
    fn name(&self) -> &'static str {
        "scatter_reduce"
    }

    fn saves(&self) -> Save {
        Save::INPUTS.and(Save::OUTPUT)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].scatter_reduce(self.axis, &self.index, inputs[1], self.reduce, self.include_self)
    }

    /// All that is equal to the result shares its cotangent evenly.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let (axis, index, best) = (self.axis, &self.index, saved.output());
        let hit = Tensor::<bool>::zeros(*best.shape()).scatter_value(axis, index, true);
        let mut own = saved.input(0).value().equal(best.value());
        if !self.include_self {
            own = own.logical_and(&hit.logical_not());
        }
        let (own, source) = (own.cast::<T>(), saved.input(1));
        let ties = source.value().equal(&best.value().gather(axis, index)).cast::<T>();
        let share =
            g / Var::constant(own.scatter_add(axis, index, &ties).maximum(&Tensor::scalar(T::of(1.0))));
        vec![Some(&share * Var::constant(own)), Some(share.gather(axis, index) * Var::constant(ties))]
    }
}

impl<T: Float> Var<T> {
    /// `out[i][j] = self[i][index[i][j]]` along `axis` (PyTorch: `gather`); `index` has self's lengths in all other axes.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// let y = x.gather(1, &Tensor::from([[1], [0]]));
    /// assert_eq!(y.value().to_vec(), [2.0, 3.0]);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [0.0, 1.0, 1.0, 0.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn gather(&self, axis: isize, index: &Tensor<i64>) -> Self {
        apply(Pick { axis, index: index.clone(), rows: false }, &[self])
    }

    /// [`Var::gather`] where all axes but `axis` broadcast (PyTorch: `take_along_dim`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// let y = x.take_along(&Tensor::from([[1]]), 1);
    /// assert_eq!(y.sum().backward().of(&x).unwrap().to_vec(), [0.0, 1.0, 0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn take_along(&self, index: &Tensor<i64>, axis: isize) -> Self {
        let (x, places) = self.value().along(index.shape(), axis);
        self.expand(x).gather(axis, &index.expand(places))
    }

    /// `self` with `source` added at `index` along `axis`; repeated indices add up (PyTorch: `scatter_add`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let (x, source) = (Var::leaf([1.0_f32, 2.0]), Var::leaf([8.0_f32, 9.0]));
    /// let y = x.scatter_add(0, &Tensor::from([0, 0]), &source);
    /// assert_eq!(y.value().to_vec(), [18.0, 2.0]);
    /// assert_eq!(y.sum().backward().of(&source).unwrap().to_vec(), [1.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        self + put_back(source, axis, index, *self.shape())
    }

    /// `self` with `value` at `index` along `axis`, without a gradient there (PyTorch: `scatter(value=…)`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let x = Var::leaf([1.0_f32, 2.0]);
    /// let y = x.scatter_value(0, &Tensor::from([0]), 7.0);
    /// assert_eq!(y.value().to_vec(), [7.0, 2.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn scatter_value(&self, axis: isize, index: &Tensor<i64>, value: f64) -> Self {
        let hit = Tensor::<bool>::zeros(*self.shape()).scatter_value(axis, index, true);
        self.masked_fill(&hit, value)
    }

    /// `self` with `source` in place of what stands at `index` along `axis`; of repeated indices the last counts, and it
    /// alone gets a gradient (PyTorch: `scatter`, which gives it to all).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::Tensor;
    /// let (x, source) = (Var::leaf([1.0_f32, 2.0]), Var::leaf([8.0_f32, 9.0]));
    /// let y = x.scatter(0, &Tensor::from([0_i64, 0]), &source);
    /// assert_eq!(y.value().to_vec(), [9.0, 2.0]);
    /// assert_eq!(y.sum().backward().of(&source).unwrap().to_vec(), [0.0, 1.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn scatter(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        let order = Tensor::<i64>::arange(index.len()).reshape(*index.shape());
        let last = Tensor::zeros(*self.shape()).scatter(axis, index, &order).gather(axis, index);
        let kept = source.masked_fill(&last.not_equal(&order), 0.0);
        self.scatter_value(axis, index, 0.0).scatter_add(axis, index, &kept)
    }

    /// All that `source` has for one place at `index` along `axis` combined, with what stood there if `include_self`;
    /// places that get nothing stay (PyTorch: `scatter_reduce`). Equals share the gradient of an extreme evenly; that of a
    /// product is right where factors are 0.
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_tensor::{ScatterReduce, Tensor};
    /// let (x, source) = (Var::leaf([2.0_f32, 5.0]), Var::leaf([3.0_f32, 0.0]));
    /// let y = x.scatter_reduce(0, &Tensor::from([0_i64, 0]), &source, ScatterReduce::Product, true);
    /// assert_eq!(y.value().to_vec(), [0.0, 5.0]);
    /// assert_eq!(y.sum().backward().of(&source).unwrap().to_vec(), [0.0, 6.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn scatter_reduce(
        &self,
        axis: isize,
        index: &Tensor<i64>,
        source: &Self,
        reduce: ScatterReduce,
        include_self: bool,
    ) -> Self {
        let base = |value| if include_self { self.clone() } else { self.scatter_value(axis, index, value) };
        match reduce {
            ScatterReduce::Sum => base(0.0).scatter_add(axis, index, source),
            ScatterReduce::Mean => {
                let one = Tensor::scalar(T::of(1.0));
                let own = if include_self {
                    one.expand(self.shape())
                } else {
                    one.expand(self.shape()).scatter_value(axis, index, T::of(0.0))
                };
                let counts = own.scatter_add(axis, index, &one.expand(index.shape()));
                base(0.0).scatter_add(axis, index, source) / Var::constant(counts)
            }
            ScatterReduce::Product => base(1.0).scatter_product(axis, index, source),
            ScatterReduce::Maximum | ScatterReduce::Minimum => {
                let op = ScatterExtreme { axis, index: index.clone(), reduce, include_self };
                apply(op, &[self, source])
            }
        }
    }

    /// Each place times what `source` has for it. Sorted by place, the factors of one place lie together, and a recurrence
    /// that starts anew at each place multiplies them.
    #[track_caller]
    fn scatter_product(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        let same = index.shape() == source.shape();
        assert!(same, "scatter_reduce: index and source differ: {} and {}", index.shape(), source.shape());
        let count = index.dim(axis);
        if count == 0 {
            return self + put_back(source, axis, index, *self.shape());
        }
        let (places, order) = index.sort(axis, false);
        let factors = source.gather(axis, &order);
        let (before, after) = (places.narrow(axis, 0, count - 1), places.narrow(axis, 1, count - 1));
        let changes = before.not_equal(&after);
        let edge = Tensor::<bool>::ones(places.narrow(axis, 0, 1).shape());
        let (starts, ends) = (Tensor::cat(&[&edge, &changes], axis), Tensor::cat(&[&changes, &edge], axis));
        let first = factors.masked_fill(&starts.logical_not(), 0.0);
        let products = first.linear_scan(&factors.masked_fill(&starts, 0.0), axis, false);
        // One product per place, at its last factor; places without one keep 1.
        let hit = Tensor::<bool>::zeros(*self.shape()).scatter_value(axis, &places, true);
        let sums = put_back(&products.masked_fill(&ends.logical_not(), 0.0), axis, &places, *self.shape());
        self * choose(&hit, &sums, &Var::constant(Tensor::scalar(T::of(1.0))))
    }
}
