//! A confusion matrix as a table whose cells are the darker the larger their share of the row.

use std::fmt::Write;

use super::page::{OPEN, escape};
use crate::metrics::{Average, ConfusionMatrix, Scores};

/// From this share on, a cell stands out.
const STRONG: f64 = 0.5;

fn score_cells(scores: Scores) -> String {
    let cell = |value: f64| format!("<td class=\"score\">{value:.3}</td>");
    cell(scores.precision) + &cell(scores.recall) + &cell(scores.f1)
}

fn cell(matrix: &ConfusionMatrix, truth: usize, prediction: usize) -> String {
    let count = matrix.count(truth, prediction);
    if count == 0 {
        return "<td class=\"cell zero\">·</td>".to_owned();
    }
    let share = count as f64 / matrix.truths(truth).max(1) as f64;
    // The smallest share must still differ from none.
    let depth = 0.12 + 0.88 * share;
    let class = if share >= STRONG { "cell strong" } else { "cell" };
    let labels = matrix.labels();
    format!(
        "<td class=\"{class}\" style=\"background:rgba(var(--heat),{depth:.2})\" title=\"true {}, predicted {}: {count} ({:.1} %)\">{count}</td>",
        escape(&labels[truth]),
        escape(&labels[prediction]),
        100.0 * share
    )
}

pub(super) fn markup(matrix: &ConfusionMatrix) -> String {
    let labels = matrix.labels();
    let mut out =
        format!("{OPEN}<table class=\"heat\"><thead><tr><th class=\"corner\">true ↓<br>predicted →</th>",);
    for label in labels {
        _ = write!(out, "<th scope=\"col\" class=\"cell-head\">{}</th>", escape(label));
    }
    out.push_str("<th>precision</th><th>recall</th><th>F1</th></tr></thead><tbody>\n");
    for (truth, label) in labels.iter().enumerate() {
        _ = write!(out, "<tr><th scope=\"row\">{}</th>", escape(label));
        for prediction in 0..labels.len() {
            out.push_str(&cell(matrix, truth, prediction));
        }
        _ = writeln!(out, "{}</tr>", score_cells(matrix.scores(truth)));
    }
    let columns = labels.len();
    for (name, average) in [("macro average", Average::Macro), ("micro average", Average::Micro)] {
        let scores = score_cells(matrix.average(average));
        _ = write!(out, "<tr><th scope=\"row\">{name}</th><td colspan=\"{columns}\"></td>{scores}</tr>");
    }
    out + "</tbody></table></div>"
}

#[cfg(test)]
mod tests {
    use super::*;
    use gradus_tensor::Tensor;

    #[test]
    fn shows_counts_and_scores() {
        let mut matrix = ConfusionMatrix::new(["a", "b"]);
        matrix.update_classes(&Tensor::from([0_i64, 1, 0, 0]), &Tensor::from([0_i64, 0, 0, 1]));
        let html = markup(&matrix);
        assert!(html.contains("true a, predicted b: 1 (33.3 %)"));
        assert!(html.contains("class=\"cell strong\" style=\"background:rgba(var(--heat),0.71)\""));
        assert!(html.contains("class=\"cell zero\""));
        assert!(html.contains("<td class=\"score\">0.667</td>"));
    }
}
