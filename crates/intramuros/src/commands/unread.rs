//! What was not read, and why?

use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_netpol::language::Language;
use serde::Serialize;

use crate::output::{Output, name};
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

#[derive(Serialize)]
struct Unread {
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
    let mut unread: Vec<Unread> = failures
        .into_iter()
        .map(|failure| {
            let path = failure.location.path_text();
            let path = if failure.part.is_empty() { path } else { format!("{path}!/{}", failure.part) };
            Unread { path, reason: failure.reason, detail: failure.detail }
        })
        .collect();
    unread.sort_by(|a, b| (&a.reason, &a.path).cmp(&(&b.reason, &b.path)));
    if args.json {
        out.json(&unread)?;
        return Ok(ExitCode::SUCCESS);
    }
    if unread.is_empty() {
        out.line(out.pick("tout a été lu", "everything was read"));
    }
    for entry in &unread {
        let reason = why(entry, out.language());
        out.line(&format!("{reason:<12} {}  {}", name(&entry.path), out.dim(&name(&entry.detail))));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is said of a file that OCR looked at: it is not OCR that it lacks.
const LOOKED_AT: &str = "OCR found no text";

/// Why a file or part was not read, as the person says it.
fn why(unread: &Unread, language: Language) -> &str {
    match unread.reason.as_str() {
        "needs_ocr" if unread.detail.starts_with(LOOKED_AT) => language.pick("aucun texte", "no text found"),
        reason => in_words(reason, language),
    }
}

/// A reason as the person says it. The detail beside it is English, as errors are.
pub fn in_words(reason: &str, language: Language) -> &str {
    let french = match reason {
        "encrypted" => "chiffré",
        "corrupt" => "abîmé",
        "unsupported" => "non géré",
        "needs_ocr" => "OCR absente",
        "limit" => "limite",
        "time" => "trop long",
        "crashed" => "échec",
        "empty" => "vide",
        "unreadable" => "illisible",
        _ => reason,
    };
    language.pick(french, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_without_text_lacks_no_ocr() {
        let check = |detail: &str, french: &str, english: &str| {
            let (path, reason) = ("a.png".to_owned(), "needs_ocr".to_owned());
            let unread = Unread { path, reason, detail: detail.to_owned() };
            assert_eq!(why(&unread, Language::French), french);
            assert_eq!(why(&unread, Language::English), english);
        };
        check("OCR found no text in it", "aucun texte", "no text found");
        check("an image", "OCR absente", "needs_ocr");
    }
}
