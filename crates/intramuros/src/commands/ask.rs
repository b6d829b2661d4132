//! Which sentences answer, and where do they stand?

use std::path::Path;
use std::process::ExitCode;

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_core::perimeter::{Model, ModelUse, Perimeter};
use intramuros_dialogue::absent;
use intramuros_library::{Answered, DocumentFacts, Notice, SearchOptions};

use crate::commands::search::{NOTHING_FOUND, USAGE, asked, place};
use crate::looking::{Looking, with_counts};
use crate::output::{Output, name};
use crate::setup::{As, Where};
use crate::written::{self, Asked};

/// What to answer.
#[derive(clap::Args)]
pub struct Args {
    /// The question, in French or English
    #[arg(required = true, value_name = "QUESTION")]
    question: Vec<String>,
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    who: As,
    /// Ask this declared collection alone, with its own instructions and model
    #[arg(long, value_name = "NAME")]
    collection: Option<String>,
    /// Let this declared model write the answer; the first one that is declared when none is named
    #[arg(long, value_name = "NAME", conflicts_with = "quote")]
    model: Option<String>,
    /// Answer with sentences of the documents alone, also where a model is declared
    #[arg(long)]
    quote: bool,
    /// Print the answer with its citations as JSON
    #[arg(long)]
    json: bool,
}

/// Answers and shows what supports the answer.
///
/// # Errors
/// When nothing was read yet or the data can't be read.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let Some(question) = asked(&args.question, out) else { return Ok(ExitCode::from(USAGE)) };
    let (perimeter, data) = args.at.last_used()?;
    let principal = args.who.principal()?;
    let writes = |model: &Model| model.purpose == ModelUse::Answers;
    let known = |name: &String| perimeter.models.iter().any(|model| writes(model) && model.name == *name);
    if let Some(name) = args.model.as_ref().filter(|name| !known(name)) {
        return Err(Error::user(format!("no model `{name}` that writes answers is declared")).hint(
            "declare it as [[model]] in intramuros.toml; `intramuros perimeter show` lists those that are",
        ));
    }
    let found = if !args.quote && perimeter.models.iter().any(writes) {
        let asked = Asked {
            question,
            principal,
            model: args.model.clone(),
            collection: args.collection.clone(),
            json: args.json,
        };
        written::run(&asked, &perimeter, &data, out)?
    } else {
        quoted(args, perimeter, &data, &principal, &question, out)?
    };
    Ok(if found { ExitCode::SUCCESS } else { ExitCode::from(NOTHING_FOUND) })
}

/// Answers with sentences of the documents; gives whether something answers.
fn quoted(
    args: &Args,
    perimeter: Perimeter,
    data: &Path,
    principal: &Principal,
    question: &str,
    out: &mut Output,
) -> Result<bool, Error> {
    let looking = Looking::open(perimeter, data, principal)?;
    let options = SearchOptions { collection: args.collection.clone(), ..SearchOptions::default() };
    let mut answered = looking.library.ask(principal, question, &options)?;
    with_counts(&mut answered.results.notices, looking.library.without_meaning(principal));
    let cited: Vec<&DocumentFacts> = answered.statements.iter().map(|one| &one.document).collect();
    looking.noted.question(question, answered.results.total, &cited, "citation", out)?;
    if args.json {
        out.json(&answered)?;
    } else {
        show(&answered, out);
    }
    Ok(answered.found)
}

/// Says which words of a question stand in none of the documents.
pub fn say_absent(words: &[String], out: &mut Output) {
    if let Some((french, english)) = absent::in_words(words) {
        let line = out.pick(french, english);
        out.line(&line);
    }
}

/// Says what became of filters that filter nothing, or let nothing through.
pub fn say_notices(notices: &[Notice], out: &mut Output) {
    for notice in notices {
        let line = out.pick(notice.french.as_str(), notice.english.as_str());
        out.line(line);
    }
}

/// What is said where no document answers.
pub const NOT_FOUND: (&str, &str) = ("Je ne l’ai pas trouvé.", "I did not find it.");

fn show(answered: &Answered, out: &mut Output) {
    if !answered.found {
        out.line(out.pick(NOT_FOUND.0, NOT_FOUND.1));
        say_notices(&answered.results.notices, out);
        say_absent(&answered.results.absent, out);
        let nearest = answered.results.documents.iter().take(3);
        for (index, found) in nearest.enumerate() {
            if index == 0 {
                out.line(out.pick("Les documents les plus proches :", "The nearest documents:"));
            }
            out.line(&format!("  {}", named(&found.document, "", out)));
        }
        return;
    }
    for (index, statement) in answered.statements.iter().enumerate() {
        // Line by line as it stands: a heading, a sentence and the rows of a table run into each other otherwise.
        let lines = statement.text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        let lines: Vec<String> = lines.filter(|line| !line.is_empty()).collect();
        out.line(&format!("{} [{}]", lines.join("\n"), index + 1));
    }
    out.line("");
    for (index, statement) in answered.statements.iter().enumerate() {
        let (kind, section) = (statement.document.kind, statement.section.as_deref());
        let standing = place(kind, statement.pages, statement.lines, section, out.language());
        // What has neither pages nor lines has headings.
        let heading = statement.headings.last().filter(|_| standing.is_empty());
        let standing = heading.map_or(standing, |heading| format!(", {}", name(heading)));
        out.line(&format!("[{}] {}", index + 1, named(&statement.document, &standing, out)));
    }
    say_notices(&answered.results.notices, out);
    say_absent(&answered.results.absent, out);
}

/// A document as it is listed below an answer: its title where it has one, its path, and the place in it.
pub fn named(document: &DocumentFacts, standing: &str, out: &Output) -> String {
    let file = document.path.rsplit('/').next().unwrap_or_default();
    let (title, path) = (name(&document.title), name(&document.path));
    match document.title == file {
        true => format!("{}{}", out.bold(&path), out.dim(standing)),
        false => format!("{} {}", out.bold(&title), out.dim(&format!("{path}{standing}"))),
    }
}
