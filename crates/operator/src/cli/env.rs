//! `env list|show|kubeconfig|ssh`: what exists, what is missing, why, since when, and how to get in.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::sync::Arc;

use intramuros_core::error::Error;
use intramuros_netpol::language::Language;
use intramuros_netpol::report::{Terminal, table};
use kube::api::ListParams;
use kube::{Api, ResourceExt};

use super::matrix::Matrix;
use super::{Where, refused, wait, written};
use crate::edge::tally::Tally;
use crate::plan::moment;
use crate::resources::condition::Condition;
use crate::resources::environment::Ticket;
use crate::resources::{Environment, EnvironmentStatus};
use crate::words::say;

/// The port of SSH at a bastion that names none.
const SSH_PORT: &str = "2222";

/// What to do with environments.
#[derive(clap::Subcommand, Clone, Debug)]
pub enum Command {
    /// List environments, with what they wait for
    List(List),
    /// Show one: what holds, what is missing, why, since when
    Show(One),
    /// Write a kubeconfig that leads through the bastion
    Kubeconfig(Kubeconfig),
    /// Show what passes in it, as a flow matrix, and what differs from the declared one
    Matrix(Matrix),
    /// Open a session on one of its machines, through the bastion
    Ssh(Ssh),
}

/// Arguments of `env list`.
#[derive(clap::Args, Clone, Debug)]
pub struct List {
    #[command(flatten)]
    place: Where,
    /// The namespace (otherwise that of the context)
    #[arg(short, long, value_name = "NAMESPACE")]
    namespace: Option<String>,
    /// All namespaces
    #[arg(short = 'A', long)]
    all: bool,
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `env show`.
#[derive(clap::Args, Clone, Debug)]
pub struct One {
    /// The environment
    name: String,
    #[command(flatten)]
    pub(super) place: Where,
    /// The namespace (otherwise that of the context)
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(super) namespace: Option<String>,
}

/// Arguments of `env kubeconfig`.
#[derive(clap::Args, Clone, Debug)]
pub struct Kubeconfig {
    #[command(flatten)]
    one: One,
    /// Your name at the bastion
    #[arg(long, value_name = "NAME")]
    user: String,
    /// Your certificate at the bastion (PEM file)
    #[arg(long, value_name = "FILE")]
    certificate: PathBuf,
    /// Its private key (PEM file)
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

/// Arguments of `env ssh`.
#[derive(clap::Args, Clone, Debug)]
pub struct Ssh {
    #[command(flatten)]
    one: One,
    /// The machine (its name, or the end of it); needed when there are several
    machine: Option<String>,
    /// Your name at the bastion (otherwise $USER)
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Show the command instead of running it
    #[arg(long)]
    print: bool,
}

/// Runs a command. Exit code 1 when something is not ready.
pub fn run(command: &Command, out: &mut dyn Write, terminal: Terminal) -> Result<u8, Error> {
    match command {
        Command::List(args) => list(args, out, terminal),
        Command::Show(args) => show(args, out, terminal),
        Command::Matrix(args) => super::matrix::run(args, out, terminal),
        Command::Kubeconfig(args) => kubeconfig(args, out).map(|()| 0),
        Command::Ssh(args) => ssh(args, out).map(|()| 0),
    }
}

impl One {
    /// The name of something that is named after the environment.
    pub(super) fn name_of(&self, name: fn(&str) -> String) -> String {
        name(&self.name)
    }

    fn get(&self) -> Result<Environment, Error> {
        let (namespace, found) = wait(async {
            let (client, server) = self.place.client(&Arc::new(Tally::default()))?;
            let namespace = self.namespace.clone().unwrap_or(server.namespace);
            let api: Api<Environment> = Api::namespaced(client, &namespace);
            let found = api.get_opt(&self.name).await.map_err(|error| refused(&error))?;
            Ok((namespace, found))
        })?;
        found.ok_or_else(|| {
            Error::user(format!("there is no environment {namespace}/{}", self.name))
                .hint("`intramuros env list -A` lists those that you may see")
        })
    }
}

fn list(args: &List, out: &mut dyn Write, terminal: Terminal) -> Result<u8, Error> {
    let mut found = wait(async {
        let (client, server) = args.place.client(&Arc::new(Tally::default()))?;
        let namespace = args.namespace.clone().unwrap_or(server.namespace);
        let api: Api<Environment> =
            if args.all { Api::all(client) } else { Api::namespaced(client, &namespace) };
        Ok(api.list(&ListParams::default()).await.map_err(|error| refused(&error))?.items)
    })?;
    found.sort_by_key(|environment| (environment.namespace(), environment.name_any()));
    if args.json {
        let text = serde_json::to_string_pretty(&found)
            .map_err(|error| Error::internal("environments can't be written as JSON").because(error))?;
        return written(writeln!(out, "{text}")).map(|()| 0);
    }
    written(write!(out, "{}", rows(&found, now(), terminal)))?;
    Ok(u8::from(found.iter().any(|environment| !environment.is_ready())))
}

/// The table of `env list`.
pub fn rows(environments: &[Environment], now: i64, terminal: Terminal) -> String {
    let say = |french, english| terminal.language.pick(french, english);
    let headings = [
        say("Environnement", "Environment"),
        "Version",
        say("État", "State"),
        say("Depuis", "Since"),
        say("Pourquoi", "Why"),
    ];
    let row = |environment: &Environment| {
        let ready = environment.ready();
        let name = format!("{}/{}", environment.namespace().unwrap_or_default(), environment.name_any());
        let going = environment.metadata.deletion_timestamp.is_some();
        let state = match ready {
            _ if going => say("en suppression", "going"),
            Some(ready) => word(ready, terminal.language),
            None => say("pas encore vu", "not seen yet"),
        };
        let why = ready
            .filter(|ready| ready.status != "True")
            .map_or_else(String::new, |ready| ready.said(terminal.language).to_owned());
        let since = ready.map_or_else(String::new, |ready| since(ready, now, terminal.language));
        vec![name, environment.spec.version.clone(), state.to_owned(), since, why]
    };
    table::render(&headings, &environments.iter().map(row).collect::<Vec<_>>(), terminal)
}

fn show(args: &One, out: &mut dyn Write, terminal: Terminal) -> Result<u8, Error> {
    let environment = args.get()?;
    written(write!(out, "{}", page(&environment, now(), terminal)))?;
    Ok(u8::from(!environment.is_ready()))
}

/// What `env show` says.
pub fn page(environment: &Environment, now: i64, terminal: Terminal) -> String {
    let say = |french, english| terminal.language.pick(french, english);
    let spec = &environment.spec;
    let name = format!("{}/{}", environment.namespace().unwrap_or_default(), environment.name_any());
    let workers: i32 = spec.size.workers.iter().map(|workers| workers.replicas).sum();
    let mut text = format!("{name}\n");
    let mut line = |heading: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("  {heading:<18}{value}\n"));
        }
    };
    line("Kubernetes", &format!("{} ({})", spec.version, spec.class));
    line(say("Machines", "Machines"), &format!("{} + {workers}", spec.size.control_plane));
    let people: Vec<&str> = spec.administrators.iter().map(|person| person.name.as_str()).collect();
    line(say("Administration", "Administrators"), &people.join(", "));
    let status = environment.status.clone().unwrap_or_default();
    line(say("Serveur d'API", "API server"), status.endpoint.as_deref().unwrap_or_default());
    line(say("Cibles", "Targets"), &status.targets.join(", "));
    for ticket in &status.tickets {
        line(say("Ticket", "Ticket"), &told(ticket, terminal.language));
    }
    text.push('\n');
    let headings =
        [say("Quoi", "What"), say("État", "State"), say("Depuis", "Since"), say("Pourquoi", "Why")];
    let rows: Vec<Vec<String>> = status
        .conditions
        .iter()
        .map(|condition| {
            vec![
                subject(&condition.kind, terminal.language),
                word(condition, terminal.language).to_owned(),
                since(condition, now, terminal.language),
                condition.said(terminal.language).to_owned(),
            ]
        })
        .collect();
    if rows.is_empty() {
        text.push_str(say("L'opérateur ne l'a pas encore vu.\n", "The operator has not seen it yet.\n"));
    } else {
        text.push_str(&table::render(&headings, &rows, terminal));
    }
    text
}

fn kubeconfig(args: &Kubeconfig, out: &mut dyn Write) -> Result<(), Error> {
    let environment = args.one.get()?;
    let status = status(&environment)?;
    let place = status.kubernetes.as_ref().ok_or_else(|| {
        Error::config("the bastion's address for Kubernetes is not declared")
            .hint("the platform's team sets spec.kubernetes of the BastionConnection")
    })?;
    let target = target(&environment);
    if !status.targets.contains(&target) {
        return Err(Error::user(format!("the cluster of {target} is not offered at the bastion yet")));
    }
    let config = serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": target,
        "contexts": [{ "name": target, "context": { "cluster": target, "user": args.user } }],
        "clusters": [{ "name": target, "cluster": { "server": format!("https://{place}/{target}") } }],
        "users": [{ "name": args.user, "user": {
            "client-certificate": args.certificate, "client-key": args.key,
        } }],
    });
    let text = crate::manifests::yaml(&[config]).map_err(Error::internal)?;
    written(write!(out, "{text}"))
}

fn ssh(args: &Ssh, out: &mut dyn Write) -> Result<(), Error> {
    let environment = args.one.get()?;
    let status = status(&environment)?;
    let place = status.ssh.as_ref().ok_or_else(|| {
        Error::config("the bastion's address for SSH is not declared")
            .hint("the platform's team sets spec.ssh of the BastionConnection")
    })?;
    let user = args.user.clone().or_else(|| std::env::var("USER").ok()).unwrap_or_default();
    let machine = choose(&status.targets, &target(&environment), args.machine.as_deref())?;
    let (host, port) = place.rsplit_once(':').unwrap_or((place, SSH_PORT));
    let destination = format!("{user}:{machine}@{host}");
    if args.print {
        return written(writeln!(out, "ssh -p {port} {destination}"));
    }
    // A host or a name that begins with a dash is no option.
    let failed = std::process::Command::new("ssh").args(["-p", port, "--", &destination]).exec();
    Err(Error::config("ssh can't be run").because(failed))
}

/// The target of a machine, among those of an environment.
fn choose<'a>(targets: &'a [String], cluster: &str, machine: Option<&str>) -> Result<&'a str, Error> {
    let machines: Vec<&str> =
        targets.iter().map(String::as_str).filter(|target| *target != cluster).collect();
    let fits: Vec<&str> = match machine {
        Some(machine) => machines.iter().copied().filter(|target| target.ends_with(machine)).collect(),
        None => machines.clone(),
    };
    match fits.as_slice() {
        [one] => Ok(one),
        [] => Err(Error::user("no such machine is offered at the bastion")
            .hint(format!("there are: {}", machines.join(", ")))),
        several => {
            Err(Error::user("name one of the machines").hint(format!("there are: {}", several.join(", "))))
        }
    }
}

fn target(environment: &Environment) -> String {
    format!("{}.{}", environment.namespace().unwrap_or_default(), environment.name_any())
}

fn status(environment: &Environment) -> Result<EnvironmentStatus, Error> {
    environment.status.clone().ok_or_else(|| Error::user("the operator has not seen this environment yet"))
}

/// A ticket in a line: who, where, and until when or since when it is asked for.
fn told(ticket: &Ticket, language: Language) -> String {
    let (person, target) = (&ticket.person, &ticket.target);
    match &ticket.until {
        Some(until) => language
            .read(&say!("{person} -> {target}, jusqu'à {until}", "{person} -> {target}, until {until}")),
        None => {
            let since = &ticket.since;
            language.read(&say!(
                "{person} -> {target}, demandé le {since}, à approuver au bastion",
                "{person} -> {target}, asked for on {since}, to be approved at the bastion"
            ))
        }
    }
}

fn word(condition: &Condition, language: Language) -> &'static str {
    match condition.status.as_str() {
        "True" => language.pick("oui", "yes"),
        "False" => language.pick("non", "no"),
        _ => language.pick("inconnu", "unknown"),
    }
}

fn subject(kind: &str, language: Language) -> String {
    let known = match kind {
        "Ready" => language.pick("prêt", "ready"),
        "ClusterReady" => language.pick("grappe disponible", "cluster available"),
        "MeshReady" => language.pick("chemin privé", "private path"),
        "BastionReady" => language.pick("bastion", "bastion"),
        "Isolated" => language.pick("isolement", "isolation"),
        "Paused" => language.pick("en marche", "running"),
        "Removed" => language.pick("supprimé", "removed"),
        other => return other.to_owned(),
    };
    known.to_owned()
}

/// How long something has held, in the largest unit that fits.
fn since(condition: &Condition, now: i64, language: Language) -> String {
    let Some(then) = moment::seconds(&condition.last_transition_time) else { return String::new() };
    let seconds = (now - then).max(0);
    let (count, unit) = match seconds {
        0..=119 => (seconds, "s"),
        120..=7199 => (seconds / 60, "min"),
        7200..=172_799 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, language.pick("j", "d")),
    };
    format!("{count} {unit}")
}

fn now() -> i64 {
    k8s_openapi::jiff::Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_chosen_by_the_end_of_its_name() {
        let targets = ["shop.prod", "shop.prod.a-1", "shop.prod.a-2"].map(str::to_owned);
        let check = |machine: Option<&str>, expected: Option<&str>| {
            assert_eq!(choose(&targets, "shop.prod", machine).ok(), expected);
        };
        check(Some("a-2"), Some("shop.prod.a-2"));
        check(None, None);
        check(Some("b"), None);
        assert_eq!(choose(&targets[..2], "shop.prod", None).ok(), Some("shop.prod.a-1"));
    }

    #[test]
    fn a_person_reads_what_is_missing_and_since_when_in_her_language() {
        let environment: Environment = serde_json::from_value(serde_json::json!({
            "apiVersion": "intramuros.eu/v1alpha1", "kind": "Environment",
            "metadata": { "name": "prod", "namespace": "shop" },
            "spec": { "class": "small", "version": "v1.36.2", "mesh": "main", "administrators": [{ "name": "anne" }] },
            "status": { "conditions": [
                { "type": "Ready", "status": "False", "reason": "Enrolling", "message": "a machine is still to enrol",
                  "messageFr": "une machine doit encore s'inscrire", "lastTransitionTime": "2026-11-22T10:00:00Z" },
            ], "tickets": [{ "person": "chloe", "target": "shop.prod", "state": "Asked", "since": "2026-11-22T10:00:00Z" }] },
        }))
        .unwrap();
        let now = moment::seconds("2026-11-22T10:05:00Z").unwrap();
        let terminal = Terminal { language: Language::French, ..Terminal::default() };
        let text = page(&environment, now, terminal);
        for part in [
            "shop/prod",
            "anne",
            "prêt",
            "non",
            "5 min",
            "une machine doit encore",
            "chloe -> shop.prod, demandé",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let text = rows(&[environment], now, Terminal::default());
        assert!(
            text.contains("a machine is still to enrol")
                && text.contains("shop/prod")
                && text.contains("no")
                && text.contains("5 min"),
            "{text}"
        );
    }
}
