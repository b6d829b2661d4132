//! Which number does an old Word document show before this item of a list or this heading?
//!
//! One table holds the lists with their levels, another their uses; paragraphs name a use. Uses of one list count on.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use crate::office::bytes::{u16_at, u32_at};
use crate::office::labels::{Counts, LEVELS, count_item, show_number};

/// Bytes of a list without its levels, of a level without its formats and its text, and of a use without its changes.
const LIST: usize = 28;
const LEVEL: usize = 28;
const USE: usize = 16;

/// Flags of what a use changes in a level: where it starts, and how it is numbered.
const STARTS: u32 = 0x10;
const CHANGES: u32 = 0x20;

/// The highest start that Word allows.
const START: u32 = 0x7fff;

/// Characters of the text around a number. 64: Word allows 31 and the numbers.
const TEXT: usize = 64;

/// How a level is numbered.
struct Level {
    start: u32,
    /// As Word names it since 2007.
    format: &'static str,
    /// Whether the numbers of all levels are shown as decimals.
    decimal: bool,
    /// The text around the numbers; characters below nine stand for the numbers of the levels.
    text: Vec<u16>,
}

/// A use of a list.
struct Use {
    list: u32,
    starts: BTreeMap<usize, u32>,
    changed: BTreeMap<usize, Level>,
}

/// The lists of a document, and how far each has counted.
#[derive(Default)]
pub struct Numbering {
    lists: HashMap<u32, Vec<Level>>,
    uses: Vec<Use>,
    counts: HashMap<u32, Counts>,
}

impl Numbering {
    /// Reads the two tables. A damaged one loses the numbers behind the damage.
    pub fn read(tables: &[u8], lists: Range<usize>, uses: Range<usize>) -> Numbering {
        let mut numbering = Numbering::default();
        // The levels stand behind the table of lists and are no part of it.
        let behind = |range: Range<usize>| tables.get(range.start..).filter(|_| !range.is_empty());
        let _ = behind(lists).and_then(|table| numbering.read_lists(table));
        let _ = behind(uses).and_then(|table| numbering.read_uses(table));
        numbering
    }

    fn read_lists(&mut self, table: &[u8]) -> Option<()> {
        let count = usize::from(u16_at(table, 0)?);
        let mut at = 2 + LIST * count;
        for list in 0..count {
            let head = 2 + LIST * list;
            let id = u32_at(table, head)?;
            let depth = if table.get(head + 26)? & 1 == 1 { 1 } else { LEVELS };
            let mut levels = Vec::new();
            for _ in 0..depth {
                let (level, end) = read_level(table, at)?;
                levels.push(level);
                at = end;
            }
            self.lists.insert(id, levels);
        }
        Some(())
    }

    fn read_uses(&mut self, table: &[u8]) -> Option<()> {
        let count = usize::try_from(u32_at(table, 0)?).ok()?.min(table.len() / USE);
        for index in 0..count {
            let list = u32_at(table, 4 + USE * index)?;
            self.uses.push(Use { list, starts: BTreeMap::new(), changed: BTreeMap::new() });
        }
        let mut at = 4 + USE * count;
        for (index, used) in self.uses.iter_mut().enumerate() {
            let changes = *table.get(4 + USE * index + 12)?;
            // Where it is used first is of no interest.
            at += 4;
            for _ in 0..changes {
                let (mut start, flags) = (u32_at(table, at)?, u32_at(table, at + 4)?);
                at += 8;
                let index = (flags & 0xf) as usize;
                if flags & CHANGES != 0 {
                    let (level, end) = read_level(table, at)?;
                    start = level.start;
                    used.changed.insert(index, level);
                    at = end;
                }
                if flags & STARTS != 0 {
                    used.starts.insert(index, start.min(START));
                }
            }
        }
        Some(())
    }

    /// Counts one item of the use of this number, from 1, and gives its label; empty for bullets.
    pub fn label(&mut self, number: u16, depth: u8) -> String {
        let depth = usize::from(depth).min(LEVELS - 1);
        let used = usize::from(number).checked_sub(1).and_then(|index| self.uses.get_mut(index));
        let Some(used) = used else { return String::new() };
        // Where a use starts anew holds for its first item.
        let anew = used.starts.remove(&depth);
        let used = &*used;
        let Some(levels) = self.lists.get(&used.list) else { return String::new() };
        let level = |index: usize| used.changed.get(&index).or_else(|| levels.get(index));
        let counts = self.counts.entry(used.list).or_default();
        count_item(counts, depth, anew, |index| level(index).map_or(1, |level| level.start));
        let Some(shown) = level(depth) else { return String::new() };
        let number = |index: usize| match (level(index), counts.get(index)) {
            (Some(level), Some(Some(count))) => {
                show_number(if shown.decimal { "decimal" } else { level.format }, *count)
            }
            _ => String::new(),
        };
        shown.show(number)
    }
}

impl Level {
    fn show(&self, number: impl Fn(usize) -> String) -> String {
        if matches!(self.format, "bullet" | "none") {
            return String::new();
        }
        let mut label = String::new();
        for character in char::decode_utf16(self.text.iter().copied()) {
            if label.len() >= TEXT {
                break;
            }
            match character.unwrap_or(char::REPLACEMENT_CHARACTER) {
                level if u32::from(level) < LEVELS as u32 => label.push_str(&number(level as usize)),
                other => label.push(other),
            }
        }
        label.trim().to_owned()
    }
}

/// A level and where it ends.
fn read_level(table: &[u8], at: usize) -> Option<(Level, usize)> {
    let formats = usize::from(*table.get(at + 24)?) + usize::from(*table.get(at + 25)?);
    let text_at = at + LEVEL + formats;
    let length = usize::from(u16_at(table, text_at)?);
    let text = table.get(text_at + 2..)?.get(..2 * length)?;
    let units = text.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]]));
    let level = Level {
        start: u32_at(table, at)?.min(START),
        format: format_of(*table.get(at + 4)?),
        decimal: table.get(at + 5)? & 4 != 0,
        text: units.take(TEXT).collect(),
    };
    Some((level, text_at + 2 + 2 * length))
}

/// The name of a format of numbers.
fn format_of(number: u8) -> &'static str {
    match number {
        1 => "upperRoman",
        2 => "lowerRoman",
        3 => "upperLetter",
        4 => "lowerLetter",
        22 => "decimalZero",
        23 => "bullet",
        255 => "none",
        _ => "decimal",
    }
}

#[cfg(test)]
mod tests {
    use super::Numbering;

    /// A level: its start, its format, its text.
    fn level(start: u32, format: u8, text: &str) -> Vec<u8> {
        let units: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut bytes = start.to_le_bytes().to_vec();
        bytes.push(format);
        bytes.resize(24, 0);
        // Formats of three bytes and of two.
        bytes.extend([3, 2, 0, 0, 9, 9, 9, 9, 9]);
        bytes.extend((units.len() as u16 / 2).to_le_bytes());
        bytes.extend(units);
        bytes
    }

    /// A list of nine levels and one of a single level, and four uses of them behind.
    fn tables() -> (Vec<u8>, usize) {
        let list = |id: u32, simple: u8| {
            let mut bytes = id.to_le_bytes().to_vec();
            bytes.resize(26, 0);
            bytes.extend([simple, 0]);
            bytes
        };
        let mut bytes = 2_u16.to_le_bytes().to_vec();
        bytes.extend(list(70, 0));
        bytes.extend(list(71, 1));
        bytes.extend(level(1, 1, "Titre \u{0} -"));
        bytes.extend(level(0, 0, "\u{0}.\u{1}"));
        for _ in 2..9 {
            bytes.extend(level(1, 23, "•"));
        }
        bytes.extend(level(3, 4, "\u{0})"));
        let uses_at = bytes.len();
        bytes.extend(4_u32.to_le_bytes());
        for (list, changes) in [(70_u32, 0), (71, 0), (71, 1), (99, 0)] {
            bytes.extend(list.to_le_bytes());
            bytes.extend([0; 8]);
            bytes.extend([changes, 0, 0, 0]);
        }
        bytes.extend([0xff; 8]);
        // The third use starts anew at five; behind it stands where it is used, and that of the fourth.
        bytes.extend([0xff; 4]);
        bytes.extend(5_u32.to_le_bytes());
        bytes.extend(0x10_u32.to_le_bytes());
        bytes.extend([0xff; 4]);
        (bytes, uses_at)
    }

    #[test]
    fn lists_count_through_their_uses_and_start_where_they_say() {
        let (bytes, uses_at) = tables();
        let mut numbering = Numbering::read(&bytes, 0..58, uses_at..bytes.len());
        for (list, depth, expected) in [
            (1, 0, "Titre I -"),
            (1, 1, "I.0"),
            (1, 1, "I.1"),
            (1, 2, ""),
            (1, 0, "Titre II -"),
            (1, 1, "II.0"),
            (2, 0, "c)"),
            (2, 0, "d)"),
            (3, 0, "e)"),
            (2, 0, "f)"),
            (2, 1, ""),
            (4, 0, ""),
            (5, 0, ""),
            (0, 0, ""),
        ] {
            assert_eq!(numbering.label(list, depth), expected, "{list} {depth}");
        }
    }

    #[test]
    fn damaged_tables_lose_numbers_only() {
        let (bytes, uses_at) = tables();
        for end in 0..bytes.len() {
            let table = &bytes[..end];
            let mut numbering = Numbering::read(table, 0..58, uses_at..bytes.len());
            let label = numbering.label(1, 0);
            assert!(label.is_empty() || label == "Titre I -", "{label}");
        }
    }
}
