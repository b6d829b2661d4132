//! Is every source file headed, of readable length, and compiled?

use std::fs;
use std::path::{Path, PathBuf};

/// Lines of a source file. One idea at a time; beyond this a file is split.
const MAX_LINES: usize = 800;

/// The faults of all source files.
pub fn check(root: &Path) -> Vec<String> {
    let mut files = Vec::new();
    for folder in ["crates", "xtask", "bench"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let mut faults = Vec::new();
    for file in &files {
        let name = file.strip_prefix(root).unwrap_or(file).display().to_string();
        let Ok(text) = fs::read_to_string(file) else {
            faults.push(format!("{name}: can't be read as UTF-8"));
            continue;
        };
        if !text.starts_with("//!") {
            faults.push(format!("{name}: doesn't open with `//!` and the question that it answers"));
        }
        let lines = text.lines().count();
        if lines > MAX_LINES {
            faults.push(format!("{name}: {lines} lines; at most {MAX_LINES}"));
        }
        if text.lines().any(|line| line.trim_start().starts_with("#[ignore]")) {
            faults.push(format!("{name}: a test is ignored without a reason"));
        }
    }
    faults.extend(orphans(root, &files));
    faults
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            if !path.ends_with("target") && !path.ends_with("node_modules") {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Files that no module names: they would never be compiled, and a test in one never run.
fn orphans(root: &Path, files: &[PathBuf]) -> Vec<String> {
    let mut faults = Vec::new();
    for file in files {
        let Some(stem) = file.file_stem().and_then(|stem| stem.to_str()) else { continue };
        let Some(folder) = file.parent() else { continue };
        let in_folder = |name: &str| folder.file_name().is_some_and(|folder| folder == name);
        if matches!(stem, "main" | "lib" | "mod" | "build")
            || in_folder("bin")
            || in_folder("examples")
            || in_folder("benches")
        {
            continue;
        }
        if in_folder("tests") {
            faults.push(format!(
                "{}: integration tests are modules of tests/it/main.rs, one binary a crate",
                file.strip_prefix(root).unwrap_or(file).display()
            ));
            continue;
        }
        let parents = [
            folder.join("mod.rs"),
            folder.join("lib.rs"),
            folder.join("main.rs"),
            folder.with_extension("rs"),
        ];
        let declared = parents.iter().filter_map(|parent| fs::read_to_string(parent).ok()).any(|text| {
            text.lines().any(|line| line.trim_end().trim_end_matches(';').ends_with(&format!("mod {stem}")))
        });
        if !declared {
            faults.push(format!("{}: no module names it", file.strip_prefix(root).unwrap_or(file).display()));
        }
    }
    faults
}
