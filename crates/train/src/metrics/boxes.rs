//! Boxes and their overlap. It must never know what is inside.

/// A rectangle from (left, top) to (right, bottom), in any unit, with y going down.
///
/// ```
/// use gradus_train::metrics::BoundingBox;
/// let (a, b) = (BoundingBox::new(0.0, 0.0, 2.0, 2.0), BoundingBox::new(1.0, 0.0, 3.0, 2.0));
/// assert_eq!((a.area(), a.iou(&b)), (4.0, 1.0 / 3.0));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct BoundingBox {
    /// The least x.
    pub left: f64,
    /// The least y.
    pub top: f64,
    /// The greatest x.
    pub right: f64,
    /// The greatest y.
    pub bottom: f64,
}

impl BoundingBox {
    /// A box from its corners (torchvision: `xyxy`). Where right < left or bottom < top it is empty.
    #[must_use]
    pub fn new(left: f64, top: f64, right: f64, bottom: f64) -> Self {
        Self { left, top, right, bottom }
    }

    /// A box from a corner and its size (torchvision: `xywh`, as COCO's files have it).
    ///
    /// ```
    /// use gradus_train::metrics::BoundingBox;
    /// assert_eq!(BoundingBox::from_corner(1.0, 2.0, 3.0, 4.0), BoundingBox::new(1.0, 2.0, 4.0, 6.0));
    /// ```
    #[must_use]
    pub fn from_corner(left: f64, top: f64, width: f64, height: f64) -> Self {
        Self::new(left, top, left + width, top + height)
    }

    /// Width · height; 0 of an empty box.
    #[must_use]
    pub fn area(&self) -> f64 {
        (self.right - self.left).max(0.0) * (self.bottom - self.top).max(0.0)
    }

    /// The area that both cover.
    ///
    /// ```
    /// use gradus_train::metrics::BoundingBox;
    /// let (a, b) = (BoundingBox::new(0.0, 0.0, 2.0, 2.0), BoundingBox::new(1.0, 1.0, 3.0, 3.0));
    /// assert_eq!(a.intersection(&b), 1.0);
    /// ```
    #[must_use]
    pub fn intersection(&self, other: &Self) -> f64 {
        let common = Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        };
        common.area()
    }

    /// Intersection over union, 0 to 1 (torchvision: `box_iou`); 0 of two empty boxes. Coordinates are lines, not pixels:
    /// the old Pascal-VOC devkit adds 1 to each width and height.
    #[must_use]
    pub fn iou(&self, other: &Self) -> f64 {
        let common = self.intersection(other);
        let union = self.area() + other.area() - common;
        if union > 0.0 { common / union } else { 0.0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_and_apart_and_inside() {
        let unit = BoundingBox::new(0.0, 0.0, 1.0, 1.0);
        assert_eq!(unit.iou(&unit), 1.0);
        assert_eq!(unit.iou(&BoundingBox::new(2.0, 2.0, 3.0, 3.0)), 0.0);
        assert_eq!(unit.iou(&BoundingBox::new(1.0, 0.0, 2.0, 1.0)), 0.0); // they touch
        assert_eq!(unit.iou(&BoundingBox::new(0.25, 0.25, 0.75, 0.75)), 0.25);
        let inside_out = BoundingBox::new(1.0, 1.0, 0.0, 0.0);
        assert_eq!((inside_out.area(), inside_out.iou(&unit), inside_out.iou(&inside_out)), (0.0, 0.0, 0.0));
    }
}
