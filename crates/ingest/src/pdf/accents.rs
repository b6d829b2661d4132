//! Which accent stands over which letter?
//!
//! Old TeX fonts have no accented letters: an accent is drawn by itself, and its letter below it (or the other way
//! round). Put together they are the letter that people search for.

use hayro::hayro_interpret::hayro_cmap::BfString;
use unicode_normalization::char::compose;

use super::glyphs::Glyph;

/// Share of the em by which the middles of an accent and of its letter differ at most: slanted letters have theirs a
/// tenth aside. Side by side they are a fifth apart, in the narrowest faces.
const APART: f32 = 0.15;

/// Share of the em by which an accent is raised for a capital at most.
const RAISED: f32 = 0.45;

/// Accents that stand by themselves, and the marks that compose with a letter.
const ACCENTS: [(char, char); 12] = [
    ('`', '\u{300}'),
    ('´', '\u{301}'),
    ('ˆ', '\u{302}'),
    ('˜', '\u{303}'),
    ('¯', '\u{304}'),
    ('˘', '\u{306}'),
    ('˙', '\u{307}'),
    ('¨', '\u{308}'),
    ('˚', '\u{30a}'),
    ('˝', '\u{30b}'),
    ('ˇ', '\u{30c}'),
    ('¸', '\u{327}'),
];

/// The letter that two glyphs drawn one after the other make; none when they aren't an accent and its letter.
pub(super) fn joined(first: &Glyph, second: &Glyph) -> Option<Glyph> {
    let (one, other) = (character(first)?, character(second)?);
    let (mark, letter, base) = match (mark(one), mark(other)) {
        (Some(mark), None) => (mark, other, second),
        (None, Some(mark)) => (mark, one, first),
        _ => return None,
    };
    // Under an accent, i and j have no dots.
    let letter = match letter {
        'ı' => 'i',
        'ȷ' => 'j',
        letter => letter,
    };
    let composed = compose(letter, mark)?;
    let fits = first.turn == second.turn && are_together(first, second);
    fits.then(|| Glyph { text: Some(BfString::Char(composed)), ..base.clone() })
}

fn character(glyph: &Glyph) -> Option<char> {
    match glyph.text {
        Some(BfString::Char(character)) => Some(character),
        _ => None,
    }
}

fn mark(accent: char) -> Option<char> {
    ACCENTS.iter().find(|(spacing, mark)| accent == *spacing || accent == *mark).map(|(_, mark)| *mark)
}

/// Whether two glyphs stand over each other, along their writing and across it.
fn are_together(one: &Glyph, other: &Glyph) -> bool {
    let middle = |glyph: &Glyph| ((glyph.start.0 + glyph.end.0) / 2.0, (glyph.start.1 + glyph.end.1) / 2.0);
    let ((x0, y0), (x1, y1)) = (middle(one), middle(other));
    let (sin, cos) = f32::from(one.turn).to_radians().sin_cos();
    let (along, across) = ((x1 - x0) * cos + (y1 - y0) * sin, (y1 - y0) * cos - (x1 - x0) * sin);
    let size = one.size.min(other.size);
    along.abs() < APART * size && across.abs() < RAISED * size
}
