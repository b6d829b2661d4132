//! Who used which model for how much?

use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_journal::time::now_ms;
use intramuros_server::{UsageAnswer, usage};
use intramuros_store::Store;
use intramuros_store::people::{PEOPLE_DATABASE, People};

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

/// Shows the counts that the server kept: by person and model, never a question.
///
/// # Errors
/// When nothing was served yet, or the data can't be read.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let (perimeter, data) = args.at.last_used()?;
    if !data.join(PEOPLE_DATABASE).is_file() {
        Store::look_for(&data)?;
        return Err(
            Error::user("nothing was asked yet").hint("`intramuros serve` counts what is asked of it")
        );
    }
    let people = People::open(&data)?;
    let usage = usage(&people, &perimeter, args.days, now_ms())?;
    if args.json {
        out.json(&usage)?;
    } else {
        show(&usage, out);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(usage: &UsageAnswer, out: &mut Output) {
    if usage.used.is_empty() {
        out.line(out.pick("aucune question ces jours-ci", "no question in these days"));
    } else {
        out.line(&format!(
            "{:<20} {:<20} {:>9} {:>9} {:>9} {:>7} {:>12} {:>12}  {}",
            out.pick("qui", "who"),
            out.pick("modèle", "model"),
            "questions",
            out.pick("répondues", "answered"),
            out.pick("refusées", "refused"),
            out.pick("échecs", "failed"),
            out.pick("jetons lus", "tokens in"),
            out.pick("écrits", "tokens out"),
            out.pick("coût", "cost")
        ));
    }
    for row in &usage.used {
        let cost = row.cost.map(|cost| format!("{cost:.2} {}", usage.currency)).unwrap_or_default();
        out.line(&format!(
            "{:<20} {:<20} {:>9} {:>9} {:>9} {:>7} {:>12} {:>12}  {}",
            row.who,
            row.model.as_deref().unwrap_or(out.pick("(phrases)", "(sentences)")),
            row.questions,
            row.answered,
            row.refused,
            row.failed,
            row.prompt_tokens,
            row.completion_tokens,
            cost.trim()
        ));
    }
    let UsageAnswer { kept, good, bad, .. } = usage;
    out.line(&out.pick(
        format!("réponses gardées : {kept} ; jugées bonnes : {good}, mauvaises : {bad}"),
        format!("answers kept {kept}, called good {good}, bad {bad}"),
    ));
}
