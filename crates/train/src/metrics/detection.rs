//! Mean average precision of detected boxes, by the rules of COCO and of Pascal VOC. Which detection finds which object
//! is in `matching`. It must never know an image.

use super::BoundingBox;
use super::agreement::mean;
use super::matching::{Verdict, match_coco, match_voc};

/// One box that a detector found.
///
/// ```
/// use gradus_train::metrics::{BoundingBox, Detection};
/// let detection = Detection { bounds: BoundingBox::new(0.0, 0.0, 5.0, 5.0), class: 2, score: 0.9 };
/// assert_eq!(detection.bounds.area(), 25.0);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Where.
    pub bounds: BoundingBox,
    /// What.
    pub class: usize,
    /// How sure; a NaN comes behind all numbers.
    pub score: f64,
}

/// One object that is there.
///
/// ```
/// use gradus_train::metrics::{BoundingBox, TrueBox};
/// let tree = TrueBox::new(BoundingBox::new(0.0, 0.0, 5.0, 5.0), 0);
/// assert!(!tree.is_ignored);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrueBox {
    /// Where.
    pub bounds: BoundingBox,
    /// What.
    pub class: usize,
    /// Whether it counts neither as found nor as missed: COCO's crowds, VOC's difficult objects.
    pub is_ignored: bool,
}

impl TrueBox {
    /// An object that counts.
    #[must_use]
    pub fn new(bounds: BoundingBox, class: usize) -> Self {
        Self { bounds, class, is_ignored: false }
    }
}

/// Whose rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
    Coco,
    Voc,
    Voc2007,
}

/// Average precision of detections, the mean over classes and thresholds of overlap.
///
/// Keeps 16 bytes for each detection. Among equal scores the earlier image comes first, as in pycocotools; the cutting of
/// images into batches changes nothing. Classes without an object are left out of means.
///
/// ```
/// use gradus_train::metrics::{BoundingBox, Detection, MeanAveragePrecision, TrueBox};
/// let mut map = MeanAveragePrecision::coco(1);
/// let tree = BoundingBox::new(10.0, 10.0, 20.0, 20.0);
/// let near = BoundingBox::new(10.0, 10.0, 20.0, 18.0); // overlaps by 0.8
/// map.update(&[Detection { bounds: near, class: 0, score: 0.9 }], &[TrueBox::new(tree, 0)]); // one image
/// assert_eq!((map.at(0.5), map.at(0.75), map.at(0.9)), (Some(1.0), Some(1.0), Some(0.0)));
/// assert_eq!(map.value(), Some(0.7)); // 0.5, 0.55 … 0.8 are reached, 0.85, 0.9, 0.95 are not
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct MeanAveragePrecision {
    rules: Rules,
    thresholds: Vec<f64>,
    classes: Vec<Class>,
}

/// What is known of one class.
#[derive(Clone, Debug, Default, PartialEq)]
struct Class {
    objects: u64,
    detections: Vec<(f64, Verdict)>,
}

impl MeanAveragePrecision {
    /// COCO's measure: thresholds 0.5, 0.55 … 0.95, precision at 101 recalls, at most 100 detections per image and class
    /// (pycocotools: `COCOeval`, area `all`).
    #[must_use]
    pub fn coco(classes: usize) -> Self {
        // As NumPy's linspace rounds them, so that borders fall as in pycocotools.
        let step = (0.95 - 0.5) / 9.0;
        let thresholds = (0..10).map(|i| if i == 9 { 0.95 } else { 0.5 + f64::from(i) * step }).collect();
        Self { rules: Rules::Coco, thresholds, classes: vec![Class::default(); classes] }
    }

    /// Pascal VOC's measure from 2010 on: threshold 0.5, the whole area under the curve of the greatest precision at each
    /// recall or beyond.
    ///
    /// ```
    /// use gradus_train::metrics::{BoundingBox, Detection, MeanAveragePrecision, TrueBox};
    /// let (a, b) = (BoundingBox::new(0.0, 0.0, 4.0, 4.0), BoundingBox::new(8.0, 0.0, 12.0, 4.0));
    /// let found = Detection { bounds: a, class: 0, score: 0.9 };
    /// let (mut voc, mut voc2007) = (MeanAveragePrecision::voc(1), MeanAveragePrecision::voc2007(1));
    /// for map in [&mut voc, &mut voc2007] {
    ///     map.update(&[found], &[TrueBox::new(a, 0), TrueBox::new(b, 0)]);
    /// }
    /// assert_eq!((voc.value(), voc2007.value()), (Some(0.5), Some(6.0 / 11.0)));
    /// ```
    #[must_use]
    pub fn voc(classes: usize) -> Self {
        Self { rules: Rules::Voc, thresholds: vec![0.5], classes: vec![Class::default(); classes] }
    }

    /// Pascal VOC's measure of 2007: threshold 0.5, the greatest precision at or beyond the recalls 0, 0.1 … 1.
    #[must_use]
    pub fn voc2007(classes: usize) -> Self {
        Self { rules: Rules::Voc2007, ..Self::voc(classes) }
    }

    /// Adds the detections and the objects of one image.
    ///
    /// # Panics
    /// If a class lies outside.
    #[track_caller]
    pub fn update(&mut self, detections: &[Detection], truths: &[TrueBox]) {
        let classes = self.classes.len();
        for class in detections.iter().map(|d| d.class).chain(truths.iter().map(|t| t.class)) {
            assert!(
                class < classes,
                "mean_average_precision: no such class: {class} (0 ≤ class < {classes})"
            );
        }
        for (class, known) in self.classes.iter_mut().enumerate() {
            let found: Vec<Detection> = detections.iter().filter(|d| d.class == class).copied().collect();
            let objects: Vec<TrueBox> = truths.iter().filter(|t| t.class == class).copied().collect();
            if found.is_empty() && objects.is_empty() {
                continue;
            }
            known.objects += objects.iter().filter(|object| !object.is_ignored).count() as u64;
            known.detections.extend(match self.rules {
                Rules::Coco => match_coco(found, objects, &self.thresholds),
                Rules::Voc | Rules::Voc2007 => match_voc(found, &objects, &self.thresholds),
            });
        }
    }

    /// Adds what another measure has seen, as later images.
    ///
    /// ```
    /// use gradus_train::metrics::{BoundingBox, Detection, MeanAveragePrecision, TrueBox};
    /// let bounds = BoundingBox::new(0.0, 0.0, 4.0, 4.0);
    /// let (mut one, mut other) = (MeanAveragePrecision::coco(2), MeanAveragePrecision::coco(2));
    /// one.update(&[], &[TrueBox::new(bounds, 0)]);
    /// other.update(&[Detection { bounds, class: 1, score: 0.5 }], &[TrueBox::new(bounds, 1)]);
    /// one.merge(&other);
    /// assert_eq!((one.class(0), one.class(1), one.value(), one.recall()), (Some(0.0), Some(1.0), Some(0.5), Some(0.5)));
    /// ```
    ///
    /// # Panics
    /// If it has other rules or another number of classes.
    #[track_caller]
    pub fn merge(&mut self, other: &Self) {
        let (a, b) = (self.rules, other.rules);
        assert!(a == b, "mean_average_precision: merge: rules differ: {a:?} and {b:?}");
        let (a, b) = (self.classes.len(), other.classes.len());
        assert!(a == b, "mean_average_precision: merge: number of classes differs: {a} and {b}");
        for (own, other) in self.classes.iter_mut().zip(&other.classes) {
            own.objects += other.objects;
            own.detections.extend(&other.detections);
        }
    }

    /// The mean over classes and thresholds; `None` if no class has an object.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        mean((0..self.classes.len()).filter_map(|class| self.class(class)))
    }

    /// The mean over thresholds of one class; `None` if it has no object, or there is no such class.
    #[must_use]
    pub fn class(&self, class: usize) -> Option<f64> {
        let class = self.classes.get(class).filter(|class| class.objects > 0)?;
        mean((0..self.thresholds.len()).map(|place| self.average_precision(class, place)))
    }

    /// The mean over classes at one threshold of overlap (COCO: AP50, AP75); `None` if no class has an object, or the
    /// threshold is none of the measure's.
    #[must_use]
    pub fn at(&self, threshold: f64) -> Option<f64> {
        let place = self.thresholds.iter().position(|own| (own - threshold).abs() < 1e-9)?;
        let classes = self.classes.iter().filter(|class| class.objects > 0);
        mean(classes.map(|class| self.average_precision(class, place)))
    }

    /// The share of objects that are found at any score, the mean over classes and thresholds (COCO: AR with at most 100
    /// detections). `None` if no class has an object.
    #[must_use]
    pub fn recall(&self) -> Option<f64> {
        mean(self.classes.iter().filter(|class| class.objects > 0).flat_map(|class| {
            let found = |place: usize| class.detections.iter().filter(move |d| d.1.is_right(place)).count();
            (0..self.thresholds.len()).map(move |place| found(place) as f64 / class.objects as f64)
        }))
    }

    /// The area under the curve of one class at one threshold.
    fn average_precision(&self, class: &Class, place: usize) -> f64 {
        let curve = curve(class, place);
        // The greatest precision at this recall or beyond.
        let at_least =
            |recall: f64| curve.get(curve.partition_point(|point| point.0 < recall)).map_or(0.0, |p| p.1);
        match self.rules {
            Rules::Coco => {
                // The recalls as NumPy's linspace rounds them.
                (0..=100).map(|i| at_least(f64::from(i) * 0.01)).sum::<f64>() / 101.0
            }
            Rules::Voc2007 => (0..=10).map(|i| at_least(f64::from(i) / 10.0)).sum::<f64>() / 11.0,
            Rules::Voc => {
                let mut before = 0.0;
                let mut area = 0.0;
                for (recall, precision) in curve {
                    area += (recall - before) * precision;
                    before = recall;
                }
                area
            }
        }
    }
}

/// Recall, and the greatest precision there or beyond, after each detection that counts, the surest first.
fn curve(class: &Class, place: usize) -> Vec<(f64, f64)> {
    let mut order: Vec<&(f64, Verdict)> = class.detections.iter().collect();
    // Stable, so that of equal scores the earlier image's comes first.
    order.sort_by(|a, b| surest_first(a.0, b.0));
    let (mut right, mut all) = (0, 0);
    let mut points = Vec::with_capacity(order.len());
    for (_, verdict) in order.into_iter().filter(|(_, verdict)| !verdict.is_void(place)) {
        right += u64::from(verdict.is_right(place));
        all += 1;
        points.push((right as f64 / class.objects as f64, right as f64 / all as f64));
    }
    let mut best: f64 = 0.0;
    for point in points.iter_mut().rev() {
        best = best.max(point.1);
        point.1 = best;
    }
    points
}

/// Greater scores before less, both zeros equal, NaN last.
pub(super) fn surest_first(a: f64, b: f64) -> std::cmp::Ordering {
    b.partial_cmp(&a).unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn square(left: f64) -> BoundingBox {
        BoundingBox::new(left, 0.0, left + 4.0, 4.0)
    }

    fn found(left: f64, score: f64) -> Detection {
        Detection { bounds: square(left), class: 0, score }
    }

    #[test]
    fn nothing_no_objects_and_no_detections() {
        for mut map in
            [MeanAveragePrecision::coco(2), MeanAveragePrecision::voc(2), MeanAveragePrecision::voc2007(2)]
        {
            assert_eq!((map.value(), map.recall(), map.at(0.5), map.class(7)), (None, None, None, None));
            map.update(&[found(0.0, 0.5)], &[]);
            assert_eq!(map.value(), None); // a class without objects
            map.update(&[], &[TrueBox::new(square(0.0), 1)]);
            assert_eq!((map.value(), map.recall(), map.at(0.3)), (Some(0.0), Some(0.0), None));
        }
    }

    #[test]
    fn the_second_find_of_an_object_is_wrong() {
        let mut map = MeanAveragePrecision::voc(1);
        let objects = [TrueBox::new(square(0.0), 0), TrueBox::new(square(10.0), 0)];
        map.update(&[found(0.0, 0.9), found(0.1, 0.8), found(10.0, 0.7)], &objects);
        // Precisions 1, 1/2, 2/3 at recalls 1/2, 1/2, 1.
        assert!((map.value().unwrap() - (0.5 + 0.5 * 2.0 / 3.0)).abs() < 1e-12);
    }

    #[test]
    fn recalls_are_rounded_as_numpy_rounds_them() {
        // 57 of 100 objects are found: a recall of 0.57, and NumPy's linspace(0, 1, 101)[57] is 0.5700000000000001.
        let mut map = MeanAveragePrecision::coco(1);
        for image in 0..100 {
            let detections = if image < 57 { vec![found(0.0, 0.9)] } else { Vec::new() };
            map.update(&detections, &[TrueBox::new(square(0.0), 0)]);
        }
        assert!((map.at(0.5).unwrap() - 57.0 / 101.0).abs() < 1e-12);
    }

    #[test]
    fn nan_scores_come_last() {
        let mut map = MeanAveragePrecision::coco(1);
        let objects = [TrueBox::new(square(0.0), 0)];
        map.update(&[found(100.0, f64::NAN), found(0.0, -5.0)], &objects);
        assert_eq!(map.value(), Some(1.0));
    }

    #[test]
    #[should_panic(expected = "mean_average_precision: no such class: 1 (0 ≤ class < 1)")]
    fn refuses_unknown_classes() {
        MeanAveragePrecision::coco(1).update(&[], &[TrueBox::new(square(0.0), 1)]);
    }
}
