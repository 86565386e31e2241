//! The sums of the epoch under way. They are part of a checkpoint, so that a resumed epoch's means are those of an
//! epoch that ran through.

use serde_json::{Value, json};

use crate::exact;
use crate::metrics::{Mean, Metrics};

/// Running means of the loss, the gradient's norm and whatever the steps measure.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Running {
    loss: Mean,
    norm: Mean,
    metrics: Vec<(String, Mean)>,
}

impl Running {
    /// Adds a batch of `size` examples.
    pub(crate) fn add(&mut self, loss: f64, metrics: &Metrics, size: usize) {
        self.loss.update(loss, size);
        for (name, value) in metrics.iter() {
            match self.metrics.iter_mut().find(|(own, _)| own == name) {
                Some((_, mean)) => mean.update(value, size),
                None => {
                    let mut mean = Mean::default();
                    mean.update(value, size);
                    self.metrics.push((name.to_owned(), mean));
                }
            }
        }
    }

    pub(crate) fn add_norm(&mut self, norm: f64) {
        self.norm.update(norm, 1);
    }

    pub(crate) fn norm(&self) -> Option<f64> {
        self.norm.value()
    }

    /// The means, each name after `prefix`.
    pub(crate) fn means(&self, prefix: &str) -> Metrics {
        let all = [("loss", &self.loss)].into_iter();
        let all = all.chain(self.metrics.iter().map(|(name, mean)| (name.as_str(), mean)));
        let mut means = Metrics::new();
        for (name, mean) in all {
            if let Some(value) = mean.value() {
                means.set(format!("{prefix}{name}"), value);
            }
        }
        means
    }

    pub(crate) fn to_value(&self) -> Value {
        let mean = |mean: &Mean| json!([exact::to_value(mean.sum()), mean.weight()]);
        let metrics: Vec<Value> = self.metrics.iter().map(|(name, m)| json!([name, mean(m)])).collect();
        json!([mean(&self.loss), mean(&self.norm), metrics])
    }

    pub(crate) fn from_value(value: &Value) -> Option<Self> {
        let mean = |value: &Value| {
            let [sum, weight] = value.as_array()?.as_slice() else { return None };
            Some(Mean::from_parts(exact::from_value(sum)?, weight.as_u64()?))
        };
        let [loss, norm, metrics] = value.as_array()?.as_slice() else { return None };
        let named = |pair: &Value| {
            let [name, value] = pair.as_array()?.as_slice() else { return None };
            Some((name.as_str()?.to_owned(), mean(value)?))
        };
        let metrics = metrics.as_array()?.iter().map(named).collect::<Option<_>>()?;
        Some(Self { loss: mean(loss)?, norm: mean(norm)?, metrics })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weighs_by_size_and_comes_back_from_json() {
        let mut running = Running::default();
        running.add(1.0, &Metrics::new().with("accuracy", 0.1 + 0.2), 3);
        running.add(5.0, &Metrics::new().with("accuracy", 1.0), 1);
        running.add_norm(0.7);
        let means = running.means("train_");
        assert_eq!(means.get("train_loss"), Some(2.0));
        assert_eq!(means.get("train_accuracy"), Some(((0.1 + 0.2) * 3.0 + 1.0) / 4.0));
        let back: Value = serde_json::from_str(&running.to_value().to_string()).unwrap();
        assert_eq!(Running::from_value(&back), Some(running));
        assert_eq!(Running::from_value(&json!([1])), None);
    }
}
