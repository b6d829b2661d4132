//! How is a backup put in place?

use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_store::DATABASE;
use intramuros_store::people::PEOPLE_DATABASE;

use super::backup::{JOURNAL, MANIFEST, Manifest, SPOOLS, copy, kept, private_folder};
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
    for file in &manifest.files {
        let found = kept(&args.from, file.path.clone())?;
        if (found.bytes, &found.hash) != (file.bytes, &file.hash) {
            return Err(Error::data(format!("{}: {} is not as it was made", args.from.display(), file.path))
                .hint("take another backup: this one was changed or is damaged"));
        }
    }
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

fn read(backup: &Path) -> Result<Manifest, Error> {
    let path = backup.join(MANIFEST);
    let none = || Error::user(format!("{} is not a backup", backup.display()));
    let size = std::fs::metadata(&path).map_err(|error| none().because(error))?.len();
    if size > MOST_BYTES {
        return Err(none());
    }
    let text = std::fs::read(&path).map_err(|error| none().because(error))?;
    let manifest: Manifest = serde_json::from_slice(&text).map_err(|error| none().because(error))?;
    // A list that was changed must not write outside the data folder.
    let plain = |path: &str| Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    let known = |path: &str| {
        path.split_once('/').is_none_or(|(folder, name)| match folder {
            JOURNAL => !name.contains('/'),
            folder => folder == SPOOLS,
        })
    };
    if manifest.files.iter().any(|file| !plain(&file.path) || !known(&file.path)) {
        return Err(none());
    }
    Ok(manifest)
}
