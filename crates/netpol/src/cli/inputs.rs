//! Which files does a command read, and how?

use super::ManifestArgs;
use crate::engine::{Engine, Settings};
use crate::error::{Error, ErrorKind, Result};
use crate::language::say;
use crate::manifest::{Input, MAX_FILE_BYTES, read};
use crate::matrix::Matrix;
use crate::matrix::party::{Party, selector};
use crate::matrix::resolve::Places;
use crate::model::world::World;
use crate::report::Terminal;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Files of one folder tree; a repository of all teams has a few thousand.
const MAX_FILES: usize = 50_000;
/// Folders inside folders; also stops loops of links.
const MAX_DEPTH: usize = 32;
/// How often `--watch` looks at the files.
const WATCH_INTERVAL: Duration = Duration::from_millis(500);

fn io(path: &Path, error: &std::io::Error) -> Error {
    Error::new(ErrorKind::Io, format!("{}: {error}", path.display()))
}

/// The files of these paths, folders walked in order of name: `.yaml`, `.yml` and `.json`.
pub fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in paths {
        if path.as_os_str() == "-" {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        let folder = std::fs::metadata(path).map_err(|error| io(path, &error))?.is_dir();
        walk(path, 0, &mut found)?;
        let mut seen = std::collections::HashSet::new();
        found.retain(|file| seen.insert(file.clone()));
        if folder && found.len() == before && before == 0 {
            return Err(Error::new(
                ErrorKind::Input,
                say!(
                    "{} : aucun fichier .yaml, .yml ou .json",
                    "{}: no .yaml, .yml or .json file",
                    path.display()
                ),
            ));
        }
    }
    Ok(found)
}

fn walk(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<()> {
    if !std::fs::metadata(path).map_err(|error| io(path, &error))?.is_dir() {
        let manifest = path.extension().is_some_and(|ext| ext == "yaml" || ext == "yml" || ext == "json");
        if depth == 0 || manifest {
            found.push(path.to_owned());
        }
        return if found.len() <= MAX_FILES {
            Ok(())
        } else {
            Err(Error::usage(say!("plus de {MAX_FILES} fichiers", "more than {MAX_FILES} files")))
        };
    }
    if depth > MAX_DEPTH {
        return Err(Error::usage(say!(
            "{} : plus de {MAX_DEPTH} dossiers imbriqués",
            "{}: folders nested deeper than {MAX_DEPTH}",
            path.display()
        )));
    }
    let mut entries = Vec::new();
    for entry in std::fs::read_dir(path).map_err(|error| io(path, &error))? {
        let entry = entry.map_err(|error| io(path, &error))?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // Kustomization and chart files describe manifests, they are none.
        let meta = matches!(
            entry.file_name().to_str(),
            Some("kustomization.yaml" | "kustomization.yml" | "Chart.yaml" | "values.yaml")
        );
        if !hidden && !meta {
            entries.push(entry.path());
        }
    }
    entries.sort();
    entries.iter().try_for_each(|entry| walk(entry, depth + 1, found))
}

/// The text of a file or of standard input (`-`).
fn text(path: &Path) -> Result<String> {
    let bytes = if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX) + 1;
        std::io::stdin().lock().take(limit).read_to_end(&mut bytes).map_err(|error| io(path, &error))?;
        bytes
    } else {
        let size = std::fs::metadata(path).map_err(|error| io(path, &error))?.len();
        if size > MAX_FILE_BYTES as u64 {
            let message = say!(
                "{} : plus grand que {} Mo",
                "{}: larger than {} MB",
                path.display(),
                MAX_FILE_BYTES / 1024 / 1024
            );
            return Err(Error::new(ErrorKind::Input, message));
        }
        std::fs::read(path).map_err(|error| io(path, &error))?
    };
    String::from_utf8(bytes).map_err(|_| {
        Error::new(
            ErrorKind::Input,
            say!("{} : ce texte n'est pas en UTF-8", "{}: this text is not UTF-8", path.display()),
        )
    })
}

/// The world of a command line.
pub fn declared(args: &ManifestArgs, err: &mut dyn Write) -> Result<World> {
    let mut world = world(&args.manifests, err)?;
    if args.host_network_pods {
        world.pods.iter_mut().for_each(|pod| pod.host_network = false);
    }
    Ok(world)
}

/// An engine whose answers do not hang on an order that the API leaves open.
pub fn engine(world: World, settings: &Settings) -> Result<Engine> {
    let engine = Engine::new(world, settings);
    engine.refuse_ambiguity()?;
    Ok(engine)
}

/// The world of these paths; warnings go to `err`.
pub fn world(paths: &[PathBuf], err: &mut dyn Write) -> Result<World> {
    let mut inputs = Vec::new();
    for path in files(paths)? {
        let name = path.display().to_string();
        let named = paths.contains(&path);
        inputs.push(Input { found: !named, ..Input::new(&name, text(&path)?) });
    }
    let world = read(&inputs)?;
    for warning in &world.warnings {
        // A warning that cannot be shown changes no answer.
        let _ = writeln!(err, "{warning}");
    }
    Ok(world)
}

/// The matrix of a file; remarks go to `err`.
pub fn matrix(path: &Path, err: &mut dyn Write) -> Result<Matrix> {
    let limit = crate::matrix::read::MAX_BYTES as u64;
    let size = std::fs::metadata(path).map_err(|error| io(path, &error))?.len();
    if size > limit {
        let message =
            say!("{} : plus grand que {} Mo", "{}: larger than {} MB", path.display(), limit / 1024 / 1024);
        return Err(Error::new(ErrorKind::Input, message));
    }
    let bytes = std::fs::read(path).map_err(|error| io(path, &error))?;
    let matrix = crate::matrix::read::read(&path.display().to_string(), &bytes)?;
    for note in &matrix.notes {
        let _ = writeln!(err, "{note}");
    }
    Ok(matrix)
}

/// The text of a side file, such as invariants.
pub fn side_file(path: &Path) -> Result<String> {
    text(path)
}

/// Where the resolver and the API server are.
pub fn places(args: &ManifestArgs) -> Result<Places> {
    let (namespace, labels) = args.dns_pods.split_once('/').ok_or_else(|| {
        Error::usage(say!(
            "--dns-pods : « {} » n'est pas espace/étiquette=valeur",
            "--dns-pods: '{}' is not namespace/label=value",
            args.dns_pods
        ))
    })?;
    let labels = labels.trim_start_matches('{').trim_end_matches('}');
    let addresses = |option: &str, text: &Option<String>| match text {
        None => Ok(None),
        Some(text) => match Party::parse(text, None) {
            Ok(Party::Addresses(addresses)) => Ok(Some(addresses)),
            _ => Err(Error::usage(say!(
                "{option} : « {text} » n'est ni une adresse ni un bloc",
                "{option}: '{text}' is not an address or a block"
            ))),
        },
    };
    let api_server = addresses("--api-server", &args.api_server)?;
    let pod_addresses = addresses("--pod-addresses", &args.pod_addresses)?.unwrap_or_default();
    Ok(Places {
        dns_namespace: namespace.to_owned(),
        dns_selector: selector(labels).map_err(|error| Error::usage(format!("--dns-pods: {error}")))?,
        api_server,
        pod_addresses,
    })
}

/// Runs `once`, and with `watch` again whenever a file changes; errors are then shown and the watch goes on.
pub fn watching<T>(
    watch: bool,
    paths: &[PathBuf],
    err: &mut dyn Write,
    terminal: Terminal,
    mut once: impl FnMut(&mut dyn Write) -> Result<T>,
) -> Result<T> {
    let result = once(err);
    if !watch {
        return result;
    }
    if paths.iter().any(|path| path.as_os_str() == "-") {
        return Err(Error::usage(say!(
            "--watch demande des fichiers, pas l'entrée standard",
            "--watch needs files, not standard input"
        )));
    }
    report(err, result.err());
    let mut known = stamp(paths);
    loop {
        std::thread::sleep(WATCH_INTERVAL);
        let now = stamp(paths);
        if now != known {
            known = now;
            let _ = writeln!(err, "{}", terminal.language.pick("— relecture —", "— read again —"));
            let result = once(err);
            report(err, result.err());
        }
    }
}

fn report(err: &mut dyn Write, error: Option<Error>) {
    if let Some(error) = error {
        let _ = writeln!(err, "{error}");
        error.hints.iter().for_each(|hint| drop(writeln!(err, "  {hint}")));
    }
}

fn stamp(paths: &[PathBuf]) -> Vec<(PathBuf, Option<SystemTime>)> {
    let modified = |path: PathBuf| {
        let time = std::fs::metadata(&path).and_then(|data| data.modified()).ok();
        (path, time)
    };
    files(paths).unwrap_or_default().into_iter().map(modified).collect()
}
