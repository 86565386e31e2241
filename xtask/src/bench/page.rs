//! `docs/benchmarks.md`: the machine, the command, the limits and the table of one run.

use std::fs;
use std::path::Path;

use super::results::Results;
use super::table::{markdown, number, score};

const INTRODUCTION: &str = "\
# Benchmarks

Written by `cargo xtask bench --docs`; do not edit. All figures are of one run on one machine. Ratios are what counts: a time
alone says little about another machine.

* Figures are in ms, the median of the rounds; the best of each library's processes counts. All libraries take turns
  within each round. A peer slower than twice the best one is measured for one round, one slower by a fifth for three.
* **ratio**: Gradus' figure ÷ the best peer's; below 1 Gradus is faster. **target**: what the project holds itself to.
* Behind a product's figure: the part of the machine's arithmetic that it reaches.
* `+`: fused optimizer, or batch norm folded and channels last; `c`: compiled as well. Every peer runs with the C
  library's allocator as it is and with thresholds that keep large blocks, and counts with the better. Rust peers are
  built with `-C target-cpu=native` and their fastest features. Gradus runs as its users get it.
* What each workload is: [crates/bench](../crates/bench/README.md#add-a-workload). How cost grows with batch, width and sequence:
  [growth](benchmarks/growth.md).
";

/// Writes the page.
///
/// # Errors
/// If it can't be written.
pub(super) fn write(results: &Results, command: &str, root: &Path) -> Result<(), String> {
    let path = root.join("docs/benchmarks.md");
    fs::write(&path, page(results, command)).map_err(|error| format!("{}: {error}", path.display()))
}

fn page(results: &Results, command: &str) -> String {
    let (judged, met) = score(results);
    let mut text = format!("{INTRODUCTION}\n## The run\n\n| | |\n|---|---|\n| command | `{command}` |\n");
    for (name, value) in &results.about {
        text += &format!("| {name} | {} |\n", value.replace('|', "/"));
    }
    text += &format!("\n## The comparison\n\n{}\n", markdown(results));
    if judged > 0 {
        text += &format!("\n{met} of {judged} targets are met.\n");
    }
    if !results.limits.is_empty() {
        text += &format!("\n{}", limits(results));
    }
    text
}

/// The machine's limits, one line each.
fn limits(results: &Results) -> String {
    let mut text = "## The machine's limits, measured in the same run\n\n\
                    `fma`: chains of fused multiply-adds in registers. `triad`: a = b + 3·c, `read`: a sum; arrays of 256 KiB a \
                    thread (l2), 6 MiB (l3), 192 MiB (dram). The last figure of a name is the number of threads.\n\n\
                    | limit | |\n|---|---|\n"
        .to_owned();
    for (name, (value, unit)) in &results.limits {
        text += &format!("| {name} | {} {unit} |\n", number(*value));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::{figure, results};

    #[test]
    fn the_page_holds_command_machine_table_and_limits() {
        let mut found = results("sum", &[figure("gradus", "gradus", 1.0), figure("torch", "torch", 2.0)]);
        found.about.insert("processor".into(), "a | b".into());
        found.limits.insert("fma_f32_1".into(), (176.4, "GFLOP/s".into()));
        let text = page(&found, "cargo xtask bench sum");
        for part in [
            "| command | `cargo xtask bench sum` |",
            "| processor | a / b |",
            "| sum of 16 M | **1.00** | 2.00 |",
            "1 of 1 targets are met",
            "| fma_f32_1 | 176 GFLOP/s |",
        ] {
            assert!(text.contains(part), "{part}\n{text}");
        }
    }
}
