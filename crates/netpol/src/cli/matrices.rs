//! `netpol generate`, `netpol matrix export`, `netpol matrix infer` and `netpol template`.

use super::{
    DialectName, ExitStatus, ExportArgs, GenerateArgs, InferArgs, MatrixFormat, PresetName, TemplateArgs,
    deliver, inputs,
};
use crate::check::{export as exporting, infer as inferring};
use crate::error::{Error, Result};
use crate::generate::{self, Dialect, Options};
use crate::language::say;
use crate::matrix::{Category, Matrix, write};
use crate::report::Terminal;
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
    let _ = writeln!(
        err,
        "{} {} ({proved})",
        matrix.flows.len(),
        terminal.language.pick("flux", if matrix.flows.len() == 1 { "flow" } else { "flows" })
    );
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
    let deployed = exporting::Deployed {
        places: inputs::places(&args.manifests)?,
        excluded: args.exclude.clone(),
        ignore_pod_addresses: args.manifests.ignore_pod_addresses,
    };
    let (matrix, changes) = exporting::deployed(world, previous.as_ref(), &deployed)?;
    for note in &matrix.notes {
        let _ = writeln!(err, "{note}");
    }
    deliver(&args.output, &render(&matrix, args.format, terminal), out)?;
    for change in &changes {
        let (sign, detail) = change.told();
        let _ = writeln!(err, "{sign} {} -> {} : {detail}", change.source, change.destination);
    }
    Ok(if changes.is_empty() { ExitStatus::Success } else { ExitStatus::Findings })
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
