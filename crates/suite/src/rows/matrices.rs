//! Naive algorithms on lists of rows, for references: Gauss–Jordan, Gram–Schmidt, Jacobi's rotations, cofactors, series.
//! None of them is what the library does.

use gradus_testkit::Dense;

type Matrix = Vec<Vec<f64>>;

/// `f` of each matrix of the last two axes.
pub(super) fn each_matrix(x: &Dense, f: impl Fn(&[Vec<f64>]) -> Matrix) -> Dense {
    each_pair(x, x, |a, _| f(a))
}

/// `f` of each pair of matrices, leading axes broadcast.
pub(super) fn each_pair(x: &Dense, y: &Dense, f: impl Fn(&[Vec<f64>], &[Vec<f64>]) -> Matrix) -> Dense {
    let lead = |x: &Dense| Dense::from_fn(&x.shape()[..x.rank() - 2], |_| 0.0);
    let batch = lead(x).zip(&lead(y), |_, _| 0.0);
    let matrix = |x: &Dense, at: &[usize]| -> Matrix {
        let [m, n] = [x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]];
        (0..m).map(|i| (0..n).map(|j| x.stretched_at(&[at, &[i, j]].concat())).collect()).collect()
    };
    let mut values = Vec::new();
    // Where there is no matrix, one of ones tells the shape.
    let plain = |x: &Dense| {
        let [m, n] = [x.shape()[x.rank() - 2], x.shape()[x.rank() - 1]];
        (0..m).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect::<Matrix>()
    };
    let empty = f(&plain(x), &plain(y));
    let (rows, columns) = (empty.len(), empty.first().map_or(0, Vec::len));
    let _ = Dense::from_fn(batch.shape(), |at| {
        values.extend(f(&matrix(x, at), &matrix(y, at)).into_iter().flatten());
        0.0
    });
    let mut values = values.into_iter();
    Dense::from_fn(&[batch.shape(), &[rows, columns]].concat(), |_| values.next().unwrap_or(f64::NAN))
}

pub(super) fn identity(n: usize) -> Matrix {
    (0..n).map(|i| (0..n).map(|j| f64::from(u8::from(i == j))).collect()).collect()
}

pub(super) fn transposed(a: &[Vec<f64>]) -> Matrix {
    let n = a.first().map_or(0, Vec::len);
    (0..n).map(|j| a.iter().map(|row| row[j]).collect()).collect()
}

pub(super) fn scaled(a: &[Vec<f64>], factor: f64) -> Matrix {
    a.iter().map(|row| row.iter().map(|x| x * factor).collect()).collect()
}

pub(super) fn sum(a: &[Vec<f64>], b: &[Vec<f64>]) -> Matrix {
    a.iter().zip(b).map(|(a, b)| a.iter().zip(b).map(|(a, b)| a + b).collect()).collect()
}

pub(super) fn multiply(a: &[Vec<f64>], b: &[Vec<f64>]) -> Matrix {
    let columns = b.first().map_or(0, Vec::len);
    let element = |row: &[f64], j: usize| row.iter().zip(b).map(|(x, b)| x * b[j]).sum();
    a.iter().map(|row| (0..columns).map(|j| element(row, j)).collect()).collect()
}

/// By Gauss and Jordan, with the largest pivot of all that are left.
pub(super) fn inverse(a: &[Vec<f64>]) -> Matrix {
    let n = a.len();
    let mut work: Matrix = a.iter().zip(identity(n)).map(|(a, e)| [&a[..], &e].concat()).collect();
    let mut free: Vec<usize> = (0..n).collect();
    let mut place = vec![0; n];
    while let Some(&first) = free.first() {
        let mut best = (first, usize::MAX, 0.0);
        for &i in &free {
            for j in (0..n).filter(|&j| !place_taken(&place, &free, j, n)) {
                if work[i][j].abs() > best.2 {
                    best = (i, j, work[i][j].abs());
                }
            }
        }
        let (row, column, _) = best;
        place[row] = column;
        free.retain(|&i| i != row);
        let pivot = work[row][column];
        work[row].iter_mut().for_each(|x| *x /= pivot);
        let line = work[row].clone();
        for (i, other) in work.iter_mut().enumerate() {
            let factor = other[column];
            if i != row {
                other.iter_mut().zip(&line).for_each(|(x, y)| *x -= factor * y);
            }
        }
    }
    let mut out = vec![Vec::new(); n];
    work.iter().zip(place).for_each(|(row, at)| out[at] = row[n..].to_vec());
    out
}

/// Whether column `j` belongs to a row that is done.
fn place_taken(place: &[usize], free: &[usize], j: usize, n: usize) -> bool {
    (0..n).any(|i| !free.contains(&i) && place[i] == j)
}

/// By cofactors of the first row.
pub(super) fn determinant(a: &[Vec<f64>]) -> f64 {
    let Some((first, rest)) = a.split_first() else { return 1.0 };
    let minor = |skip: usize| -> Matrix {
        rest.iter()
            .map(|row| row.iter().enumerate().filter(|(j, _)| *j != skip).map(|(_, &x)| x).collect())
            .collect()
    };
    let sign = |j: usize| if j.is_multiple_of(2) { 1.0 } else { -1.0 };
    first.iter().enumerate().map(|(j, x)| sign(j) * x * determinant(&minor(j))).sum()
}

/// Column by column (Cholesky and Banachiewicz).
pub(super) fn cholesky(a: &[Vec<f64>]) -> Matrix {
    let n = a.len();
    let mut l = vec![vec![0.0; n]; n];
    for i in 0..n {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| l[i][k] * l[j][k]).sum();
            l[i][j] = if i == j { (a[i][i] - known).sqrt() } else { (a[i][j] - known) / l[j][j] };
        }
    }
    l
}

/// Q and R with a positive diagonal, each column orthogonalised twice.
pub(super) fn gram_schmidt(a: &[Vec<f64>]) -> (Matrix, Matrix) {
    let (columns, size) = (transposed(a), a.len().min(a[0].len()));
    let mut q: Matrix = Vec::new();
    for column in &columns[..size] {
        let mut v = column.clone();
        for known in q.iter().chain(&q) {
            let along: f64 = known.iter().zip(&v).map(|(a, b)| a * b).sum();
            v.iter_mut().zip(known).for_each(|(x, y)| *x -= along * y);
        }
        let length = v.iter().map(|x| x * x).sum::<f64>().sqrt();
        q.push(v.iter().map(|x| x / length).collect());
    }
    let r = multiply(&q, a);
    let upper = r
        .iter()
        .enumerate()
        .map(|(i, row)| row.iter().enumerate().map(|(j, &x)| if j < i { 0.0 } else { x }).collect());
    (transposed(&q), upper.collect())
}

/// Of a symmetric matrix, ascending, by Jacobi's rotations.
pub(super) fn eigenvalues(a: &[Vec<f64>]) -> Vec<f64> {
    let (n, mut a) = (a.len(), a.to_vec());
    for _ in 0..50 {
        for p in 0..n {
            for q in p + 1..n {
                if a[p][q] == 0.0 {
                    continue;
                }
                let angle = 0.5 * (2.0 * a[p][q]).atan2(a[q][q] - a[p][p]);
                let (s, c) = angle.sin_cos();
                for row in &mut a {
                    (row[p], row[q]) = (c * row[p] - s * row[q], s * row[p] + c * row[q]);
                }
                let (upper, lower) = a.split_at_mut(q);
                for (x, y) in upper[p].iter_mut().zip(&mut lower[0]) {
                    (*x, *y) = (c * *x - s * *y, s * *x + c * *y);
                }
            }
        }
    }
    let mut values: Vec<f64> = (0..n).map(|i| a[i][i]).collect();
    values.sort_by(f64::total_cmp);
    values
}

/// Σ Aᵏ/k!.
pub(super) fn series(a: &[Vec<f64>]) -> Matrix {
    let (mut term, mut out) = (identity(a.len()), identity(a.len()));
    for k in 1..120 {
        term = scaled(&multiply(&term, a), 1.0 / f64::from(k));
        out = sum(&out, &term);
    }
    out
}
