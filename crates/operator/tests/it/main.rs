//! Do the planners, the peers' drivers and the operator do what they say, on stateful doubles and a real API server?

mod convergence;
mod doubles;
mod documents;
