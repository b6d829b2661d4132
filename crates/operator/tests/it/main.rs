//! Do the planners, the peers' drivers and the operator do what they say, on stateful doubles and a real API server?

mod convergence;
mod documents;
mod doubles;
mod end_to_end;
mod play;
mod server;
