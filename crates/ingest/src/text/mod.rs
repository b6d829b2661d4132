//! What text is in files that are text themselves: plain, marked up, tabular, structured or source code?
//!
//! [`encoding`] turns bytes of any encoding into characters; [`writer`] keeps what every reader promises about blocks
//! (NFC, no control characters, never empty, counted against the budget).

pub mod cards;
pub mod code;
pub mod csv;
pub mod date;
pub mod encoding;
mod front;
pub mod html;
pub mod inline;
pub mod json;
pub mod keyed;
pub mod lines;
pub mod markdown;
pub mod notebook;
mod placeholder;
pub mod plain;
mod rst;
mod templates;
pub mod wiki;
pub mod writer;
pub mod xml;
