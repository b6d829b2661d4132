//! Which entries match, without checking the chain?

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::JournalError;
use crate::event::Event;
use crate::line::{self, Entry, MAX_LINE_BYTES};
use crate::segment;
use crate::time;

/// Which entries are wanted; everything when nothing is set.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// From this moment on, in milliseconds since 1970.
    pub from_ms: Option<i64>,
    /// Before this moment.
    pub to_ms: Option<i64>,
    /// With a number above this one.
    pub after: Option<u64>,
    /// Of these kinds (the words of [`Event::word`]); all when empty.
    pub kinds: Vec<String>,
    /// By this person.
    pub who: Option<String>,
}

impl Filter {
    fn takes(&self, entry: &Entry) -> bool {
        let at = time::from_text(&entry.time).unwrap_or(0);
        self.from_ms.is_none_or(|from| at >= from)
            && self.to_ms.is_none_or(|to| at < to)
            && self.after.is_none_or(|after| entry.number > after)
            && (self.kinds.is_empty() || self.kinds.iter().any(|kind| kind == entry.event.word()))
            && self.who.as_deref().is_none_or(|who| entry.event.who() == Some(who))
    }
}

/// Calls `each` for every entry that the filter takes, in order, with its line as it was written; stops when it says
/// `false`. A line that is not an entry is passed over ([`crate::verify`] reports those).
///
/// # Errors
/// When a file can't be read.
pub fn each(
    folder: &Path,
    filter: &Filter,
    mut each: impl FnMut(&Entry, &[u8]) -> bool,
) -> Result<(), JournalError> {
    let segments = segment::list(folder)?;
    for (position, segment) in segments.iter().enumerate() {
        // All of a segment stands before the first entry of the next one.
        let next = segments.get(position + 1).filter(|_| filter.after.is_some());
        let before = next.and_then(|next| first_of(&next.path)).map(|(before, ..)| before);
        if before.zip(filter.after).is_some_and(|(before, after)| before <= after) {
            continue;
        }
        let file = File::open(&segment.path).map_err(JournalError::io(&segment.path, "open the segment"))?;
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut bytes = Vec::new();
        while read_line(&mut reader, &mut bytes)
            .map_err(JournalError::io(&segment.path, "read the segment"))?
        {
            if let Ok(entry) = line::parse(&bytes)
                && filter.takes(&entry)
                && !each(&entry, &bytes)
            {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// How far a look at the newest entries came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// To the beginning.
    Beginning,
    /// Until `each` had enough.
    Enough,
    /// To the entry of this number, which was the last that may be looked at in one go.
    Limit(u64),
}

/// Calls `each` for the entries that the filter takes, the newest first and only those with a number below `before`;
/// stops when it says `false`, and after `most` entries, taken or not. What is older than that is not read.
///
/// # Errors
/// When a file can't be read.
pub fn newest(
    folder: &Path,
    filter: &Filter,
    before: u64,
    most: u64,
    mut each: impl FnMut(&Entry) -> bool,
) -> Result<Reached, JournalError> {
    let mut left = most;
    for segment in segment::list(folder)?.iter().rev() {
        // All of this segment may be newer than what is wanted.
        if first_of(&segment.path).is_some_and(|(after, ..)| after >= before.saturating_sub(1)) {
            continue;
        }
        let mut reached = None;
        let file = File::open(&segment.path).map_err(JournalError::io(&segment.path, "open the segment"))?;
        backwards(file, |line| {
            let Ok(entry) = line::parse(line) else { return true };
            if entry.number >= before {
                return true;
            }
            if filter.takes(&entry) && !each(&entry) {
                reached = Some(Reached::Enough);
                return false;
            }
            left = left.saturating_sub(1);
            if left == 0 {
                reached = Some(Reached::Limit(entry.number));
            }
            left > 0
        })
        .map_err(JournalError::io(&segment.path, "read the segment"))?;
        if let Some(reached) = reached {
            return Ok(reached);
        }
    }
    Ok(Reached::Beginning)
}

/// Bytes read at once from the end of a segment: some hundred entries.
const BLOCK: u64 = 64 << 10;

/// Calls `each` for the lines of a file from the last one on, until it says `false`. A line that is too long for an
/// entry is cut, so that memory stays bounded.
fn backwards(mut file: File, mut each: impl FnMut(&[u8]) -> bool) -> std::io::Result<()> {
    let mut start = file.seek(SeekFrom::End(0))?;
    // The beginning of what was read: the end of a line whose beginning is not read yet.
    let mut tail = Vec::new();
    while start > 0 {
        let length = start.min(BLOCK);
        start -= length;
        file.seek(SeekFrom::Start(start))?;
        let mut block = vec![0; length as usize];
        file.read_exact(&mut block)?;
        block.append(&mut tail);
        let mut lines = block.rsplit(|byte| *byte == b'\n').peekable();
        while let Some(line) = lines.next() {
            if lines.peek().is_none() && start > 0 {
                tail = line.get(..line.len().min(MAX_LINE_BYTES)).unwrap_or_default().to_vec();
            } else if !line.is_empty() && !each(line) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// Reads one line without its line break into `bytes`; `false` at the end. Of a line that is too long only the
/// beginning is kept, so that memory stays bounded.
pub(crate) fn read_line(reader: &mut impl BufRead, bytes: &mut Vec<u8>) -> std::io::Result<bool> {
    bytes.clear();
    let limit = MAX_LINE_BYTES as u64 + 2;
    if reader.by_ref().take(limit).read_until(b'\n', bytes)? == 0 {
        return Ok(false);
    }
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        return Ok(true);
    }
    // Either the file ends here, or the line is too long: pass over the rest of it.
    let mut rest = Vec::new();
    while bytes.len() as u64 == limit && reader.by_ref().take(limit).read_until(b'\n', &mut rest)? > 0 {
        if rest.last() == Some(&b'\n') {
            break;
        }
        rest.clear();
    }
    Ok(true)
}

/// What a segment's first entry says stood before it (number and hash), and its moment.
pub(crate) fn first_of(path: &Path) -> Option<(u64, String, i64)> {
    let mut bytes = Vec::new();
    read_line(&mut BufReader::new(File::open(path).ok()?), &mut bytes).ok()?;
    let entry = line::parse(&bytes).ok()?;
    let Event::SegmentOpened { after, hash } = entry.event else { return None };
    Some((after, hash, time::from_text(&entry.time)?))
}
