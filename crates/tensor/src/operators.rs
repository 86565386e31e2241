//! The operators of tensors: + − × ÷ and their assignments, with broadcasting; an operand by value gives its memory to
//! the result where that fits. They know no loops.

use crate::element::{Float, Number};
use crate::elementwise::{Binary, Unary};
use crate::tensor::Tensor;

macro_rules! operator {
    ($trait:ident $method:ident $assign:ident $method_assign:ident $op:ident $name:literal) => {
        impl<T: Number> std::ops::$trait<&Tensor<T>> for &Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: &Tensor<T>) -> Tensor<T> {
                self.binary(Binary::$op, $name, other)
            }
        }
        impl<T: Number> std::ops::$trait<&Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(mut self, other: &Tensor<T>) -> Tensor<T> {
                if self.shape().broadcast(other.shape()).as_ref() != Some(self.shape()) {
                    return self.binary(Binary::$op, $name, other);
                }
                self.binary_assign(Binary::$op, $name, other);
                self
            }
        }
        impl<T: Number> std::ops::$trait<Tensor<T>> for Tensor<T> {
            type Output = Tensor<T>;
            #[track_caller]
            fn $method(self, other: Tensor<T>) -> Tensor<T> {
                std::ops::$trait::$method(self, &other)
            }
        }
        impl<T: Number> std::ops::$trait<T> for &Tensor<T> {
            type Output = Tensor<T>;
            fn $method(self, other: T) -> Tensor<T> {
                self.binary(Binary::$op, $name, &Tensor::scalar(other))
            }
        }
        impl<T: Number> std::ops::$trait<T> for Tensor<T> {
            type Output = Tensor<T>;
            fn $method(self, other: T) -> Tensor<T> {
                std::ops::$trait::$method(self, &Tensor::scalar(other))
            }
        }
        impl<T: Number> std::ops::$assign<&Tensor<T>> for Tensor<T> {
            #[track_caller]
            fn $method_assign(&mut self, other: &Tensor<T>) {
                self.binary_assign(Binary::$op, $name, other);
            }
        }
        impl<T: Number> std::ops::$assign<T> for Tensor<T> {
            fn $method_assign(&mut self, other: T) {
                self.binary_assign(Binary::$op, $name, &Tensor::scalar(other));
            }
        }
    };
}
operator!(Add add AddAssign add_assign Add "add");
operator!(Sub sub SubAssign sub_assign Sub "sub");
operator!(Mul mul MulAssign mul_assign Mul "mul");
operator!(Div div DivAssign div_assign Div "div");

impl<T: Float> std::ops::Neg for &Tensor<T> {
    type Output = Tensor<T>;
    fn neg(self) -> Tensor<T> {
        self.unary(Unary::neg())
    }
}
