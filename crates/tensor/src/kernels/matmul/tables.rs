//! Which kernel an element type has on an instruction set. Alone names the kernel files.

use super::kernel::Kernel;
use super::kernel_portable as portable;
use crate::Isa;

#[cfg(target_arch = "aarch64")]
use super::kernel_neon as neon;
#[cfg(target_arch = "x86_64")]
use super::kernel_x86 as x86;

/// Element types with micro-kernels.
pub(crate) trait Tables: crate::Float {
    /// The kernel for an instruction set that this machine has.
    #[allow(private_interfaces)]
    fn kernel(isa: Isa) -> &'static Kernel<Self>;
}

macro_rules! tables {
    ($t:ty, $portable:ident, $avx2:ident, $avx512:ident) => {
        impl Tables for $t {
            #[allow(private_interfaces)]
            fn kernel(isa: Isa) -> &'static Kernel<Self> {
                match isa {
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx512 => &x86::$avx512,
                    #[cfg(target_arch = "x86_64")]
                    Isa::Avx2 => &x86::$avx2,
                    #[cfg(target_arch = "aarch64")]
                    Isa::Neon => &neon::$portable,
                    _ => &portable::$portable,
                }
            }
        }
    };
}
tables!(f32, F32, AVX2_F32, AVX512_F32);
tables!(f64, F64, AVX2_F64, AVX512_F64);
