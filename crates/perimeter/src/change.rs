//! What changed in `intramuros.toml`, and what of it can hold without a restart?
//!
//! What the kernel was asked to let through stays as it is until the process ends: a seal can't be loosened. So ways
//! out come and go only on ports that it knows, and what lies in other folders, or listens elsewhere, needs a restart.
//! Pure: nothing is read, nothing is applied.

use std::collections::BTreeMap;

use intramuros_core::perimeter::Perimeter;
use intramuros_seal::{Places, Plan};

/// What became of a file that was read again.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The perimeter that holds from now on: as before, with what can change at once.
    pub now: Perimeter,
    /// What changed and holds at once, by the names in the file (`egress[0].until`).
    pub applied: Vec<String>,
    /// What changed and holds after a restart, with the reason where it is not plain.
    pub restart: Vec<String>,
}

/// Compares what holds with what is declared now. `plan` is what the kernel was asked to let through; none when the
/// process is not sealed.
pub fn between(before: &Perimeter, declared: &Perimeter, plan: Option<(&Plan, &Places)>) -> Change {
    let differences = differences(before, declared);
    let hindrance =
        plan.and_then(|(plan, places)| hindrance(plan, &Plan::of(&with_ways(before, declared), places)));
    let mut change = Change { now: before.clone(), applied: Vec::new(), restart: Vec::new() };
    for path in differences {
        match kind(&path) {
            Kind::Way => match &hindrance {
                None => change.applied.push(path),
                Some(why) => change.restart.push(format!("{path} ({why})")),
            },
            Kind::Live => change.applied.push(path),
            Kind::Restart => change.restart.push(path),
        }
    }
    if hindrance.is_none() {
        change.now = with_ways(&change.now, declared);
    }
    change.now.access.clone_from(&declared.access);
    change.now.journal.question_text = declared.journal.question_text;
    change.now.journal.on_failure = declared.journal.on_failure;
    change
}

enum Kind {
    /// A way out: at once, as far as the seal lets it.
    Way,
    /// At once.
    Live,
    Restart,
}

fn kind(path: &str) -> Kind {
    let top = path.split(['.', '[']).next().unwrap_or_default();
    match (top, path) {
        ("egress" | "proxy" | "dns", _) => Kind::Way,
        ("access", _) | (_, "journal.question_text" | "journal.on_failure") => Kind::Live,
        _ => Kind::Restart,
    }
}

/// A perimeter with the ways out of another.
fn with_ways(base: &Perimeter, declared: &Perimeter) -> Perimeter {
    let mut perimeter = base.clone();
    perimeter.egress.clone_from(&declared.egress);
    perimeter.proxy.clone_from(&declared.proxy);
    perimeter.dns.clone_from(&declared.dns);
    perimeter
}

/// What of a plan goes beyond what the kernel lets through.
fn hindrance(sealed: &Plan, wanted: &Plan) -> Option<String> {
    let ports: Vec<String> = wanted.connect.difference(&sealed.connect).map(u16::to_string).collect();
    if !ports.is_empty() {
        let (noun, verb) = if ports.len() == 1 { ("port", "is") } else { ("ports", "are") };
        return Some(format!("{noun} {} {verb} sealed", ports.join(", ")));
    }
    let file = wanted.read.iter().find(|path| !sealed.read.contains(path))?;
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
        let places = Places::default();
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
            &["journal.retain_days"],
        );
        check("", "[server]\nlisten='127.0.0.1:80'", &[], &["server.listen"]);
        check("", "sealed=false", &[], &["sealed"]);
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
        // Without a seal nothing hinders.
        let change = between(&parse(""), &parse(WAY), None);
        assert_eq!((change.applied, change.now.egress.len()), (vec!["egress[0]".to_owned()], 1));
    }
}
