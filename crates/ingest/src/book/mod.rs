//! What is in electronic books?

pub mod epub;
