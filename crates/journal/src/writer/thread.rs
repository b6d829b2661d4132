//! What does the one thread that owns the files do?

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender};
use std::time::Duration;

use intramuros_core::perimeter::Day;

use super::{Durability, GROUP_ENTRIES, Message, Options, SIGN_EVERY_ENTRIES, SIGN_EVERY_MS, Shared, Stamp};
use crate::event::Event;
use crate::keys::{Head, Key, fingerprint};
use crate::line::{self, Hash, hex};
use crate::segment::{self, SEGMENT_BYTES};
use crate::time;

/// The open segment.
struct Current {
    file: File,
    number: u64,
    bytes: u64,
    day: Day,
}

pub(super) struct Worker {
    options: Options,
    key: Key,
    head: File,
    /// Held so that no other process writes.
    _lock: File,
    current: Option<Current>,
    /// Number of the segment that was last open; the next one follows it.
    last_segment: u64,
    number: u64,
    hash: Hash,
    /// Number of the last entry that a signature in the chain covers.
    signed_up_to: u64,
    signed_at_ms: i64,
    /// Entries that could not be written since the last success.
    lost: u64,
    /// Whether the head file has been brought to the disk once.
    head_on_disk: bool,
}

/// One entry of a group, with whoever waits for it.
struct Waiting {
    event: Event,
    at_ms: i64,
    answer: Option<SyncSender<Result<Stamp, String>>>,
}

impl Worker {
    #[expect(clippy::too_many_arguments, reason = "one caller, which has just gathered exactly these")]
    pub(super) fn new(
        options: Options,
        key: Key,
        lock: File,
        head: File,
        current: Option<(File, u64, u64)>,
        number: u64,
        hash: Hash,
        first_at_ms: i64,
    ) -> Worker {
        let last_segment = current.as_ref().map_or(0, |(_, number, _)| *number);
        let day = Day::of_ms(first_at_ms);
        let current = current.map(|(file, number, bytes)| Current { file, number, bytes, day });
        let now = time::now_ms();
        Worker {
            options,
            key,
            head,
            _lock: lock,
            current,
            last_segment,
            number,
            hash,
            signed_up_to: number,
            signed_at_ms: now,
            lost: 0,
            head_on_disk: false,
        }
    }

    /// Takes entries until it is told to stop or nobody can send any more.
    pub(super) fn run(mut self, receiver: &Receiver<Message>, shared: &Shared) {
        loop {
            let mut group = Vec::new();
            let mut stop = false;
            match receiver.recv_timeout(Duration::from_millis(SIGN_EVERY_MS as u64)) {
                Ok(Message::Append { event, at_ms, answer }) => group.push(Waiting { event, at_ms, answer }),
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => stop = true,
                Err(RecvTimeoutError::Timeout) => {}
            }
            while !stop && group.len() < GROUP_ENTRIES {
                match receiver.try_recv() {
                    Ok(Message::Append { event, at_ms, answer }) => {
                        group.push(Waiting { event, at_ms, answer })
                    }
                    Ok(Message::Stop) => stop = true,
                    Err(_) => break,
                }
            }
            if stop {
                group.push(Waiting { event: Event::Stopped, at_ms: time::now_ms(), answer: None });
            }
            self.write_group(group, stop, shared);
            if stop {
                return;
            }
        }
    }

    fn write_group(&mut self, group: Vec<Waiting>, closing: bool, shared: &Shared) {
        // Not an entry's own moment, which may lie further back.
        let now = time::now_ms();
        let count = group.len() as u64;
        let (events, answers): (Vec<(Event, i64)>, Vec<_>) =
            group.into_iter().map(|Waiting { event, at_ms, answer }| ((event, at_ms), answer)).unzip();
        let written = self.try_write(events, now, closing);
        match &written {
            Ok(_) => {
                if shared.failure().is_some() {
                    shared.set_failure(None);
                }
            }
            Err(why) => {
                self.lost += count;
                shared.set_failure(Some(why.clone()));
            }
        }
        for (position, answer) in answers.into_iter().enumerate() {
            if let Some(answer) = answer {
                let stamp = written.as_ref().map(|stamps| stamps[position]).map_err(Clone::clone);
                // Whoever asked may have gone; the entry stands all the same.
                let _ = answer.send(stamp);
            }
        }
    }

    /// Writes a group and what goes with it: the segment's first entry, a note of what was lost, a signature.
    fn try_write(
        &mut self,
        events: Vec<(Event, i64)>,
        now: i64,
        closing: bool,
    ) -> Result<Vec<Stamp>, String> {
        let mut bytes = Vec::with_capacity(events.len() * 256);
        let (mut number, mut hash) = (self.number, self.hash);
        let mut add =
            |event: &Event, at_ms: i64, number: &mut u64, hash: &mut Hash| -> Result<Stamp, String> {
                *hash = line::write(&mut bytes, *number + 1, at_ms, event, *hash)
                    .map_err(|error| error.to_string())?;
                *number += 1;
                Ok(Stamp { number: *number, hash: *hash })
            };
        let pruned = self.rotate(now)?;
        if self.current.as_ref().is_some_and(|current| current.bytes == 0) {
            let opened = Event::SegmentOpened { after: number, hash: hash.to_hex() };
            add(&opened, now, &mut number, &mut hash)?;
        }
        if let Some((event, _)) = &pruned {
            add(event, now, &mut number, &mut hash)?;
        }
        if self.lost > 0 {
            let on = [("count".to_owned(), self.lost.to_string())].into();
            let note = Event::Administered {
                by: "journal".to_owned(),
                action: "entries_not_written".to_owned(),
                on,
            };
            add(&note, now, &mut number, &mut hash)?;
        }
        let mut stamps = Vec::with_capacity(events.len());
        for (event, at_ms) in events {
            stamps.push(add(&event.bounded(), at_ms, &mut number, &mut hash)?);
        }
        let due =
            number >= self.signed_up_to + SIGN_EVERY_ENTRIES || now - self.signed_at_ms >= SIGN_EVERY_MS;
        let sign = number > self.signed_up_to && (due || closing);
        if sign {
            let head = Head { number, hash, at_ms: now };
            let signed = Event::Signed {
                up_to: number,
                hash: hash.to_hex(),
                key: fingerprint(&self.key.public()),
                signature: hex(&self.key.sign(&head)),
            };
            add(&signed, now, &mut number, &mut hash)?;
        }
        if bytes.is_empty() {
            return Ok(stamps);
        }
        self.put(&bytes)?;
        (self.number, self.hash, self.lost) = (number, hash, 0);
        if sign {
            (self.signed_up_to, self.signed_at_ms) = (number, now);
        }
        self.put_head(now)?;
        for path in pruned.map(|(_, paths)| paths).unwrap_or_default() {
            fs::remove_file(&path).map_err(|error| format!("remove {}: {error}", path.display()))?;
        }
        Ok(stamps)
    }

    /// Writes bytes to the segment, or leaves it as it was.
    fn put(&mut self, bytes: &[u8]) -> Result<(), String> {
        let Some(current) = &mut self.current else { return Err("no segment is open".to_owned()) };
        let written = current.file.write_all(bytes).and_then(|()| match self.options.durability {
            Durability::Disk => current.file.sync_data(),
            Durability::System => Ok(()),
        });
        match written {
            Ok(()) => {
                current.bytes += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // Half a group must not stay: the next one would follow on something that was never acknowledged.
                match current.file.set_len(current.bytes) {
                    Ok(()) => Err(format!("write the journal: {error}")),
                    Err(second) => {
                        self.current = None;
                        Err(format!("write the journal: {error}; and its end can't be mended: {second}"))
                    }
                }
            }
        }
    }

    /// Signs the new end. The line has constant length and fits a disk sector, so it is replaced whole; it may be some
    /// groups old after a power cut, which opening takes for what it is.
    fn put_head(&mut self, now: i64) -> Result<(), String> {
        let head = Head { number: self.number, hash: self.hash, at_ms: now };
        let line = head.line(&self.key);
        let wrong = |error| format!("write the journal's head: {error}");
        self.head.write_all_at(line.as_bytes(), 0).map_err(wrong)?;
        if !self.head_on_disk {
            // But there must be one as soon as there are entries.
            self.head.sync_all().map_err(wrong)?;
            self.head_on_disk = true;
        }
        Ok(())
    }

    /// Begins a new segment when the day or the size asks for it, and says which old ones go.
    fn rotate(&mut self, now: i64) -> Result<Option<(Event, Vec<std::path::PathBuf>)>, String> {
        let today = Day::of_ms(now);
        let stays = self.current.as_ref().is_some_and(|current| {
            current.bytes == 0 || (current.bytes < SEGMENT_BYTES && current.day == today)
        });
        if stays {
            return Ok(None);
        }
        let number = self.current.as_ref().map_or(self.last_segment, |current| current.number) + 1;
        let path = segment::path(&self.options.folder, number);
        let file = fs::OpenOptions::new()
            .append(true)
            .create_new(true)
            .open(&path)
            .map_err(|error| format!("begin {}: {error}", path.display()))?;
        // The name must be on the disk before the first entry in it is acknowledged.
        if self.options.durability == Durability::Disk {
            File::open(&self.options.folder)
                .and_then(|folder| folder.sync_all())
                .map_err(|error| format!("write the journal's folder: {error}"))?;
        }
        self.current = Some(Current { file, number, bytes: 0, day: today });
        self.last_segment = number;
        self.prunable(now)
    }

    /// The segments whose every entry is older than the retention, and the entry that says so.
    fn prunable(&self, now: i64) -> Result<Option<(Event, Vec<std::path::PathBuf>)>, String> {
        let keep_from = now - i64::from(self.options.retain_days) * 86_400_000;
        let segments = segment::list(&self.options.folder).map_err(|error| error.to_string())?;
        let mut last = None;
        let mut paths = Vec::new();
        for pair in segments.windows(2) {
            // A segment ends where the next begins; its entries are older than the first of the next.
            let Some((after, hash, at_ms)) = crate::read::first_of(&pair[1].path) else { break };
            if at_ms >= keep_from {
                break;
            }
            paths.push(pair[0].path.clone());
            last = Some((after, hash));
        }
        let retain_days = self.options.retain_days;
        Ok(last.map(|(up_to, hash)| (Event::Pruned { up_to, hash, retain_days }, paths)))
    }
}
