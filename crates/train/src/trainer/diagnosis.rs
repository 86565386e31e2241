//! What made a number that is none: the step is done again, watched, from the same weights and random numbers. It must never
//! change the model.

use gradus_autodiff::{LeafId, Var, find_anomaly};
use gradus_module::{Module, Path};
use gradus_tensor::Float;

/// The first NaN or infinity of a step that `again` computes anew, in words: the operation, where in the program it was called,
/// and by which parameter's layer.
pub(super) fn origin<T: Float, M: Module>(model: &M, again: impl FnOnce() -> Vec<Var<T>>) -> Option<String> {
    let (_, anomaly) = find_anomaly(|| again().into_iter().for_each(|loss| drop(loss.backward())));
    let anomaly = anomaly?;
    let layer = anomaly.leaf.and_then(|leaf| path_of(model, leaf));
    Some(match layer {
        Some(path) => format!("{anomaly}; the nearest parameter is {path}"),
        None => anomaly.to_string(),
    })
}

fn path_of<M: Module>(model: &M, leaf: LeafId) -> Option<String> {
    let mut found = None;
    model.visit(&mut Path::root(), &mut |path, entry| {
        if entry.leaf_id() == Some(leaf) {
            found = Some(path.as_str().to_owned());
        }
    });
    found
}
