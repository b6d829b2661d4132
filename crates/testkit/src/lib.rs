//! What do several test suites need to stand on? (development only)

use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// A folder or file of the shared test data, which is not part of the repository: `$INTRAMUROS_DATA/NAME`, or
/// `shared/data/NAME` beside the repository. None, with a line that says so, where it is absent: the test skips.
#[expect(clippy::print_stderr, reason = "a skipped test says so")]
pub fn shared_data(name: &str) -> Option<PathBuf> {
    let declared = std::env::var_os("INTRAMUROS_DATA").map(PathBuf::from);
    let beside = || Some(Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(3)?.join("shared/data"));
    let path = declared.or_else(beside)?.join(name);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not here (set INTRAMUROS_DATA to the folder of test data)", path.display());
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
