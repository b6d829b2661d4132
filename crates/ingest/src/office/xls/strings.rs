//! Which texts does this old workbook hold? Its records end after 8,224 bytes, and texts go on in the next.

use super::records::Record;

/// Bytes that go on over several records.
pub struct Segments<'a> {
    list: Vec<&'a [u8]>,
    index: usize,
    at: usize,
}

impl<'a> Segments<'a> {
    /// A record and those that continue it.
    pub fn new(list: Vec<&'a [u8]>) -> Segments<'a> {
        Segments { list, index: 0, at: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        self.list.get(self.index).and_then(|segment| segment.get(self.at..)).unwrap_or_default()
    }

    /// Goes on to the next segment when this one is used up; whether it did.
    fn turn(&mut self) -> bool {
        let turned = self.rest().is_empty() && self.index + 1 < self.list.len();
        if turned {
            self.index += 1;
            self.at = 0;
        }
        turned
    }

    fn number(&mut self, size: usize) -> Option<u32> {
        while self.turn() {}
        let field = self.rest().get(..size)?;
        self.at += size;
        Some(field.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn skip(&mut self, mut count: usize) {
        while count > 0 {
            let step = count.min(self.rest().len());
            self.at += step;
            count -= step;
            if step == 0 && !self.turn() {
                return;
            }
        }
    }

    /// The characters of a text of `count`, of one byte each or two.
    fn characters(&mut self, mut count: usize, mut wide: bool) -> String {
        let mut units: Vec<u16> = Vec::new();
        while count > 0 {
            // A text that goes on says anew how wide its characters are.
            if self.turn() {
                wide = self.number(1).is_some_and(|flags| flags & 1 == 1);
            }
            let width = if wide { 2 } else { 1 };
            let step = count.min(self.rest().len() / width);
            if step == 0 {
                break;
            }
            let bytes = self.rest().get(..step * width).unwrap_or_default();
            if wide {
                units.extend(bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])));
            } else {
                units.extend(bytes.iter().map(|byte| u16::from(*byte)));
            }
            self.at += step * width;
            count -= step;
        }
        String::from_utf16_lossy(&units)
    }

    /// A text with its length in two bytes, or in one for names; with the formats and sounds of its parts left out.
    pub fn text(&mut self, length: usize) -> Option<String> {
        let count = self.number(length)? as usize;
        let flags = self.number(1)?;
        let formats = if flags & 8 != 0 { self.number(2)? as usize * 4 } else { 0 };
        let sounds = if flags & 4 != 0 { self.number(4)? as usize } else { 0 };
        let text = self.characters(count, flags & 1 == 1);
        self.skip(formats.saturating_add(sounds));
        Some(text)
    }

    /// The text of a drawn object: its characters stand in the records behind it.
    pub fn drawn(&mut self, count: usize) -> Option<String> {
        let wide = self.number(1)? & 1 == 1;
        Some(self.characters(count, wide))
    }
}

/// The table of texts that cells name by number.
pub fn shared(record: Record<'_>, more: &[Record<'_>]) -> Vec<String> {
    let list = std::iter::once(record.data).chain(more.iter().map(|record| record.data)).collect();
    let mut segments = Segments::new(list);
    let (Some(_), Some(count)) = (segments.number(4), segments.number(4)) else { return Vec::new() };
    (0..count).map_while(|_| segments.text(2)).collect()
}
