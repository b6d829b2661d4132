//! Does this crate read what people have, and does it survive what attackers send?

mod archive;
mod chat;
mod data;
mod faults;
mod format;
mod mail;
mod manifest;
mod office;
mod pdf;
mod show;
mod text;
mod worker;
