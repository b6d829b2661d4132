//! What do all containers have in common: names made safe, every member counted, one outcome for each?

use std::collections::HashMap;

use intramuros_core::document::{ExtractError, Extracted, Kind, Part};

use crate::Budget;
use crate::text::writer::safe_name;

/// Files that systems leave in archives and nobody wrote.
const NOISE: [&str; 4] = [".DS_Store", "Thumbs.db", "desktop.ini", ".localized"];

/// Collects the members of one container.
#[derive(Debug)]
pub struct Members<'b> {
    budget: Budget<'b>,
    out: Extracted,
    names: UniqueNames,
    skipped: usize,
}

impl<'b> Members<'b> {
    /// A container with nothing in it yet.
    pub fn new(budget: &Budget<'b>) -> Members<'b> {
        Members {
            budget: *budget,
            out: Extracted { kind: Some(Kind::Archive), ..Extracted::default() },
            names: UniqueNames::default(),
            skipped: 0,
        }
    }

    /// Whether a name is one that systems leave behind.
    pub fn is_noise(name: &str) -> bool {
        let file = name.rsplit('/').next().unwrap_or(name);
        name.starts_with("__MACOSX/") || NOISE.contains(&file)
    }

    /// Says that a member was left out and why.
    pub fn skip(&mut self, name: &str, why: &str) {
        self.skipped += 1;
        // A container of a million links would need a million warnings.
        if self.skipped <= 20 {
            self.out.warnings.push(format!("{}: {why}", safe_name(name)));
        }
    }

    /// Adds a member: reads `content` when there is some. Says whether to go on: not when the budget of the whole file
    /// is used up.
    pub fn add(&mut self, name: &str, content: impl FnOnce() -> Result<Vec<u8>, ExtractError>) -> bool {
        if let Err(error) = self.budget.count_member() {
            return self.stop(&error);
        }
        let name = self.names.take(safe_name(name));
        let outcome = content().and_then(|bytes| crate::extract_part(&name, &bytes, &self.budget));
        self.out.parts.push(Part::new(name, outcome));
        // Asking for nothing fails only when too much was used before.
        match self.budget.spend_unpacked(0).and_then(|()| self.budget.count_text(0)) {
            Ok(()) => true,
            Err(error) => self.stop(&error),
        }
    }

    fn stop(&mut self, error: &ExtractError) -> bool {
        let read = self.out.parts.len();
        self.out.warnings.push(format!("stopped after {read} files: {error}"));
        false
    }

    /// Says something about the whole container.
    pub fn warn(&mut self, warning: String) {
        self.out.warnings.push(warning);
    }

    /// How many members were added.
    pub fn len(&self) -> usize {
        self.out.parts.len()
    }

    /// Whether no member was added.
    pub fn is_empty(&self) -> bool {
        self.out.parts.is_empty()
    }

    /// The container with its members.
    ///
    /// # Errors
    /// Empty without members; the common reason when all members are encrypted, damaged or over a limit.
    pub fn finish(mut self) -> Result<Extracted, ExtractError> {
        if self.skipped > 20 {
            self.out.warnings.push(format!("{} more files were left out", self.skipped - 20));
        }
        let count = self.out.parts.len();
        let Some(first) = self.out.parts.first() else {
            let why = self.out.warnings.first().map_or("there are no files in it", String::as_str);
            return Err(ExtractError::Empty(why.to_owned()));
        };
        let Err(reason) = &first.outcome else { return Ok(self.out) };
        let same = |part: &Part| part.outcome.as_ref().is_err_and(|other| other.word() == reason.word());
        if !self.out.parts.iter().all(same) {
            return Ok(self.out);
        }
        let why = format!("all {count} files in it: {reason}");
        match reason {
            ExtractError::Encrypted(_) => Err(ExtractError::Encrypted(why)),
            ExtractError::Corrupt(_) => Err(ExtractError::Corrupt(why)),
            ExtractError::Limit(_) => Err(ExtractError::Limit(why)),
            _ => Ok(self.out),
        }
    }
}

/// Names that were given, so that no two parts of a container have the same: `a.txt`, `a (2).txt`.
#[derive(Debug, Default)]
pub struct UniqueNames {
    /// By name, the number that its next namesake gets: a thousand namesakes cost a thousand steps, not a million.
    next: HashMap<String, u32>,
}

impl UniqueNames {
    /// This name, or with a number when it was given before.
    pub fn take(&mut self, name: String) -> String {
        if !self.next.contains_key(&name) {
            self.next.insert(name.clone(), 2);
            return name;
        }
        let (stem, extension) = match name.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() && !extension.contains('/') => {
                (stem, format!(".{extension}"))
            }
            _ => (name.as_str(), String::new()),
        };
        let mut number = self.next.get(&name).copied().unwrap_or(2);
        loop {
            let unique = format!("{stem} ({number}){extension}");
            number += 1;
            if !self.next.contains_key(&unique) {
                self.next.insert(name, number);
                self.next.insert(unique.clone(), 2);
                return unique;
            }
        }
    }
}
