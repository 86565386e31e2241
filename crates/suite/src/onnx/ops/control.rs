//! Branches and loops over graphs, sequences and optionals: what moves values without computing. It must never know what the
//! values are.

use gradus_tensor::{AnyTensor, Tensor};

use super::Mapping;
use super::join::{joined, part, pieces};
use super::shape::{lengths, reshaped};
use crate::call::{Answer, Call, one};
use crate::value::{Array, Result, Value, failed, on_any, unmapped};

pub(super) const TABLE: &[(&str, Mapping)] = &[
    ("ConcatFromSequence", concat_from_sequence),
    ("If", branch),
    ("Loop", repeat),
    ("Optional", |c| Ok(vec![Value::Optional(c.value(0).ok().cloned().map(Box::new))])),
    ("OptionalGetElement", get_element),
    ("OptionalHasElement", has_element),
    ("Scan", scan),
    ("SequenceAt", sequence_at),
    ("SequenceConstruct", |c| Ok(vec![Value::Sequence(c.arrays()?.into_iter().cloned().collect())])),
    ("SequenceEmpty", |_| Ok(vec![Value::Sequence(Vec::new())])),
    ("SequenceErase", sequence_erase),
    ("SequenceInsert", sequence_insert),
    ("SequenceLength", |c| one(Tensor::scalar(sequence(c, 0)?.len() as i64))),
    ("SequenceMap", sequence_map),
    ("SplitToSequence", split_to_sequence),
];

fn branch(call: &Call) -> Answer {
    let chosen = if truth(call.array(0)?)? { "then_branch" } else { "else_branch" };
    call.run(call.graph(chosen)?, Vec::new())
}

fn truth(array: &Array) -> Result<bool> {
    match array.cast::<bool>().to_vec()[..] {
        [truth] => Ok(truth),
        _ => failed(format!("a condition of {}", array.shape())),
    }
}

fn repeat(call: &Call) -> Answer {
    let body = call.graph("body")?;
    let most = call.maybe(0).map_or(i64::MAX, |count| count.cast::<i64>().reshape([]).item());
    let mut goes_on = call.maybe(1).map_or(Ok(true), truth)?;
    let mut carried: Vec<Value> = call.inputs.iter().skip(2).flatten().cloned().collect();
    let mut lists: Vec<Vec<Array>> = vec![Vec::new(); body.output.len().saturating_sub(1 + carried.len())];
    let mut turn = 0;
    while turn < most && goes_on {
        let mut inputs = vec![Some(Tensor::scalar(turn).into()), Some(Tensor::scalar(goes_on).into())]
            .into_iter()
            .map(|array: Option<Array>| array.map(Value::Array))
            .collect::<Vec<_>>();
        inputs.extend(carried.iter().cloned().map(Some));
        let mut outputs = call.run(body, inputs)?.into_iter();
        goes_on = match outputs.next() {
            Some(Value::Array(condition)) => truth(&condition)?,
            _ => return failed("Loop: a body without a condition"),
        };
        carried = outputs.by_ref().take(carried.len()).collect();
        collect(&mut lists, outputs)?;
        turn += 1;
    }
    for list in &lists {
        carried.push(stacked(list, 0)?.into());
    }
    Ok(carried)
}

/// Puts what a turn answers behind what earlier ones did.
fn collect(lists: &mut [Vec<Array>], outputs: impl Iterator<Item = Value>) -> Result<()> {
    for (list, output) in lists.iter_mut().zip(outputs) {
        match output {
            Value::Array(array) => list.push(array),
            _ => return unmapped("loops that collect sequences"),
        }
    }
    Ok(())
}

/// The arrays as the parts of a new axis.
fn stacked(arrays: &[Array], axis: i64) -> Result<Array> {
    let Some(first) = arrays.first() else { return unmapped("loops without a turn that collect") };
    let axis = if axis < 0 { axis + first.rank() as i64 + 1 } else { axis };
    let parts: Vec<Array> = arrays
        .iter()
        .map(|array| {
            let mut shape = array.shape().to_vec();
            shape.insert(axis as usize, 1);
            reshaped(array, shape)
        })
        .collect();
    joined(&parts.iter().collect::<Vec<_>>(), axis)
}

/// The part `at` of an axis, without that axis.
fn selected(x: &Array, axis: usize, at: usize) -> Array {
    Array { kind: x.kind, data: on_any!(x, |t| AnyTensor::new(&t.select(axis as isize, at))) }
}

fn scan(call: &Call) -> Answer {
    let body = call.graph("body")?;
    let count = call.int("num_scan_inputs", 1) as usize;
    if call.version < 9 {
        return scan_of_batches(call, count);
    }
    let inputs: Vec<&Array> = call.arrays()?;
    let states = inputs.len() - count;
    let read = |name: &str, length: usize| call.ints(name).unwrap_or_else(|| vec![0; length]);
    let outputs = body.output.len() - states;
    let turns = Turns {
        input_axes: read("scan_input_axes", count),
        input_reverse: read("scan_input_directions", count),
        output_axes: read("scan_output_axes", outputs),
        output_reverse: read("scan_output_directions", outputs),
    };
    let state = inputs[..states].iter().map(|&x| Value::Array(x.clone())).collect();
    turns.run(call, state, &inputs[states..])
}

/// How a scan walks.
struct Turns {
    input_axes: Vec<i64>,
    input_reverse: Vec<i64>,
    output_axes: Vec<i64>,
    output_reverse: Vec<i64>,
}

impl Turns {
    fn run(&self, call: &Call, mut state: Vec<Value>, scanned: &[&Array]) -> Answer {
        let body = call.graph("body")?;
        let mut lists: Vec<Vec<Array>> = vec![Vec::new(); self.output_axes.len()];
        let Some(first) = scanned.first() else { return failed("Scan: nothing to scan") };
        let length = first.shape()[first.axis(self.input_axes[0])?];
        for turn in 0..length {
            let mut inputs: Vec<_> = state.iter().cloned().map(Some).collect();
            for (i, x) in scanned.iter().enumerate() {
                let at = if self.input_reverse[i] == 1 { length - 1 - turn } else { turn };
                inputs.push(Some(selected(x, x.axis(self.input_axes[i])?, at).into()));
            }
            let mut outputs = call.run(body, inputs)?.into_iter();
            state = outputs.by_ref().take(state.len()).collect();
            collect(&mut lists, outputs)?;
        }
        for (i, mut list) in lists.into_iter().enumerate() {
            if self.output_reverse[i] == 1 {
                list.reverse();
            }
            state.push(stacked(&list, self.output_axes[i])?.into());
        }
        Ok(state)
    }
}

/// Version 8: each sequence of a batch is scanned by itself, with states of its own.
fn scan_of_batches(call: &Call, count: usize) -> Answer {
    if call.maybe(0).is_some() {
        return unmapped("Scan with lengths");
    }
    let inputs: Vec<&Array> = call.arrays()?;
    let states = inputs.len() - count;
    let outputs = call.graph("body")?.output.len();
    let reverse = call.ints("directions").unwrap_or_else(|| vec![0; count]);
    let turns = Turns {
        input_axes: vec![0; count],
        input_reverse: reverse,
        output_axes: vec![0; outputs - states],
        output_reverse: vec![0; outputs - states],
    };
    let mut lists: Vec<Vec<Array>> = vec![Vec::new(); outputs];
    for batch in 0..inputs[0].shape()[0] {
        let of: Vec<Array> = inputs.iter().map(|x| selected(x, 0, batch)).collect();
        let state = of[..states].iter().cloned().map(Value::Array).collect();
        let answers = turns.run(call, state, &of[states..].iter().collect::<Vec<_>>())?;
        collect(&mut lists, answers.into_iter())?;
    }
    lists.iter().map(|list| Ok(stacked(list, 0)?.into())).collect()
}

fn sequence<'a>(call: &'a Call, i: usize) -> Result<&'a [Array]> {
    match call.value(i)? {
        Value::Sequence(list) => Ok(list),
        Value::Optional(Some(held)) => match &**held {
            Value::Sequence(list) => Ok(list),
            _ => failed(format!("{}: no sequence", call.node.op_type)),
        },
        _ => failed(format!("{}: no sequence", call.node.op_type)),
    }
}

/// A place in a list; negative ones count from the end.
fn place(at: &Array, length: usize) -> Result<usize> {
    let at = at.cast::<i64>().reshape([]).item();
    let from_front = if at < 0 { at + length as i64 } else { at };
    usize::try_from(from_front).or_else(|_| failed(format!("place {at} of {length}")))
}

fn sequence_at(call: &Call) -> Answer {
    let list = sequence(call, 0)?;
    let at = place(call.array(1)?, list.len())?;
    list.get(at).map_or_else(|| failed(format!("part {at} of {}", list.len())), |array| one(array.clone()))
}

fn sequence_insert(call: &Call) -> Answer {
    let mut list = sequence(call, 0)?.to_vec();
    let at = call.maybe(2).map_or(Ok(list.len()), |at| place(at, list.len()))?;
    list.insert(at.min(list.len()), call.array(1)?.clone());
    Ok(vec![Value::Sequence(list)])
}

fn sequence_erase(call: &Call) -> Answer {
    let mut list = sequence(call, 0)?.to_vec();
    let at = call.maybe(1).map_or(Ok(list.len().saturating_sub(1)), |at| place(at, list.len()))?;
    if at >= list.len() {
        return failed(format!("part {at} of {}", list.len()));
    }
    list.remove(at);
    Ok(vec![Value::Sequence(list)])
}

fn concat_from_sequence(call: &Call) -> Answer {
    let list = sequence(call, 0)?;
    if call.flag("new_axis", false) {
        return one(stacked(list, call.int("axis", 0))?);
    }
    one(joined(&list.iter().collect::<Vec<_>>(), call.int("axis", 0))?)
}

fn split_to_sequence(call: &Call) -> Answer {
    let x = call.array(0)?;
    let axis = x.axis(call.int("axis", 0))?;
    let length = x.shape()[axis];
    let Some(split) = call.maybe(1) else {
        let keep = call.flag("keepdims", true);
        let piece = |at| if keep { part(x, axis, at, 1) } else { selected(x, axis, at) };
        return Ok(vec![Value::Sequence((0..length).map(piece).collect())]);
    };
    let mut sizes = lengths(&split.ints())?;
    if split.rank() == 0 {
        let size = sizes[0].max(1);
        sizes = (0..length).step_by(size).map(|at| size.min(length - at)).collect();
    }
    Ok(vec![Value::Sequence(pieces(x, axis, &sizes)?)])
}

fn sequence_map(call: &Call) -> Answer {
    let body = call.graph("body")?;
    let length = sequence(call, 0)?.len();
    let mut lists: Vec<Vec<Array>> = vec![Vec::new(); body.output.len()];
    for turn in 0..length {
        let input = |value: &Option<Value>| match value {
            Some(Value::Sequence(list)) => list.get(turn).cloned().map(Value::Array),
            other => other.clone(),
        };
        collect(&mut lists, call.run(body, call.inputs.iter().map(input).collect())?.into_iter())?;
    }
    Ok(lists.into_iter().map(Value::Sequence).collect())
}

fn has_element(call: &Call) -> Answer {
    let has = match call.value(0) {
        Ok(Value::Optional(held)) => held.is_some(),
        Ok(_) => true,
        Err(_) => false,
    };
    one(Tensor::scalar(has))
}

fn get_element(call: &Call) -> Answer {
    match call.value(0)? {
        Value::Optional(Some(held)) => Ok(vec![(**held).clone()]),
        Value::Optional(None) => failed("OptionalGetElement: there is none"),
        other => Ok(vec![other.clone()]),
    }
}
