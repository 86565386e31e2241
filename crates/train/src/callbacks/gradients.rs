//! A step's gradients, by the parameters' paths, for callbacks that look at them. It must never change one.

use gradus_autodiff::Gradients;
use gradus_module::{Kind, Module, Path};
use gradus_tensor::{AnyTensor, Float};

/// The gradients of a model's parameters, in the order of the walk.
#[derive(Debug)]
pub(crate) struct StepGradients {
    by_path: Vec<(String, AnyTensor)>,
}

impl StepGradients {
    pub(crate) fn new<T: Float, M: Module>(model: &M, gradients: &Gradients<T>) -> Self {
        let mut by_path = Vec::new();
        model.visit(&mut Path::root(), &mut |path, entry| {
            let leaf = entry.leaf_id().filter(|_| entry.kind() == Kind::Parameter);
            if let Some(gradient) = leaf.and_then(|leaf| gradients.get(leaf)) {
                by_path.push((path.as_str().to_owned(), AnyTensor::new(gradient)));
            }
        });
        Self { by_path }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &AnyTensor)> {
        self.by_path.iter().map(|(path, gradient)| (path.as_str(), gradient))
    }
}
