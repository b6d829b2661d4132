//! What is held, and is everything in step?

use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_netpol::language::Language;
use serde::Serialize;

use crate::commands::unread::french;
use crate::language::count;
use crate::output::{Output, name};
use crate::setup::{self, Where};
use crate::walls;

/// Where to look.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    at: Where,
    /// Compare the index with the store, passage by passage
    #[arg(long)]
    verify: bool,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Status {
    data: std::path::PathBuf,
    counts: intramuros_store::Counts,
    words_in_step: bool,
    embedded: u64,
    /// Whether reading or indexing stopped before its end, and no process goes on with it.
    interrupted: bool,
    /// Sources that are not declared any more; none where there is no configuration to declare them in.
    undeclared: Vec<Undeclared>,
    verified: Option<intramuros_library::Verified>,
}

/// A source that is not declared any more, of which something is held.
#[derive(Serialize)]
struct Undeclared {
    source: String,
    documents: u64,
}

/// Shows the counts.
///
/// # Errors
/// When nothing was read yet, the data can't be read, or (with `--verify`) store and index differ.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.last_used()?;
    walls::raise_for_looking(&perimeter, &data)?;
    // Without a configuration folders are named on the command line: which are meant is not known here.
    let declares = perimeter.file().is_some();
    let library = setup::open_read_only(perimeter, &data, None)?;
    let undeclared = if declares { library.undeclared_counts()? } else { Vec::new() };
    let progress = library.progress();
    let verified = if args.verify { Some(library.verify()?) } else { None };
    let status = Status {
        data,
        counts: library.counts()?,
        words_in_step: progress.words_in_step,
        embedded: progress.embedded,
        interrupted: library.is_interrupted()?,
        undeclared: undeclared
            .into_iter()
            .map(|one| Undeclared { source: one.name, documents: one.documents })
            .collect(),
        verified,
    };
    if args.json {
        out.json(&status)?;
    } else {
        show(&status, out);
    }
    match status.verified {
        Some(verified) if !verified.faults.is_empty() => Err(Error::data(verified.faults.join("; "))
            .hint("delete the folder `index` in the data folder and start again")
            .hint("a text that can't be unpacked comes back with a backup, or by reading everything into a new data folder")),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn show(status: &Status, out: &mut Output) {
    let counts = &status.counts;
    let step = match (status.words_in_step, status.interrupted) {
        (true, _) => out.pick("à jour", "in step"),
        (false, false) => out.pick("en cours d’indexation", "being indexed"),
        (false, true) => out.pick("pas à jour", "not in step"),
    };
    let (files, read) = (counts.files, counts.files_read);
    let (passages, embedded) = (counts.passages, status.embedded);
    out.line(&format!("{:<10} {}", out.pick("données", "data"), status.data.display()));
    let read = count(read, ["lu", "lus"], ["read", "read"], out.language());
    out.line(&format!("{:<10} {files} ({read})", out.pick("fichiers", "files")));
    out.line(&format!("documents  {}", counts.documents));
    out.line(&out.pick(
        format!("passages   {passages} (mots : {step} ; {embedded} avec leur sens)"),
        format!("passages   {passages} (words {step}, {embedded} with meaning)"),
    ));
    if status.interrupted {
        out.line(out.pick(
            "lecture    interrompue ; relancez `intramuros ingest`, ou `intramuros serve`",
            "reading    interrupted; run `intramuros ingest` again, or `intramuros serve`",
        ));
    }
    for (reason, number) in &counts.failed {
        let unread = unread(reason, *number, out.language());
        out.line(&format!("{:<10} {unread}", out.pick("non lus", "not read")));
    }
    for Undeclared { source, documents } in &status.undeclared {
        let (nouns, source) = (["document", "documents"], name(source));
        let documents = count(*documents, nouns, nouns, out.language());
        out.line(&out.pick(
            format!(
                "{documents} d’une source qui n’est plus déclarée : {source} ; déclarez-la, ou retirez-les par \
                 `intramuros forget '{source}'`"
            ),
            format!(
                "{documents} of a source that is not declared any more: {source}; declare it, or remove them with \
                 `intramuros forget '{source}'`"
            ),
        ));
    }
    if let Some(verified) = &status.verified
        && verified.faults.is_empty()
    {
        out.line(out.pick(
            "vérifié    la base et l’index contiennent la même chose",
            "verified   store and index hold the same",
        ));
    }
}

/// How many files or parts were not read for a reason.
fn unread(reason: &str, number: u64, language: Language) -> String {
    let (of_french, of_english) = match reason {
        // Of some OCR is missing, in others it found nothing: `unread` tells them apart.
        "needs_ocr" => (
            ["image sans texte lu", "images sans texte lu"],
            ["picture without text", "pictures without text"],
        ),
        "limit" => (["hors limites"; 2], [reason; 2]),
        other => (french(other), [other; 2]),
    };
    count(number, of_french, of_english, language)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_read_agrees_with_its_number() {
        let check = |reason: &str, number: u64, french: &str, english: &str| {
            assert_eq!(unread(reason, number, Language::French), french);
            assert_eq!(unread(reason, number, Language::English), english);
        };
        check("corrupt", 1, "1 abîmé", "1 corrupt");
        check("corrupt", 7, "7 abîmés", "7 corrupt");
        check("encrypted", 7, "7 chiffrés", "7 encrypted");
        check("needs_ocr", 1, "1 image sans texte lu", "1 picture without text");
        check("limit", 2, "2 hors limites", "2 limit");
        check("of tomorrow", 2, "2 of tomorrow", "2 of tomorrow");
    }
}
