//! Does this crate read what people have, and does it survive what attackers send?

mod data;
mod faults;
mod format;
mod manifest;
mod office;
mod pdf;
mod worker;
