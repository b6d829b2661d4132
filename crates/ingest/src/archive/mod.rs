//! Which documents are inside this container?

pub mod gz;
pub mod sevenz;
pub mod tar;
pub mod zip;
