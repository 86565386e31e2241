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
    let parts = diabetes().random_split(&[0.8, 0.2], &mut rng)?; // train, test
    let (scale, unit) = (Standardiser::fit(parts[0].inputs())?, Standardiser::fit(parts[0].targets())?);
    let (x, y) = (scale.apply(parts[0].inputs()), unit.apply(parts[0].targets()));
    let (test_x, test_y) = (scale.apply(parts[1].inputs()), unit.apply(parts[1].targets()));

    let mut model = Mlp { hidden: Linear::new(10, 64, &mut rng), output: Linear::new(64, 1, &mut rng) };
    let mut optimizer = Adam::new(1e-3);
    for _ in 0..1000 {
        let prediction = model.forward(&(&x).into(), &mut Context::train(&mut rng));
        let loss = mse(&prediction, &y, Reduction::Mean) + l2(&model, 0.1);
        optimizer.step(&mut model, &loss.backward())?;
    }
    let with_ones = |x: &Tensor| Tensor::cat(&[x, &Tensor::ones([x.dim(0), 1])], 1);
    let ols = with_ones(&test_x).matmul(&with_ones(&x).lstsq(&y)?);
    let mlp = model.forward(&(&test_x).into(), &mut Context::eval());
    println!("test R²: MLP {:.3}, least squares {:.3}", r2(mlp.value(), &test_y), r2(&ols, &test_y));
    Ok(())
}
