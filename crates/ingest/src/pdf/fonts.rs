//! Which character does a glyph stand for, when the PDF doesn't say but the font in it does?
//!
//! Font files hold a table from characters to glyphs (`cmap`); read backwards it answers. Subsets mostly come without
//! one: then nothing is known.

use std::collections::HashMap;

/// Characters read of one font. All of Unicode that is in use has 155,000.
const CHARACTERS: usize = 200_000;

/// Fonts of one page that are read. A page of many faces has a dozen.
const FONTS_PER_PAGE: usize = 64;

/// Fonts of one document that are kept. A book with a subset of each face for each chapter has some hundred.
const FONTS_KEPT: usize = 1_000;

/// Characters of all kept fonts. They take 20 MB at most; five fonts of all of Unicode fit.
const CHARACTERS_KEPT: usize = 1_000_000;

/// The fonts of one document that were asked what their glyphs stand for.
#[derive(Debug, Default)]
pub(super) struct Fonts {
    /// Their characters, by glyphs' numbers.
    known: HashMap<u128, HashMap<u32, char>>,
    /// How many characters that are.
    characters: usize,
    /// How many fonts were read for this page.
    on_page: usize,
}

impl Fonts {
    /// Begins a page, for which fonts may be read.
    pub fn begin_page(&mut self) {
        self.on_page = 0;
    }

    /// The character of a glyph; `key` says which font it is, `font` is its file.
    pub fn character(&mut self, key: u128, font: &[u8], glyph: u32) -> Option<char> {
        if !self.known.contains_key(&key) {
            self.read(key, font)?;
        }
        self.known.get(&key)?.get(&glyph).copied()
    }

    /// Reads a font, unless too many were read for this page. Where no more can be kept, all are forgotten: the page
    /// reads those again that it needs.
    fn read(&mut self, key: u128, font: &[u8]) -> Option<()> {
        if self.on_page >= FONTS_PER_PAGE {
            return None;
        }
        self.on_page += 1;
        let characters = characters(font);
        if self.known.len() >= FONTS_KEPT || self.characters + characters.len() > CHARACTERS_KEPT {
            self.known.clear();
            self.characters = 0;
        }
        self.characters += characters.len();
        self.known.insert(key, characters);
        Some(())
    }
}

/// The characters of a font's glyphs, by the glyphs' numbers; empty when the file doesn't tell.
fn characters(font: &[u8]) -> HashMap<u32, char> {
    let mut found = Found { characters: HashMap::new(), left: CHARACTERS };
    let Some(table) = character_table(font) else { return found.characters };
    for index in 0..usize::from(word(table, 2).unwrap_or(0)) {
        // A table that ends early still gave what stands before.
        let _ = found.read_subtable(table, 4 + 8 * index);
    }
    found.characters
}

struct Found {
    characters: HashMap<u32, char>,
    /// How many may still be looked at.
    left: usize,
}

impl Found {
    /// Reads the subtable that an entry of the table names, if it is one of Unicode.
    fn read_subtable(&mut self, table: &[u8], entry: usize) -> Option<()> {
        let (platform, encoding) = (word(table, entry)?, word(table, entry + 2)?);
        if !matches!((platform, encoding), (0, _) | (3, 1 | 10)) {
            return None;
        }
        let subtable = table.get(usize::try_from(long(table, entry + 4)?).ok()?..)?;
        match word(subtable, 0)? {
            4 => self.read_segments(subtable),
            12 => self.read_groups(subtable),
            _ => None,
        }
    }

    /// Format 4: stretches of 16-bit characters, with one difference or a list of glyphs for each.
    fn read_segments(&mut self, table: &[u8]) -> Option<()> {
        let width = usize::from(word(table, 6)?);
        for at in (0..width).step_by(2) {
            // A stretch may be empty, and many entries may name one table.
            self.left = self.left.checked_sub(1)?;
            let end = word(table, 14 + at)?;
            let start = word(table, 16 + width + at)?;
            let difference = word(table, 16 + 2 * width + at)?;
            let list = 16 + 3 * width + at;
            let offset = usize::from(word(table, list)?);
            for code in start..=end {
                let glyph = match offset {
                    0 => code.wrapping_add(difference),
                    _ => match word(table, list + offset + 2 * usize::from(code - start)).unwrap_or(0) {
                        0 => 0,
                        glyph => glyph.wrapping_add(difference),
                    },
                };
                self.note(u32::from(glyph), u32::from(code))?;
            }
        }
        Some(())
    }

    /// Format 12: stretches of characters whose glyphs follow one another.
    fn read_groups(&mut self, table: &[u8]) -> Option<()> {
        for index in 0..usize::try_from(long(table, 12)?).ok()? {
            self.left = self.left.checked_sub(1)?;
            let group = 16_usize.checked_add(index.checked_mul(12)?)?;
            let (start, end) = (long(table, group)?, long(table, group + 4)?);
            let glyph = long(table, group + 8)?;
            for code in start..=end {
                self.note(glyph.checked_add(code - start)?, code)?;
            }
        }
        Some(())
    }

    /// Notes a glyph's character, the first of several; none when there were too many.
    fn note(&mut self, glyph: u32, code: u32) -> Option<()> {
        self.left = self.left.checked_sub(1)?;
        // What is private is known to its font only.
        let private = (0xe000..=0xf8ff).contains(&code) || code >= 0xf_0000;
        let character = char::from_u32(code).filter(|character| !character.is_control() && !private);
        if let Some(character) = character
            && glyph != 0
        {
            self.characters.entry(glyph).or_insert(character);
        }
        Some(())
    }
}

/// The font's table `cmap`.
fn character_table(font: &[u8]) -> Option<&[u8]> {
    let mut entries = (0..usize::from(word(font, 4)?)).map(|index| 12 + 16 * index);
    let entry = entries.find(|at| font.get(*at..*at + 4) == Some(b"cmap".as_slice()))?;
    font.get(usize::try_from(long(font, entry + 8)?).ok()?..)
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_be_bytes)
}

fn long(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A font that has nothing but a table of characters, with one subtable of Unicode.
    fn font(subtable: &[u8]) -> Vec<u8> {
        let mut font = vec![0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
        font.extend(b"cmap\0\0\0\0\0\0\0\x1c\0\0\0\0");
        font.extend([0, 0, 0, 1, 0, 3, 0, 1, 0, 0, 0, 12]);
        font.extend(subtable);
        font
    }

    fn words(words: &[u16]) -> Vec<u8> {
        words.iter().flat_map(|word| word.to_be_bytes()).collect()
    }

    #[test]
    fn glyphs_have_the_characters_of_their_font() {
        // "A" to "C" are the glyphs 5 to 7; "é" is glyph 9 and U+E000 glyph 10, by a list.
        let segments = [
            4, 0, 0, 8, 0, 0, 0, 0x43, 0xe9, 0xe000, 0xffff, 0, 0x41, 0xe9, 0xe000, 0xffff, 65_476, 0, 0, 1,
            0, 6, 6, 0, 9, 10,
        ];
        let found = characters(&font(&words(&segments)));
        assert_eq!(found, HashMap::from([(5, 'A'), (6, 'B'), (7, 'C'), (9, 'é')]));
        let groups = [12, 0, 0, 0, 0, 0, 0, 1, 0, 0x61, 0, 0x62, 0, 3];
        let found = characters(&font(&words(&groups)));
        assert_eq!(found, HashMap::from([(3, 'a'), (4, 'b')]));
    }

    /// A font whose characters "a" to `last` are the glyphs from 3 on.
    fn alphabet(last: u16) -> Vec<u8> {
        font(&words(&[12, 0, 0, 0, 0, 0, 0, 1, 0, 0x61, 0, last, 0, 3]))
    }

    #[test]
    fn a_font_is_read_once_for_all_pages() {
        let mut fonts = Fonts::default();
        fonts.begin_page();
        assert_eq!(fonts.character(7, &alphabet(0x7a), 4), Some('b'));
        fonts.begin_page();
        // The file isn't looked at again.
        assert_eq!(fonts.character(7, &[], 5), Some('c'));
        assert_eq!(fonts.character(8, &[], 5), None);
    }

    #[test]
    fn fonts_are_kept_up_to_a_limit_and_read_up_to_another() {
        let (large, mut fonts) = (alphabet(0x6000), Fonts::default());
        for page in 0..30 {
            fonts.begin_page();
            for font in 0..3 {
                assert_eq!(fonts.character(page * 3 + font, &large, 3), Some('a'), "{page}");
            }
            assert!(fonts.characters <= CHARACTERS_KEPT, "{}", fonts.characters);
            assert_eq!(fonts.characters, fonts.known.values().map(HashMap::len).sum::<usize>());
        }
        fonts.begin_page();
        let read = (1_000..2_000).filter(|key| fonts.character(*key, &alphabet(0x7a), 3).is_some()).count();
        assert_eq!(read, FONTS_PER_PAGE);
    }

    #[test]
    fn what_is_no_font_has_no_characters() {
        let whole = font(&words(&[12, 0, 0, 0, 0, 0, 0xffff, 0xffff, 0, 0, 0xffff, 0xffff, 0, 1]));
        // The one group claims every number: it ends at the limit.
        assert!(characters(&whole).len() <= CHARACTERS);
        for end in 0..whole.len() - 4 {
            assert!(characters(&whole[..end]).is_empty(), "{end}");
        }
    }
}
