//! Which licence has each package of the lock file? Writes `licences.tsv` from Cargo's metadata, packages
//! for other platforms included; a developer's command, never part of a build.

use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let here = env!("CARGO_MANIFEST_DIR");
    let output = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(here)
        .output();
    let Ok(output) = output else { return ExitCode::FAILURE };
    let Ok(metadata) = serde_json::from_slice::<serde_json::Value>(&output.stdout) else {
        return ExitCode::FAILURE;
    };
    let text = |package: &serde_json::Value, key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let mut lines: Vec<String> = metadata["packages"]
        .as_array()
        .into_iter()
        .flatten()
        // A package may write `MIT/Apache-2.0`, the form before SPDX expressions.
        .map(|package| {
            (text(package, "name"), text(package, "version"), text(package, "license").replace('/', " OR "))
        })
        .filter(|(_, _, licence)| !licence.is_empty())
        .map(|(name, version, licence)| format!("{name}\t{version}\t{licence}\n"))
        .collect();
    lines.sort();
    match std::fs::write(format!("{here}/licences.tsv"), lines.concat()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}
