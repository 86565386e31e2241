//! `AnyTensor`: a tensor whose element type is known at run time only, as in a state dictionary or a file. It exists
//! so that such containers hold one type; calculation always goes through a typed `Tensor`. It must never know a
//! file format.

use std::any::Any;

use crate::element::{DType, Element};
use crate::shape::Shape;
use crate::tensor::Tensor;

macro_rules! any_tensor {
    ($($(#[$doc:meta])* $Variant:ident($t:ty),)*) => {
        /// A tensor of any element type. Cloning shares the storage.
        ///
        /// ```
        /// use gradus_tensor::{AnyTensor, DType, Tensor};
        /// let any = AnyTensor::from(Tensor::from([1_i64, 2]));
        /// assert_eq!((any.dtype(), any.shape()[0]), (DType::I64, 2));
        /// assert!(any.get::<f32>().is_none());
        /// assert_eq!(any.cast::<f32>().to_vec(), [1.0, 2.0]);
        /// ```
        #[derive(Clone, PartialEq)]
        pub enum AnyTensor {
            $($(#[$doc])* $Variant(Tensor<$t>),)*
        }

        impl AnyTensor {
            /// The element type.
            #[must_use]
            pub fn dtype(&self) -> DType {
                match self { $(Self::$Variant(_) => DType::$Variant,)* }
            }

            /// The axis lengths.
            #[must_use]
            pub fn shape(&self) -> &Shape {
                match self { $(Self::$Variant(x) => x.shape(),)* }
            }

            /// The elements converted as [`Tensor::cast`] does; shares the storage if they are of type `T` already.
            #[must_use]
            pub fn cast<T: Element>(&self) -> Tensor<T> {
                match self { $(Self::$Variant(x) => x.cast(),)* }
            }

            fn inner(&self) -> &dyn Any {
                match self { $(Self::$Variant(x) => x,)* }
            }
        }

        $(
            impl From<Tensor<$t>> for AnyTensor {
                fn from(x: Tensor<$t>) -> Self {
                    Self::$Variant(x)
                }
            }
        )*
    };
}
any_tensor! {
    /// 32-bit floats.
    F32(f32),
    /// 64-bit floats.
    F64(f64),
    /// 32-bit integers.
    I32(i32),
    /// 64-bit integers.
    I64(i64),
    /// Bytes.
    U8(u8),
    /// Truth values.
    Bool(bool),
}

impl AnyTensor {
    /// A typed tensor of whichever element type, wrapped (the generic form of `From`).
    ///
    /// ```
    /// use gradus_tensor::{AnyTensor, DType, Element, Tensor};
    /// fn wrap<T: Element>(x: &Tensor<T>) -> AnyTensor { AnyTensor::new(x) }
    /// let any = wrap(&Tensor::from([true, false]));
    /// assert_eq!((any.dtype(), any.len(), any.is_empty()), (DType::Bool, 2, false));
    /// ```
    #[must_use]
    pub fn new<T: Element>(x: &Tensor<T>) -> Self {
        match T::DTYPE {
            DType::F32 => Self::F32(x.cast()),
            DType::F64 => Self::F64(x.cast()),
            DType::I32 => Self::I32(x.cast()),
            DType::I64 => Self::I64(x.cast()),
            DType::U8 => Self::U8(x.cast()),
            DType::Bool => Self::Bool(x.cast()),
        }
    }

    /// The tensor, if its elements are of type `T`.
    #[must_use]
    pub fn get<T: Element>(&self) -> Option<&Tensor<T>> {
        self.inner().downcast_ref()
    }

    /// The number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shape().count()
    }

    /// Whether there are no elements.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_type_finds_only_itself_again() {
        fn check<T: Element>() -> AnyTensor {
            let any = AnyTensor::new(&Tensor::<T>::ones([2, 3]));
            assert_eq!((any.dtype(), any.len()), (T::DTYPE, 6));
            assert!(any.get::<T>().is_some_and(|x| x.to_vec() == [T::ONE; 6]));
            any
        }
        let all =
            [check::<f32>(), check::<f64>(), check::<i32>(), check::<i64>(), check::<u8>(), check::<bool>()];
        for any in &all {
            assert_eq!(all.iter().filter(|other| other.dtype() == any.dtype()).count(), 1);
            let hits = [
                any.get::<f32>().is_some(),
                any.get::<f64>().is_some(),
                any.get::<i32>().is_some(),
                any.get::<i64>().is_some(),
                any.get::<u8>().is_some(),
                any.get::<bool>().is_some(),
            ];
            assert_eq!(hits.into_iter().filter(|&hit| hit).count(), 1);
            assert_eq!(any.cast::<f64>().to_vec(), [1.0; 6]);
        }
    }

    #[test]
    fn casting_to_the_own_type_shares() {
        let x = Tensor::from([1.5_f32, 2.5]);
        let any = AnyTensor::from(x.clone());
        assert_eq!(any.cast::<f32>().storage().as_ptr(), x.storage().as_ptr());
    }
}
