//! Losses of boxes (x₁, y₁, x₂, y₂) by how they overlap: IoU and its relatives that still pull where nothing overlaps.

use gradus_autodiff::Var;
use gradus_tensor::Float;

use crate::check::same_shape;
use crate::reduction::Reduction;

/// Added to what divides (torchvision's constant).
const EPS: f64 = 1e-7;

/// The parts of boxes `[…, 4]`.
struct Boxes<T: Float> {
    left: Var<T>,
    top: Var<T>,
    right: Var<T>,
    bottom: Var<T>,
}

impl<T: Float> Boxes<T> {
    fn of(boxes: &Var<T>) -> Self {
        let part = |i| boxes.select(-1, i);
        Self { left: part(0), top: part(1), right: part(2), bottom: part(3) }
    }

    fn width(&self) -> Var<T> {
        &self.right - &self.left
    }

    fn height(&self) -> Var<T> {
        &self.bottom - &self.top
    }

    /// The smallest box around both.
    fn around(&self, other: &Self) -> Self {
        Self {
            left: self.left.minimum(&other.left),
            top: self.top.minimum(&other.top),
            right: self.right.maximum(&other.right),
            bottom: self.bottom.maximum(&other.bottom),
        }
    }

    /// The areas of intersection and union.
    fn overlap(&self, other: &Self) -> (Var<T>, Var<T>) {
        let width = self.right.minimum(&other.right) - self.left.maximum(&other.left);
        let height = self.bottom.minimum(&other.bottom) - self.top.maximum(&other.top);
        let both = width.relu() * height.relu();
        let all = self.width() * self.height() + other.width() * other.height() - &both;
        (both, all)
    }

    /// The squared distance of the centres.
    fn distance(&self, other: &Self) -> Var<T> {
        let across = &self.left + &self.right - &other.left - &other.right;
        let down = &self.top + &self.bottom - &other.top - &other.bottom;
        (across.square() + down.square()) * 0.25
    }
}

#[track_caller]
fn parts<T: Float>(op: &str, boxes: &Var<T>, target: &Var<T>) -> (Boxes<T>, Boxes<T>) {
    let shape = boxes.shape();
    same_shape(op, shape, target.shape());
    assert!(shape.last() == Some(&4), "{op}: boxes are not […, 4]: {shape} (x₁, y₁, x₂, y₂)");
    (Boxes::of(boxes), Boxes::of(target))
}

/// ℓ = 1 − |A∩B|/|A∪B| of boxes `[…, 4]`, `→ []`, or `[…]` for [`Reduction::None`] (torchvision: `box_iou`; Yu et al. 2016).
/// Boxes that do not touch get no gradient.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, iou};
/// let (a, b) = (Var::leaf([[0.0_f64, 0.0, 2.0, 1.0]]), Var::leaf([[1.0, 0.0, 3.0, 1.0]]));
/// assert!((iou(&a, &b, Reduction::Mean).item() - 2.0 / 3.0).abs() < 1e-6);
/// ```
///
/// # Panics
/// If the shapes differ or are not `[…, 4]`.
#[must_use]
#[track_caller]
pub fn iou<T: Float>(boxes: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let (a, b) = parts("iou", boxes, &target.into());
    let (both, all) = a.overlap(&b);
    reduction.apply(1.0 - both / (all + EPS))
}

/// ℓ = 1 − IoU + (|C| − |A∪B|)/|C| with C the smallest box around both, `[…, 4], […, 4] → []` (torchvision:
/// `generalized_box_iou_loss`; Rezatofighi et al. 2019).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, giou};
/// let (a, b) = (Var::leaf([[0.0_f64, 0.0, 1.0, 1.0]]), Var::leaf([[3.0, 0.0, 4.0, 1.0]]));
/// assert!((giou(&a, &b, Reduction::Mean).item() - 1.5).abs() < 1e-6);
/// ```
///
/// # Panics
/// As [`iou`].
#[must_use]
#[track_caller]
pub fn giou<T: Float>(boxes: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let (a, b) = parts("giou", boxes, &target.into());
    let (both, all) = a.overlap(&b);
    let around = a.around(&b);
    let area = around.width() * around.height();
    reduction.apply(1.0 - both / (&all + EPS) + (&area - all) / (&area + EPS))
}

/// 1 − IoU + ρ²/c² and IoU: the distance of the centres over the diagonal of the box around both.
fn distance_loss<T: Float>(a: &Boxes<T>, b: &Boxes<T>) -> (Var<T>, Var<T>) {
    let (both, all) = a.overlap(b);
    let around = a.around(b);
    let diagonal = around.width().square() + around.height().square() + EPS;
    let iou = both / (all + EPS);
    (1.0 - &iou + a.distance(b) / diagonal, iou)
}

/// ℓ = 1 − IoU + ρ²/c², `[…, 4], […, 4] → []` (torchvision: `distance_box_iou_loss`; Zheng et al. 2020).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, diou};
/// let (a, b) = (Var::leaf([[0.0_f64, 0.0, 1.0, 1.0]]), Var::leaf([[3.0, 0.0, 4.0, 1.0]]));
/// assert!((diou(&a, &b, Reduction::Mean).item() - (1.0 + 9.0 / 17.0)).abs() < 1e-6);
/// ```
///
/// # Panics
/// As [`iou`].
#[must_use]
#[track_caller]
pub fn diou<T: Float>(boxes: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let (a, b) = parts("diou", boxes, &target.into());
    reduction.apply(distance_loss(&a, &b).0)
}

/// ℓ = 1 − IoU + ρ²/c² + α·v with v = 4/π²·(arctan(w_B/h_B) − arctan(w_A/h_A))² and α = v/(1 − IoU + v), which counts as a
/// constant, `[…, 4], […, 4] → []` (torchvision: `complete_box_iou_loss`; Zheng et al. 2020).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_losses::{Reduction, ciou, diou};
/// let (a, b) = (Var::leaf([[0.0_f64, 0.0, 1.0, 1.0]]), Var::leaf([[0.0, 0.0, 1.0, 3.0]]));
/// assert!(ciou(&a, &b, Reduction::Mean).item() > diou(&a, &b, Reduction::Mean).item());
/// ```
///
/// # Panics
/// As [`iou`].
#[must_use]
#[track_caller]
pub fn ciou<T: Float>(boxes: &Var<T>, target: impl Into<Var<T>>, reduction: Reduction) -> Var<T> {
    let (a, b) = parts("ciou", boxes, &target.into());
    let (loss, iou) = distance_loss(&a, &b);
    let angle = |boxes: &Boxes<T>| (boxes.width() / boxes.height()).atan();
    let shape = (angle(&b) - angle(&a)).square() * (4.0 / std::f64::consts::PI.powi(2));
    let share = (&shape / (1.0 - iou + &shape + EPS)).detach();
    reduction.apply(loss + share * shape)
}
