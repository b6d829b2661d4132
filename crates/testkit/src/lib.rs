//! What do several test suites need to stand on? (development only)

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Says that a test is left out for want of something: a short word for it (`data`, `tesseract`…) and a line for
/// people. It goes to standard error past what catches the output of tests that succeed, each line once a run: a
/// skipped test looks like one that passed otherwise.
///
/// # Panics
/// Where `INTRAMUROS_REQUIRED` names what is wanting: `data,tesseract`.
pub fn skip(need: &str, why: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let required = std::env::var("INTRAMUROS_REQUIRED").unwrap_or_default();
    assert!(!names(&required, need), "INTRAMUROS_REQUIRED names `{need}`: {why}");
    let line = format!("skipped: {why} [{need}]\n");
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(line.clone()) {
        // Nobody reads it: nothing to be done.
        let _ = io::stderr().write_all(line.as_bytes());
    }
}

fn names(list: &str, need: &str) -> bool {
    list.split(',').any(|one| one.trim() == need)
}

/// The folder of the package whose tests run; `compiled` is `env!("CARGO_MANIFEST_DIR")`. Cargo keeps what was built in another
/// checkout with the same target folder, and what was compiled in points there.
pub fn package_folder(compiled: &str) -> PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").map_or_else(|| compiled.into(), PathBuf::from)
}

/// A folder or file of the shared test data, which is not part of the repository: `$INTRAMUROS_DATA/NAME`, or
/// `shared/data/NAME` beside the repository. None, with a line that says so, where it is absent: the test skips.
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let declared = std::env::var_os("INTRAMUROS_DATA").map(PathBuf::from);
    // Below `crates`, as every package that has such tests.
    let package = package_folder(env!("CARGO_MANIFEST_DIR"));
    let beside = || Some(package.ancestors().nth(3)?.join("shared/data"));
    let path = declared.or_else(beside)?.join(name);
    if path.exists() {
        return Some(path);
    }
    let why = format!("{} is not here (set INTRAMUROS_DATA to the folder of test data)", path.display());
    skip("data", &why);
    None
}

/// A memory value of this process in MB, by its name in `/proc/self/status` (`RssAnon`, `VmRSS`, `VmHWM`…); 0 where the
/// kernel does not say.
pub fn memory_mb(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// Memory of this process now: its own, and of files that the system may take back at any time.
pub fn memory() -> String {
    format!("{} MB of its own, {} MB of files", memory_mb("RssAnon"), memory_mb("RssFile"))
}

/// Seconds of processor time of this process: what a clock says on a busy machine is not the program's matter alone.
pub fn processor_seconds() -> f64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0);
    // A tick is a hundredth of a second.
    (ticks(11) + ticks(12)) / 100.0
}

/// The body of the HTTP request that comes next on a connection, for a stand-in of a server that answers one and closes.
///
/// # Errors
/// When the connection ends before it, or its length is no number.
pub fn request_body(connection: impl Read) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::new(connection);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().map_err(io::Error::other)?;
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_required_is_named_in_a_list() {
        let check =
            |list: &str, need: &str, expected: bool| assert_eq!(names(list, need), expected, "{list}");
        check("data,tesseract", "tesseract", true);
        check("data, tesseract", "tesseract", true);
        check("data", "tesseract", false);
        check("database", "data", false);
        check("", "data", false);
    }
}
