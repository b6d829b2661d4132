//! Which language is this text in?

use serde::{Deserialize, Serialize};

/// The languages that are analysed on their own; every other is searched by its plain words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Language {
    /// French.
    #[serde(rename = "fr")]
    French,
    /// English.
    #[serde(rename = "en")]
    English,
    /// Another language, or not enough text to tell.
    #[default]
    #[serde(rename = "other")]
    Other,
}

impl Language {
    /// The code that is kept and shown: `fr`, `en`, `other`.
    pub fn code(self) -> &'static str {
        match self {
            Language::French => "fr",
            Language::English => "en",
            Language::Other => "other",
        }
    }

    /// The language for a code written by [`Language::code`]; also takes full tags such as `fr-FR`.
    pub fn from_code(code: &str) -> Language {
        match code.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "fr" | "fra" | "fre" => Language::French,
            "en" | "eng" => Language::English,
            _ => Language::Other,
        }
    }
}
