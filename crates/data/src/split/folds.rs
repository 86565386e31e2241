//! Folds of a cross-validation, and parts in the order of time: which samples train and which judge. Numbers only; it must
//! never know a tensor.

use std::collections::BTreeMap;

use gradus_tensor::Rng;

use crate::error::DataError;

/// One fold of a cross-validation: sorted numbers of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// What to train with: all others.
    pub train: Vec<usize>,
    /// What to judge with.
    pub validation: Vec<usize>,
}

/// The folds, from the number of the fold that judges each sample.
fn folds_of(fold_of: &[usize], folds: usize) -> Vec<Fold> {
    let pick = |chosen: &dyn Fn(usize) -> bool| (0..fold_of.len()).filter(|&i| chosen(fold_of[i])).collect();
    (0..folds)
        .map(|fold| Fold { train: pick(&|of| of != fold), validation: pick(&|of| of == fold) })
        .collect()
}

fn check(op: &'static str, folds: usize, count: usize, what: &str) -> Result<(), DataError> {
    if folds < 2 || folds > count {
        let told = format!("{count} {what} cannot be parted into {folds} folds");
        return Err(DataError::unfit(
            op,
            told,
            "ask for at least 2 folds and for no more than there are of these",
        ));
    }
    Ok(())
}

/// `folds` ways to part 0 .. `count` for cross-validation: each number is in exactly one validation part, whose sizes
/// differ by at most one (scikit-learn: `KFold(shuffle=True)`).
///
/// ```
/// use gradus_data::{Fold, k_fold};
/// use gradus_tensor::Rng;
/// let folds: Vec<Fold> = k_fold(10, 3, &mut Rng::seed(7))?;
/// let sizes: Vec<_> = folds.iter().map(|fold| (fold.train.len(), fold.validation.len())).collect();
/// assert_eq!(sizes, [(6, 4), (7, 3), (7, 3)]);
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If there are fewer than 2 folds or fewer samples than folds.
pub fn k_fold(count: usize, folds: usize, rng: &mut Rng) -> Result<Vec<Fold>, DataError> {
    check("k_fold", folds, count, "samples")?;
    let mut fold_of = vec![0; count];
    for (place, index) in rng.permutation(count).into_iter().enumerate() {
        fold_of[index] = place % folds;
    }
    Ok(folds_of(&fold_of, folds))
}

/// [`k_fold`] with each class spread over all folds: in any two its counts differ by at most one (scikit-learn:
/// `StratifiedKFold(shuffle=True)`). Labels are any integers.
///
/// ```
/// use gradus_data::stratified_k_fold;
/// use gradus_tensor::Rng;
/// let labels = [0, 0, 0, 0, 1, 1];
/// for fold in stratified_k_fold(&labels, 2, &mut Rng::seed(7))? {
///     assert_eq!(fold.validation.iter().map(|&i| labels[i]).collect::<Vec<_>>(), [0, 0, 1]);
/// }
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If there are fewer than 2 folds, or a class has fewer samples than there are folds.
pub fn stratified_k_fold(labels: &[i64], folds: usize, rng: &mut Rng) -> Result<Vec<Fold>, DataError> {
    const OP: &str = "stratified_k_fold";
    check(OP, folds, labels.len(), "samples")?;
    let mut fold_of = vec![0; labels.len()];
    // Where one class ends the next begins, so that the folds' sizes differ by at most one, too.
    let mut next = 0;
    for (class, mut members) in members(labels) {
        check(OP, folds, members.len(), &format!("samples of class {class}"))?;
        rng.shuffle(&mut members);
        for index in members {
            fold_of[index] = next % folds;
            next += 1;
        }
    }
    Ok(folds_of(&fold_of, folds))
}

/// The samples of each class or group.
pub(super) fn members(labels: &[i64]) -> BTreeMap<i64, Vec<usize>> {
    let mut members: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (index, &label) in labels.iter().enumerate() {
        members.entry(label).or_default().push(index);
    }
    members
}

/// `folds` ways in which no group (patient, author, house) is in both parts: the groups, the largest first, each go to the
/// fold that has the fewest samples so far (scikit-learn: `GroupKFold`). Groups of one size come in random order.
///
/// ```
/// use gradus_data::group_k_fold;
/// use gradus_tensor::Rng;
/// let patients = [7, 7, 7, 8, 8, 9];
/// let folds = group_k_fold(&patients, 2, &mut Rng::seed(7))?;
/// assert_eq!((&folds[0].validation[..], &folds[1].validation[..]), (&[0, 1, 2][..], &[3, 4, 5][..]));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If there are fewer than 2 folds or fewer groups than folds.
pub fn group_k_fold(groups: &[i64], folds: usize, rng: &mut Rng) -> Result<Vec<Fold>, DataError> {
    let mut all: Vec<Vec<usize>> = members(groups).into_values().collect();
    check("group_k_fold", folds, all.len(), "groups")?;
    rng.shuffle(&mut all);
    all.sort_by_key(|group| std::cmp::Reverse(group.len()));
    let (mut sizes, mut fold_of) = (vec![0; folds], vec![0; groups.len()]);
    for group in all {
        let fold = (0..folds).min_by_key(|&fold| sizes[fold]).unwrap_or(0);
        sizes[fold] += group.len();
        group.into_iter().for_each(|index| fold_of[index] = fold);
    }
    Ok(folds_of(&fold_of, folds))
}

/// [`group_k_fold`] with the classes in proportion as far as whole groups allow: the groups, those of the most uneven
/// classes first, each go to the fold after which the classes' shares differ least among the folds (scikit-learn:
/// `StratifiedGroupKFold`).
///
/// ```
/// use gradus_data::stratified_group_k_fold;
/// use gradus_tensor::Rng;
/// let (labels, groups) = ([0, 0, 1, 1, 0, 0, 1, 1], [1, 1, 2, 2, 3, 3, 4, 4]);
/// for fold in stratified_group_k_fold(&labels, &groups, 2, &mut Rng::seed(7))? {
///     assert_eq!(fold.validation.iter().map(|&i| labels[i]).sum::<i64>(), 2); // of four samples
/// }
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If there are fewer than 2 folds, fewer groups than folds, or not as many labels as groups' members.
pub fn stratified_group_k_fold(
    labels: &[i64],
    groups: &[i64],
    folds: usize,
    rng: &mut Rng,
) -> Result<Vec<Fold>, DataError> {
    const OP: &str = "stratified_group_k_fold";
    if labels.len() != groups.len() {
        let what = format!("{} labels and {} groups", labels.len(), groups.len());
        return Err(DataError::unfit(OP, what, "give one of each per sample"));
    }
    let shares = vec![1.0; folds];
    let mut fold_of = vec![0; labels.len()];
    check(OP, folds, members(groups).len(), "groups")?;
    for (group, fold) in super::assign(labels, groups, &shares, rng) {
        group.into_iter().for_each(|index| fold_of[index] = fold);
    }
    Ok(folds_of(&fold_of, folds))
}

/// Each sample judges once, all others train (scikit-learn: `LeaveOneOut`).
///
/// ```
/// use gradus_data::leave_one_out;
/// let folds = leave_one_out(3)?;
/// assert_eq!((&folds[1].train[..], &folds[1].validation[..], folds.len()), (&[0, 2][..], &[1][..], 3));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If there are fewer than 2 samples.
pub fn leave_one_out(count: usize) -> Result<Vec<Fold>, DataError> {
    check("leave_one_out", count.max(2), count, "samples")?;
    Ok((0..count)
        .map(|one| Fold { train: (0..count).filter(|&index| index != one).collect(), validation: vec![one] })
        .collect())
}

/// Ways to train on the past and judge on what comes next, for samples in the order of time: the last `folds` stretches
/// of equal length, each with all that lies before it, but for `gap` samples between (scikit-learn:
/// `TimeSeriesSplit`).
///
/// ```
/// use gradus_data::time_series_folds;
/// let folds = time_series_folds(6, 2, 0)?;
/// assert_eq!((&folds[0].train[..], &folds[0].validation[..]), (&[0, 1][..], &[2, 3][..]));
/// assert_eq!((&folds[1].train[..], &folds[1].validation[..]), (&[0, 1, 2, 3][..], &[4, 5][..]));
/// # Ok::<(), gradus_data::DataError>(())
/// ```
///
/// # Errors
/// If there are fewer than 2 folds, or too few samples for them and the gap.
pub fn time_series_folds(count: usize, folds: usize, gap: usize) -> Result<Vec<Fold>, DataError> {
    const OP: &str = "time_series_folds";
    check(OP, folds, count.saturating_sub(1), "samples behind the first")?;
    let length = count / (folds + 1);
    let first = count - folds * length;
    if first <= gap {
        let what = format!(
            "{count} samples in {folds} folds leave {first} before the first one, and the gap is {gap}"
        );
        return Err(DataError::unfit(OP, what, "ask for fewer folds or a smaller gap"));
    }
    let starts = (0..folds).map(|fold| first + fold * length);
    Ok(starts
        .map(|start| Fold {
            train: (0..start - gap).collect(),
            validation: (start..start + length).collect(),
        })
        .collect())
}
