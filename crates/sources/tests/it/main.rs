//! Do places outside come in as they are, against real servers and hostile ones?

#![allow(clippy::print_stdout)]

mod git;
mod hostile;
mod imap;
mod s3;
mod support;
mod web;
mod webdav;
