//! Line charts as inline SVG: axes with round marks and names, a legend, the exact value on hover. Drawn by hand, since
//! a page with two curves should not bring a plotting library.

use std::fmt::Write;

use super::page::escape;
use super::ticks::Ticks;
use crate::metrics::significant;

// In units of the view box, which the page scales to the width it has.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 270.0;
const TOP: f64 = 26.0;
const RIGHT: f64 = 14.0;
const BOTTOM: f64 = 44.0;
/// Width of a digit of an axis label, roughly; it sets the left margin.
const DIGIT: f64 = 8.4;
/// How far the first point stands from the axis, so that its dot does not touch the labels.
const INSET: f64 = 8.0;
/// Beyond so many points, dots would hide the line.
const MOST_DOTS: usize = 40;
/// Beyond so many points, only some can be asked for their values.
const MOST_HINTS: usize = 200;
/// How many series have a colour of their own.
const COLOURS: usize = 4;

/// A chart of one or more curves over a common axis.
///
/// ```
/// use gradus_train::report::{LineChart, Report};
/// let chart = LineChart::new("Loss", "epoch", "cross-entropy")
///     .series("train", &[(1.0, 0.9), (2.0, 0.4)])
///     .series("validation", &[(1.0, 1.0), (2.0, f64::NAN), (3.0, 0.6)]);
/// assert!(Report::new("Run").chart(chart).to_html().contains("<svg"));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct LineChart {
    title: String,
    x_name: String,
    y_name: String,
    series: Vec<(String, Vec<(f64, f64)>)>,
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
        first + (x - self.x.low) / (self.x.high - self.x.low) * (WIDTH - RIGHT - first)
    }

    fn y(&self, y: f64) -> f64 {
        HEIGHT - BOTTOM - (y - self.y.low) / (self.y.high - self.y.low) * (HEIGHT - BOTTOM - TOP)
    }
}

impl LineChart {
    /// An empty chart: its title and the names of its axes.
    #[must_use]
    pub fn new(title: impl Into<String>, x_name: impl Into<String>, y_name: impl Into<String>) -> Self {
        Self { title: title.into(), x_name: x_name.into(), y_name: y_name.into(), series: Vec::new() }
    }

    /// Adds a curve through `(x, y)`. Where a value is not finite the curve has a gap.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, points: &[(f64, f64)]) -> Self {
        self.series.push((name.into(), points.to_vec()));
        self
    }

    fn scale(&self) -> Option<Scale> {
        let finite = || {
            let all = self.series.iter().flat_map(|(_, points)| points);
            all.copied().filter(|(x, y)| x.is_finite() && y.is_finite())
        };
        finite().next()?;
        let bounds = |values: &mut dyn Iterator<Item = f64>| {
            values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)))
        };
        let (x_low, x_high) = bounds(&mut finite().map(|(x, _)| x));
        let (y_low, y_high) = bounds(&mut finite().map(|(_, y)| y));
        let whole = finite().all(|(x, _)| x.fract() == 0.0);
        let x = if whole { Ticks::whole(x_low, x_high, 6) } else { Ticks::new(x_low, x_high, 6) };
        let y = Ticks::new(y_low, y_high, 5);
        let widest = y.marks().iter().map(|(_, label)| label.chars().count()).max().unwrap_or(1);
        Some(Scale { x, y, left: 14.0 + DIGIT * widest as f64 })
    }

    pub(crate) fn to_markup(&self) -> String {
        let mut out =
            format!("<figure><figcaption>{}</figcaption>\n<div class=\"legend\">", escape(&self.title));
        if self.series.len() > 1 {
            for (i, (name, _)) in self.series.iter().enumerate() {
                _ = write!(out, "<span class=\"s{}\">{}</span>", i % COLOURS, escape(name));
            }
        }
        out.push_str("</div>\n");
        match self.scale() {
            None => out.push_str("<p>No values.</p>"),
            Some(scale) => {
                _ = writeln!(
                    out,
                    "<svg class=\"chart\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">",
                    escape(&self.title)
                );
                self.draw_axes(&scale, &mut out);
                for (i, (name, points)) in self.series.iter().enumerate() {
                    self.draw_line(&scale, i % COLOURS, points, &mut out);
                    self.draw_points(&scale, i % COLOURS, name, points, &mut out);
                }
                out.push_str("</svg>");
            }
        }
        out + "</figure>\n"
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

    fn draw_line(&self, scale: &Scale, colour: usize, points: &[(f64, f64)], out: &mut String) {
        let mut path = String::new();
        let mut pen_down = false;
        for &(x, y) in points {
            let finite = x.is_finite() && y.is_finite();
            if finite {
                let command = if pen_down { 'L' } else { 'M' };
                _ = write!(path, "{command}{:.1} {:.1}", scale.x(x), scale.y(y));
            }
            pen_down = finite;
        }
        _ = writeln!(out, "<path class=\"line s{colour}\" d=\"{path}\"/>");
    }

    /// Dots that tell their value on hover: seen if there are few, else only felt.
    fn draw_points(&self, scale: &Scale, colour: usize, name: &str, points: &[(f64, f64)], out: &mut String) {
        let seen = points.len() <= MOST_DOTS;
        let stride = points.len().div_ceil(MOST_HINTS).max(1);
        let (class, radius) = if seen { ("", 3.0) } else { ("hidden ", 5.0) };
        let every = points.iter().enumerate().filter(|(i, _)| i % stride == 0 || i + 1 == points.len());
        for (_, &(x, y)) in every.filter(|(_, (x, y))| x.is_finite() && y.is_finite()) {
            let (px, py) = (scale.x(x), scale.y(y));
            _ = write!(
                out,
                "<circle class=\"{class}s{colour}\" cx=\"{px:.1}\" cy=\"{py:.1}\" r=\"{radius}\"><title>"
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
        for text in
            [">epoch</text>", ">cross-entropy</text>", "train: 0.25 at epoch 2", ">1</text>", ">2</text>"]
        {
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
        assert!(!svg.contains("NaN"));
        let path = svg.split("class=\"line s0\" d=\"").nth(1).unwrap().split('"').next().unwrap();
        assert_eq!((path.matches('M').count(), path.matches('L').count()), (2, 1));
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
