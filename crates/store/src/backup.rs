//! How is everything that was acknowledged copied while others go on writing?

use std::path::Path;

use intramuros_core::error::Error;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use crate::error::Doing;
use crate::people::PEOPLE_DATABASE;
use crate::{DATABASE, open};

/// Copies the databases of a data folder into another folder, each as it was at one moment; gives their names. Whoever
/// writes meanwhile is not held up, and what they write later is not in the copy.
///
/// # Errors
/// When one can't be read, or the copy can't be written.
pub fn backup(folder: &Path, to: &Path) -> Result<Vec<&'static str>, Error> {
    let mut names = Vec::new();
    for name in [DATABASE, PEOPLE_DATABASE] {
        let from = folder.join(name);
        if from.is_file() {
            copy(&from, &to.join(name))?;
            names.push(name);
        }
    }
    Ok(names)
}

fn copy(from: &Path, to: &Path) -> Result<(), Error> {
    let what = "copying a database";
    let source = open::reader(from)?;
    // Made by us first, so that only its owner may read it.
    open::private_file(to)
        .map_err(|error| Error::config(format!("{} can't be written", to.display())).because(error))?;
    let mut target = Connection::open(to).doing(what)?;
    let backup = Backup::new(&source, &mut target).doing(what)?;
    // All pages in one step: a reader of the log sees one moment, and holds up nobody.
    match backup.step(-1).doing(what)? {
        StepResult::Done => {}
        _ => {
            return Err(
                Error::config("the database is held by another process: it was not copied").hint("try again")
            );
        }
    }
    drop(backup);
    let whole: String = target.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).doing(what)?;
    if whole != "ok" {
        return Err(Error::data(format!("{} is damaged: {whole}", from.display()))
            .hint("an older backup may be whole; `intramuros status --verify` says more"));
    }
    target.close().map_err(|(_, error)| error).doing(what)
}
