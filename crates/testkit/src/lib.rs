//! What tests of Gradus share: naive twins in plain `f64`, shapes and values to draw from, the same tensor laid out in
//! memory in many ways, comparisons that show the worst element, and the tolerances.
//!
//! It exists so that a test states what should hold and nothing else. It must never know a layer, a loss or an
//! optimizer, and its references must never call what they judge.
#![forbid(unsafe_code)]

mod close;
mod dense;
mod layouts;
mod shapes;
mod values;

pub use close::{Mismatch, ToDense, Tolerance, assert_bits_equal, assert_close, bits_equal, compare};
pub use dense::Dense;
pub use layouts::{Laid, layout_variants, some_layout_variants};
pub use shapes::{axis_length, broadcastable, filled_shape, shape};
pub use values::{Noise, distinct};
