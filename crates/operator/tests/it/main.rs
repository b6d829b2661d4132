//! Do the planners, the peers' drivers and the operator do what they say, on stateful doubles and a real API server?

#![allow(clippy::print_stdout, reason = "a test says what it skipped and what it measured")]

mod classes;
mod convergence;
mod documents;
mod doubles;
mod end_to_end;
mod helm;
mod measured;
mod play;
mod real_cluster_api;
mod real_netbird;
mod server;
mod tickets;
