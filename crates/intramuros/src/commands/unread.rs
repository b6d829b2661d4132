//! What was not read, and why?

use std::collections::HashMap;
use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_netpol::language::Language;
use serde::Serialize;

use crate::output::{Output, name};
use crate::reasons::in_french;
use crate::setup::{self, As, Where};
use crate::walls;

/// Where to look.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    who: As,
    /// Print the list as JSON
    #[arg(long)]
    json: bool,
}

/// Entries listed at most; the totals are by `intramuros status`.
const MOST: usize = 10_000;

/// As `/api/v1/failures` has it.
#[derive(Serialize)]
struct Unread {
    /// The source: several may have a file of the same path.
    source: String,
    path: String,
    reason: String,
    detail: String,
}

/// Lists the files and parts that were not read.
///
/// # Errors
/// When nothing was read yet or the data can't be read.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.last_used()?;
    walls::raise_for_looking(&perimeter, &data)?;
    let library = setup::open_read_only(perimeter, &data, None)?;
    let failures = library.failures(&args.who.principal()?, 0, MOST)?;
    let sources: HashMap<_, _> =
        library.store().sources()?.into_iter().map(|source| (source.id, source.name)).collect();
    let mut unread: Vec<Unread> = failures
        .into_iter()
        .map(|failure| {
            let source = sources.get(&failure.location.source).cloned().unwrap_or_default();
            let path = failure.location.path_text();
            let path = if failure.part.is_empty() { path } else { format!("{path}!/{}", failure.part) };
            Unread { source, path, reason: failure.reason, detail: failure.detail }
        })
        .collect();
    unread.sort_by(|a, b| (&a.reason, &a.path, &a.source).cmp(&(&b.reason, &b.path, &b.source)));
    let rest = match unread.len() {
        MOST => and_more(unread.len(), library.counts()?.failed.values().sum(), out.language()),
        _ => None,
    };
    if args.json {
        out.json(&unread)?;
        // The list is what programs read, as it was: that it is not all stands beside it.
        if let Some(rest) = &rest {
            out.note(rest);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if unread.is_empty() {
        out.line(out.pick("tout a été lu", "everything was read"));
    }
    for entry in &unread {
        let (reason, detail) = (why(entry, out.language()), told(entry, out.language()));
        out.line(&format!("{reason:<12} {}  {}", name(&entry.path), out.dim(&name(&detail))));
    }
    if let Some(rest) = &rest {
        out.line(rest);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is said below a list that is cut; none where all are listed.
fn and_more(listed: usize, all: u64, language: Language) -> Option<String> {
    let more = all.saturating_sub(listed as u64);
    let said = language.pick(format!("… et {more} de plus"), format!("… and {more} more"));
    (more > 0).then_some(said)
}

/// What is said of a file that OCR looked at, or failed on: it is not OCR that it lacks.
const LOOKED_AT: &str = "OCR found no text";
const FAILED: &str = "OCR failed";

/// Why a file or part was not read, as the person says it.
fn why(unread: &Unread, language: Language) -> &str {
    match unread.reason.as_str() {
        "needs_ocr" if told(unread, Language::English).starts_with(LOOKED_AT) => {
            language.pick("aucun texte", "no text found")
        }
        "needs_ocr" if told(unread, Language::English).starts_with(FAILED) => {
            language.pick("OCR en échec", "OCR failed")
        }
        reason => in_words(reason, language),
    }
}

/// What is said beside the reason: the detail, without the reason that it begins with.
fn told(unread: &Unread, language: Language) -> String {
    let [english, french] = announced(&unread.reason);
    let said = match language {
        Language::English => unread.detail.clone(),
        Language::French => in_french(&unread.detail),
    };
    let without = said.strip_prefix(french).or_else(|| said.strip_prefix(english));
    without.unwrap_or(&said).to_owned()
}

/// What a detail begins with, in both languages, as errors of reading announce themselves.
fn announced(reason: &str) -> [&'static str; 2] {
    match reason {
        "encrypted" => ["encrypted: ", "chiffré : "],
        "corrupt" => ["corrupt: ", "abîmé : "],
        "unsupported" => ["not a format that is read: ", "un format qui n’est pas lu : "],
        "needs_ocr" => ["needs OCR: ", "demande une reconnaissance de texte : "],
        "limit" => ["over a limit: ", "au-delà d’une limite : "],
        "crashed" => ["the reader fell: ", "le lecteur est tombé : "],
        "empty" => ["empty: ", "vide : "],
        "unreadable" => ["not readable: ", "illisible : "],
        _ => ["", ""],
    }
}

/// A reason as the person says it.
fn in_words(reason: &str, language: Language) -> &str {
    let [one, _] = french(reason);
    language.pick(one, reason)
}

/// A reason in French, of one file or part and of several.
pub fn french(reason: &str) -> [&str; 2] {
    match reason {
        "encrypted" => ["chiffré", "chiffrés"],
        "corrupt" => ["abîmé", "abîmés"],
        "unsupported" => ["non géré", "non gérés"],
        "needs_ocr" => ["OCR absente"; 2],
        "limit" => ["limite"; 2],
        "time" => ["trop long", "trop longs"],
        "crashed" => ["échec", "échecs"],
        "empty" => ["vide", "vides"],
        "unreadable" => ["illisible", "illisibles"],
        _ => [reason; 2],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(reason: &str, detail: &str) -> Unread {
        let [source, path, reason, detail] = ["documents", "a.png", reason, detail].map(str::to_owned);
        Unread { source, path, reason, detail }
    }

    #[test]
    fn a_list_that_is_cut_says_how_many_more_there_are() {
        let check = |all: u64, french: Option<&str>, english: Option<&str>| {
            assert_eq!(and_more(MOST, all, Language::French).as_deref(), french);
            assert_eq!(and_more(MOST, all, Language::English).as_deref(), english);
        };
        check(10_000, None, None);
        check(10_234, Some("… et 234 de plus"), Some("… and 234 more"));
        // What was counted a moment later may be less.
        check(9_000, None, None);
    }

    #[test]
    fn a_picture_without_text_lacks_no_ocr() {
        let check = |detail: &str, french: &str, english: &str| {
            let unread = of("needs_ocr", detail);
            assert_eq!(why(&unread, Language::French), french);
            assert_eq!(why(&unread, Language::English), english);
        };
        check("needs OCR: OCR found no text in it", "aucun texte", "no text found");
        check("needs OCR: an image", "OCR absente", "needs_ocr");
    }

    #[test]
    fn the_reason_is_said_once_and_the_detail_in_the_persons_language() {
        let check = |reason: &str, detail: &str, french: &str, english: &str| {
            let unread = of(reason, detail);
            assert_eq!(told(&unread, Language::French), french);
            assert_eq!(told(&unread, Language::English), english);
        };
        let (french, english) = ("la structure du PDF est illisible", "the PDF's structure can't be read");
        check("corrupt", &format!("corrupt: {english}"), french, english);
        check("encrypted", "encrypted: a thing of no list", "a thing of no list", "a thing of no list");
        // What says another reason says it whole, and an unknown one stays.
        check(
            "empty",
            "corrupt: a thing of no list",
            "abîmé : a thing of no list",
            "corrupt: a thing of no list",
        );
        check("of tomorrow", "a thing of no list", "a thing of no list", "a thing of no list");
    }

    #[test]
    fn details_begin_as_errors_of_reading_do() {
        use intramuros_core::document::ExtractError;
        let some = || "a thing of no list".to_owned();
        for error in [
            ExtractError::Encrypted(some()),
            ExtractError::Corrupt(some()),
            ExtractError::Unsupported(some()),
            ExtractError::NeedsOcr(some()),
            ExtractError::Limit(some()),
            ExtractError::Crashed(some()),
            ExtractError::Empty(some()),
            ExtractError::Unreadable(some()),
        ] {
            let unread = of(error.word(), &error.to_string());
            for language in [Language::French, Language::English] {
                assert_eq!(told(&unread, language), some(), "{error}");
            }
        }
    }
}
