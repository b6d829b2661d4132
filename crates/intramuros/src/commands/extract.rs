//! What was read from a file, or why was nothing?

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use intramuros_core::error::Error;
use intramuros_ingest::{Extractor, render};
use intramuros_perimeter::load;
use serde_json::json;

use crate::output::Output;
use crate::setup;

/// Which files.
#[derive(clap::Args)]
pub struct Args {
    /// The files to read
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// The configuration whose limits hold; `intramuros.toml` here or in /etc/intramuros when not given
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print blocks with pages, lines and kinds as JSON
    #[arg(long)]
    json: bool,
}

/// Exit code when a file gave no text.
const NOT_READ: u8 = 3;

/// Reads each file as `ingest` would and prints it.
///
/// # Errors
/// When the configuration is wrong or a file can't be opened.
pub fn run(args: &Args, out: &mut Output) -> Result<ExitCode, Error> {
    let extractor = extractor(args.config.as_deref())?;
    let ocr = setup::ocr()?;
    let mut code = ExitCode::SUCCESS;
    let mut values = Vec::new();
    for file in &args.files {
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let bytes = read(file, extractor.limits().file_bytes)?;
        let outcome = extractor.extract_with(&name, &bytes, ocr.as_ref());
        if outcome.is_err() {
            code = ExitCode::from(NOT_READ);
        }
        if args.json {
            values.push(match &outcome {
                Ok(extracted) => json!({ "file": file, "outcome": "read", "document": extracted }),
                Err(error) => json!({ "file": file, "outcome": error.word(), "detail": error.to_string() }),
            });
            continue;
        }
        if args.files.len() > 1 {
            out.line(&out.bold(&format!("==> {} <==", crate::output::name(&file.to_string_lossy()))));
        }
        match outcome {
            Ok(extracted) => out.line(render::render(&extracted).trim_end()),
            Err(error) => out.note(&format!("{}: {error}", crate::output::name(&file.to_string_lossy()))),
        }
    }
    if args.json {
        match values.as_slice() {
            [one] => out.json(one)?,
            all => out.json(&all)?,
        }
    }
    Ok(code)
}

/// Reads within the limits that the configuration declares, as everything else does.
fn extractor(config: Option<&Path>) -> Result<Extractor, Error> {
    setup::extractor(&load::load(config)?)
}

/// The bytes of a file, but never more than can be read: one byte over the limit is enough to be refused.
fn read(file: &Path, limit: u64) -> Result<Vec<u8>, Error> {
    use std::io::Read;
    let shown = file.display();
    if file.is_dir() {
        return Err(Error::user(format!("{shown} can't be read: it is a folder"))
            .hint(format!("give a file of it, or `intramuros ingest {shown}` to read all of them")));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(file).and_then(|open| open.take(limit + 1).read_to_end(&mut bytes)).map_err(
        |error| {
            let hint = setup::hint_of(&error);
            Error::user(format!("{shown} can't be read")).because(error).hint(hint)
        },
    )?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_limits_hold() {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("intramuros.toml");
        std::fs::write(&config, "[limits]\nfile_bytes = 1000\n").unwrap();
        assert_eq!(extractor(Some(&config)).unwrap().limits().file_bytes, 1_000);
        assert!(extractor(Some(&folder.path().join("absent.toml"))).is_err());
    }
}
