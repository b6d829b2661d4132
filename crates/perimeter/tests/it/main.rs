//! Do the commands say what is declared, what enforces it, and what went through?

mod commands;
mod deploy;
mod door;
