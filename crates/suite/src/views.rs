//! The fuzz target of layout algebra: bytes are read as a program of views, which a tensor and a naive model both run.
//!
//! The model knows no strides: it is a list of values in row-major order, rewritten by every view. After each instruction
//! both must show the same shape and values, and the layout's own answers (positions, contiguity, runs, adjoint) must
//! fit them. Any bytes are a valid program, so that any fuzzer can drive it: [`run`] is the whole interface.

use gradus_tensor::{Shape, Tensor};

/// Elements that a view may grow to.
const MOST_ELEMENTS: usize = 2048;
/// Axes that a view may grow to.
const MOST_AXES: usize = 6;

/// The bytes that are left; noughts follow their end.
struct Bytes<'a>(std::slice::Iter<'a, u8>);

impl Bytes<'_> {
    fn below(&mut self, n: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % n.max(1)
    }
}

/// What the tensor shall be.
#[derive(Clone, Debug)]
struct Model {
    shape: Vec<usize>,
    values: Vec<i64>,
}

impl Model {
    fn from_fn(shape: Vec<usize>, at: impl Fn(&[usize]) -> i64) -> Self {
        let values = indices(&shape).map(|index| at(&index)).collect();
        Self { shape, values }
    }

    fn at(&self, index: &[usize]) -> i64 {
        self.values[index.iter().zip(&self.shape).fold(0, |at, (&i, &length)| at * length + i)]
    }
}

/// All indices of a shape in row-major order.
fn indices(shape: &[usize]) -> impl Iterator<Item = Vec<usize>> + use<> {
    let shape = shape.to_vec();
    (0..shape.iter().product()).map(move |mut flat: usize| {
        let mut index = vec![0; shape.len()];
        for (i, &length) in index.iter_mut().zip(&shape).rev() {
            (*i, flat) = (flat % length, flat / length);
        }
        index
    })
}

fn with<T: Clone>(list: &[T], at: usize, value: T) -> Vec<T> {
    let mut list = list.to_vec();
    list[at] = value;
    list
}

fn inserted(list: &[usize], at: usize, value: usize) -> Vec<usize> {
    let mut list = list.to_vec();
    list.insert(at, value);
    list
}

fn without(list: &[usize], at: usize) -> Vec<usize> {
    let mut list = list.to_vec();
    list.remove(at);
    list
}

/// Runs the program and compares after each instruction.
///
/// # Panics
/// If the tensor and the model disagree.
pub fn run(program: &[u8]) {
    let mut bytes = Bytes(program.iter());
    let rank = bytes.below(5);
    let shape: Vec<usize> = (0..rank).map(|_| [1, 2, 3, 4, 5, 7, 1, 0][bytes.below(8)]).collect();
    let mut count = 0..;
    let mut model = Model::from_fn(shape.clone(), |_| 0);
    model.values.iter_mut().zip(&mut count).for_each(|(value, i)| *value = i);
    let mut tensor = Tensor::new(shape, &model.values);
    while bytes.0.len() > 0 {
        let before = (tensor.clone(), model.clone());
        let name = step(&mut bytes, &mut tensor, &mut model);
        let fits = tensor.shape()[..] == model.shape[..] && tensor.to_vec() == model.values;
        assert!(fits, "{name} of {:?}: {tensor:?} instead of {model:?}", before.0.layout());
        check_layout(&tensor, name);
    }
}

/// The axis of an instruction.
struct Axis {
    at: usize,
    /// The same, counted from the front or from the back.
    named: isize,
    length: usize,
    rank: usize,
}

/// One instruction; what would leave the limits does nothing. Answers with its name.
fn step(bytes: &mut Bytes<'_>, tensor: &mut Tensor<i64>, model: &mut Model) -> &'static str {
    let rank = model.shape.len();
    let (op, at) = (bytes.below(12), bytes.below(rank));
    let length = model.shape.get(at).copied().unwrap_or(1);
    let named = at as isize - if bytes.below(2) == 1 { rank as isize } else { 0 };
    let axis = Axis { at, named, length, rank };
    match op {
        0..=7 if rank == 0 => "nothing",
        0..=3 => chosen(op, &axis, bytes, tensor, model),
        4..=6 => spread(op, &axis, bytes, tensor, model),
        _ => reshaped(op, &axis, bytes, tensor, model),
    }
}

/// Elements in another order, or fewer of them.
fn chosen(
    op: usize,
    &Axis { at: axis, named, length, rank }: &Axis,
    bytes: &mut Bytes<'_>,
    tensor: &mut Tensor<i64>,
    model: &mut Model,
) -> &'static str {
    let old = model.clone();
    match op {
        0 => {
            let mut order: Vec<usize> = (0..rank).collect();
            (1..rank).for_each(|i| order.swap(i, bytes.below(i + 1)));
            *tensor = tensor.permute(&order);
            let shape = order.iter().map(|&a| old.shape[a]).collect();
            *model = Model::from_fn(shape, |index| {
                let mut from = vec![0; rank];
                order.iter().zip(index).for_each(|(&a, &i)| from[a] = i);
                old.at(&from)
            });
            "permute"
        }
        1 => {
            let start = bytes.below(length + 1);
            let end = start + bytes.below(length - start + 1);
            let step = [1, 2, 3, -1, -2][bytes.below(5)];
            *tensor = tensor.slice(named, start, end, step);
            let count = (end - start).div_ceil(step.unsigned_abs());
            *model = Model::from_fn(with(&old.shape, axis, count), |index| {
                let i = index[axis] * step.unsigned_abs();
                old.at(&with(index, axis, if step > 0 { start + i } else { end - 1 - i }))
            });
            "slice"
        }
        2 if length > 0 => {
            let at = bytes.below(length);
            *tensor = tensor.select(named, at);
            *model = Model::from_fn(without(&old.shape, axis), |index| old.at(&inserted(index, axis, at)));
            "select"
        }
        3 => {
            *tensor = tensor.flip(named);
            *model = Model::from_fn(old.shape.clone(), |index| {
                old.at(&with(index, axis, length - 1 - index[axis]))
            });
            "flip"
        }
        _ => "nothing",
    }
}

/// Elements that appear at several places, and those of a diagonal.
fn spread(
    op: usize,
    &Axis { at: axis, named, length, rank }: &Axis,
    bytes: &mut Bytes<'_>,
    tensor: &mut Tensor<i64>,
    model: &mut Model,
) -> &'static str {
    let old = model.clone();
    match op {
        4 if length == 1 && old.values.len() * 4 <= MOST_ELEMENTS => {
            let to = with(&old.shape, axis, bytes.below(5));
            *tensor = tensor.expand(to.clone());
            *model = Model::from_fn(to, |index| old.at(&with(index, axis, 0)));
            "expand"
        }
        5 if length > 0 && rank < MOST_AXES => {
            let (size, step) = (bytes.below(length + 1), 1 + bytes.below(3));
            let windows = (length - size) / step + 1;
            let shape = [with(&old.shape, axis, windows), vec![size]].concat();
            if shape.iter().product::<usize>() > MOST_ELEMENTS {
                return "nothing";
            }
            *tensor = tensor.unfold(named, size, step);
            *model = Model::from_fn(shape, |index| {
                old.at(&with(&index[..rank], axis, index[axis] * step + index[rank]))
            });
            "unfold"
        }
        6 if rank > 1 => {
            let other = (axis + 1 + bytes.below(rank - 1)) % rank;
            let shift = bytes.below(7) as isize - 3;
            *tensor = tensor.diagonal(shift, named, other as isize);
            let (down, right) = (shift.min(0).unsigned_abs(), shift.max(0).unsigned_abs());
            let rows = old.shape[axis].saturating_sub(down);
            let count = rows.min(old.shape[other].saturating_sub(right));
            let (high, low) = (axis.max(other), axis.min(other));
            let shape = [without(&without(&old.shape, high), low), vec![count]].concat();
            *model = Model::from_fn(shape, |index| {
                let (rest, i) = (&index[..rank - 2], index[rank - 2]);
                let from = inserted(&inserted(rest, low, 0), high, 0);
                old.at(&with(&with(&from, axis, i + down), other, i + right))
            });
            "diagonal"
        }
        _ => "nothing",
    }
}

/// The same elements under another shape.
fn reshaped(
    op: usize,
    &Axis { at: axis, named, length, rank }: &Axis,
    bytes: &mut Bytes<'_>,
    tensor: &mut Tensor<i64>,
    model: &mut Model,
) -> &'static str {
    let old = model.clone();
    match op {
        7 if length == 1 => {
            *tensor = tensor.squeeze(named);
            model.shape = without(&old.shape, axis);
            "squeeze"
        }
        8 if rank < MOST_AXES => {
            let at = bytes.below(rank + 1);
            *tensor = tensor.unsqueeze(at as isize);
            model.shape = inserted(&old.shape, at, 1);
            "unsqueeze"
        }
        9 => {
            // Two neighbours become one axis.
            if axis + 1 < rank {
                model.shape = with(&without(&old.shape, axis + 1), axis, length * old.shape[axis + 1]);
            }
            *tensor = tensor.reshape(model.shape.clone());
            "merge"
        }
        10 if rank > 0 && rank < MOST_AXES => {
            let divisors: Vec<usize> = (1..=length.max(1)).filter(|d| length.is_multiple_of(*d)).collect();
            let divisor = divisors[bytes.below(divisors.len())];
            model.shape = inserted(&with(&old.shape, axis, length / divisor), axis + 1, divisor);
            *tensor = tensor.reshape(model.shape.clone());
            "split"
        }
        11 => {
            *tensor = tensor.contiguous();
            assert!(tensor.layout().is_contiguous(), "contiguous: {:?}", tensor.layout());
            "contiguous"
        }
        _ => "nothing",
    }
}

/// The layout's answers against the values that the tensor shows.
fn check_layout(tensor: &Tensor<i64>, name: &str) {
    let (layout, values) = (tensor.layout(), tensor.to_vec());
    let positions: Vec<usize> = indices(layout.shape()).map(|index| layout.position(&index)).collect();
    let storage = tensor.storage();
    let read: Vec<i64> = positions.iter().map(|&at| storage[at]).collect();
    assert_eq!(read, values, "position after {name}: {layout:?}");
    let is_run = positions.windows(2).all(|pair| pair[1] == pair[0] + 1);
    assert_eq!(layout.is_contiguous(), is_run, "is_contiguous after {name}: {layout:?}");
    let mut from_runs = Vec::new();
    layout.collapse().runs(0, values.len(), |first, stride, count| {
        from_runs.extend((0..count).map(|i| first.wrapping_add_signed(i as isize * stride)));
    });
    assert_eq!(from_runs, positions, "runs after {name}: {layout:?}");
    let whole = Shape::new(&[storage.len()]);
    let mut want = vec![0; storage.len()];
    positions.iter().zip(&values).for_each(|(&at, value)| want[at] += value);
    assert_eq!(tensor.unview(&whole, layout).to_vec(), want, "unview after {name}: {layout:?}");
}
