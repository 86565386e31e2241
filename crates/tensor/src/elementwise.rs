//! Elementwise functions of tensors: those of the table, arithmetic with broadcasting, closures. Everything here goes
//! through the strided engine.

use crate::arith::Arith;
use crate::element::{Element, Float, Number};
use crate::isa::{Isa, MulAdd, current_isa};
use crate::kernels::strided::{self, Formula1, Formula2, Operand};
use crate::math::{larger, smaller};
use crate::pack::Pack;
use crate::shape::Shape;
use crate::tensor::Tensor;

/// Which tensor the derivative of a table function reads, beside the cotangent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// The function's argument.
    Input,
    /// The function's value.
    Output,
    /// Neither: the derivative is constant. (The cotangent is passed in its place.)
    Nothing,
}

macro_rules! reads {
    (input) => {
        Reads::Input
    };
    (output) => {
        Reads::Output
    };
    (nothing) => {
        Reads::Nothing
    };
}

macro_rules! define_unary {
    ($($(#[$doc:meta])* $name:ident $Name:ident($($p:ident: $pt:ty),*) = |$x:ident| $value:expr; $source:ident |$g:ident, $s:ident| $derivative:expr;)*) => {
        /// A function of the elementwise table, with its parameters.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Unary {
            $($(#[$doc])* $Name { $(#[doc = "Parameter, see the function."] $p: $pt),* },)*
        }

        impl Unary {
            /// The names of all functions in the table.
            pub const NAMES: &'static [&'static str] = &[$(stringify!($name)),*];

            $($(#[$doc])* #[must_use] pub const fn $name($($p: $pt),*) -> Self { Self::$Name { $($p),* } })*

            /// The function's name.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$Name { .. } => stringify!($name),)* }
            }

            /// What [`Unary::derivative`] wants as its second argument.
            #[must_use]
            pub const fn reads(self) -> Reads {
                match self { $(Self::$Name { .. } => reads!($source),)* }
            }

            /// The function's value at `x`.
            #[must_use]
            pub fn value<A: Arith>(self, x: A) -> A {
                match self { $(Self::$Name { $($p),* } => { let $x = x; $value })* }
            }

            /// `g` times the derivative, from the input or the output as [`Unary::reads`] says.
            #[must_use]
            #[allow(unused_variables)] // a derivative need not name every parameter
            pub fn derivative<A: Arith>(self, g: A, read: A) -> A {
                match self { $(Self::$Name { $($p),* } => { let ($g, $s) = (g, read); $derivative })* }
            }
        }

        /// `out ← f(x)`, one loop per function of the table.
        pub(crate) fn unary<T: Float>(op: Unary, isa: Isa, out: &mut [T], x: Operand<'_, T, T>) {
            match op {
                $(Unary::$Name { $($p),* } => {
                    struct Row { $($p: $pt),* }
                    impl<T: Float> Formula1<T> for Row {
                        #[inline(always)]
                        fn at<const K: usize, M: MulAdd>(&self, $x: Pack<T, K, M>) -> Pack<T, K, M> {
                            let Self { $($p),* } = *self;
                            $value
                        }
                    }
                    strided::table1(isa, out, x, &Row { $($p),* });
                })*
            }
        }

        /// `out ← g · f′`, one loop per function of the table.
        #[allow(unused_variables)]
        pub(crate) fn unary_derivative<T: Float>(op: Unary, isa: Isa, out: &mut [T], g: Operand<'_, T, T>, read: Operand<'_, T, T>) {
            match op {
                $(Unary::$Name { $($p),* } => {
                    struct Row { $($p: $pt),* }
                    impl<T: Float> Formula2<T> for Row {
                        #[inline(always)]
                        fn at<const K: usize, M: MulAdd>(&self, $g: Pack<T, K, M>, $s: Pack<T, K, M>) -> Pack<T, K, M> {
                            let Self { $($p),* } = *self;
                            $derivative
                        }
                    }
                    strided::table2(isa, out, g, read, &Row { $($p),* });
                })*
            }
        }

        impl<T: Float> Tensor<T> {
            $(
                $(#[$doc])*
                ///
                /// For each element: `[…] → […]`.
                ///
                #[doc = $crate::unary_example!(tensor $name)]
                #[must_use]
                pub fn $name(&self $(, $p: $pt)*) -> Self { self.unary(Unary::$Name { $($p),* }) }
            )*
        }
    };
}
crate::unary_table!(define_unary);

impl<T: Float> Tensor<T> {
    /// A function of the table, chosen at run time.
    #[must_use]
    pub fn unary(&self, op: Unary) -> Self {
        let x = Operand::new(self.storage(), self.layout());
        Self::build(*self.shape(), |out| T::unary(op, current_isa(), out, x))
    }

    /// `self · f′(…)` in one pass, where `read` is the function's input or output (or anything of
    /// its shape) as [`Unary::reads`] says.
    ///
    /// # Panics
    /// If the shapes differ.
    #[must_use]
    #[track_caller]
    pub fn unary_derivative(&self, op: Unary, read: &Self) -> Self {
        assert!(
            self.shape() == read.shape(),
            "{}: derivative's shapes differ: {} · {}",
            op.name(),
            self.shape(),
            read.shape()
        );
        let g = Operand::new(self.storage(), self.layout());
        let read = Operand::new(read.storage(), read.layout());
        Self::build(*self.shape(), |out| T::unary_derivative(op, current_isa(), out, g, read))
    }

    /// `self ← self · f′(…)`: [`Tensor::unary_derivative`] without a new buffer if the storage is ours alone. Without `read`
    /// the function must be one whose derivative is constant ([`Reads::Nothing`]).
    ///
    /// # Panics
    /// If the shapes differ.
    #[track_caller]
    pub fn unary_derivative_assign(&mut self, op: Unary, read: Option<&Self>) {
        let shape = *self.shape();
        let fits = read.is_none_or(|read| *read.shape() == shape);
        assert!(fits, "{}: derivative's shapes differ: {shape} · {:?}", op.name(), read.map(Self::shape));
        let own = Operand::Result(|out: &[T], into: &mut [T]| into.copy_from_slice(out));
        let read_in = read.map_or(own, |read| Operand::new(read.storage(), read.layout()));
        match self.get_mut() {
            Some(out) => T::unary_derivative(op, current_isa(), out, own, read_in),
            None => *self = self.unary_derivative(op, read.unwrap_or(self)),
        }
    }
}

/// A function of two numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// a + b.
    Add,
    /// a − b.
    Sub,
    /// a·b.
    Mul,
    /// a/b.
    Div,
    /// The larger one; NaN if either is NaN.
    Maximum,
    /// The smaller one; NaN if either is NaN.
    Minimum,
}

/// `out ← f(a, b)`.
pub(crate) fn binary<T: Number>(
    op: Binary,
    isa: Isa,
    out: &mut [T],
    a: Operand<'_, T, T>,
    b: Operand<'_, T, T>,
) {
    match op {
        Binary::Add => strided::map2(isa, out, a, b, 1, |a, b| a.plus(b)),
        Binary::Sub => strided::map2(isa, out, a, b, 1, |a, b| a.minus(b)),
        Binary::Mul => strided::map2(isa, out, a, b, 1, |a, b| a.times(b)),
        Binary::Div => strided::map2(isa, out, a, b, 4, |a, b| a.over(b)),
        Binary::Maximum => strided::map2(isa, out, a, b, 1, larger),
        Binary::Minimum => strided::map2(isa, out, a, b, 1, smaller),
    }
}

/// The common shape of two operands.
#[track_caller]
pub(crate) fn common_shape(op: &str, a: &Shape, b: &Shape) -> Shape {
    match a.broadcast(b) {
        Some(shape) => shape,
        None => panic!("{op}: shapes do not broadcast: {a} and {b} (each axis equal, or 1)"),
    }
}

impl<T: Number> Tensor<T> {
    #[track_caller]
    pub(crate) fn binary(&self, op: Binary, name: &str, other: &Self) -> Self {
        let shape = common_shape(name, self.shape(), other.shape());
        let (a, b) = (self.expand(shape), other.expand(shape));
        let operand = |x: &Self| x.layout().collapse();
        let (x, y) = (Operand::Buffer(a.storage(), operand(&a)), Operand::Buffer(b.storage(), operand(&b)));
        Self::build(shape, |out| T::binary(op, current_isa(), out, x, y))
    }

    /// `self ← f(self, other)`, without a new buffer if the storage is ours alone.
    #[track_caller]
    pub(crate) fn binary_assign(&mut self, op: Binary, name: &str, other: &Self) {
        let shape = *self.shape();
        assert!(
            self.shape().broadcast(other.shape()) == Some(shape),
            "{name}: the right side does not broadcast to the left: {shape} and {}",
            other.shape()
        );
        let other = other.expand(shape);
        match self.get_mut() {
            Some(out) => {
                let own = Operand::Result(|out: &[T], into: &mut [T]| into.copy_from_slice(out));
                T::binary(op, current_isa(), out, own, Operand::new(other.storage(), other.layout()));
            }
            None => *self = self.binary(op, name, &other),
        }
    }

    /// The larger of each pair; NaN if either is NaN (PyTorch: `maximum`). Shapes broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn maximum(&self, other: &Self) -> Self {
        self.binary(Binary::Maximum, "maximum", other)
    }

    /// The smaller of each pair; NaN if either is NaN (PyTorch: `minimum`). Shapes broadcast.
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn minimum(&self, other: &Self) -> Self {
        self.binary(Binary::Minimum, "minimum", other)
    }
}

impl<T: Element> Tensor<T> {
    /// `f` of each element.
    ///
    /// ```
    /// let x = gradus_tensor::Tensor::from([1_i64, 2, 3]);
    /// assert_eq!(x.map(|n| n % 2 == 1).to_vec(), [true, false, true]);
    /// ```
    #[must_use]
    pub fn map<U: Element>(&self, f: impl Fn(T) -> U + Sync + Send) -> Tensor<U> {
        let x = Operand::new(self.storage(), self.layout());
        Tensor::build(*self.shape(), |out| strided::map1(current_isa(), out, x, 8, f))
    }

    /// `f` of each pair of elements; shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (x, limit) = (Tensor::from([[1.0_f32, 5.0], [3.0, 2.0]]), Tensor::from([2_i64, 4]));
    /// assert_eq!(x.zip(&limit, |x, n| x as i64 > n).to_vec(), [false, true, true, false]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn zip<B: Element, U: Element>(
        &self,
        other: &Tensor<B>,
        f: impl Fn(T, B) -> U + Sync + Send,
    ) -> Tensor<U> {
        let shape = common_shape("zip", self.shape(), other.shape());
        let (a, b) = (self.expand(shape), other.expand(shape));
        let x = Operand::new(a.storage(), a.layout());
        let y = Operand::new(b.storage(), b.layout());
        Tensor::build(shape, |out| strided::map2(current_isa(), out, x, y, 8, f))
    }

    /// `f` of each triple of elements; shapes broadcast.
    ///
    /// ```
    /// use gradus_tensor::Tensor;
    /// let (a, b) = (Tensor::from([1_i64, 5]), Tensor::from([4_i64, 4]));
    /// assert_eq!(a.zip3(&b, &Tensor::scalar(true), |a, b, flip| (a < b) != flip).to_vec(), [false, true]);
    /// ```
    ///
    /// # Panics
    /// If the shapes do not broadcast.
    #[must_use]
    #[track_caller]
    pub fn zip3<B: Element, C: Element, U: Element>(
        &self,
        second: &Tensor<B>,
        third: &Tensor<C>,
        f: impl Fn(T, B, C) -> U + Sync + Send,
    ) -> Tensor<U> {
        let shape = common_shape("zip3", self.shape(), second.shape());
        let shape = common_shape("zip3", &shape, third.shape());
        let (a, b, c) = (self.expand(shape), second.expand(shape), third.expand(shape));
        let (x, y) = (Operand::new(a.storage(), a.layout()), Operand::new(b.storage(), b.layout()));
        let z = Operand::new(c.storage(), c.layout());
        Tensor::build(shape, |out| strided::map3(current_isa(), out, x, y, z, 8, f))
    }
}
