//! Sparse linear maps along one axis: each place of the result is a weighted sum of few places of the operand. What
//! resizing and reflecting have in common, so that their adjoint (the transposed map) is written once. It must never know
//! what a map is for.

use crate::conv::dense;
use crate::element::Float;
use crate::isa::current_isa;
use crate::kernels::taps::{Call, Taps};
use crate::tensor::Tensor;

/// A sparse matrix `[outputs, inputs]` that is applied along an axis.
///
/// ```
/// use gradus_tensor::{AxisMap, Tensor};
/// let halves = AxisMap::new(3, [[(0, 0.5), (1, 0.5)], [(1, 0.5), (2, 0.5)]]);
/// let x = Tensor::from([[1.0_f32, 3.0, 7.0]]);
/// assert_eq!(x.map_axis(1, &halves), Tensor::from([[2.0, 5.0]]));
/// assert_eq!(x.t().map_axis(0, &halves), Tensor::from([[2.0], [5.0]]));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct AxisMap {
    inputs: usize,
    /// Where the taps of each output begin, and the end.
    starts: Vec<usize>,
    index: Vec<usize>,
    weight: Vec<f64>,
}

impl AxisMap {
    /// From the taps of each output: places among `inputs` and their weights.
    ///
    /// # Panics
    /// If a place lies outside.
    #[must_use]
    #[track_caller]
    pub fn new<R: IntoIterator<Item = (usize, f64)>>(
        inputs: usize,
        rows: impl IntoIterator<Item = R>,
    ) -> Self {
        let mut map = Self { inputs, starts: vec![0], index: Vec::new(), weight: Vec::new() };
        for (output, row) in rows.into_iter().enumerate() {
            for (place, weight) in row {
                assert!(
                    place < inputs,
                    "axis_map: place {place} of output {output} lies outside 0 .. {inputs}"
                );
                map.index.push(place);
                map.weight.push(weight);
            }
            map.starts.push(map.index.len());
        }
        map
    }

    /// The length of the axis that it reads.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The length of the axis that it makes.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.starts.len() - 1
    }

    /// The adjoint: `[inputs, outputs]`, each row's taps in order of place.
    ///
    /// ```
    /// use gradus_tensor::AxisMap;
    /// let halves = AxisMap::new(4, [vec![(0, 0.5), (1, 0.5)], vec![(2, 0.5), (3, 0.5)]]); // means of pairs
    /// assert_eq!((halves.inputs(), halves.outputs()), (4, 2));
    /// assert_eq!((halves.transposed().inputs(), halves.transposed().outputs()), (2, 4));
    /// ```
    #[must_use]
    pub fn transposed(&self) -> Self {
        let mut starts = vec![0; self.inputs + 1];
        self.index.iter().for_each(|&place| starts[place + 1] += 1);
        (0..self.inputs).for_each(|place| starts[place + 1] += starts[place]);
        let mut next = starts.clone();
        let (mut index, mut weight) = (vec![0; self.index.len()], vec![0.0; self.index.len()]);
        for output in 0..self.outputs() {
            for tap in self.starts[output]..self.starts[output + 1] {
                let to = &mut next[self.index[tap]];
                (index[*to], weight[*to]) = (output, self.weight[tap]);
                *to += 1;
            }
        }
        Self { inputs: self.outputs(), starts, index, weight }
    }
}

impl<T: Float> Tensor<T> {
    /// `map` applied along `axis`: out\[…, j, …\] = Σ weight·self\[…, place, …\] over the taps of j, in their order
    /// `[…, inputs, …] → […, outputs, …]`; an output without taps is 0.
    ///
    /// # Panics
    /// If there is no such axis, or its length is not what the map reads.
    #[must_use]
    #[track_caller]
    pub fn map_axis(&self, axis: isize, map: &AxisMap) -> Self {
        let at = self.shape().axis("map_axis", axis);
        let (n, m, length) = (map.inputs, map.outputs(), self.shape()[at]);
        assert!(n == length, "map_axis: axis {axis} has another length: {} ({length} ≠ {n})", self.shape());
        let inner = self.shape()[at + 1..].iter().product();
        let weight: Vec<T> = map.weight.iter().map(|&weight| T::of(weight)).collect();
        let taps = Taps { starts: &map.starts, index: &map.index, weight: &weight };
        let x = self.contiguous();
        Self::build(self.shape().with(at, m), |out| {
            T::taps(current_isa(), Call { taps, lengths: [n, m, inner], x: dense(&x), out });
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_and_its_transpose_are_matrices() {
        let map = AxisMap::new(4, [vec![(3, 2.0), (0, 1.0)], vec![], vec![(1, -1.0), (1, 0.5), (3, 4.0)]]);
        let matrix = Tensor::from([[1.0, 0.0, 0.0, 2.0], [0.0; 4], [0.0, -0.5, 0.0, 4.0]]);
        assert_eq!(Tensor::<f64>::eye(4).map_axis(0, &map), matrix);
        assert_eq!(Tensor::<f64>::eye(4).map_axis(1, &map), matrix.t());
        assert_eq!(Tensor::<f64>::eye(3).map_axis(-2, &map.transposed()), matrix.t());
        assert_eq!(map.transposed().transposed().outputs(), 3);
        for inner in [1, 3, 8, 21] {
            let x = Tensor::<f64>::from_fn([2, 4, inner], |i| ((i[0] * 31 + i[1] * 7 + i[2]) % 13) as f64);
            let want = matrix.matmul(&x);
            assert_eq!(x.map_axis(1, &map), want, "{inner}");
        }
        assert_eq!(Tensor::<f32>::zeros([0, 4]).map_axis(1, &map).dims(), [0, 3]);
        assert_eq!(Tensor::<f32>::zeros([4, 0]).map_axis(0, &map).dims(), [3, 0]);
    }

    #[test]
    #[should_panic(expected = "axis_map: place 4 of output 1 lies outside 0 .. 4")]
    fn places_lie_inside() {
        let _ = AxisMap::new(4, [[(3, 1.0)], [(4, 1.0)]]);
    }

    #[test]
    #[should_panic(expected = "map_axis: axis 0 has another length: [3] (3 ≠ 4)")]
    fn lengths_agree() {
        let _ = Tensor::<f32>::zeros([3]).map_axis(0, &AxisMap::new(4, [[(0, 1.0)]]));
    }
}
