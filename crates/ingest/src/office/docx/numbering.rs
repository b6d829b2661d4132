//! Which number does the program show before this item of a list or this heading?

use std::collections::HashMap;

use intramuros_core::document::ExtractError;

use crate::office::xml::{Node, Xml};

/// Lists have nine levels.
const LEVELS: usize = 9;

/// Roman and alphabetic numbers stay short up to here; higher ones are shown as decimals.
const FANCY_NUMBERS: u32 = 4_000;

#[derive(Clone, Debug)]
struct Level {
    start: u32,
    format: String,
    text: String,
}

impl Default for Level {
    fn default() -> Self {
        Level { start: 1, format: "decimal".to_owned(), text: String::new() }
    }
}

/// The lists of a document and how far each has counted.
#[derive(Debug, Default)]
pub struct Numbering {
    definitions: HashMap<String, Vec<Level>>,
    lists: HashMap<String, String>,
    restarts: HashMap<String, Vec<(usize, u32)>>,
    counts: HashMap<String, [Option<u32>; LEVELS]>,
}

impl Numbering {
    /// Reads the numbering part.
    ///
    /// # Errors
    /// When the XML is broken or over a limit.
    pub fn read(mut xml: Xml<'_>) -> Result<Numbering, ExtractError> {
        let mut numbering = Numbering::default();
        while let Some(node) = xml.next()? {
            let Node::Open(tag) = node else { continue };
            match tag.local() {
                "abstractNum" => {
                    let id = tag.attribute("abstractNumId").unwrap_or_default().into_owned();
                    let levels = read_levels(&mut xml)?;
                    numbering.definitions.insert(id, levels);
                }
                "num" => {
                    let id = tag.attribute("numId").unwrap_or_default().into_owned();
                    numbering.read_list(&mut xml, id)?;
                }
                "numPicBullet" => xml.skip()?,
                _ => {}
            }
        }
        Ok(numbering)
    }

    fn read_list(&mut self, xml: &mut Xml<'_>, id: String) -> Result<(), ExtractError> {
        let depth = xml.depth();
        let mut level = 0;
        while let Some(node) = xml.next_in(depth)? {
            let Node::Open(tag) = node else { continue };
            let value = || tag.attribute("val").unwrap_or_default();
            match tag.local() {
                "abstractNumId" => {
                    self.lists.insert(id.clone(), value().into_owned());
                }
                "lvlOverride" => {
                    level = tag.attribute("ilvl").and_then(|level| level.parse().ok()).unwrap_or_default();
                }
                "startOverride" => {
                    if let Ok(start) = value().parse() {
                        self.restarts.entry(id.clone()).or_default().push((level, start));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Whether this list is defined at all.
    pub fn has(&self, list: &str) -> bool {
        self.lists.contains_key(list)
    }

    /// Counts one item of `list` at `depth` and gives its label; empty for bullets.
    pub fn label(&mut self, list: &str, depth: u8) -> String {
        let depth = usize::from(depth).min(LEVELS - 1);
        let Some(definition) = self.lists.get(list) else { return String::new() };
        let Some(levels) = self.definitions.get(definition) else { return String::new() };
        let counts = self.counts.entry(definition.clone()).or_default();
        // A list may restart the count of the definition that it shares with others, once.
        for (level, start) in self.restarts.remove(list).unwrap_or_default() {
            if let Some(count) = counts.get_mut(level) {
                *count = Some(start.saturating_sub(1));
            }
        }
        let start = |level: usize| levels.get(level).map_or(1, |level| level.start);
        for (level, count) in counts.iter_mut().enumerate().take(depth + 1) {
            let count = count.get_or_insert_with(|| start(level).saturating_sub(u32::from(level == depth)));
            if level == depth {
                *count = count.saturating_add(1);
            }
        }
        counts[depth + 1..].fill(None);
        let counts = *counts;
        let Some(level) = levels.get(depth) else { return String::new() };
        show(level, levels, &counts)
    }
}

fn show(level: &Level, levels: &[Level], counts: &[Option<u32>; LEVELS]) -> String {
    if matches!(level.format.as_str(), "bullet" | "none") {
        return String::new();
    }
    let mut label = String::new();
    let mut characters = level.text.chars();
    while let Some(character) = characters.next() {
        let index = match character {
            '%' => characters.next().and_then(|digit| digit.to_digit(10)).unwrap_or_default() as usize,
            other => {
                label.push(other);
                continue;
            }
        };
        if let (Some(level), Some(Some(count))) =
            (levels.get(index.wrapping_sub(1)), counts.get(index.wrapping_sub(1)))
        {
            label.push_str(&show_number(&level.format, *count));
        }
    }
    label.trim().to_owned()
}

fn show_number(format: &str, number: u32) -> String {
    if number == 0 || number >= FANCY_NUMBERS {
        return number.to_string();
    }
    match format {
        "lowerLetter" => letters(number),
        "upperLetter" => letters(number).to_uppercase(),
        "lowerRoman" => roman(number).to_lowercase(),
        "upperRoman" => roman(number),
        "decimalZero" => format!("{number:02}"),
        "none" => String::new(),
        _ => number.to_string(),
    }
}

/// a to z, then aa to zz, then aaa…
fn letters(number: u32) -> String {
    let index = u8::try_from((number - 1) % 26).unwrap_or_default();
    char::from(b'a' + index).to_string().repeat(((number - 1) / 26 + 1) as usize)
}

fn roman(mut number: u32) -> String {
    const SIGNS: [(u32, &str); 13] = [
        (1000, "M"),
        (900, "CM"),
        (500, "D"),
        (400, "CD"),
        (100, "C"),
        (90, "XC"),
        (50, "L"),
        (40, "XL"),
        (10, "X"),
        (9, "IX"),
        (5, "V"),
        (4, "IV"),
        (1, "I"),
    ];
    let mut text = String::new();
    for (value, sign) in SIGNS {
        while number >= value {
            text.push_str(sign);
            number -= value;
        }
    }
    text
}

fn read_levels(xml: &mut Xml<'_>) -> Result<Vec<Level>, ExtractError> {
    let depth = xml.depth();
    let mut levels: Vec<Level> = Vec::new();
    let mut current = 0;
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        let value = || tag.attribute("val").unwrap_or_default();
        if tag.local() == "lvl" {
            current = tag.attribute("ilvl").and_then(|level| level.parse().ok()).unwrap_or(levels.len());
            if current < LEVELS && levels.len() <= current {
                levels.resize(current + 1, Level::default());
            }
            continue;
        }
        let Some(level) = levels.get_mut(current) else { continue };
        match tag.local() {
            "start" => level.start = value().parse().unwrap_or(1),
            "numFmt" => level.format = value().into_owned(),
            "lvlText" => level.text = value().into_owned(),
            "pPr" | "rPr" => xml.skip()?,
            _ => {}
        }
    }
    Ok(levels)
}
