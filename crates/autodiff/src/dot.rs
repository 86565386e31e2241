//! A recorded graph as text for Graphviz, to look at.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use gradus_tensor::{Float, Shape};

use crate::node::Node;
use crate::var::Var;

/// Everything between quotation marks that would end them or be read as a command.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// The graph behind `y` in the DOT language of Graphviz: an ellipse for each operation, with its name, the shape of its value and,
/// under the pointer, the place where it was called; a box for each leaf; plain text for constants. `names` are put to leaves and
/// results. Arrows go from inputs to results. Nodes are numbered in the order of creation, so that the same program gives the same text
/// (`dot -Tsvg graph.dot -o graph.svg`; PyTorch: `torchviz`).
///
/// ```
/// use gradus_autodiff::{Var, to_dot};
/// let w = Var::leaf([1.0_f32, 2.0]);
/// let dot = to_dot(&w.exp().sum(), &[("w", &w)]);
/// assert!(dot.starts_with("digraph") && dot.contains("label=\"w\\n[2]\""));
/// ```
#[must_use]
pub fn to_dot<T: Float>(y: &Var<T>, names: &[(&str, &Var<T>)]) -> String {
    let mut nodes: BTreeMap<u64, (Arc<Node<T>>, Shape)> = BTreeMap::new();
    let mut waiting: Vec<(Arc<Node<T>>, Shape)> =
        y.node().map(|node| (Arc::clone(node), *y.shape())).into_iter().collect();
    while let Some((node, shape)) = waiting.pop() {
        if nodes.contains_key(&node.id) {
            continue;
        }
        let inputs =
            node.inputs.iter().filter_map(|edge| Some((Arc::clone(edge.node.as_ref()?), edge.shape)));
        waiting.extend(inputs);
        nodes.insert(node.id, (node, shape));
    }
    let names: BTreeMap<u64, &str> =
        names.iter().filter_map(|(name, x)| Some((x.node()?.id, *name))).collect();
    let numbers: BTreeMap<u64, usize> = nodes.keys().enumerate().map(|(number, &id)| (id, number)).collect();
    let mut out = String::from("digraph gradus {\n  rankdir=TB;\n  node [fontname=\"Helvetica\"];\n");
    if nodes.is_empty() {
        let _ = writeln!(out, "  n0 [shape=plaintext, label=\"constant\\n{}\"];", y.shape());
    }
    for (number, (id, (node, shape))) in nodes.iter().enumerate() {
        let name = names.get(id).map(|name| escaped(name));
        let label = match &node.step {
            None => format!("shape=box, label=\"{}\\n{shape}\"", name.as_deref().unwrap_or("leaf")),
            Some(step) => {
                let (op, place) = (escaped(step.op.name()), escaped(&step.place.to_string()));
                let name = name.map_or_else(String::new, |name| format!("{name} = "));
                format!("shape=ellipse, label=\"{name}{op}\\n{shape}\", tooltip=\"{place}\"")
            }
        };
        let _ = writeln!(out, "  n{number} [{label}];");
        for (i, edge) in node.inputs.iter().enumerate() {
            match edge.node.as_ref().and_then(|input| numbers.get(&input.id)) {
                Some(from) => {
                    let _ = writeln!(out, "  n{from} -> n{number};");
                }
                None => {
                    let shape = edge.shape;
                    let _ = writeln!(out, "  c{number}_{i} [shape=plaintext, label=\"constant\\n{shape}\"];");
                    let _ = writeln!(out, "  c{number}_{i} -> n{number};");
                }
            }
        }
    }
    out.push_str("}\n");
    out
}
