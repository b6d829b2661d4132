//! Who asks, over which protocol?
//!
//! The local page and the JSON API of a [`Library`](intramuros_library::Library). All routes stand in `router`; who
//! asks is decided in `guard`, at one place, by the table of endpoints; what a principal may read is decided by the
//! library, not here. Where only this machine can connect the visitor is its owner and needs no password; anywhere else
//! people sign in.

mod accounts;
mod allowance;
mod answering;
mod api;
mod application;
mod caller;
mod colours;
mod connections;
mod cookies;
mod endpoints;
mod failure;
mod guard;
mod limits;
mod pace;
mod page;
mod parameters;
mod programs;
mod progress;
mod providers;
mod rate;
mod record;
mod router;
mod scim;
mod serve;
mod told;
mod walls;

pub use accounts::Accounts;
pub use api::admin::usage::{UsageAnswer, UseView, counted as usage};
pub use api::openapi::document as openapi;
pub use application::{Application, Look, Settings};
pub use endpoints::{Body, Endpoint, Need, Rate, Who};
pub use limits::Limits;
pub use record::{Passing, Record, name as name_in_journal, read_together};
pub use router::{endpoints, table};
pub use serve::{check_address, offer_tools, serve};
pub use walls::{Seal, Walls};
