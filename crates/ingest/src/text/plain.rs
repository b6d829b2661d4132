//! What does this plain text say, whatever its encoding?
//!
//! Blocks are separated by blank lines. A list item is a block of its own; a heading is one only when nothing else
//! could be meant: underlined, in capitals on a line by itself, named as an article or a chapter, or between the marks
//! of a wiki (`== Part ==`). Of other lines, those that a program wrapped are joined, each judged by itself and by the
//! next; every other line stands by itself, since verses, logs, addresses and tables are cited by their lines.

use intramuros_core::document::{BlockKind, ExtractError, Extracted, Kind};

use super::inline::Inline;
use super::writer::{Writer, at_line};
use super::{cards, date, encoding, front, keyed, rst};
use crate::Budget;

/// Longest line that can be a heading, in characters.
const HEADING_CHARS: usize = 100;

/// Least width, in characters, to which a program wraps lines. Shorter ones are verses, addresses, names.
const WRAPPED_CHARS: usize = 40;

/// Characters of indentation for each level of a list.
const INDENT: usize = 2;

/// Reads plain text in any encoding.
///
/// # Errors
/// When the bytes are not text, or a limit is reached.
pub fn extract(name: &str, bytes: &[u8], budget: &Budget<'_>) -> Result<Extracted, ExtractError> {
    let text = encoding::decode(bytes, None)?;
    if cards::is_cards(&text) {
        return cards::extract(&text, budget);
    }
    let mut writer = Writer::new(Kind::Text, budget);
    let is_rst = name.rsplit_once('.').is_some_and(|(_, ending)| ending.eq_ignore_ascii_case("rst"));
    let above = front::length(&text);
    let (head, body) = split_lines(&text, above);
    let entries = keyed::entries(head);
    front::note_and_write(&entries, &mut writer)?;
    let first = u32::try_from(above).unwrap_or(u32::MAX).saturating_add(1);
    if is_rst {
        rst::write(body, first, &mut writer)?;
    } else {
        write_from(body, first, &mut writer)?;
    }
    writer.finish()
}

/// The first lines of a text, so many, and the others.
fn split_lines(text: &str, count: usize) -> (&str, &str) {
    let length: usize = text.split_inclusive('\n').take(count).map(str::len).sum();
    text.split_at_checked(length).unwrap_or((text, ""))
}

/// A line with its number in the file, from 1. A form feed ends a line, but it begins none of the file's.
#[derive(Clone, Copy)]
struct Line<'a> {
    text: &'a str,
    number: u32,
}

impl<'a> Line<'a> {
    fn is_blank(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// How many marks of a mail that is quoted it begins with (`> > `).
    fn quoted(&self) -> usize {
        self.text.chars().take_while(is_quoting).filter(|mark| *mark == '>').count()
    }

    /// The text without these marks.
    fn said(&self) -> &'a str {
        self.text.trim_start_matches(|mark: char| is_quoting(&mark)).trim_end()
    }

    /// How far it reaches to the right, in characters: a first line may be set in or out.
    fn extent(&self) -> usize {
        count(self.text.trim_end())
    }
}

fn is_quoting(mark: &char) -> bool {
    *mark == '>' || mark.is_whitespace()
}

/// Writes the blocks of a text; also used for the bodies of mails. The first heading becomes the title.
///
/// # Errors
/// When a limit is reached.
pub fn write(text: &str, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    write_from(text, 1, writer)
}

/// Writes the blocks of a text whose first line has this number.
fn write_from(text: &str, first: u32, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let numbered = text.split('\n').zip(first..);
    let lines: Vec<Line<'_>> = numbered
        .flat_map(|(line, number)| line.split('\u{C}').map(move |text| Line { text, number }))
        .collect();
    let marks = WikiMarks::of(&lines);
    let mut start = write_zim_head(&lines, writer);
    while start < lines.len() {
        if lines.get(start).is_some_and(Line::is_blank) {
            start += 1;
            continue;
        }
        let end =
            lines.iter().skip(start).position(Line::is_blank).map_or(lines.len(), |length| start + length);
        let followed = lines.iter().skip(end).any(|line| !line.is_blank());
        write_block(lines.get(start..end).unwrap_or_default(), followed, &marks, writer)?;
        start = end;
    }
    Ok(())
}

/// Writes the lines between two blank ones.
fn write_block(
    mut lines: &[Line<'_>],
    followed: bool,
    marks: &WikiMarks,
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    if let [heading, underline, rest @ ..] = lines
        && let Some(level) = underline_level(heading.text, underline.text)
    {
        write_heading(level, *heading, writer)?;
        lines = rest;
    } else if let [line] = lines
        && followed
        && wiki_heading(line.text).is_none()
        && let Some(level) = lone_heading_level(line.text)
    {
        return write_heading(level, *line, writer);
    }
    while let Some(first) = lines.first() {
        if let Some((count, text)) = wiki_heading(first.text) {
            write_heading(marks.level(count), Line { text, ..*first }, writer)?;
            lines = lines.get(1..).unwrap_or_default();
            continue;
        }
        let item = list_item(first.text);
        // An item runs to the next item; other text runs to the first item; both end at a heading.
        let goes_on = |line: &&Line<'_>| {
            let begins = list_item(line.text).is_some() || wiki_heading(line.text).is_some();
            !begins && (item.is_none() || !is_rule(line.text))
        };
        let length = 1 + lines.iter().skip(1).take_while(goes_on).count();
        let (these, rest) = lines.split_at(length);
        match item {
            Some((depth, text)) => {
                let rest = these.get(1..).unwrap_or_default();
                write_joined(BlockKind::ListItem { depth }, Line { text, ..*first }, rest, writer)?;
            }
            None => write_paragraphs(these, writer)?,
        }
        lines = rest;
    }
    Ok(())
}

fn write_heading(level: u8, line: Line<'_>, writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    if writer.is_empty() {
        writer.title(line.text);
    }
    writer.block(BlockKind::Heading { level }, line.text, at_line(line.number))
}

/// Writes a line and those that continue it as one block.
fn write_joined(
    kind: BlockKind,
    first: Line<'_>,
    rest: &[Line<'_>],
    writer: &mut Writer<'_>,
) -> Result<(), ExtractError> {
    let mut joined = Inline::default();
    joined.push(first.text, first.number);
    // What is quoted begins with its marks; they stand nowhere within it.
    let quoted = first.quoted() > 0;
    for line in rest {
        joined.add(" ");
        joined.push(if quoted { line.said() } else { line.text }, line.number);
    }
    writer.block(kind, joined.text(), at_line(first.number))
}

/// Writes lines that are no items: those that go on in the next as one block with it, the others each by itself.
fn write_paragraphs(lines: &[Line<'_>], writer: &mut Writer<'_>) -> Result<(), ExtractError> {
    let wrapping = Wrapping::of(lines);
    let mut start = 0;
    for (index, line) in lines.iter().enumerate() {
        if lines.get(index + 1).is_some_and(|next| wrapping.joins(line, next)) {
            continue;
        }
        if let Some([first, rest @ ..]) = lines.get(start..=index)
            && (lines.len() == 1 || !is_rule(first.text))
        {
            write_joined(BlockKind::Paragraph, *first, rest, writer)?;
        }
        start = index + 1;
    }
    Ok(())
}

/// What the lines of a block tell of how they were wrapped.
struct Wrapping {
    /// How far the lines of prose reach: how far a program filled them.
    width: usize,
    /// Whether that is wide enough for a program.
    wide: bool,
    /// Whether a full line goes on with a small letter: then full lines are wrapped, whatever follows.
    proven: bool,
    /// Whether the block ends as a sentence does, which no address does.
    closed: bool,
}

impl Wrapping {
    fn of(lines: &[Line<'_>]) -> Wrapping {
        let prose = || lines.iter().filter(|line| is_measure(line.said()));
        let width = prose().map(Line::extent).max().unwrap_or_default();
        let wide = prose().any(|line| count(line.said()) >= WRAPPED_CHARS);
        let closed = lines.last().is_some_and(|line| ends_sentence(line.said()));
        let unproven = Wrapping { width, wide, proven: false, closed };
        let goes_on = |(line, next): (&Line<'_>, &Line<'_>)| {
            Beginning::of(next.said()) == Beginning::Small && unproven.joins(line, next)
        };
        let proven = lines.iter().zip(lines.iter().skip(1)).any(goes_on);
        Wrapping { proven, ..unproven }
    }

    /// Whether a line goes on in the next one.
    fn joins(&self, line: &Line<'_>, next: &Line<'_>) -> bool {
        if !self.wide || line.quoted() != next.quoted() {
            return false;
        }
        let (length, line, next) = (line.extent(), line.said(), next.said());
        // A program breaks a line where the next word does not fit; people may do so before.
        let filled = length + 1 + next.split_whitespace().next().map_or(0, count) > self.width;
        let long = length * 3 >= self.width * 2;
        let full = filled || long;
        let open = || !ends_sentence(line);
        let joins = match Beginning::of(next) {
            Beginning::Small => full && !is_field(next),
            // Lines that begin alike are a log; a capital behind the number is a division or an address.
            Beginning::Number => {
                let capital =
                    next.chars().find(|letter| letter.is_alphabetic()).is_some_and(char::is_uppercase);
                let alike = Beginning::of(line) == Beginning::Number;
                let bracket = self.proven && begins_words(next);
                full && (self.proven || self.closed) && (!capital || bracket) && !alike && open()
            }
            // A long title begins with a capital itself, and leaves room for the word below it.
            Beginning::Capital => {
                let inside = long && Beginning::of(line) == Beginning::Small;
                let in_capitals = || !line.chars().chain(next.chars()).any(char::is_lowercase);
                let proven = self.proven && (filled || inside);
                open() && (proven || (self.closed && filled && in_capitals()))
            }
            Beginning::Sign => full && self.proven && begins_words(next) && !alike(line, next) && open(),
        };
        joins && is_prose(line) && is_prose(next)
    }
}

/// With what a line begins, quotation marks apart.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Beginning {
    /// A small letter, or one of a script that has no capitals.
    Small,
    Capital,
    /// A digit or a bracket.
    Number,
    Sign,
}

impl Beginning {
    fn of(text: &str) -> Beginning {
        let quotes = ['«', '"', '“', '‘', '\'', ' ', '\u{A0}', '\u{202F}'];
        match text.trim_start_matches(quotes).chars().next() {
            Some(first) if first.is_uppercase() => Beginning::Capital,
            Some(first) if first.is_alphabetic() => Beginning::Small,
            Some(first) if first.is_ascii_digit() || first == '(' || first == '[' => Beginning::Number,
            _ => Beginning::Sign,
        }
    }
}

/// Whether a line begins with a sign before words: a bracket, a quote of code, a mark of stress. `(a)` and `[1]` number
/// what follows.
fn begins_words(line: &str) -> bool {
    let signs = ['(', '[', '`', '*', '_', '<', '$', '&'];
    let Some(rest) = line.strip_prefix(signs) else { return false };
    let rest = rest.trim_start_matches(signs);
    let inside = rest.split([')', ']', '>']).next().unwrap_or_default();
    let is_number =
        inside.len() < rest.len() && (count(inside) < 2 || inside.bytes().all(|byte| b"ivx".contains(&byte)));
    rest.starts_with(char::is_alphabetic) && !is_number
}

/// Whether two lines begin with the same sign, as those of a log do.
fn alike(line: &str, next: &str) -> bool {
    line.chars().next() == next.chars().next()
}

/// Characters of a text.
fn count(text: &str) -> usize {
    text.chars().count()
}

/// Whether a line ends in a sentence mark, quotation marks and brackets apart.
fn ends_sentence(line: &str) -> bool {
    line.trim_end_matches([')', ']', '"', '”', '’', '»', ' ', '\u{A0}', '\u{202F}'])
        .ends_with(['.', '!', '?', '…', ':', ';'])
}

/// Whether a line is `name: value`, as in settings and logs.
fn is_field(line: &str) -> bool {
    line.split_once(char::is_whitespace).is_some_and(|(name, _)| name.ends_with(':'))
}

/// Whether a line reads as running text: no row of a table, and words for the most part, which code and traces of
/// programs are not.
fn is_prose(line: &str) -> bool {
    let words = line.split_whitespace();
    let odd = words.clone().filter(|word| !is_word(word)).count();
    odd * 3 <= words.count() && !line.contains(['|', '\t']) && !line.contains("   ")
}

/// Whether a line tells how far lines were filled: an address of the web may be longer than any that was wrapped.
fn is_measure(line: &str) -> bool {
    is_prose(line) && line.split_whitespace().all(|word| count(word) < WRAPPED_CHARS)
}

/// A word or a number with the signs of a sentence around it, or such a sign by itself.
fn is_word(text: &str) -> bool {
    let word = text.trim_matches(|sign: char| !sign.is_alphanumeric());
    if word.is_empty() {
        let signs = ["-", ":", ";", "!", "?", "%", "&"];
        return signs.contains(&text) || !text.contains(|sign: char| sign.is_ascii_punctuation());
    }
    word.starts_with(|first: char| first.is_ascii_digit())
        || !word.contains(|sign: char| sign.is_ascii_punctuation() && sign != '\'' && sign != '-')
}

/// A line of signs only: it separates and says nothing.
fn is_rule(line: &str) -> bool {
    let line = line.trim();
    line.len() >= 3 && line.chars().all(|character| "-=_*~+#".contains(character))
}

/// The level of a heading underlined with `=` (1) or `-` (2), about as long as the heading.
fn underline_level(heading: &str, underline: &str) -> Option<u8> {
    let (heading, underline) = (heading.trim(), underline.trim());
    let level = match underline.chars().next()? {
        '=' => 1,
        '-' | '~' => 2,
        _ => return None,
    };
    let sign = underline.chars().next()?;
    let length = heading.chars().count();
    let fits = underline.chars().all(|character| character == sign)
        && underline.len() >= 3
        && underline.len().abs_diff(length) <= 3
        && length <= HEADING_CHARS
        && heading.chars().any(char::is_alphabetic);
    fits.then_some(level)
}

/// Marks of headings in wikis: as many before the words as behind them.
const WIKI_MARKS: std::ops::RangeInclusive<usize> = 2..=6;

/// How many marks the words of a heading of a wiki stand between, and the words: `=== Delays ===`.
fn wiki_heading(line: &str) -> Option<(usize, &str)> {
    let line = line.trim_end();
    let marks = line.len() - line.trim_start_matches('=').len();
    let (open, rest) = line.split_at_checked(marks)?;
    let words = rest.strip_prefix(' ')?.strip_suffix(open)?.strip_suffix(' ')?.trim();
    let fits = WIKI_MARKS.contains(&marks)
        && count(words) <= HEADING_CHARS
        && !words.contains('=')
        && words.chars().any(char::is_alphabetic);
    fits.then_some((marks, words))
}

/// What the headings of a wiki's page tell of each other.
struct WikiMarks {
    first: usize,
    least: usize,
    most: usize,
}

impl WikiMarks {
    fn of(lines: &[Line<'_>]) -> WikiMarks {
        let headings = lines.iter().filter_map(|line| wiki_heading(line.text));
        let counts: Vec<usize> = headings.map(|(count, _)| count).collect();
        WikiMarks {
            first: counts.first().copied().unwrap_or_default(),
            least: counts.iter().copied().min().unwrap_or_default(),
            most: counts.iter().copied().max().unwrap_or_default(),
        }
    }

    /// The level of a heading with so many marks. DokuWiki and Zim begin a page with the most and give its parts fewer,
    /// MediaWiki gives them more.
    fn level(&self, count: usize) -> u8 {
        let below = if self.first == self.most { self.most - count } else { count - self.least };
        u8::try_from(below).unwrap_or(u8::MAX).saturating_add(1)
    }
}

/// Notes what stands above a page of Zim, and says how many lines that is; none in other texts.
fn write_zim_head(lines: &[Line<'_>], writer: &mut Writer<'_>) -> usize {
    if lines.first().is_none_or(|line| line.text.trim_end() != "Content-Type: text/x-zim-wiki") {
        return 0;
    }
    let head = lines.iter().take_while(|line| !line.is_blank());
    let mut dates = head.clone().filter_map(|line| line.text.strip_prefix("Creation-Date:"));
    let date = dates.next().and_then(|value| date::parse_iso(value.trim()));
    let document = writer.document();
    document.written_ms = document.written_ms.or(date);
    head.count()
}

/// Words that name a division of a text, when a number follows.
const DIVISIONS: [&str; 14] = [
    "annexe", "annex", "appendix", "article", "chapitre", "chapter", "livre", "part", "partie", "section",
    "titre", "title", "book", "scene",
];

/// The level of a heading that stands on a line by itself.
fn lone_heading_level(line: &str) -> Option<u8> {
    let line = line.trim();
    if line.chars().count() > HEADING_CHARS || line.ends_with(['.', ',', ';', ':', '!', '?']) || is_rule(line)
    {
        return None;
    }
    let letters = line.chars().filter(|character| character.is_alphabetic()).count();
    let capitals =
        letters >= 4 && !line.chars().any(char::is_lowercase) && line.chars().any(char::is_uppercase);
    // Identifiers, hashes and amounts are in capitals too.
    if capitals && letters * 2 > line.chars().filter(|character| !character.is_whitespace()).count() {
        return Some(1);
    }
    let mut words = line.split_whitespace();
    let first = words.next()?.to_lowercase();
    let number = words.next()?;
    let numbered = number.trim_end_matches([':', '.', '-', '–', '—']);
    let is_number = numbered.chars().any(|character| character.is_ascii_digit())
        || (!numbered.is_empty() && numbered.chars().all(|character| "IVXLCDM".contains(character)))
        || numbered == "premier";
    (DIVISIONS.contains(&first.as_str()) && is_number).then_some(2)
}

/// Depth and text of a list item: `- `, `* `, `• `, `1. `, `2) `, `a) `. The number stays in the text.
pub(super) fn list_item(line: &str) -> Option<(u8, &str)> {
    let text = line.trim_start();
    let indent: usize = line
        .get(..line.len() - text.len())?
        .chars()
        .map(|character| if character == '\t' { 4 } else { 1 })
        .sum();
    let depth = u8::try_from(indent / INDENT).unwrap_or(u8::MAX);
    for bullet in ['-', '*', '•', '◦', '▪', '‣', '–', '·', 'o'] {
        if let Some(rest) = text.strip_prefix(bullet) {
            // The letter o is a bullet only when indented, as word processors write second levels.
            let is_item =
                rest.starts_with([' ', '\t']) && (bullet != 'o' || depth > 0) && !rest.trim().is_empty();
            return is_item.then(|| (depth, rest.trim()));
        }
    }
    let mark = text.find(|character: char| !character.is_ascii_alphanumeric())?;
    let (label, rest) = text.split_at(mark);
    let numbered = label.len() <= 3 && !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_digit());
    let lettered = label.len() == 1 && rest.starts_with(')');
    let rest = rest.strip_prefix(['.', ')'])?;
    ((numbered || lettered) && rest.starts_with([' ', '\t']) && !rest.trim().is_empty())
        .then_some((depth, text))
}
