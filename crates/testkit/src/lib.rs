//! What do several test suites need to stand on? (development only)

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
