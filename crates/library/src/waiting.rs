//! Which passages of the index wait for which vector?
//!
//! A text is embedded once, however many passages have it. Whoever takes a document into the index notes here what is
//! still without a vector; whoever has computed a vector learns here whose it is. Both hold the same lock while they
//! look into the store and change the index, so that no vector falls between them.

use std::collections::HashMap;

use intramuros_store::TextHash;

/// Who waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    /// The document.
    pub document: u64,
    /// The passage; none for the document's title.
    pub passage: Option<u64>,
    /// The document's reading at which this was noted; an older reading waits for nothing any more.
    reading: u32,
}

/// What waits.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    by_hash: HashMap<TextHash, Vec<Target>>,
    /// The latest reading of each document that waits for something.
    readings: HashMap<u64, u32>,
    next_reading: u32,
}

impl Waiting {
    /// A document was taken into the index and is without these vectors. What it waited for before is forgotten.
    pub fn note(&mut self, document: u64, without: impl IntoIterator<Item = (TextHash, Option<u64>)>) {
        self.next_reading = self.next_reading.wrapping_add(1);
        let reading = self.next_reading;
        self.readings.remove(&document);
        for (hash, passage) in without {
            self.readings.insert(document, reading);
            self.by_hash.entry(hash).or_default().push(Target { document, passage, reading });
        }
    }

    /// A document left the index.
    pub fn forget(&mut self, document: u64) {
        self.readings.remove(&document);
    }

    /// Those who waited for a vector that is there now.
    pub fn take(&mut self, hash: &TextHash) -> Vec<Target> {
        let mut targets = self.by_hash.remove(hash).unwrap_or_default();
        targets.retain(|target| self.readings.get(&target.document) == Some(&target.reading));
        targets
    }

    /// Drops what nobody waits for any more.
    pub fn tidy(&mut self) {
        let readings = &self.readings;
        self.by_hash.retain(|_, targets| {
            targets.retain(|target| readings.get(&target.document) == Some(&target.reading));
            !targets.is_empty()
        });
        self.by_hash.shrink_to_fit();
        self.readings.shrink_to_fit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_goes_to_all_who_wait_and_to_nobody_who_changed() {
        let mut waiting = Waiting::default();
        let (one, two) = (TextHash::of("un"), TextHash::of("deux"));
        waiting.note(1, [(one, Some(10)), (two, Some(11))]);
        waiting.note(2, [(one, Some(20)), (one, None)]);
        waiting.note(3, [(one, Some(30))]);
        waiting.forget(3);
        // Document 1 was read again; it waits for `one` under a new passage and for `two` no more.
        waiting.note(1, [(one, Some(12))]);
        let found: Vec<_> =
            waiting.take(&one).into_iter().map(|target| (target.document, target.passage)).collect();
        assert_eq!(found, [(2, Some(20)), (2, None), (1, Some(12))]);
        assert_eq!(waiting.take(&one), []);
        assert_eq!(waiting.take(&two), []);
        waiting.note(4, [(two, Some(40))]);
        waiting.note(4, []);
        waiting.tidy();
        assert!(waiting.by_hash.is_empty());
    }
}
