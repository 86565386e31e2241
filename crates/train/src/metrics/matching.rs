//! Which detection finds which object, at each threshold of overlap: COCO's way and Pascal VOC's. It must never know
//! another image.

use super::detection::surest_first;
use super::{Detection, TrueBox};

/// Detections of one class that COCO looks at in one image.
const MOST: usize = 100;

/// What a detection is at each threshold, one bit each: right, wrong (neither bit), or void.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Verdict {
    right: u16,
    void: u16,
}

impl Verdict {
    /// It finds an object.
    pub(super) fn is_right(self, threshold: usize) -> bool {
        self.right >> threshold & 1 == 1
    }

    /// It lies on something that does not count.
    pub(super) fn is_void(self, threshold: usize) -> bool {
        self.void >> threshold & 1 == 1
    }

    fn set(&mut self, threshold: usize, is_void: bool) {
        let bit = 1 << threshold;
        if is_void { self.void |= bit } else { self.right |= bit }
    }
}

/// COCO: the surest detection first takes the free object that it overlaps most; what counts before what does not. An
/// ignored object may be taken many times, and its overlap is the share of the detection inside it.
pub(super) fn match_coco(
    mut detections: Vec<Detection>,
    mut truths: Vec<TrueBox>,
    thresholds: &[f64],
) -> Vec<(f64, Verdict)> {
    detections.sort_by(|a, b| surest_first(a.score, b.score));
    detections.truncate(MOST);
    truths.sort_by_key(|truth| truth.is_ignored);
    let overlaps: Vec<Vec<f64>> = detections
        .iter()
        .map(|found| truths.iter().map(|truth| coco_overlap(found, truth)).collect())
        .collect();
    let mut verdicts = vec![Verdict::default(); detections.len()];
    for (place, &threshold) in thresholds.iter().enumerate() {
        let mut taken = vec![false; truths.len()];
        for (verdict, overlaps) in verdicts.iter_mut().zip(&overlaps) {
            let mut best: Option<usize> = None;
            // A whole overlap must be reachable in spite of rounding.
            let mut least = threshold.min(1.0 - 1e-10);
            for (index, truth) in truths.iter().enumerate() {
                if taken[index] && !truth.is_ignored {
                    continue;
                }
                if truth.is_ignored && best.is_some_and(|best| !truths[best].is_ignored) {
                    break;
                }
                if overlaps[index] >= least {
                    (best, least) = (Some(index), overlaps[index]);
                }
            }
            if let Some(best) = best {
                taken[best] = true;
                verdict.set(place, truths[best].is_ignored);
            }
        }
    }
    detections.into_iter().map(|found| found.score).zip(verdicts).collect()
}

fn coco_overlap(found: &Detection, truth: &TrueBox) -> f64 {
    if !truth.is_ignored {
        return found.bounds.iou(&truth.bounds);
    }
    let area = found.bounds.area();
    if area > 0.0 { found.bounds.intersection(&truth.bounds) / area } else { 0.0 }
}

/// Pascal VOC: each detection, the surest first, means the object that it overlaps most, taken or not; the second to mean
/// an object is wrong.
pub(super) fn match_voc(
    mut detections: Vec<Detection>,
    truths: &[TrueBox],
    thresholds: &[f64],
) -> Vec<(f64, Verdict)> {
    detections.sort_by(|a, b| surest_first(a.score, b.score));
    let mut taken = vec![vec![false; truths.len()]; thresholds.len()];
    let judge = |found: &Detection| {
        let mut verdict = Verdict::default();
        let mut meant: Option<(usize, f64)> = None;
        for (index, truth) in truths.iter().enumerate() {
            let overlap = found.bounds.iou(&truth.bounds);
            if meant.is_none_or(|(_, most)| overlap > most) {
                meant = Some((index, overlap));
            }
        }
        for (place, &threshold) in thresholds.iter().enumerate() {
            let Some((index, _)) = meant.filter(|&(_, overlap)| overlap >= threshold) else { continue };
            if truths[index].is_ignored {
                verdict.set(place, true);
            } else if !std::mem::replace(&mut taken[place][index], true) {
                verdict.set(place, false);
            }
        }
        verdict
    };
    let verdicts: Vec<Verdict> = detections.iter().map(judge).collect();
    detections.into_iter().map(|found| found.score).zip(verdicts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::BoundingBox;

    fn found(left: f64, score: f64) -> Detection {
        Detection { bounds: BoundingBox::new(left, 0.0, left + 10.0, 10.0), class: 0, score }
    }

    fn object(left: f64, is_ignored: bool) -> TrueBox {
        TrueBox { is_ignored, ..TrueBox::new(BoundingBox::new(left, 0.0, left + 10.0, 10.0), 0) }
    }

    #[test]
    fn coco_takes_the_next_best_object_and_voc_does_not() {
        // Both detections overlap the object at 0 most; the second overlaps the one at 4 enough.
        let (first, second) = (found(0.0, 0.9), found(1.5, 0.8));
        let objects = [object(0.0, false), object(4.0, false)];
        let coco = match_coco(vec![first, second], objects.to_vec(), &[0.5]);
        let voc = match_voc(vec![first, second], &objects, &[0.5]);
        assert!(coco[0].1.is_right(0) && coco[1].1.is_right(0));
        assert!(voc[0].1.is_right(0) && !voc[1].1.is_right(0) && !voc[1].1.is_void(0));
    }

    #[test]
    fn what_lies_on_an_ignored_object_is_void_as_often_as_it_does() {
        let detections = vec![found(0.0, 0.9), found(0.5, 0.8), found(50.0, 0.7)];
        for verdicts in [
            match_coco(detections.clone(), vec![object(0.0, true)], &[0.5]),
            match_voc(detections.clone(), &[object(0.0, true)], &[0.5]),
        ] {
            let voids: Vec<bool> = verdicts.iter().map(|(_, verdict)| verdict.is_void(0)).collect();
            assert_eq!(voids, [true, true, false]);
            assert!(verdicts.iter().all(|(_, verdict)| !verdict.is_right(0)));
        }
    }

    #[test]
    fn an_object_that_counts_goes_before_one_that_does_not() {
        let verdicts = match_coco(vec![found(0.0, 0.9)], vec![object(0.0, true), object(2.0, false)], &[0.5]);
        assert!(verdicts[0].1.is_right(0));
    }

    #[test]
    fn coco_looks_at_the_surest_hundred() {
        let detections: Vec<Detection> = (0..150).map(|i| found(0.0, f64::from(i))).collect();
        let verdicts = match_coco(detections, vec![object(0.0, false)], &[0.5]);
        assert_eq!((verdicts.len(), verdicts[0].0, verdicts[99].0), (100, 149.0, 50.0));
    }
}
