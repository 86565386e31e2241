//! Line charts as inline SVG: axes with round marks and names, a legend, the exact value on hover. Drawn by hand, since
//! a page with two curves should not bring a plotting library.

use std::fmt::Write;

use super::page::escape;
use super::ticks::Ticks;
use super::values;
use crate::metrics::significant;

// In units of the view box, which the page scales to the width it has.
pub(super) const WIDTH: f64 = 460.0;
pub(super) const HEIGHT: f64 = 270.0;
const TOP: f64 = 26.0;
const RIGHT: f64 = 20.0;
const BOTTOM: f64 = 44.0;
/// Width of a digit of an axis label, roughly; it sets the left margin.
pub(super) const DIGIT: f64 = 8.4;
/// How far the first point stands from the axis, so that its dot does not touch the labels.
const INSET: f64 = 8.0;
/// Beyond so many points, dots would hide the line.
const MOST_DOTS: usize = 40;
/// Beyond so many points, only some can be asked for their values.
const MOST_HINTS: usize = 200;
/// Beyond so many points without a line, only some are shown.
const MOST_POINTS: usize = 1000;
/// How many series have a colour of their own; the next ones share them and are dashed, then dotted.
const COLOURS: usize = 6;
/// Solid, dashed, dotted.
const STROKES: usize = 3;

/// A chart of one or more curves over a common axis.
///
/// ```
/// use gradus_train::report::{LineChart, Report};
/// let chart = LineChart::new("Loss", "epoch", "cross-entropy")
///     .series("train", &[(1.0, 0.9), (2.0, 0.4)])
///     .series("validation", &[(1.0, 1.0), (2.0, f64::NAN), (3.0, 0.6)]);
/// assert!(Report::new("Run").chart(chart).to_html().contains("<svg"));
/// let range = LineChart::new("Range test", "learning rate", "loss").log_x().log_y();
/// assert!(Report::new("Run").chart(range.series("", &[(1e-5, 2.0), (1e-1, 0.3)])).to_html().contains("1e−5"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LineChart {
    title: String,
    x_name: String,
    y_name: String,
    log_x: bool,
    log_y: bool,
    series: Vec<(String, Vec<(f64, f64)>)>,
    /// Which of them are points that no line connects.
    scattered: Vec<usize>,
}

/// How numbers become places.
struct Scale {
    x: Ticks,
    y: Ticks,
    left: f64,
}

impl Scale {
    fn x(&self, x: f64) -> f64 {
        let first = self.left + INSET;
        first + self.x.along(x) * (WIDTH - RIGHT - first)
    }

    fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - self.y.along(y) * (HEIGHT - BOTTOM - TOP)
    }
}

/// The class of a series: its colour and its stroke.
pub(super) fn look(series: usize) -> String {
    format!("s{} d{}", series % COLOURS, series / COLOURS % STROKES)
}

impl LineChart {
    /// An empty chart: its title and the names of its axes.
    #[must_use]
    pub fn new(title: impl Into<String>, x_name: impl Into<String>, y_name: impl Into<String>) -> Self {
        let (title, x_name, y_name) = (title.into(), x_name.into(), y_name.into());
        Self { title, x_name, y_name, log_x: false, log_y: false, series: Vec::new(), scattered: Vec::new() }
    }

    /// Adds a curve through `(x, y)`. Where a value is not finite the curve has a gap.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, points: &[(f64, f64)]) -> Self {
        self.series.push((name.into(), points.to_vec()));
        self
    }

    /// Adds points that no line connects: predictions over truths, say.
    ///
    /// ```
    /// use gradus_train::report::{LineChart, Report};
    /// let chart = LineChart::new("Predictions", "true", "predicted").points("rows", &[(1.0, 1.5), (2.0, 1.0)]);
    /// assert_eq!(Report::new("Run").chart(chart).to_html().matches("<circle").count(), 2);
    /// ```
    #[must_use]
    pub fn points(mut self, name: impl Into<String>, points: &[(f64, f64)]) -> Self {
        self.scattered.push(self.series.len());
        self.series(name, points)
    }

    /// Powers of ten lie at equal distances from left to right; what is not above zero is left out.
    #[must_use]
    pub fn log_x(mut self) -> Self {
        self.log_x = true;
        self
    }

    /// Powers of ten lie at equal distances from bottom to top; what is not above zero is left out.
    #[must_use]
    pub fn log_y(mut self) -> Self {
        self.log_y = true;
        self
    }

    fn is_drawn(&self, (x, y): (f64, f64)) -> bool {
        x.is_finite() && y.is_finite() && (!self.log_x || x > 0.0) && (!self.log_y || y > 0.0)
    }

    fn drawn(&self) -> impl Iterator<Item = (f64, f64)> {
        self.series.iter().flat_map(|(_, points)| points).copied().filter(|point| self.is_drawn(*point))
    }

    fn scale(&self) -> Option<Scale> {
        self.drawn().next()?;
        let bounds = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (x_low, x_high) = bounds(&mut self.drawn().map(|(x, _)| x));
        let (y_low, y_high) = bounds(&mut self.drawn().map(|(_, y)| y));
        let whole = self.drawn().all(|(x, _)| x.fract() == 0.0);
        let x = match (self.log_x, whole) {
            (true, _) => Ticks::logarithmic(x_low, x_high),
            (_, true) => Ticks::whole(x_low, x_high, 6),
            _ => Ticks::new(x_low, x_high, 6),
        };
        let y = if self.log_y { Ticks::logarithmic(y_low, y_high) } else { Ticks::new(y_low, y_high, 5) };
        let widest = y.marks().iter().map(|(_, label)| label.chars().count()).max().unwrap_or(1);
        Some(Scale { x, y, left: 14.0 + DIGIT * widest as f64 })
    }

    /// What a reader hears who cannot see the chart.
    fn spoken(&self) -> String {
        let mut text = format!("{}: {} over {}", self.title, self.y_name, self.x_name);
        for (name, points) in &self.series {
            let mut ends =
                points.iter().copied().filter(|point| self.is_drawn(*point)).map(|(_, y)| significant(y));
            if let Some(first) = ends.next() {
                let last = ends.next_back().unwrap_or_else(|| first.clone());
                _ = write!(text, "; {name} from {first} to {last}");
            }
        }
        text
    }

    pub(crate) fn to_markup(&self) -> String {
        let mut out = format!("<figure><figcaption>{}</figcaption>\n", escape(&self.title));
        out += &self.legend();
        match self.scale() {
            None => out.push_str("<p>No values.</p>"),
            Some(scale) => {
                _ = writeln!(
                    out,
                    "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
                    escape(&self.spoken())
                );
                self.draw_axes(&scale, &mut out);
                for (i, (name, points)) in self.series.iter().enumerate() {
                    if !self.scattered.contains(&i) {
                        self.draw_line(&scale, &look(i), points, &mut out);
                    }
                    self.draw_points(&scale, i, name, points, &mut out);
                }
                out.push_str("</svg>");
                // Points of a cloud have no order that a table would show.
                if self.scattered.is_empty() {
                    out += &values::markup(&self.x_name, &self.series);
                }
            }
        }
        out + "</figure>\n"
    }

    /// The names of the series with their looks; nothing where a single one is called as its axis.
    fn legend(&self) -> String {
        let mut out = String::from("<div class=\"legend\">");
        let goes_without_saying = |name: &str| name.is_empty() || name == self.y_name;
        if self.series.len() > 1 || self.series.iter().any(|(name, _)| !goes_without_saying(name)) {
            for (i, (name, _)) in self.series.iter().enumerate() {
                _ = write!(out, "<span class=\"{}\">{}</span>", look(i), escape(name));
            }
        }
        out + "</div>\n"
    }

    fn draw_axes(&self, scale: &Scale, out: &mut String) {
        let (left, right, bottom) = (scale.left, WIDTH - RIGHT, HEIGHT - BOTTOM);
        for (mark, label) in scale.y.marks() {
            let y = scale.y(mark);
            _ = write!(
                out,
                "<line class=\"grid\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/>"
            );
            let (x, y) = (left - 6.0, y + 4.0);
            _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"end\">{label}</text>");
        }
        for (mark, label) in scale.x.marks() {
            let x = scale.x(mark);
            let (low, text) = (bottom + 5.0, bottom + 19.0);
            _ = write!(
                out,
                "<line class=\"axis\" x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{bottom:.1}\" y2=\"{low:.1}\"/>"
            );
            _ = writeln!(out, "<text x=\"{x:.1}\" y=\"{text:.1}\" text-anchor=\"middle\">{label}</text>");
        }
        _ = writeln!(
            out,
            "<line class=\"axis\" x1=\"{left:.1}\" x2=\"{right:.1}\" y1=\"{bottom:.1}\" y2=\"{bottom:.1}\"/>"
        );
        let (middle, low) = ((left + right) / 2.0, HEIGHT - 6.0);
        _ = writeln!(
            out,
            "<text x=\"{middle:.1}\" y=\"{low:.1}\" text-anchor=\"middle\">{}</text><text x=\"2\" y=\"12\">{}</text>",
            escape(&self.x_name),
            escape(&self.y_name)
        );
    }

    fn draw_line(&self, scale: &Scale, look: &str, points: &[(f64, f64)], out: &mut String) {
        let mut path = String::new();
        let mut pen_down = false;
        for &(x, y) in points {
            let drawn = self.is_drawn((x, y));
            if drawn {
                let command = if pen_down { 'L' } else { 'M' };
                _ = write!(path, "{command}{:.1} {:.1}", scale.x(x), scale.y(y));
            }
            pen_down = drawn;
        }
        _ = writeln!(out, "<path class=\"line {look}\" d=\"{path}\"/>");
    }

    /// Dots that tell their value on hover: seen if there are few or no line is, else only felt.
    fn draw_points(&self, scale: &Scale, i: usize, name: &str, points: &[(f64, f64)], out: &mut String) {
        let (look, scattered) = (look(i), self.scattered.contains(&i));
        let most = if scattered { MOST_POINTS } else { MOST_HINTS };
        let stride = points.len().div_ceil(most).max(1);
        let (class, radius) = match scattered || points.len() <= MOST_DOTS {
            true => ("", if points.len() <= MOST_DOTS { 3.0 } else { 2.0 }),
            false => ("hidden ", 5.0),
        };
        let every = points.iter().enumerate().filter(|(i, _)| i % stride == 0 || i + 1 == points.len());
        for (_, &(x, y)) in every.filter(|(_, point)| self.is_drawn(**point)) {
            let (px, py) = (scale.x(x), scale.y(y));
            _ = write!(
                out,
                "<circle class=\"{class}{look}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"{radius}\"><title>"
            );
            _ = writeln!(
                out,
                "{}: {} at {} {}</title></circle>",
                escape(name),
                significant(y),
                escape(&self.x_name),
                significant(x)
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)]) -> String {
        LineChart::new("Loss", "epoch", "cross-entropy").series("train", points).to_markup()
    }

    #[test]
    fn names_both_axes_and_tells_values() {
        let svg = chart(&[(1.0, 0.5), (2.0, 0.25)]);
        for text in [
            ">epoch</text>",
            ">cross-entropy</text>",
            "train: 0.25 at epoch 2",
            ">1</text>",
            ">2</text>",
            "aria-label=\"Loss: cross-entropy over epoch; train from 0.5 to 0.25\"",
        ] {
            assert!(svg.contains(text), "{text} in {svg}");
        }
    }

    #[test]
    fn a_falling_loss_falls_on_the_page() {
        let chart = LineChart::new("", "", "").series("", &[(1.0, 2.0), (3.0, 1.0)]);
        let scale = chart.scale().unwrap();
        assert!(scale.y(2.0) < scale.y(1.0) && scale.x(1.0) < scale.x(3.0));
        assert_eq!((scale.x(3.0), scale.y(1.0)), (WIDTH - RIGHT, HEIGHT - BOTTOM));
    }

    #[test]
    fn gaps_where_values_are_not_finite() {
        let svg = chart(&[(1.0, 1.0), (2.0, f64::NAN), (3.0, 2.0), (4.0, 3.0)]);
        // Drawn it has no place; the table below tells it.
        assert!(svg.split("</svg>").next().is_some_and(|drawn| !drawn.contains("NaN")));
        assert!(svg.contains(">NaN</td>"));
        let path = svg.split("class=\"line s0 d0\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1));
    }

    #[test]
    fn a_logarithmic_axis_leaves_out_what_it_has_no_place_for() {
        let points = [(1.0, 0.01), (2.0, 0.0), (3.0, -1.0), (4.0, 100.0)];
        let chart = LineChart::new("", "", "").log_y().series("", &points);
        let scale = chart.scale().unwrap();
        assert_eq!(scale.y(1.0), (scale.y(0.01) + scale.y(100.0)) / 2.0);
        let svg = chart.to_markup();
        assert_eq!((svg.matches("<circle").count(), svg.contains("NaN")), (2, false));
    }

    #[test]
    fn every_series_looks_like_no_other() {
        let looks: std::collections::BTreeSet<String> = (0..COLOURS * STROKES).map(look).collect();
        assert_eq!(looks.len(), COLOURS * STROKES);
        let style = include_str!("style.css");
        for look in looks.iter().flat_map(|look| look.split(' ')) {
            let stroke = if look.starts_with('d') { ".line" } else { "" };
            assert!(style.contains(&format!("svg.chart {stroke}.{look} ")), "{look} has no style");
            assert!(
                style.contains(&format!(".legend .{look}::before ")),
                "{look} has no style in the legend"
            );
        }
    }

    #[test]
    fn nothing_and_one_point_are_no_trouble() {
        assert!(chart(&[]).contains("No values."));
        assert!(chart(&[(1.0, f64::INFINITY)]).contains("No values."));
        assert_eq!(chart(&[(5.0, 0.0)]).matches("<circle").count(), 1);
    }

    #[test]
    fn many_points_stay_a_small_page() {
        let points: Vec<(f64, f64)> = (0..5000).map(|i| (f64::from(i), f64::from(i % 10))).collect();
        assert!(chart(&points).matches("<circle").count() <= MOST_HINTS + 1);
    }
}
