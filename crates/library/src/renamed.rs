//! Somebody is called otherwise now, or is gone: whose is what they brought?
//!
//! What is brought lies in folders by name, under rules that name its readers. Both follow the name, so that nobody loses
//! what they brought, and nobody finds it who is given the name later.

use intramuros_core::access::AccessRule;
use intramuros_core::perimeter::ATTACHED;

use crate::library::Library;
use crate::spool::{Held, Spool};
use crate::uploads::{Refusal, folder_of};

/// Who is called otherwise now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renamed {
    /// A person: the name before and after.
    Person(String, String),
    /// A person who is gone: their name, and the number that they had here.
    Gone(String, i64),
    /// A group: the name before and after.
    Group(String, String),
}

impl Renamed {
    /// The rule as it must be from now on.
    fn rule(&self, rule: &AccessRule) -> AccessRule {
        let mut rule = rule.clone();
        let (names, before, after) = match self {
            Renamed::Person(before, after) => (&mut rule.users, before, Some(after)),
            Renamed::Gone(before, _) => (&mut rule.users, before, None),
            Renamed::Group(before, after) => (&mut rule.groups, before, Some(after)),
        };
        if names.remove(before) {
            names.extend(after.cloned());
        }
        rule
    }

    /// Where what was brought lies from now on; none where it stays. What somebody leaves behind lies in a folder that
    /// nobody's name leads to.
    fn folders(&self) -> Option<(String, String)> {
        match self {
            Renamed::Person(before, after) => Some((folder_of(Some(before)), folder_of(Some(after)))),
            Renamed::Gone(name, number) => {
                let folder = folder_of(Some(name));
                Some((folder.clone(), format!("@former {folder} ({number})")))
            }
            Renamed::Group(..) => None,
        }
    }

    fn path(&self, path: &str) -> Option<String> {
        let (before, after) = self.folders()?;
        let name = path.strip_prefix(&before)?.strip_prefix('/')?;
        Some(format!("{after}/{name}"))
    }
}

impl Library {
    /// Has everything that was brought here follow a name. Done twice, it changes nothing more.
    ///
    /// # Errors
    /// When it can't be written; what was written stays, and the rest follows when this is called again.
    pub fn rename_in_brought(&self, renamed: &Renamed) -> Result<(), Refusal> {
        let attached = self.has_attached().then(|| ATTACHED.to_owned());
        for source in self.upload_sources().into_iter().chain(attached) {
            let moves = source != ATTACHED;
            let changed = self.spool(&source, |spool| follow(spool, renamed, moves))?;
            if changed {
                self.read_brought(&source);
            }
        }
        Ok(())
    }
}

fn follow(spool: &mut Spool, renamed: &Renamed, moves: bool) -> Result<bool, Refusal> {
    let all: Vec<Held> = spool.all().cloned().collect();
    let mut changed = false;
    for held in all {
        let rule = held.rule.as_ref().map(|rule| renamed.rule(rule));
        let path = if moves { renamed.path(&held.path) } else { None };
        if path.is_none() && rule == held.rule {
            continue;
        }
        changed = true;
        spool.note(Held { rule, ..held.clone() })?;
        if let Some(path) = path {
            let free = free(spool, &path);
            spool.move_to(&held.path, &free)?;
        }
    }
    if changed {
        spool.save()?;
    }
    Ok(changed)
}

/// The path, or one beside it where something else lies there already.
fn free(spool: &Spool, path: &str) -> String {
    let (stem, ending) = match path.rsplit_once('.') {
        Some((stem, ending)) if !ending.contains('/') => (stem, format!(".{ending}")),
        _ => (path, String::new()),
    };
    let mut free = path.to_owned();
    let mut number = 2;
    while spool.held(&free).is_some() {
        free = format!("{stem} ({number}){ending}");
        number += 1;
    }
    free
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_and_folders_follow_the_name_and_nothing_else() {
        let rule = AccessRule::readers(["anne", "bruno"], ["rh"]);
        let check = |renamed: Renamed, expected: AccessRule, path: &str, moved: Option<&str>| {
            assert_eq!(renamed.rule(&rule), expected, "{renamed:?}");
            assert_eq!(renamed.path(path).as_deref(), moved, "{renamed:?} {path}");
        };
        let person = |before: &str, after: &str| Renamed::Person(before.to_owned(), after.to_owned());
        let anna = AccessRule::readers(["anna/x", "bruno"], ["rh"]);
        check(person("anne", "anna/x"), anna, "anne/bail.pdf", Some("anna%2Fx/bail.pdf"));
        check(person("rh", "paie"), rule.clone(), "rhone/bail.pdf", None);
        check(person("carla", "anne"), rule.clone(), "anne/bail.pdf", None);
        let gone = Renamed::Gone("anne".to_owned(), 7);
        let left = AccessRule::readers(["bruno"], ["rh"]);
        check(gone, left, "anne/bail.pdf", Some("@former anne (7)/bail.pdf"));
        let group = Renamed::Group("rh".to_owned(), "ressources".to_owned());
        check(group, AccessRule::readers(["anne", "bruno"], ["ressources"]), "rh/bail.pdf", None);
    }
}
