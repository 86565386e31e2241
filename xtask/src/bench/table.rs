//! The table of a run: every row in its order, a column per peer, the best of them, the ratio and whether it is enough.

use super::results::{Figure, Results};
use super::runners::COLUMNS;
use super::workloads::{Quantity, ROWS, Row, Target};

/// A reason in a cell is cut after so many characters.
const REASON: usize = 40;

/// Where the figures of a row stand: Gradus', and the others'.
pub(super) fn keys(row: &Row) -> (String, String) {
    let key = |workload: &str| match row.quantity {
        Quantity::Time => workload.to_owned(),
        Quantity::PeakMemory => format!("{workload}.peak_mb"),
        Quantity::FirstLoss => "first_loss".to_owned(),
    };
    (key(row.workload), key(row.others()))
}

/// What a row came to.
#[derive(Debug, PartialEq)]
pub(super) struct Verdict<'r> {
    pub(super) gradus: Option<&'r Figure>,
    /// The best peer, whichever column it stands in.
    pub(super) best: Option<&'r Figure>,
    /// Gradus ÷ the best.
    pub(super) ratio: Option<f64>,
    /// The part of the machine's arithmetic that Gradus reached.
    pub(super) part_of_peak: Option<f64>,
    /// Whether the target is met; open while a number is missing.
    pub(super) met: Option<bool>,
}

/// Judges one row.
pub(super) fn judge<'r>(row: &Row, results: &'r Results) -> Verdict<'r> {
    let (ours, theirs) = keys(row);
    let gradus = results.best(&ours, "gradus");
    let peers = COLUMNS.iter().filter_map(|column| results.best(&theirs, column));
    let best = peers.filter(|figure| figure.value().is_some()).min_by(|a, b| a.median.total_cmp(&b.median));
    let value = gradus.and_then(Figure::value);
    let ratio = value.zip(best.and_then(Figure::value)).map(|(ours, theirs)| ours / theirs);
    let rate = gradus.and_then(|figure| figure.facts.get("gflops")?.parse::<f64>().ok());
    let part_of_peak = rate.zip(peak(results)).map(|(rate, peak)| rate / peak);
    let met = match row.target {
        Target::Ratio(most) => ratio.map(|ratio| ratio <= most),
        Target::RatioAndPeak(most, least) => {
            ratio.zip(part_of_peak).map(|(ratio, part)| ratio <= most && part >= least)
        }
        Target::Most(most) => value.map(|value| value <= most),
    };
    Verdict { gradus, best, ratio, part_of_peak, met }
}

/// The machine's multiply-adds of single precision on the threads of the run.
fn peak(results: &Results) -> Option<f64> {
    let threads = results.about.get("threads")?;
    results.limit(&format!("fma_f32_{threads}"))
}

/// The table in Markdown, of the rows that have a figure.
pub(super) fn markdown(results: &Results) -> String {
    let mut lines = vec![
        format!("| workload | gradus | {} | best peer | ratio | target | met |", COLUMNS.join(" | ")),
        format!("|---|---|{}---|---|---|---|", "---|".repeat(COLUMNS.len())),
    ];
    for row in ROWS {
        let (ours, theirs) = keys(row);
        if !results.figures.contains_key(&ours) && !results.figures.contains_key(&theirs) {
            continue;
        }
        let verdict = judge(row, results);
        let mut cells = vec![row.title.to_owned(), ours_cell(row, &verdict)];
        cells.extend(COLUMNS.iter().map(|column| cell(results.best(&theirs, column))));
        cells.push(verdict.best.map(|best| best.library.clone()).unwrap_or_default());
        cells.push(verdict.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default());
        cells.push(target(row));
        cells.push(match verdict.met {
            Some(true) => "yes".into(),
            Some(false) => "**no**".into(),
            None => String::new(),
        });
        lines.push(format!("| {} |", cells.join(" | ")));
    }
    lines.join("\n")
}

/// How many rows are judged, and how many of them are met.
pub(super) fn score(results: &Results) -> (usize, usize) {
    let verdicts: Vec<_> = ROWS.iter().filter_map(|row| judge(row, results).met).collect();
    (verdicts.len(), verdicts.iter().filter(|met| **met).count())
}

fn target(row: &Row) -> String {
    match row.target {
        Target::Ratio(most) => format!("≤ {most}"),
        Target::RatioAndPeak(most, least) => format!("≤ {most} and ≥ {:.0} % of peak", 100.0 * least),
        Target::Most(most) => format!("≤ {most} {}", row.unit()),
    }
}

fn ours_cell(row: &Row, verdict: &Verdict<'_>) -> String {
    let mut cell = match verdict.gradus {
        Some(figure) if figure.value().is_some() => format!("**{}**", number(figure.median)),
        other => cell(other),
    };
    if matches!(row.quantity, Quantity::PeakMemory) && verdict.gradus.is_some() {
        cell += " MB";
    }
    if let Some(part) = verdict.part_of_peak {
        cell += &format!(" ({:.0} %)", 100.0 * part);
    }
    cell
}

fn cell(figure: Option<&Figure>) -> String {
    let Some(figure) = figure else { return String::new() };
    if let Some(reason) = &figure.error {
        let plain = reason.replace('|', "/");
        let short: String = plain.chars().take(REASON).collect();
        return if short == plain { format!("*{short}*") } else { format!("*{short}…*") };
    }
    let library = if figure.column == figure.library { "" } else { figure.library.as_str() };
    format!("{library} {}{}", number(figure.median), figure.variant).trim_start().to_owned()
}

/// Three significant digits.
pub(super) fn number(value: f64) -> String {
    let digits =
        if value >= 100.0 || value <= 0.0 { 0 } else { (2 - value.log10().floor() as i32).clamp(0, 6) };
    format!("{value:.*}", digits as usize)
}

/// The rows that both runs have: the first one's figure ÷ the earlier one's, for Gradus and the best peer.
pub(super) fn comparison(now: &Results, earlier: &Results) -> String {
    let mut lines =
        vec!["| workload | gradus now | earlier | now ÷ earlier | best peer now ÷ earlier |".to_owned()];
    lines.push("|---|---|---|---|---|".into());
    for row in ROWS.iter().filter(|row| row.against.is_none()) {
        let (new, old) = (judge(row, now), judge(row, earlier));
        let values = |verdict: &Verdict<'_>| verdict.gradus.and_then(Figure::value);
        let (Some(a), Some(b)) = (values(&new), values(&old)) else { continue };
        let best = |verdict: &Verdict<'_>| verdict.best.map(|figure| figure.median);
        let peers = best(&new).zip(best(&old)).map(|(a, b)| format!("{:.2}", a / b)).unwrap_or_default();
        lines.push(format!("| {} | {} | {} | {:.2} | {peers} |", row.title, number(a), number(b), a / b));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::tests::{figure, results};

    fn row(workload: &str) -> &'static Row {
        ROWS.iter().find(|row| row.workload == workload).unwrap()
    }

    #[test]
    fn the_best_peer_of_all_columns_is_the_bar() {
        let mut candle = figure("candle", "candle", 2.0);
        candle.error = Some("ended".into());
        let found =
            results("softmax", &[figure("gradus", "gradus", 3.0), figure("torch", "torch", 4.0), candle]);
        let verdict = judge(row("softmax"), &found);
        assert_eq!(
            (verdict.best.unwrap().library.as_str(), verdict.ratio, verdict.met),
            ("torch", Some(0.75), Some(false))
        );
        let found = results("softmax", &[figure("gradus", "gradus", 2.8), figure("torch", "torch", 4.0)]);
        assert_eq!(judge(row("softmax"), &found).met, Some(true));
        assert_eq!(judge(row("sum"), &found).met, None);
        assert_eq!(score(&found), (1, 1));
    }

    #[test]
    fn a_product_is_held_against_the_machine_too() {
        let mut ours = figure("gradus", "gradus", 9.0);
        ours.facts.insert("gflops".into(), "180".into());
        let mut found = results("sgemm_1024", &[ours, figure("gemm", "other", 10.0)]);
        assert_eq!(judge(row("sgemm_1024"), &found).met, None);
        found.about.insert("threads".into(), "2".into());
        found.limits.insert("fma_f32_2".into(), (200.0, "GFLOP/s".into()));
        assert_eq!(judge(row("sgemm_1024"), &found).part_of_peak, Some(0.9));
        assert_eq!(judge(row("sgemm_1024"), &found).met, Some(false));
    }

    #[test]
    fn half_precision_is_also_held_against_the_others_single_precision() {
        let mut found =
            results("gpt_train", &[figure("torch", "torch", 10.0), figure("gradus", "gradus", 9.0)]);
        found.figures.insert("gpt_train_bf16".into(), vec![figure("gradus", "gradus", 4.0)]);
        let rows: Vec<_> = ROWS.iter().filter(|row| row.workload == "gpt_train_bf16").collect();
        assert_eq!(judge(rows[0], &found).ratio, None);
        assert_eq!(judge(rows[1], &found).ratio, Some(0.4));
    }

    #[test]
    fn the_table_shows_figures_variants_and_reasons() {
        let mut fused = figure("torch", "torch", 2.0);
        fused.variant = "+".into();
        let mut failed = figure("burn", "burn", 0.0);
        failed.error = Some("did not answer | within a very long time, and so on".into());
        let found =
            results("adam", &[figure("gradus", "gradus", 1.0), fused, figure("gemm", "other", 2.5), failed]);
        let table = markdown(&found);
        let line = table.lines().nth(2).unwrap();
        assert_eq!(
            line,
            "| Adam step, 10 M parameters | **1.00** | 2.00+ |  |  | *did not answer / within a very long time…* | \
             gemm 2.50 | torch | 0.50 | ≤ 0.95 | yes |"
        );
        assert_eq!(table.lines().count(), 3);
    }

    #[test]
    fn numbers_have_three_digits() {
        assert_eq!(
            [1234.5, 96.84, 1.2345, 0.02849, 0.0].map(number),
            ["1234", "96.8", "1.23", "0.0285", "0"]
        );
    }

    #[test]
    fn two_runs_are_compared() {
        let now = results("sum", &[figure("gradus", "gradus", 1.0), figure("torch", "torch", 3.0)]);
        let then = results("sum", &[figure("gradus", "gradus", 2.0), figure("torch", "torch", 3.0)]);
        assert!(comparison(&now, &then).ends_with("| sum of 16 M | 1.00 | 2.00 | 0.50 | 1.00 |"));
    }
}
