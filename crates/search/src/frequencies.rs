//! In how many passages that may be read does a word stand?
//!
//! To count, a word's whole list is read; the second look asks for some ninety words, and asks for the same ones again
//! and again. The counts are remembered by the exact set of documents that they were counted over: what one reader
//! asked says nothing, not even by its time, to a reader who sees other documents.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use foldhash::fast::RandomState;
use intramuros_core::error::Error;

use crate::catalogue::SlotSet;

/// Sets of documents that are remembered: people of one organisation have few different sets of rights. At a million
/// passages a set takes some 12 kB.
const MOST_SETS: usize = 16;

/// Words remembered for each set: some 2 MB.
const MOST_WORDS: usize = 30_000;

/// Counts by set of visible documents and by word.
#[derive(Default)]
pub(crate) struct Frequencies {
    /// The last set used stands last.
    sets: Mutex<Vec<Counts>>,
}

struct Counts {
    visible: SlotSet,
    by_word: HashMap<Box<str>, u32, RandomState>,
}

impl Frequencies {
    /// The counts of `words` over `visible`, counting with `count` what is not known yet.
    ///
    /// # Errors
    /// Those of `count`.
    pub fn of(
        &self,
        visible: &SlotSet,
        words: &[&str],
        count: impl Fn(&str) -> Result<u32, Error>,
    ) -> Result<Vec<u32>, Error> {
        let known: Vec<Option<u32>> = {
            let mut sets = self.lock();
            let counts = counts_of(&mut sets, visible);
            words.iter().map(|word| counts.by_word.get(*word).copied()).collect()
        };
        // Counted outside the lock: it takes a while, and others ask meanwhile.
        let mut new = Vec::new();
        let mut found = Vec::with_capacity(words.len());
        for (word, known) in words.iter().zip(known) {
            let number = match known {
                Some(number) => number,
                None => {
                    let number = count(word)?;
                    new.push((*word, number));
                    number
                }
            };
            found.push(number);
        }
        if !new.is_empty() {
            let mut sets = self.lock();
            let counts = counts_of(&mut sets, visible);
            let room = MOST_WORDS.saturating_sub(counts.by_word.len());
            counts.by_word.extend(new.into_iter().take(room).map(|(word, number)| (word.into(), number)));
        }
        Ok(found)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Counts>> {
        self.sets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The counts over exactly this set, made where there are none, and put last.
fn counts_of<'a>(sets: &'a mut Vec<Counts>, visible: &SlotSet) -> &'a mut Counts {
    let counts = match sets.iter().position(|counts| counts.visible == *visible) {
        Some(index) => sets.remove(index),
        None => {
            if sets.len() >= MOST_SETS {
                sets.remove(0);
            }
            Counts { visible: visible.clone(), by_word: HashMap::default() }
        }
    };
    sets.push_mut(counts)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::{AccessSet, Catalogue, Facts, Filters};
    use intramuros_core::access::AccessId;

    #[test]
    fn what_is_remembered_is_remembered_for_the_same_documents_alone() {
        let mut catalogue = Catalogue::default();
        for document in 0..40 {
            catalogue.put(Facts::bare(document, AccessId(document as u32)));
        }
        let frequencies = Frequencies::default();
        // More sets than are remembered, twice: each asks for the number of its own documents.
        for round in 0..2 {
            for most in 1..=40u32 {
                let visible =
                    catalogue.visible(&AccessSet::of((0..most).map(AccessId)), &Filters::default(), None);
                let found =
                    frequencies.of(&visible, &["a", "b"], |word| Ok(most * 2 + u32::from(word == "b")));
                assert_eq!(found.unwrap(), [most * 2, most * 2 + 1], "round {round}");
            }
        }
        assert_eq!(frequencies.lock().len(), MOST_SETS);
    }

    #[test]
    fn a_word_that_is_known_is_not_counted_again_and_a_failed_count_is_not_kept() {
        let frequencies = Frequencies::default();
        let visible = SlotSet::default();
        let failing = frequencies.of(&visible, &["a"], |_| Err(Error::internal("broken")));
        assert!(failing.is_err());
        assert_eq!(frequencies.of(&visible, &["a"], |_| Ok(7)).unwrap(), [7]);
        let again = frequencies.of(&visible, &["a"], |_| Err(Error::internal("must not be called")));
        assert_eq!(again.unwrap(), [7]);
    }
}
