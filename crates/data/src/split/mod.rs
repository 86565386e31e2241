//! Parting samples by number: at random, class by class, in folds. Lists of indices only; it must never know a tensor.

mod folds;
mod leaks;

use gradus_tensor::Rng;

use crate::error::DataError;

use folds::members;
pub use folds::{
    Fold, group_k_fold, k_fold, leave_one_out, stratified_group_k_fold, stratified_k_fold, time_series_folds,
};
pub use leaks::{Leak, Rows, leaks};

/// How far the fractions' sum may be from 1: what rounding their decimal digits leaves.
const SLACK: f64 = 1e-6;

fn check(op: &'static str, fractions: &[f64]) -> Result<(), DataError> {
    if let Some(bad) = fractions.iter().find(|f| !(0.0..=1.0).contains(*f)) {
        return Err(DataError::unfit(
            op,
            format!("the fraction {bad} is not one"),
            "give numbers from 0 to 1",
        ));
    }
    let sum: f64 = fractions.iter().sum();
    if (sum - 1.0).abs() > SLACK {
        let what = format!("the fractions {fractions:?} add up to {sum}");
        return Err(DataError::unfit(op, what, "let them add up to 1, with one for the rest"));
    }
    Ok(())
}

/// `count` samples in shares of these fractions by the largest remainder. Among equal remainders the share that is
/// owed most from earlier calls comes first, so that many small classes do not all favour the same part.
fn shares(count: usize, fractions: &[f64], owed: &mut [f64]) -> Vec<usize> {
    let exact: Vec<f64> = fractions.iter().map(|f| f * count as f64).collect();
    // Rounded up from just below a whole number: 0.29 · 100 is 28.999999999999996.
    let mut out: Vec<usize> = exact.iter().map(|e| (e + SLACK).floor() as usize).collect();
    // In millionths, because equal remainders differ in their last bits.
    let remainder = |part: usize, out: &[usize]| ((exact[part] - out[part] as f64) / SLACK).round() as i64;
    while out.iter().sum::<usize>() > count {
        let Some(most) = (0..out.len()).filter(|&p| out[p] > 0).min_by_key(|&p| remainder(p, &out)) else {
            break;
        };
        out[most] -= 1;
    }
    while out.iter().sum::<usize>() < count {
        let best = (0..out.len()).max_by(|&a, &b| {
            let by_remainder = remainder(a, &out).cmp(&remainder(b, &out));
            by_remainder.then(owed[a].total_cmp(&owed[b])).then(b.cmp(&a))
        });
        let Some(best) = best else { break };
        out[best] += 1;
    }
    for (owed, (exact, &given)) in owed.iter_mut().zip(exact.iter().zip(&out)) {
        *owed += exact - given as f64;
    }
    out
}

/// The numbers 0 .. `count` in random parts of the given fractions, each sorted (PyTorch: `random_split`; scikit-learn:
/// `train_test_split`). Every number is in exactly one part; sizes are rounded by the largest remainder.
///
/// ```
/// use gradus_data::random_split;
/// use gradus_tensor::Rng;
/// let parts = random_split(10, &[0.7, 0.3], &mut Rng::seed(0))?;
/// assert_eq!((parts[0].len(), parts[1].len()), (7, 3));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If a fraction lies outside 0 … 1 or they do not add up to 1.
pub fn random_split(count: usize, fractions: &[f64], rng: &mut Rng) -> Result<Vec<Vec<usize>>, DataError> {
    check("random_split", fractions)?;
    let mut parts = vec![Vec::new(); fractions.len()];
    deal(rng.permutation(count), fractions, &mut vec![0.0; fractions.len()], &mut parts);
    parts.iter_mut().for_each(|part| part.sort_unstable());
    Ok(parts)
}

/// [`random_split`] class by class: each part holds each class in proportion, to the nearest sample (scikit-learn:
/// `train_test_split(stratify=labels)`). Labels are any integers.
///
/// ```
/// use gradus_data::stratified_split;
/// use gradus_tensor::Rng;
/// let labels = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1];
/// let parts = stratified_split(&labels, &[0.5, 0.5], &mut Rng::seed(0))?;
/// assert_eq!(parts[0].iter().map(|&i| labels[i]).collect::<Vec<_>>(), [0, 0, 0, 1, 1]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If a fraction lies outside 0 … 1 or they do not add up to 1.
pub fn stratified_split(
    labels: &[i64],
    fractions: &[f64],
    rng: &mut Rng,
) -> Result<Vec<Vec<usize>>, DataError> {
    check("stratified_split", fractions)?;
    let mut owed = vec![0.0; fractions.len()];
    let mut parts = vec![Vec::new(); fractions.len()];
    for mut class in members(labels).into_values() {
        rng.shuffle(&mut class);
        deal(class, fractions, &mut owed, &mut parts);
    }
    parts.iter_mut().for_each(|part| part.sort_unstable());
    Ok(parts)
}

/// Gives each part its share of `members`, from the front.
fn deal(members: Vec<usize>, fractions: &[f64], owed: &mut [f64], parts: &mut [Vec<usize>]) {
    let mut rest = &members[..];
    for (part, share) in parts.iter_mut().zip(shares(members.len(), fractions, owed)) {
        let (own, others) = rest.split_at(share);
        part.extend_from_slice(own);
        rest = others;
    }
}

/// [`random_split`] by groups (patients, authors, houses): no group is in two parts, whose sizes are as near to the
/// fractions as whole groups allow (scikit-learn: `GroupShuffleSplit`, which counts groups instead of samples).
///
/// ```
/// use gradus_data::grouped_split;
/// use gradus_tensor::Rng;
/// let patients = [7, 8, 7, 9, 9, 8];
/// let parts = grouped_split(&patients, &[0.7, 0.3], &mut Rng::seed(0))?;
/// assert_eq!((parts[0].len(), parts[1].len()), (4, 2));
/// assert!(parts[1].iter().all(|&i| patients[i] == patients[parts[1][0]]));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If a fraction lies outside 0 … 1 or they do not add up to 1.
pub fn grouped_split(groups: &[i64], fractions: &[f64], rng: &mut Rng) -> Result<Vec<Vec<usize>>, DataError> {
    check("grouped_split", fractions)?;
    Ok(parts_of(assign(&vec![0; groups.len()], groups, fractions, rng), fractions.len()))
}

/// [`grouped_split`] with the classes in proportion, too, as far as whole groups allow.
///
/// ```
/// use gradus_data::stratified_grouped_split;
/// use gradus_tensor::Rng;
/// let (labels, groups) = ([0, 0, 1, 1, 0, 0, 1, 1], [1, 1, 2, 2, 3, 3, 4, 4]);
/// let parts = stratified_grouped_split(&labels, &groups, &[0.5, 0.5], &mut Rng::seed(0))?;
/// assert_eq!(parts[0].iter().map(|&i| labels[i]).sum::<i64>(), 2); // of four samples
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If a fraction lies outside 0 … 1, they do not add up to 1, or there are not as many labels as groups' members.
pub fn stratified_grouped_split(
    labels: &[i64],
    groups: &[i64],
    fractions: &[f64],
    rng: &mut Rng,
) -> Result<Vec<Vec<usize>>, DataError> {
    const OP: &str = "stratified_grouped_split";
    check(OP, fractions)?;
    if labels.len() != groups.len() {
        let what = format!("{} labels and {} groups", labels.len(), groups.len());
        return Err(DataError::unfit(OP, what, "give one of each per sample"));
    }
    Ok(parts_of(assign(labels, groups, fractions, rng), fractions.len()))
}

/// The past, what follows, and what follows that, for samples in the order of time: `[0 .. a, a .. b, …]` in the given
/// proportions.
///
/// ```
/// use gradus_data::time_ordered_split;
/// let parts = time_ordered_split(10, &[0.7, 0.3])?;
/// assert_eq!(parts, [vec![0, 1, 2, 3, 4, 5, 6], vec![7, 8, 9]]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If a fraction lies outside 0 … 1 or they do not add up to 1.
pub fn time_ordered_split(count: usize, fractions: &[f64]) -> Result<Vec<Vec<usize>>, DataError> {
    check("time_ordered_split", fractions)?;
    let mut parts = vec![Vec::new(); fractions.len()];
    deal((0..count).collect(), fractions, &mut vec![0.0; fractions.len()], &mut parts);
    Ok(parts)
}

fn parts_of(assigned: Vec<(Vec<usize>, usize)>, count: usize) -> Vec<Vec<usize>> {
    let mut parts = vec![Vec::new(); count];
    assigned.into_iter().for_each(|(group, part)| parts[part].extend(group));
    parts.iter_mut().for_each(|part| part.sort_unstable());
    parts
}

/// Whole groups, each with the part it goes to. The groups, those first whose classes are most uneven (which are large
/// ones, mostly), and of equal ones in random order, each go where they least disturb the proportions: where
/// Σ over classes and parts of (count / wanted count)² grows least.
fn assign(labels: &[i64], groups: &[i64], shares: &[f64], rng: &mut Rng) -> Vec<(Vec<usize>, usize)> {
    let classes: Vec<i64> = members(labels).into_keys().collect();
    let class = |index: usize| classes.binary_search(&labels[index]).unwrap_or(0);
    let mut totals = vec![0.0; classes.len()];
    (0..labels.len()).for_each(|index| totals[class(index)] += 1.0);
    let counted = |group: Vec<usize>| {
        let mut counts = vec![0.0; classes.len()];
        group.iter().for_each(|&index| counts[class(index)] += 1.0);
        (group, counts)
    };
    let mut all: Vec<_> = members(groups).into_values().map(counted).collect();
    rng.shuffle(&mut all);
    let unevenness =
        |counts: &[f64]| counts.iter().zip(&totals).map(|(n, total)| (n / total).powi(2)).sum::<f64>();
    all.sort_by(|a, b| unevenness(&b.1).total_cmp(&unevenness(&a.1)));
    let sum: f64 = shares.iter().sum();
    let mut held = vec![vec![0.0; classes.len()]; shares.len()];
    let mut out = Vec::with_capacity(all.len());
    for (group, counts) in all {
        // With h held, n new and w wanted: ((h + n)² − h²) / w, in units of each class's size.
        let cost = |part: usize| -> f64 {
            let growth = held[part].iter().zip(&counts).zip(&totals);
            let growth = growth.map(|((h, n), total)| (2.0 * h + n) * n / (total * total));
            growth.sum::<f64>() / (shares[part] / sum)
        };
        let possible = (0..shares.len()).filter(|&part| shares[part] > 0.0);
        let part = possible.min_by(|&a, &b| cost(a).total_cmp(&cost(b))).unwrap_or(0);
        held[part].iter_mut().zip(&counts).for_each(|(h, n)| *h += n);
        out.push((group, part));
    }
    out
}
