//! Contractions: einsum by its definition as one sum over all letters, and the named products.

use gradus_autodiff::Var;
use gradus_testkit::{Dense, axis_length};
use proptest::prelude::*;

use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

/// Equations of two operands, with the same letters written out: `...` are capitals there.
const EQUATIONS: &[(&str, &str)] = &[
    ("ij,jk->ik", "ij,jk->ik"),
    ("ij,kj", "ij,kj->ik"),
    ("bij,bjk->bik", "bij,bjk->bik"),
    ("i,j->ji", "i,j->ji"),
    ("ij,ij->", "ij,ij->"),
    ("bi,bi->b", "bi,bi->b"),
    ("ii,ij->j", "ii,ij->j"),
    ("iji,k->jk", "iji,k->jk"),
    ("...ij,...jk->...ik", "Aij,Ajk->Aik"),
    ("i...,...->...i", "iAB,AB->ABi"),
    (" a b , b c -> c a ", "ab,bc->ca"),
    ("ijk,lj->lik", "ijk,lj->lik"),
    ("ij,k->i", "ij,k->i"),
    ("bhqd,bhkd->bhqk", "bhqd,bhkd->bhqk"),
];

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    let large: &[&[&[usize]]] = &[&[&[70, 60], &[60, 90]]];
    let rows = vec![
        row!("einsum", pairs(), |x, p| Var::einsum(equation(p).0, &[&x[0], &x[1]]) => naive(equation(p).1, &[&x[0], &x[1]]))
            .fit(fit_equation)
            .law(LinearIn(&[0]))
            .law(LinearIn(&[1]))
            .large(large),
        row!("einsum", chain(), |x, p| Var::einsum("ij,jk,kl,l->i", &[&x[0], &x[1], &x[2], &x[3]]) => naive("ij,jk,kl,l->i", &[&x[0], &x[1], &x[2], &x[3]]))
            .large(&[&[&[20, 11], &[11, 12], &[12, 9], &[9]]]),
        row!("dot", vectors(), |x, p| x[0].dot(&x[1]) => x[0].zip(&x[1], |a, b| a * b).reduce(&[0], false, |v| v.iter().sum()))
            .law(LinearIn(&[0]))
            .large(&[&[&[9000], &[9000]]]),
        row!("outer", two_vectors(), |x, p| x[0].outer(&x[1]) => naive("i,j->ij", &[&x[0], &x[1]])).law(LinearIn(&[1])).large(&[&[&[90], &[130]]]),
        row!("tensordot", tables(), |x, p| x[0].tensordot(&x[1], &[2, -2], &[0, 1]) => naive("ijk,kjl->il", &[&x[0], &x[1]]))
            .law(LinearIn(&[0]))
            .large(&[&[&[30, 9, 11], &[11, 9, 40]]]),
        row!("kron", blocks(), |x, p| x[0].kron(&x[1]) => kron(&x[0], &x[1])).law(LinearIn(&[1])).large(&[&[&[20, 11], &[9, 12]]]),
        row!("bilinear", bilinear(), |x, p| x[0].bilinear(&x[1], &x[2], Some(&x[3]))
            => leading("oij,bi,bj->bo", &x[..3]).zip(&x[3], |y, b| y + b))
            .law(LinearIn(&[0, 3]))
            .law(LinearIn(&[2, 3]))
            .large(&[&[&[12, 20, 9], &[30, 20], &[30, 9], &[12]]]),
        row!("cross", triples(), |x, p| x[0].cross(&x[1]) => cross(&x[0], &x[1])).law(LinearIn(&[0])).large(&[&[&[300, 3], &[300, 3]]]),
    ];
    rows.into_iter().map(|row| row.single_tolerance(10.0).rounds_by_isa()).collect()
}

fn equation(p: &Draw) -> (&'static str, &'static str) {
    EQUATIONS
        [if p.shapes[0][..] == [70, 60] { 0 } else { (p.below(0, 32) + p.below(1, 32)) % EQUATIONS.len() }]
}

/// Shapes for the equation drawn; now and then an axis of length 1 meets a longer one.
fn fit_equation(p: &mut Draw) {
    let written = equation(p).1;
    let length = |letter: u8| 1 + p.below(2, 32).wrapping_add(usize::from(letter) * 7) % 3;
    let terms = written.split("->").next().unwrap_or_default().split(',');
    let mut shapes: Vec<Vec<usize>> = terms.map(|term| term.bytes().map(length).collect()).collect();
    let repeated = written.starts_with("ii") || written.starts_with("iji");
    if p.flag(3) && !repeated {
        shapes[1][0] = 1;
    }
    p.shapes = shapes;
}

/// Σ over all letters that the result does not name, of the product of all operands.
fn naive(equation: &str, x: &[&Dense]) -> Dense {
    let (left, result) = equation.split_once("->").unwrap_or((equation, ""));
    let terms: Vec<&str> = left.split(',').collect();
    let mut letters: Vec<char> = result.chars().collect();
    terms.iter().flat_map(|term| term.chars()).for_each(|c| {
        if !letters.contains(&c) {
            letters.push(c);
        }
    });
    let length = |letter: char| {
        let of = |(term, x): (&&str, &&Dense)| term.find(letter).map(|axis| x.shape()[axis]);
        let all: Vec<usize> = terms.iter().zip(x).filter_map(of).collect();
        // An axis of length 1 goes with any other.
        all.iter().copied().find(|&n| n != 1).unwrap_or(1)
    };
    let lengths: Vec<usize> = letters.iter().map(|&c| length(c)).collect();
    let place = |c: char| letters.iter().position(|&letter| letter == c).unwrap_or(0);
    let full = Dense::from_fn(&lengths, |at| {
        let factor = |(term, x): (&&str, &&Dense)| {
            let index: Vec<usize> =
                term.chars().zip(x.shape()).map(|(c, &n)| if n == 1 { 0 } else { at[place(c)] }).collect();
            x.at(&index)
        };
        terms.iter().zip(x).map(factor).product()
    });
    let summed: Vec<usize> = (result.chars().count()..letters.len()).collect();
    full.reduce(&summed, false, |values| values.iter().sum())
}

/// [`naive`] where `b` stands for all leading axes.
fn leading(equation: &str, x: &[Dense]) -> Dense {
    let lead = x[1].shape()[..x[1].rank() - 1].to_vec();
    let rows: usize = lead.iter().product();
    let flat = |x: &Dense| x.reshape(&[rows, x.shape()[x.rank() - 1]]);
    let y = naive(equation, &[&x[0], &flat(&x[1]), &flat(&x[2])]);
    y.reshape(&[&lead[..], &[x[0].shape()[0]]].concat())
}

fn kron(a: &Dense, b: &Dense) -> Dense {
    let rank = a.rank().max(b.rank());
    let padded = |x: &Dense| x.reshape(&[&vec![1; rank - x.rank()][..], x.shape()].concat());
    let (a, b) = (padded(a), padded(b));
    let shape: Vec<usize> = a.shape().iter().zip(b.shape()).map(|(m, n)| m * n).collect();
    Dense::from_fn(&shape, |i| {
        let part = |f: fn(usize, usize) -> usize| {
            i.iter().zip(b.shape()).map(|(&i, &n)| f(i, n)).collect::<Vec<_>>()
        };
        a.at(&part(|i, n| i / n)) * b.at(&part(|i, n| i % n))
    })
}

fn cross(a: &Dense, b: &Dense) -> Dense {
    let shape = a.zip(b, |a, _| a);
    Dense::from_fn(shape.shape(), |i| {
        let (lead, k) = (&i[..i.len() - 1], i[i.len() - 1]);
        let at = |x: &Dense, shift: usize| x.stretched_at(&[lead, &[(k + shift) % 3]].concat());
        at(a, 1) * at(b, 2) - at(a, 2) * at(b, 1)
    })
}

fn pairs() -> Shapes {
    Just(vec![vec![1], vec![1]]).boxed()
}

fn chain() -> Shapes {
    prop::collection::vec(0..=3_usize, 4)
        .prop_map(|n| vec![vec![n[0], n[1]], vec![n[1], n[2]], vec![n[2], n[3]], vec![n[3]]])
        .boxed()
}

fn vectors() -> Shapes {
    axis_length().prop_map(|n| vec![vec![n], vec![n]]).boxed()
}

fn two_vectors() -> Shapes {
    (axis_length(), axis_length()).prop_map(|(m, n)| vec![vec![m], vec![n]]).boxed()
}

fn tables() -> Shapes {
    prop::collection::vec(0..=3_usize, 4)
        .prop_map(|n| vec![vec![n[0], n[1], n[2]], vec![n[2], n[1], n[3]]])
        .boxed()
}

fn blocks() -> Shapes {
    let shape = || prop::collection::vec(0..=3_usize, 0..=3);
    (shape(), shape()).prop_map(|(a, b)| vec![a, b]).boxed()
}

fn bilinear() -> Shapes {
    (prop::collection::vec(1..=3_usize, 0..=2), prop::collection::vec(1..=3_usize, 3))
        .prop_map(|(lead, n)| {
            let with = |last: usize| [&lead[..], &[last]].concat();
            vec![n.clone(), with(n[1]), with(n[2]), vec![n[0]]]
        })
        .boxed()
}

/// `[…, 3]` twice, leading axes broadcast.
fn triples() -> Shapes {
    (prop::collection::vec(0..=3_usize, 0..=2), any::<bool>())
        .prop_map(|(lead, alone)| {
            let first = [&lead[..], &[3]].concat();
            vec![first.clone(), if alone { vec![3] } else { first }]
        })
        .boxed()
}
