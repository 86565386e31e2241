//! Layers and initialisers of Gradus.
#![forbid(unsafe_code)]
