//! What is in electronic books?

pub mod epub;
mod package;
