//! Matrix products in less than full precision: operands rounded to bf16, sums in full. What is rounded is decided by whoever
//! calls; nothing here remembers a choice.

use crate::element::Float;
use crate::kernels::matmul::{Gemm, MatRef};
use crate::parallel::{self, Cost};
use crate::shape::Shape;
use crate::tensor::Tensor;

/// How exactly the operands of a matrix product are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Precision {
    /// As they are.
    #[default]
    Full,
    /// Rounded to bf16: the sign, exponent and upper 7 bits of an `f32`, ties to even; products and sums are full (PyTorch:
    /// `autocast` with `torch.bfloat16`, but for the result, which stays full).
    Bf16,
}

impl Precision {
    /// Whether products in this precision are faster than full ones on this machine. For bf16 that needs an instruction that
    /// does more arithmetic than its twin in f32: AMD's processors from Zen 4 on have one, Intel's do half as much with it. Where
    /// it is not so, products round their operands first and take a little longer.
    ///
    /// ```
    /// use gradus_tensor::Precision;
    /// assert!(!Precision::Full.is_faster_here());
    /// if !Precision::Bf16.is_faster_here() {
    ///     println!("bf16 will not be faster on this machine");
    /// }
    /// ```
    #[must_use]
    pub fn is_faster_here(self) -> bool {
        self == Precision::Bf16 && crate::kernels::matmul::pairs_pay()
    }
}

/// Elements that one task rounds.
const CHUNK: usize = 1 << 14;

/// Rows up to which a product streams its right operand, which is then not worth packing into pairs.
const FEW_ROWS: usize = 8;

impl<T: Float> Tensor<T> {
    /// Each element rounded to what `precision` keeps of an operand.
    ///
    /// ```
    /// use gradus_tensor::{Precision, Tensor};
    /// let x = Tensor::from([1.0_f32 + 1.0 / 256.0, 1.0 + 3.0 / 256.0, 3.0e38]);
    /// let y = x.rounded(Precision::Bf16);
    /// assert_eq!(y.to_vec()[..2], [1.0, 1.0 + 4.0 / 256.0]); // ties to even
    /// assert_eq!(x.rounded(Precision::Full), x);
    /// ```
    #[must_use]
    pub fn rounded(&self, precision: Precision) -> Self {
        if precision == Precision::Full {
            return self.clone();
        }
        let mut out = self.contiguous();
        let cost = Cost::bytes(out.len() * 2 * size_of::<T>());
        parallel::chunks_mut(out.make_mut(), CHUNK, cost, |_, values| T::round_to_bf16(values));
        out
    }

    /// [`Tensor::matmul_bias`] of operands that are taken in `precision`; sums and bias are full.
    ///
    /// ```
    /// use gradus_tensor::{Precision, Tensor};
    /// let x = Tensor::from([[1.0_f32 + 1.0 / 256.0, 2.0]]);
    /// let y = Tensor::from([[1.0_f32], [1.0]]);
    /// assert_eq!(x.matmul_in(&y, None, Precision::Bf16).item(), 3.0);
    /// assert_eq!(x.matmul_in(&y, None, Precision::Full), x.matmul(&y));
    /// ```
    ///
    /// # Panics
    /// As `matmul_bias`.
    #[must_use]
    #[track_caller]
    pub fn matmul_in(&self, other: &Self, bias: Option<&Self>, precision: Precision) -> Self {
        if precision == Precision::Full {
            return self.matmul_bias(other, bias);
        }
        match self.by_pairs(other, bias) {
            Some(product) => product,
            None => self.rounded(precision).matmul_bias(&other.rounded(precision), bias),
        }
    }

    /// The product by the instruction for pairs, where that is faster: `[…, M, K] · [K, N] (+ [N])`.
    fn by_pairs(&self, other: &Self, bias: Option<&Self>) -> Option<Self> {
        let (a, b) = (*self.shape(), *other.shape());
        let [.., k] = a[..] else { return None };
        let [inner, n] = b[..] else { return None };
        let m = a.count() / k.max(1);
        let fits = k == inner && bias.is_none_or(|bias| bias.shape()[..] == [n]);
        if !fits || a.len() < 2 || m <= FEW_ROWS || !T::pairs_pay() {
            return None;
        }
        let rows = self.reshape(Shape::new(&[m, k]));
        let bias = bias.map(Tensor::contiguous);
        let matrix = |x: &Self| (x.layout().offset(), [x.layout().strides()[0], x.layout().strides()[1]]);
        let ((a_offset, a_strides), (b_offset, b_strides)) = (matrix(&rows), matrix(other));
        Some(Self::build(a.with(a.len() - 1, n), |c| {
            T::gemm_pairs(Gemm {
                m,
                n,
                k,
                a: MatRef {
                    data: rows.storage(),
                    offset: a_offset,
                    row_stride: a_strides[0],
                    column_stride: a_strides[1],
                },
                b: MatRef {
                    data: other.storage(),
                    offset: b_offset,
                    row_stride: b_strides[0],
                    column_stride: b_strides[1],
                },
                c,
                c_stride: n,
                accumulate: false,
                bias: bias.as_ref().and_then(Tensor::as_slice),
            });
        }))
    }
}
