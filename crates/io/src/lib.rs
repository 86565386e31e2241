//! Reading and writing weights for Gradus (safetensors).
#![forbid(unsafe_code)]
