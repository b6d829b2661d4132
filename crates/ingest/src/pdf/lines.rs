//! Which words and line segments do the glyphs of a page make?
//!
//! A segment is a piece of one line without a wide gap: a whole line of running text, a cell of a table, a label of a
//! form. Directions are handled one by one: a segment's coordinates are those of a reader who turned the page so that
//! this text stands upright.

use hayro::hayro_interpret::hayro_cmap::BfString;

use super::glyphs::Glyph;
use super::leftward;

/// Shares of the em. A space is between a quarter and a third of an em and may be squeezed to a sixth; letters that
/// belong together are rarely a tenth apart.
const SPACE_FROM: f32 = 0.17;

/// The same where the letters of a word touch, as they do but in spaced titles: lines of journals are squeezed so far.
const CLOSE_SPACE_FROM: f32 = 0.14;

/// Letters less apart than this touch.
const CLOSE: f32 = 0.03;

/// A gap of this share of an em separates segments. Spaces of justified lines may be wider: what is then cut is put
/// together again when the page's columns are known.
const SEGMENT_GAP: f32 = 0.7;

/// Share of the em by which baselines of one line differ at most.
const SAME_BASELINE: f32 = 0.3;

/// Dots or strokes in a row that lead the eye to a page number, or stand where a form is filled in. Dots that leave a
/// sentence open are three.
const LEADER: usize = 5;

/// Ems between the mark of a note and the note.
const NOTE_TAB: f32 = 2.5;

/// A piece of a line without a wide gap in it.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Segment {
    /// Its text; words separated by one space.
    pub text: String,
    /// Left edge, in points.
    pub x0: f32,
    /// Right edge.
    pub x1: f32,
    /// Baseline, downwards.
    pub y: f32,
    /// Em of its largest characters.
    pub size: f32,
    /// Mostly bold.
    pub bold: bool,
    /// All of fixed width.
    pub mono: bool,
}

impl Segment {
    /// Upper edge of its letters.
    pub fn top(&self) -> f32 {
        self.y - 0.75 * self.size
    }

    /// Lower edge of its letters.
    pub fn bottom(&self) -> f32 {
        self.y + 0.25 * self.size
    }

    /// Number of characters.
    pub fn chars(&self) -> usize {
        self.text.chars().count()
    }
}

/// A chain of glyphs drawn one after another.
#[derive(Clone, Debug)]
struct Span {
    text: String,
    x0: f32,
    x1: f32,
    y: f32,
    size: f32,
    letters: u32,
    bold: u32,
    mono: u32,
    /// The last glyph was a space, or a gap follows.
    open: bool,
    /// The last two letters that stand in one word touch.
    close: bool,
}

/// A glyph in the coordinates of its direction.
struct Placed<'g> {
    glyph: &'g Glyph,
    x0: f32,
    x1: f32,
    y: f32,
}

/// The segments of the glyphs that run in one direction, each list with its direction in degrees; the direction of
/// most glyphs first.
pub(super) fn segments(glyphs: &[Glyph]) -> Vec<(i16, Vec<Segment>)> {
    let mut turns: Vec<(i16, usize)> = Vec::new();
    for glyph in glyphs {
        let known = turns.iter().position(|(turn, _)| *turn == glyph.turn);
        if let Some((_, count)) = known.and_then(|known| turns.get_mut(known)) {
            *count += 1;
        } else if turns.len() < 64 {
            // A page that writes in more directions is a drawing; the rest is left out.
            turns.push((glyph.turn, 1));
        }
    }
    turns.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    turns.into_iter().map(|(turn, _)| (turn, of_direction(glyphs, turn))).collect()
}

/// The segments of the glyphs that run in this direction.
pub(super) fn of_direction<'g>(glyphs: impl IntoIterator<Item = &'g Glyph>, turn: i16) -> Vec<Segment> {
    let (sin, cos) = f32::from(turn).to_radians().sin_cos();
    let turned = |(x, y): (f32, f32)| (x * cos + y * sin, y * cos - x * sin);
    let placed = glyphs.into_iter().filter(|glyph| glyph.turn == turn).map(|glyph| {
        let ((x0, y), (x1, _)) = (turned(glyph.start), turned(glyph.end));
        Placed { glyph, x0: x0.min(x1), x1: x0.max(x1), y }
    });
    into_segments(into_spans(placed))
}

fn into_spans<'g>(placed: impl Iterator<Item = Placed<'g>>) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    for glyph in placed {
        let space = is_space(&glyph);
        match spans.last_mut() {
            Some(span) if follows(span, &glyph) => {
                if space {
                    span.open |= !lies_within(span, &glyph);
                } else {
                    append(span, &glyph);
                }
            }
            _ if space => {}
            _ => spans.push(begin(&glyph)),
        }
    }
    spans
}

fn is_space(placed: &Placed<'_>) -> bool {
    match &placed.glyph.text {
        Some(BfString::Char(character)) => {
            // Programs of page layout have spaces of their own, which fonts name by numbers that mean no character.
            let wide = placed.x1 - placed.x0 > CLOSE_SPACE_FROM * placed.glyph.size;
            character.is_whitespace() || *character == '\u{200b}' || (character.is_control() && wide)
        }
        Some(BfString::String(text)) => text.chars().all(char::is_whitespace),
        None => false,
    }
}

/// Whether a space stands under the letter before it, as behind ligatures that were two letters: it separates nothing.
fn lies_within(span: &Span, space: &Placed<'_>) -> bool {
    let size = space.glyph.size;
    space.x0 < span.x1 - SPACE_FROM * size && space.x1 < span.x1 + CLOSE * size
}

/// Whether a glyph continues the chain: on the same baseline (or raised beside it), and near.
fn follows(span: &Span, glyph: &Placed<'_>) -> bool {
    let (size, gap) = (span.size.max(glyph.glyph.size), glyph.x0 - span.x1);
    let raised = (glyph.y - span.y).abs();
    let near = gap > -0.5 * size && gap < SEGMENT_GAP * size;
    let script = raised < 0.5 * size && gap.abs() < 0.3 * size && glyph.glyph.size < 0.85 * span.size;
    near && (raised < 0.2 * size.min(glyph.glyph.size * 1.5) || script)
}

fn begin(glyph: &Placed<'_>) -> Span {
    let mut span = Span {
        text: String::new(),
        x0: glyph.x0,
        x1: glyph.x0,
        y: glyph.y,
        size: glyph.glyph.size,
        letters: 0,
        bold: 0,
        mono: 0,
        open: false,
        close: false,
    };
    append(&mut span, glyph);
    span
}

fn append(span: &mut Span, placed: &Placed<'_>) {
    let glyph = placed.glyph;
    let size = span.size.min(glyph.size);
    let gap = placed.x0 - span.x1;
    if span.open || gap > space_from(span, size) {
        push_space(&mut span.text);
    } else if !span.text.is_empty() {
        span.close = gap.abs() < CLOSE * size;
    }
    span.open = false;
    match &glyph.text {
        Some(BfString::Char(character)) => push_character(&mut span.text, *character),
        // A ligature that is read from its right, among letters as they stand from left to right.
        Some(BfString::String(text)) if text.chars().any(leftward::is_leftward) => {
            text.chars().rev().for_each(|character| push_character(&mut span.text, character));
        }
        Some(BfString::String(text)) => {
            text.chars().for_each(|character| push_character(&mut span.text, character));
        }
        // Nobody can say what it is: it parts words, as the dashes and bullets of such fonts do.
        None => push_space(&mut span.text),
    }
    if glyph.size > span.size * 1.1 {
        (span.y, span.size) = (placed.y, glyph.size);
    }
    span.x1 = span.x1.max(placed.x1);
    span.letters += 1;
    span.bold += u32::from(glyph.bold);
    span.mono += u32::from(glyph.mono);
}

/// Wide writing systems leave gaps inside a line that are no spaces.
fn space_from(span: &Span, size: f32) -> f32 {
    let wide = span.text.chars().next_back().is_some_and(|last| last >= '\u{2e80}' && !is_presentation(last));
    match () {
        () if wide => 0.5 * size,
        () if span.close => CLOSE_SPACE_FROM * size,
        () => SPACE_FROM * size,
    }
}

fn is_presentation(character: char) -> bool {
    ('\u{e000}'..='\u{fb4f}').contains(&character)
}

fn push_space(text: &mut String) {
    if !text.ends_with(' ') && !text.is_empty() {
        text.push(' ');
    }
}

/// Adds a character with ligatures taken apart and private-use bullets made readable.
fn push_character(text: &mut String, character: char) {
    match character {
        // Old TeX fonts have their ligature at the place of this arrow.
        '\u{fb00}' | '↵' => text.push_str("ff"),
        '\u{fb01}' => text.push_str("fi"),
        '\u{fb02}' => text.push_str("fl"),
        '\u{fb03}' => text.push_str("ffi"),
        '\u{fb04}' => text.push_str("ffl"),
        '\u{fb05}' | '\u{fb06}' => text.push_str("st"),
        // Where Symbol and Wingdings put their bullets.
        '\u{f0b7}' | '\u{f0a7}' | '\u{f0a8}' | '\u{f06e}' | '\u{f06c}' | '\u{f076}' | '\u{f0d8}'
        | '\u{f0fc}' => {
            text.push('•');
        }
        // Known to its font only.
        '\u{e000}'..='\u{f8ff}' | char::REPLACEMENT_CHARACTER => push_space(text),
        // Two spacing accents that old TeX fonts draw before or after their letter are left to normalisation.
        '\u{a0}' | '\u{2007}' | '\u{202f}' => text.push(character),
        _ if character.is_control() => {}
        _ => text.push(character),
    }
}

/// Puts chains of one baseline side by side and cuts them at wide gaps.
fn into_segments(mut spans: Vec<Span>) -> Vec<Segment> {
    spans.retain(|span| !span.text.trim().is_empty());
    spans.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x0.total_cmp(&b.x0)));
    let mut lines: Vec<Vec<Span>> = Vec::new();
    for span in spans {
        // Sorted by baseline: only the last few lines can be the one.
        let line = lines.iter_mut().rev().take(8).find(|line| line.iter().any(|other| on_line(other, &span)));
        match line {
            Some(line) => line.push(span),
            None => lines.push(vec![span]),
        }
    }
    let mut segments: Vec<Segment> = lines.into_iter().flat_map(cut_line).collect();
    segments.sort_by(|a, b| a.y.total_cmp(&b.y).then(a.x0.total_cmp(&b.x0)));
    segments
}

fn on_line(line: &Span, span: &Span) -> bool {
    let raised = (line.y - span.y).abs();
    let gap = (span.x0 - line.x1).max(line.x0 - span.x1);
    raised <= SAME_BASELINE * line.size.min(span.size)
        || marks(line, span)
        || marks(span, line)
        // A raised or lowered figure right beside its word.
        || (raised <= 0.5 * line.size.max(span.size) && gap.abs() < 0.25 * line.size && line.size.min(span.size) < 0.85 * line.size.max(span.size))
}

fn cut_line(mut line: Vec<Span>) -> Vec<Segment> {
    line.sort_by(|a, b| a.x0.total_cmp(&b.x0));
    let mut cut: Vec<Span> = Vec::new();
    for span in line {
        match cut.last_mut() {
            Some(last) if joins(last, &span) => join(last, span),
            _ => cut.push(span),
        }
    }
    cut.into_iter().map(finish).collect()
}

fn joins(last: &Span, span: &Span) -> bool {
    let size = last.size.max(span.size);
    let gap = span.x0 - last.x1;
    (gap > -0.5 * size && gap < SEGMENT_GAP * size) || marks(last, span)
}

/// Whether a span is the raised mark of the note that begins to its right, behind a tab.
fn marks(mark: &Span, note: &Span) -> bool {
    let raised = note.y - mark.y;
    let gap = note.x0 - mark.x1;
    mark.size < 0.85 * note.size
        && (0.1 * note.size..0.6 * note.size).contains(&raised)
        && (0.0..NOTE_TAB * note.size).contains(&gap)
        && mark.text.len() <= 3
        && mark.text.chars().all(|character| character.is_ascii_digit() || character == '*')
}

fn join(last: &mut Span, span: Span) {
    let gap = span.x0 - last.x1;
    if last.open || gap > space_from(last, last.size.min(span.size)) {
        push_space(&mut last.text);
    }
    last.text.push_str(&span.text);
    if span.size > last.size * 1.1 {
        (last.y, last.size) = (span.y, span.size);
    }
    last.x1 = last.x1.max(span.x1);
    last.letters += span.letters;
    last.bold += span.bold;
    last.mono += span.mono;
    (last.open, last.close) = (span.open, span.close);
}

fn finish(span: Span) -> Segment {
    Segment {
        text: leftward::as_read(&without_leaders(span.text.trim())),
        x0: span.x0,
        x1: span.x1,
        y: span.y,
        size: span.size,
        bold: span.bold * 10 > span.letters * 7,
        mono: span.mono == span.letters,
    }
}

/// A text in which each row of dots or strokes that leads the eye is one sign: `Article 3 ........ 7`.
fn without_leaders(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match leader(rest) {
            0 => {
                out.push(first);
                first.len_utf8()
            }
            length => {
                out.push('…');
                length
            }
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// How many bytes of leading dots or strokes a text begins with, with the spaces between them; 0 when they are too few.
fn leader(text: &str) -> usize {
    let (mut signs, mut end) = (0, 0);
    for (at, character) in text.char_indices() {
        match character {
            '.' | '_' | '·' => signs += 1,
            '…' => signs += 3,
            ' ' if signs > 0 => continue,
            _ => break,
        }
        end = at + character.len_utf8();
    }
    if signs >= LEADER { end } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leading_dots_are_one_sign() {
        let check = |text: &str, expected: &str| assert_eq!(without_leaders(text), expected);
        check("2.1 Le délai ........... 14", "2.1 Le délai … 14");
        check("2.1 Le délai . . . . . . 14", "2.1 Le délai … 14");
        check("Nom :………… Prénom : ____________", "Nom :… Prénom : …");
        // An open sentence, a date and a name with strokes stay as they are.
        check("Et puis... rien. Le 3.4.2024, dans __init__", "Et puis... rien. Le 3.4.2024, dans __init__");
    }
}
