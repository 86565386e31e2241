//! The instruction sets by the names that `GRADUS_ISA` takes, and which of them this machine has.
//!
//! A second telling of what `gradus-tensor` knows, because these commands must run when that crate does not build; a
//! name that drifts apart fails the forced tests, since the crate refuses a name it does not know.

use clap::ValueEnum;

use crate::Result;

/// An instruction set that the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Isa {
    /// What every machine of the target has
    Portable,
    /// Arm NEON
    Neon,
    /// AVX2 with fused multiply-add
    Avx2,
    /// AVX-512 F, BW, DQ and VL
    Avx512,
}

impl Isa {
    /// The name that `GRADUS_ISA` takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Isa::Portable => "portable",
            Isa::Neon => "neon",
            Isa::Avx2 => "avx2",
            Isa::Avx512 => "avx512",
        }
    }

    /// Those that this machine can run, slowest first.
    pub(crate) fn available() -> Vec<Isa> {
        Isa::value_variants().iter().copied().filter(|isa| isa.is_available()).collect()
    }

    /// Those that this machine can run and does not take by itself: the fastest is what every other run is made of.
    pub(crate) fn to_force() -> Vec<Isa> {
        let mut isas = Isa::available();
        isas.pop();
        isas
    }

    #[cfg(target_arch = "x86_64")]
    fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            Isa::Neon => false,
            Isa::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            Isa::Avx512 => {
                Isa::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
        }
    }

    #[cfg(not(target_arch = "x86_64"))]
    fn is_available(self) -> bool {
        match self {
            Isa::Portable => true,
            Isa::Neon => cfg!(target_arch = "aarch64"),
            Isa::Avx2 | Isa::Avx512 => false,
        }
    }
}

/// The wanted ones, or if none is named those that the machine does not take by itself.
///
/// # Errors
/// If one is named that this machine lacks.
pub(crate) fn choose(wanted: &[Isa]) -> Result<Vec<Isa>> {
    let available = Isa::available();
    if let Some(missing) = wanted.iter().find(|isa| !available.contains(isa)) {
        let names: Vec<_> = available.iter().map(|isa| isa.name()).collect();
        return Err(format!("--isa {}: this machine has {}", missing.name(), names.join(", ")));
    }
    Ok(if wanted.is_empty() { Isa::to_force() } else { wanted.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_machine_has_the_portable_path_and_no_machine_has_all() {
        let available = Isa::available();
        assert_eq!(available[0], Isa::Portable);
        assert!(available.len() < Isa::value_variants().len());
    }

    #[test]
    fn the_fastest_is_forced_only_when_it_is_named() {
        let (forced, fastest) = (choose(&[]).unwrap(), *Isa::available().last().unwrap());
        assert!(!forced.contains(&fastest) && forced.len() + 1 == Isa::available().len());
        assert_eq!(choose(&[fastest]).unwrap(), [fastest]);
    }

    #[test]
    fn a_path_that_the_machine_lacks_is_named() {
        let lacking = if cfg!(target_arch = "x86_64") { Isa::Neon } else { Isa::Avx2 };
        let message = choose(&[lacking]).unwrap_err();
        assert!(message.contains(lacking.name()) && message.contains("portable"), "{message}");
    }

    #[test]
    fn the_command_line_takes_the_names_of_the_environment_variable() {
        for isa in Isa::value_variants() {
            assert_eq!(isa.to_possible_value().unwrap().get_name(), isa.name());
        }
    }
}
