//! Which documents are inside this container?
//!
//! One part for each member, read by whatever reader its content needs, one level deeper and on the same budget.

pub mod gz;
pub mod members;
pub mod sevenz;
pub mod tar;
pub mod zip;
