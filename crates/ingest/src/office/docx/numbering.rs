//! Which number does the program show before this item of a list or this heading?

use std::collections::{BTreeMap, HashMap};

use intramuros_core::document::ExtractError;

use crate::office::labels::{LEVELS, show_number};
use crate::office::xml::{Node, Xml};

#[derive(Clone, Debug)]
struct Level {
    start: u32,
    format: String,
    text: String,
    /// Whether the numbers of the levels above are shown as decimals, whatever their own format ("legal" numbers).
    decimal: bool,
}

impl Default for Level {
    fn default() -> Self {
        Level { start: 1, format: "decimal".to_owned(), text: String::new(), decimal: false }
    }
}

/// What several lists share: how their levels are numbered.
#[derive(Debug, Default)]
struct Definition {
    levels: Vec<Level>,
    /// The style of lists that is defined here.
    defines: Option<String>,
    /// The style of lists from which the levels are taken.
    follows: Option<String>,
}

/// All definitions of a document.
#[derive(Debug, Default)]
struct Definitions {
    by_id: HashMap<String, Definition>,
    /// The definitions of the styles of lists.
    of_styles: HashMap<String, String>,
    /// Levels that a list changes for itself.
    changed: HashMap<String, BTreeMap<usize, Level>>,
}

/// The lists of a document and how far each has counted.
#[derive(Debug, Default)]
pub struct Numbering {
    definitions: Definitions,
    lists: HashMap<String, String>,
    restarts: HashMap<String, BTreeMap<usize, u32>>,
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
                    let definition = read_definition(&mut xml)?;
                    if let Some(style) = &definition.defines {
                        numbering.definitions.of_styles.insert(style.clone(), id.clone());
                    }
                    numbering.definitions.by_id.insert(id, definition);
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
                "startOverride" if level < LEVELS => {
                    if let Ok(start) = value().parse() {
                        self.restarts.entry(id.clone()).or_default().insert(level, start);
                    }
                }
                "lvl" if level < LEVELS => {
                    let changed = read_level(xml)?;
                    self.definitions.changed.entry(id.clone()).or_default().insert(level, changed);
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
        let Some(levels) = self.definitions.levels(list, definition) else { return String::new() };
        let counts = self.counts.entry(definition.clone()).or_default();
        // A list may restart the count of the definition that it shares with others, once for each level.
        if let Some(start) = self.restarts.get_mut(list).and_then(|levels| levels.remove(&depth)) {
            counts[depth] = Some(start.saturating_sub(1));
        }
        let start = |level: usize| levels.get(level).map_or(1, |level| level.start);
        for (level, count) in counts.iter_mut().enumerate().take(depth + 1) {
            let count = count.get_or_insert_with(|| start(level).saturating_sub(u32::from(level == depth)));
            if level == depth {
                *count = count.saturating_add(1);
            }
        }
        counts[depth + 1..].fill(None);
        let Some(level) = levels.get(depth) else { return String::new() };
        show(level, &levels, counts)
    }
}

impl Definitions {
    /// The levels of a list: its own where it changes them, else those of its definition, which may take them from the
    /// definition of a style.
    fn levels(&self, list: &str, definition: &str) -> Option<Vec<&Level>> {
        let mut source = self.by_id.get(definition)?;
        let style = source.follows.as_ref().and_then(|style| self.of_styles.get(style));
        if let Some(followed) = style.and_then(|id| self.by_id.get(id)) {
            source = followed;
        }
        let changed = self.changed.get(list);
        let own = |level: usize| changed.and_then(|levels| levels.get(&level));
        Some(source.levels.iter().enumerate().map(|(index, level)| own(index).unwrap_or(level)).collect())
    }
}

fn show(level: &Level, levels: &[&Level], counts: &[Option<u32>; LEVELS]) -> String {
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
        if let (Some(shown), Some(Some(count))) =
            (levels.get(index.wrapping_sub(1)), counts.get(index.wrapping_sub(1)))
        {
            let format = if level.decimal { "decimal" } else { shown.format.as_str() };
            label.push_str(&show_number(format, *count));
        }
    }
    label.trim().to_owned()
}

fn read_definition(xml: &mut Xml<'_>) -> Result<Definition, ExtractError> {
    let depth = xml.depth();
    let mut definition = Definition::default();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        let value = || tag.attribute("val").unwrap_or_default();
        match tag.local() {
            "styleLink" => definition.defines = Some(value().into_owned()),
            "numStyleLink" => definition.follows = Some(value().into_owned()),
            "lvl" => {
                let index = tag.attribute("ilvl").and_then(|level| level.parse().ok());
                let index = index.unwrap_or(definition.levels.len());
                let level = read_level(xml)?;
                if index < LEVELS {
                    if definition.levels.len() <= index {
                        definition.levels.resize(index + 1, Level::default());
                    }
                    definition.levels[index] = level;
                }
            }
            _ => {}
        }
    }
    Ok(definition)
}

fn read_level(xml: &mut Xml<'_>) -> Result<Level, ExtractError> {
    let depth = xml.depth();
    let mut level = Level::default();
    while let Some(node) = xml.next_in(depth)? {
        let Node::Open(tag) = node else { continue };
        let value = || tag.attribute("val").unwrap_or_default();
        match tag.local() {
            "start" => level.start = value().parse().unwrap_or(1),
            "numFmt" => level.format = value().into_owned(),
            "lvlText" => level.text = value().into_owned(),
            "isLgl" => level.decimal = tag.switched_on(),
            "pPr" | "rPr" => xml.skip()?,
            _ => {}
        }
    }
    Ok(level)
}
