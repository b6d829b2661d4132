//! Who used which model for how much?

use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_journal::time::now_ms;
use intramuros_store::people::{PEOPLE_DATABASE, People, Ratings, Use};
use serde::Serialize;

use crate::output::Output;
use crate::setup::Where;

/// What to count.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    at: Where,
    /// Days, today among them
    #[arg(long, default_value_t = 30, value_name = "NUMBER", value_parser = clap::value_parser!(u32).range(1..=400))]
    days: u32,
    /// Print as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct Usage {
    days: u32,
    used: Vec<Row>,
    kept: u64,
    good: u64,
    bad: u64,
}

#[derive(Serialize)]
struct Row {
    who: String,
    /// None for sentences of the documents.
    model: Option<String>,
    questions: u64,
    answered: u64,
    refused: u64,
    failed: u64,
    prompt_tokens: u64,
    completion_tokens: u64,
    /// At the declared prices; none where none is declared.
    cost: Option<f64>,
}

/// Shows the counts that the server kept: by person and model, never a question.
///
/// # Errors
/// When nothing was served yet, or the data can't be read.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.last_used()?;
    if !data.join(PEOPLE_DATABASE).is_file() {
        return Err(
            Error::user("nothing was asked yet").hint("`intramuros serve` counts what is asked of it")
        );
    }
    let people = People::open(&data)?;
    let Ratings { kept, good, bad } = people.ratings(args.days, now_ms())?;
    let row = |one: Use| {
        let model = perimeter.models.iter().find(|model| model.name == one.model);
        Row {
            cost: model.and_then(|model| model.cost(one.prompt_tokens, one.completion_tokens)),
            who: one.who,
            model: Some(one.model).filter(|name| !name.is_empty()),
            questions: one.questions,
            answered: one.answered,
            refused: one.refused,
            failed: one.failed,
            prompt_tokens: one.prompt_tokens,
            completion_tokens: one.completion_tokens,
        }
    };
    let used = people.used(args.days, now_ms())?.into_iter().map(row).collect();
    let usage = Usage { days: args.days, used, kept, good, bad };
    if args.json {
        out.json(&usage)?;
    } else {
        show(&usage, &perimeter.assistant.currency, out);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(usage: &Usage, currency: &str, out: &mut Output) {
    if usage.used.is_empty() {
        out.line("no question in these days");
    } else {
        out.line(&format!(
            "{:<20} {:<20} {:>9} {:>9} {:>9} {:>7} {:>12} {:>12}  cost",
            "who", "model", "questions", "answered", "refused", "failed", "tokens in", "tokens out"
        ));
    }
    for row in &usage.used {
        let cost = row.cost.map(|cost| format!("{cost:.2} {currency}")).unwrap_or_default();
        out.line(&format!(
            "{:<20} {:<20} {:>9} {:>9} {:>9} {:>7} {:>12} {:>12}  {}",
            row.who,
            row.model.as_deref().unwrap_or("(sentences)"),
            row.questions,
            row.answered,
            row.refused,
            row.failed,
            row.prompt_tokens,
            row.completion_tokens,
            cost.trim()
        ));
    }
    out.line(&format!("answers kept {}, called good {}, bad {}", usage.kept, usage.good, usage.bad));
}
