//! What do the journal's tests stand on?

use std::path::{Path, PathBuf};

use intramuros_journal::keys::{head_path, read_public};
use intramuros_journal::verify::{Expected, Report, verify};
use intramuros_journal::{Event, Journal, Options};

/// A journal's folder and, outside it, its key.
pub struct Place {
    pub root: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Place {
        Place { root: tempfile::tempdir().unwrap() }
    }

    pub fn folder(&self) -> PathBuf {
        self.root.path().join("journal")
    }

    pub fn key(&self) -> PathBuf {
        self.root.path().join("keys/journal.key")
    }

    pub fn options(&self) -> Options {
        Options { key_file: self.key(), ..Options::new(self.folder()) }
    }

    pub fn open(&self) -> Journal {
        Journal::open(self.options()).unwrap().start().unwrap()
    }

    pub fn expected(&self) -> Expected {
        Expected {
            public: read_public(&self.key()).unwrap(),
            head: std::fs::read_to_string(head_path(&self.key())).ok(),
            noted: None,
        }
    }

    pub fn verify(&self) -> Report {
        verify(&self.folder(), &self.expected()).unwrap()
    }
}

pub fn question(number: usize) -> Event {
    Event::Question {
        by: format!("user{}", number % 50),
        sources: vec!["documents".to_owned()],
        results: number as u64,
        text: None,
    }
}

pub fn segments(folder: &Path) -> Vec<PathBuf> {
    intramuros_journal::segment::list(folder).unwrap().into_iter().map(|segment| segment.path).collect()
}

/// Pseudo-random numbers that are the same in every run.
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % limit.max(1)
    }
}
