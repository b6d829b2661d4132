//! Does the server answer what it should, to whom it should, and nothing else?

mod access;
mod api;
mod guard;
mod record;
mod support;
