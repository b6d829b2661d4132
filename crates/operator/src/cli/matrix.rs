//! `env matrix`: what passes in an environment, as the operator last saw it, and how that differs from what is declared.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use clap::ValueEnum;
use intramuros_core::error::Error;
use intramuros_netpol::matrix::{read, write};
use intramuros_netpol::report::Terminal;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;

use super::env::One;
use super::{refused, wait, written};
use crate::edge::tally::Tally;
use crate::resources::{MATRIX, MATRIX_DRIFT};
use crate::run::matrix::name;

/// A format of matrices.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values
    Csv,
    /// YAML
    Yaml,
    /// A spreadsheet
    Xlsx,
}

/// Arguments of `env matrix`.
#[derive(clap::Args, Clone, Debug)]
pub struct Matrix {
    #[command(flatten)]
    one: One,
    /// The format
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Write it to this file
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Show what differs from the declared matrix instead
    #[arg(long)]
    drift: bool,
}

/// Shows it. Exit code 1 when what passes is not what is declared.
pub fn run(args: &Matrix, out: &mut dyn Write, terminal: Terminal) -> Result<u8, Error> {
    let map = args.one.name_of(name);
    let (namespace, found) = wait(async {
        let (client, server) = args.one.place.client(&Arc::new(Tally::default()))?;
        let namespace = args.one.namespace.clone().unwrap_or(server.namespace);
        let api: Api<ConfigMap> = Api::namespaced(client, &namespace);
        let found = api.get_opt(&map).await.map_err(|error| refused(&error))?;
        Ok((namespace, found))
    })?;
    let data = found.and_then(|found| found.data).ok_or_else(|| {
        Error::user(format!(
            "the matrix of what passes is not known yet: there is no ConfigMap {namespace}/{map}"
        ))
        .hint("`intramuros env show` says what the environment waits for (`Isolated`)")
    })?;
    let part = |key: &str| data.get(key).map(String::as_str).unwrap_or_default();
    let drift = part(MATRIX_DRIFT);
    let bytes = if args.drift {
        lines(drift, terminal).into_bytes()
    } else {
        matrix(part(MATRIX), args.format, terminal)?
    };
    match &args.output {
        None => written(out.write_all(&bytes))?,
        Some(path) => std::fs::write(path, bytes)
            .map_err(|error| Error::config(format!("{} can't be written", path.display())).because(error))?,
    }
    Ok(u8::from(!drift.is_empty()))
}

fn lines(drift: &str, terminal: Terminal) -> String {
    if drift.is_empty() {
        let none = terminal.language.pick(
            "Aucun écart : ce qui passe est ce qui est déclaré.",
            "No difference: what passes is what is declared.",
        );
        return format!("{none}\n");
    }
    format!("{drift}\n")
}

/// The matrix in a format, its headings in the person's language.
fn matrix(csv: &str, format: Format, terminal: Terminal) -> Result<Vec<u8>, Error> {
    if let Some(why) = csv.strip_prefix("# ") {
        return Err(Error::user(format!("the operator could not tell what passes: {}", why.trim())));
    }
    let matrix = read::read(MATRIX, csv.as_bytes()).map_err(|error| Error::internal(error.to_string()))?;
    Ok(match format {
        Format::Csv => write::csv(&matrix, terminal.language).into_bytes(),
        Format::Yaml => write::yaml(&matrix).into_bytes(),
        Format::Xlsx => write::matrix_xlsx(&matrix, terminal.language),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use intramuros_netpol::language::Language;

    const CSV: &str = "ID,Source,Destination,Protocol,Ports,Justification,Owner,Review date,Category\n\
        1,shop/web,shop/db,TCP,5432,Orders,anne,2027-03-31,production\n";

    #[test]
    fn a_matrix_is_written_in_each_format_and_in_the_persons_language() {
        let french = Terminal { language: Language::French, ..Terminal::default() };
        let text = |format, terminal| String::from_utf8(matrix(CSV, format, terminal).unwrap()).unwrap();
        assert!(
            text(Format::Csv, french).contains("Justification;Responsable"),
            "{}",
            text(Format::Csv, french)
        );
        assert_eq!(text(Format::Csv, Terminal::default()).lines().nth(1), CSV.lines().nth(1));
        assert!(text(Format::Yaml, french).contains("shop/db"));
        assert!(matrix(CSV, Format::Xlsx, french).unwrap().starts_with(b"PK"));
        let told = matrix("# who is who can't be told\n", Format::Csv, french).unwrap_err();
        assert!(told.to_string().contains("who is who"));
        assert!(lines("", french).starts_with("Aucun écart"));
        assert_eq!(lines("+ a -> b : TCP 80", french), "+ a -> b : TCP 80\n");
    }
}
