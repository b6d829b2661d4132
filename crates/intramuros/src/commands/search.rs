//! Which passages answer, and where do they stand?

use std::process::ExitCode;

use intramuros_core::document::Kind;
use intramuros_core::error::Error;
use intramuros_library::{FoundDocument, FoundPassage, Results, SearchOptions};
use intramuros_netpol::language::Language;
use intramuros_search::Mode;
use intramuros_search::query::is_visible;

use crate::commands::ask::say_notices;
use crate::looking::{Looking, in_words};
use crate::output::{Output, name};
use crate::setup::{As, Where};

/// What to look for.
#[derive(clap::Args)]
pub struct Args {
    /// The question: words, "exact phrases", -without, title:word, kind:pdf, folder:NAME, lang:fr, after:2024-05
    #[arg(required = true, value_name = "QUESTION")]
    question: Vec<String>,
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    who: As,
    /// Documents shown
    #[arg(long, default_value_t = 10, value_name = "NUMBER")]
    limit: usize,
    /// Search this declared collection alone
    #[arg(long, value_name = "NAME")]
    collection: Option<String>,
    /// Search by words alone, or by meaning alone
    #[arg(long, value_enum)]
    by: Option<By>,
    /// Print the results as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum By {
    Words,
    Meaning,
}

/// Exit code when nothing was found, as grep has it.
pub const NOTHING_FOUND: u8 = 1;

/// Exit code when nothing is asked, as of an option that is not there.
pub const USAGE: u8 = 2;

/// The question of a command line; none, with a word to the person, where it holds nothing.
pub fn asked(words: &[String], out: &mut Output) -> Option<String> {
    let question = words.join(" ");
    let says = is_visible(&question);
    if !says {
        out.error(&Error::user("the question is empty").hint("say what is looked for, in French or English"));
    }
    says.then_some(question)
}

/// Searches and shows the results.
///
/// # Errors
/// When nothing was read yet or the data can't be read.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let Some(question) = asked(&args.question, out) else { return Ok(ExitCode::from(USAGE)) };
    let (perimeter, data) = args.at.last_used()?;
    let principal = args.who.principal()?;
    let looking = Looking::open(perimeter, &data, &principal)?;
    let mode = match args.by {
        None => Mode::Fused,
        Some(By::Words) => Mode::Words,
        Some(By::Meaning) => Mode::Meaning,
    };
    let collection = args.collection.clone();
    let options = SearchOptions { limit: args.limit, mode, collection, ..SearchOptions::default() };
    let results = looking.library.search(&principal, &question, &options)?;
    looking.noted.question(&question, results.total, &[], "", out)?;
    if args.json {
        out.json(&results)?;
    } else {
        show(&results, out);
        if mode != Mode::Words
            && let Some(meaning) = looking.library.without_meaning(&principal)
        {
            out.note(&in_words(&meaning, out.language()));
        }
    }
    Ok(if results.documents.is_empty() { ExitCode::from(NOTHING_FOUND) } else { ExitCode::SUCCESS })
}

fn show(results: &Results, out: &mut Output) {
    if results.documents.is_empty() {
        out.line(out.pick("rien trouvé", "nothing found"));
    }
    say_notices(&results.notices, out);
    if let Some(suggestion) = &results.suggestion {
        out.line(&format!("{} {suggestion}", out.pick("vouliez-vous dire :", "did you mean:")));
    }
    for (rank, found) in results.documents.iter().enumerate() {
        show_document(rank + 1, found, out);
    }
    if results.total > results.documents.len() {
        let (shown, total) = (results.documents.len(), results.total);
        out.line(&out.dim(&out.pick(
            format!("{shown} documents sur {total} ; --limit en montre davantage"),
            format!("{shown} of {total} documents; --limit shows more"),
        )));
    }
}

fn show_document(rank: usize, found: &FoundDocument, out: &mut Output) {
    out.line(&format!("{rank:>2}. {}", out.bold(&name(&found.document.title))));
    let (kind, language) = (found.document.kind, out.language());
    let place = found
        .passages
        .first()
        .map(|passage| place(kind, passage.pages, passage.lines, passage.section.as_deref(), language));
    out.line(&out.dim(&format!("    {}{}", name(&found.document.path), place.unwrap_or_default())));
    if let Some(passage) = found.passages.first() {
        let text = snippet(passage, out);
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            out.line(&format!("    {}", line.trim()));
        }
    }
}

fn snippet(passage: &FoundPassage, out: &Output) -> String {
    let start = passage.snippet.start;
    let text = passage.text.get(passage.snippet.clone()).unwrap_or_default();
    let marks: Vec<_> = passage.marks.iter().map(|mark| mark.start - start..mark.end - start).collect();
    out.marked(text, &marks)
}

/// Where something stands, in words: `, page 3`, `, slide 2`, `, lines 4 to 9`, `, sheet Budget, row 12`.
pub fn place(
    kind: Option<Kind>,
    pages: Option<(u32, u32)>,
    lines: Option<(u32, u32)>,
    section: Option<&str>,
    language: Language,
) -> String {
    let to = language.pick("à", "to");
    let span = |one: &str, many: &str, span: (u32, u32)| match span {
        (first, last) if first == last => format!(", {one} {first}"),
        (first, last) => format!(", {many} {first} {to} {last}"),
    };
    let mut text = String::new();
    // The lines of a sheet are its rows; a file of values between commas has lines, and no sheet.
    let sheet = section.filter(|_| kind == Some(Kind::Sheet));
    if let Some(section) = section {
        text.push_str(", ");
        if sheet.is_some() {
            text.push_str(language.pick("feuille ", "sheet "));
        }
        text.push_str(&name(section));
    }
    if let Some(pages) = pages {
        let [one, many] = match (kind, language) {
            (Some(Kind::Slides), Language::French) => ["diapositive", "diapositives"],
            (Some(Kind::Slides), Language::English) => ["slide", "slides"],
            _ => ["page", "pages"],
        };
        text.push_str(&span(one, many, pages));
    } else if let Some(lines) = lines {
        let [one, many] = if sheet.is_some() { ["row", "rows"] } else { ["line", "lines"] };
        text.push_str(&span(language.pick("ligne", one), language.pick("lignes", many), lines));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_said_in_words() {
        let check = |pages, lines, section, expected: &str| {
            assert_eq!(place(Some(Kind::Pdf), pages, lines, section, Language::English), expected);
        };
        check(Some((3, 3)), None, None, ", page 3");
        check(Some((3, 4)), Some((1, 2)), None, ", pages 3 to 4");
        check(None, Some((4, 9)), Some("Notes"), ", Notes, lines 4 to 9");
        check(None, None, None, "");
        let french = |kind, pages, lines, section| place(kind, pages, lines, section, Language::French);
        assert_eq!(french(None, None, Some((4, 9)), Some("Notes")), ", Notes, lignes 4 à 9");
        assert_eq!(french(None, Some((3, 4)), None, None), ", pages 3 à 4");
        let slides = Some(Kind::Slides);
        assert_eq!(french(slides, Some((2, 2)), None, None), ", diapositive 2");
        assert_eq!(french(slides, Some((2, 4)), None, None), ", diapositives 2 à 4");
        assert_eq!(place(slides, Some((2, 2)), None, None, Language::English), ", slide 2");
        assert_eq!(place(slides, Some((2, 4)), None, None, Language::English), ", slides 2 to 4");
        let sheet = Some(Kind::Sheet);
        assert_eq!(french(sheet, None, Some((12, 12)), Some("Budget")), ", feuille Budget, ligne 12");
        assert_eq!(
            place(sheet, None, Some((4, 9)), Some("Budget"), Language::English),
            ", sheet Budget, rows 4 to 9"
        );
        assert_eq!(place(sheet, None, Some((4, 4)), None, Language::English), ", line 4");
    }
}
