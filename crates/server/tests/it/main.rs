//! Does the server answer what it should, to whom it should, and nothing else?

mod access;
mod accounts;
mod api;
mod attachments;
mod collections;
mod conversations;
mod details;
mod directory;
mod endpoints;
mod guard;
mod injection;
mod models;
mod people;
mod programs;
mod record;
mod shares;
mod support;
mod uploads;
mod wordings;
