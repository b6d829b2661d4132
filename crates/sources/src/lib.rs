//! What is at this place outside now, and what of it is new?
//!
//! A place (a WebDAV folder, a branch, a bucket, a site, a mailbox) is visited from time to time: a module for each kind
//! lists what is there and offers it to a [`visit::Visit`], which decides what must be fetched, under limits, and keeps it
//! in the library's spool ([`intramuros_library::spool`]). From there files are read like those of a folder. [`Syncs`] says
//! when, and tells how it went. Connections are the one door's ([`intramuros_egress`]); this crate knows no other.

mod calendar;
mod client;
mod declared;
mod failure;
mod git;
mod imap;
mod s3;
mod signature;
mod state;
mod syncs;
mod visit;
mod web;
mod webdav;
mod xml;

pub use declared::{Declared, Secret};
pub use failure::Failure;
pub use state::{Outcome, Phase, State};
pub use syncs::{Note, Syncs};
