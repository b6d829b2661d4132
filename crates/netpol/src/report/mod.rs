//! How is connectivity shown: lines, tables, graphs, pages?

pub mod drawing;
pub mod exposure;
pub mod lines;
pub mod page;
pub mod table;
pub mod text;

pub use crate::language::Language;

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
