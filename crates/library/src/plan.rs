//! What must be done so that the store follows the files? Pure: two lists in, the work out.

use std::collections::HashMap;

use intramuros_core::access::{AccessId, AccessRule};
use intramuros_core::document::ExtractError;
use intramuros_store::{FileId, FileOutcome, KnownFile, Stamp};

use crate::walk::{Found, Walk};

/// What the store knows of a file, without its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Known {
    pub id: FileId,
    pub stamp: Stamp,
    pub hash: [u8; 32],
    pub reader_version: u32,
    pub access: AccessId,
    pub read: bool,
}

impl From<&KnownFile> for Known {
    fn from(file: &KnownFile) -> Known {
        Known {
            id: file.id,
            stamp: file.stamp,
            hash: file.content_hash,
            reader_version: file.reader_version,
            access: file.access,
            read: file.outcome == FileOutcome::Read,
        }
    }
}

/// A file to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Job {
    pub path: Vec<u8>,
    pub stamp: Stamp,
    /// Files that are read as one; empty for a file by itself.
    pub members: Vec<Vec<u8>>,
    pub rule: AccessRule,
    /// Why it can't be read, where that is known before.
    pub fault: Option<ExtractError>,
    /// What is known at its place.
    pub known: Option<Known>,
}

/// The work.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    /// Files to read.
    pub jobs: Vec<Job>,
    /// Files that others may read now.
    pub access: Vec<(FileId, AccessRule)>,
    /// Files that are gone from their place, by content: moved or deleted.
    pub vanished: HashMap<[u8; 32], Vec<Known>>,
    /// Files that need nothing.
    pub unchanged: u64,
}

/// Holds what was found against what is known (by path, of the same part of the source).
pub(crate) fn plan(
    mut known: HashMap<Vec<u8>, Known>,
    walk: Walk,
    rule_of: &dyn Fn(&Found) -> AccessRule,
    rules: &HashMap<AccessId, AccessRule>,
    reader_version: u32,
) -> Plan {
    let mut plan = Plan::default();
    for found in walk.files {
        let rule = rule_of(&found);
        match known.remove(&found.path) {
            Some(known) if known.stamp == found.stamp && known.reader_version == reader_version => {
                plan.unchanged += 1;
                if rules.get(&known.access) != Some(&rule) {
                    plan.access.push((known.id, rule));
                }
            }
            known => plan.jobs.push(Job {
                path: found.path,
                stamp: found.stamp,
                members: found.members,
                rule,
                fault: found.fault,
                known,
            }),
        }
    }
    // What could not be looked at may still be there.
    known.retain(|path, _| !walk.troubles.iter().any(|trouble| is_within(path, &trouble.path)));
    for file in known.into_values() {
        plan.vanished.entry(file.hash).or_default().push(file);
    }
    // Small files first: a folder is searchable within moments, and its few giants come last.
    plan.jobs.sort_by_key(|job| size_class(job.stamp.size));
    plan
}

/// Whether `path` is `folder` or lies below it.
pub(crate) fn is_within(path: &[u8], folder: &[u8]) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Sizes that count as alike, so that files of a folder stay together.
fn size_class(size: u64) -> u32 {
    (size >> 20).checked_ilog2().map_or(0, |power| power + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::walk::Trouble;

    fn stamp(modified_ns: i64) -> Stamp {
        Stamp { size: 1, modified_ns, inode: 1 }
    }

    fn known(id: i64, modified_ns: i64) -> Known {
        Known {
            id: FileId(id),
            stamp: stamp(modified_ns),
            hash: [id as u8; 32],
            reader_version: 1,
            access: AccessId(1),
            read: true,
        }
    }

    fn found(path: &str, modified_ns: i64) -> Found {
        Found { path: path.into(), stamp: stamp(modified_ns), members: vec![], rule: None, fault: None }
    }

    /// Paths to read, files whose rule changes, files that vanished.
    fn check(
        known: Vec<(&str, Known)>,
        files: Vec<Found>,
        troubles: &[&str],
        version: u32,
        expected: (&[&str], usize, usize),
    ) {
        let known = known.into_iter().map(|(path, known)| (path.into(), known)).collect();
        let troubles =
            troubles.iter().map(|path| Trouble { path: (*path).into(), detail: String::new() }).collect();
        let rules = HashMap::from([(AccessId(1), AccessRule::owner_only())]);
        let rule_of = |found: &Found| match found.path.starts_with(b"open") {
            true => AccessRule::everyone(),
            false => AccessRule::owner_only(),
        };
        let plan = plan(known, Walk { files, troubles }, &rule_of, &rules, version);
        let jobs: Vec<String> =
            plan.jobs.iter().map(|job| String::from_utf8_lossy(&job.path).into_owned()).collect();
        let vanished = plan.vanished.values().map(Vec::len).sum::<usize>();
        assert_eq!(
            (jobs.iter().map(String::as_str).collect::<Vec<_>>().as_slice(), plan.access.len(), vanished),
            expected
        );
    }

    #[test]
    fn only_what_changed_is_read() {
        let two = || vec![("a", known(1, 1)), ("b/c", known(2, 2))];
        check(two(), vec![found("a", 1), found("b/c", 2)], &[], 1, (&[], 0, 0));
        check(two(), vec![found("a", 9), found("b/c", 2), found("d", 1)], &[], 1, (&["a", "d"], 0, 0));
        check(two(), vec![found("a", 1)], &[], 1, (&[], 0, 1));
        // A folder that can't be looked at is not gone.
        check(two(), vec![found("a", 1)], &["b"], 1, (&[], 0, 0));
        check(two(), vec![found("a", 1)], &["b/cc"], 1, (&[], 0, 1));
        check(two(), vec![], &[""], 1, (&[], 0, 0));
        // A newer reader reads everything again.
        check(two(), vec![found("a", 1), found("b/c", 2)], &[], 2, (&["a", "b/c"], 0, 0));
        // Another rule costs no reading.
        check(vec![("open", known(1, 1))], vec![found("open", 1)], &[], 1, (&[], 1, 0));
    }
}
