//! Does the server answer what it should, to whom it should, and nothing else?

mod access;
mod api;
mod guard;
mod injection;
mod programs;
mod record;
mod support;
