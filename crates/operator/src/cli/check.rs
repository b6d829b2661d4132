//! `operator check`: what would be made, changed and deleted, in a table. Nothing is.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use intramuros_core::error::Error;
use intramuros_netpol::report::{Terminal, table};
use kube::ResourceExt;
use serde_json::Value;

use super::{Where, wait, written};
use crate::resources::Environment;
use crate::run::metrics::Metrics;
use crate::run::preview::{Preview, preview};
use crate::run::{Context, Settings, watches};

/// Longest wait for the first lists.
const PATIENCE: Duration = Duration::from_secs(60);

/// Largest file of environments, in bytes. A thousand environments of 4 KB.
const MAX_FILE: u64 = 4 << 20;

/// Arguments of `operator check`.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    #[command(flatten)]
    place: Where,
    /// Environments as they shall be, before they are applied: a YAML file, or - for standard input
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Namespaces of environments, separated by commas; all of them when none is named
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    namespaces: Vec<String>,
    /// The operator's own namespace, where credentials of peers are
    #[arg(long, value_name = "NAMESPACE", default_value = "intramuros-system")]
    home: String,
}

/// Shows it. Exit code 0 when nothing would be done, 1 when something would.
pub fn run(args: &Args, out: &mut dyn Write, terminal: Terminal) -> Result<u8, Error> {
    let declared = args.file.as_deref().map(environments).transpose()?.unwrap_or_default();
    let found = wait(gather(args, declared))?;
    let say = |french, english| terminal.language.pick(french, english);
    if found.is_empty() {
        written(writeln!(
            out,
            "{}",
            say("Rien à faire : tout est comme déclaré.", "Nothing to do: everything is as declared.")
        ))?;
        return Ok(0);
    }
    let headings = [
        say("Environnement", "Environment"),
        say("Action", "Action"),
        say("Où", "Where"),
        say("Quoi", "What"),
    ];
    let rows: Vec<Vec<String>> = found
        .iter()
        .map(|(environment, preview)| {
            let verb = match preview.verb {
                "make" => say("créer", "make"),
                "change" => say("changer", "change"),
                "delete" => say("supprimer", "delete"),
                "unknown" => say("inconnu", "unknown"),
                _ => say("attendre", "wait"),
            };
            let place = match preview.place {
                "mesh" => say("réseau privé", "mesh"),
                "cluster" => say("grappe", "cluster"),
                "policies" => say("politiques", "policies"),
                _ => "bastion",
            };
            vec![
                environment.clone(),
                verb.to_owned(),
                place.to_owned(),
                terminal.language.read(&preview.what),
            ]
        })
        .collect();
    written(write!(out, "{}", table::render(&headings, &rows, terminal)))?;
    // What can't be seen from here is no reason to apply.
    Ok(u8::from(found.iter().any(|(_, preview)| preview.verb != "unknown")))
}

async fn gather(args: &Args, declared: Vec<Environment>) -> Result<Vec<(String, Preview)>, Error> {
    let metrics = Arc::new(Metrics::default());
    let (client, _) = args.place.client(&metrics.requests)?;
    let settings = Settings {
        namespaces: args.namespaces.clone(),
        home: args.home.clone(),
        identity: String::new(),
        loopback_clusters: true,
    };
    let context = Arc::new(Context::new(client, settings, metrics));
    let mut tasks = watches::start(&context);
    let complete = async {
        while !context.complete() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    if tokio::time::timeout(PATIENCE, complete).await.is_err() {
        return Err(Error::config("the cluster's resources could not be read in time").hint(
            "are the resource types applied (`intramuros operator manifests`), and may you list Secrets?",
        ));
    }
    tasks.shutdown().await;
    for mut environment in declared {
        let key = (environment.namespace().unwrap_or_else(|| "default".to_owned()), environment.name_any());
        // Who it is, and whether it goes, is what the cluster says.
        if let Some(known) = context.tables.environments.get(&key.0, &key.1) {
            environment.metadata = known.metadata.clone();
            environment.status.clone_from(&known.status);
        }
        environment.metadata.namespace = Some(key.0.clone());
        context.tables.environments.put(&key, environment);
    }
    let mut all = context.tables.environments.all();
    all.sort_by_key(|environment| (environment.namespace(), environment.name_any()));
    let mut found = Vec::new();
    for environment in all {
        let name = format!("{}/{}", environment.namespace().unwrap_or_default(), environment.name_any());
        found.extend(preview(&context, environment).await.into_iter().map(|preview| (name.clone(), preview)));
    }
    Ok(found)
}

/// All of a text that is not too large. One that is cut short would tell of fewer environments than there are.
fn bounded(reader: impl Read) -> std::io::Result<String> {
    let mut text = String::new();
    reader.take(MAX_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > MAX_FILE {
        return Err(std::io::Error::other(format!(
            "more than {} MiB: check the environments in several files",
            MAX_FILE >> 20
        )));
    }
    Ok(text)
}

/// The environments of a file.
fn environments(path: &Path) -> Result<Vec<Environment>, Error> {
    let wrong = |why: String| Error::user(format!("{}: {why}", path.display()));
    let read = if path == Path::new("-") {
        bounded(std::io::stdin().lock())
    } else {
        std::fs::File::open(path).and_then(bounded)
    };
    let text = read.map_err(|error| wrong(error.to_string()))?;
    let documents: Vec<Value> =
        serde_saphyr::from_multiple(&text).map_err(|error| wrong(error.to_string()))?;
    documents
        .into_iter()
        .filter(|document| document.get("kind").and_then(Value::as_str) == Some("Environment"))
        .map(|document| serde_json::from_value(document).map_err(|error| wrong(error.to_string())))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_too_large_is_refused_and_not_cut_short() {
        let file = |length: u64| bounded(std::io::repeat(b'#').take(length));
        assert_eq!(file(MAX_FILE).unwrap().len() as u64, MAX_FILE);
        assert!(file(MAX_FILE + 1).unwrap_err().to_string().contains("more than 4 MiB"));
    }
}
