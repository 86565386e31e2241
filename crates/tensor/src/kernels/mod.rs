//! The kernels: loops over slices and layouts that know no `Tensor`.

pub mod matmul;

/// Entry to the hot loops of one float type. They are instantiated here, once per type, so that a user's build only
/// links them.
pub trait Kernels: Sized {
    /// C ← epilogue(A·B), see [`matmul::gemm`].
    #[doc(hidden)]
    fn gemm(call: matmul::Gemm<'_, Self>);
}

impl Kernels for f32 {
    fn gemm(call: matmul::Gemm<'_, f32>) {
        matmul::gemm(call);
    }
}

impl Kernels for f64 {
    fn gemm(call: matmul::Gemm<'_, f64>) {
        matmul::gemm(call);
    }
}
