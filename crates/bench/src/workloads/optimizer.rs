//! One step of Adam alone: ten parameters of a million numbers each, and their gradients.

use gradus::prelude::*;

use crate::workload::{Entry, Failure, Started, Workload};

struct AdamStep {
    parameters: Vec<Param>,
    gradients: Gradients,
    optimizer: Adam,
}

impl AdamStep {
    fn start() -> Started {
        let mut rng = Rng::seed(3);
        let mut draw = || Tensor::<f32>::normal([1000, 1000], 0.0, 0.02, &mut rng);
        let parameters: Vec<_> = (0..10).map(|_| Param::new(draw())).collect();
        // A loss whose gradients are what was drawn.
        let terms = parameters.iter().map(|parameter| (&**parameter * Var::constant(draw())).sum());
        let gradients = terms.reduce(|sum, term| sum + term).ok_or("no parameters")?.backward();
        Ok(Box::new(Self { parameters, gradients, optimizer: Adam::new(1e-3) }))
    }
}

impl Workload for AdamStep {
    fn run(&mut self) -> Result<(), Failure> {
        std::hint::black_box(self.optimizer.step(&mut self.parameters, &self.gradients)?);
        Ok(())
    }
}

pub(super) const ENTRIES: &[Entry] = &[Entry { name: "adam", start: AdamStep::start }];
