//! `netpol check`.

use super::{CheckArgs, CheckFormat, ExitStatus, deliver, inputs};
use crate::check::{self, invariant, observed, output};
use crate::error::{Error, Result};
use crate::language::say;
use crate::matrix::Day;
use crate::report::{Terminal, lines};
use std::io::Write;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

fn today() -> Option<Day> {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).ok()?.as_secs();
    Some(Day::from_epoch_days(i64::try_from(seconds / 86_400).ok()?))
}

/// Compares policies with the matrix and with invariants.
pub fn check(
    args: &CheckArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    if args.matrix.is_none() && !args.observed.is_empty() {
        return Err(Error::usage(say!("--observed demande --matrix", "--observed needs --matrix")));
    }
    let mut watched = args.manifests.manifests.clone();
    watched.extend(args.matrix.clone());
    watched.extend(args.invariants.iter().chain(&args.observed).cloned());
    inputs::watching(args.watch, &watched, err, terminal, |err| once(args, out, err, terminal))
}

fn once(
    args: &CheckArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    let mut world = inputs::declared(&args.manifests, err)?;
    lines::with_controller(&mut world);
    let matrix = args.matrix.as_ref().map(|path| inputs::matrix(path, err)).transpose()?;
    let mut invariants = Vec::new();
    for path in &args.invariants {
        let name: Arc<str> = Arc::from(path.display().to_string());
        invariants.extend(invariant::read(&inputs::side_file(path)?, &name)?);
    }
    let today = match &args.date {
        Some(text) => Some(Day::parse(text).ok_or_else(|| {
            Error::usage(say!("--date : « {text} » n'est pas une date", "--date: '{text}' is not a date"))
        })?),
        None => today(),
    };
    let options = check::Options {
        places: inputs::places(&args.manifests)?,
        excluded: args.exclude.clone(),
        today,
        invariants,
        ignore_pod_addresses: args.manifests.ignore_pod_addresses,
    };
    let mut evidence = Vec::new();
    for path in &args.observed {
        let name: Arc<str> = Arc::from(path.display().to_string());
        evidence.extend(observed::read(&inputs::side_file(path)?, &name)?);
    }
    let seen = match (&matrix, args.observed.is_empty()) {
        (Some(matrix), false) => observed::findings(&world, matrix, &options.places, &evidence)?,
        _ => Vec::new(),
    };
    let mut findings = check::check(world, matrix.as_ref(), &options)?;
    findings.extend(seen);
    findings.sort();
    let findings = output::read(&findings, terminal.language);
    let text = match args.format {
        CheckFormat::Text => output::text(&findings, matrix.is_some(), terminal),
        CheckFormat::Json => output::json(&findings),
        CheckFormat::Sarif => output::sarif(&findings),
        CheckFormat::Junit => output::junit(&findings),
    };
    deliver(&args.output, text.as_bytes(), out)?;
    let failing = findings.iter().any(|finding| args.strict || finding.kind.is_error());
    Ok(if failing { ExitStatus::Findings } else { ExitStatus::Success })
}
