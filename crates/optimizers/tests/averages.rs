//! Averages of models with running statistics, and statistics found anew.
#![allow(clippy::unwrap_used)] // helpers of tests may stop at the first surprise

use gradus_autodiff::{Cotangents, Op, Save, Saved, Update, Var, apply};
use gradus_module::{Buffer, Counter, Module, Param};
use gradus_optimizers::{Average, refresh_statistics};
use gradus_tensor::{Rng, Tensor};

type Model = (Param<f64>, Buffer<f64>, Counter);

fn model(weight: f64, mean: f64, seen: u64) -> Model {
    (Param::new([weight]), Buffer::new([mean]), Counter::new(seen))
}

#[test]
fn buffers_are_taken_or_averaged() {
    let (mut plain, mut both) = (Average::equal(), Average::equal().with_buffers(true));
    for (weight, mean, seen) in [(1.0, 10.0, 1), (2.0, 20.0, 2), (6.0, 60.0, 3)] {
        let model = model(weight, mean, seen);
        plain.update(&model).unwrap();
        both.update(&model).unwrap();
    }
    for (average, mean) in [(&mut plain, 60.0), (&mut both, 30.0)] {
        let mut model = model(0.0, 0.0, 0);
        average.swap(&mut model).unwrap();
        // Counts have no mean.
        assert_eq!((model.0.value().item(), model.1.value().item(), model.2.value()), (3.0, mean, 3));
    }
}

/// An average belongs to its model alone: what trains on does not reach into it.
#[test]
fn averages_are_snapshots() {
    let mut model = model(1.0, 0.0, 0);
    let mut average = Average::exponential(0.5);
    average.update(&model).unwrap();
    *model.0.value_mut() = [5.0].into();
    let state = average.state();
    assert_eq!(state.get("values.0").unwrap().cast::<f64>().item(), 1.0);
    average.update(&model).unwrap();
    assert_eq!(average.state().get("values.0").unwrap().cast::<f64>().item(), 3.0);
    assert_eq!(state.get("values.0").unwrap().cast::<f64>().item(), 1.0);
    assert_eq!(model.state().get("0").unwrap().cast::<f64>().item(), 5.0);
}

/// The identity, whose mean rides along with the gradients, as a batch norm's does.
struct Watched(Vec<Update<f64>>);

impl Op<f64> for Watched {
    fn name(&self) -> &'static str {
        "watched"
    }
    fn saves(&self) -> Save {
        Save::NOTHING
    }
    fn forward(&mut self, inputs: &[&Tensor<f64>]) -> Tensor<f64> {
        inputs[0].clone()
    }
    fn vjp(&self, _: &Saved<Var<f64>>, g: &Var<f64>) -> Cotangents<Var<f64>> {
        vec![Some(g.clone())]
    }
    fn updates(&self) -> &[Update<f64>] {
        &self.0
    }
}

#[test]
fn statistics_are_the_mean_of_all_batches() {
    let mut model = model(2.0, 77.0, 0);
    let rng = &mut Rng::seed(1);
    let batches: Vec<Tensor<f64>> = (0..7).map(|_| Tensor::normal([5], 1.0, 2.0, rng)).collect();
    refresh_statistics(&mut model, &batches, |model, batch| {
        let x = &*model.0 * Var::from(batch);
        let value = x.value().mean().reshape([1]);
        apply(Watched(vec![Update::Average { target: model.1.id(), value, momentum: 0.1 }]), &[&x])
    });
    let mean: f64 = batches.iter().map(|batch| 2.0 * batch.mean().item()).sum::<f64>() / 7.0;
    assert!((model.1.value().item() - mean).abs() < 1e-13);
    assert_eq!(model.0.value().item(), 2.0);
    // Of no batches: as before.
    refresh_statistics(&mut model, [], |model: &Model, (): ()| model.0.square());
    assert!((model.1.value().item() - mean).abs() < 1e-13);
}
