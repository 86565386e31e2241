//! Whether two tensors agree, and if not, where they differ most.

use crate::element::Element;
use crate::tensor::Tensor;

/// |a − b| ≤ absolute + relative·|b|; equal infinities agree, a NaN agrees with nothing.
fn excess(a: f64, b: f64, relative: f64, absolute: f64) -> f64 {
    let allowed = absolute + relative * b.abs();
    match (a - b).abs() {
        _ if a == b => 0.0,
        off if off <= allowed && b.is_finite() => 0.0,
        off if off.is_nan() || allowed == 0.0 => f64::INFINITY,
        off => off / allowed,
    }
}

impl<T: Element> Tensor<T> {
    /// Whether |a − b| ≤ `absolute` + `relative`·|b| for all elements; equal infinities agree, a NaN agrees with nothing
    /// (PyTorch: `allclose(rtol, atol)`, with defaults 1e−5 and 1e−8). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert!(Tensor::from([1.0_f32, 2.0]).allclose(&Tensor::from([1.0, 2.00001]), 1e-5, 1e-8));
    /// assert!(!Tensor::from([f32::NAN]).allclose(&Tensor::from([f32::NAN]), 1e-5, 1e-8));
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn allclose(&self, other: &Self, relative: f64, absolute: f64) -> bool {
        let (x, y) = (self.shape(), other.shape());
        let Some(shape) = x.broadcast(y) else {
            panic!("allclose: shapes do not broadcast: {x} and {y} (each axis equal, or 1)");
        };
        let (a, b) = (self.expand(shape).to_vec(), other.expand(shape).to_vec());
        a.iter().zip(&b).all(|(a, b)| excess(a.as_f64(), b.as_f64(), relative, absolute) == 0.0)
    }

    /// Stops the program unless shapes are equal and all elements close, as [`Tensor::allclose`] says (PyTorch:
    /// `testing.assert_close`). The message shows the element that is worst against what is allowed.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// Tensor::from([1.0_f32, 2.0]).assert_close(&Tensor::from([1.0, 2.0]), 1e-5, 1e-8);
    /// ```
    ///
    /// ```should_panic
    /// use gradus_tensor::Tensor;
    /// // close: 1 of 4 elements differ, most at [1, 0]: 3 instead of 3.5 (off by 0.5, allowed 0.1)
    /// let want = Tensor::from([[1.0_f32, 2.0], [3.5, 4.0]]);
    /// Tensor::from([[1.0, 2.0], [3.0, 4.0]]).assert_close(&want, 0.0, 0.1);
    /// ```
    ///
    /// # Panics
    /// If they are not.
    #[track_caller]
    pub fn assert_close(&self, want: &Self, relative: f64, absolute: f64) {
        let (x, y) = (self.shape(), want.shape());
        assert!(x == y, "close: shapes differ: {x} instead of {y}");
        let (a, b) = (self.to_vec(), want.to_vec());
        let worst = |(i, (a, b)): (usize, (&T, &T))| (excess(a.as_f64(), b.as_f64(), relative, absolute), i);
        let wrong: Vec<(f64, usize)> =
            a.iter().zip(&b).enumerate().map(worst).filter(|&(excess, _)| excess > 0.0).collect();
        let Some(&(_, flat)) = wrong.iter().max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1))) else {
            return;
        };
        let mut rest = flat;
        let mut place: Vec<usize> = x.iter().rev().map(|&length| (rest % length, rest /= length).0).collect();
        place.reverse();
        let (got, wanted) = (a[flat], b[flat]);
        let (off, allowed) =
            ((got.as_f64() - wanted.as_f64()).abs(), absolute + relative * wanted.as_f64().abs());
        panic!(
            "close: {} of {} elements differ, most at {place:?}: {got} instead of {wanted} (off by {off:.3e}, allowed {allowed:.3e})",
            wrong.len(),
            a.len()
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_pytorch_s() {
        let close = |a: f64, b: f64| Tensor::from([a]).allclose(&Tensor::from([b]), 1e-2, 1e-3);
        assert!(close(100.0, 101.0) && close(0.0, 0.001) && !close(0.0, 0.0011) && !close(102.1, 101.0));
        let infinity = f64::INFINITY;
        assert!(close(infinity, infinity) && !close(infinity, -infinity) && !close(1.0, infinity));
        assert!(!close(infinity, 1.0) && !close(f64::NAN, f64::NAN) && !close(0.0, f64::NAN));
        assert!(Tensor::from([[1, 1], [1, 1]]).allclose(&Tensor::scalar(1), 0.0, 0.0));
        assert!(Tensor::<f32>::zeros([0]).allclose(&Tensor::zeros([0]), 0.0, 0.0));
        assert!(!Tensor::from([true]).allclose(&Tensor::from([false]), 0.0, 0.5));
    }

    #[test]
    #[should_panic(
        expected = "close: 2 of 4 elements differ, most at [1, 0]: 3 instead of 4 (off by 1.000e0, allowed 1.000e-1)"
    )]
    fn the_worst_element_is_shown() {
        let want = Tensor::from([[1.0_f64, 2.5], [4.0, 4.0]]);
        Tensor::from([[1.0, 2.0], [3.0, 4.0]]).assert_close(&want, 0.0, 0.1);
    }

    #[test]
    #[should_panic(expected = "close: 1 of 3 elements differ, most at [1]: NaN instead of 1")]
    fn a_nan_is_worst() {
        Tensor::from([1.0_f32, f32::NAN, 2.0]).assert_close(&Tensor::from([1.0, 1.0, 2.0]), 0.0, 0.0);
    }

    #[test]
    #[should_panic(expected = "close: shapes differ: [2] instead of [1, 2]")]
    fn shapes_count() {
        Tensor::from([1, 2]).assert_close(&Tensor::from([[1, 2]]), 0.0, 0.0);
    }
}
