//! What must be done so that the store follows the files? Pure: two lists in, the work out.

use std::collections::HashMap;

use intramuros_core::access::{AccessId, AccessRule};
use intramuros_core::document::ExtractError;
use intramuros_store::{FileId, FileOutcome, KnownFile, Stamp};

use crate::paths;
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
        let known = known.remove(&found.path);
        // A change of rights alone shows in the stamp as well: who may read what was read is told before anything is read.
        if let Some(known) = known.as_ref().filter(|known| is_as_dated(known.stamp, found.stamp))
            && rules.get(&known.access) != Some(&rule)
        {
            plan.access.push((known.id, rule.clone()));
        }
        match known {
            Some(known) if known.stamp == found.stamp && known.reader_version == reader_version => {
                plan.unchanged += 1;
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
    // Small files first: a folder is searchable within moments, and its few giants come last. Pictures come after all others:
    // OCR takes seconds for each, in which a hundred other files are read.
    plan.jobs.sort_by_key(|job| (is_picture(&job.path), size_class(job.stamp.size)));
    plan
}

/// Whether two stamps differ by the time of the last change at most.
fn is_as_dated(one: Stamp, other: Stamp) -> bool {
    Stamp { changed_ns: 0, ..one } == Stamp { changed_ns: 0, ..other }
}

/// Whether `path` is `folder` or lies below it.
pub(crate) fn is_within(path: &[u8], folder: &[u8]) -> bool {
    folder.is_empty()
        || path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
}

/// Endings of pictures, which OCR alone reads.
const PICTURES: [&[u8]; 8] = [b"png", b"jpg", b"jpeg", b"gif", b"tif", b"tiff", b"bmp", b"webp"];

/// Whether a file is a picture, as its name says.
fn is_picture(path: &[u8]) -> bool {
    let name = paths::last_name(path);
    let dot = name.iter().rposition(|byte| *byte == b'.');
    let ending = dot.and_then(|dot| name.get(dot + 1..)).unwrap_or_default();
    PICTURES.iter().any(|picture| ending.eq_ignore_ascii_case(picture))
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
        Stamp { size: 1, modified_ns, inode: 1, changed_ns: 1 }
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
    fn pictures_are_read_after_all_other_files() {
        let files = ["a.png", "b/SCAN.TIFF", "c.txt", "d.pdf", "png", "e.png/f.md"];
        let order = ["c.txt", "d.pdf", "png", "e.png/f.md", "a.png", "b/SCAN.TIFF"];
        check(vec![], files.iter().map(|path| found(path, 1)).collect(), &[], 1, (&order, 0, 0));
        // The largest of the others as well.
        let large = Found { stamp: Stamp { size: 99 << 20, ..stamp(1) }, ..found("z.mbox", 1) };
        check(vec![], vec![found("a.jpg", 1), large], &[], 1, (&["z.mbox", "a.jpg"], 0, 0));
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
        // Another rule holds before anything is read, also where everything is to be.
        check(vec![("open", known(1, 1))], vec![found("open", 1)], &[], 2, (&["open"], 1, 0));
        // Another rule costs no reading.
        check(vec![("open", known(1, 1))], vec![found("open", 1)], &[], 1, (&[], 1, 0));
        // Other rights show in the stamp: the rule holds at once, and the file is held against its hash.
        let changed = |path: &str| {
            let found = found(path, 1);
            Found { stamp: Stamp { changed_ns: 2, ..found.stamp }, ..found }
        };
        check(vec![("open", known(1, 1))], vec![changed("open")], &[], 1, (&["open"], 1, 0));
        check(vec![("a", known(1, 1))], vec![changed("a")], &[], 1, (&["a"], 0, 0));
        // Of another content, the rule comes with it.
        check(vec![("open", known(1, 1))], vec![found("open", 2)], &[], 1, (&["open"], 0, 0));
    }
}
