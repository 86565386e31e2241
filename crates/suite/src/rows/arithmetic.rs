//! Arithmetic of two variables with broadcasting, choices, and arithmetic with a number.

use gradus_autodiff::choose;
use gradus_testkit::Dense;

use super::{any, pair};
use crate::draw::Draw;
use crate::law::Law::{Commutative, LinearIn, Odd};
use crate::row;
use crate::row::Row;

/// Shapes of two inputs of which either is stretched.
const LARGE: &[&[&[usize]]] = &[&[&[3, 130, 301], &[130, 1]], &[&[1, 301], &[350, 1]]];

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    vec![
        row!("add", pair(), |x, p| &x[0] + &x[1] => x[0].zip(&x[1], |a, b| a + b))
            .law(LinearIn(&[0, 1]))
            .law(Commutative)
            .large(LARGE),
        row!("sub", pair(), |x, p| &x[0] - &x[1] => x[0].zip(&x[1], |a, b| a - b)).law(LinearIn(&[0, 1])).large(LARGE),
        row!("mul", pair(), |x, p| &x[0] * &x[1] => x[0].zip(&x[1], |a, b| a * b))
            .law(LinearIn(&[0]))
            .law(LinearIn(&[1]))
            .law(Commutative)
            .large(LARGE),
        row!("div", pair(), |x, p| &x[0] / &x[1] => x[0].zip(&x[1], |a, b| a / b))
            .domains(&[-3.0..3.0, 0.4..4.0])
            .law(LinearIn(&[0]))
            .large(LARGE),
        row!("pow", pair(), |x, p| x[0].pow(&x[1]) => x[0].zip(&x[1], |a, b| (b * a.ln()).exp()))
            .domains(&[0.3..2.5, -2.0..2.0])
            .large(LARGE)
            .rounds_by_isa(),
        row!("maximum", pair(), |x, p| x[0].maximum(&x[1]) => x[0].zip(&x[1], |a, b| if a > b { a } else { b }))
            .law(Commutative)
            .large(LARGE),
        row!("minimum", pair(), |x, p| x[0].minimum(&x[1]) => x[0].zip(&x[1], |a, b| if a < b { a } else { b }))
            .law(Commutative)
            .large(LARGE),
        row!("choose", pair(), |x, p| choose(&p.mask(0, &mask_shape(p)).tensor::<bool>(), &x[0], &x[1])
            => chosen(&p.mask(0, &mask_shape(p)), &x[0], &x[1]))
        .law(LinearIn(&[0, 1]))
        .large(LARGE),
        row!("add", any(1, 0), |x, p| 1.5 + &x[0] - 0.25 => x[0].map(|x| x + 1.25)),
        row!("sub", any(1, 0), |x, p| 1.5 - &x[0] => x[0].map(|x| 1.5 - x)),
        row!("mul", any(1, 0), |x, p| 3.0 * &x[0] * 0.5 => x[0].map(|x| 1.5 * x)).law(LinearIn(&[0])).law(Odd),
        row!("div", any(1, 0), |x, p| &x[0] / 3.0 => x[0].map(|x| x / 3.0)).law(LinearIn(&[0])),
        row!("div", any(1, 0), |x, p| 2.0 / &x[0] => x[0].map(|x| 2.0 / x)).domain(0.4..4.0),
        row!("neg", any(1, 0), |x, p| -&x[0] => x[0].map(|x| -x)).law(LinearIn(&[0])),
        row!("add", any(1, 0), |x, p| &x[0] + &x[0] * &x[0] => x[0].map(|x| x + x * x)),
    ]
}

/// The mask takes the second input's shape, so it broadcasts too.
fn mask_shape(p: &Draw) -> Vec<usize> {
    p.shapes[1].clone()
}

fn chosen(mask: &Dense, a: &Dense, b: &Dense) -> Dense {
    let masked = mask.zip(a, |m, a| m * a);
    masked.zip(&mask.zip(b, |m, b| (1.0 - m) * b), |a, b| a + b)
}
