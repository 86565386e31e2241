//! Small real data sets that lie in the package (feature `embedded`), so that examples, tests and a first evening need
//! no network. Sources and licences: `data/SOURCES.md`. It must never know what is trained on them.

use flate2::read::GzDecoder;
use gradus_tensor::Element;

use crate::csv::{TableOptions, read_table_from};
use crate::error::DataError;
use crate::pairs::Pairs;
use crate::table::Table;

const DIGITS: &[u8] = include_bytes!("../data/digits.csv.gz");
const DIABETES: &[u8] = include_bytes!("../data/diabetes_data_raw.csv.gz");
const PROGRESSION: &[u8] = include_bytes!("../data/diabetes_target.csv.gz");

/// The columns of [`diabetes`]: age in years, sex (1 or 2), body mass index, mean blood pressure, and six blood serum
/// measurements (total cholesterol, LDL, HDL, their ratio, log of triglycerides, glucose).
pub const DIABETES_COLUMNS: [&str; 10] = ["age", "sex", "bmi", "bp", "s1", "s2", "s3", "s4", "s5", "s6"];

fn table(name: &str, bytes: &[u8], delimiter: u8) -> Result<Table, DataError> {
    let options = TableOptions { delimiter, header: false, ..TableOptions::default() };
    read_table_from(GzDecoder::new(bytes), name, &options)
}

/// INVARIANT: the bytes are part of the program, and the tests read them.
fn sound<X: Element, Y: Element>(pairs: Result<Pairs<X, Y>, DataError>) -> Pairs<X, Y> {
    pairs.unwrap_or_else(|error| panic!("{error}"))
}

/// 1,797 handwritten digits: inputs `[1797, 64]`, 8 × 8 pixels row by row with values 0 (paper) … 16 (ink); targets
/// `[1797]`, the digits 0 … 9 (scikit-learn: `load_digits`).
///
/// ```
/// let digits = gradus_data::digits();
/// assert_eq!(digits.inputs().dims(), [1797, 64]);
/// assert_eq!(digits.targets().to_vec()[..10], [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
/// ```
#[must_use]
pub fn digits() -> Pairs<f32, i64> {
    const PIXELS: usize = 64;
    sound(
        table("digits.csv.gz", DIGITS, b',').and_then(|table| {
            Pairs::new(table.select(&(0..PIXELS).collect::<Vec<_>>())?, table.labels(PIXELS)?)
        }),
    )
}

/// 442 diabetes patients: inputs `[442, 10]`, [`DIABETES_COLUMNS`] in their own units; targets `[442, 1]`, a measure of
/// the disease's progression after one year, 25 … 346 (scikit-learn: `load_diabetes(scaled=False)`).
///
/// ```
/// let diabetes = gradus_data::diabetes();
/// assert_eq!((diabetes.inputs().dims(), diabetes.targets().dims()), ([442, 10], [442, 1]));
/// ```
#[must_use]
pub fn diabetes() -> Pairs {
    sound(table("diabetes_data_raw.csv.gz", DIABETES, b' ').and_then(|inputs| {
        let targets = table("diabetes_target.csv.gz", PROGRESSION, b' ')?;
        Pairs::new(inputs.to_tensor()?, targets.to_tensor()?)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The recorded numbers are Python's, summed with exact fractions.

    #[test]
    fn digits_are_as_published() {
        let digits = digits();
        assert_eq!(digits.inputs().dims(), [1797, 64]);
        let (pixels, labels) = (digits.inputs().to_vec(), digits.targets().to_vec());
        let counts: Vec<usize> =
            (0..10).map(|d| labels.iter().filter(|&&label| label == d).count()).collect();
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        assert_eq!(pixels.iter().map(|&p| f64::from(p)).sum::<f64>(), 561_718.0);
        assert!(pixels.iter().all(|p| (0.0..=16.0).contains(p) && p.fract() == 0.0));
        assert_eq!(pixels[..8], [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
        assert_eq!(pixels[1796 * 64..][..5], [0.0, 0.0, 10.0, 14.0, 8.0]);
    }

    #[test]
    fn diabetes_is_as_published() {
        let diabetes = diabetes();
        assert_eq!((diabetes.inputs().dims(), diabetes.targets().dims()), ([442, 10], [442, 1]));
        let sums = diabetes.inputs().cast::<f64>().sum_axes(&[0], false).to_vec();
        let want =
            [21445.0, 649.0, 11658.1, 41833.98, 83600.0, 51024.1, 22006.5, 1799.05, 2051.5036, 40337.0];
        for ((got, want), name) in sums.iter().zip(want).zip(DIABETES_COLUMNS) {
            assert!((got / want - 1.0).abs() < 1e-7, "{name}: {got} instead of {want}");
        }
        assert_eq!(diabetes.targets().cast::<f64>().sum().item(), 67_243.0);
        assert_eq!(
            diabetes.inputs().to_vec()[4410..],
            [36.0, 1.0, 19.6, 71.0, 250.0, 133.2, 97.0, 3.0, 4.5951, 92.0]
        );
        assert_eq!(diabetes.targets().to_vec()[441], 57.0);
    }
}
