//! Values of a model's entries, whatever their float type: what wrappers (averages, slow weights, perturbations) walk over. It
//! knows no method.

use std::collections::BTreeMap;

use gradus_module::{Kind, Module, Path};
use gradus_tensor::{AnyTensor, DType, Element, Float, Tensor};

use crate::error::OptimizerError;

/// Calls `f` with the path and the value of every trained parameter; what `f` writes becomes the value.
pub(crate) fn each_value(model: &mut (impl Module + ?Sized), mut f: impl FnMut(&str, &mut AnyTensor)) {
    model.visit_mut(&mut Path::root(), &mut |path, entry| {
        if entry.kind() == Kind::Parameter && entry.leaf_id().is_some() {
            let before = entry.value();
            let mut value = before.clone();
            f(path.as_str(), &mut value);
            if !is_same(&before, &value) {
                entry.set(&value);
            }
        }
    });
}

/// Whether two values share their storage, so that nothing need be written.
fn is_same(a: &AnyTensor, b: &AnyTensor) -> bool {
    fn at<T: Element>(a: &AnyTensor, b: &AnyTensor) -> bool {
        match (a.get::<T>(), b.get::<T>()) {
            (Some(a), Some(b)) => std::ptr::eq(a.storage(), b.storage()) && a.layout() == b.layout(),
            _ => false,
        }
    }
    at::<f32>(a, b) || at::<f64>(a, b)
}

/// a ← a + share·(b − a), in a's float type; what is no float becomes b.
pub(crate) fn blend(a: &mut AnyTensor, b: &AnyTensor, share: f64) {
    fn typed<T: Float>(a: &AnyTensor, b: &AnyTensor, share: f64) -> AnyTensor {
        let (share, other): (T, Tensor<T>) = (T::of(share), b.cast());
        AnyTensor::new(&a.cast::<T>().zip(&other, move |a, b| a + share * (b - a)))
    }
    *a = match a.dtype() {
        DType::F32 => typed::<f32>(a, b, share),
        DType::F64 => typed::<f64>(a, b, share),
        _ => b.clone(),
    };
}

/// `Ok` if each value that has an entry's path has its shape, too.
pub(crate) fn check_shapes(
    model: &(impl Module + ?Sized),
    values: &BTreeMap<String, AnyTensor>,
) -> Result<(), OptimizerError> {
    let mut error = None;
    model.visit(&mut Path::root(), &mut |path, entry| {
        if let Some(value) = values.get(path.as_str()).filter(|value| *value.shape() != entry.shape()) {
            let (parameter, state) = (entry.shape().to_vec(), value.shape().to_vec());
            error = Some(OptimizerError::StateShape { name: path.as_str().to_owned(), parameter, state });
        }
    });
    error.map_or(Ok(()), Err)
}
