//! How tensors are printed: `Display` reads like NumPy's, `Debug` is one short line. It exists so that looking at a
//! tensor never floods a terminal; it must never be parsed.

use std::fmt::{self, Write};

use crate::any::AnyTensor;
use crate::element::Element;
use crate::tensor::Tensor;

/// Tensors of more elements are shown by their edges only.
const SUMMARISE_ABOVE: usize = 1000;
/// Elements at each end of a summarised axis.
const EDGE: usize = 3;
/// Digits after the point unless the format string says otherwise.
const DECIMALS: usize = 4;
/// Columns after which a row is broken.
const LINE: usize = 75;
/// Elements that `Debug` shows.
const DEBUG_ELEMENTS: usize = 6;

/// Like NumPy's: brackets per axis, columns aligned, the edges only of more than 1000 elements. Floats have 4 decimals
/// or what the format string asks for (`{:.2}`), none if all shown are whole; very large or small ones are written
/// with an exponent. A width (`{:8}`) is each column's least.
///
/// ```
/// let x = gradus_tensor::Tensor::from([[1.0_f32, -2.5], [10.0, 0.125]]);
/// assert_eq!(x.to_string(), "[[ 1.0000 -2.5000]\n [10.0000  0.1250]]");
/// assert_eq!(format!("{x:.1}"), "[[ 1.0 -2.5]\n [10.0  0.1]]");
/// ```
impl<T: Element> fmt::Display for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("[]");
        }
        let edges = self.len() > SUMMARISE_ABOVE;
        let picks: Vec<Vec<Option<usize>>> = self.shape().iter().map(|&d| picks(d, edges)).collect();
        let mut values = Vec::new();
        collect(self, &picks, &mut Vec::new(), &mut values);
        let cells = cells(&values, f.precision());
        let width = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or(0);
        let mut writer =
            Writer { cells: cells.into_iter(), width: width.max(f.width().unwrap_or(0)), column: 0 };
        let mut out = String::new();
        writer.axis(&picks, 0, &mut out)?;
        f.write_str(&out)
    }
}

/// One line: type, shape and the first elements.
///
/// ```
/// let x = gradus_tensor::Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
/// assert_eq!(format!("{x:?}"), "Tensor<f32>[2, 2] [1.0, 2.0, 3.0, 4.0]");
/// ```
impl<T: Element> fmt::Debug for Tensor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tensor<{}>{} [", T::DTYPE, self.shape())?;
        let layout = self.layout().collapse();
        let (mut first, mut result) = (true, Ok(()));
        layout.runs(0, self.len().min(DEBUG_ELEMENTS), |position, stride, length| {
            for i in 0..length {
                let value = self.storage()[position.wrapping_add_signed(i as isize * stride)];
                let comma = if std::mem::take(&mut first) { "" } else { ", " };
                result = result.and_then(|()| write!(f, "{comma}{value:?}"));
            }
        });
        result?;
        f.write_str(if self.len() > DEBUG_ELEMENTS { ", …]" } else { "]" })
    }
}

macro_rules! any_format {
    ($($trait:ident)*) => {$(
        /// As the tensor inside.
        impl fmt::$trait for AnyTensor {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    AnyTensor::F32(x) => x.fmt(f),
                    AnyTensor::F64(x) => x.fmt(f),
                    AnyTensor::I32(x) => x.fmt(f),
                    AnyTensor::I64(x) => x.fmt(f),
                    AnyTensor::U8(x) => x.fmt(f),
                    AnyTensor::Bool(x) => x.fmt(f),
                }
            }
        }
    )*};
}
any_format!(Display Debug);

/// The indices of an axis that are shown; `None` stands for those left out.
fn picks(length: usize, edges: bool) -> Vec<Option<usize>> {
    if edges && length > 2 * EDGE {
        let ends = (length - EDGE..length).map(Some);
        (0..EDGE).map(Some).chain([None]).chain(ends).collect()
    } else {
        (0..length).map(Some).collect()
    }
}

/// The shown elements in row-major order.
fn collect<T: Element>(
    x: &Tensor<T>,
    picks: &[Vec<Option<usize>>],
    index: &mut Vec<usize>,
    values: &mut Vec<T>,
) {
    let Some(axis) = picks.get(index.len()) else {
        values.push(x.at(index));
        return;
    };
    for &pick in axis.iter().flatten() {
        index.push(pick);
        collect(x, picks, index, values);
        index.pop();
    }
}

fn cells<T: Element>(values: &[T], precision: Option<usize>) -> Vec<String> {
    if T::ZERO.as_i64().is_some() {
        return values.iter().map(ToString::to_string).collect();
    }
    let numbers: Vec<f64> = values.iter().map(|x| x.as_f64()).collect();
    let sizes = || numbers.iter().map(|x| x.abs()).filter(|x| x.is_finite());
    let whole = sizes().all(|x| x.fract() == 0.0);
    let smallest = sizes().filter(|&x| x > 0.0).fold(f64::INFINITY, f64::min);
    let exponent = sizes().any(|x| x >= 1e8) || smallest < 1e-4;
    let decimals = precision.unwrap_or(DECIMALS);
    let cell = |&x: &f64| match x {
        x if x.is_nan() => "nan".to_string(),
        x if x.is_infinite() => if x > 0.0 { "inf" } else { "-inf" }.to_string(),
        x if exponent => scientific(x, decimals),
        x if whole && precision.is_none() => format!("{x:.0}."),
        x => format!("{x:.decimals$}"),
    };
    numbers.iter().map(cell).collect()
}

/// `1.2500e-07`: a sign and at least two digits in the exponent, as NumPy writes it.
fn scientific(x: f64, decimals: usize) -> String {
    let text = format!("{x:.decimals$e}");
    match text.split_once('e') {
        Some((mantissa, exponent)) => {
            let (sign, digits) = exponent.strip_prefix('-').map_or(('+', exponent), |digits| ('-', digits));
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        None => text,
    }
}

struct Writer<I> {
    cells: I,
    width: usize,
    column: usize,
}

impl<I: Iterator<Item = String>> Writer<I> {
    /// Axis `depth` and all within it.
    fn axis(&mut self, picks: &[Vec<Option<usize>>], depth: usize, out: &mut String) -> fmt::Result {
        let Some(axis) = picks.get(depth) else {
            return self.cell(out);
        };
        let innermost = depth + 1 == picks.len();
        out.push('[');
        for (i, pick) in axis.iter().enumerate() {
            if i > 0 && !innermost {
                out.push_str(&"\n".repeat(picks.len() - depth - 1));
                out.push_str(&" ".repeat(depth + 1));
            }
            match pick {
                None if innermost => self.word("…", depth + 1, i, out),
                None => out.push('…'),
                Some(_) if innermost => {
                    let cell = self.cells.next().unwrap_or_default();
                    let pad = self.width.saturating_sub(cell.chars().count());
                    self.word(&format!("{}{cell}", " ".repeat(pad)), depth + 1, i, out);
                }
                Some(_) => self.axis(picks, depth + 1, out)?,
            }
        }
        out.push(']');
        Ok(())
    }

    /// The one element of a tensor without axes.
    fn cell(&mut self, out: &mut String) -> fmt::Result {
        let cell = self.cells.next().unwrap_or_default();
        let whole = if cell.ends_with('.') { "0" } else { "" };
        write!(out, "{:>1$}", format!("{cell}{whole}"), self.width)
    }

    /// Item `i` of a row, on a new line if this one is full.
    fn word(&mut self, word: &str, indent: usize, i: usize, out: &mut String) {
        let length = word.chars().count();
        if i == 0 {
            self.column = indent;
        } else if self.column + 1 + length > LINE {
            out.push('\n');
            out.push_str(&" ".repeat(indent));
            self.column = indent;
        } else {
            out.push(' ');
            self.column += 1;
        }
        out.push_str(word);
        self.column += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_tensors_are_shown_whole() {
        assert_eq!(Tensor::from([1_i64, -20, 3]).to_string(), "[  1 -20   3]");
        assert_eq!(Tensor::from([true, false]).to_string(), "[ true false]");
        assert_eq!(Tensor::from([1.0_f32, 20.0]).to_string(), "[ 1. 20.]");
        assert_eq!(Tensor::scalar(0.5_f64).to_string(), "0.5000");
        assert_eq!(Tensor::scalar(2.0_f64).to_string(), "2.0");
        assert_eq!(format!("{:.2}", Tensor::scalar(2.0_f64)), "2.00");
        assert_eq!(format!("{:6.2}", Tensor::from([2.0_f64, 0.5])), "[  2.00   0.50]");
        assert_eq!(Tensor::<f32>::zeros([2, 0]).to_string(), "[]");
        let odd = Tensor::from([f32::NAN, f32::INFINITY, -f32::INFINITY, 0.25]);
        assert_eq!(odd.to_string(), "[   nan    inf   -inf 0.2500]");
        let small = Tensor::from([1e-7_f64, -2.5, 0.0]);
        assert_eq!(small.to_string(), "[ 1.0000e-07 -2.5000e+00  0.0000e+00]");
        assert_eq!(format!("{:.1}", Tensor::from([3e120_f64])), "[3.0e+120]");
    }

    #[test]
    fn axes_are_nested_like_numpys() {
        let x = Tensor::<i32>::arange(8).reshape([2, 2, 2]);
        assert_eq!(x.to_string(), "[[[0 1]\n  [2 3]]\n\n [[4 5]\n  [6 7]]]");
        assert_eq!(x.select(0, 1).t().to_string(), "[[4 6]\n [5 7]]");
    }

    #[test]
    fn large_tensors_show_their_edges() {
        let x = Tensor::<i32>::arange(10_000).reshape([100, 100]);
        let want = "[[   0    1    2 …   97   98   99]
 [ 100  101  102 …  197  198  199]
 [ 200  201  202 …  297  298  299]
 …
 [9700 9701 9702 … 9797 9798 9799]
 [9800 9801 9802 … 9897 9898 9899]
 [9900 9901 9902 … 9997 9998 9999]]";
        assert_eq!(x.to_string(), want);
        assert_eq!(Tensor::<i64>::arange(1001).to_string(), "[   0    1    2 …  998  999 1000]");
        let cube = Tensor::<u8>::zeros([2, 1, 600]).to_string();
        assert_eq!(cube, "[[[0 0 0 … 0 0 0]]\n\n [[0 0 0 … 0 0 0]]]");
    }

    #[test]
    fn long_rows_are_broken() {
        let text = Tensor::<i32>::arange(60).to_string();
        assert!(text.lines().all(|line| line.chars().count() <= LINE + 1), "{text}");
        assert_eq!(text.lines().nth(1).map(|line| &line[..6]), Some(" 25 26"));
    }

    #[test]
    fn debug_is_short() {
        let x = Tensor::<f32>::arange(12).reshape([3, 4]).t();
        assert_eq!(format!("{x:?}"), "Tensor<f32>[4, 3] [0.0, 4.0, 8.0, 1.0, 5.0, 9.0, …]");
        assert_eq!(format!("{:?}", Tensor::<bool>::zeros([0])), "Tensor<bool>[0] []");
        assert_eq!(format!("{:?}", AnyTensor::from(Tensor::scalar(3_u8))), "Tensor<u8>[] [3]");
    }
}
