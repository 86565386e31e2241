//! The models against what their reference implementations recorded, and against what must hold of any model.
#![allow(clippy::unwrap_used)] // a test that cannot go on says so

mod language;
