//! Which programs may ask, over which of their protocols?
//!
//! The interface of OpenAI ([`openai`], [`responses`], and [`refused`] for what is not answered) and the Model Context
//! Protocol ([`mcp`]). The guard has found out who asks: by the declared token, by one of the store, or as this machine's
//! owner where nobody signs in.

pub mod mcp;
pub mod openai;
pub mod refused;
pub mod responses;
