//! Noise on weights: a gradient taken beside the weights makes for flat minima (An 1996; Graves 2011).

use gradus_module::{Kind, Module, Param, Path};
use gradus_tensor::{Float, Rng, Tensor};

/// Adds normal noise to trained parameters for the time of a forward and backward pass.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::Param;
/// use gradus_regularizers::WeightNoise;
/// use gradus_tensor::Rng;
/// let mut model = Param::new([1.0_f64, 2.0]);
/// let noise = WeightNoise::new(0.1);
/// let gradients = noise.around(&mut model, &mut Rng::seed(1), |model| model.square().sum().backward());
/// assert_ne!(gradients.of(&model).unwrap().to_vec(), [2.0, 4.0]); // taken beside
/// assert_eq!(model.value().to_vec(), [1.0, 2.0]); // as before
/// let in_proportion = noise.relative(true);
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct WeightNoise {
    std: f64,
    is_relative: bool,
}

impl WeightNoise {
    /// With that standard deviation.
    ///
    /// # Panics
    /// If it is not a number from 0 on.
    #[must_use]
    #[track_caller]
    pub fn new(std: f64) -> Self {
        crate::penalty::check_lambda("weight_noise", "std", std);
        Self { std, is_relative: false }
    }

    /// Whether the deviation is in proportion to each weight's size.
    #[must_use]
    pub fn relative(mut self, is_relative: bool) -> Self {
        self.is_relative = is_relative;
        self
    }

    /// Calls `f` with the noisy model; the values are as before afterwards.
    pub fn around<M: Module + ?Sized, R>(
        &self,
        model: &mut M,
        rng: &mut Rng,
        f: impl FnOnce(&mut M) -> R,
    ) -> R {
        let mut before = Vec::new();
        each(model, |entry| {
            before.push(entry.value());
            if let Some(parameter) = entry.as_any_mut().downcast_mut::<Param<f32>>() {
                self.add(parameter.value_mut(), rng);
            } else if let Some(parameter) = entry.as_any_mut().downcast_mut::<Param<f64>>() {
                self.add(parameter.value_mut(), rng);
            }
        });
        let answer = f(model);
        let mut before = before.into_iter();
        each(model, |entry| {
            if let Some(value) = before.next() {
                entry.set(&value);
            }
        });
        answer
    }

    fn add<T: Float>(&self, value: &mut Tensor<T>, rng: &mut Rng) {
        let noise = Tensor::<T>::normal(*value.shape(), 0.0, self.std, rng);
        if self.is_relative {
            *value = value.zip(&noise, |w, e| w + w * e);
        } else {
            *value += &noise;
        }
    }
}

fn each(model: &mut (impl Module + ?Sized), mut f: impl FnMut(&mut dyn gradus_module::Entry)) {
    model.visit_mut(&mut Path::root(), &mut |_, entry| {
        if entry.kind() == Kind::Parameter && entry.leaf_id().is_some() {
            f(entry);
        }
    });
}
