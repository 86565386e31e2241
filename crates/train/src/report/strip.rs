//! Many curves at once: a row of cells for each, the darker the larger, on a logarithmic scale. Where there are as many layers
//! as this is for, lines would hide each other. It must never know what the rows are.

use std::fmt::Write;

use super::page::escape;
use super::ticks::Ticks;
use crate::metrics::significant;

/// Cells of a row; more epochs share one.
const MOST_CELLS: usize = 60;
// In units of the view box.
const WIDTH: f64 = 460.0;
const ROW: f64 = 18.0;
const TOP: f64 = 6.0;
const BELOW: f64 = 40.0;
const LETTER: f64 = 7.8;
/// Letters of a row's name; the rest is told on hover.
const MOST_LETTERS: usize = 22;

/// A name and its points.
pub(super) type Row = (String, Vec<(f64, f64)>);

/// The end of a long name, which tells more than its beginning.
fn short(name: &str) -> String {
    let count = name.chars().count();
    if count <= MOST_LETTERS {
        return name.to_owned();
    }
    let end: String = name.chars().skip(count - MOST_LETTERS + 1).collect();
    format!("…{end}")
}

/// A row at height `y`: its name left of `left`, its cells to the right.
fn cells((name, points): &Row, x_name: &str, scale: &Ticks, left: f64, y: f64, out: &mut String) {
    let base = y + ROW - 5.0;
    _ = writeln!(
        out,
        "<text x=\"{:.1}\" y=\"{base:.1}\" text-anchor=\"end\">{}</text>",
        left - 6.0,
        escape(&short(name))
    );
    let stride = points.len().div_ceil(MOST_CELLS).max(1);
    let width = (WIDTH - left) / points.len().div_ceil(stride).max(1) as f64;
    for (cell, (at, value)) in points.iter().step_by(stride).enumerate() {
        let x = left + width * cell as f64;
        let along = scale.along(*value);
        // The smallest must still differ from none.
        let depth = if along.is_finite() { 0.08 + 0.92 * along } else { 0.0 };
        _ = writeln!(
            out,
            "<rect class=\"strip\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{:.2}\" height=\"{:.1}\" \
             fill-opacity=\"{depth:.2}\"><title>{}: {} at {} {}</title></rect>",
            (width - 1.0).max(width * 0.8),
            ROW - 2.0,
            escape(name),
            significant(*value),
            escape(x_name),
            significant(*at)
        );
    }
}

pub(super) fn markup(title: &str, x_name: &str, rows: &[Row]) -> String {
    let title = escape(title);
    let mut out = format!("<figure class=\"wide\"><figcaption>{title}</figcaption>\n");
    let points = || rows.iter().flat_map(|(_, points)| points).filter(|(_, y)| y.is_finite() && *y > 0.0);
    let (low, high) =
        points().fold((f64::INFINITY, 0.0_f64), |(low, high), (_, y)| (low.min(*y), high.max(*y)));
    if points().next().is_none() {
        return out + "<p>No values.</p></figure>\n";
    }
    let scale = Ticks::logarithmic(low, high);
    let letters = rows.iter().map(|(name, _)| short(name).chars().count()).max().unwrap_or(0);
    let left = 12.0 + LETTER * letters as f64;
    let height = TOP + ROW * rows.len() as f64 + BELOW;
    let told = format!("{title}: {} rows from {} to {}", rows.len(), significant(low), significant(high));
    _ = writeln!(
        out,
        "<div class=\"legend\">{} is light, {} is dark; each row is a layer</div>\n\
         <svg class=\"chart\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{told}\">",
        significant(low),
        significant(high)
    );
    for (i, row) in rows.iter().enumerate() {
        cells(row, x_name, &scale, left, TOP + ROW * i as f64, &mut out);
    }
    let ends = rows.iter().flat_map(|(_, points)| points.iter().map(|(x, _)| *x));
    let (first, last) = ends.fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), x| (a.min(x), b.max(x)));
    let base = height - BELOW + 16.0;
    _ = writeln!(
        out,
        "<text x=\"{left:.1}\" y=\"{base:.1}\">{}</text><text x=\"{WIDTH}\" y=\"{base:.1}\" text-anchor=\"end\">{}</text>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text></svg></figure>",
        significant(first),
        significant(last),
        (left + WIDTH) / 2.0,
        base + 16.0,
        escape(x_name)
    );
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn larger_is_darker_and_no_value_is_no_colour() {
        let rows = [
            ("a".to_owned(), vec![(1.0, 0.01), (2.0, 1.0)]),
            ("b".to_owned(), vec![(1.0, 0.0), (2.0, f64::NAN)]),
        ];
        let page = markup("Norms", "epoch", &rows);
        let depths: Vec<&str> =
            page.split("fill-opacity=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
        assert_eq!(depths, ["0.08", "1.00", "0.00", "0.00"]);
        assert!(page.contains("a: 0.01 at epoch 1"));
        assert!(markup("Norms", "epoch", &[]).contains("No values."));
    }

    #[test]
    fn names_and_epochs_without_end_stay_a_page() {
        let points: Vec<(f64, f64)> = (1..=1000).map(|i| (f64::from(i), 1.0)).collect();
        let page = markup("Norms", "epoch", &[("encoder.layers.11.attention.in_proj".to_owned(), points)]);
        assert!(page.matches("<rect").count() <= MOST_CELLS);
        assert!(page.contains(">….11.attention.in_proj</text>"), "{page}");
    }
}
