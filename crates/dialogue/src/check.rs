//! Is this sentence supported, with the nearness in meaning computed where it is needed?

use std::sync::Arc;

use intramuros_assistant::WrittenSentence;
use intramuros_assistant::verify::{Checker, Evidence, Verdict};
use intramuros_core::language::{Language, detect};
use intramuros_library::Library;

use crate::gather::Passage;

/// Sentences of passages in another language whose nearness is computed for one sentence: each costs some milliseconds.
const MEANINGS: usize = 6;

/// The passages of one answer, made ready.
pub(crate) struct Check {
    checker: Checker,
    library: Arc<Library>,
    language: Language,
}

impl Check {
    /// Takes the passages that the model is shown.
    pub fn new(library: Arc<Library>, language: Language, passages: &[Passage], shown: &[usize]) -> Check {
        let evidence: Vec<Evidence> = passages
            .iter()
            .filter(|(cited, _, _)| shown.contains(&cited.number))
            .map(|(cited, language, _)| Evidence {
                number: cited.number,
                text: cited.text.clone(),
                context: format!("{}\n{}", cited.document.title, cited.headings.join("\n")),
                language: *language,
            })
            .collect();
        Check { checker: Checker::new(&evidence), library, language }
    }

    /// Whether the rules doubt a sentence that a model may understand: see [`Checker::is_doubtful`].
    pub fn is_doubtful(&mut self, sentence: &str, verdict: &Verdict, passages: &[usize]) -> bool {
        self.checker.is_doubtful(sentence, self.language_of(sentence), verdict, passages)
    }

    fn language_of(&self, text: &str) -> Language {
        match detect(text) {
            Language::Other => self.language,
            known => known,
        }
    }

    /// Judges a sentence. Takes milliseconds, some tens across languages.
    pub fn judge(&mut self, sentence: &WrittenSentence) -> Verdict {
        let language = self.language_of(&sentence.text);
        let meanings = self.meanings(&sentence.text, language);
        self.checker.judge(&sentence.text, language, &sentence.cited, &meanings)
    }

    fn meanings(&mut self, text: &str, language: Language) -> Vec<Option<f32>> {
        let wanted = self.checker.wanted_meanings(text, language, MEANINGS);
        let units = self.checker.units();
        let mut meanings = vec![None; units.len()];
        if wanted.is_empty() {
            return meanings;
        }
        let texts: Vec<&str> =
            wanted.iter().filter_map(|number| units.get(*number)).map(|unit| unit.text.as_str()).collect();
        match self.library.nearness(text, &texts) {
            Ok(Some(near)) => {
                for (number, near) in wanted.iter().zip(near) {
                    if let Some(meaning) = meanings.get_mut(*number) {
                        *meaning = Some(near);
                    }
                }
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "a sentence is checked without its meaning"),
        }
        meanings
    }
}
