//! Picking and placing single elements along an axis: gather, and scatter in its forms. A tensor is seen as
//! `[outer, n, inner]`; the outer parts are independent of each other and may go to different threads.

use crate::element::{Element, Number};
use crate::index::checked;
use crate::math::{larger, smaller};
use crate::parallel::{self, Cost};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How [`Tensor::scatter_reduce`] combines what meets at one place (PyTorch: `reduce`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScatterReduce {
    /// Their sum.
    Sum,
    /// Their product.
    Product,
    /// Their mean; integers round towards −∞.
    Mean,
    /// The largest; NaN if any is NaN (PyTorch: `amax`).
    Maximum,
    /// The smallest; NaN if any is NaN (PyTorch: `amin`).
    Minimum,
}

/// The least elements of a part.
const PART: usize = 16 * 1024;

/// Lengths along and behind the axis, once the shapes are known to agree in all other axes.
struct Along {
    /// self's length along the axis.
    n: usize,
    /// The index's.
    count: usize,
    inner: usize,
}

impl Along {
    #[track_caller]
    fn new(op: &str, shape: &Shape, axis: isize, index: &Shape) -> Self {
        let at = shape.axis(op, axis);
        let fits = shape.len() == index.len() && index.with(at, shape[at]) == *shape;
        assert!(fits, "{op}: index differs beside axis {axis}: {shape} and {index}");
        Self { n: shape[at], count: index[at], inner: shape[at + 1..].iter().product() }
    }

    /// How many outer parts a thread takes at a time.
    fn outer(&self) -> usize {
        (PART / (self.n.max(self.count) * self.inner).max(1)).max(1)
    }
}

impl<T: Element> Tensor<T> {
    /// `out[i][j] = self[i][index[i][j]]` along `axis` (PyTorch: `gather`); `index` has self's lengths in all other axes.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1_i64, 2], [3, 4]]);
    /// assert_eq!(x.gather(1, &Tensor::from([[1], [0]])).to_vec(), [2, 3]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn gather(&self, axis: isize, index: &Tensor<i64>) -> Self {
        let along = Along::new("gather", self.shape(), axis, index.shape());
        let picks = checked("gather", index, along.n);
        let x = self.contiguous();
        let values = x.as_slice().unwrap_or(&[]);
        let (whole, part) = (along.n * along.inner, (along.count * along.inner).max(1));
        let many = along.outer();
        Self::build(*index.shape(), |out| {
            let cost = Cost::bytes(out.len() * (2 * size_of::<T>() + size_of::<usize>()));
            parallel::chunks_mut(out, many * part, cost, |chunk, out| {
                for (i, out) in out.chunks_mut(part).enumerate() {
                    let row = chunk * many + i;
                    let (values, picks) = (&values[row * whole..][..whole], &picks[row * part..][..part]);
                    for (out, picks) in out.chunks_mut(along.inner).zip(picks.chunks(along.inner)) {
                        for (c, (out, &pick)) in out.iter_mut().zip(picks).enumerate() {
                            *out = values[pick * along.inner + c];
                        }
                    }
                }
            });
        })
    }

    /// [`Tensor::gather`] where all axes but `axis` broadcast (PyTorch: `take_along_dim`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.take_along(&Tensor::from([[1_i64]]), 1).to_vec(), [2.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn take_along(&self, index: &Tensor<i64>, axis: isize) -> Self {
        let (x, places) = self.along(index.shape(), axis);
        self.expand(x).gather(axis, &index.expand(places))
    }

    /// The shapes of tensor and index under which [`Tensor::take_along`] gathers.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn along(&self, index: &Shape, axis: isize) -> (Shape, Shape) {
        let (x, at) = (self.shape(), self.shape().axis("take_along", axis));
        let same_rank = x.len() == index.len();
        match same_rank.then(|| x.with(at, 1).broadcast(&index.with(at, 1))).flatten() {
            Some(common) => (common.with(at, x[at]), common.with(at, index[at])),
            None => panic!("take_along: index does not broadcast beside axis {axis}: {x} and {index}"),
        }
    }

    /// A copy with `f(old, new)` at `index` along `axis`, in the order of the source.
    #[track_caller]
    fn place(
        &self,
        name: &str,
        axis: isize,
        index: &Tensor<i64>,
        source: &Self,
        f: impl Fn(T, T) -> T + Sync + Send,
    ) -> Self {
        let along = Along::new(name, self.shape(), axis, index.shape());
        let same = index.shape() == source.shape();
        assert!(same, "{name}: index and source differ: {} and {}", index.shape(), source.shape());
        let picks = checked(name, index, along.n);
        let source = source.contiguous();
        let values = source.as_slice().unwrap_or(&[]);
        let (whole, part) = ((along.n * along.inner).max(1), along.count * along.inner);
        let many = along.outer();
        let mut out = self.clone();
        if picks.is_empty() {
            return out;
        }
        let cost = Cost::bytes(values.len() * (3 * size_of::<T>() + size_of::<usize>()));
        parallel::chunks_mut(out.make_mut(), many * whole, cost, |chunk, out| {
            for (i, out) in out.chunks_mut(whole).enumerate() {
                let from = (chunk * many + i) * part;
                let (values, picks) = (&values[from..][..part], &picks[from..][..part]);
                for (values, picks) in values.chunks(along.inner).zip(picks.chunks(along.inner)) {
                    for (c, (&value, &pick)) in values.iter().zip(picks).enumerate() {
                        let to = &mut out[pick * along.inner + c];
                        *to = f(*to, value);
                    }
                }
            }
        });
        out
    }

    /// A copy with `source` in place of what stands at `index` along `axis`; of repeated indices the last counts (PyTorch:
    /// `scatter`, which leaves that open). `index` has self's lengths in all other axes.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([1.0_f32, 2.0, 3.0]);
    /// let y = x.scatter(0, &Tensor::from([2_i64, 0]), &Tensor::from([8.0, 9.0]));
    /// assert_eq!(y.to_vec(), [9.0, 2.0, 8.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn scatter(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        self.place("scatter", axis, index, source, |_, new| new)
    }

    /// A copy with `value` at `index` along `axis` (PyTorch: `scatter(value=…)`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1_i64, 2], [3, 4]]);
    /// assert_eq!(x.scatter_value(1, &Tensor::from([[1], [0]]), 9).to_vec(), [1, 9, 9, 4]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn scatter_value(&self, axis: isize, index: &Tensor<i64>, value: T) -> Self {
        let source = Self::scalar(value).expand(index.shape());
        self.place("scatter_value", axis, index, &source, |_, new| new)
    }
}

impl<T: Number> Tensor<T> {
    /// A copy with `source` added at `index` along `axis`; repeated indices add up (PyTorch: `scatter_add`). `index` has
    /// self's lengths in all other axes.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (x, index) = (Tensor::from([1_i64, 2]), Tensor::from([0, 0]));
    /// assert_eq!(x.scatter_add(0, &index, &Tensor::from([10, 20])).to_vec(), [31, 2]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not fit or an index lies outside.
    #[must_use]
    #[track_caller]
    pub fn scatter_add(&self, axis: isize, index: &Tensor<i64>, source: &Self) -> Self {
        self.place("scatter_add", axis, index, source, T::plus)
    }

    /// A copy in which all that `source` has for one place at `index` along `axis` is combined, with what stood there if
    /// `include_self`; places that get nothing stay (PyTorch: `scatter_reduce`).
    ///
    /// ```
    /// use gradus_tensor::{ScatterReduce, Tensor};
    /// let (x, index) = (Tensor::from([1.0_f32, 9.0]), Tensor::from([0_i64, 0]));
    /// let source = Tensor::from([4.0, 6.0]);
    /// let y = |include| x.scatter_reduce(0, &index, &source, ScatterReduce::Mean, include).to_vec();
    /// assert_eq!((y(false), y(true)), (vec![5.0, 9.0], vec![11.0 / 3.0, 9.0]));
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
        let name = "scatter_reduce";
        let start = match reduce {
            ScatterReduce::Sum | ScatterReduce::Mean => T::ZERO,
            ScatterReduce::Product => T::ONE,
            ScatterReduce::Maximum => T::LOWEST,
            ScatterReduce::Minimum => T::HIGHEST,
        };
        let from = if include_self { self.clone() } else { self.scatter_value(axis, index, start) };
        match reduce {
            ScatterReduce::Sum => from.place(name, axis, index, source, T::plus),
            ScatterReduce::Product => from.place(name, axis, index, source, T::times),
            ScatterReduce::Maximum => from.place(name, axis, index, source, larger),
            ScatterReduce::Minimum => from.place(name, axis, index, source, smaller),
            ScatterReduce::Mean => {
                let one = Tensor::scalar(1_i64);
                let base = one.expand(self.shape());
                let base = if include_self { base } else { base.scatter_value(axis, index, 0) };
                let counts = base.scatter_add(axis, index, &one.expand(index.shape()));
                from.place(name, axis, index, source, T::plus).zip(&counts, |sum, n| match sum.as_i64() {
                    Some(sum) => T::of_i64(sum.div_euclid(n)),
                    None => sum.over(T::of_f64(n as f64)),
                })
            }
        }
    }
}
