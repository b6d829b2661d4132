//! Does the end of the journal agree with the signed head, and where does writing go on?

use std::fs::{self, File};
use std::io::{Read, Write};

use super::thread::Worker;
use super::{Journal, Options};
use crate::JournalError;
use crate::event::Event;
use crate::keys::{Head, Key, head_path, was_left_behind};
use crate::line::{self, Hash};
use crate::segment::{self, Segment};
use crate::time;

/// Largest segment that is read at opening. Twice the size at which a new one begins: one group may go past it.
const MAX_SEGMENT_BYTES: u64 = 2 * segment::SEGMENT_BYTES;

/// A journal whose end was checked. [`Opened::start`] goes on writing.
pub struct Opened {
    worker: Worker,
    first: Event,
}

impl Opened {
    /// Starts the writer's thread. The process should be sealed by now: a thread started before is not.
    ///
    /// # Errors
    /// When the thread can't be started or the first entry can't be written.
    pub fn start(self) -> Result<Journal, JournalError> {
        let journal = Journal::start(self.worker)?;
        journal.append_and_wait(self.first)?;
        Ok(journal)
    }
}

/// The end of the chain as it lies on the disk.
struct Tail {
    /// The last segment with an entry; none when there is no entry at all.
    segment: Option<Segment>,
    number: u64,
    hash: Hash,
    first_at_ms: i64,
    /// Bytes of that segment that hold whole, valid entries.
    good_bytes: u64,
    /// What follows them.
    torn: Vec<u8>,
    /// Whether the entry that the head names was seen with its hash.
    head_seen: bool,
}

pub(super) fn open(options: Options) -> Result<Opened, JournalError> {
    use std::os::unix::fs::DirBuilderExt;
    let folder = &options.folder;
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(JournalError::io(folder, "make the journal's folder"))?;
    let lock = lock(&options)?;
    check_place_of_key(&options)?;
    let key = Key::open_or_create(&options.key_file)?;
    let head = read_head(&key, &options)?;
    let tail = read_tail(&segment::list(folder)?, head.as_ref())?;
    let broken = compare(&tail, head.as_ref());
    let accepted = match (broken, &options.accept_break) {
        (None, _) => None,
        (Some(why), None) => return Err(JournalError::Broken(why)),
        (Some(why), Some(by)) => Some(format!("{by}: {why}")),
    };
    let unsigned = tail.number.saturating_sub(head.map_or(0, |head| head.number));
    let torn_bytes = tail.torn.len() as u64;
    keep_torn(&tail)?;
    let first = Event::JournalOpened { unsigned, torn_bytes, accepted_break: accepted };
    let file = match &tail.segment {
        Some(segment) => Some(reopen(segment, tail.good_bytes)?),
        None => None,
    };
    let number = tail.segment.as_ref().map_or(0, |segment| segment.number);
    let head_file = open_head(&key)?;
    let worker = Worker::new(
        options,
        key,
        lock,
        head_file,
        file.map(|file| (file, number, tail.good_bytes)),
        tail.number,
        tail.hash,
        tail.first_at_ms,
    );
    Ok(Opened { worker, first })
}

fn lock(options: &Options) -> Result<File, JournalError> {
    let path = options.folder.join("journal.lock");
    let lock = File::create(&path).map_err(JournalError::io(&path, "open the lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(fs::TryLockError::WouldBlock) => Err(JournalError::Busy(options.folder.clone())),
        Err(fs::TryLockError::Error(error)) => Err(JournalError::io(&path, "take the lock")(error)),
    }
}

/// A new key beside the entries that another one signed would look like a forgery of them all. Whoever accepts the break
/// gets one.
fn check_place_of_key(options: &Options) -> Result<(), JournalError> {
    let Some(earlier) = options.earlier_key_file.as_ref().filter(|_| options.accept_break.is_none()) else {
        return Ok(());
    };
    if !was_left_behind(&options.key_file, earlier) {
        return Ok(());
    }
    let (declared, earlier) = (options.key_file.clone(), earlier.clone());
    Err(JournalError::KeyElsewhere { declared, earlier })
}

fn read_head(key: &Key, options: &Options) -> Result<Option<Head>, JournalError> {
    let path = head_path(key.path());
    let text = match fs::read_to_string(&path) {
        Ok(text) if text.is_empty() => return Ok(None),
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(JournalError::io(&path, "read the head")(error)),
    };
    match Head::read(&text, &key.public()) {
        Ok(head) => Ok(Some(head)),
        Err(_) if options.accept_break.is_some() => Ok(None),
        Err(why) => Err(JournalError::Broken(format!("{}: {why}", path.display()))),
    }
}

fn open_head(key: &Key) -> Result<File, JournalError> {
    let path = head_path(key.path());
    let file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(JournalError::io(&path, "open the head"))?;
    // Its name must be on the disk as soon as there are entries. A sealed process can't open the key's folder later.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(std::path::Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(JournalError::io(&path, "keep the head"))?;
    Ok(file)
}

/// Reads from the last segment backwards until one holds an entry and the head's entry is within reach.
fn read_tail(segments: &[Segment], head: Option<&Head>) -> Result<Tail, JournalError> {
    let mut tail = Tail {
        segment: None,
        number: 0,
        hash: Hash::ZERO,
        first_at_ms: 0,
        good_bytes: 0,
        torn: Vec::new(),
        head_seen: head.is_none(),
    };
    for segment in segments.iter().rev() {
        let found = read_segment(segment, head)?;
        if tail.segment.is_none() {
            if found.segment.is_none() {
                // Nothing in it was ever acknowledged: a segment that had just begun.
                fs::remove_file(&segment.path)
                    .map_err(JournalError::io(&segment.path, "remove the empty segment"))?;
                continue;
            }
            tail = found;
        } else {
            tail.head_seen |= found.head_seen;
        }
        if tail.head_seen || head.is_none_or(|head| head.number > tail.number) {
            break;
        }
    }
    Ok(tail)
}

fn read_segment(segment: &Segment, head: Option<&Head>) -> Result<Tail, JournalError> {
    let mut bytes = Vec::new();
    File::open(&segment.path)
        .and_then(|file| file.take(MAX_SEGMENT_BYTES).read_to_end(&mut bytes))
        .map_err(JournalError::io(&segment.path, "read the segment"))?;
    let mut tail = Tail {
        segment: None,
        number: 0,
        hash: Hash::ZERO,
        first_at_ms: 0,
        good_bytes: 0,
        torn: Vec::new(),
        head_seen: false,
    };
    let mut rest = bytes.as_slice();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (text, after) = (&rest[..end], &rest[end + 1..]);
        let before =
            if tail.segment.is_some() { tail.hash } else { first_before(text).unwrap_or(Hash::ZERO) };
        let Ok((entry, hash)) = line::read(text, before) else { break };
        if tail.segment.is_some() && entry.number != tail.number + 1 {
            break;
        }
        if tail.segment.is_none() {
            tail.segment = Some(segment.clone());
            tail.first_at_ms = time::from_text(&entry.time).unwrap_or(0);
            if let Event::SegmentOpened { after, hash } = &entry.event {
                tail.head_seen |=
                    head.is_some_and(|head| head.number == *after && head.hash.to_hex() == *hash);
            }
        }
        tail.number = entry.number;
        tail.hash = hash;
        tail.good_bytes += end as u64 + 1;
        tail.head_seen |= head.is_some_and(|head| head.number == entry.number && head.hash == hash);
        rest = after;
    }
    tail.torn = rest.to_vec();
    Ok(tail)
}

/// The hash that a segment's first line says stood before it.
pub(crate) fn first_before(line: &[u8]) -> Option<Hash> {
    match line::parse(line).ok()?.event {
        Event::SegmentOpened { hash, .. } => Hash::from_hex(&hash),
        _ => None,
    }
}

/// What is wrong between the chain's end and the signed head.
fn compare(tail: &Tail, head: Option<&Head>) -> Option<String> {
    let verify = "`intramuros journal verify` says where";
    match head {
        None if tail.number == 0 => None,
        None => {
            Some(format!("there are entries up to number {}, and the signed head is missing", tail.number))
        }
        Some(head) if tail.number < head.number => Some(format!(
            "its last valid entry is number {}, and number {} was signed: the end was cut or changed; {verify}",
            tail.number, head.number
        )),
        Some(head) if !tail.head_seen => Some(format!(
            "entry number {} is not the one that was signed: the end was replaced; {verify}",
            head.number
        )),
        Some(_) => None,
    }
}

/// Puts what a power cut left unfinished aside, so that nothing is thrown away unseen.
fn keep_torn(tail: &Tail) -> Result<(), JournalError> {
    let Some(segment) = tail.segment.as_ref().filter(|_| !tail.torn.is_empty()) else { return Ok(()) };
    let path = segment.path.with_extension(format!("torn-{}", tail.number + 1));
    let mut file = File::create(&path).map_err(JournalError::io(&path, "keep the unfinished end"))?;
    file.write_all(&tail.torn)
        .and_then(|()| file.sync_all())
        .map_err(JournalError::io(&path, "keep the unfinished end"))
}

fn reopen(segment: &Segment, good_bytes: u64) -> Result<File, JournalError> {
    let file = fs::OpenOptions::new()
        .append(true)
        .open(&segment.path)
        .map_err(JournalError::io(&segment.path, "open the segment"))?;
    file.set_len(good_bytes).map_err(JournalError::io(&segment.path, "cut the unfinished end"))?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_was_left_behind_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let before = Options::new(folder.path().join("journal"));
        Journal::open(before.clone()).unwrap().start().unwrap().close();
        let key_file = folder.path().join("keys/journal.key");
        let earlier_key_file = Some(before.key_file.clone());
        let declared = Options { key_file: key_file.clone(), earlier_key_file, ..before.clone() };
        let refused = Journal::open(declared.clone());
        assert!(matches!(refused, Err(JournalError::KeyElsewhere { .. })));
        assert!(!key_file.exists());
        fs::create_dir(folder.path().join("keys")).unwrap();
        fs::rename(&before.key_file, &key_file).unwrap();
        fs::rename(head_path(&before.key_file), head_path(&key_file)).unwrap();
        Journal::open(declared).unwrap().start().unwrap().close();
    }
}
