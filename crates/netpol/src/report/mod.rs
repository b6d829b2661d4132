//! How is connectivity shown: lines, tables, graphs, pages?

pub mod drawing;
pub mod exposure;
pub mod lines;
pub mod page;
pub mod table;
pub mod text;

/// The language of messages, tables and pages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Language {
    /// French.
    French,
    /// English.
    #[default]
    English,
}

impl Language {
    /// The text of this language.
    pub fn pick(self, french: &'static str, english: &'static str) -> &'static str {
        match self {
            Self::French => french,
            Self::English => english,
        }
    }
}

/// What the terminal can show; the caller finds out, this crate never looks.
#[derive(Clone, Copy, Debug)]
pub struct Terminal {
    /// Whether colours are wanted.
    pub colour: bool,
    /// Columns.
    pub width: usize,
    /// The language of the person.
    pub language: Language,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { colour: false, width: 100, language: Language::English }
    }
}
