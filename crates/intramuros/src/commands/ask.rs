//! Which sentences answer, and where do they stand?

use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_library::{Answered, DocumentFacts, SearchOptions};

use crate::commands::search::{NOTHING_FOUND, place};
use crate::noted::Noted;
use crate::output::Output;
use crate::setup::{self, As, Where};
use crate::walls;

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
    /// Print the answer with its citations as JSON
    #[arg(long)]
    json: bool,
}

/// Answers and shows what supports the answer.
///
/// # Errors
/// When nothing was read yet or the data can't be read.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.last_used()?;
    let principal = args.who.principal()?;
    let noted = Noted::open(&perimeter, &data, &principal);
    walls::raise_for_looking(&perimeter, &data)?;
    let library = setup::open_read_only(perimeter, &data)?;
    let question = args.question.join(" ");
    let answered = library.ask(&principal, &question, &SearchOptions::default())?;
    let cited: Vec<&DocumentFacts> = answered.statements.iter().map(|one| &one.document).collect();
    noted.question(&question, answered.results.total, &cited, out)?;
    if args.json {
        out.json(&answered)?;
    } else {
        show(&answered, out);
    }
    Ok(if answered.found { ExitCode::SUCCESS } else { ExitCode::from(NOTHING_FOUND) })
}

fn show(answered: &Answered, out: &mut Output) {
    if !answered.found {
        out.line("I did not find it.");
        let nearest = answered.results.documents.iter().take(3);
        for (index, found) in nearest.enumerate() {
            if index == 0 {
                out.line("The nearest documents:");
            }
            out.line(&format!("  {} {}", found.document.title, out.dim(&found.document.path)));
        }
        return;
    }
    for (index, statement) in answered.statements.iter().enumerate() {
        out.line(&format!(
            "{} [{}]",
            statement.text.split_whitespace().collect::<Vec<_>>().join(" "),
            index + 1
        ));
    }
    out.line("");
    for (index, statement) in answered.statements.iter().enumerate() {
        let standing = place(statement.pages, statement.lines, statement.section.as_deref());
        out.line(&format!(
            "[{}] {} {}",
            index + 1,
            out.bold(&statement.document.title),
            out.dim(&format!("{}{standing}", statement.document.path))
        ));
    }
}
