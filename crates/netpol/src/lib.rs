//! Who can reach whom, and which policies make it exactly so?
//!
//! Manifests become a [`model::world::World`]; the [`engine`] answers every question about it exactly.

pub mod check;
pub mod cli;
pub mod document;
pub mod engine;
pub mod error;
pub mod generate;
mod json;
pub mod language;
pub mod manifest;
pub mod matrix;
pub mod model;
pub mod report;
