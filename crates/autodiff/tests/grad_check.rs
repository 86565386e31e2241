//! The check of gradients can fail, and says how.

use gradus_autodiff::tensor::{Float, Tensor};
use gradus_autodiff::{Cotangents, GradCheck, Op, Save, Saved, Var, apply, check_grads};

/// x², with rules that are off by these factors.
struct Square {
    rule: f64,
    fused: f64,
}

impl<T: Float> Op<T> for Square {
    fn name(&self) -> &'static str {
        "square"
    }
    fn saves(&self) -> Save {
        Save::input(0)
    }
    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        inputs[0].square()
    }
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let [x] = saved.inputs();
        vec![Some(g * x * (2.0 * self.rule))]
    }
    fn vjp_fused(
        &self,
        saved: &mut Saved<Tensor<T>>,
        g: Tensor<T>,
    ) -> Result<Cotangents<Tensor<T>>, Tensor<T>> {
        Ok(vec![Some(g * &saved.input(0) * T::of(2.0 * self.fused))])
    }
}

fn square(rule: f64, fused: f64) -> impl Fn(&[Var<f64>]) -> Var<f64> {
    move |x| apply(Square { rule, fused }, &[&x[0]])
}

fn at() -> [Tensor<f64>; 1] {
    [Tensor::from([0.7, -1.3])]
}

#[test]
fn wrong_rules_are_found_in_the_order_that_shows_them() {
    assert_eq!(check_grads(square(1.0, 1.0), &at(), 3), Ok(()));
    let error = check_grads(square(1.001, 1.001), &at(), 2).expect_err("a wrong rule");
    assert!(error.order == 1 && !error.of_fused_rule);
    let told = error.to_string();
    let said =
        told.starts_with("check_grads: derivative of order 1 disagrees: ") && told.ends_with(" measured");
    assert!(said, "{told}");
    let error = check_grads(square(1.0, 1.001), &at(), 2).expect_err("a wrong fused rule");
    assert!(error.of_fused_rule);
    let told = "check_grads: the fused rules (backward) disagree with the differentiable ones (grad)";
    assert_eq!(error.to_string(), told);
    // A right slope at x, but a derivative that knows nothing of x.
    let detached = |x: &[Var<f64>]| &x[0] * (x[0].detach() * 2.0) - Var::constant(x[0].value().square());
    let error = check_grads(detached, &at(), 2).expect_err("no second derivative");
    assert_eq!(error.order, 2);
}

#[test]
fn step_tolerance_order_and_seed_are_heeded() {
    let strict = GradCheck { relative: 1e-13, absolute: 1e-13, ..GradCheck::default() };
    let exp = |x: &[Var<f64>]| x[0].exp();
    assert!(strict.run(exp, &at()).is_err(), "central differences are not that good");
    let wide = GradCheck { step: 0.5, ..GradCheck::default() };
    assert!(wide.run(exp, &at()).is_err() && wide.run(square(1.0, 1.0), &at()).is_ok());
    let loose = GradCheck { relative: 1e-2, ..GradCheck::default() };
    assert_eq!(loose.run(square(1.001, 1.0), &at()).map_err(|error| error.of_fused_rule), Err(true));
    let errors = [0, 1].map(|seed| GradCheck { seed, ..GradCheck::default() }.run(square(1.5, 1.5), &at()));
    assert!(errors[0].is_err() && errors[0] != errors[1]);
}
