//! What does `intramuros netpol …` do? One file per command; the only module of this crate that reads files.
//!
//! Exit codes for the caller: [`ExitStatus::code`] is 0 when all is well and 1 when there is something to look at
//! (a refused connection, findings, differences); an [`Error`] should become 2.

mod ask;
mod checks;
mod connectivity;
mod inputs;
mod matrices;

pub use crate::report::Terminal;

use crate::error::{Error, ErrorKind, Result};
use crate::generate::SYSTEM_NAMESPACES;
use crate::language::{Language, Reading};
use clap::{Args, Subcommand, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitStatus {
    /// All is well.
    Success,
    /// There is something to look at.
    Findings,
}

impl ExitStatus {
    /// The exit code: 0 or 1.
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Findings => 1,
        }
    }
}

/// Network policies from an authorised-flow matrix, proved by our own engine.
#[derive(Args, Clone, Debug)]
pub struct NetpolArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// The language of messages and headings (otherwise that of the environment)
    #[arg(long, value_enum, global = true, value_name = "LANGUAGE")]
    pub lang: Option<LanguageName>,
}

/// Languages.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LanguageName {
    /// Français
    Fr,
    /// English
    En,
}

/// The commands.
#[derive(Subcommand, Clone, Debug)]
pub enum Command {
    /// Write the policies that realise a flow matrix exactly
    Generate(GenerateArgs),
    /// Show who can reach whom
    List(ListArgs),
    /// Ask whether one party can reach another
    Allows(AskArgs),
    /// Explain why a connection is allowed or refused, rule by rule
    Explain(AskArgs),
    /// Compare policies with the matrix and with invariants
    Check(CheckArgs),
    /// Compare two versions as connectivity
    Diff(DiffArgs),
    /// Write a flow matrix from what is deployed, or propose one
    #[command(subcommand)]
    Matrix(MatrixCommand),
    /// Write an example matrix to fill in
    Template(TemplateArgs),
}

/// Manifests and what they do not say.
#[derive(Args, Clone, Debug)]
pub struct ManifestArgs {
    /// Manifests: files, folders, or - for standard input (kustomize build, helm template, kubectl get -o yaml)
    #[arg(short = 'f', long = "manifests", value_name = "PATH", required = true)]
    pub manifests: Vec<PathBuf>,
    /// Where the API server answers: addresses or blocks, separated by commas
    #[arg(long, value_name = "ADDRESSES")]
    pub api_server: Option<String>,
    /// The cluster's resolver: namespace/label=value
    #[arg(long, value_name = "PODS", default_value = "kube-system/k8s-app=kube-dns")]
    pub dns_pods: String,
    /// The addresses that pods get, separated by commas; blocks of the matrix then mean what is outside of them
    #[arg(long, value_name = "ADDRESSES")]
    pub pod_addresses: Option<String>,
    /// Pod addresses are not matched by address blocks (as Cilium does)
    #[arg(long)]
    pub ignore_pod_addresses: bool,
    /// Policies govern host-network pods like others (the few network plugins that can tell their traffic apart)
    #[arg(long)]
    pub host_network_pods: bool,
}

/// Where the output goes.
#[derive(Args, Clone, Debug)]
pub struct OutputArgs {
    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Dialects of `generate`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DialectName {
    /// networking.k8s.io/v1 NetworkPolicy
    Networkpolicy,
    /// cilium.io/v2 CiliumNetworkPolicy
    Cilium,
    /// policy.networking.k8s.io/v1alpha2 ClusterNetworkPolicy
    Clusternetworkpolicy,
    /// an nftables ruleset
    Nftables,
}

/// Categories of flows that are generated apart.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum PresetName {
    /// Flows between the workloads of a tenant
    Tenant,
    /// Administration flows
    Admin,
    /// Supervision flows
    Supervision,
    /// Production flows
    Production,
}

/// `netpol generate`.
#[derive(Args, Clone, Debug)]
pub struct GenerateArgs {
    /// The flow matrix: XLSX, ODS, CSV or YAML
    #[arg(short, long, value_name = "FILE")]
    pub matrix: PathBuf,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub manifests: ManifestArgs,
    /// The dialect of the policies
    #[arg(long, value_enum, default_value = "networkpolicy")]
    pub dialect: DialectName,
    /// Only the flows of this category, without the default deny
    #[arg(long, value_enum)]
    pub preset: Option<PresetName>,
    /// Let every pod ask the cluster's resolver
    #[arg(long)]
    pub dns: bool,
    /// Namespaces that are not governed
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',', default_values = SYSTEM_NAMESPACES)]
    pub exclude: Vec<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,
}

/// Formats of `list`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ListFormat {
    /// One line per connection
    Text,
    /// A table that fits the terminal
    Table,
    /// source,destination,connections
    Csv,
    /// A JSON list
    Json,
    /// A Markdown table
    Md,
    /// A Graphviz graph
    Dot,
    /// A picture
    Svg,
    /// An interactive page in one file
    Html,
}

/// `netpol list`.
#[derive(Args, Clone, Debug)]
pub struct ListArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub manifests: ManifestArgs,
    /// The format
    #[arg(long, value_enum, default_value = "text")]
    pub format: ListFormat,
    /// Only what touches this workload: a part of its name
    #[arg(long, value_name = "WORKLOAD")]
    pub focus: Option<String>,
    /// Show IPv6 ranges though no pod has an IPv6 address
    #[arg(long)]
    pub ipv6: bool,
    /// To whom workloads would answer that nobody has declared yet
    #[arg(long)]
    pub exposure: bool,
    /// Do it again whenever a file changes
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,
}

/// `netpol allows` and `netpol explain`.
#[derive(Args, Clone, Debug)]
pub struct AskArgs {
    /// Who: namespace/workload, namespace/{app=web}, an address, a host name, internet
    pub from: String,
    /// Whom, in the same words
    pub to: String,
    /// The ports: 443, 53/udp, http, TCP 80,443; all of them when left out
    #[arg(value_name = "PORTS")]
    pub ports: Option<String>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub manifests: ManifestArgs,
}

/// Formats of `check`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum CheckFormat {
    /// For people
    Text,
    /// A JSON list
    Json,
    /// SARIF 2.1.0 for code scanning
    Sarif,
    /// JUnit XML for test reports
    Junit,
}

/// `netpol check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// The flow matrix: XLSX, ODS, CSV or YAML
    #[arg(short, long, value_name = "FILE")]
    pub matrix: Option<PathBuf>,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub manifests: ManifestArgs,
    /// Invariants (YAML): what must hold whatever the matrix says
    #[arg(long, value_name = "FILE")]
    pub invariants: Vec<PathBuf>,
    /// Observed flows (Hubble JSON lines or conntrack -L) as evidence that lines are used
    #[arg(long, value_name = "FILE")]
    pub observed: Vec<PathBuf>,
    /// Namespaces that the matrix does not govern
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',', default_values = SYSTEM_NAMESPACES)]
    pub exclude: Vec<String>,
    /// The date that reviews are compared with (today)
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub date: Option<String>,
    /// Fail on remarks too
    #[arg(long)]
    pub strict: bool,
    /// The format
    #[arg(long, value_enum, default_value = "text")]
    pub format: CheckFormat,
    /// Do it again whenever a file changes
    #[arg(long)]
    pub watch: bool,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,
}

/// Formats of `diff`.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DiffFormat {
    /// One line per change
    Text,
    /// change,source,destination,before,after
    Csv,
    /// A JSON list
    Json,
    /// A Markdown table
    Md,
}

/// `netpol diff`.
#[derive(Args, Clone, Debug)]
pub struct DiffArgs {
    /// The version before: a file or a folder
    pub before: PathBuf,
    /// The version after
    pub after: PathBuf,
    /// Manifests that both versions share (workloads, namespaces)
    #[arg(short = 'f', long = "manifests", value_name = "PATH")]
    pub manifests: Vec<PathBuf>,
    /// The format
    #[arg(long, value_enum, default_value = "text")]
    pub format: DiffFormat,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,
}

/// Formats of matrices.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum MatrixFormat {
    /// CSV in the language of the person
    Csv,
    /// YAML
    Yaml,
    /// A spreadsheet
    Xlsx,
}

/// `netpol matrix …`.
#[derive(Subcommand, Clone, Debug)]
pub enum MatrixCommand {
    /// The authorised-flow matrix of what is deployed, and what differs from the last one
    Export(ExportArgs),
    /// A matrix to review, from what the manifests mention
    Infer(InferArgs),
}

/// `netpol matrix export`.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub manifests: ManifestArgs,
    /// The matrix of last year: reasons and owners are taken from it, differences are shown
    #[arg(long, value_name = "FILE")]
    pub previous: Option<PathBuf>,
    /// Namespaces whose own flows are left out; flows with the others stay
    #[arg(long, value_name = "NAMESPACE", value_delimiter = ',', default_values = SYSTEM_NAMESPACES)]
    pub exclude: Vec<String>,
    /// The format
    #[arg(long, value_enum, default_value = "csv")]
    pub format: MatrixFormat,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,
}

/// `netpol matrix infer`.
#[derive(Args, Clone, Debug)]
pub struct InferArgs {
    #[command(flatten)]
    #[allow(missing_docs)]
    pub manifests: ManifestArgs,
    /// The format
    #[arg(long, value_enum, default_value = "csv")]
    pub format: MatrixFormat,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,
}

/// `netpol template`.
#[derive(Args, Clone, Debug)]
pub struct TemplateArgs {
    /// The format
    #[arg(long, value_enum, default_value = "csv")]
    pub format: MatrixFormat,
    #[command(flatten)]
    #[allow(missing_docs)]
    pub output: OutputArgs,
}

/// Runs a command. Results go to `out`, remarks and warnings to `err`.
pub fn run(
    args: &NetpolArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    let language = args.lang.map_or(terminal.language, |name| match name {
        LanguageName::Fr => Language::French,
        LanguageName::En => Language::English,
    });
    let terminal = Terminal { language, ..terminal };
    let mut err = Reading::new(err, language);
    dispatch(args, out, &mut err, terminal).map_err(|error| error.read(language))
}

fn dispatch(
    args: &NetpolArgs,
    out: &mut dyn Write,
    err: &mut dyn Write,
    terminal: Terminal,
) -> Result<ExitStatus> {
    match &args.command {
        Command::Generate(args) => matrices::generate(args, out, err, terminal),
        Command::List(args) => connectivity::list(args, out, err, terminal),
        Command::Allows(args) => ask::allows(args, out, err, terminal),
        Command::Explain(args) => ask::explain(args, out, err, terminal),
        Command::Check(args) => checks::check(args, out, err, terminal),
        Command::Diff(args) => connectivity::diff(args, out, err, terminal),
        Command::Matrix(MatrixCommand::Export(args)) => matrices::export(args, out, err, terminal),
        Command::Matrix(MatrixCommand::Infer(args)) => matrices::infer(args, out, err, terminal),
        Command::Template(args) => matrices::template(args, out, terminal),
    }
}

/// Writes a result to the file that was asked for, or to `out`. A file appears whole or not at all.
fn deliver(output: &OutputArgs, bytes: &[u8], out: &mut dyn Write) -> Result<()> {
    let Some(path) = &output.out else {
        return out.write_all(bytes).map_err(|error| Error::new(ErrorKind::Io, format!("writing: {error}")));
    };
    let fail = |error: std::io::Error| Error::new(ErrorKind::Io, format!("{}: {error}", path.display()));
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    std::fs::write(&part, bytes).map_err(fail)?;
    std::fs::rename(&part, path).map_err(fail)
}
