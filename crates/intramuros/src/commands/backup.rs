//! How is everything that is held copied, while people work?

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_core::perimeter::{ATTACHED, Perimeter, SourceKind};
use intramuros_journal::time::now_ms;
use intramuros_library::spool;
use intramuros_perimeter::load;
use intramuros_store::{Store, create_private_folder};
use serde::{Deserialize, Serialize};

use crate::output::Output;
use crate::people;
use crate::setup::Where;

/// Name of the list of what a backup holds.
pub const MANIFEST: &str = "backup.json";

/// Folder of the journal within a backup, and within a data folder.
pub const JOURNAL: &str = "journal";

/// Whether a file of the data folder belongs in a backup beside the databases: the keys, without which sealed secrets and
/// signatures are lost, and what the journal last signed and sent.
pub(super) fn is_key(name: &str) -> bool {
    name == people::KEY || name.starts_with("journal.")
}

/// What to copy, and where to.
#[derive(clap::Args)]
pub struct Args {
    /// The folder that is made for the backup
    #[arg(value_name = "FOLDER")]
    to: PathBuf,
    #[command(flatten)]
    at: Where,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

/// What a backup holds.
#[derive(Debug, Serialize, Deserialize)]
pub struct Manifest {
    /// Version of the program that made it.
    pub version: String,
    /// When, in milliseconds since 1970.
    pub made_ms: i64,
    /// Its files.
    pub files: Vec<Kept>,
}

/// A file of a backup.
#[derive(Debug, Serialize, Deserialize)]
pub struct Kept {
    /// Its path in the backup and in the data folder, `/`-separated.
    pub path: String,
    /// Its bytes.
    pub bytes: u64,
    /// BLAKE3 of them, in hexadecimal.
    pub hash: String,
}

/// Copies databases, journal and keys into a new folder. The index is left out: it is made again from them.
///
/// # Errors
/// When the folder is there already, or something can't be read or written; no folder is left then.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.last_used()?;
    // A copy of nothing would be taken for a backup.
    Store::look_for(&data)?;
    let unfinished = place(&args.to)?;
    let manifest = fill(&perimeter, &data, &unfinished)
        .and_then(|manifest| put_in_place(&unfinished, &args.to).map(|()| manifest))
        .inspect_err(|_| {
            // What can't be removed shows by its name that it is no backup.
            let _ = fs::remove_dir_all(&unfinished);
        })?;
    if args.json {
        out.json(&manifest)?;
    } else {
        let bytes: u64 = manifest.files.iter().map(|file| file.bytes).sum();
        let (files, kilobytes, to) = (manifest.files.len(), bytes / 1_000, args.to.display());
        out.line(&out.pick(
            format!("{files} fichiers, {kilobytes} ko dans {to}"),
            format!("{files} files, {kilobytes} kB in {to}"),
        ));
        out.note(out.pick(
            "Il contient le texte de chaque document, et les clés : à garder aussi soigneusement que le dossier de données.",
            "It holds every document's text, and the keys: keep it as carefully as the data folder.",
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Makes the folder and copies everything into it, the list of it last.
fn fill(perimeter: &Perimeter, data: &Path, to: &Path) -> Result<Manifest, Error> {
    private_folder(&to.join(JOURNAL))?;
    let mut paths: Vec<String> = intramuros_store::backup(data, to)?.into_iter().map(str::to_owned).collect();
    // What was signed last comes before the journal: what is written meanwhile is then newer than the signature, as after
    // a fall of the program. Keys that are declared elsewhere are kept elsewhere on purpose.
    for name in files(data)?.into_iter().filter(|name| is_key(name)) {
        copy(&data.join(&name), &to.join(&name))?;
        paths.push(name);
    }
    let journal = load::journal_folder(perimeter, data);
    for name in files(&journal)?.into_iter().filter(|name| !name.ends_with(".lock")) {
        let path = format!("{JOURNAL}/{name}");
        copy(&journal.join(&name), &to.join(&path))?;
        paths.push(path);
    }
    for spool in uploads(perimeter, data) {
        paths.extend(copy_uploads(data, to, &spool)?);
    }
    let files = paths.into_iter().map(|path| kept(to, path)).collect::<Result<Vec<_>, _>>()?;
    let manifest = Manifest { version: env!("CARGO_PKG_VERSION").to_owned(), made_ms: now_ms(), files };
    let text = serde_json::to_vec_pretty(&manifest).map_err(|error| Error::internal(error.to_string()))?;
    let mut file = private(&to.join(MANIFEST))?;
    file.write_all(&text).and_then(|()| file.sync_all()).map_err(|error| wrong(&to.join(MANIFEST), error))?;
    Ok(manifest)
}

/// Folder, within the data folder and a backup, of what is kept of each source.
pub const SPOOLS: &str = "sources";

/// The folders of what people brought, relative to the data folder. What was fetched from elsewhere is fetched again.
fn uploads(perimeter: &Perimeter, data: &Path) -> Vec<String> {
    let taking = perimeter.sources.iter().filter(|source| source.kind == SourceKind::Uploads);
    let folders = taking.map(|source| spool::folder(data, &source.name));
    let names = folders.filter_map(|folder| Some(folder.file_name()?.to_string_lossy().into_owned()));
    // Without a configuration no source is declared; the documents that were brought lie there all the same.
    let mut found: Vec<String> = names.collect();
    // What is attached to conversations goes with them, which are in the database of people.
    found.extend(spool::folder(data, ATTACHED).file_name().map(|name| name.to_string_lossy().into_owned()));
    if perimeter.file().is_none() {
        let folder = spool::folder(data, "uploads");
        found.extend(folder.file_name().map(|name| name.to_string_lossy().into_owned()));
    }
    found.sort();
    found.dedup();
    found.into_iter().map(|name| format!("{SPOOLS}/{name}")).collect()
}

/// Copies the list of what people brought, then every file of it. A file that is taken away meanwhile is left out.
fn copy_uploads(data: &Path, to: &Path, spool: &str) -> Result<Vec<String>, Error> {
    let mut paths = Vec::new();
    let names = files(&data.join(spool))?;
    if !names.iter().any(|name| name == spool::LIST) {
        return Ok(paths);
    }
    let mut add = |path: String| -> Result<(), Error> {
        if let Some(folder) = to.join(&path).parent() {
            private_folder(folder)?;
        }
        if data.join(&path).is_file() {
            copy(&data.join(&path), &to.join(&path))?;
            paths.push(path);
        }
        Ok(())
    };
    add(format!("{spool}/{}", spool::LIST))?;
    for path in spool::files(&to.join(spool)).map_err(|error| wrong(&to.join(spool), error))? {
        add(format!("{spool}/{path}"))?;
    }
    Ok(paths)
}

/// Where a backup is made: beside its place, under a name that shows that it is not finished.
fn place(folder: &Path) -> Result<PathBuf, Error> {
    if folder.exists() {
        return Err(Error::user(format!("{} is there already", folder.display()))
            .hint("give the name of a folder that is to be made, such as one with the day in it"));
    }
    let unfinished = folder.with_added_extension("unfinished");
    if unfinished.exists() {
        return Err(Error::user(format!("{} is there already", unfinished.display()))
            .hint("a backup that was cut short left it, or one is being made: remove it in the first case"));
    }
    Ok(unfinished)
}

/// Gives a finished backup its name.
fn put_in_place(unfinished: &Path, to: &Path) -> Result<(), Error> {
    let above = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::rename(unfinished, to).and_then(|()| File::open(above)?.sync_all()).map_err(|error| wrong(to, error))
}

/// A folder for its owner alone.
pub fn private_folder(folder: &Path) -> Result<(), Error> {
    create_private_folder(folder).map_err(|error| wrong(folder, error))
}

/// The files of a folder, by name; none when there is no such folder.
fn files(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(wrong(folder, error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| wrong(folder, error))?;
        if entry.path().is_file() {
            names.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

/// Copies a file as it is now to one that only its owner may read, and brings it to the disk.
pub fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let mut source = File::open(from).map_err(|error| wrong(from, error))?;
    let mut target = private(to)?;
    io::copy(&mut source, &mut target).and_then(|_| target.sync_all()).map_err(|error| wrong(to, error))
}

fn private(path: &Path) -> Result<File, Error> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(|error| wrong(path, error))
}

/// A file of a backup with its size and hash.
pub fn kept(backup: &Path, path: String) -> Result<Kept, Error> {
    let place = backup.join(&path);
    let mut file = File::open(&place).map_err(|error| wrong(&place, error))?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(&mut file).map_err(|error| wrong(&place, error))?;
    Ok(Kept { path, bytes: hasher.count(), hash: hasher.finalize().to_hex().to_string() })
}

fn wrong(path: &Path, error: io::Error) -> Error {
    Error::config(format!("{} can't be read or written", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finished_has_another_name() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("2026-11-23");
        let unfinished = place(&to).unwrap();
        private_folder(&unfinished).unwrap();
        assert!(place(&to).unwrap_err().to_string().contains("2026-11-23.unfinished is there already"));
        put_in_place(&unfinished, &to).unwrap();
        assert!(to.is_dir() && !unfinished.exists());
        assert!(place(&to).is_err());
    }
}
