//! Is the data folder closed to everybody else on this machine?
//!
//! It is made so. Those that were made before may be open still: one that holds nothing but what this program keeps is
//! closed when it is opened to write. A folder in which anything else lies is somebody's own, and stays as it is.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use intramuros_store::DATABASE;
use intramuros_store::people::PEOPLE_DATABASE;

use crate::commands::backup::{JOURNAL, SPOOLS};

/// Every right of those who don't own a folder.
const OTHERS: u32 = 0o077;

/// Closes a data folder of ours that is open to others, and says so.
pub fn tighten(folder: &Path) {
    match tightened(folder) {
        Ok(false) => {}
        Ok(true) => tracing::warn!(
            folder = %folder.display(),
            "others on this machine could look into the data folder; it is its owner's alone now"
        ),
        Err(error) => tracing::warn!(
            folder = %folder.display(), %error,
            "others on this machine may look into the data folder, and it can't be closed to them"
        ),
    }
}

/// Whether it was open to others, and ours to close.
fn tightened(folder: &Path) -> io::Result<bool> {
    let found = fs::metadata(folder)?;
    let mode = found.permissions().mode();
    if mode & OTHERS == 0 || !is_ours(folder, found.uid()) {
        return Ok(false);
    }
    fs::set_permissions(folder, Permissions::from_mode(mode & 0o7777 & !OTHERS))?;
    Ok(true)
}

/// Whether a folder of this owner holds a store of the same owner, and beside it nothing but what belongs to one.
fn is_ours(folder: &Path, owner: u32) -> bool {
    let store = fs::symlink_metadata(folder.join(DATABASE));
    let has_store = store.is_ok_and(|store| store.is_file() && store.uid() == owner);
    let Ok(mut entries) = fs::read_dir(folder) else { return false };
    has_store && entries.all(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(is_kept)))
}

/// Whether this program keeps something under a name in its data folder.
fn is_kept(name: &str) -> bool {
    let whole = [JOURNAL, SPOOLS, "index", "slips", "intramuros.lock"];
    // SQLite and the journal keep files of longer names beside theirs.
    let begun = [DATABASE, PEOPLE_DATABASE, "journal.key", "people.key"];
    whole.contains(&name) || begun.iter().any(|begun| name.starts_with(begun))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_closed_when_it_holds_what_is_ours_and_nothing_else() {
        let check = |names: &[&str], before: u32, closed: bool| {
            let folder = tempfile::tempdir().unwrap();
            for name in names {
                fs::write(folder.path().join(name), "").unwrap();
            }
            fs::set_permissions(folder.path(), Permissions::from_mode(before)).unwrap();
            assert_eq!(tightened(folder.path()).unwrap(), closed, "{names:?}");
            let mode = fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, if closed { before & 0o700 } else { before }, "{names:?}");
            // Once.
            assert!(!tightened(folder.path()).unwrap());
        };
        let ours =
            [DATABASE, "intramuros.sqlite-wal", "intramuros.lock", "journal", "journal.key.pub", "index"];
        check(&ours, 0o755, true);
        check(&ours, 0o750, true);
        check(&ours, 0o700, false);
        check(&[], 0o755, false);
        check(&["contrat.pdf"], 0o755, false);
        check(&[DATABASE, "contrat.pdf"], 0o755, false);
        check(&["journal", "index"], 0o755, false);
    }
}
