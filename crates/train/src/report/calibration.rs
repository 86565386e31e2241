//! The calibration diagram: how often predictions are right, beside how sure they were. It must never know what predicts.

use std::fmt::Write;

use super::chart::{HEIGHT, WIDTH};
use super::page::{escape, grouped};
use crate::metrics::CalibrationBin;

// In units of the view box, as the line charts.
const LEFT: f64 = 48.0;
const RIGHT: f64 = 14.0;
const TOP: f64 = 26.0;
/// Where the diagram ends; the counts stand below it.
const BOTTOM: f64 = 196.0;
/// The counts' bars end here.
const BASE: f64 = HEIGHT - 34.0;
/// How high the tallest of them is.
const COUNTS: f64 = 26.0;

/// Expected calibration error: Σ nᵦ/n · |accuracyᵦ − certaintyᵦ| over the bins b; 0 without predictions.
fn error(bins: &[CalibrationBin]) -> f64 {
    let total: u64 = bins.iter().map(|bin| bin.count).sum();
    let gap = |bin: &CalibrationBin| bin.count as f64 * (bin.accuracy - bin.certainty).abs();
    bins.iter().filter(|bin| bin.count > 0).map(gap).sum::<f64>() / total.max(1) as f64
}

fn x(certainty: f64) -> f64 {
    LEFT + certainty.clamp(0.0, 1.0) * (WIDTH - RIGHT - LEFT)
}

fn y(accuracy: f64) -> f64 {
    BOTTOM - accuracy.clamp(0.0, 1.0) * (BOTTOM - TOP)
}

fn axes(out: &mut String) {
    for i in 0..=5 {
        let share = f64::from(i) / 5.0;
        let (px, py) = (x(share), y(share));
        let (left, right, text) = (x(0.0), x(1.0), BASE + 16.0);
        _ = writeln!(
            out,
            "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{py:.1}\" y2=\"{py:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{share:.1}</text>\
             <text x=\"{px:.1}\" y=\"{text:.1}\" text-anchor=\"middle\">{share:.1}</text>",
            left - 6.0,
            py + 4.0
        );
    }
    for line in [BOTTOM, BASE] {
        let (left, right) = (x(0.0), x(1.0));
        _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{line:.1}\" y2=\"{line:.1}\"/>"
        );
    }
    _ = writeln!(
        out,
        "<text x=\"2\" y=\"12\">accuracy</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">count</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">certainty</text>",
        LEFT - 6.0,
        BASE - 8.0,
        (x(0.0) + x(1.0)) / 2.0,
        HEIGHT - 2.0
    );
}

fn bars(bin: &CalibrationBin, most: u64, out: &mut String) {
    let (left, right) = (x(bin.low) + 1.0, x(bin.high) - 1.0);
    let width = (right - left).max(1.0);
    let (top, count) = (y(bin.accuracy), COUNTS * bin.count as f64 / most.max(1) as f64);
    let (ideal, label) = (y(bin.certainty), grouped(bin.count));
    let told = format!(
        "certainty {:.2} to {:.2}: {label} predictions, {:.1} % right, {:.1} % sure on average",
        bin.low,
        bin.high,
        100.0 * bin.accuracy,
        100.0 * bin.certainty
    );
    _ = writeln!(
        out,
        "<g><title>{}</title>\
         <rect class=\"bar\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>\
         <rect class=\"gap\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{:.1}\"/>\
         <rect class=\"count\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{count:.1}\"/></g>",
        escape(&told),
        BOTTOM - top,
        top.min(ideal),
        (top - ideal).abs(),
        BASE - count
    );
}

pub(super) fn markup(bins: &[CalibrationBin]) -> String {
    let filled: Vec<&CalibrationBin> = bins.iter().filter(|bin| bin.count > 0).collect();
    if filled.is_empty() {
        return "<p>No predictions.</p>".to_owned();
    }
    let ece = crate::metrics::significant(error(bins));
    let total: u64 = bins.iter().map(|bin| bin.count).sum();
    let told = format!("Accuracy over certainty of {} predictions; ECE {ece}", grouped(total));
    let mut out = format!(
        "<figure><figcaption>Accuracy over certainty</figcaption>\n<div class=\"legend\">\
         <span class=\"s0\">right</span><span class=\"gap-key\">gap to the certainty</span></div>\n\
         <svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
        escape(&told)
    );
    axes(&mut out);
    let most = filled.iter().map(|bin| bin.count).max().unwrap_or(1);
    filled.iter().for_each(|bin| bars(bin, most, &mut out));
    let (x0, y0, x1, y1) = (x(0.0), y(0.0), x(1.0), y(1.0));
    _ = writeln!(
        out,
        "<line class=\"ideal\" x1=\"{x0:.1}\" y1=\"{y0:.1}\" x2=\"{x1:.1}\" y2=\"{y1:.1}\"/></svg></figure>"
    );
    _ = write!(
        out,
        "<p>ECE {ece}: how far certainty and accuracy are apart on average, over {} predictions. On the dashed line \
         they would be equal.</p>",
        grouped(total)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bin(low: f64, count: u64, certainty: f64, accuracy: f64) -> CalibrationBin {
        CalibrationBin { low, high: low + 0.5, count, certainty, accuracy }
    }

    #[test]
    fn the_error_is_weighted_by_counts_and_empty_bins_are_silent() {
        let bins = [bin(0.0, 1, 0.25, 0.5), bin(0.5, 3, 1.0, 0.5)];
        assert_eq!(error(&bins), 0.25 * 0.25 + 0.75 * 0.5);
        let empty = bin(0.0, 0, f64::NAN, f64::NAN);
        assert_eq!(error(&[empty, bins[1]]), 0.5);
        assert_eq!((error(&[]), markup(&[empty]).as_str()), (0.0, "<p>No predictions.</p>"));
        let page = markup(&[empty, bins[1]]);
        assert_eq!((page.matches("class=\"bar\"").count(), page.contains("NaN")), (1, false));
        assert!(page.contains("3 predictions, 50.0 % right, 100.0 % sure on average"), "{page}");
    }

    #[test]
    fn bars_reach_from_the_axis_to_the_accuracy() {
        assert_eq!((y(0.0), y(1.0), x(0.0), x(1.0)), (BOTTOM, TOP, LEFT, WIDTH - RIGHT));
        let page = markup(&[bin(0.5, 4, 0.75, 0.5)]);
        let middle = format!("class=\"bar\" x=\"{:.1}\" y=\"{:.1}\"", x(0.5) + 1.0, (TOP + BOTTOM) / 2.0);
        assert!(page.contains(&middle), "{middle} in {page}");
    }
}
