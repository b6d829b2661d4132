//! Which names in a folder are never documents?

/// Folders that hold what programs made for themselves.
const FOLDERS: [&str; 7] = [
    "node_modules",
    "__pycache__",
    "lost+found",
    "$recycle.bin",
    "system volume information",
    "@eadir",
    "__macosx",
];

/// Files that hold what programs made for themselves.
const FILES: [&str; 2] = ["thumbs.db", "desktop.ini"];

/// Endings of files that are being written.
const ENDINGS: [&str; 4] = [".tmp", ".part", ".crdownload", "~"];

/// A file in a folder that tells what the folder is: one that any program may throw away, or a copy of Python.
pub(crate) const MARKS: [&str; 2] = ["CACHEDIR.TAG", "pyvenv.cfg"];

/// Whether a folder of this name is left out with all that is in it.
pub(crate) fn folder(name: &[u8]) -> bool {
    hidden(name) || FOLDERS.contains(&lower(name).as_str())
}

/// Whether a file of this name is left out.
pub(crate) fn file(name: &[u8]) -> bool {
    let lower = lower(name);
    hidden(name)
        // The mark that an office program leaves beside a file that is open.
        || name.starts_with(b"~$")
        || FILES.contains(&lower.as_str())
        || ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

/// Whether a path names no document: a file that programs made for themselves, or one in such a folder.
pub fn is_junk(path: &str) -> bool {
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    file(name.as_bytes()) || (!folders.is_empty() && folders.split('/').any(|name| folder(name.as_bytes())))
}

fn hidden(name: &[u8]) -> bool {
    name.starts_with(b".")
}

fn lower(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_kept_and_junk_is_not() {
        let check = |name: &str, as_folder: bool, as_file: bool| {
            assert_eq!((folder(name.as_bytes()), file(name.as_bytes())), (as_folder, as_file), "{name}");
        };
        check("Contrats", false, false);
        check("target", false, false);
        check(".git", true, true);
        check("node_modules", true, false);
        check("~$bail.docx", false, true);
        check(".~lock.bail.odt#", true, true);
        check("bail.docx", false, false);
        check("Thumbs.db", false, true);
        check("film.mkv.part", false, true);
        check("notes.txt~", false, true);
        check("été.part.txt", false, false);
    }
}
