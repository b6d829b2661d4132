//! Every way in and out: what for, to whom, under whose law, last used when, enforced by what, and what is open?

use std::collections::BTreeMap;
use std::path::Path;

use intramuros_core::error::Error;
use intramuros_core::perimeter::host::with_port;
use intramuros_core::perimeter::{AccessOrigin, Day, Perimeter, Purpose};
use intramuros_journal::read::{Filter, each};
use intramuros_journal::{Event, time};
use intramuros_seal::{Measure, Plan, Sockets};
use serde::Serialize;

use crate::criteria::{CRITERIA, Criterion};
use crate::number_of;
use crate::sbom::{self, Component};

/// Days before its end at which a rule is pointed out. A month: time to ask for another.
const SOON_DAYS: i64 = 31;

/// Kinds of what the kernel refused that are listed one by one. 200: more is not read.
const KERNEL_KINDS: usize = 200;

/// Days after which a way out that nobody used is pointed out. 90: a quarter.
const UNUSED_DAYS: i64 = 90;

/// A way in.
#[derive(Clone, Debug, Serialize)]
pub struct WayIn {
    /// Address and port.
    pub at: String,
    /// Who can reach it.
    pub reach: &'static str,
    /// What came through, all ways in together: the journal does not tell them apart.
    #[serde(rename = "use")]
    pub used: Entered,
}

/// What the journal saw of those who came in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Entered {
    /// Questions and searches.
    pub questions: u64,
    /// Documents opened, downloaded or cited.
    pub readings: u64,
    /// What was asked for and refused.
    pub refused: u64,
    /// The last of all these, as RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

impl Entered {
    /// In one line.
    pub fn in_words(&self) -> String {
        let last = self.last.as_deref().unwrap_or("never");
        format!(
            "{}, {} read, {} refused; last {last}",
            number_of(self.questions, "question", "questions"),
            number_of(self.readings, "document", "documents"),
            self.refused
        )
    }
}

impl Start {
    /// In one line, to stand behind a title.
    pub fn in_words(&self) -> String {
        format!(" (at the start of {}: {})", self.at, self.seal)
    }
}

/// A start of the program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Start {
    /// When, as RFC 3339.
    pub at: String,
    /// Its version.
    pub version: String,
    /// What the kernel enforced from then on.
    pub seal: String,
}

/// What the journal saw of a way out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Use {
    /// Connections and requests allowed.
    pub allowed: u64,
    /// Those refused.
    pub refused: u64,
    /// The last one, as RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
}

/// A way out.
#[derive(Clone, Debug, Serialize)]
pub struct WayOut {
    /// The rule's number in the file, from 0.
    pub rule: usize,
    /// Host and port.
    pub to: String,
    /// What for.
    pub purpose: Purpose,
    /// Who runs the other end.
    pub operator: String,
    /// Under whose law.
    pub jurisdiction: String,
    /// What goes there.
    pub data: String,
    /// Last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Day>,
    /// Whether it is open today.
    pub open: bool,
    /// What enforces it.
    pub enforced_by: Vec<&'static str>,
    /// What the journal saw.
    #[serde(rename = "use")]
    pub used: Use,
}

/// A model, and where it is.
#[derive(Clone, Debug, Serialize)]
pub struct ModelAt {
    /// Its name.
    pub name: String,
    /// Its address or file.
    pub place: String,
    /// Who runs it; none for this machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator: Option<String>,
    /// Under whose law.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<String>,
}

impl ModelAt {
    /// Who runs it, under whose law.
    pub(crate) fn run_by(&self) -> String {
        match (&self.operator, &self.jurisdiction) {
            (None, None) => "this machine".to_owned(),
            (Some(operator), Some(jurisdiction)) => format!("{operator} ({jurisdiction})"),
            (Some(one), None) | (None, Some(one)) => one.clone(),
        }
    }
}

/// Everything.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// When it was made, as RFC 3339.
    pub made: String,
    /// The configuration's file; none when there is none.
    pub file: Option<String>,
    /// The data folder, with the journal that was read; none where the report is of a configuration alone.
    pub data: Option<String>,
    /// Whether the kernel is asked to enforce it.
    pub sealed: bool,
    /// Whether the program refuses to start otherwise.
    pub require_seal: bool,
    /// The last start that the journal saw, with what the kernel enforced; none when it saw none.
    pub started: Option<Start>,
    /// What is inside: sources by name and path.
    pub sources: Vec<(String, String)>,
    /// Models inside and outside.
    pub models: Vec<ModelAt>,
    /// Ways in.
    pub ways_in: Vec<WayIn>,
    /// Ways out.
    pub ways_out: Vec<WayOut>,
    /// Attempts at what is not declared: purpose, host and port, with what the journal saw.
    pub refused: Vec<(String, Use)>,
    /// What the kernel enforces where it can.
    pub measures: Vec<Measure>,
    /// What remains to be done or known.
    pub open: Vec<String>,
    /// Criteria that the measures support.
    pub criteria: Vec<Criterion>,
    /// Components of the program: name, version, licence.
    pub components: Vec<(String, String, Option<String>)>,
}

impl Report {
    /// In words, which configuration and which data folder it is of.
    pub fn places(&self) -> String {
        let file = self.file.as_deref().unwrap_or("no file: defaults");
        match &self.data {
            Some(data) => format!("{file}; data folder {data}"),
            None => file.to_owned(),
        }
    }
}

/// What the journal saw.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// What went out or tried to, by purpose and place.
    pub uses: BTreeMap<(String, String), Use>,
    /// What the kernel refused: how often, and when last.
    pub kernel: BTreeMap<String, Use>,
    /// Who came in.
    pub entered: Entered,
    /// The last start.
    pub started: Option<Start>,
}

/// Reads what went in and out from the journal; nothing when there is no journal.
///
/// # Errors
/// When the journal's files can't be read.
pub fn seen(folder: &Path) -> Result<Seen, Error> {
    let mut seen = Seen::default();
    each(folder, &Filter::default(), |entry, _| {
        let at = || entry.time.clone();
        match &entry.event {
            Event::Egress { purpose, host, port, allowed, .. } => {
                let used = seen.uses.entry((purpose.clone(), format!("{host}:{port}"))).or_default();
                *(if *allowed { &mut used.allowed } else { &mut used.refused }) += 1;
                used.last = Some(at());
            }
            Event::KernelRefused { process, call, with, times } => {
                let kind = format!("by the kernel, {process}: {call} {with}").trim_end().to_owned();
                let more = seen.kernel.len() >= KERNEL_KINDS && !seen.kernel.contains_key(&kind);
                let kind = if more { "by the kernel: others".to_owned() } else { kind };
                let used = seen.kernel.entry(kind).or_default();
                used.refused = used.refused.saturating_add(*times);
                used.last = Some(at());
            }
            Event::Started { version, seal } => {
                seen.started = Some(Start { at: at(), version: version.clone(), seal: seal.clone() });
            }
            other => {
                let entered = &mut seen.entered;
                let count = match other {
                    Event::Question { .. } => &mut entered.questions,
                    Event::DocumentRead { .. } => &mut entered.readings,
                    Event::AccessRefused { .. } => &mut entered.refused,
                    _ => return true,
                };
                *count += 1;
                entered.last = Some(at());
            }
        }
        true
    })
    .map_err(|error| Error::data("the journal can't be read").because(error))?;
    Ok(seen)
}

/// Makes the report of a perimeter. Pure: the clock and what the journal saw are given.
///
/// # Errors
/// As [`sbom::components`].
pub fn report(perimeter: &Perimeter, plan: &Plan, seen: Seen, now_ms: i64) -> Result<Report, Error> {
    let Seen { mut uses, kernel, entered, started } = seen;
    let today = Day::of_ms(now_ms);
    let ways_out: Vec<WayOut> = perimeter
        .egress
        .iter()
        .enumerate()
        .map(|(number, rule)| {
            let to = with_port(&rule.host, rule.port);
            let key = (rule.purpose.word().to_owned(), format!("{}:{}", rule.host, rule.port));
            let here = rule.host.is_loopback();
            let or_here = |text: &Option<String>| {
                text.clone().unwrap_or_else(|| if here { "this machine" } else { "" }.to_owned())
            };
            WayOut {
                rule: number,
                to,
                purpose: rule.purpose,
                operator: or_here(&rule.operator),
                jurisdiction: or_here(&rule.jurisdiction),
                data: rule.data.clone().unwrap_or_default(),
                until: rule.until,
                open: rule.open_on(today),
                enforced_by: enforced_by(perimeter, rule.tls),
                used: uses.remove(&key).unwrap_or_default(),
            }
        })
        .collect();
    let components = sbom::components()?;
    Ok(Report {
        made: time::to_text(now_ms),
        file: perimeter.file().map(str::to_owned),
        data: None,
        sealed: perimeter.sealed,
        require_seal: perimeter.require_seal,
        started,
        sources: perimeter.sources.iter().map(|one| (one.name.clone(), one.place())).collect(),
        models: models(perimeter),
        ways_in: ways_in(perimeter, &entered),
        open: open_points(perimeter, &ways_out, &components, now_ms),
        refused: uses
            .into_iter()
            .map(|((purpose, to), used)| (format!("{purpose} to {to}"), used))
            .chain(kernel)
            .collect(),
        ways_out,
        measures: if perimeter.sealed { measures(plan) } else { Vec::new() },
        criteria: CRITERIA.to_vec(),
        components: components.into_iter().map(|one| (one.name, one.version, one.licence)).collect(),
    })
}

fn measures(plan: &Plan) -> Vec<Measure> {
    let noted = Measure {
        what: "what is refused in `serve` and its readers is counted and entered in the journal".to_owned(),
        by: "seccomp, answered by the watcher",
    };
    plan.measures().into_iter().chain([noted]).collect()
}

fn enforced_by(perimeter: &Perimeter, tls: bool) -> Vec<&'static str> {
    let mut by = vec!["egress: host, port, purpose, address"];
    if tls {
        by.push("TLS: who the other end is");
    }
    if perimeter.sealed {
        // Said as it is: the kernel knows ports, not names.
        by.push("Landlock: port");
        by.push("seccomp: TCP only");
    }
    by
}

fn models(perimeter: &Perimeter) -> Vec<ModelAt> {
    let own = ModelAt {
        name: "e5-small-fr-en".to_owned(),
        place: "in this program".to_owned(),
        operator: None,
        jurisdiction: None,
    };
    let mut models = vec![own];
    for model in &perimeter.models {
        let place = match (&model.url, &model.file) {
            (Some(url), _) => url.clone(),
            (None, Some(file)) => file.display().to_string(),
            (None, None) => "in this program".to_owned(),
        };
        models.push(ModelAt {
            name: model.name.clone(),
            place,
            operator: perimeter.operator_of(model).map(str::to_owned),
            jurisdiction: perimeter.jurisdiction_of(model).map(str::to_owned),
        });
    }
    models
}

fn ways_in(perimeter: &Perimeter, entered: &Entered) -> Vec<WayIn> {
    perimeter
        .server
        .listen
        .iter()
        .map(|address| WayIn {
            at: address.to_string(),
            reach: if address.ip().is_loopback() { "this machine" } else { "the network" },
            used: entered.clone(),
        })
        .collect()
}

/// What somebody should look at.
fn open_points(perimeter: &Perimeter, ways: &[WayOut], components: &[Component], now_ms: i64) -> Vec<String> {
    let mut open = Vec::new();
    if !perimeter.sealed {
        open.push("`sealed = false`: only the program itself keeps to the declared ways".to_owned());
    } else if !perimeter.require_seal {
        open.push("`require_seal` is not set: on a kernel that can't enforce all of it the program starts all the same, and says so".to_owned());
    }
    if perimeter.sealed && ways.iter().any(|way| way.open) {
        let what = "the kernel enforces ports, not hosts: code that was taken over could reach another host on a declared port; a network policy or nftables (`perimeter deploy`) closes that";
        open.push(what.to_owned());
    }
    if let Some(proxy) = &perimeter.proxy {
        open.push(format!(
            "the proxy {} translates names, so addresses behind them are not checked here",
            proxy.host
        ));
    }
    let exposed = perimeter.server.listen.iter().filter(|address| !address.ip().is_loopback());
    open.extend(
        exposed.map(|address| {
            format!("{address} can be reached from the network: see that TLS stands before it")
        }),
    );
    for source in &perimeter.sources {
        if source.follow_links {
            open.push(format!(
                "the source `{}` follows links; those that lead out of it fail when sealed",
                source.name
            ));
        }
        let ruled =
            perimeter.access.iter().any(|rule| rule.source.as_ref().is_none_or(|name| *name == source.name));
        if source.access == AccessOrigin::Rules && !ruled {
            open.push(format!("no access rule covers the source `{}`: only the owner reads it", source.name));
        }
    }
    for way in ways {
        let soon = Day::of_ms(now_ms + SOON_DAYS * 86_400_000);
        match way.until {
            Some(until) if !way.open => open.push(format!("the way to {} ended on {until}", way.to)),
            Some(until) if until <= soon => open.push(format!("the way to {} ends on {until}", way.to)),
            Some(_) => {}
            None if way.operator == "this machine" => {}
            None => open.push(format!("the way to {} has no last day (`until`)", way.to)),
        }
        let last = way.used.last.as_deref().and_then(time::from_text);
        if last.is_some_and(|last| now_ms - last > UNUSED_DAYS * 86_400_000) {
            open.push(format!("the way to {} was not used for {UNUSED_DAYS} days", way.to));
        }
    }
    if perimeter.journal.key_file.is_none() {
        open.push("the journal's key lies in the data folder: somebody who writes there can forge the journal (`journal.key_file`)".to_owned());
    }
    if perimeter.journal.syslog.is_none() {
        open.push("the journal is not sent elsewhere (`journal.syslog`)".to_owned());
    }
    if perimeter.journal.retain_days < 183 {
        open.push(format!(
            "the journal is kept for {} days; six months are asked for",
            perimeter.journal.retain_days
        ));
    }
    let unknown = components.iter().filter(|component| component.licence.is_none()).count();
    if unknown > 0 {
        open.push(format!("{unknown} components have no licence stated in `licences.tsv`"));
    }
    open
}

/// For people, in a terminal. `width` is not needed: lines are short.
pub fn to_text(report: &Report, plan: &Plan) -> String {
    use std::fmt::Write;
    let mut text = String::new();
    // Writing to a String can't fail.
    let mut line = |content: String| {
        let _ = writeln!(text, "{content}");
    };
    line(format!("The perimeter, {} ({})", report.made, report.places()));
    line(String::new());
    line("Inside".to_owned());
    for (name, path) in &report.sources {
        line(format!("  source {name}: {path}"));
    }
    for model in &report.models {
        line(format!("  model {}: {}, run by {}", model.name, model.place, model.run_by()));
    }
    line("Ways in".to_owned());
    for way in &report.ways_in {
        line(format!("  {} from {}: {}", way.at, way.reach, way.used.in_words()));
    }
    line(format!("Ways out: {}", if report.ways_out.is_empty() { "none" } else { "" }).trim_end().to_owned());
    for way in &report.ways_out {
        let until = way.until.map_or_else(String::new, |day| format!(", until {day}"));
        line(format!(
            "  {} {} for {}{until}",
            if way.open { "open  " } else { "closed" },
            way.to,
            way.purpose
        ));
        line(format!("         {} ({}): {}", way.operator, way.jurisdiction, way.data));
        let last = way.used.last.as_deref().unwrap_or("never");
        line(format!("         allowed {}, refused {}, last {last}", way.used.allowed, way.used.refused));
        line(format!("         enforced by {}", way.enforced_by.join("; ")));
    }
    if !report.refused.is_empty() {
        line("Tried and refused".to_owned());
        for (what, used) in &report.refused {
            line(format!("  {what}: {} times, last {}", used.refused, used.last.as_deref().unwrap_or("?")));
        }
    }
    line(format!(
        "Enforced by the kernel{}",
        report.started.as_ref().map_or_else(String::new, Start::in_words)
    ));
    for measure in &report.measures {
        line(format!("  {} ({})", measure.what, measure.by));
    }
    if plan.sockets == Sockets::Accept && report.sealed {
        line("  so that no outbound connection is possible at all, names included".to_owned());
    }
    line("Open points".to_owned());
    for point in &report.open {
        line(format!("  {point}"));
    }
    line("Criteria supported (a mapping, not a claim of compliance)".to_owned());
    for one in &report.criteria {
        line(format!("  {}: SecNumCloud {}; {}", one.measure, one.secnumcloud, one.sovereignty));
    }
    line(format!("Components: {} (`perimeter sbom` lists them)", report.components.len()));
    text
}
