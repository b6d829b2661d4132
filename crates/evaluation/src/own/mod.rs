//! How good are answers to the organisation's own questions, with this model or that one?
//!
//! A file of questions ([`OwnSet`]), what each configuration gave ([`Given`]), and what that amounts to ([`figures`]), as a
//! page that can be handed on ([`page`]). Whoever asks the questions is the program; here nothing is read and nothing is
//! sent.

mod figures;
mod page;
mod set;

pub use figures::{Configuration, Figures, Given, Outcome, figures};
pub use page::page;
pub use set::{MAX_QUESTIONS, OwnQuestion, OwnSet};
