//! How cost grows: with the batch, the width, the sequence, the threads. Writes `docs/benchmarks/growth.md` and its plots.
//!
//! Each point has a process of its own, so that its peak memory is its own; the rounds go over all points in turn.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::answer::Answer;
use super::plot::{Plot, Series};
use super::process::Server;
use super::runners::{GRADUS, Malloc, Places};
use super::table::number;

const BATCHES: &[usize] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512];
const WIDTHS: &[usize] = &[
    32, 45, 46, 47, 48, 63, 64, 65, 96, 127, 128, 129, 255, 256, 257, 511, 512, 513, 1023, 1024, 1025, 2047,
    2048,
];
/// Widths that are to cost about the same for each operation: no cliff at odd sizes.
const ODD: &[usize] = &[45, 46, 47, 63, 64, 65, 127, 129];
const LENGTHS: &[usize] = &[64, 128, 256, 512, 1024, 2048, 4096];
/// What is run on one thread and on all.
const SCALING: &[&str] = &["sgemm_1024", "sgemm_2048", "cnn_train", "gpt_train"];
/// Operations of the chain that shows what one costs.
const SMALL_OPS: usize = 1000;

const ROUNDS: usize = 3;
const PATIENCE: Duration = Duration::from_secs(120);

/// One point: what is run on how many threads, and what it showed at best.
struct Point {
    workload: String,
    threads: usize,
    best: Result<Answer, String>,
}

/// Everything that is measured.
struct Growth {
    points: Vec<Point>,
    threads: usize,
}

impl Growth {
    fn new(threads: usize) -> Self {
        let scaled =
            |name: &'static str, sizes: &'static [usize]| sizes.iter().map(move |n| format!("{name}@{n}"));
        let names = scaled("mlp_batch", BATCHES).chain(scaled("cnn_batch", BATCHES));
        let names = names.chain(scaled("linear_width", WIDTHS)).chain(scaled("attention_length", LENGTHS));
        let names = names.chain([format!("small_ops@{SMALL_OPS}")]).map(|name| (name, threads));
        let both = SCALING.iter().flat_map(|name| [1, threads].map(|threads| (name.to_string(), threads)));
        let point = |(workload, threads)| Point { workload, threads, best: Err("was not asked".to_owned()) };
        Self { points: names.chain(both).map(point).collect(), threads }
    }

    fn measure(&mut self, places: &Places, seconds: f64) {
        for round in 0..ROUNDS {
            for point in &mut self.points {
                let command = places.command(&GRADUS, Malloc::Default, point.threads);
                let server = Server::start(command);
                match server.and_then(|mut server| server.ask(&point.workload, seconds, PATIENCE)) {
                    Ok(new) if point.best.as_ref().is_ok_and(|best| best.median <= new.median) => {}
                    new => point.best = new,
                }
            }
            eprintln!("growth: round {} of {ROUNDS}", round + 1);
        }
    }

    fn find(&self, workload: &str, threads: usize) -> Option<&Answer> {
        let point =
            self.points.iter().find(|point| point.workload == workload && point.threads == threads)?;
        point.best.as_ref().ok()
    }

    /// `value` of a scaled workload at each of its sizes.
    fn series(
        &self,
        name: &str,
        sizes: &[usize],
        value: impl Fn(usize, &Answer) -> Option<f64>,
    ) -> Vec<(f64, f64)> {
        let at = |&size: &usize| {
            let answer = self.find(&format!("{name}@{size}"), self.threads)?;
            Some((size as f64, value(size, answer)?))
        };
        sizes.iter().filter_map(at).collect()
    }

    /// The plots, each with the name of its file.
    fn plots(&self) -> [(&'static str, Plot); 4] {
        let time = |_: usize, answer: &Answer| Some(answer.median);
        let batch = |name| self.series(name, BATCHES, time);
        let named = |name: &str, points| Series { name: name.into(), points };
        let rate = self.series("linear_width", WIDTHS, |_, answer| answer.number("gflops"));
        let attention = self.series("attention_length", LENGTHS, time);
        let memory = self.series("attention_length", LENGTHS, |_, answer| answer.number("peak_mb"));
        [
            (
                "batch",
                Plot {
                    title: "Time of one training step",
                    x: "batch",
                    y: "ms",
                    series: vec![named("CNN", batch("cnn_batch")), named("MLP", batch("mlp_batch"))],
                },
            ),
            (
                "width",
                Plot {
                    title: "Training a square linear layer on 1024 rows",
                    x: "width",
                    y: "GFLOP/s",
                    series: vec![named("rate", rate)],
                },
            ),
            (
                "attention-time",
                Plot {
                    title: "Attention, 8 heads of 64, forward and backward",
                    x: "sequence",
                    y: "ms",
                    series: vec![named("time", attention)],
                },
            ),
            (
                "attention-memory",
                Plot {
                    title: "Attention, 8 heads of 64: peak memory of the process",
                    x: "sequence",
                    y: "MB",
                    series: vec![named("peak", memory)],
                },
            ),
        ]
    }

    fn page(&self, command: &str) -> String {
        let mut text = format!(
            "# How cost grows\n\nWritten by `{command}`; do not edit. {} threads; the best of {ROUNDS} rounds' medians, each in a \
             process of its own. The [comparison with other libraries](../benchmarks.md) is another run.\n",
            self.threads
        );
        for (name, plot) in self.plots() {
            text += &format!("\n![{}]({name}.svg)\n", plot.title);
        }
        text += &self.held();
        text += "\n## The points\n\n| workload | threads | ms | |\n|---|---|---|---|\n";
        for point in &self.points {
            text += &match &point.best {
                Ok(answer) => {
                    let fact = |name: &str| answer.facts.get(name).map(|value| format!("{name} {value}"));
                    let facts: Vec<_> = ["gflops", "peak_mb"].into_iter().filter_map(fact).collect();
                    format!(
                        "| {} | {} | {} | {} |\n",
                        point.workload,
                        point.threads,
                        number(answer.median),
                        facts.join(", ")
                    )
                }
                Err(reason) => format!("| {} | {} | *{reason}* | |\n", point.workload, point.threads),
            };
        }
        text
    }

    /// What the project holds itself to.
    fn held(&self) -> String {
        let mut lines = vec!["\n## What is held\n".to_owned()];
        for (name, title) in [("mlp_batch", "MLP"), ("cnn_batch", "CNN")] {
            let per_sample =
                self.series(name, BATCHES, |size, answer| Some(1e3 * answer.median / size as f64));
            if let (Some(first), Some(last)) = (per_sample.iter().find(|p| p.0 == 64.0), per_sample.last()) {
                lines.push(format!(
                    "* {title}: {} µs a sample at batch 64, {} at batch {} (linear or better: {}).",
                    number(first.1),
                    number(last.1),
                    last.0,
                    said(last.1 <= 1.1 * first.1)
                ));
            }
        }
        if let Some(spread) = spread(&self.series("linear_width", ODD, |_, answer| answer.number("gflops"))) {
            lines.push(format!(
                "* Widths {ODD:?}: the slowest takes {:.2} × the time of the fastest per operation (≤ 1.15: {}).",
                spread,
                said(spread <= 1.15)
            ));
        }
        for group in ODD.chunks(3) {
            if let Some(spread) =
                spread(&self.series("linear_width", group, |_, answer| answer.number("gflops")))
            {
                lines.push(format!("* Among {group:?} alone: {spread:.2} ×."));
            }
        }
        if let Some(chain) = self.find(&format!("small_ops@{SMALL_OPS}"), self.threads) {
            let nanoseconds = 1e6 * chain.median / SMALL_OPS as f64;
            lines.push(format!(
                "* A sum of eight numbers: {nanoseconds:.0} ns (≤ 1000: {}).",
                said(nanoseconds <= 1000.0)
            ));
        }
        for name in SCALING {
            if let (Some(one), Some(all)) = (self.find(name, 1), self.find(name, self.threads)) {
                let gain = one.median / all.median;
                let wanted = 0.9 * self.threads as f64;
                lines.push(format!(
                    "* {name}: {gain:.2} × as fast on {} threads as on one (≥ {wanted:.1}: {}).",
                    self.threads,
                    said(gain >= wanted)
                ));
            }
        }
        lines.join("\n") + "\n"
    }
}

fn said(holds: bool) -> &'static str {
    if holds { "yes" } else { "**no**" }
}

/// The largest ÷ the smallest.
fn spread(points: &[(f64, f64)]) -> Option<f64> {
    let most = points.iter().map(|point| point.1).reduce(f64::max)?;
    Some(most / points.iter().map(|point| point.1).reduce(f64::min)?)
}

/// Measures, and writes the page and the plots.
///
/// # Errors
/// If a file can't be written.
pub(super) fn run(places: &Places, threads: usize, seconds: f64, command: &str) -> Result<(), String> {
    let mut growth = Growth::new(threads);
    growth.measure(places, seconds);
    let folder = places.root.join("docs/benchmarks");
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (name, plot) in growth.plots() {
        if let Some(svg) = plot.svg() {
            write(&folder.join(format!("{name}.svg")), &svg)?;
        }
    }
    println!("{}", growth.held());
    write(&folder.join("growth.md"), &growth.page(command))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every point takes what `time` says of its size.
    fn measured(time: impl Fn(f64) -> f64) -> Growth {
        let mut growth = Growth::new(2);
        for point in &mut growth.points {
            let size = point.workload.split_once('@').and_then(|(_, size)| size.parse().ok()).unwrap_or(1.0);
            let facts =
                [("gflops".to_owned(), "100".to_owned()), ("peak_mb".to_owned(), size.to_string())].into();
            let median = time(size) / point.threads as f64;
            point.best = Ok(Answer { median, minimum: median, facts });
        }
        growth
    }

    #[test]
    fn what_is_held_is_judged() {
        let text = measured(|size| size).held();
        assert!(
            text.contains("MLP: 500 µs a sample at batch 64, 500 at batch 512 (linear or better: yes)"),
            "{text}"
        );
        assert!(text.contains("takes 1.00 × the time of the fastest per operation (≤ 1.15: yes)"), "{text}");
        assert!(text.contains("gpt_train: 2.00 × as fast on 2 threads as on one (≥ 1.8: yes)"), "{text}");
        let text = measured(|size| size * size).held();
        assert!(text.contains("(linear or better: **no**)"), "{text}");
    }

    #[test]
    fn the_page_and_its_plots_are_whole_and_small() {
        let growth = measured(|size| size);
        let page = growth.page("cargo xtask bench --growth");
        assert!(page.contains("| mlp_batch@512 | 2 | 256 | gflops 100, peak_mb 512 |"), "{page}");
        for (name, plot) in growth.plots() {
            let svg = plot.svg().unwrap();
            assert!(
                svg.len() < 20_000 && page.contains(&format!("({name}.svg)")),
                "{name}: {} bytes",
                svg.len()
            );
        }
        assert!(Growth::new(2).plots().iter().all(|(_, plot)| plot.svg().is_none()));
        assert!(Growth::new(2).page("x").contains("*was not asked*"));
    }
}
