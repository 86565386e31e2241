//! How the next token is chosen from logits: the rules by which today's models speak. It must never know a model.

use gradus_tensor::Rng;

use crate::error::ModelError;

/// How tokens are drawn. Rules apply in the order of the fields, as in Hugging Face's `generate`.
///
/// ```
/// use gradus_models::Sampling;
/// use gradus_tensor::Rng;
/// let logits = [0.0, 3.0, 1.0, 2.0];
/// assert_eq!(Sampling::greedy().choose(&logits, &[], &mut Rng::seed(0)), 1);
/// let sampling = Sampling { top_k: Some(2), temperature: 0.7, ..Sampling::default() };
/// assert!([1, 3].contains(&sampling.choose(&logits, &[], &mut Rng::seed(0))));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Logits of tokens that were seen are divided by it where positive and multiplied where negative; 1 changes nothing (Keskar et al.
    /// 2019, CTRL).
    pub repetition_penalty: f64,
    /// Logits are divided by it; 0 takes the likeliest token.
    pub temperature: f64,
    /// Only so many of the likeliest tokens (Fan et al. 2018).
    pub top_k: Option<usize>,
    /// Only the likeliest tokens that together reach this probability (Holtzman et al. 2020, nucleus sampling).
    pub top_p: Option<f64>,
    /// Only tokens at least this part as likely as the likeliest (Nguyen et al. 2024).
    pub min_p: Option<f64>,
}

impl Default for Sampling {
    /// Draws from the model's own distribution.
    fn default() -> Self {
        Self { repetition_penalty: 1.0, temperature: 1.0, top_k: None, top_p: None, min_p: None }
    }
}

impl Sampling {
    /// The likeliest token at each step; of equals the first.
    #[must_use]
    pub fn greedy() -> Self {
        Self { temperature: 0.0, ..Self::default() }
    }

    /// Whether the numbers make sense.
    ///
    /// ```
    /// use gradus_models::Sampling;
    /// let error = Sampling { top_p: Some(1.5), ..Sampling::default() }.check().unwrap_err();
    /// assert_eq!(error.to_string(), "Sampling: top_p is 1.5, but it must be in 0 < p ≤ 1");
    /// ```
    ///
    /// # Errors
    /// With the first that does not.
    pub fn check(&self) -> Result<(), ModelError> {
        let check = |fits, field, value: f64, range| ModelError::check(fits, "Sampling", field, value, range);
        let (penalty, temperature) = (self.repetition_penalty, self.temperature);
        check(penalty.is_finite() && penalty > 0.0, "repetition_penalty", penalty, "finite and > 0")?;
        check(temperature.is_finite() && temperature >= 0.0, "temperature", temperature, "finite and ≥ 0")?;
        let top_k = self.top_k.unwrap_or(1);
        check(top_k > 0, "top_k", top_k as f64, "at least 1")?;
        let top_p = self.top_p.unwrap_or(1.0);
        check(top_p > 0.0 && top_p <= 1.0, "top_p", top_p, "in 0 < p ≤ 1")?;
        let min_p = self.min_p.unwrap_or(0.0);
        check((0.0..=1.0).contains(&min_p), "min_p", min_p, "in 0 ≤ p ≤ 1")
    }

    /// A token by `logits`, `[V]`, behind the tokens `seen`. Logits that are NaN are never chosen.
    ///
    /// # Panics
    /// If there is no logit, or all are −∞ or NaN.
    #[must_use]
    #[track_caller]
    pub fn choose(&self, logits: &[f32], seen: &[i64], rng: &mut Rng) -> i64 {
        let ranked = self.ranked(logits, seen);
        assert!(!ranked.is_empty(), "Sampling: none of {} logits is a number above −∞", logits.len());
        if self.temperature == 0.0 {
            return ranked[0].0 as i64;
        }
        let kept = self.kept(ranked);
        let total: f64 = kept.iter().map(|(_, weight)| weight).sum();
        let mut rest = rng.uniform01::<f64>() * total;
        for &(token, weight) in &kept {
            rest -= weight;
            if rest < 0.0 {
                return token as i64;
            }
        }
        kept[kept.len() - 1].0 as i64
    }

    /// Tokens and logits after penalty and temperature, the largest first, equal ones in the order of the vocabulary; `top_k` of them at most.
    fn ranked(&self, logits: &[f32], seen: &[i64]) -> Vec<(usize, f64)> {
        let mut logits: Vec<f64> = logits.iter().map(|&logit| f64::from(logit)).collect();
        if self.repetition_penalty != 1.0 {
            let mut known: Vec<usize> =
                seen.iter().filter_map(|&token| usize::try_from(token).ok()).collect();
            known.sort_unstable();
            known.dedup();
            let factor = self.repetition_penalty;
            for token in known {
                if let Some(logit) = logits.get_mut(token) {
                    *logit = if *logit > 0.0 { *logit / factor } else { *logit * factor };
                }
            }
        }
        let temperature = if self.temperature == 0.0 { 1.0 } else { self.temperature };
        let mut ranked: Vec<(usize, f64)> =
            logits.into_iter().map(|logit| logit / temperature).enumerate().collect();
        ranked.retain(|(_, logit)| *logit > f64::NEG_INFINITY);
        let order = |a: &(usize, f64), b: &(usize, f64)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
        let keep = if self.temperature == 0.0 { 1 } else { self.top_k.unwrap_or(usize::MAX) };
        if keep < ranked.len() {
            ranked.select_nth_unstable_by(keep - 1, order);
            ranked.truncate(keep);
        }
        ranked.sort_unstable_by(order);
        ranked
    }

    /// What `top_p` and `min_p` leave, with weights in proportion to the probabilities.
    fn kept(&self, ranked: Vec<(usize, f64)>) -> Vec<(usize, f64)> {
        let most = ranked[0].1;
        let mut weights: Vec<(usize, f64)> = if most == f64::INFINITY {
            ranked.into_iter().filter(|(_, logit)| *logit == most).map(|(token, _)| (token, 1.0)).collect()
        } else {
            ranked.into_iter().map(|(token, logit)| (token, (logit - most).exp())).collect()
        };
        if let Some(top_p) = self.top_p {
            let total: f64 = weights.iter().map(|(_, weight)| weight).sum();
            let mut before = 0.0;
            let reached = weights.iter().take_while(|(_, weight)| {
                let wanted = before < top_p * total;
                before += weight;
                wanted
            });
            let count = reached.count().max(1);
            weights.truncate(count);
        }
        if let Some(min_p) = self.min_p {
            let least = min_p * weights[0].1;
            weights.retain(|(_, weight)| *weight >= least);
        }
        weights
    }
}
