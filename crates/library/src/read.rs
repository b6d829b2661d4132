//! What bytes are in this file, as one moment saw them?

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use intramuros_core::document::ExtractError;
use intramuros_store::Stamp;

use crate::bundle;
use crate::walk::stamp;

/// How often a file is read again that changed while it was read. 3: a file that is written all the time is read
/// when it comes to rest, which the next scan or event shows.
const TRIES: usize = 3;

/// How old a file's date must be before it is read. 20 ms: clocks of file systems tick every 4 to 10 ms, and what is
/// written after the reading but within the same tick would not show in the date.
const TICK: Duration = Duration::from_millis(20);

/// A file's bytes with the stamp that holds for exactly these bytes.
#[derive(Debug)]
pub(crate) struct Bytes {
    pub bytes: Vec<u8>,
    pub stamp: Stamp,
    pub hash: [u8; 32],
}

/// Why there are no bytes.
#[derive(Debug)]
pub(crate) enum NotRead {
    /// The file is gone, or is no file any more.
    Gone,
    /// It is there and can't be read. The stamp is that of nothing where another attempt may come to something, though the file
    /// stays as it is: rights and disks change without a trace in it.
    Failed(Stamp, ExtractError),
}

/// Reads a file whole, at most `limit` bytes; again when it changes meanwhile.
pub(crate) fn read(path: &Path, follow_links: bool, limit: u64) -> Result<Bytes, NotRead> {
    let mut last = Stamp::default();
    for _ in 0..TRIES {
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => NotRead::Gone,
            _ => {
                let seen = std::fs::metadata(path).map(|metadata| stamp(&metadata)).unwrap_or_default();
                NotRead::Failed(nothing(seen), ExtractError::Unreadable(error.to_string()))
            }
        };
        let mut file = open(path, follow_links).map_err(unreadable)?;
        let metadata = file.metadata().map_err(unreadable)?;
        if !metadata.is_file() {
            return Err(NotRead::Gone);
        }
        let before = stamp(&metadata);
        if before.size > limit {
            let detail = format!("{} bytes; at most {limit} are read from one file", before.size);
            return Err(NotRead::Failed(before, ExtractError::Limit(detail)));
        }
        if [before.modified_ns, before.changed_ns].into_iter().any(is_fresh) {
            std::thread::sleep(TICK);
        }
        let mut bytes = Vec::with_capacity(before.size as usize + 1);
        (&mut file).take(limit + 1).read_to_end(&mut bytes).map_err(unreadable)?;
        // By the path, not by the open file: an editor may have put another file in its place.
        let after = std::fs::metadata(path).map_err(unreadable)?;
        last = stamp(&after);
        if last == before && bytes.len() as u64 == before.size {
            let hash = *blake3::hash(&bytes).as_bytes();
            return Ok(Bytes { bytes, stamp: before, hash });
        }
    }
    Err(NotRead::Failed(nothing(last), ExtractError::Unreadable("it changes while it is read".to_owned())))
}

/// Whether a moment, in nanoseconds since 1970, was just now.
fn is_fresh(moment_ns: i64) -> bool {
    let since = Duration::from_nanos(moment_ns.max(0).cast_unsigned());
    (UNIX_EPOCH + since).elapsed().is_ok_and(|age| age < TICK)
}

/// The stamp of nothing that was read: the next scan tries again.
pub(crate) fn nothing(seen: Stamp) -> Stamp {
    Stamp { modified_ns: 0, ..seen }
}

/// Reads files that belong together as one pack, at most `limit` bytes in all. `within` is the path that their names in
/// the pack start from; `read` reads one by its path, at most so many bytes.
pub(crate) fn read_together(
    within: &[u8],
    members: &[Vec<u8>],
    limit: u64,
    read: impl Fn(&[u8], u64) -> Result<Bytes, NotRead>,
) -> Result<Bytes, NotRead> {
    let mut files = Vec::with_capacity(members.len());
    let mut stamps = Vec::with_capacity(members.len());
    let mut left = limit;
    for member in members {
        let read = read(member, left).map_err(|error| match error {
            // The whole is read again with the next look.
            NotRead::Gone => NotRead::Failed(
                Stamp::default(),
                ExtractError::Unreadable("one of its files went away while it was read".to_owned()),
            ),
            NotRead::Failed(_, error) => NotRead::Failed(Stamp::default(), error),
        })?;
        left = left.saturating_sub(read.bytes.len() as u64);
        stamps.push(read.stamp);
        let name = member.strip_prefix(within).unwrap_or(member);
        files.push((name.strip_prefix(b"/").unwrap_or(name).to_vec(), read.bytes));
    }
    let stamp = bundle::stamp(stamps.into_iter());
    let Some(bytes) = bundle::pack(&files) else {
        let error = ExtractError::Limit("too many or too large files that belong together".to_owned());
        return Err(NotRead::Failed(stamp, error));
    };
    let hash = *blake3::hash(&bytes).as_bytes();
    Ok(Bytes { bytes, stamp, hash })
}

/// Opens without waiting for the other end of a pipe, and without following a link that took the file's place.
#[cfg(unix)]
fn open(path: &Path, follow_links: bool) -> std::io::Result<File> {
    use rustix::fs::OFlags;
    use std::os::unix::fs::OpenOptionsExt;
    let mut flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    if !follow_links {
        flags |= OFlags::NOFOLLOW;
    }
    OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)
}

#[cfg(not(unix))]
fn open(path: &Path, _follow_links: bool) -> std::io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn what_is_read_is_what_stood_there_at_one_moment() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        std::fs::write(&path, "un").unwrap();
        let read_now = read(&path, false, 10).unwrap();
        assert_eq!(read_now.bytes, b"un");
        assert_eq!(read_now.hash, *blake3::hash(b"un").as_bytes());
        assert!(matches!(read(&path, false, 1), Err(NotRead::Failed(_, ExtractError::Limit(_)))));
        assert!(matches!(read(&folder.path().join("b.txt"), false, 1), Err(NotRead::Gone)));
    }

    #[test]
    fn a_file_that_changes_all_the_time_is_never_half_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        let text = |letter: u8| vec![letter; 3 << 20];
        std::fs::write(&path, text(b'a')).unwrap();
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for round in 0u32.. {
                    if stop.load(Ordering::Relaxed) {
                        break;
                    }
                    // Written beside and renamed, as careful programs do.
                    let beside = folder.path().join("beside");
                    std::fs::write(&beside, text(if round % 2 == 0 { b'a' } else { b'b' })).unwrap();
                    std::fs::rename(&beside, &path).unwrap();
                }
            });
            for _ in 0..20 {
                match read(&path, false, 10 << 20) {
                    Ok(read) => {
                        let whole = read.bytes.iter().all(|byte| *byte == read.bytes[0]);
                        assert!(whole && read.bytes.len() == 3 << 20);
                    }
                    Err(NotRead::Failed(_, ExtractError::Unreadable(_))) => {}
                    Err(other) => panic!("{other:?}"),
                }
            }
            stop.store(true, Ordering::Relaxed);
        });
    }
}
