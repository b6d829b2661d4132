//! What text is in files that are text themselves: plain, marked up, tabular, structured or source code?
//!
//! [`encoding`] turns bytes of any encoding into characters; [`writer`] keeps what every reader promises about blocks
//! (NFC, no control characters, never empty, counted against the budget).

pub mod code;
pub mod csv;
pub mod html;
pub mod json;
pub mod keyed;
pub mod markdown;
pub mod notebook;
pub mod plain;
pub mod xml;
