//! Can anything get out of a sealed process? Each way is tried for real, in a child process that sealed itself.
//!
//! Every way is first tried without the seal, so that a refusal means something. Run with `cargo test -p
//! intramuros-seal --test it`; the table is printed with `INTRAMUROS_TABLE=1`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this test has its own main and prints its own report"
)]

mod attempts;
mod capture;
mod proof;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    // Children are this same program.
    match arguments.get(1).map(String::as_str) {
        Some("child") => attempts::child(&arguments[2..]),
        Some("watch") => intramuros_seal::watch(|_| {}).unwrap(),
        Some("cost") => attempts::cost(&arguments[2..]),
        Some("tour") => attempts::tour(&arguments[2..]),
        _ => proof::run(),
    }
}
