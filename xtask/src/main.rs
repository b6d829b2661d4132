//! Does the tree follow the project's own rules?
//!
//! `cargo xtask tidy` checks what the compiler and clippy don't: that every module says which question it answers,
//! that heavy dependencies stay in their leaf crates, that internal arrows point down, that every test file is part
//! of a test, and that no file outgrows a reader.

mod arrows;
mod files;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["tidy"] => tidy(&root()),
        _ => {
            say("usage: cargo xtask tidy");
            ExitCode::from(2)
        }
    }
}

fn tidy(root: &Path) -> ExitCode {
    let mut faults = files::check(root);
    faults.extend(arrows::check(root));
    for fault in &faults {
        say(fault);
    }
    if faults.is_empty() {
        say("tidy: nothing to mend");
        ExitCode::SUCCESS
    } else {
        say(&format!("tidy: {} to mend", faults.len()));
        ExitCode::FAILURE
    }
}

/// The repository's root: this package lies right below it.
pub(crate) fn root() -> PathBuf {
    // As it is run, not as it was built: a program kept from another checkout would look there.
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let here = Path::new(&here);
    here.parent().unwrap_or(here).to_owned()
}

#[expect(clippy::print_stdout, reason = "this is a command-line program")]
fn say(line: &str) {
    println!("{line}");
}
