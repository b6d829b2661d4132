//! One binary for all tests of this crate: who can reach whom, asked in many ways.
mod admin;
mod cilium;
mod commands;
mod inputs;
mod listing;
mod matrix;
mod network_policy;
mod reality;
mod round_trip;
mod support;
