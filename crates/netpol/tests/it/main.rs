//! One binary for all tests of this crate: who can reach whom, asked in many ways.
#![expect(clippy::print_stdout, reason = "tests say what they skipped and counted")]
#![expect(clippy::wrong_self_convention, reason = "a question goes from one party to another")]
#![expect(clippy::needless_range_loop, reason = "parties are numbers in two tables at once")]
mod admin;
mod calico;
mod cilium;
mod commands;
mod fuzz;
mod inputs;
mod listing;
mod matrix;
mod network_policy;
mod reality;
mod round_trip;
mod support;
