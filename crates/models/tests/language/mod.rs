//! Language models.

mod claims;
mod configs;
mod generation;
mod learning;
mod recorded;
