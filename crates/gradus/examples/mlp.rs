//! The first program of every textbook: two linear layers and a ReLU learn a real regression, next to least squares.
use gradus::data::{Standardiser, diabetes};
use gradus::prelude::*;

#[derive(Module)]
struct Mlp {
    hidden: Linear,
    output: Linear,
}

impl Layer for Mlp {
    fn forward(&self, x: &Var, cx: &mut Context) -> Var {
        self.output.forward(&self.hidden.forward(x, cx).relu(), cx)
    }
}

fn r2(prediction: &Tensor, y: &Tensor) -> f32 {
    1.0 - ((prediction - y).square().sum() / (y - &y.mean()).square().sum()).item()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut rng = Rng::seed(7);
    let parts = diabetes().random_split(&[0.8, 0.2], &mut rng)?;
    let (train, test) = (&parts[0], &parts[1]);
    let (scale, unit) = (Standardiser::fit(train.inputs())?, Standardiser::fit(train.targets())?);
    let (x, y) = (scale.apply(train.inputs()), unit.apply(train.targets()));
    let (test_x, test_y) = (scale.apply(test.inputs()), unit.apply(test.targets()));

    let mut model = Mlp { hidden: Linear::new(10, 32, &mut rng), output: Linear::new(32, 1, &mut rng) };
    let mut optimizer = Adam::new(1e-3);
    for _ in 0..1000 {
        let prediction = model.forward(&(&x).into(), &mut Context::train(&mut rng));
        optimizer.step(&mut model, &mse(&prediction, &y, Reduction::Mean).backward())?;
    }
    let with_ones = |x: &Tensor| Tensor::cat(&[x, &Tensor::ones([x.dim(0), 1])], 1);
    let ols = with_ones(&test_x).matmul(&with_ones(&x).least_squares(&y));
    let mlp = model.forward(&(&test_x).into(), &mut Context::eval());
    println!("test R²: MLP {:.3}, least squares {:.3}", r2(mlp.value(), &test_y), r2(&ols, &test_y));
    Ok(())
}
