//! A model's table: layers in the order in which they ran, their output shapes, parameters and multiply–adds.

use std::fmt;

use gradus_tensor::Shape;

use crate::context::{Context, Trace};
use crate::entry::Kind;
use crate::walk::Module;

/// One line of a [`Summary`].
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Where in the model; empty for layers without parameters.
    pub path: String,
    /// The layer's type.
    pub kind: &'static str,
    /// The shape of its output.
    pub output: Shape,
    /// Its parameters.
    pub parameters: usize,
    /// Multiply–adds of its forward pass.
    pub multiply_adds: u64,
}

/// What a model is made of; its `Display` is a table.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The layers in order.
    pub rows: Vec<Row>,
    /// All parameters of the model.
    pub parameters: usize,
}

/// Runs `forward` once with a traced context and tabulates the layers that reported, in the order in which they ran. No graph
/// is recorded (PyTorch has none; `torchinfo.summary`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::{Row, Summary, Param, summary};
/// let model = (Param::new([[1.0_f32, 2.0]]),);
/// let x = Var::constant([[1.0_f32, 1.0]]);
/// let table: Summary = summary(&model, |cx| {
///     let y = x.linear(&model.0, None);
///     cx.record("Linear", Some(&model.0), &y, 2); // layers do this themselves
/// });
/// let Row { kind, parameters, multiply_adds, .. } = &table.rows[0];
/// assert_eq!((*kind, *parameters, *multiply_adds), ("Linear", 2, 2));
/// assert!(table.to_string().ends_with("2 parameters, 2 multiply-adds"));
/// ```
pub fn summary<M: Module + ?Sized>(model: &M, forward: impl FnOnce(&mut Context<'_>)) -> Summary {
    let mut trace: Vec<Trace> = Vec::new();
    gradus_autodiff::no_grad(|| forward(&mut Context::traced(&mut trace)));
    let entries = model.entries();
    let row = |step: &Trace| {
        let own = entries.iter().find(|(_, entry)| step.leaf.is_some() && entry.leaf_id() == step.leaf);
        let path = own.map_or("", |(path, _)| path.rsplit_once('.').map_or("", |(layer, _)| layer));
        let below = |name: &str| name.rsplit_once('.').map_or("", |(layer, _)| layer) == path;
        let parameters = match own {
            Some(_) => entries.iter().filter(|(name, e)| below(name) && e.kind() == Kind::Parameter),
            None => {
                return Row {
                    path: String::new(),
                    kind: step.kind,
                    output: step.output,
                    parameters: 0,
                    multiply_adds: step.multiply_adds,
                };
            }
        };
        Row {
            path: path.to_owned(),
            kind: step.kind,
            output: step.output,
            parameters: parameters.map(|(_, e)| e.shape().count()).sum(),
            multiply_adds: step.multiply_adds,
        }
    };
    Summary { rows: trace.iter().map(row).collect(), parameters: model.parameter_count() }
}

/// 1234567 as `1,234,567`.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cells: Vec<[String; 5]> = self
            .rows
            .iter()
            .map(|r| {
                let name = if r.path.is_empty() { "–".to_owned() } else { r.path.clone() };
                let counts = [grouped(r.parameters as u64), grouped(r.multiply_adds)];
                let [parameters, work] = counts;
                [name, r.kind.to_owned(), r.output.to_string(), parameters, work]
            })
            .collect();
        let head = ["layer", "type", "output", "parameters", "multiply-adds"];
        let width = |i: usize| {
            cells.iter().map(|c| c[i].chars().count()).chain([head[i].chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..5).map(width).collect();
        let line = |f: &mut fmt::Formatter<'_>, c: [&str; 5]| {
            let [a, b, d, p, w] = c;
            let [wa, wb, wd, wp, ww] = [widths[0], widths[1], widths[2], widths[3], widths[4]];
            writeln!(f, "{a:wa$}  {b:wb$}  {d:wd$}  {p:>wp$}  {w:>ww$}")
        };
        line(f, head)?;
        for cell in &cells {
            line(f, [&cell[0], &cell[1], &cell[2], &cell[3], &cell[4]])?;
        }
        let work: u64 = self.rows.iter().map(|r| r.multiply_adds).sum();
        write!(f, "{} parameters, {} multiply-adds", grouped(self.parameters as u64), grouped(work))
    }
}
