//! What is taken away of a source that is not declared any more?

use std::process::ExitCode;
use std::time::Duration;

use intramuros_core::access::Principal;
use intramuros_core::error::Error;
use intramuros_library::spool;

use crate::language::count;
use crate::noted;
use crate::output::Output;
use crate::setup::{self, Where};
use crate::walls;

/// What to forget.
#[derive(clap::Args)]
pub struct Args {
    /// The source's name, as `intramuros status` tells it
    #[arg(value_name = "SOURCE")]
    source: String,
    #[command(flatten)]
    at: Where,
}

/// Waiting for the words looks at the clock this often.
const STEP: Duration = Duration::from_millis(200);

/// Forgets a source with everything that was read from it. Its files are not touched.
///
/// # Errors
/// When it is declared or not known, when another process writes the data folder, or it can't be written.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let name = args.source.as_str();
    let (perimeter, data) = args.at.last_used()?;
    // Without a configuration folders are named at each start, and what is read again is named there.
    if perimeter.source(name).is_some() {
        return Err(Error::user(format!("the source `{name}` is declared, and would be read again"))
            .hint("take it out of intramuros.toml first"));
    }
    // Makes nothing where there is nothing.
    let journal = noted::Opened::of(&perimeter, &data, &Principal::owner())?;
    walls::raise_for_reading(&perimeter, &data, None)?;
    let noted = journal.start();
    let library = setup::open(perimeter, data.clone(), None, None)?;
    let held = library.undeclared_counts()?;
    let Some(forgotten) = held.iter().find(|source| source.name == name) else {
        let names: Vec<&str> = held.iter().map(|source| source.name.as_str()).collect();
        let error = Error::user(format!("nothing was read from a source `{name}`"));
        return Err(match names.is_empty() {
            true => error.hint("every source that something was read from is declared"),
            false => error.hint(format!("these are not declared any more: {}", names.join(", "))),
        });
    };
    noted.administered("source forgotten", ("source", name), out)?;
    library.remove_source(name)?;
    while !library.wait_for_words(STEP)? {}
    library.compact()?;
    let documents =
        count(forgotten.documents, ["document", "documents"], ["document", "documents"], out.language());
    out.line(&out.pick(format!("{name} : {documents} en moins"), format!("{name}: {documents} forgotten")));
    let kept = spool::folder(&data, name);
    if kept.is_dir() {
        let kept = kept.display();
        out.note(&out.pick(
            format!("Ce qui en a été apporté ou rapporté reste dans {kept} ; supprimez ce dossier s’il ne sert plus."),
            format!("What was brought or fetched stays in {kept}; delete that folder when nobody needs it."),
        ));
    }
    Ok(ExitCode::SUCCESS)
}
