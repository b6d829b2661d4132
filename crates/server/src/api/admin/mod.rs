//! What do administrators see and do?

pub mod groups;
pub mod health;
pub mod journal;
pub mod people;
pub mod see_as;
pub mod state;
pub mod usage;
