//! Sorting tensors and choosing by rank along an axis: sort, the k best, the k-th, median, mode. The loops are in
//! `kernels::order`; this file brings any axis into rows. NaN counts as larger than every number.

use crate::element::Element;
use crate::kernels::order::{self, Choose, Keys};
use crate::kernels::scan::is_nan;
use crate::tensor::Tensor;

/// The places of the first elements, in the order they have.
fn take(keys: &dyn Keys, places: &mut [i64]) {
    places.iter_mut().enumerate().for_each(|(i, place)| *place = keys.place(i) as i64);
}

impl<T: Element> Tensor<T> {
    /// `m` elements of each row along `axis`, chosen by `f`: their values and places, with `m` as that axis' length.
    #[track_caller]
    pub(crate) fn choose_rows(
        &self,
        name: &str,
        axis: isize,
        m: usize,
        descending: bool,
        f: Choose<'_, T>,
    ) -> (Self, Tensor<i64>) {
        let at = self.shape().axis(name, axis) as isize;
        let x = self.transpose(at, -1).contiguous();
        let n = self.shape()[at as usize];
        let shape = x.shape().with(x.rank() - 1, m);
        let mut places = Tensor::zeros(shape);
        let values = Self::build(shape, |values| {
            let x = x.as_slice().unwrap_or(&[]);
            order::choose(x, (n, m), descending, (values, places.make_mut()), f);
        });
        (values.transpose(at, -1), places.transpose(at, -1))
    }

    /// One element of each row.
    #[track_caller]
    fn choose_one(
        &self,
        name: &str,
        axis: isize,
        keep: bool,
        f: &(dyn Fn(&[T], &mut dyn Keys) -> usize + Sync),
    ) -> (Self, Tensor<i64>) {
        let length = self.shape()[self.shape().axis(name, axis)];
        assert!(length > 0, "{name}: nothing to choose from: {} axis {axis}", self.shape());
        let one = |row: &[T], keys: &mut dyn Keys, places: &mut [i64]| places[0] = f(row, keys) as i64;
        let (values, places) = self.choose_rows(name, axis, 1, false, &one);
        if keep { (values, places) } else { (values.squeeze(axis), places.squeeze(axis)) }
    }

    /// The elements in order along `axis`, and where each comes from (PyTorch: `sort(stable=True)`). Equals keep their
    /// order; −0 equals 0; NaN counts as largest: last, or first if `descending`. `[…] → […], […]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (values, places) = Tensor::from([3.0_f32, 1.0, 2.0]).sort(0, false);
    /// assert_eq!((values.to_vec(), places.to_vec()), (vec![1.0, 2.0, 3.0], vec![1, 2, 0]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn sort(&self, axis: isize, descending: bool) -> (Self, Tensor<i64>) {
        let n = self.shape()[self.shape().axis("sort", axis)];
        self.choose_rows("sort", axis, n, descending, &|_, keys, places| {
            keys.sort();
            take(keys, places);
        })
    }

    /// Where the elements in order along `axis` come from: the second answer of [`Tensor::sort`] (PyTorch: `argsort`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([3.0_f32, 1.0, 2.0]).argsort(0, true).to_vec(), [0, 2, 1]);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis.
    #[must_use]
    #[track_caller]
    pub fn argsort(&self, axis: isize, descending: bool) -> Tensor<i64> {
        self.sort(axis, descending).1
    }

    /// The `k` largest (or smallest) elements along `axis` and their places, in order if `sorted` (PyTorch: `topk`). Of
    /// equals the first are taken. O(n + k log k): `[…, N, …] → […, k, …], […, k, …]`.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (values, places) = Tensor::from([3_i64, 9, 1, 7]).top_k(2, 0, true, true);
    /// assert_eq!((values.to_vec(), places.to_vec()), (vec![9, 7], vec![1, 3]));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it has fewer than `k` elements.
    #[must_use]
    #[track_caller]
    pub fn top_k(&self, k: usize, axis: isize, largest: bool, sorted: bool) -> (Self, Tensor<i64>) {
        let n = self.shape()[self.shape().axis("top_k", axis)];
        assert!(k <= n, "top_k: too few elements: {} axis {axis} ({k} > {n})", self.shape());
        self.choose_rows("top_k", axis, k, largest, &|_, keys, places| {
            if k > 0 && k < n {
                keys.select(0, k - 1);
                keys.cut(k);
            }
            if sorted {
                keys.sort();
            }
            take(keys, places);
        })
    }

    /// The `k`-th smallest element along `axis`, k counted from 1, and its place (PyTorch: `kthvalue`). O(n).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (value, place) = Tensor::from([3_i64, 9, 1, 7]).kth_value(3, 0, false);
    /// assert_eq!((value.item(), place.item()), (7, 3));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or `k` is not 1 ..= its length.
    #[must_use]
    #[track_caller]
    pub fn kth_value(&self, k: usize, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        let n = self.shape()[self.shape().axis("kth_value", axis)];
        let inside = (1..=n).contains(&k);
        assert!(inside, "kth_value: k lies outside 1 ..= {n}: {} axis {axis} (k = {k})", self.shape());
        self.choose_one("kth_value", axis, keep, &|_, keys| {
            keys.select(0, k - 1);
            keys.place(k - 1)
        })
    }

    /// The middle element along `axis`, the lower one of two, and its place; NaN if any is NaN (PyTorch: `median`). O(n).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (value, place) = Tensor::from([4.0_f32, 1.0, 3.0, 2.0]).median(0, false);
    /// assert_eq!((value.item(), place.item()), (2.0, 3));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn median(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.choose_one("median", axis, keep, &|row, keys| match row.iter().position(|&x| is_nan(x)) {
            Some(place) => place,
            None => middle(keys, row.len()),
        })
    }

    /// [`Tensor::median`] of the elements that are not NaN; NaN if all are (PyTorch: `nanmedian`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([1.0_f32, f32::NAN, 3.0]).nan_median(0, false).0.item(), 1.0);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn nan_median(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.choose_one("nan_median", axis, keep, &|row, keys| match row
            .iter()
            .filter(|&&x| !is_nan(x))
            .count()
        {
            0 => 0,
            count => middle(keys, count),
        })
    }

    /// The most frequent element along `axis`, the smallest of several, and the last place where it stands (PyTorch:
    /// `mode`). Every NaN counts as a value of its own.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (value, place) = Tensor::from([1_i64, 2, 1, 3]).mode(0, false);
    /// assert_eq!((value.item(), place.item()), (1, 2));
    /// ```
    ///
    /// # Panics
    /// If there is no such axis or it is empty.
    #[must_use]
    #[track_caller]
    pub fn mode(&self, axis: isize, keep: bool) -> (Self, Tensor<i64>) {
        self.choose_one("mode", axis, keep, &|row, keys| {
            keys.sort();
            let (mut best, mut most, mut run) = (0, 0, 0);
            for i in 0..row.len() {
                let follows = i > 0 && row[keys.place(i)] == row[keys.place(i - 1)];
                run = if follows { run + 1 } else { 1 };
                if run > most {
                    (best, most) = (i, run);
                }
            }
            keys.place(best)
        })
    }
}

/// The place of the lower middle of the first `count` in order.
fn middle(keys: &mut dyn Keys, count: usize) -> usize {
    let nth = (count - 1) / 2;
    keys.select(0, nth);
    keys.place(nth)
}
