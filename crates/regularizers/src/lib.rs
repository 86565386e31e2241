//! Penalties of Gradus: L1, L2, elastic net.
#![forbid(unsafe_code)]
