//! Small, fast deep learning on the CPU: the facade.
#![forbid(unsafe_code)]
