//! How good are search and answers, on a set whose right answers are known?
//!
//! Reads a folder in the BEIR layout (`corpus.jsonl`, `queries.jsonl`, `qrels.tsv`), builds the same passages, words
//! and vectors as for a folder of documents, asks every question, and measures what comes back.

pub mod own;
mod report;
mod run;
mod set;
mod vectors;
mod verification;

pub use report::{Figures, Report, TypeFigures};
pub use run::{Options, evaluate};
pub use set::{Question, TestSet};
pub use verification::{KindFigures, PeopleFigures, VerificationReport, verify_across, verify_set};
