//! Which folders are read as one document each: the channels of a Slack export?
//!
//! An unpacked export is a folder with lists of people and channels and, for each channel, a folder with one file of
//! messages a day. A message makes sense only with its thread and the names of people, so a channel is read as a
//! whole: its days and the lists are handed to the reader packed as the ZIP that Slack itself gives.

use std::collections::BTreeMap;

use intramuros_core::access::AccessRule;
use intramuros_store::Stamp;

use crate::paths;
use crate::walk::Found;

/// The list that every export has.
pub(crate) const PEOPLE: &[u8] = b"users.json";

/// Lists of channels, of which an export has at least one.
const CHANNELS: [&[u8]; 4] = [b"channels.json", b"groups.json", b"dms.json", b"mpims.json"];

/// What the pack is called for the reader.
pub(crate) const NAME: &str = "export.zip";

/// Whether a folder with these names may be an export.
pub(crate) fn is_export<'a>(mut names: impl Iterator<Item = &'a [u8]> + Clone) -> bool {
    names.clone().any(|name| name == PEOPLE) && names.any(|name| CHANNELS.contains(&name))
}

/// Whether a file at the top of an export belongs to every channel.
pub(crate) fn is_list(name: &[u8]) -> bool {
    name == PEOPLE || CHANNELS.contains(&name)
}

/// Whether a file of a channel's folder holds the messages of a day: `2024-03-01.json`.
pub(crate) fn is_day(name: &[u8]) -> bool {
    let Some(day) = name.strip_suffix(b".json") else { return false };
    day.len() == 10
        && day
            .iter()
            .enumerate()
            .all(|(at, byte)| if matches!(at, 4 | 7) { *byte == b'-' } else { byte.is_ascii_digit() })
}

/// The same files, those of unpacked exports joined to their channels: for what was fetched, where there is no folder to
/// look into. What else lies in an export is not read, as in a folder.
pub(crate) fn joined(files: Vec<Found>) -> Vec<Found> {
    let mut lists: BTreeMap<Vec<u8>, Vec<Found>> = BTreeMap::new();
    for file in files.iter().filter(|file| is_list(paths::last_name(&file.path))) {
        lists.entry(paths::parent(&file.path).to_vec()).or_default().push(file.clone());
    }
    lists.retain(|_, lists| is_export(lists.iter().map(|list| paths::last_name(&list.path))));
    let mut days: BTreeMap<Vec<u8>, Vec<Found>> = BTreeMap::new();
    for file in files.iter().filter(|file| is_day(paths::last_name(&file.path))) {
        let channel = paths::parent(&file.path);
        if lists.contains_key(paths::parent(channel)) && !channel.is_empty() {
            days.entry(channel.to_vec()).or_default().push(file.clone());
        }
    }
    // Without a channel it is a folder like any other.
    lists.retain(|folder, _| days.keys().any(|channel| paths::parent(channel) == folder.as_slice()));
    let inside = |path: &[u8]| {
        std::iter::successors(Some(paths::parent(path)), |folder| {
            (!folder.is_empty()).then(|| paths::parent(folder))
        })
        .any(|folder| lists.contains_key(folder))
    };
    let mut all: Vec<Found> = files.into_iter().filter(|file| !inside(&file.path)).collect();
    for (path, days) in days {
        let shared = lists.get(paths::parent(&path)).into_iter().flatten().cloned();
        let members: Vec<Found> = shared.chain(days).collect();
        let stamp = stamp(members.iter().map(|member| member.stamp));
        let first = members.first().and_then(|member| member.rule.clone());
        // Rules that differ are not joined: what is not plain is closed.
        let rule = if members.iter().all(|member| member.rule == first) {
            first
        } else {
            Some(AccessRule::owner_only())
        };
        // What could not be fetched is left out; a channel that no list names any more is then the owner's alone.
        let there = members.into_iter().filter(|member| member.fault.is_none());
        let members = there.map(|member| member.path).collect();
        all.push(Found { path, stamp, members, rule, fault: None });
    }
    all
}

/// One stamp for several files: it changes when any of them does, when one comes and when one goes.
pub(crate) fn stamp(stamps: impl Iterator<Item = Stamp>) -> Stamp {
    let mut all = Stamp::default();
    let mut hasher = blake3::Hasher::new();
    for stamp in stamps {
        all.size = all.size.saturating_add(stamp.size);
        all.modified_ns = all.modified_ns.max(stamp.modified_ns);
        // Apart from the rest: other rights are no other content.
        all.changed_ns = all.changed_ns.wrapping_add(stamp.changed_ns);
        for number in [stamp.size, stamp.modified_ns.cast_unsigned(), stamp.inode] {
            hasher.update(&number.to_le_bytes());
        }
    }
    let mut number = [0; 8];
    hasher.finalize_xof().fill(&mut number);
    all.inode = u64::from_le_bytes(number);
    all
}

/// Packs files into a ZIP without compressing them: it is read at once and never kept. Names are `/`-separated.
/// None when they are too many or too large for the format, far above what is read from one file.
pub(crate) fn pack(files: &[(Vec<u8>, Vec<u8>)]) -> Option<Vec<u8>> {
    let mut out =
        Vec::with_capacity(files.iter().map(|(name, bytes)| bytes.len() + 2 * name.len() + 100).sum());
    let mut directory = Vec::new();
    for (name, bytes) in files {
        let offset = u32::try_from(out.len()).ok()?;
        let mut facts = Vec::with_capacity(26);
        // Version 2.0, names in UTF-8, stored, 1980-01-01: the reader looks at names and sizes alone.
        for number in [20u16, 0x0800, 0, 0, 0x21] {
            facts.extend_from_slice(&number.to_le_bytes());
        }
        let size = u32::try_from(bytes.len()).ok()?;
        for number in [crc32fast::hash(bytes), size, size] {
            facts.extend_from_slice(&number.to_le_bytes());
        }
        facts.extend_from_slice(&u16::try_from(name.len()).ok()?.to_le_bytes());
        facts.extend_from_slice(&0u16.to_le_bytes());
        out.extend_from_slice(b"PK\x03\x04");
        out.extend_from_slice(&facts);
        out.extend_from_slice(name);
        out.extend_from_slice(bytes);
        directory.extend_from_slice(b"PK\x01\x02\x14\x00");
        directory.extend_from_slice(&facts);
        // No comment, first disk, no attributes.
        directory.extend_from_slice(&[0; 10]);
        directory.extend_from_slice(&offset.to_le_bytes());
        directory.extend_from_slice(name);
    }
    let count = u16::try_from(files.len()).ok()?;
    let (start, size) = (u32::try_from(out.len()).ok()?, u32::try_from(directory.len()).ok()?);
    out.extend_from_slice(&directory);
    out.extend_from_slice(b"PK\x05\x06\x00\x00\x00\x00");
    for number in [count, count] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    for number in [size, start] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(&[0, 0]);
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_export_is_told_by_its_lists_and_days() {
        let check = |names: &[&str], expected: bool| {
            assert_eq!(is_export(names.iter().map(|name| name.as_bytes())), expected, "{names:?}");
        };
        check(&["users.json", "channels.json", "general"], true);
        check(&["users.json", "dms.json"], true);
        check(&["users.json", "package.json"], false);
        check(&["channels.json"], false);
        assert!(is_day(b"2024-03-01.json") && !is_day(b"2024-3-01.json") && !is_day(b"canvas.json"));
    }

    #[test]
    fn fetched_files_of_an_export_are_joined_to_channels_and_nothing_else_is() {
        let found = |path: &str, reader: &str| Found {
            path: path.into(),
            stamp: Stamp::default(),
            members: vec![],
            rule: (!reader.is_empty()).then(|| AccessRule::readers([reader], [""; 0])),
            fault: None,
        };
        let files = [
            ("x/users.json", "anne"),
            ("x/dms.json", "anne"),
            ("x/general/2024-03-01.json", "anne"),
            ("x/general/2024-03-02.json", "anne"),
            ("x/secret/2024-03-01.json", "bruno"),
            ("x/notes.txt", "anne"),
            ("y/users.json", ""),
            ("y/2024/2024-03-01.json", ""),
            ("z.txt", ""),
        ];
        let joined = joined(files.map(|(path, reader)| found(path, reader)).to_vec());
        let shown: Vec<(String, usize, bool)> = joined
            .iter()
            .map(|one| {
                let closed = one.rule == Some(AccessRule::owner_only());
                (String::from_utf8_lossy(&one.path).into_owned(), one.members.len(), closed)
            })
            .collect();
        let expected = [
            ("y/users.json", 0, false),
            ("y/2024/2024-03-01.json", 0, false),
            ("z.txt", 0, false),
            ("x/general", 4, false),
            ("x/secret", 3, true),
        ];
        assert_eq!(shown, expected.map(|(path, members, closed)| (path.to_owned(), members, closed)));
        assert_eq!(joined[3].rule, Some(AccessRule::readers(["anne"], [""; 0])));
    }

    #[test]
    fn the_stamp_of_several_changes_with_each() {
        let one = |modified_ns| Stamp { size: 1, modified_ns, inode: 1, changed_ns: 1 };
        let again = Stamp { changed_ns: 2, ..one(1) };
        assert_ne!(stamp([one(1), one(2)].into_iter()), stamp([again, one(2)].into_iter()));
        let check = |left: &[i64], right: &[i64], same: bool| {
            let stamp = |times: &[i64]| stamp(times.iter().map(|time| one(*time)));
            assert_eq!(stamp(left) == stamp(right), same, "{left:?} {right:?}");
        };
        check(&[1, 2, 9], &[1, 2, 9], true);
        check(&[1, 2, 9], &[1, 3, 9], false);
        check(&[1, 9], &[1, 1, 9], false);
    }
}
