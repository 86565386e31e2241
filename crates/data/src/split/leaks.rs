//! Rows that are in two parts at once: what makes a test flatter a model. It must never know how the parts came about.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use gradus_tensor::{AnyTensor, Element, Tensor};

use crate::fit::{Columns, Values};

/// A row of the test part that is in the training part, too.
///
/// ```
/// use gradus_data::Leak;
/// let leak = Leak { train: 17, test: 3 };
/// assert_eq!(leak.to_string(), "row 3 of the test part is row 17 of the training part");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Leak {
    /// The row in the training part, the first of several.
    pub train: usize,
    /// The row in the test part.
    pub test: usize,
}

impl fmt::Display for Leak {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "row {} of the test part is row {} of the training part", self.test, self.train)
    }
}

/// Parts whose rows can be compared: tensors `[N, …]` and [`Columns`].
///
/// ```
/// use gradus_data::Rows;
/// use gradus_tensor::Tensor;
/// let x = Tensor::from([[1.0_f32, 2.0], [0.0, 0.0], [1.0, 2.0]]);
/// assert!(x.rows() == 3 && x.words(0) == x.words(2) && x.words(0) != x.words(1));
/// ```
pub trait Rows {
    /// The number of rows.
    fn rows(&self) -> usize;

    /// A row's content in words: equal exactly where rows are equal bit by bit.
    fn words(&self, row: usize) -> Vec<u64>;
}

/// For each row of `test` that is also in `train`, bit by bit, where: by hashes, which a comparison confirms.
///
/// ```
/// use gradus_data::leaks;
/// use gradus_tensor::Tensor;
/// let train = Tensor::from([[1.0_f32, 2.0], [3.0, 4.0]]);
/// let test = Tensor::from([[5.0, 6.0], [3.0, 4.0]]);
/// let found: Vec<String> = leaks(&train, &test).iter().map(ToString::to_string).collect();
/// assert_eq!(found, ["row 1 of the test part is row 1 of the training part"]);
/// ```
#[must_use]
pub fn leaks<R: Rows>(train: &R, test: &R) -> Vec<Leak> {
    let mut places: Vec<(u64, usize)> = (0..train.rows()).map(|row| (hash(&train.words(row)), row)).collect();
    places.sort_unstable();
    let find = |row: usize| {
        let words = test.words(row);
        let hash = hash(&words);
        let start = places.partition_point(|&(other, _)| other < hash);
        let alike = places[start..].iter().take_while(|&&(other, _)| other == hash);
        let same = alike.map(|&(_, place)| place).find(|&place| train.words(place) == words)?;
        Some(Leak { train: same, test: row })
    };
    (0..test.rows()).filter_map(find).collect()
}

fn hash(row: &[u64]) -> u64 {
    let mut hasher = DefaultHasher::new();
    row.hash(&mut hasher);
    hasher.finish()
}

impl<X: Element> Rows for Tensor<X> {
    fn rows(&self) -> usize {
        self.shape().first().copied().unwrap_or(0)
    }

    fn words(&self, row: usize) -> Vec<u64> {
        match AnyTensor::new(&self.select(0, row)) {
            AnyTensor::F32(x) => x.to_vec().iter().map(|v| u64::from(v.to_bits())).collect(),
            AnyTensor::F64(x) => x.to_vec().iter().map(|v| v.to_bits()).collect(),
            AnyTensor::I32(x) => x.to_vec().iter().map(|&v| v as u64).collect(),
            AnyTensor::I64(x) => x.to_vec().iter().map(|&v| v as u64).collect(),
            AnyTensor::U8(x) => x.to_vec().iter().map(|&v| u64::from(v)).collect(),
            AnyTensor::Bool(x) => x.to_vec().iter().map(|&v| u64::from(v)).collect(),
        }
    }
}

impl Rows for Columns {
    fn rows(&self) -> usize {
        self.rows()
    }

    fn words(&self, row: usize) -> Vec<u64> {
        let mut words = Vec::new();
        for values in self.values() {
            match values {
                Values::Numbers(values) => words.push(values[row].to_bits()),
                Values::Texts(texts) => {
                    words.push(texts[row].len() as u64);
                    words.extend(texts[row].bytes().map(u64::from));
                }
            }
        }
        words
    }
}
