//! Does the journal keep what it acknowledged, and does every change to it show?

mod support;
mod tampering;
mod writing;
