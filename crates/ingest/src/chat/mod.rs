//! Which conversations are in this chat export?

pub mod slack;
