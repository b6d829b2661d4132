//! Which number does an OpenDocument text show before this item of a list, or before this heading?

use std::collections::HashMap;
use std::rc::Rc;

use crate::office::labels::{Counts, LEVELS, count_item, show_number};
use crate::office::xml::Tag;

/// The name under which the levels of headings are kept; lists have longer ones.
pub const OUTLINE: &str = "";

/// Styles of lists that are kept. 10,000: a document has hundreds; each takes up to a kilobyte.
const STYLES: usize = 10_000;

/// How one level is numbered.
#[derive(Clone, Debug, Default)]
struct Level {
    /// The format as Word names it; empty for bullets and for levels that show no number.
    format: &'static str,
    before: String,
    after: String,
    /// `%1%.%2%)`: what programs of today write beside the text before and after.
    pattern: Option<String>,
    start: u32,
    /// How many levels are shown, this one included.
    shown: usize,
}

/// How the lists and headings of a document are numbered, by the names of their styles.
#[derive(Debug, Default)]
pub struct Definitions {
    by_name: HashMap<String, Vec<Level>>,
}

impl Definitions {
    /// Adds a level of the style of this name.
    pub fn add(&mut self, name: &str, tag: Tag<'_>) {
        let index = tag.attribute("level").and_then(|level| level.parse::<usize>().ok()).unwrap_or_default();
        let Some(index) = index.checked_sub(1).filter(|index| *index < LEVELS) else { return };
        if self.by_name.len() >= STYLES && !self.by_name.contains_key(name) {
            return;
        }
        let levels = self.by_name.entry(name.to_owned()).or_default();
        if levels.len() <= index {
            levels.resize(index + 1, Level::default());
        }
        levels[index] = Level::of(tag);
    }

    fn levels(&self, name: &str) -> &[Level] {
        self.by_name.get(name).map(Vec::as_slice).unwrap_or_default()
    }
}

impl Level {
    fn of(tag: Tag<'_>) -> Level {
        let text = |name| tag.attribute(name).map(|value| value.into_owned());
        let number = |name| tag.attribute(name).and_then(|value| value.parse::<u32>().ok());
        let format = match tag.attribute("num-format").as_deref() {
            Some("1") => "decimal",
            Some("a") => "lowerLetter",
            Some("A") => "upperLetter",
            Some("i") => "lowerRoman",
            Some("I") => "upperRoman",
            Some(other) if other.starts_with("01") => "decimalZero",
            _ => "",
        };
        Level {
            format,
            before: text("num-prefix").unwrap_or_default(),
            after: text("num-suffix").unwrap_or_default(),
            pattern: text("num-list-format"),
            start: number("start-value").unwrap_or(1),
            shown: number("display-levels").map_or(1, |count| count as usize),
        }
    }

    fn show(&self, levels: &[Level], depth: usize, counts: &Counts) -> String {
        if self.format.is_empty() {
            return String::new();
        }
        let number = |level: usize| {
            let format = levels.get(level).map_or("", |level| level.format);
            match counts.get(level) {
                Some(Some(count)) if !format.is_empty() => show_number(format, *count),
                _ => String::new(),
            }
        };
        let label = match &self.pattern {
            Some(pattern) => fill(pattern, number),
            None => {
                let first = (depth + 1).saturating_sub(self.shown.max(1));
                let numbers: Vec<String> =
                    (first..=depth).map(number).filter(|number| !number.is_empty()).collect();
                format!("{}{}{}", self.before, numbers.join("."), self.after)
            }
        };
        label.trim().to_owned()
    }
}

/// The pattern with each `%level%` replaced by the number of that level.
fn fill(pattern: &str, number: impl Fn(usize) -> String) -> String {
    let mut text = String::new();
    for (index, piece) in pattern.split('%').enumerate() {
        // Every second piece stands between two signs.
        match piece.parse::<usize>().ok().and_then(|level| level.checked_sub(1)) {
            Some(level) if index % 2 == 1 => text.push_str(&number(level)),
            _ => text.push_str(piece),
        }
    }
    text
}

/// What the tag of a list or of an item says about its number.
#[derive(Default)]
pub struct Start {
    id: Option<String>,
    /// The list that this one continues.
    continues: Option<String>,
    /// Whether it continues the last list of its style.
    goes_on: bool,
    /// The number at which an item starts anew.
    number: Option<u32>,
}

impl Start {
    /// What `tag` says.
    pub fn of(tag: Tag<'_>) -> Start {
        Start {
            id: tag.attribute("id").map(|id| id.into_owned()),
            continues: tag.attribute("continue-list").map(|id| id.into_owned()),
            goes_on: tag.flag("continue-numbering"),
            number: tag.attribute("start-value").and_then(|value| value.parse().ok()),
        }
    }
}

/// The lists that are open at one place of the text: none outside of lists.
#[derive(Debug, Default)]
pub struct Open {
    /// Names of their styles, the outermost first.
    styles: Vec<Rc<str>>,
    counts: Counts,
    /// An item has begun and its number was not shown yet; inside, the number at which it starts anew, if it does.
    item: Option<Option<u32>>,
}

/// The lists and headings that were met so far.
#[derive(Debug, Default)]
pub struct Lists {
    /// Those that are open; a text box has its own.
    pub open: Open,
    by_id: HashMap<String, Counts>,
    by_style: HashMap<Rc<str>, Counts>,
    headings: Counts,
}

impl Lists {
    /// How deep the open lists are nested, from 0; none outside of lists.
    pub fn depth(&self) -> Option<u8> {
        let depth = self.open.styles.len().checked_sub(1)?;
        Some(u8::try_from(depth).unwrap_or(u8::MAX))
    }

    /// Opens a list. One inside of another takes its style unless it names one.
    pub fn open(&mut self, style: &str, start: &Start) {
        let style = match self.open.styles.last() {
            Some(outer) if style.is_empty() => Rc::clone(outer),
            _ => Rc::from(style),
        };
        if self.open.styles.is_empty() {
            let continued = match &start.continues {
                Some(id) => self.by_id.get(id),
                None if start.goes_on => self.by_style.get(&style),
                None => None,
            };
            self.open.counts = continued.copied().unwrap_or_default();
        }
        self.open.styles.push(style);
    }

    /// Closes the list that was opened last.
    pub fn close(&mut self, start: &Start) {
        self.open.item = None;
        let Some(style) = self.open.styles.pop() else { return };
        if self.open.styles.is_empty() {
            for id in [&start.id, &start.continues].into_iter().flatten() {
                self.by_id.insert(id.clone(), self.open.counts);
            }
            self.by_style.insert(style, self.open.counts);
        }
    }

    /// An item begins.
    pub fn begin_item(&mut self, start: &Start) {
        self.open.item = Some(start.number);
    }

    /// The number of the item that has begun; empty for bullets and for what else stands in the item.
    pub fn label(&mut self, definitions: &Definitions) -> String {
        let Some(anew) = self.open.item.take() else { return String::new() };
        let Some(style) = self.open.styles.last() else { return String::new() };
        let depth = self.open.styles.len().min(LEVELS) - 1;
        count(definitions.levels(style), depth, anew, &mut self.open.counts)
    }

    /// The number of a heading of this level, from 1.
    pub fn heading_label(&mut self, level: u8, definitions: &Definitions) -> String {
        let depth = usize::from(level).clamp(1, LEVELS) - 1;
        count(definitions.levels(OUTLINE), depth, None, &mut self.headings)
    }
}

/// Counts one item and shows its number.
fn count(levels: &[Level], depth: usize, anew: Option<u32>, counts: &mut Counts) -> String {
    count_item(counts, depth, anew, |level| levels.get(level).map_or(1, |level| level.start));
    levels.get(depth).map(|level| level.show(levels, depth, counts)).unwrap_or_default()
}

/// The text behind its number. A number without a text is shown `alone` where it fills a cell of a table.
pub fn labelled(label: &str, text: String, alone: bool) -> String {
    let shown = text.trim_start();
    let is_there = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
    if label.is_empty() || shown.strip_prefix(label).is_some_and(is_there) {
        return text;
    }
    match (shown.is_empty(), alone) {
        (false, _) => format!("{label} {shown}"),
        (true, true) => label.to_owned(),
        (true, false) => text,
    }
}
