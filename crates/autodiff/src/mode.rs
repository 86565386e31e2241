//! Whether operations record what gradients need. Recording is on, per thread, unless a closure turns it off.

use std::cell::Cell;

thread_local! {
    static RECORDING: Cell<bool> = const { Cell::new(true) };
}

/// Whether operations on this thread record a graph.
///
/// ```
/// use gradus_autodiff::{is_recording, no_grad};
/// assert!(is_recording());
/// assert!(!no_grad(is_recording));
/// ```
#[must_use]
pub fn is_recording() -> bool {
    RECORDING.get()
}

pub(crate) fn with_recording<R>(on: bool, f: impl FnOnce() -> R) -> R {
    struct Restore(bool);
    impl Drop for Restore {
        fn drop(&mut self) {
            RECORDING.set(self.0);
        }
    }
    let _restore = Restore(RECORDING.replace(on));
    f()
}

/// Runs `f` without recording: its results have no gradient and keep nothing alive (PyTorch: `torch.no_grad`).
///
/// ```
/// use gradus_autodiff::{Var, no_grad};
/// let x = Var::leaf([1.0_f32, 2.0]);
/// assert!(x.exp().has_gradient());
/// assert!(!no_grad(|| x.exp()).has_gradient());
/// ```
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    with_recording(false, f)
}
