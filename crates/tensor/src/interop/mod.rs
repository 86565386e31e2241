//! Other crates' traits and types, each behind the feature of its name. None of this file's features is on by itself.

#[cfg(feature = "approx")]
mod approx;
#[cfg(feature = "ndarray")]
mod ndarray;
#[cfg(feature = "serde")]
mod serde;
