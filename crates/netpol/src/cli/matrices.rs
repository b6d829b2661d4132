//! `netpol generate`, `netpol matrix export`, `netpol matrix infer` and `netpol template`.

use super::{
    DialectName, ExitStatus, ExportArgs, GenerateArgs, InferArgs, MatrixFormat, PresetName, TemplateArgs,
    deliver, inputs,
};
use crate::check::difference::difference;
use crate::check::{self, export as exporting, infer as inferring};
use crate::engine::{Engine, Settings};
use crate::error::{Error, Result};
use crate::generate::{self, Dialect, Options};
use crate::language::say;
use crate::matrix::{Category, Matrix, resolve, write};
use crate::model::world::Pod;
use crate::report::Terminal;
use crate::report::lines::{self, Line};
use std::io::Write;

/// Writes the policies of a matrix.
pub fn generate(
    args: &GenerateArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    let world = inputs::declared(&args.manifests, err)?;
    let matrix = inputs::matrix(&args.matrix, err)?;
    let options = Options {
        dialect: match args.dialect {
            DialectName::Networkpolicy => Dialect::NetworkPolicy,
            DialectName::Cilium => Dialect::Cilium,
            DialectName::Clusternetworkpolicy => Dialect::ClusterNetworkPolicy,
            DialectName::Nftables => Dialect::Nftables,
        },
        places: inputs::places(&args.manifests)?,
        excluded: args.exclude.clone(),
        category: args.preset.map(|preset| match preset {
            PresetName::Tenant => Category::Tenant,
            PresetName::Admin => Category::Admin,
            PresetName::Supervision => Category::Supervision,
            PresetName::Production => Category::Production,
        }),
        dns: args.dns,
    };
    let text = generate::generate(&world, &matrix, &options)?;
    deliver(&args.output, text.as_bytes(), out)?;
    let proved = match args.preset {
        None => terminal.language.pick("prouvé : exactement la matrice", "proved: exactly the matrix"),
        Some(_) => terminal.language.pick(
            "une catégorie seule n'est pas prouvée : vérifier l'ensemble avec netpol check",
            "one category alone is not proved: check the whole with netpol check",
        ),
    };
    let _ = writeln!(err, "{} {} ({proved})", matrix.flows.len(), terminal.language.pick("flux", "flows"));
    Ok(ExitStatus::Success)
}

fn render(matrix: &Matrix, format: MatrixFormat, terminal: Terminal) -> Vec<u8> {
    let mut matrix = matrix.clone();
    for flow in &mut matrix.flows {
        flow.justification = terminal.language.read(&flow.justification);
    }
    let matrix = &matrix;
    match format {
        MatrixFormat::Csv => write::csv(matrix, terminal.language).into_bytes(),
        MatrixFormat::Yaml => write::yaml(matrix).into_bytes(),
        MatrixFormat::Xlsx => write::matrix_xlsx(matrix, terminal.language),
    }
}

/// Writes the matrix of what is deployed; what differs from the previous one goes to `err`.
pub fn export(
    args: &ExportArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    let world = inputs::declared(&args.manifests, err)?;
    let previous = args.previous.as_ref().map(|path| inputs::matrix(path, err)).transpose()?;
    let places = inputs::places(&args.manifests)?;
    let mut settings = previous.as_ref().map_or_else(
        || Settings { api_server: places.api_server.clone(), ..Settings::default() },
        |previous| resolve::settings(previous, &places),
    );
    settings.ignore_pod_addresses = args.manifests.ignore_pod_addresses;
    let engine = inputs::engine(world, &settings)?;
    let shown = lines::Shown { internet: true, ..lines::Shown::default() };
    let graph = engine.graph();
    let mut found = lines::lines(&engine, &graph, &shown);
    found.retain(|line| concerns(&engine, line, &args.exclude));
    let mut authorised = match &previous {
        Some(previous) => resolve::authorised(&engine, previous, &places)?,
        None => resolve::Authorised::default(),
    };
    let known = previous.as_ref().map(|previous| exporting::known(&engine, &graph, previous, &authorised));
    let matrix = exporting::export(&engine.world, &found, &known.unwrap_or_default());
    for note in &matrix.notes {
        let _ = writeln!(err, "{note}");
    }
    deliver(&args.output, &render(&matrix, args.format, terminal), out)?;
    if previous.is_none() {
        return Ok(ExitStatus::Success);
    }
    // What a line tolerates is no difference where it is open.
    for ((from, to), set) in std::mem::take(&mut authorised.tolerated) {
        let open = graph.table.get(graph.between(from, to)).common(&set);
        let pair = authorised.pairs.entry((from, to)).or_default();
        *pair = pair.union(&open);
    }
    authorised.pairs.retain(|_, set| !set.is_empty());
    let mut before = lines::lines(&engine, &check::graph_of(&engine, &authorised.pairs), &shown);
    before.retain(|line| concerns(&engine, line, &args.exclude));
    let changes = difference(&before, &found);
    for change in &changes {
        let sign = if change.before.is_empty() {
            '+'
        } else if change.after.is_empty() {
            '-'
        } else {
            '~'
        };
        let (now, was) = (&change.after, &change.before);
        let detail = match sign {
            '+' => now.to_string(),
            '-' => was.to_string(),
            _ => say!("{now} (avant : {was})", "{now} (before: {was})"),
        };
        let _ = writeln!(err, "{sign} {} -> {} : {detail}", change.source, change.destination);
    }
    Ok(if changes.is_empty() { ExitStatus::Success } else { ExitStatus::Findings })
}

/// Whether a line touches a pod of a namespace that is not left out; pods of the node's network are no such pods.
fn concerns(engine: &Engine, line: &Line, excluded: &[String]) -> bool {
    let inside = |title: &str| {
        let named =
            |pod: &Pod| pod.title() == title || format!("{}/{}[Pod]", pod.namespace, pod.name) == title;
        let pod = engine.world.pods.iter().find(|pod| named(pod));
        pod.is_some_and(|pod| !pod.host_network && !excluded.contains(&pod.namespace))
    };
    inside(&line.source) || inside(&line.destination)
}

/// Proposes a matrix from what the manifests mention.
pub fn infer(
    args: &InferArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    let world = inputs::declared(&args.manifests, err)?;
    let matrix = inferring::infer(&world);
    if matrix.flows.is_empty() {
        return Err(Error::usage(say!(
            "ces manifestes ne parlent d'aucun flux",
            "these manifests mention no flow"
        ))
        .hint(say!(
            "netpol template écrit un exemple de matrice à remplir",
            "netpol template writes an example matrix to fill in"
        )));
    }
    deliver(&args.output, &render(&matrix, args.format, terminal), out)?;
    Ok(ExitStatus::Success)
}

/// Writes an example matrix.
pub fn template(args: &TemplateArgs, out: &mut dyn Write, terminal: Terminal) -> Result<ExitStatus> {
    let bytes = match args.format {
        MatrixFormat::Csv => write::template_csv(terminal.language).into_bytes(),
        MatrixFormat::Xlsx => write::template_xlsx(terminal.language),
        MatrixFormat::Yaml => {
            let csv = write::template_csv(terminal.language);
            write::yaml(&crate::matrix::read::read("template.csv", csv.as_bytes())?).into_bytes()
        }
    };
    deliver(&args.output, &bytes, out)?;
    Ok(ExitStatus::Success)
}
