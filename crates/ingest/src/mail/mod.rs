//! What do these mails say, to whom, with what attached?

pub mod eml;
pub mod mbox;
pub mod msg;
