//! How is a backup put in place?

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_store::DATABASE;
use intramuros_store::people::PEOPLE_DATABASE;

use super::backup::{JOURNAL, MANIFEST, Manifest, SPOOLS, copy, is_key, kept, private_folder};
use crate::output::Output;
use crate::setup::Where;

/// Largest list of files that is read, in bytes: thousands of segments of a journal.
const MOST_BYTES: u64 = 16 << 20;

/// What to put in place, and where.
#[derive(clap::Args)]
pub struct Args {
    /// The folder that `backup` made
    #[arg(value_name = "FOLDER")]
    from: PathBuf,
    #[command(flatten)]
    at: Where,
}

/// Checks a backup whole, then puts it into a data folder that holds nothing yet.
///
/// # Errors
/// When the backup is not whole, or the data folder holds something.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (_, data) = args.at.last_used()?;
    let manifest = read(&args.from)?;
    for name in [DATABASE, PEOPLE_DATABASE, JOURNAL] {
        if data.join(name).exists() {
            return Err(Error::user(format!("{} holds something already", data.display()))
                .hint("stop the program, move that folder aside, and run the same command again"));
        }
    }
    // All of it is checked before the first file is put in place.
    check(&args.from, &manifest)?;
    private_folder(&data)?;
    for file in &manifest.files {
        if let Some(folder) = data.join(&file.path).parent() {
            private_folder(folder)?;
        }
        copy(&args.from.join(&file.path), &data.join(&file.path))?;
    }
    let (files, folder) = (manifest.files.len(), data.display());
    out.line(
        &out.pick(
            format!("{files} fichiers placés dans {folder}"),
            format!("{files} files put into {folder}"),
        ),
    );
    out.note(out.pick(
        "L’index sera refait au prochain démarrage. Les clés déclarées ailleurs ne sont pas dans une sauvegarde.",
        "The index is made again at the next start. Keys that were declared elsewhere are not in a backup.",
    ));
    Ok(ExitCode::SUCCESS)
}

/// Whether every file of a backup is as it was made.
fn check(backup: &Path, manifest: &Manifest) -> Result<(), Error> {
    for file in &manifest.files {
        let changed = || {
            Error::data(format!("{}: {} is not as it was made", backup.display(), file.path))
                .hint("take another backup: this one was changed or is damaged")
        };
        if !is_plain_file(backup, &file.path) {
            return Err(changed());
        }
        let found = kept(backup, file.path.clone())?;
        if (found.bytes, &found.hash) != (file.bytes, &file.hash) {
            return Err(changed());
        }
    }
    Ok(())
}

/// Whether a file of a backup is one, in plain folders: a link leads elsewhere, and a pipe never ends. Asked before it is
/// opened.
fn is_plain_file(backup: &Path, path: &str) -> bool {
    let mut place = backup.to_owned();
    let mut parts = Path::new(path).components().peekable();
    while let Some(part) = parts.next() {
        place.push(part);
        let last = parts.peek().is_none();
        let fits = std::fs::symlink_metadata(&place)
            .is_ok_and(|found| if last { found.is_file() } else { found.is_dir() });
        if !fits {
            return false;
        }
    }
    true
}

/// Whether a backup may hold a file of this path: what `backup` puts into one, and nothing that would lie elsewhere in a
/// data folder, or outside it.
fn is_known(path: &str) -> bool {
    let plain = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    // The same file under two ways of writing its path would be written twice.
    let one_way = Path::new(path).components().collect::<PathBuf>().as_os_str() == path;
    let known = match path.split_once('/') {
        None => [DATABASE, PEOPLE_DATABASE].contains(&path) || is_key(path),
        Some((JOURNAL, name)) => !name.contains('/'),
        Some((folder, _)) => folder == SPOOLS,
    };
    plain && one_way && known
}

fn read(backup: &Path) -> Result<Manifest, Error> {
    let path = backup.join(MANIFEST);
    let none = || Error::user(format!("{} is not a backup", backup.display()));
    let found = std::fs::symlink_metadata(&path).map_err(|error| none().because(error))?;
    if !found.is_file() || found.len() > MOST_BYTES {
        return Err(none());
    }
    let text = std::fs::read(&path).map_err(|error| none().because(error))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| none().because(error))?;
    // A list that was changed must not write outside the data folder, nor one file twice.
    let mut seen = HashSet::new();
    if manifest.files.iter().any(|file| !is_known(&file.path) || !seen.insert(&file.path)) {
        return Err(none());
    }
    Ok(manifest)
}

#[cfg(test)]
mod tests {
    use super::super::backup::Kept;
    use super::*;

    /// A backup in which these files are listed, each of which holds its own path.
    fn backup(paths: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let listed = |path: &&str| Kept {
            path: (*path).to_owned(),
            bytes: path.len() as u64,
            hash: blake3::hash(path.as_bytes()).to_hex().to_string(),
        };
        let files = paths.iter().map(listed).collect();
        let manifest = Manifest { version: "1".to_owned(), made_ms: 0, files };
        std::fs::write(folder.path().join(MANIFEST), serde_json::to_vec(&manifest).unwrap()).unwrap();
        folder
    }

    fn fill(folder: &Path, path: &str) {
        std::fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
        std::fs::write(folder.join(path), path).unwrap();
    }

    #[test]
    fn a_list_names_what_a_backup_holds_each_once() {
        let check = |paths: &[&str], expected: bool| {
            assert_eq!(read(backup(paths).path()).is_ok(), expected, "{paths:?}");
        };
        let spool = "sources/uploads-1234abcd/list.jsonl";
        check(
            &[DATABASE, PEOPLE_DATABASE, crate::people::KEY, "journal.key", "journal/1.jsonl", spool],
            true,
        );
        check(&[DATABASE, DATABASE], false);
        for odd in [
            "intramuros.toml",
            "index",
            "../people.key",
            "/etc/passwd",
            "journal/a/b",
            "index/x",
            "journal//1.jsonl",
            "./people.key",
            "sources/a/./b",
            "sources/a/",
            "",
        ] {
            check(&[odd], false);
        }
    }

    #[cfg(unix)]
    #[test]
    fn what_is_no_plain_file_is_not_opened() {
        let check = |make: &dyn Fn(&Path), expected: bool| {
            let folder = backup(&["journal/1.jsonl"]);
            make(folder.path());
            let manifest = read(folder.path()).unwrap();
            assert_eq!(super::check(folder.path(), &manifest).is_ok(), expected);
        };
        let elsewhere = tempfile::tempdir().unwrap();
        fill(elsewhere.path(), "journal/1.jsonl");
        let link = |to: &str, at: PathBuf| {
            std::os::unix::fs::symlink(elsewhere.path().join(to), at).unwrap();
        };
        check(&|folder| fill(folder, "journal/1.jsonl"), true);
        check(&|folder| std::fs::create_dir_all(folder.join("journal/1.jsonl")).unwrap(), false);
        // What a link leads to is as it should be, and is not the backup's.
        check(&|folder| link("journal", folder.join("journal")), false);
        check(
            &|folder| {
                std::fs::create_dir(folder.join("journal")).unwrap();
                link("journal/1.jsonl", folder.join("journal/1.jsonl"));
            },
            false,
        );
        let linked = backup(&[]);
        let at = linked.path().join(MANIFEST);
        std::fs::rename(&at, linked.path().join("other")).unwrap();
        std::os::unix::fs::symlink(linked.path().join("other"), &at).unwrap();
        assert!(read(linked.path()).is_err());
    }
}
