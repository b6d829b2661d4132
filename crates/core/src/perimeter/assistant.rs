//! How do models write answers (`[assistant]`)?

use serde::{Deserialize, Serialize};

/// What becomes of a sentence that no passage supports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum Unsupported {
    /// It is shown, marked as not supported, with the reason.
    #[default]
    Mark,
    /// It is left out, and the answer says how many were.
    Remove,
}

/// Who judges whether a sentence is supported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum CheckedBy {
    /// Rules: numbers, dates, names, denials, words.
    #[default]
    Rules,
    /// The rules, and where they doubt a rewording, the model that wrote it is asked once more about the sentence.
    Model,
}

/// `[assistant]`: how written answers are made. Without a model that writes, it has no effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(default)]
pub struct Assistant {
    /// What becomes of sentences that no passage supports: `mark` or `remove`.
    pub unsupported: Unsupported,
    /// Who judges whether a sentence is supported: `rules` or `model`.
    pub check: CheckedBy,
    /// Whether the model that writes is first asked for other wordings of the question, one of them in the other language, to
    /// search with them too. It costs a call and its time before each answer.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub wordings: bool,
    /// What the model is to heed beside the rules of the program: "address people formally".
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instructions: String,
    /// The currency of the models' prices, as it is shown: `EUR`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub currency: String,
}
