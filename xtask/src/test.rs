//! `cargo xtask test`: the tests as the README names them, then the suite on each instruction set that they did not run on.

use crate::Result;
use crate::cargo::Cargo;
use crate::isa::{self, Isa};
use crate::workspace::Workspace;

/// How many draws of each op a property gets with `--thorough`; the suite's own number is 256.
const THOROUGH: &str = "4096";

/// Runs the workspace's tests, which take the machine's fastest instruction set, and then each slower one, or only the `wanted` ones; `thorough` with more draws.
///
/// # Errors
/// If a test fails, or an instruction set is wanted that this machine lacks.
pub(crate) fn run(workspace: &Workspace, wanted: &[Isa], release: bool, thorough: bool) -> Result<()> {
    for cargo in commands(wanted, &isa::choose(wanted)?, release, thorough) {
        cargo.run(&workspace.root)?;
    }
    Ok(())
}

fn commands(wanted: &[Isa], isas: &[Isa], release: bool, thorough: bool) -> Vec<Cargo> {
    let all = wanted.is_empty().then(all_tests);
    let commands = all.into_iter().chain(isas.iter().map(|&isa| forced(isa)));
    let commands = commands.map(|cargo| if release { cargo.argument("--release") } else { cargo });
    commands.map(|cargo| if thorough { cargo.variable("PROPTEST_CASES", THOROUGH) } else { cargo }).collect()
}

/// The README's command.
pub(crate) fn all_tests() -> Cargo {
    Cargo::new("test --workspace")
}

/// The crates that hold the kernels and the properties of every op, with the kernels forced onto `isa`.
pub(crate) fn forced(isa: Isa) -> Cargo {
    Cargo::new("test -p gradus-suite -p gradus-tensor").variable("GRADUS_ISA", isa.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(wanted: &[Isa], isas: &[Isa], release: bool) -> Vec<String> {
        commands(wanted, isas, release, false).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn all_tests_come_first_and_then_each_instruction_set() {
        let expected = [
            "cargo test --workspace",
            "GRADUS_ISA=portable cargo test -p gradus-suite -p gradus-tensor",
            "GRADUS_ISA=avx2 cargo test -p gradus-suite -p gradus-tensor",
        ];
        assert_eq!(typed(&[], &[Isa::Portable, Isa::Avx2], false), expected);
    }

    #[test]
    fn a_wanted_instruction_set_runs_alone() {
        let expected = ["GRADUS_ISA=avx2 cargo test -p gradus-suite -p gradus-tensor --release"];
        assert_eq!(typed(&[Isa::Avx2], &[Isa::Avx2], true), expected);
    }
}
