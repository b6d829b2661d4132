//! What does a configuration say now, when the process that needs it can't open files any more?
//!
//! A sealed process can't read a file that was put in the place of another. This one is started before the seal, keeps
//! the right to read the configuration's folder and nothing else, and hands the file's text over whenever it changed:
//! a line of JSON each time, until its input ends.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, SystemTime};

use intramuros_core::error::Error;
use intramuros_core::perimeter::MAX_FILE_BYTES;
use intramuros_seal::{Plan, apply};

use crate::reload::Said;

/// How often the file is looked at. Two seconds: soon for a person, nothing for a machine; and unlike events it also
/// sees network disks and folders that are exchanged whole.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Which file.
#[derive(clap::Args)]
pub struct Args {
    /// The configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

/// By what a change is seen: size, time and the file itself.
type Look = Option<(u64, Option<SystemTime>, u64)>;

/// Hands the file over when it changed, and when a byte comes in, until the input ends.
///
/// # Errors
/// When the kernel fails to seal it, or nobody reads what it says.
pub fn run(args: &Args) -> Result<ExitCode, Error> {
    let mut folders: Vec<PathBuf> = args.file.parent().map(Path::to_owned).into_iter().collect();
    folders.extend(std::fs::canonicalize(&args.file).ok().and_then(|file| file.parent().map(Path::to_owned)));
    apply(&Plan { read: folders, ..Plan::worker() }, false)
        .map_err(|error| Error::internal("the configuration's keeper can't be sealed").because(error))?;
    let (asks, asked) = channel();
    std::thread::Builder::new()
        .name("asked".to_owned())
        .spawn(move || {
            let mut byte = [0];
            while std::io::stdin().read_exact(&mut byte).is_ok() && asks.send(()).is_ok() {}
        })
        .map_err(|error| Error::internal("a thread can't be started").because(error))?;
    let mut seen = look(&args.file);
    loop {
        let wanted = match asked.recv_timeout(LOOK_EVERY) {
            Ok(()) => true,
            Err(RecvTimeoutError::Timeout) => false,
            Err(RecvTimeoutError::Disconnected) => return Ok(ExitCode::SUCCESS),
        };
        let now = look(&args.file);
        if wanted || now != seen {
            seen = now;
            say(&read(&args.file, wanted))?;
        }
    }
}

fn look(file: &Path) -> Look {
    use std::os::unix::fs::MetadataExt;
    let metadata = std::fs::metadata(file).ok()?;
    Some((metadata.len(), metadata.modified().ok(), metadata.ino()))
}

fn read(file: &Path, asked: bool) -> Said {
    let mut text = String::new();
    // One byte more than is taken, so that a file that is too large is told apart.
    let limit = MAX_FILE_BYTES as u64 + 1;
    let outcome = std::fs::File::open(file).and_then(|open| open.take(limit).read_to_string(&mut text));
    Said { asked, text: outcome.map(|_| text).map_err(|error| error.to_string()) }
}

fn say(said: &Said) -> Result<(), Error> {
    let gone = |error: std::io::Error| Error::internal("nobody reads the configuration").because(error);
    let mut line = serde_json::to_vec(said).map_err(|error| Error::internal("JSON").because(error))?;
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).map_err(gone)
}
