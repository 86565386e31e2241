//! Activations along an axis that make it shorter or weigh it: gated linear units, maxout, softmin. What they compute is in
//! `functional`.

use gradus_autodiff::Var;
use gradus_module::{Context, Layer, Module};
use gradus_tensor::Float;

use crate::error::LayerError;
use crate::functional;

macro_rules! along_axis {
    ($($(#[$doc:meta])* $Name:ident $function:path;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Module)]
        pub struct $Name {
            #[module(skip)]
            axis: isize,
        }

        impl $Name {
            /// Along `axis`; −1 is the last.
            #[must_use]
            pub fn new(axis: isize) -> Self {
                Self { axis }
            }
        }

        /// Along the last axis.
        impl Default for $Name {
            fn default() -> Self {
                Self::new(-1)
            }
        }

        impl<T: Float> Layer<T> for $Name {
            fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
                let y = $function(x, self.axis);
                cx.record::<T>(stringify!($Name), None, &y, y.len() as u64);
                y
            }
        }
    )*};
}

along_axis! {
    /// a·σ(b), where a and b are the halves of an axis (Dauphin et al. 2017; PyTorch: `GLU`).
    ///
    /// ```
    /// use gradus_autodiff::Var;
    /// use gradus_layers::Glu;
    /// use gradus_module::{Context, Layer};
    /// let y = Glu::default().forward(&Var::constant([[3.0_f32, 0.0]]), &mut Context::eval());
    /// assert_eq!(y.value().to_vec(), [1.5]);
    /// ```
    Glu functional::glu;
    /// max(a, 0)·b, where a and b are the halves of an axis (Shazeer 2020).
    ReGlu functional::reglu;
    /// gelu(a)·b, where a and b are the halves of an axis (Shazeer 2020).
    GeGlu functional::geglu;
    /// silu(a)·b, where a and b are the halves of an axis (Shazeer 2020); LLaMA's.
    SwiGlu functional::swiglu;
    /// e^(−x)/Σ e^(−x) along an axis (PyTorch: `Softmin`).
    Softmin functional::softmin;
}

/// The softmax over channels at each place: `[N, C, H, W]` or `[C, H, W]` (PyTorch: `Softmax2d`).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Softmax2d;
/// use gradus_module::{Context, Layer};
/// use gradus_tensor::Tensor;
/// let y = Softmax2d.forward(&Var::constant(Tensor::<f32>::ones([1, 4, 2, 2])), &mut Context::eval());
/// assert_eq!(y.value().at(&[0, 3, 1, 0]), 0.25);
/// ```
#[derive(Clone, Copy, Debug, Default, Module)]
pub struct Softmax2d;

impl<T: Float> Layer<T> for Softmax2d {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let fits = matches!(x.rank(), 3 | 4);
        assert!(fits, "Softmax2d: not [N, C, H, W] or [C, H, W]: {} ({} axes)", x.shape(), x.rank());
        let y = x.softmax(-3);
        cx.record::<T>("Softmax2d", None, &y, 0);
        y
    }
}

/// The largest of each `pieces` neighbours along an axis: `[…, D·pieces] → […, D]`; behind a [`Linear`](crate::Linear) it is the
/// maxout layer (Goodfellow et al. 2013).
///
/// ```
/// use gradus_autodiff::Var;
/// use gradus_layers::Maxout;
/// use gradus_module::{Context, Layer};
/// let x = Var::constant([[1.0_f32, 4.0], [3.0, -2.0]]);
/// let cx = &mut Context::eval();
/// assert_eq!(Maxout::new(2)?.forward(&x, cx).value().to_vec(), [4.0, 3.0]);
/// assert_eq!(Maxout::new(2)?.axis(0).forward(&x, cx).value().to_vec(), [3.0, 4.0]);
/// # Ok::<(), gradus_layers::LayerError>(())
/// ```
#[derive(Clone, Copy, Debug, Module)]
pub struct Maxout {
    #[module(skip)]
    pieces: usize,
    #[module(skip)]
    axis: isize,
}

impl Maxout {
    /// Of each `pieces` neighbours along the last axis.
    ///
    /// # Errors
    /// If there are none.
    pub fn new(pieces: usize) -> Result<Self, LayerError> {
        LayerError::check(pieces > 0, "Maxout", "pieces", pieces, "at least 1")?;
        Ok(Self { pieces, axis: -1 })
    }

    /// The same along another axis: 1 for the channels of `[N, C, …]`.
    #[must_use]
    pub fn axis(self, axis: isize) -> Self {
        Self { axis, ..self }
    }
}

impl<T: Float> Layer<T> for Maxout {
    fn forward(&self, x: &Var<T>, cx: &mut Context<'_>) -> Var<T> {
        let y = functional::maxout(x, self.pieces, self.axis);
        cx.record::<T>("Maxout", None, &y, 0);
        y
    }
}
