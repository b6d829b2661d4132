//! How much may still be read for this file, with everything inside it?

use std::cell::Cell;
use std::io::Read;

use intramuros_core::document::{ExtractError, Limits};

/// What was used so far for one file with everything inside it.
#[derive(Debug, Default)]
pub struct Spent {
    unpacked: Cell<u64>,
    members: Cell<u32>,
    text: Cell<u64>,
}

/// The limits of one file and what is left of them. Cheap to pass on; members of a container share what is spent.
#[derive(Clone, Copy, Debug)]
pub struct Budget<'a> {
    /// The limits that were declared.
    pub limits: &'a Limits,
    spent: &'a Spent,
    depth: u32,
}

/// The ratio of decompressed to compressed bytes is judged from this many bytes of output on: small files of
/// repeated rows reach high ratios without harm.
const RATIO_JUDGED_FROM: u64 = 8 << 20;

impl<'a> Budget<'a> {
    /// The whole budget of a file that stands by itself.
    pub fn new(limits: &'a Limits, spent: &'a Spent) -> Budget<'a> {
        Budget { limits, spent, depth: 0 }
    }

    /// The same budget one level further inside.
    ///
    /// # Errors
    /// When the file is nested too deeply.
    pub fn deeper(&self) -> Result<Budget<'a>, ExtractError> {
        if self.depth >= self.limits.depth {
            return Err(ExtractError::Limit(format!("files nested more than {} deep", self.limits.depth)));
        }
        Ok(Budget { depth: self.depth + 1, ..*self })
    }

    /// How deep this file stands inside others; 0 for a file by itself.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// Counts one member of a container.
    ///
    /// # Errors
    /// When there are too many.
    pub fn count_member(&self) -> Result<(), ExtractError> {
        let members = self.spent.members.get() + 1;
        self.spent.members.set(members);
        if members > self.limits.members {
            return Err(ExtractError::Limit(format!("more than {} files inside", self.limits.members)));
        }
        Ok(())
    }

    /// Counts `bytes` of text taken. Readers call it per block and stop at the error.
    ///
    /// # Errors
    /// When the text is over the limit.
    pub fn count_text(&self, bytes: usize) -> Result<(), ExtractError> {
        let text = self.spent.text.get().saturating_add(bytes as u64);
        self.spent.text.set(text);
        if text > self.text_bytes() { Err(self.too_much_text()) } else { Ok(()) }
    }

    /// Whether one document may hold `bytes` of text that are not counted yet, because they are no blocks yet. Readers
    /// that gather call it before they keep a copy, and stop at the error; what is over the limit is counted then, so
    /// that a container knows it.
    ///
    /// # Errors
    /// When the text is over the limit.
    pub fn hold_text(&self, bytes: u64) -> Result<(), ExtractError> {
        let text = self.spent.text.get().saturating_add(bytes);
        if bytes > self.limits.text_bytes || text > self.text_bytes() {
            self.spent.text.set(text);
            return Err(self.too_much_text());
        }
        Ok(())
    }

    /// Members share the counter, so a container may hold several documents' worth of text.
    fn text_bytes(&self) -> u64 {
        self.limits.text_bytes.saturating_mul(1 + u64::from(self.depth > 0) * 7)
    }

    fn too_much_text(&self) -> ExtractError {
        ExtractError::Limit(format!("more than {} bytes of text", self.limits.text_bytes))
    }

    /// Whether a page number is within the limit.
    ///
    /// # Errors
    /// When there are too many pages.
    pub fn check_pages(&self, pages: usize) -> Result<(), ExtractError> {
        if pages > self.limits.pages as usize {
            return Err(ExtractError::Limit(format!(
                "{pages} pages; at most {} are read",
                self.limits.pages
            )));
        }
        Ok(())
    }

    /// Decompresses all of `reader`, whose input is `packed` bytes, and counts what comes out.
    ///
    /// # Errors
    /// When the total or the ratio is over its limit, or the stream is damaged.
    pub fn unpack(&self, mut reader: impl Read, packed: u64) -> Result<Vec<u8>, ExtractError> {
        let mut out = Vec::new();
        let mut chunk = vec![0; 64 << 10];
        loop {
            let count = match reader.read(&mut chunk) {
                Ok(0) => return Ok(out),
                Ok(count) => count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(ExtractError::Corrupt(format!("a compressed part is damaged ({error})")));
                }
            };
            self.spend_unpacked(count as u64)?;
            if let Some(chunk) = chunk.get(..count) {
                out.extend_from_slice(chunk);
            }
            self.check_ratio(out.len() as u64, packed)?;
        }
    }

    /// Whether so much may come out of `packed` bytes.
    ///
    /// # Errors
    /// When it is more than the ratio allows.
    pub fn check_ratio(&self, unpacked: u64, packed: u64) -> Result<(), ExtractError> {
        if unpacked > RATIO_JUDGED_FROM && unpacked > packed.max(1).saturating_mul(self.limits.ratio) {
            return Err(ExtractError::Limit(format!(
                "decompresses to more than {} times its size, as a bomb does",
                self.limits.ratio
            )));
        }
        Ok(())
    }

    /// Counts bytes that a library decompressed by itself.
    ///
    /// # Errors
    /// When the total is over the limit.
    pub fn spend_unpacked(&self, bytes: u64) -> Result<(), ExtractError> {
        let unpacked = self.spent.unpacked.get().saturating_add(bytes);
        self.spent.unpacked.set(unpacked);
        if unpacked > self.limits.unpacked_bytes {
            return Err(ExtractError::Limit(format!(
                "decompresses to more than {} bytes",
                self.limits.unpacked_bytes
            )));
        }
        Ok(())
    }
}
