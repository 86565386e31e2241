//! Independent chains of fused multiply-adds in registers, with the widest vectors of the machine.
//!
//! Each function does that many rounds and answers how many operations (a multiply-add counts two) they were.

use std::hint::black_box;

/// Chains that are in flight: enough for a latency of 4 on two units, with registers to spare.
const CHAINS: usize = 12;

/// A round is so many steps of every chain.
const STEPS: usize = 512;

/// Multiply-adds of single precision.
pub fn f32(rounds: usize) -> f64 {
    #[cfg(target_arch = "x86_64")]
    {
        if is_x86_feature_detected!("avx512f") {
            // SAFETY: the machine has AVX-512 F, as was just asked.
            return unsafe { x86::f32_avx512(rounds) };
        }
        if is_x86_feature_detected!("avx") && is_x86_feature_detected!("fma") {
            // SAFETY: the machine has AVX and FMA, as was just asked.
            return unsafe { x86::f32_avx(rounds) };
        }
    }
    f32_plain(rounds)
}

/// Pairs of bf16 into sums of single precision; none if the machine has no such instruction.
pub fn bf16(rounds: usize) -> Option<f64> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx512bf16") && is_x86_feature_detected!("avx512f") {
        // SAFETY: the machine has AVX-512 F and BF16, as was just asked.
        return Some(unsafe { x86::bf16_avx512(rounds) });
    }
    let _ = rounds;
    None
}

/// Vectors of four, as the compiler knows them; fused where every machine of the target has it.
fn f32_plain(rounds: usize) -> f64 {
    let fused = cfg!(target_arch = "aarch64");
    let (a, b) = (black_box([0.999_f32; 4]), black_box([0.001_f32; 4]));
    let mut chains = [black_box([1.0_f32; 4]); CHAINS];
    for _ in 0..rounds * STEPS {
        for chain in &mut chains {
            for ((x, a), b) in chain.iter_mut().zip(&a).zip(&b) {
                *x = if fused { x.mul_add(*a, *b) } else { *x * a + b };
            }
        }
    }
    black_box(chains);
    (rounds * STEPS * CHAINS * 2 * 4) as f64
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::x86_64::{
        _mm256_fmadd_ps, _mm256_set1_ps, _mm512_cvtne2ps_pbh, _mm512_dpbf16_ps, _mm512_fmadd_ps,
        _mm512_set1_ps,
    };

    use super::{CHAINS, STEPS, black_box};

    #[target_feature(enable = "avx512f")]
    pub(super) fn f32_avx512(rounds: usize) -> f64 {
        let (a, b) = (black_box(_mm512_set1_ps(0.999)), black_box(_mm512_set1_ps(0.001)));
        let mut chains = [black_box(_mm512_set1_ps(1.0)); CHAINS];
        for _ in 0..rounds * STEPS {
            for chain in &mut chains {
                *chain = _mm512_fmadd_ps(*chain, a, b);
            }
        }
        black_box(chains);
        (rounds * STEPS * CHAINS * 2 * 16) as f64
    }

    #[target_feature(enable = "avx,fma")]
    pub(super) fn f32_avx(rounds: usize) -> f64 {
        let (a, b) = (black_box(_mm256_set1_ps(0.999)), black_box(_mm256_set1_ps(0.001)));
        let mut chains = [black_box(_mm256_set1_ps(1.0)); CHAINS];
        for _ in 0..rounds * STEPS {
            for chain in &mut chains {
                *chain = _mm256_fmadd_ps(*chain, a, b);
            }
        }
        black_box(chains);
        (rounds * STEPS * CHAINS * 2 * 8) as f64
    }

    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) fn bf16_avx512(rounds: usize) -> f64 {
        let small = black_box(_mm512_set1_ps(1e-3));
        let (a, b) = (_mm512_cvtne2ps_pbh(small, small), _mm512_cvtne2ps_pbh(small, small));
        let mut chains = [black_box(_mm512_set1_ps(1.0)); CHAINS];
        for _ in 0..rounds * STEPS {
            for chain in &mut chains {
                *chain = _mm512_dpbf16_ps(*chain, a, b);
            }
        }
        black_box(chains);
        (rounds * STEPS * CHAINS * 4 * 16) as f64
    }
}
