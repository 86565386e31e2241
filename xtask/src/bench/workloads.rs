//! The rows of the comparison: what is measured, in which order, and what is to be reached.
//!
//! It must never know a library: the names are those that every runner takes.

/// What a row compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// The time of one repetition, in ms.
    Time,
    /// The peak memory of a process that runs the workload alone, in MB.
    PeakMemory,
    /// From the start of the process to the first loss printed, in ms.
    FirstLoss,
}

/// When a row counts as reached.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// Gradus' figure ÷ the best peer's is at most this.
    Ratio(f64),
    /// That ratio, and at least this part of the machine's arithmetic.
    RatioAndPeak(f64, f64),
    /// Gradus' figure itself is at most this.
    Most(f64),
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// As the table shows it.
    pub(super) title: &'static str,
    /// The runners' name.
    pub(super) workload: &'static str,
    /// The workload at which the others are taken, where it is not the same.
    pub(super) against: Option<&'static str>,
    pub(super) quantity: Quantity,
    pub(super) target: Target,
}

impl Row {
    const fn time(title: &'static str, workload: &'static str, target: Target) -> Self {
        Self { title, workload, against: None, quantity: Quantity::Time, target }
    }

    const fn memory(title: &'static str, workload: &'static str, most: f64) -> Self {
        Self { title, workload, against: None, quantity: Quantity::PeakMemory, target: Target::Most(most) }
    }

    /// The workload at which the others are taken.
    pub(super) fn others(&self) -> &'static str {
        self.against.unwrap_or(self.workload)
    }

    /// The unit of its figures.
    pub(super) fn unit(&self) -> &'static str {
        if self.quantity == Quantity::PeakMemory { "MB" } else { "ms" }
    }
}

use Target::{Ratio, RatioAndPeak};

/// Every row, in the table's order.
pub(super) const ROWS: &[Row] = &[
    Row::time("sgemm 128³", "sgemm_128", Ratio(1.0)),
    Row::time("sgemm 256³", "sgemm_256", Ratio(1.0)),
    Row::time("sgemm 512³", "sgemm_512", Ratio(1.0)),
    Row::time("sgemm 512³, B transposed", "sgemm_512_nt", Ratio(1.0)),
    Row::time("sgemm 512³, A transposed", "sgemm_512_tn", Ratio(1.0)),
    Row::time("sgemm 1024³", "sgemm_1024", RatioAndPeak(1.0, 0.92)),
    Row::time("sgemm 2048³", "sgemm_2048", RatioAndPeak(1.0, 0.92)),
    Row::time("sgemm 64×784·784×512", "sgemm_64x784x512", Ratio(1.0)),
    Row::time("sgemm 1×4096·4096×4096", "sgemm_1x4096x4096", Ratio(1.0)),
    Row::time("the same, B transposed", "sgemm_1x4096x4096_nt", Ratio(1.0)),
    Row::time("sgemm 1024×64·64×1024", "sgemm_1024x64x1024", Ratio(1.0)),
    Row::time("MLP 784-512-256-10, training step", "mlp_train", Ratio(0.65)),
    Row::time("tiny 10-64-1, training step", "tiny_train", Ratio(0.2)),
    Row::time("CNN 28×28, training step", "cnn_train", Ratio(0.75)),
    Row::time("LSTM 2×256, training step", "lstm_train", Ratio(0.7)),
    Row::time("GPT 6×384, training step", "gpt_train", Ratio(0.8)),
    Row::time("GPT in bf16, training step", "gpt_train_bf16", Ratio(1.0)),
    Row {
        against: Some("gpt_train"),
        ..Row::time("GPT in bf16 against the others' f32", "gpt_train_bf16", Ratio(0.5))
    },
    Row::time("ResNet-18, inference", "resnet18_infer", Ratio(0.95)),
    Row::time("GPT-2 124M, prefill of 128", "gpt2_prefill", Ratio(0.9)),
    Row::time("GPT-2 124M, decoding, per token", "gpt2_decode", Ratio(0.5)),
    Row::time("MiniLM-L6, sequence 128, batch 1", "minilm_b1", Ratio(0.9)),
    Row::time("MiniLM-L6, sequence 128, batch 16", "minilm_b16", Ratio(0.85)),
    Row::time("softmax 4096×1024", "softmax", Ratio(0.7)),
    Row::time("layer norm 4096×1024", "layer_norm", Ratio(0.95)),
    Row::time("GELU (erf), 4 M", "gelu", Ratio(0.7)),
    Row::time("GELU (tanh), 4 M", "gelu_tanh", Ratio(0.25)),
    Row::time("sum of 16 M", "sum", Ratio(1.0)),
    Row::time("(4096×1024) + (1024)", "add_bcast", Ratio(1.0)),
    Row::time("transposing copy, 4096²", "transpose", Ratio(0.25)),
    Row::time("Adam step, 10 M parameters", "adam", Ratio(0.95)),
    Row::memory("MLP training, peak memory", "mlp_train", 22.0),
    Row::memory("CNN training, peak memory", "cnn_train", 80.0),
    Row::memory("GPT training, peak memory", "gpt_train", 450.0),
    Row {
        title: "process start to the first tiny loss",
        workload: "tiny_train",
        against: None,
        quantity: Quantity::FirstLoss,
        target: Ratio(0.5),
    },
];

/// The workloads that are timed, each once, in the table's order; only the `wanted` ones if any are named.
///
/// # Errors
/// If one is wanted that no row has.
pub(super) fn timed(wanted: &[String]) -> Result<Vec<&'static str>, String> {
    let rows = ROWS.iter().filter(|row| row.quantity == Quantity::Time && row.against.is_none());
    let names: Vec<_> = rows.map(|row| row.workload).collect();
    if let Some(unknown) = wanted.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("no workload is called {unknown}; there are {}", names.join(", ")));
    }
    Ok(names.into_iter().filter(|name| wanted.is_empty() || wanted.iter().any(|w| w == name)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_the_table_s_whatever_is_wanted() {
        let wanted = ["sum".to_owned(), "mlp_train".to_owned()];
        assert_eq!(timed(&wanted).unwrap(), ["mlp_train", "sum"]);
        assert_eq!(timed(&[]).unwrap().len(), 30);
        assert!(
            timed(&["mlp".into()])
                .unwrap_err()
                .starts_with("no workload is called mlp; there are sgemm_128,")
        );
    }

    #[test]
    fn what_a_row_is_held_against_is_timed_too() {
        let names = timed(&[]).unwrap();
        assert!(ROWS.iter().all(|row| names.contains(&row.workload) && names.contains(&row.others())));
    }
}
