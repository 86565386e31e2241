//! Runs a graph: node after node, each value under its name. Bodies of loops and branches see the values around them. It
//! must never know an operator: those are in `ops`.

use std::collections::BTreeMap;

use super::call::{Answer, Call};
use super::decode;
use super::ops;
use super::proto::{Graph, Model, Node};
use super::value::{Result, Value, failed};

/// The named values of a graph that runs, and those around it.
pub(crate) struct Scope<'a> {
    values: BTreeMap<&'a str, Value>,
    around: Option<&'a Scope<'a>>,
    model: &'a Model,
}

impl<'a> Scope<'a> {
    /// Runs the model's graph.
    pub(crate) fn run_model(model: &'a Model, inputs: Vec<Option<Value>>) -> Answer {
        let Some(graph) = &model.graph else { return failed("a model without a graph") };
        Self::run(Scope { values: BTreeMap::new(), around: None, model }, graph, inputs)
    }

    /// Runs a graph whose nodes see this scope.
    pub(crate) fn inner(&self, graph: &Graph, inputs: Vec<Option<Value>>) -> Answer {
        Scope::run(Scope { values: BTreeMap::new(), around: Some(self), model: self.model }, graph, inputs)
    }

    fn run<'b>(mut scope: Scope<'b>, graph: &'b Graph, inputs: Vec<Option<Value>>) -> Answer {
        for tensor in &graph.initializer {
            scope.values.insert(&tensor.name, Value::Array(decode::array(tensor)?));
        }
        for (input, value) in graph.input.iter().zip(inputs) {
            if let Some(value) = value {
                scope.values.insert(&input.name, value);
            }
        }
        for node in &graph.node {
            let outputs = scope.run_node(node)?;
            for (i, name) in node.output.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
                match outputs.get(i) {
                    Some(value) => scope.values.insert(name, value.clone()),
                    None => return failed(format!("{}: no output {i}", node.op_type)),
                };
            }
        }
        let find = |name: &str| match scope.find(name) {
            Some(value) => Ok(value.clone()),
            None => failed(format!("no value has the name {name}")),
        };
        graph.output.iter().map(|output| find(&output.name)).collect()
    }

    fn find(&self, name: &str) -> Option<&Value> {
        self.values.get(name).or_else(|| self.around.and_then(|around| around.find(name)))
    }

    fn run_node(&self, node: &Node) -> Answer {
        let input = |name: &String| -> Result<Option<Value>> {
            match self.find(name) {
                _ if name.is_empty() => Ok(None),
                Some(value) => Ok(Some(value.clone())),
                None => failed(format!("{}: no value has the name {name}", node.op_type)),
            }
        };
        let inputs = node.input.iter().map(input).collect::<Result<_>>()?;
        let domain = |set: &str| if set == "ai.onnx" { "" } else { set }.to_owned();
        let sets = &self.model.opset_import;
        let version =
            sets.iter().find(|set| domain(&set.domain) == domain(&node.domain)).map_or(1, |set| set.version);
        ops::run(&Call { node, inputs, version, scope: self })
    }
}
