//! Tensors from `ndarray`'s arrays and back. Both copy: neither crate gives its memory away.

use ndarray::{ArrayBase, ArrayD, Data, Dimension, IxDyn};

use crate::element::Element;
use crate::tensor::Tensor;

/// An array of any dimension, of at most 8 axes, in any layout.
///
/// ```
/// use gradus_tensor::Tensor;
/// let x = Tensor::from(&ndarray::array![[1.0_f32, 2.0], [3.0, 4.0]].t());
/// assert_eq!(x, Tensor::from([[1.0, 3.0], [2.0, 4.0]]));
/// ```
impl<T: Element, S: Data<Elem = T>, D: Dimension> From<&ArrayBase<S, D>> for Tensor<T> {
    #[track_caller]
    fn from(array: &ArrayBase<S, D>) -> Self {
        let values: Vec<T> = array.iter().copied().collect();
        Self::new(array.shape(), &values)
    }
}

/// ```
/// use gradus_tensor::Tensor;
/// let array = ndarray::ArrayD::from(&Tensor::from([[1, 2], [3, 4]]).t());
/// assert_eq!(array, ndarray::array![[1, 3], [2, 4]].into_dyn());
/// ```
impl<T: Element> From<&Tensor<T>> for ArrayD<T> {
    fn from(x: &Tensor<T>) -> Self {
        let values = x.to_vec();
        // INVARIANT: a tensor has as many elements as its shape says, and what holds them is in memory.
        #[allow(clippy::expect_used)]
        ArrayD::from_shape_vec(IxDyn(x.shape()), values).expect("as many elements as the shape says")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for x in [
            Tensor::<i64>::arange(24).reshape([2, 3, 4]).permute(&[2, 0, 1]),
            Tensor::scalar(5),
            Tensor::zeros([2, 0, 3]),
            Tensor::<i64>::arange(5).flip(0),
        ] {
            let array = ArrayD::from(&x);
            assert_eq!(array.shape(), &x.shape()[..]);
            assert_eq!(Tensor::from(&array), x);
            assert_eq!(Tensor::from(&array.view().reversed_axes()).reshape([x.len()]).len(), x.len());
        }
        let sliced = ndarray::Array2::from_shape_fn((4, 6), |(i, j)| (10 * i + j) as f32);
        let sliced = sliced.slice(ndarray::s![..;-2, 1..;2]);
        assert_eq!(Tensor::from(&sliced), Tensor::from([[31.0, 33.0, 35.0], [11.0, 13.0, 15.0]]));
    }
}
