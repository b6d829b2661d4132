//! Is the journal whole, and how is it handed to others?

use std::io::Write;
use std::path::Path;

use clap::ValueEnum;
use intramuros_core::error::Error;
use intramuros_core::perimeter::Perimeter;
use intramuros_journal::line::Hash;
use intramuros_journal::read::{Filter, each};
use intramuros_journal::verify::{Expected, Report, verify as check};
use intramuros_journal::{Event, JournalError, keys, syslog, time};

use super::{Last, Where, print, print_json};
use crate::notebook::{Notebook, failed};
use crate::{load, number_of};

/// `journal verify`.
#[derive(clap::Args, Clone, Debug)]
pub struct VerifyArgs {
    #[command(flatten)]
    pub(super) place: Where,
    /// An entry noted elsewhere, which must still be there: its number and hash
    #[arg(long, value_name = "NUMBER:HASH")]
    noted: Option<String>,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Checks the journal and prints what was found.
///
/// # Errors
/// When it is not whole, or can't be read.
pub fn verify(args: &VerifyArgs, last: Option<&Last>, out: &mut dyn Write) -> Result<(), Error> {
    let (perimeter, data) = args.place.load(last)?;
    let folder = load::journal_folder(&perimeter, &data);
    let key = load::journal_key(&perimeter, &data);
    let public = keys::read_public(&key).map_err(|error| {
        let earlier = load::own_journal_key(&data);
        if keys::was_left_behind(&key, &earlier) {
            return failed(JournalError::KeyElsewhere { declared: key.clone(), earlier });
        }
        if is_missing(&folder) && is_missing(&key) {
            return none_yet(&data);
        }
        wrong(error)
            .hint("the public key lies beside the journal's key; name its place with `journal.key_file`")
    })?;
    let noted = args.noted.as_deref().map(read_noted).transpose()?;
    let head = std::fs::read_to_string(keys::head_path(&key)).ok();
    let report = check(&folder, &Expected { public, head, noted }).map_err(wrong)?;
    if args.json {
        print_json(out, &report)?;
    } else {
        print(out, &in_words(&report))?;
    }
    if report.is_whole() {
        return Ok(());
    }
    let findings = number_of(report.findings.len() as u64, "finding", "findings");
    Err(Error::data(format!("the journal is not as it was written: {findings}")))
}

/// Whether nothing is at a place; what can't be looked at may be there.
fn is_missing(place: &Path) -> bool {
    matches!(place.try_exists(), Ok(false))
}

fn none_yet(data: &Path) -> Error {
    Error::user(format!("{} holds no journal yet", data.display()))
        .hint("it begins with the first question, or with `intramuros serve`")
        .hint("name another data folder with `--data FOLDER`")
}

fn read_noted(text: &str) -> Result<(u64, Hash), Error> {
    text.split_once(':')
        .and_then(|(number, hash)| Some((number.parse().ok()?, Hash::from_hex(hash)?)))
        .ok_or_else(|| {
            Error::user(format!("`{text}` is not NUMBER:HASH, as `journal verify` prints it at its end"))
        })
}

fn in_words(report: &Report) -> String {
    if report.is_new() {
        return "Nothing is written yet.\n".to_owned();
    }
    let mut text = format!(
        "{} in {}, numbers {} to {}; {} by {}, the last over number {}.\n",
        number_of(report.entries, "entry", "entries"),
        number_of(report.segments as u64, "segment", "segments"),
        report.first,
        report.last,
        number_of(report.signatures, "signature", "signatures"),
        report.key,
        report.signed_up_to
    );
    for accepted in &report.accepted {
        text.push_str(&format!("A break was accepted by {accepted}\n"));
    }
    for finding in &report.findings {
        let line = if finding.line > 0 { format!(":{}", finding.line) } else { String::new() };
        text.push_str(&format!(
            "{}{line}: after entry {}: {}\n",
            finding.file.display(),
            finding.after,
            finding.what
        ));
    }
    if report.is_whole() {
        text.push_str(&format!("Whole. To check against later, note: {}:{}\n", report.last, report.hash));
    }
    text
}

/// `journal export`.
#[derive(clap::Args, Clone, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    pub(super) place: Where,
    /// From this day or moment on (2026-11-22, 2026-11-22T03:20:00Z)
    #[arg(long, value_name = "WHEN")]
    from: Option<String>,
    /// Before this day or moment
    #[arg(long, value_name = "WHEN")]
    to: Option<String>,
    /// After the entry of this number
    #[arg(long, value_name = "NUMBER")]
    after: Option<u64>,
    /// Of this kind (question, egress, sign_in…); may be given several times
    #[arg(long)]
    kind: Vec<String>,
    /// By this person
    #[arg(long)]
    who: Option<String>,
    /// In which form
    #[arg(long, value_enum, default_value_t = Form::Jsonl)]
    format: Form,
    /// Send to the declared syslog collector instead of printing
    #[arg(long)]
    send: bool,
}

#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// One line of JSON for each entry, as it lies in the journal
    Jsonl,
    /// RFC 5424 messages, framed by their length
    Syslog,
}

/// Prints or sends the entries that match.
///
/// # Errors
/// When they can't be read or written.
pub fn export(args: &ExportArgs, last: Option<&Last>, out: &mut dyn Write) -> Result<(), Error> {
    let (perimeter, data) = args.place.load(last)?;
    let folder = load::journal_folder(&perimeter, &data);
    let filter = Filter {
        from_ms: args.from.as_deref().map(moment).transpose()?,
        to_ms: args.to.as_deref().map(moment).transpose()?,
        after: args.after,
        kinds: args.kind.clone(),
        who: args.who.clone(),
    };
    Notebook::enter_what_waits(&perimeter, &data);
    // To look for a journal makes none.
    if is_missing(&folder) {
        return Err(none_yet(&data));
    }
    let count = if args.send {
        send(&perimeter, &folder, &filter)?
    } else {
        write(&folder, &filter, args.format, out)?
    };
    let event = Event::Exported { by: "owner".to_owned(), what: "journal".to_owned(), count };
    if let Some(why) = Notebook::open(&perimeter, &data).start().note(&[event])? {
        // A broken journal or a copy on a disk that can't be written is exported all the same: to be looked at.
        let _ = writeln!(std::io::stderr(), "That this was exported is not in the journal: {why}");
    }
    Ok(())
}

/// Writes what matches; gives how many there were.
fn write(folder: &Path, filter: &Filter, form: Form, out: &mut dyn Write) -> Result<u64, Error> {
    let host = syslog::host_name();
    let mut count = 0;
    let mut failed = None;
    let mut bytes = Vec::new();
    each(folder, filter, |entry, line| {
        bytes.clear();
        match form {
            Form::Jsonl => {
                bytes.extend_from_slice(line);
                bytes.push(b'\n');
            }
            Form::Syslog => syslog::frame(&mut bytes, entry, line, &host),
        }
        count += 1;
        failed = out.write_all(&bytes).err();
        failed.is_none()
    })
    .map_err(wrong)?;
    match failed {
        Some(error) => Err(Error::user("the entries can't be written").because(error)),
        None => Ok(count),
    }
}

/// Sends to the collector, through the one door out.
fn send(perimeter: &Perimeter, folder: &Path, filter: &Filter) -> Result<u64, Error> {
    use intramuros_core::perimeter::{Purpose, host::parse_host_port};
    let declared = perimeter.journal.syslog.as_deref().ok_or_else(|| {
        Error::config("no collector is declared")
            .hint("add `syslog = \"host:6514\"` to [journal], and its egress rule")
    })?;
    let (host, port) = parse_host_port(declared).map_err(Error::config)?;
    // This command is a process of its own beside the one that writes the journal, so it can't write there; the
    // collector's own log has the connection.
    let recorder = std::sync::Arc::new(|_: &intramuros_egress::Decision| Ok(()));
    let egress =
        intramuros_egress::Egress::new(perimeter, intramuros_egress::Surroundings::of_system(), recorder)?;
    let blocking = intramuros_egress::blocking::Blocking::new(egress)?;
    let mut stream = std::io::BufWriter::new(blocking.connect(Purpose::Journal, &host.to_string(), port)?);
    let count = write(folder, filter, Form::Syslog, &mut stream)?;
    stream.flush().map_err(|error| Error::user("the collector did not take the entries").because(error))?;
    Ok(count)
}

fn moment(text: &str) -> Result<i64, Error> {
    time::from_text(text).ok_or_else(|| {
        Error::user(format!("`{text}` is not a day (2026-11-22) or a moment (2026-11-22T03:20:00Z)"))
    })
}

fn wrong(error: JournalError) -> Error {
    Error::data("the journal can't be read").because(error)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        journal: crate::cli::Journal,
    }

    #[test]
    fn to_look_for_a_journal_makes_none() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("intramuros.toml");
        std::fs::write(&config, "[data]\nfolder = 'none'\n").unwrap();
        for command in ["export", "verify"] {
            let words = ["journal", command, "--config"].map(OsStr::new);
            let line = Line::parse_from(words.into_iter().chain([config.as_os_str()]));
            let error = line.journal.run(None, &mut Vec::new()).unwrap_err();
            assert!(error.message.ends_with("holds no journal yet"), "{error}");
        }
        assert!(!folder.path().join("none").exists());
    }
}
