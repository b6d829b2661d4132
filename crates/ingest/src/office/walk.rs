//! Does this file make its reader walk over the same bytes again and again?
//!
//! Sheets of a workbook and slides of a presentation are found by offsets, and a file may say one offset thousands of
//! times: then a small file costs what a huge one would.

use std::cell::Cell;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use intramuros_core::document::ExtractError;

/// How often a reader may walk over all bytes of a file. 4: the parts of a sound file share nothing, so that once is
/// enough; damaged ones lack ends of parts, so that one part goes on through the next.
const PASSES: usize = 4;

/// Bytes that each file may be longer. 64 KiB: they cost nothing, and directories of small files are read more often.
const SMALL: usize = 64 << 10;

/// The bytes of a file that may still be walked over.
pub struct Walk {
    left: Cell<usize>,
}

impl Walk {
    /// The whole allowance of a file or stream of this size.
    pub fn over(size: usize) -> Walk {
        Walk { left: Cell::new(size.saturating_add(SMALL).saturating_mul(PASSES)) }
    }

    /// Walks over so many bytes.
    ///
    /// # Errors
    /// When there were too many.
    pub fn step(&self, bytes: usize) -> Result<(), ExtractError> {
        let left = self.left.get().checked_sub(bytes).ok_or_else(|| {
            ExtractError::Limit(
                "parts of the file overlap, so that it would be read again and again".to_owned(),
            )
        })?;
        self.left.set(left);
        Ok(())
    }
}

/// The bytes of a file for a library that reads where it likes.
pub struct Walked<'a> {
    bytes: Cursor<&'a [u8]>,
    walk: Walk,
}

impl<'a> Walked<'a> {
    /// A reader that stands at the start of the file.
    pub fn new(bytes: &'a [u8]) -> Walked<'a> {
        Walked { bytes: Cursor::new(bytes), walk: Walk::over(bytes.len()) }
    }
}

impl Read for Walked<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let count = self.bytes.read(out)?;
        self.walk.step(count).map_err(io::Error::other)?;
        Ok(count)
    }
}

impl Seek for Walked<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}
