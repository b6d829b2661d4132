//! Does the program as people start it do what it says, within its walls?

mod asked;
mod backup;
mod channels;
mod commands;
mod forward;
mod gguf;
mod language;
mod noted;
mod reload;
mod sealed;
mod support;
mod terminal;
