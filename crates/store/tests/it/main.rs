//! Does the store keep what it acknowledged, and say so truthfully?

// Tests say what they skip and what they measure.
#![allow(clippy::print_stdout)]

mod acknowledged;
mod compaction;
mod derived;
mod opening;
mod people;
mod scale;
mod support;
mod vectors;
