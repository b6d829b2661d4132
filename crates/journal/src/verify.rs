//! Is every entry as it was written, and none missing? If not: where?

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::JournalError;
use crate::event::Event;
use crate::keys::{Head, fingerprint};
use crate::line::{self, Entry, Hash, from_hex};
use crate::read::read_line;
use crate::segment::{self, Segment};
use crate::time;

/// Most findings that are listed. 100: more of them say nothing new.
const MAX_FINDINGS: usize = 100;

/// One place where the record is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1; 0 for the file as a whole.
    pub line: u64,
    /// Number of the last entry before that is sound.
    pub after: u64,
    /// What is wrong.
    pub what: String,
}

/// What a check found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Segments read.
    pub segments: usize,
    /// Entries that are sound.
    pub entries: u64,
    /// Number of the first entry still kept.
    pub first: u64,
    /// Number of the last entry.
    pub last: u64,
    /// The last entry's hash; note it elsewhere and give it to the next check.
    pub hash: String,
    /// Signatures in the chain that are the key's.
    pub signatures: u64,
    /// Number of the last entry that a signature covers, in the chain or in the head file.
    pub signed_up_to: u64,
    /// The key's short name.
    pub key: String,
    /// Breaks that somebody accepted, in their words. They are findings all the same.
    pub accepted: Vec<String>,
    /// What is wrong; nothing when the record is whole.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_whole(&self) -> bool {
        self.findings.is_empty()
    }

    /// Whether nothing is wrong because nothing was ever written.
    pub fn is_new(&self) -> bool {
        self.is_whole() && self.segments == 0
    }
}

/// What the record must agree with.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The public key (32 bytes).
    pub public: Vec<u8>,
    /// Text of the head file; none when it could not be read, which is a finding. Empty until the first entry is
    /// signed.
    pub head: Option<String>,
    /// Number and hash of an entry, noted elsewhere.
    pub noted: Option<(u64, Hash)>,
}

struct Check<'a> {
    expected: &'a Expected,
    head: Option<Head>,
    head_met: bool,
    noted_met: bool,
    pruned_up_to: u64,
    number: u64,
    hash: Hash,
    report: Report,
}

/// Checks every segment of a folder.
///
/// # Errors
/// When a file can't be read at all; what is wrong in it is in the report.
pub fn verify(folder: &Path, expected: &Expected) -> Result<Report, JournalError> {
    let segments = segment::list(folder)?;
    let mut check = Check {
        expected,
        head: None,
        head_met: false,
        noted_met: false,
        pruned_up_to: 0,
        number: 0,
        hash: Hash::ZERO,
        report: Report { key: fingerprint(&expected.public), ..Report::default() },
    };
    check.read_head(folder, segments.is_empty());
    for (position, segment) in segments.iter().enumerate() {
        check.segment(segment, position.checked_sub(1).map(|before| segments[before].number))?;
    }
    check.end(folder);
    Ok(check.report)
}

impl Check<'_> {
    fn find(&mut self, file: &Path, line: u64, what: impl Into<String>) {
        if self.report.findings.len() < MAX_FINDINGS {
            let (file, after, what) = (file.to_owned(), self.number, what.into());
            self.report.findings.push(Finding { file, line, after, what });
        }
    }

    fn read_head(&mut self, folder: &Path, nothing_written: bool) {
        match &self.expected.head {
            None => self.find(folder, 0, "the signed head is missing, so a cut end would not show"),
            // The file is made when the journal is opened: a program that ends before its first entry leaves it empty.
            Some(text) if text.is_empty() && nothing_written => {}
            Some(text) => match Head::read(text, &self.expected.public) {
                Ok(head) => self.head = Some(head),
                Err(why) => self.find(folder, 0, why),
            },
        }
    }

    fn segment(&mut self, segment: &Segment, before: Option<u64>) -> Result<(), JournalError> {
        self.report.segments += 1;
        let path = &segment.path;
        if before.is_some_and(|before| before + 1 != segment.number) {
            self.find(path, 0, "a segment before this one is missing");
        }
        let file = File::open(path).map_err(JournalError::io(path, "open the segment"))?;
        let length = file.metadata().map_err(JournalError::io(path, "look at the segment"))?.len();
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut bytes = Vec::new();
        let (mut number, mut read) = (0, 0);
        while read_line(&mut reader, &mut bytes).map_err(JournalError::io(path, "read the segment"))? {
            number += 1;
            read += bytes.len() as u64 + 1;
            if read > length {
                self.find(path, number, "the last line is unfinished");
                break;
            }
            if number == 1 {
                self.first_line(path, &bytes);
            }
            self.line(path, number, &bytes);
        }
        if number == 0 {
            self.find(path, 0, "the segment is empty");
        }
        Ok(())
    }

    /// A segment's first line says what stood before; it must be what was read, or what was pruned.
    fn first_line(&mut self, path: &Path, bytes: &[u8]) {
        let Ok(entry) = line::parse(bytes) else { return };
        let Event::SegmentOpened { after, hash } = &entry.event else {
            self.find(path, 1, "the segment does not begin as segments do");
            return;
        };
        if self.report.first == 0 {
            self.report.first = entry.number;
            if let Some(before) = Hash::from_hex(hash) {
                (self.number, self.hash) = (*after, before);
            }
            if *after == 0 && self.hash != Hash::ZERO {
                self.find(path, 1, "the journal does not begin as journals do");
            }
        } else if *after != self.number || *hash != self.hash.to_hex() {
            self.find(path, 1, format!("the segment says that entry {after} stood before it"));
        }
    }

    fn line(&mut self, path: &Path, number: u64, bytes: &[u8]) {
        match line::read(bytes, self.hash) {
            Ok((entry, hash)) if entry.number == self.number + 1 => {
                (self.number, self.hash) = (entry.number, hash);
                self.report.entries += 1;
                self.meet(path, number, &entry);
            }
            Ok((entry, _)) => {
                let what =
                    format!("entry number {} stands where number {} should", entry.number, self.number + 1);
                self.find(path, number, what);
            }
            Err(why) => {
                self.find(path, number, why);
                // The chain is taken up again at the entry's own word, so that one edit is one finding.
                if let Ok(entry) = line::parse(bytes)
                    && let Some(hash) = Hash::from_hex(&entry.hash)
                {
                    (self.number, self.hash) = (entry.number, hash);
                }
            }
        }
    }

    fn meet(&mut self, path: &Path, line: u64, entry: &Entry) {
        let same = |number: u64, hash: Hash| number == self.number && hash == self.hash;
        self.head_met |= self.head.is_some_and(|head| same(head.number, head.hash));
        self.noted_met |= self.expected.noted.is_some_and(|(number, hash)| same(number, hash));
        match &entry.event {
            Event::Signed { up_to, hash, signature, .. } => {
                // Signatures are made at the moment of their own entry.
                let at_ms = time::from_text(&entry.time).unwrap_or(0);
                let head = Hash::from_hex(hash).map(|hash| Head { number: *up_to, hash, at_ms });
                let signature = from_hex(signature).unwrap_or_default();
                match head
                    .ok_or_else(|| "its hash is not one".to_owned())
                    .and_then(|head| head.check(&signature, &self.expected.public))
                {
                    Ok(()) => {
                        self.report.signatures += 1;
                        self.report.signed_up_to = *up_to;
                    }
                    Err(why) => self.find(path, line, why),
                }
            }
            Event::Pruned { up_to, .. } => self.pruned_up_to = self.pruned_up_to.max(*up_to),
            Event::JournalOpened { accepted_break: Some(text), .. } => {
                self.report.accepted.push(text.clone())
            }
            _ => {}
        }
    }

    fn end(&mut self, folder: &Path) {
        if self.report.first > 1 && self.pruned_up_to + 1 < self.report.first {
            let what = format!(
                "entries up to {} are missing and no entry says that they were removed",
                self.report.first - 1
            );
            self.find(folder, 0, what);
        }
        if let Some(head) = self.head {
            if !self.head_met {
                let what = format!(
                    "the end was cut or replaced: entry {} of {} was signed with another hash, or is missing",
                    head.number,
                    time::to_text(head.at_ms)
                );
                self.find(folder, 0, what);
            } else {
                self.report.signed_up_to = self.report.signed_up_to.max(head.number);
            }
        }
        if let Some((number, _)) = self.expected.noted.filter(|_| !self.noted_met) {
            self.find(folder, 0, format!("entry {number} is not the one that was noted"));
        }
        self.report.last = self.number;
        self.report.hash = self.hash.to_hex();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_head_is_sound_as_long_as_nothing_is_written() {
        let folder = tempfile::tempdir().unwrap();
        let check = |head: Option<&str>| {
            let head = head.map(str::to_owned);
            verify(folder.path(), &Expected { public: vec![0; 32], head, noted: None }).unwrap()
        };
        assert!(check(Some("")).is_new());
        assert!(!check(None).is_whole() && !check(Some("head\n")).is_whole());
        let noted = Expected { public: vec![0; 32], head: Some(String::new()), noted: Some((1, Hash::ZERO)) };
        assert!(!verify(folder.path(), &noted).unwrap().is_whole());
        let mut line = Vec::new();
        let opened = Event::SegmentOpened { after: 0, hash: Hash::ZERO.to_hex() };
        line::write(&mut line, 1, 0, &opened, Hash::ZERO).unwrap();
        std::fs::write(segment::path(folder.path(), 1), &line).unwrap();
        let report = check(Some(""));
        assert_eq!((report.entries, report.findings.len(), report.is_new()), (1, 1, false), "{report:?}");
    }
}
