//! Class targets: checked against the scores, brought into rows, ignored ones left out, and reduced as PyTorch does.
//! Shared by cross-entropy and NLL; knows neither's formula.

use gradus_autodiff::Var;
use gradus_tensor::{Element, Float, Shape, Tensor};

use crate::check::place;
use crate::reduction::Reduction;

/// Which positions count, and how much each class does.
#[derive(Clone, Debug)]
pub(crate) struct ClassOptions<T: Float> {
    pub(crate) weights: Option<Tensor<T>>,
    pub(crate) ignore_index: i64,
    pub(crate) reduction: Reduction,
}

impl<T: Float> Default for ClassOptions<T> {
    fn default() -> Self {
        Self { weights: None, ignore_index: -100, reduction: Reduction::Mean }
    }
}

/// The K positions that count, of the targets' shape `[N, d…]`.
pub(crate) struct ClassRows<T: Float> {
    /// Their scores, `[K, C]`.
    pub(crate) scores: Var<T>,
    /// Their classes.
    pub(crate) classes: Vec<usize>,
    /// Their numbers among all positions; `None`: all count.
    kept: Option<Tensor<i64>>,
    shape: Shape,
}

/// `[N, C, d…] → [N·d…, C]`: a row of scores per position.
#[track_caller]
pub(crate) fn score_rows<T: Float>(op: &str, scores: &Var<T>) -> Var<T> {
    let shape = *scores.shape();
    assert!(shape.len() >= 2, "{op}: scores are not [N, C] or [N, C, d…]: {shape} ({} axes)", shape.len());
    let mut order: Vec<usize> = (0..shape.len()).filter(|&axis| axis != 1).collect();
    order.push(1);
    let rows = if shape.len() == 2 { scores.clone() } else { scores.permute(&order) };
    rows.reshape([shape.remove(1).count(), shape[1]])
}

impl<T: Float> ClassOptions<T> {
    /// The weight of every class, checked.
    #[track_caller]
    pub(crate) fn class_weights(&self, op: &str, scores: &Shape) -> Option<Vec<T>> {
        let weights = self.weights.as_ref()?;
        assert!(
            weights.shape()[..] == scores[1..2],
            "{op}: class weights are not one per class: {scores} and {} ({} ≠ {})",
            weights.shape(),
            scores[1],
            weights.len()
        );
        Some(weights.to_vec())
    }

    /// Scores `[N, C, d…]` and targets `[N, d…]` as rows.
    #[track_caller]
    pub(crate) fn rows(&self, op: &str, scores: &Var<T>, targets: &Tensor<i64>) -> ClassRows<T> {
        let rows = score_rows(op, scores);
        let (shape, count) = (*targets.shape(), scores.shape()[1]);
        let wanted = scores.shape().remove(1);
        assert!(
            shape == wanted,
            "{op}: targets do not fit the scores: {} and {shape} (targets {wanted} wanted)",
            scores.shape()
        );
        let (mut classes, mut kept) = (Vec::with_capacity(shape.count()), Vec::new());
        for (at, &target) in targets.to_vec().iter().enumerate() {
            if target == self.ignore_index {
                continue;
            }
            match usize::try_from(target).ok().filter(|&class| class < count) {
                Some(class) => classes.push(class),
                None => panic!(
                    "{op}: no such class: {} and target {target} at {:?} (classes are 0 .. {count})",
                    scores.shape(),
                    place(&shape, at)
                ),
            }
            kept.push(at as i64);
        }
        if kept.len() == shape.count() {
            return ClassRows { scores: rows, classes, kept: None, shape };
        }
        // Ignored rows are left out before anything is computed: whatever they hold cannot reach the loss.
        let kept = Tensor::from(kept);
        ClassRows { scores: rows.index_select(0, &kept), classes, kept: Some(kept), shape }
    }
}

impl<T: Float> ClassRows<T> {
    /// The weight of each row's class, `[K]`.
    pub(crate) fn weights(&self, class_weights: &[T]) -> Tensor<T> {
        self.classes.iter().map(|&class| class_weights[class]).collect()
    }

    /// Reduces the rows' losses `[K]`: the mean is over the weights of the rows that count.
    #[track_caller]
    pub(crate) fn reduce(&self, losses: Var<T>, class_weights: Option<&[T]>, reduction: Reduction) -> Var<T> {
        if reduction == Reduction::None {
            let all = match &self.kept {
                None => losses,
                Some(kept) => {
                    let noughts = Tensor::full([self.shape.count()], <T as Element>::ZERO);
                    Var::constant(noughts).index_add(0, kept, &losses)
                }
            };
            return all.reshape(self.shape);
        }
        let total = match class_weights {
            None => self.classes.len() as f64,
            Some(weights) => self.classes.iter().map(|&class| weights[class].as_f64()).sum(),
        };
        reduction.over(losses, total)
    }
}
