//! Indices for references that loop over any number of axes.

/// All indices of `shape`, row by row.
pub(super) fn each(shape: &[usize]) -> Vec<Vec<usize>> {
    shape.iter().fold(vec![Vec::new()], |all, &length| {
        all.iter().flat_map(|index| (0..length).map(|i| [&index[..], &[i]].concat())).collect()
    })
}
