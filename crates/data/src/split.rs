//! Parting samples by number: at random, class by class, in folds. Lists of indices only; it must never know a tensor.

use std::collections::BTreeMap;

use gradus_tensor::Rng;

use crate::error::DataError;

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
    let mut classes: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (index, &label) in labels.iter().enumerate() {
        classes.entry(label).or_default().push(index);
    }
    let mut owed = vec![0.0; fractions.len()];
    let mut parts = vec![Vec::new(); fractions.len()];
    for mut members in classes.into_values() {
        rng.shuffle(&mut members);
        deal(members, fractions, &mut owed, &mut parts);
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

/// One fold of a cross-validation: sorted numbers of samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fold {
    /// What to train with: all others.
    pub train: Vec<usize>,
    /// What to judge with.
    pub validation: Vec<usize>,
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
    if folds < 2 || folds > count {
        let what = format!("{count} samples cannot be parted into {folds} folds");
        return Err(DataError::unfit("k_fold", what, "ask for at least 2 folds and at most one per sample"));
    }
    let order = rng.permutation(count);
    let fold_of = |place: usize| place % folds;
    let sorted = |chosen: &dyn Fn(usize) -> bool| {
        let mut part: Vec<usize> =
            order.iter().enumerate().filter(|&(place, _)| chosen(fold_of(place))).map(|(_, &i)| i).collect();
        part.sort_unstable();
        part
    };
    Ok((0..folds)
        .map(|fold| Fold { train: sorted(&|of| of != fold), validation: sorted(&|of| of == fold) })
        .collect())
}
