//! Memory stays flat over a training run. Alone in its process: the count is the process's.

use gradus_autodiff::Var;
use gradus_tensor::{Rng, Tensor, memory};

#[test]
fn a_thousand_steps_hold_no_more_memory_than_ten() {
    let mut rng = Rng::seed(1);
    let x = Tensor::<f32>::normal([16, 8], 0.0, 1.0, &mut rng);
    let y = x.sum_axes(&[1], true).sin();
    let mut weights = [
        Var::leaf(Tensor::<f32>::normal([24, 8], 0.0, 0.3, &mut rng)),
        Var::leaf(Tensor::<f32>::zeros([24])),
        Var::leaf(Tensor::<f32>::normal([1, 24], 0.0, 0.3, &mut rng)),
    ];
    let mut losses = Vec::new();
    let mut after_ten = 0;
    for step in 0..1000 {
        let [first, bias, second] = &weights;
        let hidden = Var::constant(x.clone()).linear(first, Some(bias)).tanh();
        let loss = (hidden.linear(second, None) - Var::constant(y.clone())).square().mean();
        losses.push(loss.item());
        let gradients = loss.backward();
        for weight in &mut weights {
            if let Some(gradient) = gradients.of(weight) {
                let change = gradient * 0.05;
                *weight.value_mut() -= &change;
            }
        }
        drop((hidden, gradients));
        if step == 10 {
            after_ten = memory().live;
        }
    }
    assert_eq!(memory().live, after_ten);
    assert!(losses[999] < 0.05 * losses[0], "the model overfits its batch: {} → {}", losses[0], losses[999]);
}
