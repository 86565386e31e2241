//! Which instruction set the kernels use: found once at run time, never fixed by `target-cpu`.
//!
//! A kernel body is plain Rust in a [`Body`]; [`dispatch`] compiles it once per instruction set and calls the wanted
//! one. `GRADUS_ISA=portable|avx2|avx512|neon` forces a path for a whole process, [`with_isa`] for a closure on this
//! thread and for the work that it hands to others.

use std::cell::Cell;
use std::fmt;
use std::sync::OnceLock;

/// An instruction set that kernels are compiled for.
///
/// ```
/// use gradus_tensor::{Isa, current_isa};
/// assert!(Isa::available().contains(&current_isa()));
/// assert!(Isa::Portable.is_available());
/// assert_eq!(Isa::ALL.map(Isa::name), ["portable", "neon", "avx2", "avx512"]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Isa {
    /// What every machine of the target has (SSE2 on x86-64).
    Portable,
    /// AVX2 with fused multiply-add.
    Avx2,
    /// AVX-512 F, BW, DQ and VL.
    Avx512,
    /// Arm NEON.
    Neon,
}

impl Isa {
    /// All of them, slowest first.
    pub const ALL: [Isa; 4] = [Isa::Portable, Isa::Neon, Isa::Avx2, Isa::Avx512];

    /// The name that `GRADUS_ISA` takes.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
            Isa::Neon => "neon",
        }
    }

    /// Whether this machine can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512 => {
                Isa::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            Isa::Neon => cfg!(target_arch = "aarch64"),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// Those that this machine can run, slowest first.
    #[must_use]
    pub fn available() -> Vec<Isa> {
        Isa::ALL.into_iter().filter(|isa| isa.is_available()).collect()
    }
}

impl fmt::Display for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

thread_local! {
    static FORCED: Cell<Option<Isa>> = const { Cell::new(None) };
}

/// The instruction set that kernels called from this thread use.
///
/// # Panics
/// If `GRADUS_ISA` names no instruction set, or one that this machine lacks.
#[must_use]
pub fn current_isa() -> Isa {
    FORCED.get().unwrap_or_else(process_isa)
}

fn process_isa() -> Isa {
    static CHOICE: OnceLock<Isa> = OnceLock::new();
    *CHOICE.get_or_init(|| {
        let available = Isa::available();
        let Ok(wanted) = std::env::var("GRADUS_ISA") else {
            return available.last().copied().unwrap_or(Isa::Portable);
        };
        let names: Vec<_> = available.iter().map(|isa| isa.name()).collect();
        match available.iter().find(|isa| isa.name() == wanted) {
            Some(&isa) => isa,
            None => panic!("GRADUS_ISA={wanted}: this machine has {}", names.join(", ")),
        }
    })
}

/// Runs `f` with the kernels that it calls from this thread forced onto `isa`.
///
/// ```
/// use gradus_tensor::{Isa, Tensor, with_isa};
/// let x = Tensor::from([1.0_f32, 2.0]);
/// assert_eq!(with_isa(Isa::Portable, || (&x + &x).to_vec()), [2.0, 4.0]);
/// ```
///
/// # Panics
/// If this machine lacks `isa`.
pub fn with_isa<R>(isa: Isa, f: impl FnOnce() -> R) -> R {
    struct Restore(Option<Isa>);
    impl Drop for Restore {
        fn drop(&mut self) {
            FORCED.set(self.0);
        }
    }
    assert!(isa.is_available(), "with_isa: this machine has no {isa}");
    let _restore = Restore(FORCED.replace(Some(isa)));
    f()
}

/// What [`with_isa`] chose on this thread.
pub(crate) fn forced() -> Option<Isa> {
    FORCED.get()
}

/// As [`with_isa`] with a choice that was made, or not made, on another thread.
pub(crate) fn with_forced<R>(forced: Option<Isa>, f: impl FnOnce() -> R) -> R {
    match forced {
        Some(isa) if FORCED.get() != forced => with_isa(isa, f),
        _ => f(),
    }
}

/// A piece of work whose `run` is `#[inline(always)]`, so that [`dispatch`] compiles it anew for each instruction set.
///
/// ```
/// use gradus_tensor::{Body, current_isa, dispatch};
/// struct Dot<'a>(&'a [f32], &'a [f32]);
/// impl Body for Dot<'_> {
///     type Output = f32;
///     #[inline(always)]
///     fn run(self) -> f32 {
///         self.0.iter().zip(self.1).map(|(a, b)| a * b).sum()
///     }
/// }
/// assert_eq!(dispatch(current_isa(), Dot(&[1.0, 2.0], &[3.0, 4.0])), 11.0);
/// ```
pub trait Body {
    /// What it answers.
    type Output;
    /// Whether it is compiled for each instruction set, or for the portable one alone.
    const WIDE: bool = true;
    /// The work; must be `#[inline(always)]`, and so must be what it calls in its hot loop.
    fn run(self) -> Self::Output;
}

/// Runs `body` in its version for `isa`, in the portable one if this machine lacks it.
#[inline]
pub fn dispatch<B: Body>(isa: Isa, body: B) -> B::Output {
    if !B::WIDE {
        return body.run();
    }
    match isa {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512 if isa.is_available() => {
            // SAFETY: the machine has the features that the function is compiled for, as was just asked.
            unsafe { run_avx512(body) }
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2 if isa.is_available() => {
            // SAFETY: as above.
            unsafe { run_avx2(body) }
        }
        _ => body.run(), // also NEON, which is in the aarch64 baseline
    }
}

/// How a·b + c is computed where a kernel is compiled: in one rounding where the instruction set has an instruction for
/// it, else in two. (`mul_add` alone will not do: without the instruction it is a slow call.)
#[doc(hidden)]
pub trait MulAdd: Copy + Send + Sync + 'static {
    /// a·b + c.
    #[must_use]
    fn mul_add<T: num_traits::Float>(a: T, b: T, c: T) -> T;
    /// a² in two parts: a number and the little that it lacks.
    #[must_use]
    fn square(a: f32) -> (f32, f32);
}

/// In one rounding.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Fused;
impl MulAdd for Fused {
    #[inline(always)]
    fn mul_add<T: num_traits::Float>(a: T, b: T, c: T) -> T {
        a.mul_add(b, c)
    }
    #[inline(always)]
    fn square(a: f32) -> (f32, f32) {
        let square = a * a;
        (square, a.mul_add(a, -square))
    }
}

/// In two roundings.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Separate;
impl MulAdd for Separate {
    #[inline(always)]
    fn mul_add<T: num_traits::Float>(a: T, b: T, c: T) -> T {
        a * b + c
    }
    /// The square of the upper 12 bits is exact.
    #[inline(always)]
    fn square(a: f32) -> (f32, f32) {
        let upper = f32::from_bits(a.to_bits() & 0xFFFF_F000);
        (upper * upper, (a - upper) * (a + upper))
    }
}

/// As [`Body`], for work that multiplies and adds: `run` is told how.
pub(crate) trait Kernel {
    /// What it answers.
    type Output;
    /// Whether it is compiled for each instruction set, or for the portable one alone.
    const WIDE: bool = true;
    /// The work; must be `#[inline(always)]`, and so must be what it calls in its hot loop.
    fn run<M: MulAdd>(self) -> Self::Output;
}

struct With<K, M>(K, std::marker::PhantomData<M>);

impl<K: Kernel, M: MulAdd> Body for With<K, M> {
    type Output = K::Output;
    #[inline(always)]
    fn run(self) -> K::Output {
        self.0.run::<M>()
    }
}

/// Runs `kernel` in its version for `isa`, as [`dispatch`] does.
#[inline]
pub(crate) fn dispatch_kernel<K: Kernel>(isa: Isa, kernel: K) -> K::Output {
    #[cfg(target_arch = "x86_64")]
    if K::WIDE {
        let fused = With::<K, Fused>(kernel, std::marker::PhantomData);
        return match isa {
            Isa::Avx512 if isa.is_available() => {
                // SAFETY: the machine has the features that the function is compiled for, as was just asked.
                unsafe { run_avx512(fused) }
            }
            Isa::Avx2 if isa.is_available() => {
                // SAFETY: as above.
                unsafe { run_avx2(fused) }
            }
            _ => fused.0.run::<Separate>(),
        };
    }
    match isa {
        Isa::Neon if K::WIDE => kernel.run::<Fused>(), // in the aarch64 baseline
        _ => kernel.run::<Separate>(),
    }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
fn run_avx512<B: Body>(body: B) -> B::Output {
    body.run()
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn run_avx2<B: Body>(body: B) -> B::Output {
    body.run()
}
