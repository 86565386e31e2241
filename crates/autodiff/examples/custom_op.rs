//! An operation of one's own: one `impl`, checked by finite differences, then used as any other.
//!
//! Soft clipping, y = a·tanh(x/a): nearly x where |x| is much smaller than a, never beyond ±a. The bound a is learnt.
use gradus_autodiff::tensor::{Float, Tensor};
use gradus_autodiff::{
    Batch, Cotangents, Flow, Op, Save, Saved, Var, apply, check_grads, hessian, jvp, per_example_gradients,
};

struct SoftClip;

impl<T: Float> Op<T> for SoftClip {
    fn name(&self) -> &'static str {
        "soft_clip"
    }

    /// What the rule below reads; the rest is freed after the forward pass.
    fn saves(&self) -> Save {
        Save::INPUTS.and(Save::OUTPUT)
    }

    fn forward(&mut self, inputs: &[&Tensor<T>]) -> Tensor<T> {
        let [x, a] = inputs else { panic!("soft_clip: two inputs") };
        (*x / *a).tanh() * *a
    }

    /// ∂y/∂x = 1 − t² and ∂y/∂a = t − (x/a)·(1 − t²), with t = tanh(x/a) = y/a. In operations of variables, so that derivatives of
    /// any order and forward mode follow; the engine sums what was broadcast.
    fn vjp(&self, saved: &Saved<Var<T>>, g: &Var<T>) -> Cotangents<Var<T>> {
        let [x, a] = saved.inputs();
        let t = saved.output() / &a;
        let slope = 1.0 - t.square();
        vec![saved.wants(0).then(|| g * &slope), saved.wants(1).then(|| g * (&t - x / a * &slope))]
    }

    /// Element by element, with broadcasting: examples stay apart. Without this, per-example gradients cost a pass each.
    fn per_example(&self, _: &Saved<Tensor<T>>, _: &Tensor<T>, _: Batch) -> Option<Vec<Flow<T>>> {
        Some(vec![Flow::Broadcast, Flow::Broadcast])
    }
}

/// y = a·tanh(x/a).
#[track_caller]
fn soft_clip<T: Float>(x: &Var<T>, a: &Var<T>) -> Var<T> {
    apply(SoftClip, &[x, a])
}

fn main() {
    let x = Tensor::from([[0.3_f64, -1.2, 4.0], [2.0, 0.0, -0.5]]);
    // First, second and third derivatives by x and a against central differences.
    let checked = check_grads(|v| soft_clip(&v[0], &v[1]), &[x.clone(), Tensor::scalar(1.5)], 3);
    match &checked {
        Ok(()) => println!("soft_clip: derivatives up to the third are right"),
        Err(error) => println!("soft_clip: {error}"),
    }
    assert!(checked.is_ok());

    let (x, a) = (Var::constant(x), Var::leaf(1.5));
    let losses = soft_clip(&x, &a).square().sum_axes(&[1], false);
    let gradients = losses.clone().backward_with(Tensor::ones([2]));
    println!("∂loss/∂a = {:?}", gradients.of(&a).map(Tensor::item));
    println!("of each example: {}", per_example_gradients(&losses, &[&a])[0]);
    println!("∂y/∂a = {}", jvp(|v| soft_clip(&x, &v[0]), &[&a], &[&Var::constant(1.0)]).1.value());
    println!("∂²loss/∂a² = {}", hessian(|v| soft_clip(&x, &v[0]).square().sum(), &[&a])[0][0].item());
}
