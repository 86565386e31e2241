//! Where an axis is marked: round numbers, few enough that their labels do not touch; evenly or by powers of ten. Pure
//! arithmetic, apart so that it can be tested without a chart.

/// Round marks of an axis and how to write them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Ticks {
    /// The axis' ends: marks that enclose the data. On a logarithmic axis these are logarithms.
    pub(super) low: f64,
    /// See `low`.
    pub(super) high: f64,
    /// From mark to mark; 0 on a logarithmic axis, whose marks are 1, 2 and 5 times powers of ten.
    step: f64,
}

/// The marks within a decade.
const WITHIN_DECADE: [f64; 3] = [1.0, 2.0, 5.0];
/// Decades beyond which only powers of ten are marked.
const MANY_DECADES: f64 = 2.5;
/// Marks that a logarithmic axis has at most, roughly.
const MOST_DECADES: f64 = 8.0;

impl Ticks {
    /// At most `count` + 1 steps of 1, 2 or 5 times a power of ten that enclose `low ..= high`.
    pub(super) fn new(low: f64, high: f64, count: usize) -> Self {
        let (low, high) = widened(low, high);
        let step = round_step((high - low) / count.max(1) as f64);
        Self { low: (low / step).floor() * step, high: (high / step).ceil() * step, step }
    }

    /// Marks for a count (epochs, steps): whole numbers only, the ends exactly the data's.
    pub(super) fn whole(low: f64, high: f64, count: usize) -> Self {
        if low == high {
            return Self { low: low - 1.0, high: high + 1.0, step: 1.0 };
        }
        Self { low, high, step: round_step((high - low) / count.max(1) as f64).max(1.0) }
    }

    /// A logarithmic axis from mark to mark around `low ..= high`, both above zero.
    pub(super) fn logarithmic(low: f64, high: f64) -> Self {
        let (low, high) = (low.log10(), high.log10());
        let below = decade_marks(low.floor(), low.floor()).into_iter().rfind(|mark| *mark <= low + 1e-9);
        let above =
            decade_marks(high.floor(), high.floor() + 1.0).into_iter().find(|mark| *mark >= high - 1e-9);
        let (low, high) = (below.unwrap_or(low.floor()), above.unwrap_or(high.ceil()));
        let room = if high - low > 1e-9 { 0.0 } else { 1.0 };
        Self { low: low - room, high: high + room, step: 0.0 }
    }

    /// Where `x` is along the axis: 0 at its low end, 1 at its high end; NaN where a logarithm has no place for it.
    pub(super) fn along(&self, x: f64) -> f64 {
        let x = match self.step {
            0.0 if x <= 0.0 => f64::NAN,
            0.0 => x.log10(),
            _ => x,
        };
        (x - self.low) / (self.high - self.low)
    }

    fn decades(&self) -> Vec<(f64, String)> {
        let span = self.high - self.low;
        let stride = (span / MOST_DECADES).ceil().max(1.0) as i64;
        let is_marked = |mark: f64| {
            let power = mark.round();
            let is_power = (mark - power).abs() < 1e-9;
            if span > MANY_DECADES { is_power && (power as i64).rem_euclid(stride) == 0 } else { true }
        };
        let all = decade_marks(self.low.floor(), self.high.ceil()).into_iter();
        let inside = all.filter(|mark| (self.low - 1e-9..=self.high + 1e-9).contains(mark));
        inside.filter(|mark| is_marked(*mark)).map(|mark| (10_f64.powf(mark), power_label(mark))).collect()
    }

    /// The marks with their labels, from low to high.
    pub(super) fn marks(&self) -> Vec<(f64, String)> {
        if self.step == 0.0 {
            return self.decades();
        }
        let first = (self.low / self.step - 1e-9).ceil() as i64;
        let last = (self.high / self.step + 1e-9).floor() as i64;
        let mut marks: Vec<f64> = (first..=last).map(|i| i as f64 * self.step).collect();
        // Counts begin at 1, which is no round number but the one that readers look for.
        if marks.first().is_some_and(|first| first - self.low >= 0.5 * self.step) {
            marks.insert(0, self.low);
        }
        marks.into_iter().map(|mark| (mark, self.label(mark))).collect()
    }

    /// As many decimals as the step needs; powers of ten where numbers would grow long.
    fn label(&self, mark: f64) -> String {
        let size = self.low.abs().max(self.high.abs());
        if mark == 0.0 {
            return "0".to_owned();
        }
        if !(1e-3..1e6).contains(&size) {
            let text = format!("{mark:.2e}");
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let mantissa = mantissa.trim_end_matches('0').trim_end_matches('.');
            return format!("{mantissa}e{exponent}").replace('-', "−");
        }
        let decimals = (-(self.step.log10() + 1e-9).floor()).max(0.0) as usize;
        format!("{mark:.decimals$}").replace('-', "−")
    }
}

/// The logarithms of 1, 2 and 5 times each power of ten from the first to the last.
fn decade_marks(first: f64, last: f64) -> Vec<f64> {
    let decades = (first as i64..=last as i64).map(|decade| decade as f64);
    decades.flat_map(|decade| WITHIN_DECADE.map(|m| decade + m.log10())).collect()
}

/// 0.02, 500, 1e−5.
fn power_label(mark: f64) -> String {
    let (decade, leading) = (mark + 1e-9, 10_f64.powf((mark + 1e-9).rem_euclid(1.0)).round());
    let decade = decade.floor() as i32;
    match decade {
        -3..0 => format!("{:.*}", decade.unsigned_abs() as usize, leading * 10_f64.powi(decade)),
        0..4 => format!("{}", leading * 10_f64.powi(decade)),
        _ => format!("{leading}e{decade}").replace('-', "−"),
    }
}

/// The bounds, apart from each other by enough that steps between them can be told in an f64.
fn widened(low: f64, high: f64) -> (f64, f64) {
    let least = low.abs().max(high.abs()) * 1e-6;
    if high - low > least {
        return (low, high);
    }
    let room = if low == 0.0 && high == 0.0 { 1.0 } else { low.abs().max(high.abs()) * 0.1 };
    (low - room, high + room)
}

fn round_step(rough: f64) -> f64 {
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0].into_iter().map(|m| m * power).find(|step| *step >= rough * (1.0 - 1e-9));
    step.unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(ticks: &Ticks) -> Vec<String> {
        ticks.marks().into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn round_numbers_enclose_the_data() {
        assert_eq!(
            labels(&Ticks::new(0.03, 0.97, 5)),
            ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"].map(|s| if s == "0.0" { "0" } else { s })
        );
        assert_eq!(labels(&Ticks::new(0.912, 0.987, 4)), ["0.90", "0.92", "0.94", "0.96", "0.98", "1.00"]);
        assert_eq!(labels(&Ticks::new(-3.0, 4.0, 4)), ["−4", "−2", "0", "2", "4"]);
        assert_eq!(labels(&Ticks::new(0.0, 3e7, 3)), ["0", "1e7", "2e7", "3e7"]);
        assert_eq!(labels(&Ticks::new(1e-5, 3e-5, 2)), ["1e−5", "2e−5", "3e−5"]);
    }

    #[test]
    fn epochs_are_whole_and_end_where_the_data_ends() {
        assert_eq!(labels(&Ticks::whole(1.0, 3.0, 6)), ["1", "2", "3"]);
        assert_eq!(labels(&Ticks::whole(1.0, 30.0, 6)), ["1", "5", "10", "15", "20", "25", "30"]);
        let one = Ticks::whole(1.0, 1.0, 6);
        assert_eq!((one.low, one.high, labels(&one).len()), (0.0, 2.0, 3));
    }

    #[test]
    fn powers_of_ten_enclose_the_data() {
        assert_eq!(labels(&Ticks::logarithmic(0.003, 7.0)), ["0.01", "0.1", "1", "10"]);
        assert_eq!(labels(&Ticks::logarithmic(0.03, 0.4)), ["0.02", "0.05", "0.1", "0.2", "0.5"]);
        assert_eq!(
            labels(&Ticks::logarithmic(1e-7, 1.0)),
            ["1e−7", "1e−6", "1e−5", "1e−4", "0.001", "0.01", "0.1", "1"]
        );
        assert_eq!(labels(&Ticks::logarithmic(10.0, 10.0)), ["1", "2", "5", "10", "20", "50", "100"]);
        assert_eq!(labels(&Ticks::logarithmic(3.1, 3.9)), ["2", "5"]);
        for (low, high) in [(1e-300, 1e300), (1e-12, 1.0), (5e3, 2e4)] {
            let ticks = Ticks::logarithmic(low, high);
            assert!((2..=10).contains(&ticks.marks().len()), "{ticks:?} {:?}", ticks.marks());
            assert!(ticks.along(low) >= -1e-9 && ticks.along(high) <= 1.0 + 1e-9);
        }
        let ticks = Ticks::logarithmic(0.01, 100.0);
        assert_eq!((ticks.along(1.0), ticks.along(0.01)), (0.5, 0.0));
        assert!(ticks.along(0.0).is_nan() && ticks.along(-1.0).is_nan());
    }

    #[test]
    fn any_bounds_give_few_marks_inside() {
        for (low, high) in
            [(0.0, 0.0), (5.0, 5.0), (-1e-300, 1e-300), (1e300, 1.5e300), (1.0, 1.0 + 1e-15), (-7.0, -7.0)]
        {
            let ticks = Ticks::new(low, high, 5);
            let marks = ticks.marks();
            assert!((2..=8).contains(&marks.len()), "{low} {high} {marks:?}");
            assert!(ticks.low <= low && ticks.high >= high && ticks.high > ticks.low, "{ticks:?}");
            let mut labels = labels(&ticks);
            labels.dedup();
            assert_eq!(labels.len(), marks.len(), "{labels:?}");
        }
    }
}
