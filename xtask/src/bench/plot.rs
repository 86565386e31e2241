//! A plot as a small SVG file: points and lines on two logarithmic axes.
//!
//! It must never know what is measured.

use std::fmt::Write;

use super::table::number;

/// One line of a plot.
#[derive(Clone, Debug)]
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// A plot.
#[derive(Clone, Debug)]
pub(super) struct Plot {
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) series: Vec<Series>,
}

/// The picture, and the part of it between the axes: left, right, top, bottom.
const SIZE: (f64, f64) = (640.0, 400.0);
const INSIDE: [f64; 4] = [72.0, 524.0, 44.0, 340.0];
/// Colours that are told apart by everyone.
const COLOURS: [&str; 4] = ["#0072b2", "#d55e00", "#009e73", "#cc79a7"];

/// A range of one axis, in logarithms, and where it lies in the picture.
struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    fn new(values: impl Iterator<Item = f64> + Clone, (from, to): (f64, f64)) -> Self {
        let (low, high) = (values.clone().fold(f64::INFINITY, f64::min), values.fold(0.0, f64::max));
        // Room for a line that is flat.
        let (low, high) = if high / low < 1.5 { (low / 1.5, high * 1.5) } else { (low / 1.1, high * 1.1) };
        Self { low: low.ln(), high: high.ln(), from, to }
    }

    fn place(&self, value: f64) -> f64 {
        self.from + (value.ln() - self.low) / (self.high - self.low) * (self.to - self.from)
    }

    /// The numbers that the axis shows: powers of `base` times `steps`, as few as fit.
    fn ticks(&self, base: f64, steps: &[f64]) -> Vec<f64> {
        let first = (self.low / base.ln()).floor() as i32;
        let last = (self.high / base.ln()).ceil() as i32;
        let all = (first..=last).flat_map(|power| steps.iter().map(move |step| step * base.powi(power)));
        let inside = |tick: &f64| (self.low..=self.high).contains(&tick.ln());
        all.filter(inside).collect()
    }
}

impl Plot {
    /// The SVG file; none if there is no point.
    pub(super) fn svg(&self) -> Option<String> {
        let points = || self.series.iter().flat_map(|series| series.points.iter().copied());
        points().next()?;
        let [left, right, top, bottom] = INSIDE;
        let x = Axis::new(points().map(|point| point.0), (left, right));
        let y = Axis::new(points().map(|point| point.1), (bottom, top));
        let mut out = String::new();
        // Writing to a string never fails.
        self.frame(&mut out, &x, &y).ok()?;
        for (index, series) in self.series.iter().enumerate() {
            draw(&mut out, series, COLOURS[index % COLOURS.len()], (&x, &y)).ok()?;
        }
        self.labels(&mut out, &y).ok()?;
        out += "</svg>\n";
        Some(out)
    }

    fn frame(&self, out: &mut String, x: &Axis, y: &Axis) -> std::fmt::Result {
        let (width, height) = SIZE;
        let [left, right, top, bottom] = INSIDE;
        writeln!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
             font-size=\"12\" fill=\"#222\">\n<rect width=\"{width}\" height=\"{height}\" fill=\"#fff\"/>\n\
             <text x=\"{left}\" y=\"24\" font-size=\"15\">{}</text>",
            self.title
        )?;
        let mut last = f64::NEG_INFINITY;
        for tick in x.ticks(2.0, &[1.0]) {
            let at = x.place(tick);
            writeln!(out, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#e4e4e4\"/>")?;
            if at - last >= 34.0 {
                last = at;
                let under = bottom + 18.0;
                writeln!(out, "<text x=\"{at:.1}\" y=\"{under}\" text-anchor=\"middle\">{tick}</text>")?;
            }
        }
        let few = y.ticks(10.0, &[1.0]);
        let ticks = if few.len() >= 3 { few } else { y.ticks(10.0, &[1.0, 2.0, 5.0]) };
        for tick in ticks {
            let (at, text) = (y.place(tick), number(tick));
            let text =
                if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
            let (beside, on) = (left - 8.0, at + 4.0);
            writeln!(out, "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#e4e4e4\"/>")?;
            writeln!(out, "<text x=\"{beside}\" y=\"{on:.1}\" text-anchor=\"end\">{text}</text>")?;
        }
        writeln!(out, "<path d=\"M{left} {top}V{bottom}H{right}\" fill=\"none\" stroke=\"#222\"/>")?;
        let (middle, below) = ((left + right) / 2.0, bottom + 40.0);
        writeln!(out, "<text x=\"{middle}\" y=\"{below}\" text-anchor=\"middle\">{}</text>", self.x)?;
        let middle = (top + bottom) / 2.0;
        writeln!(
            out,
            "<text transform=\"translate(18 {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            self.y
        )
    }

    /// Each line's name at its right end, moved apart where they would lie on each other.
    fn labels(&self, out: &mut String, y: &Axis) -> std::fmt::Result {
        let last = |series: &Series| series.points.last().map(|point| y.place(point.1));
        let mut ends: Vec<_> = self
            .series
            .iter()
            .enumerate()
            .filter_map(|(index, series)| Some((last(series)?, index)))
            .collect();
        ends.sort_by(|a, b| a.0.total_cmp(&b.0));
        let mut above = f64::NEG_INFINITY;
        for (at, index) in ends {
            let at = at.max(above + 15.0);
            above = at;
            let (x, colour) = (INSIDE[1] + 8.0, COLOURS[index % COLOURS.len()]);
            writeln!(
                out,
                "<text x=\"{x}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
                at + 4.0,
                self.series[index].name
            )?;
        }
        Ok(())
    }
}

fn draw(out: &mut String, series: &Series, colour: &str, (x, y): (&Axis, &Axis)) -> std::fmt::Result {
    let places: Vec<_> = series.points.iter().map(|point| (x.place(point.0), y.place(point.1))).collect();
    let line: Vec<_> = places.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
    let line = line.join(" ");
    writeln!(out, "<polyline points=\"{line}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>")?;
    places.iter().try_for_each(|(x, y)| {
        writeln!(out, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plot(points: &[(f64, f64)]) -> Plot {
        let series = |name: &str| Series { name: name.into(), points: points.to_vec() };
        Plot { title: "A title", x: "batch", y: "ms", series: vec![series("one"), series("other")] }
    }

    #[test]
    fn a_power_law_is_a_straight_line() {
        let svg = plot(&[(1.0, 1.0), (8.0, 8.0), (64.0, 64.0)]).svg().unwrap();
        let line = svg.lines().find(|line| line.starts_with("<polyline")).unwrap();
        let numbers: Vec<f64> =
            line.split('"').nth(1).unwrap().split([' ', ',']).map(|number| number.parse().unwrap()).collect();
        let [x0, y0, x1, y1, x2, y2] = numbers[..] else { panic!("{numbers:?}") };
        assert!((x1 - (x0 + x2) / 2.0).abs() < 0.11 && (y1 - (y0 + y2) / 2.0).abs() < 0.11, "{line}");
        assert!(x0 < x2 && y0 > y2);
        for part in [">batch</text>", ">ms</text>", ">A title</text>", ">one</text>", ">64</text>"] {
            assert!(svg.contains(part), "{part}");
        }
    }

    #[test]
    fn names_do_not_lie_on_each_other_and_nothing_is_no_plot() {
        let svg = plot(&[(1.0, 1.0), (2.0, 1.0)]).svg().unwrap();
        let place = |name: &str| -> f64 {
            let line = svg.lines().find(|line| line.ends_with(&format!(">{name}</text>"))).unwrap();
            line.split('"').nth(3).unwrap().parse().unwrap()
        };
        assert!((place("one") - place("other")).abs() >= 15.0);
        assert!(plot(&[]).svg().is_none());
    }
}
