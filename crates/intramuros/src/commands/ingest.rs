//! What is read from the folders, once?

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use intramuros_core::error::Error;
use intramuros_core::perimeter::SourceKind;
use intramuros_library::ScanReport;
use intramuros_netpol::language::Language;
use intramuros_sources::{Declared, Outcome};
use serde::Serialize;

use crate::fetching::{self, Fetching};
use crate::interruption::Interruption;
use crate::language::count;
use crate::output::{Output, name};
use crate::progress::{self, Style, Work};
use crate::setup::{self, Where};
use crate::walls;

/// What to read, and how far to go.
#[derive(clap::Args)]
pub struct Args {
    /// The folders to read; those declared in intramuros.toml when none is given
    #[arg(value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    #[command(flatten)]
    at: Where,
    /// Stop when the words can be searched, and leave meaning for later
    #[arg(long)]
    words_only: bool,
    /// Print progress and the result as JSON, an object a line
    #[arg(long)]
    json: bool,
}

/// What was done, for `--json`.
#[derive(Serialize)]
struct Done<'a> {
    sources: Vec<SourceDone<'a>>,
    documents: u64,
    passages: u64,
    failed: std::collections::BTreeMap<String, u64>,
}

#[derive(Serialize)]
struct SourceDone<'a> {
    source: &'a str,
    unchanged: u64,
    read: u64,
    failed: u64,
    moved: u64,
    removed: u64,
    troubles: &'a [(String, String)],
    /// What came from outside; none for a folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    fetched: Option<&'a Outcome>,
}

/// Waits for words and vectors look at the clock this often.
const STEP: Duration = Duration::from_millis(200);

/// Reads the folders and waits until everything can be searched.
///
/// # Errors
/// When a folder can't be read or the data folder can't be written.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.with_folders(&args.folders)?;
    let ocr = setup::ocr()?;
    let places = Declared::all(&perimeter)?;
    let fetching = match places.is_empty() {
        true => None,
        false => Some(Fetching::of(places, &perimeter, &data)),
    };
    let heard = Interruption::listen()?;
    match &fetching {
        None => walls::raise_for_reading(&perimeter, &data, ocr.as_ref())?,
        Some(_) => walls::raise_for_fetching(&perimeter, &data, ocr.as_ref())?,
    }
    let library = Arc::new(setup::open(perimeter.clone(), data, ocr, None)?);
    let fetching = fetching.map(|fetching| fetching.start(&perimeter, &library)).transpose()?.map(Arc::new);
    let (reads, fetches) = (Arc::downgrade(&library), fetching.as_ref().map(Arc::downgrade));
    heard.follow(move || {
        if let Some(fetching) = fetches.and_then(|fetching| fetching.upgrade()) {
            fetching.stop();
        }
        if let Some(library) = reads.upgrade() {
            library.stop();
        }
    })?;
    let goes_on = || heard.code().is_none();
    let style = Style::of(out, args.json);
    // Whether it ended well; empty as long as it goes on.
    let went_well = OnceLock::new();
    let (reports, fetched) = std::thread::scope(|scope| {
        let work = scope.spawn(|| {
            let fetched = fetching.as_ref().map(|fetching| fetching.look()).unwrap_or_default();
            let outcome = library.scan_all().and_then(|reports| {
                while goes_on() && !library.wait_for_words(STEP)? {}
                while goes_on() && !args.words_only && !library.wait_for_vectors(STEP)? {}
                Ok((reports, fetched))
            });
            // What was interrupted is not said to be in step.
            _ = went_well.set(outcome.is_ok() && goes_on());
            outcome
        });
        progress::follow(&library, style, args.words_only, out, |_| match went_well.get() {
            None => Work::Goes,
            Some(true) => Work::Done,
            Some(false) => Work::Failed,
        });
        work.join().unwrap_or_else(|_| Err(Error::internal("reading stopped unexpectedly")))
    })?;
    let counts = library.counts()?;
    if let Some(code) = heard.code() {
        out.note(&interrupted(counts.documents, out.language()));
        return Ok(ExitCode::from(code));
    }
    // Where nobody uploads anything, there is nothing to say of uploads.
    let unused = |source: &str, report: &ScanReport| {
        let uploads = perimeter.source(source).is_some_and(|source| source.kind == SourceKind::Uploads);
        uploads && report.read + report.unchanged + report.moved + report.removed + report.failed == 0
    };
    if args.json {
        let outcome =
            |source: &str| fetched.iter().find(|(name, _)| name == source).map(|(_, outcome)| outcome);
        // A script finds what is declared, and what was read.
        let declares = perimeter.file().is_some();
        let named = reports.iter().filter(|(source, report)| declares || !unused(source, report));
        let sources = named.map(|(source, report)| done(source, report, outcome(source))).collect();
        let done =
            Done { sources, documents: counts.documents, passages: counts.passages, failed: counts.failed };
        let line = serde_json::to_string(&done).map_err(|error| Error::internal("JSON").because(error))?;
        out.line(&line);
        return Ok(ended(&fetched));
    }
    for (source, outcome) in &fetched {
        fetching::in_words(source, outcome, out);
    }
    for (source, report) in reports.iter().filter(|(source, report)| !unused(source, report)) {
        out.line(&sentence(source, report, out.language()));
        for (path, reason) in &report.troubles {
            out.note(&format!("  {}: {reason}", name(path)));
        }
    }
    let unread: u64 = counts.failed.values().sum();
    let noun = |number, word: [&str; 2]| count(number, word, word, out.language());
    let documents = noun(counts.documents, ["document", "documents"]);
    let passages = noun(counts.passages, ["passage", "passages"]);
    out.line(&format!("{documents}, {passages}"));
    if unread > 0 {
        out.line(&out.pick(
            format!(
                "fichiers ou parties non lus : {unread} ; `intramuros unread` les montre, avec la raison"
            ),
            format!("files or parts not read: {unread}; `intramuros unread` lists them with the reason"),
        ));
    }
    Ok(ended(&fetched))
}

/// A place that was not seen whole is a failure, though what was fetched is read.
fn ended(fetched: &[(String, Outcome)]) -> ExitCode {
    if fetched.iter().any(|(_, outcome)| outcome.failure.is_some()) {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    }
}

/// What is said to whoever stops it: what is there already, and how to go on.
fn interrupted(documents: u64, language: Language) -> String {
    let documents = count(documents, ["document", "documents"], ["document", "documents"], language);
    language.pick(
        format!("Interrompu. Gardé : {documents} ; la même commande continue à partir de là."),
        format!("Interrupted. Kept: {documents}; the same command goes on from there."),
    )
}

fn done<'a>(source: &'a str, report: &'a ScanReport, fetched: Option<&'a Outcome>) -> SourceDone<'a> {
    SourceDone {
        source,
        unchanged: report.unchanged,
        read: report.read,
        failed: report.failed,
        moved: report.moved,
        removed: report.removed,
        troubles: &report.troubles,
        fetched,
    }
}

fn sentence(source: &str, report: &ScanReport, language: Language) -> String {
    let said = |number, french, english: &str| count(number, french, [english, english], language);
    let mut parts = vec![said(report.read, ["lu", "lus"], "read")];
    for (number, french, english) in [
        (report.unchanged, ["inchangé", "inchangés"], "unchanged"),
        (report.moved, ["déplacé", "déplacés"], "moved"),
        (report.removed, ["disparu", "disparus"], "removed"),
        (report.failed, ["non lu", "non lus"], "not read"),
    ] {
        if number > 0 {
            parts.push(said(number, french, english));
        }
    }
    format!("{}{} {}", name(source), language.pick(" :", ":"), parts.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_stops_it_is_told_what_is_there_and_how_to_go_on() {
        let check = |documents: u64, language: Language, expected: &str| {
            assert_eq!(interrupted(documents, language), expected);
        };
        check(
            1,
            Language::French,
            "Interrompu. Gardé : 1 document ; la même commande continue à partir de là.",
        );
        check(0, Language::English, "Interrupted. Kept: 0 documents; the same command goes on from there.");
    }
}
