//! Decompositions and solvers. Results whose signs are free are turned into ones that are not: R with a positive diagonal,
//! functions of a matrix through its eigenvectors.

use gradus_autodiff::Var;
use gradus_tensor::{Float, LinalgError, Tensor, Triangle};
use gradus_testkit::Dense;
use proptest::prelude::*;

use super::matrices::{
    cholesky, determinant, each_matrix, each_pair, eigenvalues, gram_schmidt, identity, inverse, multiply,
    scaled, series, sum, transposed,
};
use crate::draw::Draw;
use crate::law::Law::LinearIn;
use crate::row;
use crate::row::{Row, Shapes};

/// All rows.
pub(super) fn rows() -> Vec<Row> {
    let mut rows = [solvers(), factors(), spectra(), oblong(), functions()].concat_rows();
    rows.extend(triangles());
    rows
}

trait Concat {
    fn concat_rows(self) -> Vec<Row>;
}

impl<const N: usize> Concat for [Vec<Row>; N] {
    /// What they have in common: products inside, and errors that grow with the condition.
    fn concat_rows(self) -> Vec<Row> {
        let rows = self.into_iter().flatten();
        rows.map(|row| row.domain(-1.0..1.0).single_tolerance(30.0).rounds_by_isa()).collect()
    }
}

const LARGE: &[&[&[usize]]] = &[&[&[60, 60]], &[&[5, 30, 30]]];
const LARGE_PAIR: &[&[&[usize]]] = &[&[&[60, 60], &[60, 50]], &[&[5, 30, 30], &[30, 7]]];

fn solvers() -> Vec<Row> {
    vec![
        row!("solve", systems(), |x, p| right(regular(&x[0]).solve(&x[1])) => each_pair(&x[0], &x[1], |a, b| multiply(&inverse(&near_identity(a)), b)))
            .law(LinearIn(&[1]))
            .large(LARGE_PAIR),
        row!("solve", vectors(), |x, p| right(regular(&x[0]).solve(&x[1])) => each_pair(&x[0], &column(&x[1]), |a, b| multiply(&inverse(&near_identity(a)), b)).reshape(x[1].shape()))
            .law(LinearIn(&[1]))
            .large(&[&[&[60, 60], &[60]]]),
        row!("solve_triangular", systems(), |x, p| right(regular(&x[0]).solve_triangular(&x[1], which(p)))
            => each_pair(&x[0], &x[1], |a, b| multiply(&inverse(&triangle(&near_identity(a), which(p))), b)))
            .law(LinearIn(&[1]))
            .large(LARGE_PAIR)
            .large_picks(4),
        row!("cholesky_solve", systems(), |x, p| right(regular(&x[0]).cholesky_solve(&x[1])) => each_pair(&x[0], &x[1], |a, b| {
            let l = triangle(&near_identity(a), Triangle::lower());
            multiply(&inverse(&multiply(&l, &transposed(&l))), b)
        }))
        .law(LinearIn(&[1]))
        .large(LARGE_PAIR),
        row!("inverse", squares(), |x, p| right(regular(&x[0]).inverse()) => each_matrix(&x[0], |a| inverse(&near_identity(a)))).large(LARGE),
        row!("det", squares(), |x, p| small(&x[0]).det() => lead_only(&each_matrix(&x[0], |a| vec![vec![determinant(&lifted(a))]])))
            .large(&[&[&[900, 3, 3]]]),
        row!("slogdet", squares(), |x, p| small(&x[0]).slogdet().1
            => lead_only(&each_matrix(&x[0], |a| vec![vec![determinant(&lifted(a)).abs().ln()]])))
            .large(&[&[&[900, 3, 3]]]),
    ]
}

fn factors() -> Vec<Row> {
    vec![
        row!("cholesky", squares(), |x, p| right(symmetric(&x[0]).cholesky()) => each_matrix(&x[0], |a| cholesky(&mirrored(a)))).large(LARGE),
        row!("qr", oblongs(), |x, p| joined_qr(&ramp(&x[0])) => each_matrix(&x[0], |a| {
            let (q, r) = gram_schmidt(&ramped(a));
            q.into_iter().chain(transposed(&r)).collect()
        }))
        .large(&[&[&[70, 50]], &[&[50, 70]]]),
    ]
}

fn spectra() -> Vec<Row> {
    vec![
        row!("eigh", squares(), |x, p| cubed(&spread(&x[0])) => each_matrix(&x[0], |a| {
            let a = scaled(&spread_out(a), 1.0 / a.len() as f64);
            multiply(&multiply(&a, &a), &a)
        }))
        .large(LARGE),
        row!("eigvalsh", squares(), |x, p| right(spread(&x[0]).eigvalsh()) => rows_only(&each_matrix(&x[0], |a| vec![eigenvalues(&spread_out(a))]))).large(&[&[&[20, 20]]]),
        row!("svd", oblongs(), |x, p| cubed_svd(&ramp(&x[0])) => each_matrix(&x[0], |a| {
            let a = scaled(&ramped(a), 1.0 / a.len().min(a[0].len()) as f64);
            multiply(&multiply(&a, &transposed(&a)), &a)
        }))
        .large(&[&[&[40, 25]], &[&[25, 40]]]),
        row!("svdvals", oblongs(), |x, p| right(ramp(&x[0]).svdvals()) => rows_only(&each_matrix(&x[0], |a| vec![singular_values(&ramped(a))]))).large(&[&[&[20, 14]]]),
    ]
}

fn oblong() -> Vec<Row> {
    vec![
        row!("pinv", oblongs(), |x, p| right(ramp(&x[0]).pinv()) => each_matrix(&x[0], |a| pseudo_inverse(&ramped(a)))).large(&[&[&[40, 25]]]),
        row!("lstsq", least_squares(), |x, p| right(ramp(&x[0]).lstsq(&x[1])) => each_pair(&x[0], &x[1], |a, b| multiply(&pseudo_inverse(&ramped(a)), b)))
            .law(LinearIn(&[1]))
            .large(&[&[&[60, 25], &[60, 30]]]),
    ]
}

fn functions() -> Vec<Row> {
    vec![
        row!("matrix_power", squares(), |x, p| right(regular(&x[0]).matrix_power(exponent(p)))
            => each_matrix(&x[0], |a| power(&near_identity(a), exponent(p))))
        .large(LARGE),
        row!("matrix_exp", squares(), |x, p| right(x[0].matrix_exp()) => each_matrix(&x[0], series))
            .large(&[&[&[20, 20]]]),
    ]
}

fn triangles() -> Vec<Row> {
    vec![
        row!("tril", super::any(1, 2), |x, p| x[0].tril(shift(p)) => part(&x[0], shift(p), false))
            .law(LinearIn(&[0])),
        row!("triu", super::any(1, 2), |x, p| x[0].triu(shift(p)) => part(&x[0], shift(p), true))
            .law(LinearIn(&[0])),
        row!("trace", super::any(1, 2), |x, p| x[0].trace() => lead_only(&each_matrix(&x[0], |a| {
            vec![vec![a.iter().enumerate().filter_map(|(i, row)| row.get(i)).sum()]]
        })))
        .law(LinearIn(&[0])),
    ]
}

/// The elements on the diagonal and on one side of it.
fn part(x: &Dense, shift: isize, upper: bool) -> Dense {
    Dense::from_fn(x.shape(), |i| {
        let above = i[i.len() - 1] as isize - i[i.len() - 2] as isize - shift;
        if above == 0 || (above > 0) == upper { x.at(i) } else { 0.0 }
    })
}

/// Matrices far from singular ones; a fault fails the row.
fn right<T: Float>(result: Result<Var<T>, LinalgError>) -> Var<T> {
    result.unwrap_or_else(|error| panic!("{error}"))
}

fn shift(p: &Draw) -> isize {
    p.below(3, 9) as isize - 4
}

fn which(p: &Draw) -> Triangle {
    let which = if p.flag(0) { Triangle::upper() } else { Triangle::lower() };
    if p.below(0, 4) > 1 { which.with_unit_diagonal() } else { which }
}

fn exponent(p: &Draw) -> i32 {
    p.below(1, 7) as i32 - 2
}

type Matrix = Vec<Vec<f64>>;

fn plus<T: Float>(x: Var<T>, f: impl Fn(usize, usize) -> f64) -> Var<T> {
    let shift = Tensor::from_fn([x.dim(-2), x.dim(-1)], |i| T::of(f(i[0], i[1])));
    x + Var::constant(shift)
}

fn added(a: &[Vec<f64>], scale: f64, f: impl Fn(usize, usize) -> f64) -> Matrix {
    let row =
        |(i, row): (usize, &Vec<f64>)| row.iter().enumerate().map(|(j, x)| x * scale + f(i, j)).collect();
    a.iter().enumerate().map(row).collect()
}

/// x/√N + 4: far from singular at any size.
fn regular<T: Float>(x: &Var<T>) -> Var<T> {
    plus(x * small_scale(x.dim(-1)), |i, j| if i == j { 4.0 } else { 0.0 })
}

fn near_identity(a: &[Vec<f64>]) -> Matrix {
    added(a, small_scale(a.len()), |i, j| if i == j { 4.0 } else { 0.0 })
}

fn small_scale(n: usize) -> f64 {
    1.0 / (n.max(1) as f64).sqrt()
}

/// x/√N + 4 with a negative first pivot, so that the determinant is negative.
fn small<T: Float>(x: &Var<T>) -> Var<T> {
    plus(x * small_scale(x.dim(-1)), signed)
}

fn lifted(a: &[Vec<f64>]) -> Matrix {
    added(a, small_scale(a.len()), signed)
}

fn signed(i: usize, j: usize) -> f64 {
    match i == j {
        true if i == 0 => -4.0,
        true => 4.0,
        false => 0.0,
    }
}

/// (x + xᵀ)/√N + 4.
fn symmetric<T: Float>(x: &Var<T>) -> Var<T> {
    let x = x * small_scale(x.dim(-1));
    plus(&x + x.t(), |i, j| if i == j { 4.0 } else { 0.0 })
}

fn mirrored(a: &[Vec<f64>]) -> Matrix {
    let a = scaled(a, small_scale(a.len()));
    sum(&sum(&a, &transposed(&a)), &scaled(&identity(a.len()), 4.0))
}

/// (x + xᵀ)/8 with 1, 2, 3 … on the diagonal, so that no two eigenvalues come near each other.
fn spread<T: Float>(x: &Var<T>) -> Var<T> {
    let x = x * 0.125;
    plus(&x + x.t(), |i, j| if i == j { (i + 1) as f64 } else { 0.0 })
}

fn spread_out(a: &[Vec<f64>]) -> Matrix {
    let a = scaled(a, 0.125);
    added(&sum(&a, &transposed(&a)), 1.0, |i, j| if i == j { (i + 1) as f64 } else { 0.0 })
}

/// The same for matrices that are not square.
fn ramp<T: Float>(x: &Var<T>) -> Var<T> {
    plus(x * 0.125, |i, j| if i == j { (i + 1) as f64 } else { 0.0 })
}

fn ramped(a: &[Vec<f64>]) -> Matrix {
    added(a, 0.125, |i, j| if i == j { (i + 1) as f64 } else { 0.0 })
}

/// Q and Rᵀ below each other, signs chosen so that R's diagonal is positive.
fn joined_qr<T: Float>(a: &Var<T>) -> Var<T> {
    let (q, r) = a.qr().unwrap_or_else(|error| panic!("{error}"));
    let signs = r
        .value()
        .diagonal(0, -2, -1)
        .map(|x| if x < <T as gradus_tensor::Element>::ZERO { -T::of(1.0) } else { T::of(1.0) });
    let signs = Var::constant(signs.unsqueeze(-2));
    Var::cat(&[&(q * &signs), &(r.t() * &signs)], -2)
}

fn cubed<T: Float>(a: &Var<T>) -> Var<T> {
    let (w, v) = a.eigh().unwrap_or_else(|error| panic!("{error}"));
    let scaled = &w * (1.0 / w.dim(-1) as f64);
    (&v * scaled.powf(3.0).unsqueeze(-2)).matmul(&v.t())
}

fn cubed_svd<T: Float>(a: &Var<T>) -> Var<T> {
    let (u, s, vt) = a.svd().unwrap_or_else(|error| panic!("{error}"));
    let scaled = &s * (1.0 / s.dim(-1) as f64);
    (u * scaled.powf(3.0).unsqueeze(-2)).matmul(&vt)
}

fn singular_values(a: &[Vec<f64>]) -> Vec<f64> {
    let gram = if a.len() > a[0].len() { multiply(&transposed(a), a) } else { multiply(a, &transposed(a)) };
    eigenvalues(&gram).iter().rev().map(|x| x.sqrt()).collect()
}

fn pseudo_inverse(a: &[Vec<f64>]) -> Matrix {
    let t = transposed(a);
    if a.len() >= t.len() {
        multiply(&inverse(&multiply(&t, a)), &t)
    } else {
        multiply(&t, &inverse(&multiply(a, &t)))
    }
}

fn triangle(a: &[Vec<f64>], which: Triangle) -> Matrix {
    let element = |i: usize, j: usize| match i == j {
        true if which.has_unit_diagonal() => 1.0,
        equal if equal || (j > i) == which.is_upper() => a[i][j],
        _ => 0.0,
    };
    (0..a.len()).map(|i| (0..a.len()).map(|j| element(i, j)).collect()).collect()
}

fn power(a: &[Vec<f64>], exponent: i32) -> Matrix {
    let base = if exponent < 0 { inverse(a) } else { a.to_vec() };
    (0..exponent.abs()).fold(identity(a.len()), |out, _| multiply(&out, &base))
}

fn column(x: &Dense) -> Dense {
    x.reshape(&[x.shape(), &[1]].concat())
}

/// Without the last two axes, which are single.
fn lead_only(x: &Dense) -> Dense {
    x.reshape(&x.shape()[..x.rank() - 2])
}

/// Without the last but one axis, which is single.
fn rows_only(x: &Dense) -> Dense {
    let rank = x.rank();
    x.reshape(&[&x.shape()[..rank - 2], &x.shape()[rank - 1..]].concat())
}

fn lead() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..=2_usize, 0..=2)
}

fn squares() -> Shapes {
    (lead(), 1..=4_usize).prop_map(|(lead, n)| vec![[&lead[..], &[n, n]].concat()]).boxed()
}

fn oblongs() -> Shapes {
    (lead(), 1..=4_usize, 1..=4_usize).prop_map(|(lead, m, n)| vec![[&lead[..], &[m, n]].concat()]).boxed()
}

/// A and B, of which one may lack leading axes.
fn systems() -> Shapes {
    (lead(), 1..=4_usize, 0..=3_usize, 0..3_usize)
        .prop_map(|(lead, n, k, kind)| {
            // B of the shape of A without its last axis is a batch of vectors, see below.
            let kind = if [&lead[..], &[n]].concat() == [n, k] { 0 } else { kind };
            let part = |missing: bool| if missing { &[][..] } else { &lead[..] };
            vec![[part(kind == 1), &[n, n]].concat(), [part(kind == 2), &[n, k]].concat()]
        })
        .boxed()
}

fn vectors() -> Shapes {
    (lead(), 1..=4_usize)
        .prop_map(|(lead, n)| vec![[&lead[..], &[n, n]].concat(), [&lead[..], &[n]].concat()])
        .boxed()
}

fn least_squares() -> Shapes {
    (lead(), 1..=4_usize, 1..=4_usize, 1..=3_usize)
        .prop_map(|(lead, m, n, k)| vec![[&lead[..], &[m, n]].concat(), [&lead[..], &[m, k]].concat()])
        .boxed()
}
