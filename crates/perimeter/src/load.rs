//! Where is `intramuros.toml`, and what does it say?

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use intramuros_core::error::Error;
use intramuros_core::perimeter::{FILE_NAME, MAX_FILE_BYTES, Perimeter};

/// The file that is taken when none is named: the one in the current folder, else the system's; none when neither is
/// there.
pub fn find() -> Option<PathBuf> {
    [PathBuf::from(FILE_NAME), Path::new("/etc/intramuros").join(FILE_NAME)]
        .into_iter()
        .find(|path| path.is_file())
}

/// Reads the named file, or the one that [`find`] finds, or else the defaults. Paths in it are made absolute.
///
/// # Errors
/// When the file can't be read, or with every mistake in it as a hint.
pub fn load(path: Option<&Path>) -> Result<Perimeter, Error> {
    let Some(path) = path.map(Path::to_owned).or_else(find) else { return Ok(Perimeter::default()) };
    let name = path.display().to_string();
    let unreadable = |error: std::io::Error| {
        Error::config(format!("{name} can't be read: {error}")).hint("name another with `--config FILE`")
    };
    let mut bytes = Vec::new();
    // One byte more than is taken, so that a file that is too large is told apart.
    let limit = MAX_FILE_BYTES as u64 + 1;
    File::open(&path).and_then(|file| file.take(limit).read_to_end(&mut bytes)).map_err(unreadable)?;
    parse(&bytes, &path)
}

/// The perimeter that the bytes of a file declare. Paths in it are made absolute; nothing is read.
///
/// # Errors
/// With every mistake in it as a hint.
pub fn parse(bytes: &[u8], path: &Path) -> Result<Perimeter, Error> {
    let name = path.display().to_string();
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Error::config(format!("{name} is not text in UTF-8: {error}")))?;
    let mut perimeter = Perimeter::parse(text, &name).map_err(|mistakes| {
        let count = mistakes.len();
        let what = if count == 1 { "a mistake".to_owned() } else { format!("{count} mistakes") };
        mistakes.iter().fold(Error::config(format!("{name} has {what}")), |error, mistake| {
            error.hint(mistake.to_string())
        })
    })?;
    let absolute = std::path::absolute(path)
        .map_err(|error| Error::config(format!("{name} has no absolute path")).because(error))?;
    perimeter.resolve_paths(absolute.parent().unwrap_or(Path::new("/")));
    Ok(perimeter)
}

/// The data folder: the declared one, or where the system keeps a program's data.
pub fn data_folder(perimeter: &Perimeter) -> PathBuf {
    perimeter.data.folder.clone().unwrap_or_else(|| PathBuf::from("/var/lib/intramuros"))
}

/// The journal's folder: the declared one, or `journal` in the data folder.
pub fn journal_folder(perimeter: &Perimeter, data: &Path) -> PathBuf {
    perimeter.journal.folder.clone().unwrap_or_else(|| data.join("journal"))
}

/// The journal's key: the declared one, or `journal.key` in the data folder.
pub fn journal_key(perimeter: &Perimeter, data: &Path) -> PathBuf {
    perimeter.journal.key_file.clone().unwrap_or_else(|| own_journal_key(data))
}

/// The journal's key where no other place is declared.
pub fn own_journal_key(data: &Path) -> PathBuf {
    data.join("journal.key")
}
