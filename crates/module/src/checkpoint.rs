//! Checkpoints of layers: what a layer computes on its way is not kept, but computed again in the backward pass, with the same
//! parameters, mode and random numbers. It knows modules and contexts, no layer.

use gradus_autodiff::{Var, checkpoint_with};
use gradus_tensor::Float;

use crate::context::Context;
use crate::layer::Layer;
use crate::path::Path;
use crate::walk::Module;

/// A copy of a module that trains the same parameters: where a plain clone has parameters of its own, gradients of what this copy
/// computes belong to the original's, and updates of its buffers reach the original's. The values are those of now; nothing is copied
/// until one side changes. For closures that outlive the borrow of a model, as [`checkpoint_with_context`] takes them.
///
/// ```
/// use gradus_module::{Param, shared};
/// let weight: Param = Param::new([1.0, 2.0]);
/// assert_eq!(shared(&weight).leaf_id(), weight.leaf_id());
/// assert_ne!(weight.clone().leaf_id(), weight.leaf_id());
/// ```
#[must_use]
pub fn shared<M: Module + Clone>(module: &M) -> M {
    let mut copy = module.clone();
    let mut entries = module.entries().into_iter();
    copy.visit_mut(&mut Path::root(), &mut |_, entry| {
        if let Some((_, original)) = entries.next() {
            entry.share(original);
        }
    });
    copy
}

/// y = `layer`(x), of which only x and y are kept: the backward pass runs the layer again to get at what lies between, with the same
/// random numbers, so that dropout drops the same (Chen et al. 2016, <https://arxiv.org/abs/1604.06174>; PyTorch:
/// `torch.utils.checkpoint.checkpoint` with `preserve_rng_state=True`). Gradients and updates of buffers are the same bits as without. Worth
/// it for blocks whose inner values are much larger than x and y; see [`gradus_autodiff::checkpoint`].
///
/// ```
/// use gradus_module::{Context, Layer, Module, Param, checkpoint};
/// use gradus_module::autodiff::Var;
///
/// #[derive(Clone, Module)]
/// struct Block { up: Param, down: Param }
/// impl Layer for Block {
///     fn forward(&self, x: &Var, _: &mut Context) -> Var {
///         x.linear(&self.up, None).gelu().linear(&self.down, None)
///     }
/// }
/// let block = Block { up: Param::new([[1.0], [2.0]]), down: Param::new([[3.0, 4.0]]) };
/// let x = Var::leaf([[0.5]]);
/// let gradients = checkpoint(&block, &x, &mut Context::eval()).sum().backward();
/// assert!(gradients.of(&block.up).is_some() && gradients.of(&x).is_some());
/// ```
#[must_use]
#[track_caller]
pub fn checkpoint<T: Float, L>(layer: &L, x: &Var<T>, cx: &mut Context<'_>) -> Var<T>
where
    L: Layer<T> + Clone + Send + Sync + 'static,
{
    if !gradus_autodiff::is_recording() {
        return layer.forward(x, cx);
    }
    let layer = shared(layer);
    checkpoint_with_context(move |x, cx| layer.forward(&x[0], cx), &[x], cx)
}

/// [`checkpoint`] of any function of several inputs and a context, which must do the same in each run. It owns what it captures: see
/// [`shared`] for modules.
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_module::{Context, checkpoint_with_context};
/// let (x, y) = (Var::leaf([1.0_f32, 2.0]), Var::leaf([3.0_f32, 4.0]));
/// let z = checkpoint_with_context(|v, _| (&v[0] * &v[1]).exp(), &[&x, &y], &mut Context::eval());
/// let gradients = z.sum().backward();
/// assert!(gradients.of(&x).is_some() && gradients.of(&y).is_some());
/// ```
///
/// # Panics
/// As [`gradus_autodiff::checkpoint`].
#[must_use]
#[track_caller]
pub fn checkpoint_with_context<T: Float>(
    f: impl Fn(&[Var<T>], &mut Context<'_>) -> Var<T> + Send + Sync + 'static,
    inputs: &[&Var<T>],
    cx: &mut Context<'_>,
) -> Var<T> {
    let again = cx.snapshot();
    let f = std::sync::Arc::new(f);
    let first = std::sync::Arc::clone(&f);
    checkpoint_with(|x| first(x, cx), move |x| again.run(|cx| f(x, cx)), inputs)
}
