//! Who asks, over which protocol?
//!
//! The local page and the JSON API of a [`Library`](intramuros_library::Library). All routes stand in `router`; who
//! asks is decided in `guard`, at one place; what a principal may read is decided by the library, not here. On a
//! loopback address the visitor is the owner and needs no password; other addresses are refused until there are
//! accounts.

mod answering;
mod api;
mod application;
mod failure;
mod guard;
mod limits;
mod page;
mod parameters;
mod programs;
mod progress;
mod rate;
mod record;
mod router;
mod serve;
mod walls;

pub use api::openapi::document as openapi;
pub use application::{Application, Settings};
pub use limits::Limits;
pub use record::Record;
pub use router::ROUTES;
pub use serve::{check_address, offer_tools, serve};
pub use walls::{Seal, Walls};
