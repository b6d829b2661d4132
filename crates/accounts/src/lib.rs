//! Is this person who they say, and may they do this?
//!
//! Decisions alone: roles and scopes ([`role`]), the forms of tokens and codes ([`secret`]), passphrases
//! ([`passphrase`]), how often somebody may try ([`throttle`]), how long a session lives ([`session`]), what is kept
//! under lock ([`sealing`]), and whether a provider's word holds ([`jwt`], [`oidc`]), and what a directory asks for ([`scim`]). The clock and randomness are
//! arguments; nothing is read, kept or sent here.

pub mod jwt;
pub mod names;
pub mod oidc;
pub mod passphrase;
pub mod role;
pub mod scim;
pub mod sealing;
pub mod secret;
pub mod session;
pub mod throttle;

pub use role::{Role, Scope, Scopes};
