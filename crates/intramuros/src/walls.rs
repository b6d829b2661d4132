//! How does a command put itself within the walls that are declared?
//!
//! Before anything else that starts a thread: the journal and what the outbound client must know of the machine are
//! opened, then the kernel is asked to refuse everything that the perimeter does not declare, then the journal's thread
//! starts. What was opened before (the listener, the journal's key) stays usable; nothing else does.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use intramuros_core::error::Error;
use intramuros_core::perimeter::{Perimeter, Source};
use intramuros_egress::{Egress, Surroundings};
use intramuros_ingest::Ocr;
use intramuros_journal::{Event, Journal};
use intramuros_netpol::language::Language;
use intramuros_perimeter::{notebook, record};
use intramuros_seal::{Places, Plan, SealError, Sealed, Watched, Watcher};
use intramuros_store::create_private_folder;

use crate::refusals::{self, Told};
use crate::setup;

/// Where tesseract keeps its languages, beside what `TESSDATA_PREFIX` says.
const TESSERACT_FOLDERS: [&str; 3] =
    ["/usr/share/tesseract-ocr", "/usr/share/tessdata", "/usr/local/share/tessdata"];

/// What stands around a service.
pub struct Walls {
    /// What happened is written here.
    pub journal: Journal,
    /// The only way out.
    pub egress: Egress,
    /// What the kernel enforces; none where `sealed = false` is declared.
    pub sealed: Option<Sealed>,
    /// What it was asked to let through, and where things lie.
    pub plan: (Plan, Places),
    /// Who tells what it refuses; none where nobody does.
    pub told: Option<Told>,
}

/// Starts the process that reports what the kernel will refuse; none where nothing is sealed.
///
/// # Errors
/// When this program can't be started again.
pub fn watcher(perimeter: &Perimeter) -> Result<Option<Watcher>, Error> {
    use std::os::unix::process::CommandExt;
    if !perimeter.sealed {
        return Ok(None);
    }
    let mut command = std::process::Command::new(setup::this_program()?);
    // Ctrl+C is for the program, which ends this one by its own end.
    command.arg("watcher").env_clear().process_group(0);
    let wrong = |error| Error::internal("what the kernel refuses can't be followed").because(error);
    Watcher::start(&mut command).map(Some).map_err(wrong)
}

/// Raises the walls around a service that has its listener already.
///
/// # Errors
/// When the journal can't be opened, when it was changed and nobody answers for it (`accept_break` names who does),
/// when the seal fails, or is not whole and must be.
pub fn raise(
    perimeter: &Perimeter,
    data: &Path,
    ocr: Option<&Ocr>,
    accept_break: Option<String>,
    children: Children,
) -> Result<Walls, Error> {
    make(data)?;
    let options = intramuros_journal::Options { accept_break, ..record::options(perimeter, data) };
    let opened = Journal::open(options).map_err(notebook::failed)?;
    let surroundings = Surroundings::of_system();
    let places = places(data, ocr)?;
    let plan = Plan::of(perimeter, &places);
    let configuration = configuration(perimeter);
    let (sealed, watched) = match children.watcher {
        Some(watcher) => seal_watched(perimeter, &plan, watcher, &children.known)?,
        None => (seal(perimeter, &plan)?, None),
    };
    let journal_thread = opened.start().map_err(notebook::failed)?;
    let started = Event::Started {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        seal: sealed.as_ref().map_or_else(|| "not sealed, as declared".to_owned(), Sealed::in_words),
    };
    journal_thread.append_and_wait(started).map_err(notebook::failed)?;
    configuration.into_iter().try_for_each(|event| journal_thread.append(event)).map_err(notebook::failed)?;
    let told = match watched {
        Some(watched) => Some(refusals::follow(watched, journal_thread.clone())?),
        None => None,
    };
    let egress = Egress::new(perimeter, surroundings, record::recorder(journal_thread.clone()))?;
    Ok(Walls { journal: journal_thread, egress, sealed, plan: (plan, places), told })
}

/// Which configuration holds from this start on, so that a change between two of them shows; none without a file.
fn configuration(perimeter: &Perimeter) -> Option<Event> {
    let file = perimeter.file()?;
    let hash = std::fs::read(file).map(|bytes| blake3::hash(&bytes).to_hex()).ok()?;
    let change = Some(format!("read at the start, BLAKE3 {hash}"));
    Some(Event::ConfigurationChanged { by: "file".to_owned(), what: file.to_owned(), change })
}

/// What a service has started before its walls are raised.
#[derive(Default)]
pub struct Children {
    /// Who reports what the kernel refuses.
    pub watcher: Option<Watcher>,
    /// Processes that it may try to end later, which the seal refuses.
    pub known: Vec<i32>,
}

/// Raises the walls around a command that talks to nobody and reads documents.
///
/// # Errors
/// When the seal fails, or is not whole and must be.
pub fn raise_for_reading(perimeter: &Perimeter, data: &Path, ocr: Option<&Ocr>) -> Result<(), Error> {
    make(data)?;
    let plan = Plan::of(perimeter, &places(data, ocr)?).without_network();
    seal(perimeter, &plan).map(drop)
}

/// Raises the walls around a command that fetches and reads documents: it connects to the declared ports alone.
///
/// # Errors
/// As [`raise_for_reading`].
pub fn raise_for_fetching(perimeter: &Perimeter, data: &Path, ocr: Option<&Ocr>) -> Result<(), Error> {
    make(data)?;
    seal(perimeter, &Plan::of(perimeter, &places(data, ocr)?)).map(drop)
}

/// Raises the walls around a command that only looks at what is held: it starts no program either.
///
/// # Errors
/// As [`raise_for_reading`].
pub fn raise_for_looking(perimeter: &Perimeter, data: &Path) -> Result<(), Error> {
    let plan = Plan::of(perimeter, &places(data, None)?).without_network().without_programs();
    seal(perimeter, &plan).map(drop)
}

/// Raises the walls around a command that looks at what is held and puts it to a declared model: it starts no program,
/// and connects to the declared ports alone.
///
/// # Errors
/// As [`raise_for_reading`].
pub fn raise_for_asking(perimeter: &Perimeter, data: &Path) -> Result<(), Error> {
    let plan = Plan::of(perimeter, &places(data, None)?).without_programs();
    seal(perimeter, &plan).map(drop)
}

fn seal(perimeter: &Perimeter, plan: &Plan) -> Result<Option<Sealed>, Error> {
    if !perimeter.sealed {
        return Ok(None);
    }
    let sealed = intramuros_seal::apply(plan, perimeter.require_seal).map_err(unsealed)?;
    log(&sealed);
    Ok(Some(sealed))
}

fn seal_watched(
    perimeter: &Perimeter,
    plan: &Plan,
    watcher: Watcher,
    known: &[i32],
) -> Result<(Option<Sealed>, Option<Watched>), Error> {
    let (sealed, watched) =
        intramuros_seal::apply_watched(plan, perimeter.require_seal, watcher, known).map_err(unsealed)?;
    log(&sealed);
    Ok((Some(sealed), watched))
}

fn log(sealed: &Sealed) {
    tracing::info!(microseconds = sealed.took.as_micros() as u64, "sealed");
}

fn unsealed(error: SealError) -> Error {
    let said = Error::config(error.to_string());
    match error {
        SealError::NotWhole(_) => said
            .hint("run it on a kernel that enforces all of it (Linux 6.12 or later)")
            .hint("or take `require_seal = true` out: it starts then, and says what is not enforced"),
        _ => said.hint("`sealed = false` starts it without the kernel's help"),
    }
}

fn places(data: &Path, ocr: Option<&Ocr>) -> Result<Places, Error> {
    let tools = ocr.map(|ocr| (ocr.program().to_owned(), tool_folders())).into_iter().collect();
    Ok(Places { data: data.to_owned(), program: setup::this_program()?, tools, ..Places::default() })
}

/// The folders that a tool reads.
pub fn tool_folders() -> Vec<PathBuf> {
    let named = std::env::var_os("TESSDATA_PREFIX").map(PathBuf::from);
    TESSERACT_FOLDERS.iter().map(PathBuf::from).chain(named).collect()
}

/// The command that confines another one, for OCR.
pub fn confining(program: &Path) -> Vec<OsString> {
    vec![program.into(), "confined".into()]
}

/// A folder must be there to be written to when sealed. It holds words of every document: nobody else on this machine
/// may look into it.
fn make(data: &Path) -> Result<(), Error> {
    create_private_folder(data).map_err(|error| {
        Error::config(format!("{}: the data folder can't be made", data.display()))
            .because(error)
            .hint("choose another with --data FOLDER")
    })?;
    #[cfg(unix)]
    crate::private::tighten(data);
    Ok(())
}

/// What the walls are, in a line or two, for whoever started the program.
pub fn in_words(perimeter: &Perimeter, walls: &Walls, language: Language) -> Vec<String> {
    let Some(sealed) = &walls.sealed else {
        let unsealed = language.pick(
            "Non scellé (`sealed = false`) : le programme s’en tient à ce qui est déclaré, le noyau n’impose rien.",
            "Not sealed (`sealed = false`): the program keeps to what is declared, the kernel enforces nothing.",
        );
        return vec![unsealed.to_owned()];
    };
    let missing = language.pick("Non imposé par ce noyau :", "Not enforced by this kernel:");
    let unwatched = language
        .pick("Ce que le noyau refuse n’est pas journalisé :", "What the kernel refuses is not journalled:");
    let first = match (sealed.landlock_abi, language) {
        (0, Language::French) => "Scellé en partie : voir ce que ce noyau n’impose pas.".to_owned(),
        (0, Language::English) => "Sealed in part: see what this kernel does not enforce.".to_owned(),
        (_, Language::French) => format!(
            "Scellé par le noyau : {} ; les fichiers ne sont lus que dans {}.",
            way_out(perimeter, language),
            reads(perimeter, language)
        ),
        (_, Language::English) => format!(
            "Sealed by the kernel: {}; files are read in {} alone.",
            way_out(perimeter, language),
            reads(perimeter, language)
        ),
    };
    std::iter::once(first)
        .chain(sealed.missing.iter().map(|what| format!("{missing} {what}")))
        .chain(sealed.unwatched.iter().map(|why| format!("{unwatched} {why}")))
        .collect()
}

fn way_out(perimeter: &Perimeter, language: Language) -> String {
    let today = intramuros_core::perimeter::Day::of_ms(intramuros_journal::time::now_ms());
    let open: Vec<String> = perimeter
        .egress
        .iter()
        .filter(|rule| rule.open_on(today))
        .map(|rule| {
            format!(
                "{} ({})",
                intramuros_core::perimeter::host::with_port(&rule.host, rule.port),
                rule.purpose
            )
        })
        .collect();
    match open.as_slice() {
        [] => language.pick("aucune connexion ne peut sortir", "no connection can leave").to_owned(),
        open if language == Language::French => {
            format!("des connexions ne sortent que vers {}", open.join(", "))
        }
        open => format!("connections leave to {} alone", open.join(", ")),
    }
}

fn reads(perimeter: &Perimeter, language: Language) -> String {
    /// More folders than this are counted rather than named.
    const NAMED: usize = 3;
    let folders: Vec<&Source> = perimeter.sources.iter().filter(|source| !source.is_remote()).collect();
    let paths: Vec<String> =
        folders.iter().take(NAMED).map(|source| source.path.display().to_string()).collect();
    if paths.is_empty() {
        return language.pick("le dossier de données", "the data folder").to_owned();
    }
    match folders.len().checked_sub(NAMED) {
        None | Some(0) => paths.join(", "),
        Some(more) if language == Language::French => {
            format!("{} et {more} autres dossiers", paths.join(", "))
        }
        Some(more) => format!("{} and {more} more folders", paths.join(", ")),
    }
}
