//! Does the journal keep what it acknowledged, and does every change to it show?

#![allow(clippy::print_stdout, reason = "child processes tell their parent; measurements are printed")]

mod newest;
mod support;
mod tampering;
mod writing;
