//! What changed in `intramuros.toml`, and what of it can hold without a restart?
//!
//! What the kernel was asked to let through stays as it is until the process ends: a seal can't be loosened. So ways
//! out, models and sources come and go only on ports and in folders that it knows, and what listens elsewhere needs a
//! restart. Pure: nothing is read, nothing is applied.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use intramuros_core::access::AccessRule;
use intramuros_core::perimeter::{Access, Perimeter, host};
use intramuros_journal::Event;
use intramuros_seal::{Places, Plan};

/// What became of a file that was read again.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The perimeter that holds from now on: as before, with what can change at once.
    pub now: Perimeter,
    /// What changed and holds at once, by the names in the file (`egress[0].until`).
    pub applied: Vec<String>,
    /// What changed and holds after a restart, with the reason.
    pub restart: Vec<String>,
}

/// Stands before the names of what holds now.
pub const HOLDS_NOW: &str = "holds now: ";

/// Stands before the names of what waits.
pub const NEEDS_RESTART: &str = "needs a restart: ";

impl Change {
    /// In one line, for the log and the journal.
    pub fn in_words(&self) -> String {
        let part = |what: &str, names: &[String]| match names {
            [] => None,
            names => Some(format!("{what}{}", names.join(", "))),
        };
        let parts = [part(HOLDS_NOW, &self.applied), part(NEEDS_RESTART, &self.restart)];
        parts.into_iter().flatten().collect::<Vec<_>>().join("; ")
    }
}

/// Whether such a line is of a file that was taken.
pub fn was_taken(line: &str) -> bool {
    line.starts_with(HOLDS_NOW) || line.starts_with(NEEDS_RESTART)
}

/// Compares what holds with what is declared now. `plan` is what the kernel was asked to let through; none when the
/// process is not sealed.
pub fn between(before: &Perimeter, declared: &Perimeter, plan: Option<(&Plan, &Places)>) -> Change {
    let mut change = Change { now: before.clone(), applied: Vec::new(), restart: Vec::new() };
    // What is taken over together or not at all: a model is of no use without its way out.
    let mut hindrances = BTreeMap::new();
    for part in [Part::Way, Part::Model, Part::Source, Part::Live] {
        let wanted = with(&change.now, declared, part);
        let sealed = plan.and_then(|(plan, places)| hindrance(plan, &Plan::of(&wanted, places)));
        match sealed.or_else(|| fetched(before, declared).filter(|_| part == Part::Source)) {
            None => change.now = wanted,
            Some(why) => _ = hindrances.insert(part, why),
        }
    }
    let ways_sealed = hindrances.get(&Part::Way).cloned();
    if let Some(why) = ways_sealed
        && !ways_hold(&change.now)
    {
        // A model whose way out needs a restart needs one as well.
        change.now.models.clone_from(&before.models);
        change.now.assistant.clone_from(&before.assistant);
        hindrances.insert(Part::Model, why);
    }
    match missing(&change.now, declared) {
        None => change.now.collections.clone_from(&declared.collections),
        Some(why) => _ = hindrances.insert(Part::Collection, why),
    }
    for path in differences(before, declared) {
        match part(&path) {
            Ok(part) => match hindrances.get(&part) {
                None => change.applied.push(path),
                Some(why) => change.restart.push(format!("{path} ({why})")),
            },
            Err(why) => change.restart.push(format!("{path} ({why})")),
        }
    }
    change
}

/// What the declared collections name that does not hold now; all of them wait for it.
fn missing(now: &Perimeter, declared: &Perimeter) -> Option<String> {
    let wait = |what: &str, name: &str| format!("the {what} `{name}` needs a restart");
    declared.collections.iter().find_map(|collection| {
        let model = collection.model.as_deref();
        let model = model.filter(|name| !now.models.iter().any(|model| model.name == *name));
        let mut sources = collection.named_sources().into_iter();
        let source = sources.find(|name| now.source(name).is_none() && declared.source(name).is_some());
        model.map(|name| wait("model", name)).or(source.map(|name| wait("source", name)))
    })
}

/// Why sources can't change at once where some are fetched from elsewhere.
fn fetched(before: &Perimeter, declared: &Perimeter) -> Option<String> {
    let remote = |perimeter: &Perimeter| -> Vec<_> {
        perimeter.sources.iter().filter(|source| source.is_remote()).cloned().collect()
    };
    (remote(before) != remote(declared)).then(|| "places elsewhere are opened at the start".to_owned())
}

/// Whether every model that writes elsewhere has a way out.
fn ways_hold(perimeter: &Perimeter) -> bool {
    perimeter.models.iter().filter_map(|model| model.url.as_deref()).all(|url| {
        host::parse_url(url).is_ok_and(|(_, host, port, _)| {
            perimeter.egress.iter().any(|rule| rule.host == host && rule.port == port)
        })
    })
}

/// What can change while the program runs, as far as the seal lets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    /// Ways out.
    Way,
    /// Models that write, and how.
    Model,
    /// Folders of documents.
    Source,
    /// Named sets of them.
    Collection,
    /// People, groups, access, and what the seal does not know of.
    Live,
}

/// Why a change of a value needs a restart, whatever the seal knows; none when it does not.
pub fn needs_restart(path: &str) -> Option<&'static str> {
    part(path).err()
}

/// What a value belongs to; why it needs a restart otherwise.
fn part(path: &str) -> Result<Part, &'static str> {
    let top = path.split(['.', '[']).next().unwrap_or_default();
    Ok(match (top, path) {
        ("egress" | "proxy" | "dns", _) => Part::Way,
        ("model" | "assistant", _) => Part::Model,
        ("source", _) => Part::Source,
        ("collection", _) => Part::Collection,
        ("access" | "user" | "group", _) | (_, "journal.question_text" | "journal.on_failure") => Part::Live,
        ("sealed" | "require_seal", _) => return Err("a seal is for good"),
        ("server", _) => return Err("addresses, names and tokens are taken at the start"),
        ("accounts" | "sign_in", _) => return Err("keys and secrets are read before the seal"),
        ("data", _) => return Err("the data folder is open"),
        ("journal", _) => return Err("the journal is open"),
        ("limits" | "search", _) => return Err("readers and indexes are at work with it"),
        _ => return Err("it is read at the start"),
    })
}

/// A perimeter with a part of another.
fn with(base: &Perimeter, declared: &Perimeter, part: Part) -> Perimeter {
    let mut perimeter = base.clone();
    match part {
        Part::Way => {
            perimeter.egress.clone_from(&declared.egress);
            perimeter.proxy.clone_from(&declared.proxy);
            perimeter.dns.clone_from(&declared.dns);
        }
        Part::Model => {
            perimeter.models.clone_from(&declared.models);
            perimeter.assistant.clone_from(&declared.assistant);
        }
        Part::Source => perimeter.sources.clone_from(&declared.sources),
        Part::Collection => perimeter.collections.clone_from(&declared.collections),
        Part::Live => {
            perimeter.access.clone_from(&declared.access);
            perimeter.users.clone_from(&declared.users);
            perimeter.groups.clone_from(&declared.groups);
            perimeter.journal.question_text = declared.journal.question_text;
            perimeter.journal.on_failure = declared.journal.on_failure;
        }
    }
    perimeter
}

/// The entries of access rules that came, went or changed.
pub fn access_entries(before: &Perimeter, now: &Perimeter, by: &str) -> Vec<Event> {
    let key = |access: &Access| (access.source.clone().unwrap_or_default(), access.path.to_string());
    let rules = |perimeter: &Perimeter| -> BTreeMap<(String, String), AccessRule> {
        perimeter.access.iter().map(|access| (key(access), access.rule())).collect()
    };
    let (before, now) = (rules(before), rules(now));
    let keys: BTreeSet<_> = before.keys().chain(now.keys()).collect();
    keys.into_iter()
        .filter(|key| before.get(*key) != now.get(*key))
        .map(|key| Event::AccessChanged {
            by: by.to_owned(),
            source: if key.0.is_empty() { "every source".to_owned() } else { key.0.clone() },
            path: key.1.clone(),
            before: before.get(key).cloned(),
            after: now.get(key).cloned(),
        })
        .collect()
}

/// What of a plan goes beyond what the kernel lets through.
fn hindrance(sealed: &Plan, wanted: &Plan) -> Option<String> {
    let ports: Vec<String> = wanted.connect.difference(&sealed.connect).map(u16::to_string).collect();
    if !ports.is_empty() {
        let (noun, verb) = if ports.len() == 1 { ("port", "is") } else { ("ports", "are") };
        return Some(format!("{noun} {} {verb} sealed", ports.join(", ")));
    }
    let known = |path: &PathBuf| sealed.read.iter().chain(&sealed.write).any(|known| path.starts_with(known));
    let file = wanted.read.iter().find(|path| !known(path))?;
    Some(format!("{} is sealed", file.display()))
}

/// The names of all values that differ, each section that came or went as one.
fn differences(before: &Perimeter, declared: &Perimeter) -> Vec<String> {
    let values = |perimeter: &Perimeter| -> BTreeMap<String, String> {
        perimeter.effective().into_iter().map(|one| (one.path, one.value)).collect()
    };
    let (before, declared) = (values(before), values(declared));
    let names = before.keys().chain(declared.keys());
    let mut different: Vec<String> = names
        .filter(|name| before.get(*name) != declared.get(*name))
        .map(|name| section(name, &before, &declared))
        .collect();
    different.sort();
    different.dedup();
    different
}

/// `egress[2]` for a value of a section that only one of the two has; the value's own name otherwise.
fn section(name: &str, before: &BTreeMap<String, String>, declared: &BTreeMap<String, String>) -> String {
    let Some(end) = name.find(']') else { return name.to_owned() };
    let section = &name[..=end];
    let has = |values: &BTreeMap<String, String>| values.keys().any(|name| name.starts_with(section));
    if has(before) && has(declared) { name.to_owned() } else { section.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAY: &str = "[[egress]]\nhost='a.example'\nport=443\npurpose='answers'\noperator='o'\njurisdiction='FR'\ndata='d'\n";

    fn parse(text: &str) -> Perimeter {
        Perimeter::parse(text, "f").unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
    }

    fn check(before: &str, declared: &str, applied: &[&str], restart: &[&str]) -> Change {
        let (before, declared) = (parse(before), parse(declared));
        let places = Places { data: "/var/lib/x".into(), program: "/usr/bin/x".into(), ..Places::default() };
        let plan = Plan::of(&before, &places);
        let change = between(&before, &declared, Some((&plan, &places)));
        assert_eq!((change.applied.as_slice(), change.restart.as_slice()), (&*own(applied), &*own(restart)));
        change
    }

    fn own(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn what_can_hold_at_once_does_and_the_rest_is_named() {
        check("", "", &[], &[]);
        let change = check(WAY, &format!("{WAY}until=2030-01-01\n"), &["egress[0].until"], &[]);
        assert!(change.now.egress[0].until.is_some());
        // A way that goes away is closed at once; one on a port that the kernel knows opens.
        assert_eq!(check(WAY, "", &["egress[0]"], &[]).now.egress.len(), 0);
        let second = WAY.replace("a.example", "b.example");
        assert_eq!(check(WAY, &format!("{WAY}{second}"), &["egress[1]"], &[]).now.egress.len(), 2);
        let access = "[[access]]\npath='hr/**'\ngroups=['hr']\n";
        assert_eq!(check("", access, &["access[0]"], &[]).now.access.len(), 1);
        check(
            "",
            "[journal]\nquestion_text=true\nretain_days=400",
            &["journal.question_text"],
            &["journal.retain_days (the journal is open)"],
        );
        check(
            "",
            "[server]\nlisten='127.0.0.1:80'",
            &[],
            &["server.listen (addresses, names and tokens are taken at the start)"],
        );
        check("", "sealed=false", &[], &["sealed (a seal is for good)"]);
        let anne = "[[user]]\nname='anne'\ngroups=['hr']\n";
        assert_eq!(check("", anne, &["user[0]"], &[]).now.users.len(), 1);
        check("", "[[group]]\nname='hr'\n", &["group[0]"], &[]);
        let papers = "[[source]]\nname='papers'\npath='/srv/papers'\n";
        let collection = "[[collection]]\nname='Leases'\nsources=['papers']\n";
        let both = format!("{papers}{collection}");
        assert_eq!(check(papers, &both, &["collection[0]"], &[]).now.collections.len(), 1);
        assert_eq!(check(&both, papers, &["collection[0]"], &[]).now.collections.len(), 0);
        let described = format!("{both}description='All leases'\n");
        check(&both, &described, &["collection[0].description"], &[]);
        // One whose source waits for a restart waits with it.
        let waits = "collection[0] (the source `papers` needs a restart)";
        let sealed = check("", &both, &[], &[waits, "source[0] (/srv/papers is sealed)"]);
        assert!(sealed.now.collections.is_empty());
    }

    #[test]
    fn each_access_rule_that_changed_is_an_entry_of_its_own() {
        let rule = |path: &str, group: &str| format!("[[access]]\npath='{path}'\ngroups=['{group}']\n");
        let before = parse(&format!("{}{}", rule("a/**", "x"), rule("b/**", "x")));
        let now = parse(&format!("{}{}", rule("b/**", "y"), rule("c/**", "x")));
        let found: Vec<(String, bool, bool)> = access_entries(&before, &now, "file")
            .into_iter()
            .filter_map(|event| match event {
                Event::AccessChanged { path, before, after, .. } => {
                    Some((path, before.is_some(), after.is_some()))
                }
                _ => None,
            })
            .collect();
        let expected = [("a/**", true, false), ("b/**", true, true), ("c/**", false, true)];
        assert_eq!(found, expected.map(|(path, before, after)| (path.to_owned(), before, after)));
    }

    #[test]
    fn a_seal_is_never_loosened() {
        let change = check("", WAY, &[], &["egress[0] (ports 53, 443 are sealed)"]);
        assert!(change.now.egress.is_empty());
        let other = WAY.replace("443", "8443");
        let change = check(WAY, &other, &[], &["egress[0].port (port 8443 is sealed)"]);
        assert_eq!(change.now.egress[0].port, 443);
        let with_file = format!("{WAY}ca_file='/etc/ca.pem'\n");
        check(WAY, &with_file, &[], &["egress[0].ca_file (/etc/ca.pem is sealed)"]);
        let source = |path: &str| format!("[[source]]\nname='{path}'\npath='/srv/{path}'\n");
        let (one, within) = (source("a"), source("a/b"));
        assert_eq!(check(&one, &format!("{one}{within}"), &["source[1]"], &[]).now.sources.len(), 2);
        let (both, sealed) = (format!("{one}{}", source("c")), "source[1] (/srv/c is sealed)");
        assert_eq!(check(&one, &both, &[], &[sealed]).now.sources.len(), 1);
        check(&both, &one, &["source[1]"], &[]);
        // A model comes at once where its way out stands, and waits with it where it does not.
        let model = |host: &str| {
            format!(
                "[[model]]\nname='m'\nkind='open-ai'\npurpose='answers'\nurl='https://{host}/v1'\nmodel='x'\n"
            )
        };
        let change = check(WAY, &format!("{WAY}{}", model("a.example")), &["model[0]"], &[]);
        assert_eq!(change.now.models.len(), 1);
        let far = WAY.replace("a.example", "b.example").replace("443", "8443");
        let why = "port 8443 is sealed";
        let declared = format!("{WAY}{far}{}", model("b.example:8443"));
        let change =
            check(WAY, &declared, &[], &[&format!("egress[1] ({why})"), &format!("model[0] ({why})")]);
        assert_eq!((change.now.models.len(), change.now.egress.len()), (0, 1));
        // Without a seal nothing hinders.
        let change = between(&parse(""), &parse(WAY), None);
        assert_eq!((change.applied, change.now.egress.len()), (vec!["egress[0]".to_owned()], 1));
    }
}
