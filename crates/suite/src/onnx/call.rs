//! One node about to run: its inputs, its attributes, the version of its operator set. What every mapping reads goes
//! through here, so that a missing thing is one sentence and never a panic.

use gradus_tensor::{Element, Tensor};

use super::decode;
use super::graph::Scope;
use super::proto::{Attribute, Graph, Node};
use super::value::{Array, Result, Value, failed, unmapped};

/// A node, its inputs and its surroundings.
pub(crate) struct Call<'a> {
    pub(crate) node: &'a Node,
    pub(crate) inputs: Vec<Option<Value>>,
    /// Version of the operator set that the node speaks.
    pub(crate) version: i64,
    pub(crate) scope: &'a Scope<'a>,
}

/// What a mapping answers: the node's outputs in order.
pub(crate) type Answer = Result<Vec<Value>>;

/// A single output.
pub(crate) fn one(array: impl Into<Array>) -> Answer {
    Ok(vec![Value::Array(array.into())])
}

/// Several outputs.
pub(crate) fn all(arrays: impl IntoIterator<Item = Array>) -> Answer {
    Ok(arrays.into_iter().map(Value::Array).collect())
}

impl Call<'_> {
    /// Input `i`, which must be there.
    pub(crate) fn value(&self, i: usize) -> Result<&Value> {
        match self.inputs.get(i) {
            Some(Some(value)) => Ok(value),
            _ => failed(format!("{}: input {i} is missing", self.node.op_type)),
        }
    }

    /// Input `i`, which must be an array.
    pub(crate) fn array(&self, i: usize) -> Result<&Array> {
        match self.value(i)? {
            Value::Array(array) => Ok(array),
            Value::Optional(Some(held)) => match &**held {
                Value::Array(array) => Ok(array),
                _ => unmapped(format!("{} of an optional sequence", self.node.op_type)),
            },
            _ => unmapped(format!("{} of a sequence or optional", self.node.op_type)),
        }
    }

    /// Input `i`, if it is there.
    pub(crate) fn maybe(&self, i: usize) -> Option<&Array> {
        match self.inputs.get(i) {
            Some(Some(Value::Array(array))) => Some(array),
            _ => None,
        }
    }

    /// Input `i` as tensor of `T`, if it is there.
    pub(crate) fn tensor<T: Element>(&self, i: usize) -> Option<Tensor<T>> {
        self.maybe(i).map(Array::cast)
    }

    /// All inputs that are there, which must be arrays.
    pub(crate) fn arrays(&self) -> Result<Vec<&Array>> {
        (0..self.inputs.len()).filter(|&i| self.inputs[i].is_some()).map(|i| self.array(i)).collect()
    }

    /// Whole numbers from input `i`, or from the attribute that older versions have instead.
    pub(crate) fn ints_or_input(&self, name: &str, i: usize) -> Option<Vec<i64>> {
        self.ints(name).or_else(|| self.maybe(i).map(Array::ints))
    }

    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.node.attribute.iter().find(|attribute| attribute.name == name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |attribute| attribute.i)
    }

    pub(crate) fn flag(&self, name: &str, default: bool) -> bool {
        self.int(name, i64::from(default)) != 0
    }

    pub(crate) fn float(&self, name: &str, default: f64) -> f64 {
        self.maybe_float(name).unwrap_or(default)
    }

    /// A float attribute. They are 32 bits wide; 0.2 means 0.2 and not its nearest 32-bit number.
    pub(crate) fn maybe_float(&self, name: &str) -> Option<f64> {
        let short = |x: f32| x.to_string().parse().unwrap_or(f64::from(x));
        self.attribute(name).map(|attribute| short(attribute.f))
    }

    pub(crate) fn ints(&self, name: &str) -> Option<Vec<i64>> {
        self.attribute(name).map(|attribute| attribute.ints.clone())
    }

    /// A list of sizes with one number per axis of a window, `default` each if it is not given.
    pub(crate) fn sizes(&self, name: &str, count: usize, default: usize) -> Result<Vec<usize>> {
        let Some(ints) = self.ints(name) else { return Ok(vec![default; count]) };
        if ints.len() != count || ints.iter().any(|&i| i < 0) {
            return failed(format!("{}: attribute {name} is {ints:?}", self.node.op_type));
        }
        Ok(ints.iter().map(|&i| i as usize).collect())
    }

    pub(crate) fn floats(&self, name: &str) -> Option<Vec<f64>> {
        self.attribute(name).map(|attribute| attribute.floats.iter().map(|&x| f64::from(x)).collect())
    }

    pub(crate) fn text(&self, name: &str, default: &str) -> String {
        self.attribute(name).map_or(default.into(), |a| String::from_utf8_lossy(&a.s).into_owned())
    }

    pub(crate) fn texts(&self, name: &str) -> Option<Vec<String>> {
        let text = |bytes: &Vec<u8>| String::from_utf8_lossy(bytes).into_owned();
        self.attribute(name).map(|attribute| attribute.strings.iter().map(text).collect())
    }

    pub(crate) fn tensor_attribute(&self, name: &str) -> Result<Option<Array>> {
        let proto = self.attribute(name).and_then(|attribute| attribute.t.as_ref());
        proto.map(decode::array).transpose()
    }

    /// A graph among the attributes.
    pub(crate) fn graph(&self, name: &str) -> Result<&Graph> {
        match self.attribute(name).and_then(|attribute| attribute.g.as_ref()) {
            Some(graph) => Ok(graph),
            None => failed(format!("{}: attribute {name} is missing", self.node.op_type)),
        }
    }

    /// Runs a graph among the attributes; it sees the values around this node.
    pub(crate) fn run(&self, graph: &Graph, inputs: Vec<Option<Value>>) -> Answer {
        self.scope.inner(graph, inputs)
    }

    /// Whether output `i` has a name.
    pub(crate) fn wants(&self, i: usize) -> bool {
        self.node.output.get(i).is_some_and(|name| !name.is_empty())
    }
}
