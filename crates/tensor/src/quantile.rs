//! Quantiles along an axis: which two elements of each row lie around a rank, and what is taken between them.

use crate::element::{Element, Float};
use crate::kernels::order::Keys;
use crate::kernels::scan::is_nan;
use crate::tensor::Tensor;

/// What is taken where a quantile falls between two elements (PyTorch: `interpolation`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum QuantileMethod {
    /// In proportion to the distance from both.
    #[default]
    Linear,
    /// The lower one.
    Lower,
    /// The higher one.
    Higher,
    /// The nearer one; halfway that of even rank.
    Nearest,
    /// Their mean.
    Midpoint,
}

impl QuantileMethod {
    /// Ranks of the lower and the higher element, and the share of the higher.
    fn at(self, q: f64, count: usize) -> (usize, usize, f64) {
        let rank = q * (count as f64 - 1.0);
        let (low, high) = (rank.floor(), rank.ceil());
        let (low, high, share) = match self {
            Self::Linear => (low, high, rank - low),
            Self::Lower => (low, low, 0.0),
            Self::Higher => (high, high, 0.0),
            Self::Nearest => (rank.round_ties_even(), rank.round_ties_even(), 0.0),
            Self::Midpoint => (low, high, 0.5),
        };
        (low as usize, high as usize, share)
    }
}

/// Up to so many ranks each is selected, more come from a sorted row.
const FEW: usize = 16;

/// The places of the elements of some ranks.
fn places_of(keys: &mut dyn Keys, ranks: &[usize], places: &mut [i64]) {
    if ranks.len() > FEW {
        keys.sort();
    } else {
        let mut ascending = ranks.to_vec();
        ascending.sort_unstable();
        ascending.dedup();
        let mut from = 0;
        for nth in ascending {
            keys.select(from, nth);
            from = nth + 1;
        }
    }
    places.iter_mut().zip(ranks).for_each(|(place, &rank)| *place = keys.place(rank) as i64);
}

/// What [`Tensor::quantile_places`] answers.
#[doc(hidden)]
#[derive(Debug)]
pub struct QuantilePlaces<T: Float> {
    /// Places of the lower elements.
    pub low: Tensor<i64>,
    /// Places of the higher elements.
    pub high: Tensor<i64>,
    /// Shares of the higher ones.
    pub share: Tensor<T>,
}

impl<T: Float> Tensor<T> {
    /// Where the elements around the quantiles lie, with the quantiles as the axis' elements; a row with a NaN answers its
    /// first NaN, unless NaNs are skipped.
    #[doc(hidden)]
    #[must_use]
    #[track_caller]
    pub fn quantile_places(
        &self,
        name: &str,
        quantiles: &[f64],
        axis: isize,
        (interpolation, skip_nan): (QuantileMethod, bool),
    ) -> QuantilePlaces<T> {
        let (shape, m) = (self.shape(), quantiles.len());
        let length = shape[shape.axis(name, axis)];
        assert!(length > 0, "{name}: nothing to choose from: {shape} axis {axis}");
        for q in quantiles {
            assert!((0.0..=1.0).contains(q), "{name}: quantile lies outside 0 ..= 1: {q}");
        }
        let around = |count| quantiles.iter().map(move |&q| interpolation.at(q, count));
        let (_, places) = self.choose_rows(name, axis, 2 * m, false, &|row, keys, places| {
            let first_nan = row.iter().position(|&x| is_nan(x));
            let count = row.len() - first_nan.map_or(0, |_| row.iter().filter(|&&x| is_nan(x)).count());
            match first_nan {
                Some(place) if !skip_nan || count == 0 => places.fill(place as i64),
                _ => {
                    let lows = around(count).map(|around| around.0);
                    let ranks: Vec<usize> = lows.chain(around(count).map(|around| around.1)).collect();
                    places_of(keys, &ranks, places);
                }
            }
        });
        let shares = |count| around(count).map(|around| T::of(around.2)).collect::<Vec<T>>();
        let along = shape.axis(name, axis) as isize;
        let share = if skip_nan {
            let counts = self.is_nan().logical_not().count_axes(&[along], true).transpose(along, -1);
            let rows: Vec<T> = counts.to_vec().iter().flat_map(|&n| shares(n.max(1) as usize)).collect();
            let rank = counts.rank();
            Tensor::new(counts.shape().with(rank - 1, m), &rows).transpose(along, -1)
        } else {
            let mut dims = vec![1; self.rank()];
            dims[along as usize] = m;
            Tensor::new(dims, &shares(length))
        };
        QuantilePlaces { low: places.narrow(along, 0, m), high: places.narrow(along, m, m), share }
    }

    #[track_caller]
    fn quantiles_of(
        &self,
        name: &str,
        quantiles: &[f64],
        axis: isize,
        interpolation: QuantileMethod,
        skip_nan: bool,
    ) -> Self {
        let QuantilePlaces { low, high, share } =
            self.quantile_places(name, quantiles, axis, (interpolation, skip_nan));
        let (low, high) = (self.gather(axis, &low), self.gather(axis, &high));
        let one = <T as Element>::ONE;
        low.zip3(&high, &share, |low, high, share| {
            if low == high {
                low
            } else if low.is_finite() && high.is_finite() {
                low + share * (high - low)
            } else {
                // Between an infinity and a number lies no NaN.
                low * (one - share) + high * share
            }
        })
    }

    /// The `q`-quantile along `axis`: in the sorted row the element of rank q(n − 1), counted from 0, or what
    /// `interpolation` takes between two (PyTorch: `quantile`). NaN if any element is NaN. O(n).
    ///
    /// ```
    /// use gradus_tensor::{QuantileMethod, Tensor};
    /// let x = Tensor::from([0.0_f64, 10.0, 20.0, 40.0]);
    /// assert_eq!(x.quantile(0.75, 0, QuantileMethod::Linear, false).item(), 25.0);
    /// assert_eq!(x.quantile(0.75, 0, QuantileMethod::Higher, false).item(), 40.0);
    /// ```
    ///
    /// # Panics
    /// If there is no such axis, it is empty, or `q` lies outside 0 ..= 1.
    #[must_use]
    #[track_caller]
    pub fn quantile(&self, q: f64, axis: isize, interpolation: QuantileMethod, keep: bool) -> Self {
        let y = self.quantiles_of("quantile", &[q], axis, interpolation, false);
        if keep { y } else { y.squeeze(axis) }
    }

    /// Several quantiles along `axis`, which take that axis' place: `[…, N, …] → […, quantiles, …]` (PyTorch puts them
    /// first). See [`Tensor::quantile`].
    ///
    /// ```
    /// use gradus_tensor::{QuantileMethod, Tensor};
    /// let x = Tensor::from([[3.0_f64, 1.0, 2.0]]);
    /// assert_eq!(x.quantiles(&[0.0, 0.75], 1, QuantileMethod::Linear).to_vec(), [1.0, 2.5]);
    /// ```
    ///
    /// # Panics
    /// As `quantile`.
    #[must_use]
    #[track_caller]
    pub fn quantiles(&self, quantiles: &[f64], axis: isize, interpolation: QuantileMethod) -> Self {
        self.quantiles_of("quantiles", quantiles, axis, interpolation, false)
    }

    /// [`Tensor::quantile`] of the elements that are not NaN; NaN if all are (PyTorch: `nanquantile`).
    ///
    /// ```
    /// use gradus_tensor::{QuantileMethod, Tensor};
    /// let x = Tensor::from([f64::NAN, 3.0, 1.0]);
    /// assert_eq!(x.nan_quantile(0.5, 0, QuantileMethod::Linear, false).item(), 2.0);
    /// ```
    ///
    /// # Panics
    /// As `quantile`.
    #[must_use]
    #[track_caller]
    pub fn nan_quantile(&self, q: f64, axis: isize, interpolation: QuantileMethod, keep: bool) -> Self {
        let y = self.quantiles_of("nan_quantile", &[q], axis, interpolation, true);
        if keep { y } else { y.squeeze(axis) }
    }
}
