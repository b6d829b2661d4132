//! Does this crate read what people have, and does it survive what attackers send?
#![expect(clippy::print_stdout, reason = "tests say what they skipped and counted")]

mod archive;
mod chat;
mod data;
mod excess;
mod faults;
mod format;
mod lines;
mod mail;
mod manifest;
mod notation;
mod office;
mod office_inside;
mod office_old;
mod pdf;
mod seeds;
mod show;
mod text;
mod worker;
