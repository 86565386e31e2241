//! Truth values: comparisons (with tensors and with numbers), what floats are, logic, choices by a mask, and where a mask
//! is true. Everything here goes through the strided engine.

use crate::element::{Element, Float};
use crate::elementwise::common_shape;
use crate::isa::current_isa;
use crate::kernels::strided::{self, Operand};
use crate::tensor::Tensor;

macro_rules! comparison_table {
    ($($doc:literal $name:ident $scalar:ident $op:tt;)*) => {
        impl<T: Element> Tensor<T> {
            $(
                #[doc = $doc]
                ///
                /// Shapes broadcast.
                ///
                /// # Panics
                /// If the shapes do not broadcast.
                #[must_use]
                #[track_caller]
                pub fn $name(&self, other: &Self) -> Tensor<bool> { self.zip(other, |a, b| a $op b) }

                #[doc = concat!("[`Tensor::", stringify!($name), "`] with one number for all elements.")]
                #[must_use]
                pub fn $scalar(&self, other: T) -> Tensor<bool> { self.map(move |a| a $op other) }
            )*
        }
    };
}
comparison_table! {
    "Where a = b; a NaN equals nothing (PyTorch: `eq`)." equal equal_scalar ==;
    "Where a ≠ b (PyTorch: `ne`)." not_equal not_equal_scalar !=;
    "Where a < b (PyTorch: `lt`)." less less_scalar <;
    "Where a ≤ b (PyTorch: `le`)." less_equal less_equal_scalar <=;
    "Where a > b (PyTorch: `gt`)." greater greater_scalar >;
    "Where a ≥ b (PyTorch: `ge`)." greater_equal greater_equal_scalar >=;
}

impl<T: Float> Tensor<T> {
    /// Where x is NaN (PyTorch: `isnan`).
    ///
    /// ```
    /// let x = gradus_tensor::Tensor::from([1.0_f32, f32::NAN, f32::INFINITY]);
    /// assert_eq!(x.is_nan().to_vec(), [false, true, false]);
    /// assert_eq!(x.is_finite().to_vec(), [true, false, false]);
    /// ```
    #[must_use]
    pub fn is_nan(&self) -> Tensor<bool> {
        self.map(|x| x.is_nan())
    }

    /// Where x is neither NaN nor infinite (PyTorch: `isfinite`).
    #[must_use]
    pub fn is_finite(&self) -> Tensor<bool> {
        self.map(|x| x.is_finite())
    }

    /// Where x is ∞ or −∞ (PyTorch: `isinf`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([f32::NEG_INFINITY, f32::NAN]).is_infinite().to_vec(), [true, false]);
    /// ```
    #[must_use]
    pub fn is_infinite(&self) -> Tensor<bool> {
        self.map(|x| x.is_infinite())
    }

    /// Where the sign bit is set: below 0, at −0, and at NaNs that have it (PyTorch: `signbit`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([-0.0_f32, 0.0, -1.0]).signbit().to_vec(), [true, false, true]);
    /// ```
    #[must_use]
    pub fn signbit(&self) -> Tensor<bool> {
        self.map(|x| x.is_sign_negative())
    }

    /// Where |a − b| ≤ absolute + relative·|b|, or both are the same infinity (PyTorch: `isclose`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([1.0_f64, 1.0]), Tensor::from([1.0 + 1e-9, 1.1]));
    /// assert_eq!(a.is_close(&b, 1e-5, 1e-8).to_vec(), [true, false]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn is_close(&self, other: &Self, relative: f64, absolute: f64) -> Tensor<bool> {
        self.zip(other, move |a, b| {
            let (a, b) = (a.as_f64(), b.as_f64());
            a == b || (b.is_finite() && (a - b).abs() <= absolute + relative * b.abs())
        })
    }
}

macro_rules! logic {
    ($($trait:ident $method:ident $name:ident $op:tt $doc:literal;)*) => {$(
        impl std::ops::$trait<&Tensor<bool>> for &Tensor<bool> {
            type Output = Tensor<bool>;
            #[track_caller]
            fn $method(self, other: &Tensor<bool>) -> Tensor<bool> {
                self.$name(other)
            }
        }
        impl std::ops::$trait<Tensor<bool>> for Tensor<bool> {
            type Output = Tensor<bool>;
            #[track_caller]
            fn $method(self, other: Tensor<bool>) -> Tensor<bool> {
                self.$name(&other)
            }
        }
        impl Tensor<bool> {
            #[doc = $doc]
            ///
            /// Shapes broadcast.
            ///
            /// # Panics
            /// If the shapes do not broadcast.
            #[must_use]
            #[track_caller]
            pub fn $name(&self, other: &Self) -> Self {
                self.zip(other, |a, b| a $op b)
            }
        }
    )*};
}
logic! {
    BitAnd bitand logical_and & "Where both are true; also `&a & &b` (PyTorch: `logical_and`).";
    BitOr bitor logical_or | "Where either is true; also `&a | &b` (PyTorch: `logical_or`).";
    BitXor bitxor logical_xor ^ "Where just one is true; also `&a ^ &b` (PyTorch: `logical_xor`).";
}

impl std::ops::Not for &Tensor<bool> {
    type Output = Tensor<bool>;
    fn not(self) -> Tensor<bool> {
        self.logical_not()
    }
}

impl std::ops::Not for Tensor<bool> {
    type Output = Tensor<bool>;
    fn not(self) -> Tensor<bool> {
        self.logical_not()
    }
}

impl Tensor<bool> {
    /// Where false; also `!&a` (PyTorch: `logical_not`).
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// assert_eq!(Tensor::from([true, false]).logical_not().to_vec(), [false, true]);
    /// ```
    #[must_use]
    pub fn logical_not(&self) -> Self {
        self.map(|b| !b)
    }

    /// `then` where true, `otherwise` elsewhere (PyTorch: `where`). All three broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([1_i64, 2]), Tensor::scalar(0));
    /// assert_eq!(Tensor::from([false, true]).choose(&a, &b).to_vec(), [0, 2]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn choose<T: Element>(&self, then: &Tensor<T>, otherwise: &Tensor<T>) -> Tensor<T> {
        let shape = common_shape("choose", then.shape(), otherwise.shape());
        let shape = common_shape("choose", self.shape(), &shape);
        let (c, a, b) = (self.expand(shape), then.expand(shape), otherwise.expand(shape));
        let (x, y) = (Operand::new(a.storage(), a.layout()), Operand::new(b.storage(), b.layout()));
        let c = Operand::new(c.storage(), c.layout());
        Tensor::build(shape, |out| {
            strided::map3(current_isa(), out, c, x, y, 1, |c, x, y| if c { x } else { y })
        })
    }

    /// The places of the true elements in row-major order, as numbers of the flattened tensor.
    pub(crate) fn true_places(&self) -> Vec<i64> {
        let x = self.contiguous();
        let places = x.as_slice().unwrap_or(&[]).iter().enumerate();
        places.filter(|(_, is_true)| **is_true).map(|(place, _)| place as i64).collect()
    }
}

impl<T: Element> Tensor<T> {
    /// `value` where the mask is true, x elsewhere (PyTorch: `masked_fill`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.masked_fill(&Tensor::from([true, false]), 0.0).to_vec(), [0.0, 2.0, 0.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn masked_fill(&self, mask: &Tensor<bool>, value: T) -> Self {
        let shape = common_shape("masked_fill", self.shape(), mask.shape());
        self.expand(shape).zip(mask, move |x, masked| if masked { value } else { x })
    }

    /// The elements where the mask is true, in row-major order, `[K]` (PyTorch: `masked_select`). Shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let x = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
    /// assert_eq!(x.masked_select(&x.greater_scalar(1.5)).to_vec(), [2.0, 3.0, 4.0]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn masked_select(&self, mask: &Tensor<bool>) -> Self {
        let shape = common_shape("masked_select", self.shape(), mask.shape());
        let (x, mask) = (self.expand(shape).contiguous(), mask.expand(shape).contiguous());
        let pairs = x.as_slice().unwrap_or(&[]).iter().zip(mask.as_slice().unwrap_or(&[]));
        pairs.filter(|(_, masked)| **masked).map(|(&x, _)| x).collect()
    }

    /// The indices of the elements that are not 0, in row-major order: `[…] → [K, rank]` (PyTorch: `nonzero`, `argwhere`).
    /// A NaN is not 0.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let places = Tensor::from([[0_i64, 7], [3, 0]]).nonzero();
    /// assert_eq!((places.dims(), places.to_vec()), ([2, 2], vec![0, 1, 1, 0]));
    /// ```
    #[must_use]
    pub fn nonzero(&self) -> Tensor<i64> {
        let places = self.map(|x| x != T::ZERO).true_places();
        let rank = self.rank();
        Tensor::build([places.len(), rank].into(), |out| {
            for (row, place) in out.chunks_mut(rank.max(1)).zip(places) {
                let mut rest = place;
                for (axis, value) in row.iter_mut().enumerate().rev() {
                    let length = self.shape()[axis] as i64;
                    (*value, rest) = (rest % length, rest / length);
                }
            }
        })
    }
}
