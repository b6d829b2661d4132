//! What must be done next? Pure: what is declared and what was seen become a list of actions, and nothing else.
//!
//! Every planner has the same shape. It looks at the whole of what is there, not at what it did before, so it may be
//! asked again after any failure; it returns the actions in an order in which each can succeed when those before it
//! did; and it returns none when everything is as declared. Whoever carries the actions out stops at the first that
//! fails and asks again.

pub mod bastion;
pub mod cluster;
pub mod isolation;
pub mod mesh;
pub mod moment;
