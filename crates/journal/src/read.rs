//! Which entries match, without checking the chain?

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
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
