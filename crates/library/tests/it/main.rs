//! Do files, store, words and vectors stay in step, whatever happens, and does nobody see what is not theirs?

// Tests say what they skip and what they measure.
#![allow(clippy::print_stdout)]

mod access;
mod embedding;
mod faults;
mod files;
mod hidden_words;
mod kills;
mod parts;
mod random_access;
mod renewal;
mod scale;
mod support;
mod uploads;
mod weights;
